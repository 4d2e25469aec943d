import { hash } from 'node:crypto';
import { Slices } from '../runtime/slices.ts';
import { startDeadline } from '../runtime/deadline.ts';
import type { PrometheusAlerts } from './alerts-response.ts';
import type { PrometheusClient, QueryShare } from './prometheus-client.ts';
import { prometheusEndpoint } from './prometheus-endpoint.ts';
import { PrometheusError } from './prometheus-error.ts';
import { askServerFacts, maxRulesBytes } from './server-facts.ts';
import type { ServerFacts } from '../reconcile/server-facts.ts';
import type { ReplicaAddresses } from './replica-addresses.ts';
import type { ReplicaReport } from './replica-report.ts';
import { labelKey, type LabelSet } from '../alert/labels.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** How long to wait, once another replica has answered, for a replica that failed last time, in milliseconds. */
const failingReplicaWaitMs = 1000;

/** The most memory that the labels of the pending alerts of a replica may take, bytes. */
const maxPendingBytes = 1024 * 1024;

/** The most failures that the error names when all replicas fail; the rest are counted. */
const maxToldFailures = 3;

interface AllReplicasOptions extends Pick<Runtime, 'clock' | 'schedule'> {
  readonly urls: readonly string[];
  readonly addresses: Pick<ReplicaAddresses, 'current' | 'close'>;
  /** For everything together: resolving names and all answers. */
  readonly timeoutMs: number;
  /** The memory limit for the labels of the firing alerts of all replicas together. */
  readonly maxFiringBytes: number;
  /** `prometheus.max_replicas`. */
  readonly maxReplicas: number;
  /** `prometheus.ignored_labels`. */
  readonly ignoredLabels: readonly string[];
  /** Whether somebody needs annotations. Default: nobody does. */
  readonly wantsAnnotations?: (() => boolean) | undefined;
  readonly report: ReplicaReport;
}

/** The alerts that fire according to all replicas together, and how many replicas reported them. */
export interface ReplicatedAlerts extends PrometheusAlerts {
  readonly asked: number;
  readonly answered: number;
  /** True if every Prometheus has answered, so that what none of them reports does not fire. */
  readonly isComplete: boolean;
}

type Outcome = { readonly alerts: PrometheusAlerts } | { readonly error: unknown };

/** What earlier looks found out about a replica. */
interface Standing {
  /** Why its last query failed, if it did. */
  error?: unknown;
  /** The signal of the look whose query is still running. One of a look that was given up says nothing, and may take its time to end. */
  asking?: AbortSignal;
}

/**
 * Asks every replica at once. The firing alerts are known as soon as one replica answers; an alert fires if any replica says so.
 *
 * A look waits until the timeout for a replica that answered last time. Once another replica has answered, it waits only a moment for
 * one that failed last time: otherwise a replica that hangs would make every look as long as the timeout. The late query goes on in
 * the meantime; if it succeeds after all, the replica is trusted again.
 */
export class AllReplicas {
  /** All configured addresses, without credentials, for the log. */
  readonly address: string;
  readonly #options: AllReplicasOptions;
  readonly #standings = new Map<PrometheusClient['key'], Standing>();
  /** How many replicas are over `prometheus.max_replicas`. */
  #unasked = 0;

  constructor(options: AllReplicasOptions) {
    this.#options = options;
    const { urls } = options;
    this.address = urls.map((url) => prometheusEndpoint(url, { urls }).address).join(', ');
  }

  /** Rejects with PrometheusError when no replica has answered, and with the signal's reason when the signal is aborted. */
  async query(signal: AbortSignal): Promise<ReplicatedAlerts> {
    signal.throwIfAborted();
    const { clock, timeoutMs, maxFiringBytes, ignoredLabels, schedule, wantsAnnotations } = this.#options;
    const startedAt = clock.now();
    const clients = await this.#clients(signal);
    const share = {
      timeoutMs: Math.max(1, timeoutMs - Math.max(0, clock.now() - startedAt)),
      maxFiringBytes: Math.ceil(maxFiringBytes / clients.length),
      ...(wantsAnnotations?.() === true && { annotations: true }),
    };
    const outcomes = await this.#ask(clients, signal, share);
    signal.throwIfAborted();
    const answers = outcomes.flatMap((outcome) => ('alerts' in outcome ? [outcome.alerts] : []));
    const isComplete = answers.length === clients.length && this.#unasked === 0;
    const count = { asked: clients.length, answered: answers.length, isComplete };
    if (answers.length === 0) throw failureOfAll(outcomes);
    const slices = new Slices(schedule, 'answers of Prometheus');
    return { ...(await mergeAnswers(answers, ignoredLabels, slices)), ...count };
  }

  /**
   * What each replica says about itself. They are asked in turn, so that only one configuration is in memory at a time. Rejects only
   * with the signal's reason.
   */
  async facts(signal: AbortSignal): Promise<readonly ServerFacts[]> {
    signal.throwIfAborted();
    const clients = await this.#clients(signal);
    const facts: ServerFacts[] = [];
    for (const client of clients) facts.push(await askServerFacts(client, maxRulesBytes / clients.length, signal));
    signal.throwIfAborted();
    return facts;
  }

  /** The labels of the alerts that are pending in any replica. Rejects unless every replica has told them. */
  async pending(signal: AbortSignal): Promise<readonly LabelSet[]> {
    const { timeoutMs } = this.#options;
    const share = { timeoutMs, maxFiringBytes: maxPendingBytes, state: 'pending' } as const;
    const pending: LabelSet[] = [];
    for (const client of await this.#clients(signal)) pending.push(...(await client.query(signal, share)).firing);
    return pending;
  }

  /** Closes the connections. A later query opens new ones. */
  close(): void {
    this.#options.addresses.close();
  }

  async #clients(signal: AbortSignal): Promise<readonly PrometheusClient[]> {
    const { addresses, maxReplicas, report, clock, timeoutMs } = this.#options;
    const deadline = startDeadline(clock, timeoutMs / 2, signal, resolvingTookTooLong);
    const all = await addresses.current(deadline.signal).finally(() => deadline.end());
    const asked = all.slice(0, maxReplicas);
    const keys = new Set(asked.map(({ key }) => key));
    for (const key of this.#standings.keys()) if (!keys.has(key)) this.#standings.delete(key);
    this.#unasked = all.length - asked.length;
    report.found(all.length, asked.length);
    return asked;
  }

  async #ask(
    clients: readonly PrometheusClient[],
    signal: AbortSignal,
    share: QueryShare,
  ): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    const first = Promise.withResolvers<void>();
    const trusted: Promise<void>[] = [];
    const isPair = clients.length > 1;
    const note = (outcome: Outcome): void => {
      outcomes.push(outcome);
      if ('alerts' in outcome) first.resolve();
    };
    const all = clients.map((client) => {
      const standing = this.#standing(client);
      const isTrusted = standing.error === undefined;
      const ended = this.#askOne(client, standing, isPair, signal, share).then(note);
      if (isTrusted) trusted.push(ended);
      return ended;
    });
    await Promise.all(trusted);
    await this.#allOrSoonAfter(Promise.all(all), first.promise);
    this.#options.report.standings([...this.#standings.values()].filter(({ error }) => error !== undefined).length);
    // A copy: late outcomes must not change what has been decided.
    return [...outcomes];
  }

  /** Never rejects. */
  async #askOne(
    client: PrometheusClient,
    standing: Standing,
    isPair: boolean,
    signal: AbortSignal,
    share: QueryShare,
  ): Promise<Outcome> {
    if (standing.asking?.aborted === false) return { error: standing.error };
    standing.asking = signal;
    try {
      const alerts = await client.query(signal, share);
      this.#options.report.answered(client.address, standing.error !== undefined, isPair);
      delete standing.error;
      return { alerts };
    } catch (error) {
      if (signal.aborted) return { error };
      this.#options.report.failed(client.address, error, standing.error === undefined, isPair);
      standing.error = error;
      return { error };
    } finally {
      if (standing.asking === signal) delete standing.asking;
    }
  }

  /** Settles when all have ended, or a moment after the first answer. */
  async #allOrSoonAfter(all: Promise<unknown>, first: Promise<void>): Promise<void> {
    if ((await Promise.race([all, first])) !== undefined) return;
    const moment = Promise.withResolvers<void>();
    const cancel = this.#options.clock.setTimeout(() => moment.resolve(), failingReplicaWaitMs);
    await Promise.race([all, moment.promise]);
    cancel();
  }

  #standing({ key }: PrometheusClient): Standing {
    let standing = this.#standings.get(key);
    if (standing === undefined) this.#standings.set(key, (standing = {}));
    return standing;
  }
}

function resolvingTookTooLong(): Error {
  return new PrometheusError(
    'dns',
    'A host name in prometheus.url was not resolved within half of prometheus.timeout: does DNS work here?',
  );
}

/** One sentence per replica. A single replica's failure is returned as it is. */
function failureOfAll(outcomes: readonly Outcome[]): unknown {
  const errors = outcomes.flatMap((outcome) => ('error' in outcome ? [outcome.error] : []));
  const [first] = errors;
  if (errors.length === 1) return first;
  const kind = first instanceof PrometheusError ? first.kind : 'network';
  const told = errors
    .slice(0, maxToldFailures)
    .map((error) => (error instanceof Error ? error.message : String(error)));
  const more = errors.length > told.length ? ` (and ${errors.length - told.length} more)` : '';
  const message = `None of ${errors.length} replicas of Prometheus told what fires. ${told.join(' ')}${more}`;
  return new PrometheusError(kind, message, { cause: first });
}

/**
 * The answers of several replicas merged into one: an alert fires if any replica says so, and it is one alert whatever the replicas'
 * own labels say. `alerts` is the largest number that any replica reports.
 */
export async function mergeAnswers(
  answers: readonly PrometheusAlerts[],
  ignoredLabels: readonly string[],
  slices: Slices,
): Promise<PrometheusAlerts> {
  const alerts = Math.max(0, ...answers.map((answer) => answer.alerts));
  const [first] = answers;
  if (answers.length === 1 && first !== undefined && !(await hasAny(first.firing, ignoredLabels, slices))) return first;
  const firing = new Map<string, LabelSet>();
  const annotations = new Map<LabelSet, LabelSet>();
  for (const answer of answers) {
    for (const [index, labels] of answer.firing.entries()) {
      const own = without(labels, ignoredLabels);
      const key = shortKey(own);
      if (!firing.has(key)) {
        firing.set(key, own);
        const texts = answer.annotations?.get(labels);
        if (texts !== undefined) annotations.set(own, texts);
      }
      if (index % 64 === 0 && slices.isOver) await slices.yieldTurn();
    }
  }
  if (answers.every((answer) => answer.annotations === undefined)) return { alerts, firing: [...firing.values()] };
  const withoutAnnotations = Math.max(...answers.map((answer) => answer.withoutAnnotations ?? 0));
  return { alerts, firing: [...firing.values()], annotations, withoutAnnotations };
}

/** The keys of all alerts exist at the same time: long ones would take as much memory as the alerts. */
function shortKey(labels: LabelSet): string {
  const key = labelKey(labels);
  return key.length > 64 ? hash('sha256', key, 'base64url') : key;
}

async function hasAny(firing: readonly LabelSet[], names: readonly string[], slices: Slices): Promise<boolean> {
  for (const [index, labels] of firing.entries()) {
    if (names.some((name) => Object.hasOwn(labels, name))) return true;
    if (index % 64 === 0 && slices.isOver) await slices.yieldTurn();
  }
  return false;
}

/** Built from entries, so that a label called `__proto__` stays a label. */
function without(labels: LabelSet, names: readonly string[]): LabelSet {
  if (!names.some((name) => Object.hasOwn(labels, name))) return labels;
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !names.includes(name)));
}
