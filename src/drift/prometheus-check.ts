import type { FiringAlerts } from '../alert/firing-alerts.ts';
import { requestKey, type LoadedRules, type Pipelines } from '../reconcile/ports.ts';
import type { Answer, ServerFacts } from '../reconcile/server-facts.ts';
import type { CancelTimer } from '../runtime/clock.ts';
import { withSignal } from '../runtime/deadline.ts';
import { maskUrls } from '../runtime/masked-url.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { alertsOf, canFail, concernAny, type RuleScope } from './concerned-rules.ts';
import type { DriftCheck, Drift } from './drift-check.ts';
import { reach, type OwnAddresses, type Reach } from './own-addresses.ts';
import type { Finding, ProblemName, Problems } from './problems.ts';

/** The most URLs that a message names; the rest are counted. */
const maxNamedUrls = 5;

/** How long every look has to find a problem before it is told: a Prometheus finds its Alertmanagers 5 s after its start; milliseconds. */
const suspicionMs = 10_000;

/** The part of the period after which the first look comes. */
const firstLook = 1 / 6;

export interface PrometheusCheckOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly problems: Pick<Problems, 'tell'>;
  /** Asks each Prometheus about itself; undefined if none is configured. */
  readonly facts: () => Promise<readonly ServerFacts[]> | undefined;
  readonly drift: Pick<DriftCheck, 'look' | 'clear'>;
  readonly pipelines: Pipelines;
  readonly scope: () => RuleScope;
  readonly own: () => OwnAddresses;
  /** `prometheus.check_interval`, milliseconds; 0: never. */
  readonly intervalMs: () => number;
  /** Called when a pipeline has a rule that had none, or the other way round. */
  readonly onRulesChanged: () => void;
  /** From 0 to 1, exclusive: so replicas that started together do not ask together. */
  readonly random?: () => number;
}

/**
 * Looks from time to time at the rules and the Alertmanagers of each Prometheus, one look at a time. What a look finds is told if the
 * looks go on finding it. It is over at once.
 */
export class PrometheusCheck implements LoadedRules {
  readonly #options: PrometheusCheckOptions;
  /** What each Prometheus said last, by its address: a look that fails does not make it unknown. */
  #known = new Map<string, ServerFacts>();
  /** The lists of Alertmanagers of which one is known to be this Tocsin, because alerts have come. */
  #proven = new Set<string>();
  /** What the last look found, and when the first one in a row did; by the monotonic clock. */
  #suspected = new Map<ProblemName, number>();
  #unguarded: string | undefined;
  #loaded: FiringAlerts | undefined;
  #look: Promise<void> | undefined;
  #hasLooked = false;
  #isClosed = false;
  #cancelTimer: CancelTimer | undefined;
  /** Counts up with each configuration: a look of an earlier one tells nothing. */
  #generation = 0;

  constructor(options: PrometheusCheckOptions) {
    this.#options = options;
  }

  start(): void {
    this.#wait(firstLook);
  }

  /** Call it when the configuration of Prometheus has changed: everything is unknown again. */
  restart(): void {
    this.#forgetLook();
    this.#options.drift.clear();
    this.#known = new Map();
    this.#proven = new Set();
    this.#loaded = undefined;
    this.#unguarded = undefined;
    this.#hasLooked = false;
    this.#tell(new Map());
    this.#tellDrift({ notPushed: undefined, notInPrometheus: undefined });
    this.start();
  }

  close(): void {
    this.#isClosed = true;
    this.#forgetLook();
  }

  async asAlerts(signal: AbortSignal): Promise<FiringAlerts | undefined> {
    signal.throwIfAborted();
    if (!this.#hasLooked && !this.#isClosed) await withSignal(this.#lookNow(), signal);
    return this.#loaded;
  }

  #forgetLook(): void {
    this.#generation++;
    this.#look = undefined;
    this.#cancelTimer?.();
  }

  #wait(periods: number): void {
    this.#cancelTimer?.();
    const { clock, intervalMs, random = Math.random } = this.#options;
    const periodMs = intervalMs();
    if (periodMs === 0) return;
    this.#cancelTimer = clock.setTimeout(() => void this.#lookNow(), periodMs * periods * (0.9 + 0.2 * random()));
  }

  /** Joins the look that is under way. Never rejects. */
  #lookNow(): Promise<void> {
    this.#look ??= this.#lookAs(this.#generation);
    return this.#look;
  }

  async #lookAs(generation: number): Promise<void> {
    this.#cancelTimer?.();
    try {
      const facts = await this.#options.facts();
      if (generation !== this.#generation) return;
      this.#remember(facts ?? []);
      const servers = [...this.#known.values()];
      const drift = servers.length === 0 ? undefined : await this.#options.drift.look(servers);
      if (generation !== this.#generation) return;
      this.#judge(servers, drift);
    } catch (error) {
      if (generation !== this.#generation) return;
      this.#options.logger.error('problem.check_failed', 'a defect: the way of the alerts could not be checked', {
        error,
      });
    }
    this.#look = undefined;
    this.#hasLooked = true;
    this.#wait(1);
  }

  #remember(facts: readonly ServerFacts[]): void {
    const before = this.#known;
    this.#known = new Map(facts.map((now) => [now.address, withKnown(now, before.get(now.address))]));
  }

  #judge(servers: readonly ServerFacts[], drift: Drift | undefined): void {
    if (drift !== undefined) this.#tellDrift(drift);
    if (drift?.isFed === true) this.#prove(servers);
    const rules = servers.map((server) => valueOf(server.rules)).filter((known) => known !== undefined);
    this.#loaded = rules.length === 0 ? undefined : alertsOf(rules.flat());
    const undecided: readonly (readonly [ProblemName, Finding])[] =
      drift?.undecided === undefined ? [] : [['drift_undecided', drift.undecided]];
    this.#tell(new Map([...this.#rules(servers), ...this.#alertmanagers(servers), ...undecided]));
    this.#noteUnguarded();
  }

  #tell(found: ReadonlyMap<ProblemName, Finding>): void {
    const { problems, clock } = this.#options;
    const now = clock.monotonic();
    const before = this.#suspected;
    this.#suspected = new Map([...found.keys()].map((name) => [name, before.get(name) ?? now]));
    for (const name of checked) {
      const since = this.#suspected.get(name) ?? now;
      problems.tell(name, now - since < suspicionMs ? undefined : found.get(name));
    }
  }

  /** The comparison has waited for long enough itself. */
  #tellDrift({ notPushed, notInPrometheus }: Pick<Drift, 'notPushed' | 'notInPrometheus'>): void {
    this.#options.problems.tell('alerts_not_pushed', notPushed);
    this.#options.problems.tell('alerts_not_in_prometheus', notInPrometheus);
  }

  /** An alert has come. Of several servers it is unknown which one has pushed it, unless all have the same Alertmanagers. */
  #prove(servers: readonly ServerFacts[]): void {
    const lists = new Set(servers.map(listOfAlertmanagers));
    if (lists.size === 1) this.#proven = lists;
  }

  #rules(servers: readonly ServerFacts[]): Map<ProblemName, Finding> {
    const { pipelines, scope } = this.#options;
    const found = new Map<ProblemName, Finding>();
    const bare = servers.filter(({ rules }) => 'value' in rules && !concernAny(rules.value, pipelines, scope()));
    if (bare.length > 0 && pipelines.list().length > 0) {
      const counted = ({ address, rules }: ServerFacts): string => {
        const count = valueOf(rules)!.length;
        return `${address} has ${count} alerting ${count === 1 ? 'rule' : 'rules'}`;
      };
      const message = `Prometheus at ${bare.map(counted).join(', Prometheus at ')}, and none concerns a pipeline`;
      found.set('no_alerting_rules', { count: bare.length, message });
    }
    const silent = servers.flatMap(({ rules }) => ('error' in rules ? [rules.error.message] : []));
    if (silent.length > 0)
      found.set('rules_undecided', {
        count: silent.length,
        message: `it is unknown whether there are alerting rules. ${silent.join(' ')}`,
      });
    return found;
  }

  #alertmanagers(servers: readonly ServerFacts[]): Map<ProblemName, Finding> {
    const found = new Map<ProblemName, Finding>();
    const of = (wanted: Reach): readonly string[] =>
      servers.flatMap((server) => (this.#reach(server) === wanted ? [described(server)] : []));
    const [without, unclear] = [of('no'), of('unknown')];
    if (without.length > 0)
      found.set('not_an_alertmanager', {
        count: without.length,
        message: `Prometheus sends its alerts elsewhere: ${without.join('; ')}`,
      });
    if (unclear.length > 0)
      found.set('alertmanagers_undecided', {
        count: unclear.length,
        message: `it is unknown whether Prometheus sends its alerts here: ${unclear.join('; ')}`,
      });
    return found;
  }

  #reach(server: ServerFacts): Reach {
    if (this.#proven.has(listOfAlertmanagers(server))) return 'yes';
    const { address, alertmanagers } = server;
    if ('error' in alertmanagers) return 'unknown';
    // Behind the URL there may be what tells several replicas apart.
    return reach(alertmanagers.value, address.split(' ')[0]!, this.#options.own());
  }

  #noteUnguarded(): void {
    const { pipelines, onRulesChanged } = this.#options;
    const loaded = this.#loaded;
    const without = pipelines.list().filter((request) => {
      const pipeline = pipelines.get(request);
      return loaded === undefined || (pipeline !== undefined && !canFail(pipeline, loaded));
    });
    const unguarded = without.map(requestKey).toSorted().join('\n');
    const hasChanged = this.#unguarded !== undefined && this.#unguarded !== unguarded;
    this.#unguarded = unguarded;
    if (hasChanged) onRulesChanged();
  }
}

/** The problems that this check finds. */
const checked: readonly ProblemName[] = [
  'no_alerting_rules',
  'rules_undecided',
  'not_an_alertmanager',
  'alertmanagers_undecided',
  'drift_undecided',
];

/** A text for the list; without one, it proves nothing. */
function listOfAlertmanagers({ address, alertmanagers }: ServerFacts): string {
  return 'value' in alertmanagers && alertmanagers.value.length > 0
    ? alertmanagers.value.toSorted().join('\n')
    : `none known of ${address}`;
}

function valueOf<T>(answer: Answer<T>): T | undefined {
  return 'value' in answer ? answer.value : undefined;
}

/** What is known stays known while the question fails. A server that refuses to tell has changed its mind. */
function latest<T>(answer: Answer<T>, known: Answer<T>): Answer<T> {
  return 'error' in answer && !answer.isRefused && 'value' in known ? known : answer;
}

function withKnown(now: ServerFacts, before: ServerFacts | undefined): ServerFacts {
  if (before === undefined) return now;
  return {
    address: now.address,
    rules: latest(now.rules, before.rules),
    alertmanagers: latest(now.alertmanagers, before.alertmanagers),
    configuration: latest(now.configuration, before.configuration),
    resendDelayMs: latest(now.resendDelayMs, before.resendDelayMs),
  };
}

function described({ address, alertmanagers }: ServerFacts): string {
  if ('error' in alertmanagers) return alertmanagers.error.message;
  const urls = alertmanagers.value;
  if (urls.length === 0) return `${address} has no active Alertmanager`;
  const more = urls.length > maxNamedUrls ? ` and ${urls.length - maxNamedUrls} more` : '';
  return `the active Alertmanagers of ${address} are ${urls.slice(0, maxNamedUrls).map(maskUrls).join(', ')}${more}`;
}
