import type { Alert } from '../alert/alert.ts';
import type { AlertStore } from '../alert/alert-store.ts';
import type { FiringAlerts } from '../alert/firing-alerts.ts';
import { labelSetOf, type LabelSet } from '../alert/labels.ts';
import { briefLabelSet, isNotification } from '../cause/alert-cause.ts';
import { formatDuration } from '../config/settings/duration.ts';
import type { ServerFacts } from '../reconcile/server-facts.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { Slices } from '../runtime/slices.ts';
import { comparedLabels, type ComparedLabels } from './compared-labels.ts';
import { compare, comparedKey } from './compare-alerts.ts';
import { MissingAlerts, type Overdue } from './missing-alerts.ts';
import type { Finding } from './problems.ts';

/** How long Prometheus waits before it sends an alert again, and how often it evaluates a rule, if it does not tell; milliseconds. */
const usualResendMs = 60_000;
const usualIntervalMs = 60_000;

/** How much longer than the usual way a push may take, as a part of the time until the next one. */
const slack = 0.5;

/** For so many times the longer of the two, Prometheus says, a firing alert counts as firing after a push. */
const validFor = 4;

/** The most alerts that a message and a line of the log name; the rest are counted. */
const maxNamed = 5;

/** The label by which `tocsin test-alert` marks its alerts. */
const testLabel = 'tocsin_test';

export interface DriftSettings {
  /** `prometheus.ignored_labels` */
  readonly ignoredLabels: readonly string[];
  /** `prometheus.check_interval`, `receiver.resolve_timeout`, `receiver.webhook_resolve_timeout`; milliseconds. */
  readonly checkIntervalMs: number;
  readonly resolveTimeoutMs: number;
  readonly webhookResolveTimeoutMs: number;
}

export interface DriftCheckOptions extends Pick<Runtime, 'clock' | 'schedule'> {
  readonly store: Pick<AlertStore, 'all' | 'limitedAt'>;
  readonly settings: () => DriftSettings;
  /** What fires now; `isComplete` if every Prometheus has answered. Rejects if none has. */
  readonly firing: () => Promise<{ readonly firing: FiringAlerts; readonly isComplete: boolean }>;
  /** The alerts that are pending now; undefined if a Prometheus has not answered. */
  readonly pending: () => Promise<readonly LabelSet[] | undefined>;
}

/** What a look has found. */
export interface Drift {
  readonly notPushed: Finding | undefined;
  readonly notInPrometheus: Finding | undefined;
  readonly undecided: Finding | undefined;
  /** True if an alert that Prometheus reports has come from a Prometheus lately. */
  readonly isFed: boolean;
}

/** Compares what fires in Prometheus with what is pushed, and tells what stays away for longer than a push may take. */
export class DriftCheck {
  readonly #options: DriftCheckOptions;
  readonly #notPushed = new MissingAlerts();
  readonly #notReported = new MissingAlerts();
  #isLooking = false;

  constructor(options: DriftCheckOptions) {
    this.#options = options;
  }

  /** Begins anew, because another Prometheus is asked. */
  clear(): void {
    this.#notPushed.clear();
    this.#notReported.clear();
  }

  /** Undefined if it could not be looked: then nothing is news. */
  async look(servers: readonly ServerFacts[]): Promise<Drift | undefined> {
    // One look at a time: that of an earlier configuration may still be under way.
    if (this.#isLooking) return undefined;
    this.#isLooking = true;
    try {
      return await this.#look(servers);
    } finally {
      this.#isLooking = false;
    }
  }

  async #look(servers: readonly ServerFacts[]): Promise<Drift | undefined> {
    const { settings, firing: ask, store, clock } = this.#options;
    const timing = new Timing(servers);
    const labels = labelsOf(servers, settings().ignoredLabels);
    if (typeof labels === 'string' || labels.incomparable !== undefined) {
      this.clear();
      return undecided(typeof labels === 'string' ? labels : `${labels.incomparable}`);
    }
    const answer = await ask().catch(() => undefined);
    if (answer === undefined) return undefined;
    const now = clock.now();
    const isFull = store.limitedAt !== undefined && now - store.limitedAt < 2 * timing.longestMs;
    const why = labels.dropped ?? (isFull ? 'the store of alerts was full, so not every push is known' : undefined);
    for (const missing of [this.#notPushed, this.#notReported])
      missing.begin(clock.monotonic(), 3 * settings().checkIntervalMs);
    const fedAt = await compare(answer.firing, store.all(), {
      labels,
      now,
      slices: new Slices(this.#options.schedule, 'stored alerts'),
      onNotPushed: (key) => why === undefined && this.#notPushed.miss({ key, patienceMs: timing.patienceMs(key) }),
      onNotReported: (key, alert) => this.#miss(key, alert, timing),
    });
    return {
      notPushed: findingOf(this.#notPushed.end(), notPushed, timing),
      notInPrometheus: await this.#notInPrometheus(answer.isComplete, labels, timing),
      undecided: why === undefined ? undefined : undecided(why).undecided,
      isFed: now - fedAt < timing.longestMs,
    };
  }

  async #notInPrometheus(isComplete: boolean, labels: ComparedLabels, timing: Timing): Promise<Finding | undefined> {
    const overdue = this.#notReported.end();
    if (overdue.keys.length === 0) return undefined;
    // A Prometheus that has lost its memory reports as pending what another one still sends.
    const pending = isComplete ? await this.#options.pending().catch(() => undefined) : undefined;
    const known = new Set(pending?.map((each) => comparedKey(each, labels)));
    for (const key of known) this.#notReported.forget(key);
    const keys = pending === undefined ? [] : overdue.keys.filter((key) => !known.has(key));
    return findingOf({ ...overdue, keys }, notInPrometheus, timing);
  }

  /** Notes a pushed alert that Prometheus does not report, unless it may be one of which Prometheus knows nothing. */
  #miss(key: string, alert: Alert, timing: Timing): void {
    const { resolveTimeoutMs, webhookResolveTimeoutMs } = this.#options.settings();
    const { endsAt, updatedAt, timeout } = alert.times;
    const lastsMs = endsAt - updatedAt;
    // An Alertmanager may have it from another Prometheus, and tells its end when it likes.
    const isForwarded = timeout && (lastsMs > resolveTimeoutMs || webhookResolveTimeoutMs <= resolveTimeoutMs);
    if (isForwarded || isNotification(alert.labels) || alert.key.includes(`"${testLabel}":`)) return;
    // What a Prometheus pushed last before it was restarted ends by itself. Anything else has to be pushed again to count.
    const lasts = timeout || lastsMs > validFor * timing.longestMs;
    this.#notReported.miss({ key, patienceMs: timing.patienceMs(key), evidence: lasts ? undefined : updatedAt });
  }
}

/** How long a push may take. */
class Timing {
  readonly #resendMs: number;
  /** The longest interval of the rules of each name, and of all rules. */
  readonly #intervals = new Map<string, number>();
  readonly #longestInterval: number;
  /** The longest time until an alert is pushed again, milliseconds. */
  readonly longestMs: number;

  constructor(servers: readonly ServerFacts[]) {
    const known = servers.flatMap(({ resendDelayMs }) => ('value' in resendDelayMs ? [resendDelayMs.value] : []));
    this.#resendMs = known.length < servers.length ? Math.max(usualResendMs, ...known) : Math.max(...known);
    for (const { rules } of servers)
      for (const { name, intervalMs } of 'value' in rules ? rules.value : [])
        this.#intervals.set(name, Math.max(this.#intervals.get(name) ?? 0, intervalMs));
    this.#longestInterval = this.#intervals.size === 0 ? usualIntervalMs : Math.max(...this.#intervals.values());
    this.longestMs = this.#resendMs + this.#longestInterval;
  }

  /** The time within which an alert is pushed again, with what may hold it up. */
  patienceMs(key: string): number {
    const labels = labelSetOf(key);
    const name = Object.hasOwn(labels, 'alertname') ? labels['alertname']! : '';
    return this.#resendMs * (1 + slack) + (this.#intervals.get(name) ?? this.#longestInterval);
  }

  /** For a message: what all alerts have in common. */
  get shown(): string {
    return formatDuration(Math.round(this.#resendMs * (1 + slack)));
  }
}

function labelsOf(servers: readonly ServerFacts[], ignored: readonly string[]): ComparedLabels | string {
  const texts: string[] = [];
  for (const { configuration } of servers) {
    if ('error' in configuration) return configuration.error.message;
    texts.push(configuration.value);
  }
  return comparedLabels(texts, ignored);
}

function undecided(why: string): Drift {
  const message = `it is unknown whether what fires in Prometheus and what is pushed agree: ${why}`;
  return { notPushed: undefined, notInPrometheus: undefined, undecided: { count: 1, message }, isFed: false };
}

/** A sentence about one alert, and one about several. */
type Words = readonly [one: string, several: string];

const notPushed: Words = [
  'alert fires in Prometheus and has not been pushed here',
  'alerts fire in Prometheus and have not been pushed here',
];
const notInPrometheus: Words = [
  'alert is pushed here and does not fire in Prometheus',
  'alerts are pushed here and do not fire in Prometheus',
];

function findingOf({ keys, unwatched }: Overdue, [one, several]: Words, timing: Timing): Finding | undefined {
  if (keys.length === 0) return undefined;
  const named = keys.slice(0, maxNamed).map((key) => briefLabelSet(labelSetOf(key)).labels);
  const count = keys.length + unwatched;
  const more = count > named.length ? ` and ${count - named.length} more` : '';
  return {
    count,
    message: `${count} ${count === 1 ? one : several} for ${timing.shown} or longer: ${named.map(shown).join(', ')}${more}`,
    fields: { alerts_missing: count, missing_alerts: named },
  };
}

function shown(labels: LabelSet): string {
  const { alertname = '(no alertname)', ...others } = labels;
  const pairs = Object.entries(others).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? alertname : `${alertname} {${pairs.join(', ')}}`;
}
