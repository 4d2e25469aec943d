import { FiringAlerts } from '../alert/firing-alerts.ts';
import type { LabelSet } from '../alert/labels.ts';
import type { AlertSnapshot, AlertSource } from '../reconcile/ports.ts';
import type { ServerFacts } from '../reconcile/server-facts.ts';
import { SnapshotError, maxSnapshotRetryMs } from '../reconcile/errors.ts';
import type { AllReplicas } from './all-replicas.ts';
import type { PrometheusMetrics } from './replica-report.ts';
import { newId } from '../runtime/new-id.ts';
import { QueryReport, type ReportedQuery } from './query-report.ts';
import { Slices } from '../runtime/slices.ts';
import { withSignal } from '../runtime/deadline.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { UrgentSignals } from '../runtime/deadline.ts';

/** An answer that is not older will do for whoever only wants to look, milliseconds. */
const recentMs = 1000;

/** The delay after the first failure in a row, in milliseconds; each further failure doubles it, up to {@link maxSnapshotRetryMs}. */
const firstRetryMs = 1000;

export interface SharedSnapshotOptions extends Pick<Runtime, 'clock' | 'logger' | 'schedule'> {
  readonly metrics: Pick<PrometheusMetrics, 'queried'>;
  readonly client: Pick<AllReplicas, 'address' | 'query' | 'facts' | 'pending' | 'close'>;
  /** Creates a short, unique name for a query. */
  readonly newQueryId?: () => string;
  /** The signals of callers that wait for no query of others. Default: there are none. */
  readonly urgent?: UrgentSignals | undefined;
  /** `prometheus.unknown_after`: two failures this far apart, in milliseconds, make a lasting failure; 0: one failure is enough. */
  readonly unknownAfterMs: number;
}

/** What fires, for whoever only wants to look. */
export interface Firing {
  readonly firing: FiringAlerts;
  /** True if every Prometheus has answered. */
  readonly isComplete: boolean;
}

/** A running query. The log line of its end names everyone who joined it. */
interface Query {
  readonly startedAt: number;
  readonly requestIds: Set<string>;
  readonly result: Promise<AlertSnapshot & Firing>;
  /** It is for an alert of the platform, so it gives way to none. */
  readonly isUrgent: boolean;
  /** Aborts it and starts its successor, whose answer everyone gets who joined it. */
  readonly giveWay: (startSuccessor: () => Query) => Query;
}

/** The query that starts when the running one has ended or given way. */
interface NextQuery {
  readonly requestIds: Set<string>;
  readonly result: Promise<AlertSnapshot>;
  readonly begin: () => void;
}

/** A query for whoever only wants to look. When a {@link Query} starts, it is aborted, and takes that answer. */
interface Look {
  readonly result: Promise<Firing>;
  readonly abort: () => void;
}

/** How the last query ended. */
type Ending =
  | { readonly startedAt: number; readonly snapshot: AlertSnapshot }
  | { readonly startedAt: number; readonly error: SnapshotError };

/**
 * One snapshot for everyone who asks. A caller joins the running query or gets the last answer again, provided that the query began
 * late enough for the caller. At most one query runs and one more waits for its turn, however many callers ask. For an alert of the
 * platform nothing waits: the running query gives way to a new one, once.
 *
 * A failure is an answer too. It serves every caller that may use it until its retry is due, so that a Prometheus that hangs costs
 * one timeout and not one per pipeline. A caller with a newer cause does not wait for the retry, but asks again at once.
 */
export class SharedSnapshot implements AlertSource {
  readonly pulls = true;
  readonly #options: SharedSnapshotOptions;
  readonly #report: QueryReport;
  readonly #closed = new AbortController();
  #query: Query | undefined;
  #look: Look | undefined;
  #next: NextQuery | undefined;
  #last: Ending | undefined;
  #latest: (AlertSnapshot & Firing) | undefined;
  #failures = 0;
  /** How many of them were lasting. */
  #lastingFailures = 0;
  /** When the first of the {@link #failures} in a row ended, by the monotonic clock. */
  #failingSince = 0;

  constructor(options: SharedSnapshotOptions) {
    this.#options = options;
    this.#report = new QueryReport(options);
  }

  async snapshot(notBefore: number, requestIds: readonly string[], signal: AbortSignal): Promise<AlertSnapshot> {
    signal.throwIfAborted();
    const now = this.#options.clock.now();
    const last = this.#last;
    if (last !== undefined && isFresh(last.startedAt, notBefore, now)) {
      if ('snapshot' in last) return last.snapshot;
      if (now < last.error.retryAt) throw last.error;
    }
    const isUrgent = this.#options.urgent?.has(signal) ?? false;
    return withSignal(this.#join(notBefore, requestIds, isUrgent), signal);
  }

  /** What fired when Prometheus answered last; undefined if it has not. */
  get latest(): FiringAlerts | undefined {
    return this.#latest?.firing;
  }

  /**
   * What fires now, for whoever only wants to look: nothing is counted, logged or kept. Rejects if it cannot be had. An answer may
   * take much memory, so there is never more than one beside the last: all looks share one, and take that of a query if one runs.
   */
  async look(): Promise<Firing> {
    const { clock } = this.#options;
    const latest = this.#latest;
    if (latest !== undefined && isFresh(latest.takenAt, clock.now() - recentMs, clock.now())) return latest;
    if (this.#query !== undefined) return this.#query.result;
    this.#look ??= this.#startLook();
    return this.#look.result;
  }

  #startLook(): Look {
    const aborted = new AbortController();
    const result = this.#runLook(aborted.signal).finally(() => (this.#look = undefined));
    return { result, abort: () => aborted.abort() };
  }

  async #runLook(aborted: AbortSignal): Promise<Firing> {
    const { client, schedule } = this.#options;
    try {
      const { firing, annotations, isComplete } = await client.query(AbortSignal.any([aborted, this.#closed.signal]));
      const slices = new Slices(schedule, 'answers of Prometheus');
      return { firing: await FiringAlerts.inSlices(firing, slices, annotations), isComplete };
    } catch (error) {
      if (!aborted.aborted || this.#query === undefined) throw error;
      return this.#query.result;
    }
  }

  /** What each Prometheus says about itself. Rejects when this is closed. */
  facts(): Promise<readonly ServerFacts[]> {
    return this.#options.client.facts(this.#closed.signal);
  }

  /** The alerts that are pending now. Rejects unless every Prometheus has told them. */
  pending(): Promise<readonly LabelSet[]> {
    return this.#options.client.pending(this.#closed.signal);
  }

  /** Aborts the running query. */
  close(): void {
    this.#closed.abort(new Error('Tocsin is shutting down'));
    this.#options.client.close();
  }

  /** Called when a successor takes over: pending callers still get an answer, and then the connections are closed. */
  retire(): void {
    this.#options.client.close();
  }

  #join(notBefore: number, requestIds: readonly string[], isUrgent: boolean): Promise<AlertSnapshot> {
    const joined = this.#joined(notBefore, isUrgent);
    for (const id of requestIds) joined.requestIds.add(id);
    return joined.result;
  }

  #joined(notBefore: number, isUrgent: boolean): Pick<Query, 'requestIds'> & Pick<NextQuery, 'result'> {
    const present = this.#query;
    const joinable = present === undefined || isFresh(present.startedAt, notBefore, this.#options.clock.now());
    if (joinable) return this.#start(new Set(), isUrgent);
    return isUrgent && !present.isUrgent ? this.#supersede(present) : this.#queue();
  }

  /** A query that starts now in place of the running one, whose callers are content with a later answer. */
  #supersede(present: Query): Query {
    const next = this.#next;
    this.#query = undefined;
    const query = present.giveWay(() => this.#start(new Set(present.requestIds), true));
    next?.begin();
    return query;
  }

  /** The running query, or a new query that starts now. */
  #start(requestIds: Set<string>, isUrgent = false): Query {
    if (this.#query !== undefined) {
      for (const id of requestIds) this.#query.requestIds.add(id);
      return this.#query;
    }
    // Everyone who waited for their turn shares this query; whoever is too late for it waits for another.
    this.#next = undefined;
    const startedAt = this.#options.clock.now();
    const aborted = new AbortController();
    let successor: Query | undefined;
    const result = this.#run(startedAt, requestIds, aborted.signal)
      .catch((error: unknown) => {
        if (successor === undefined) throw error;
        return successor.result;
      })
      .finally(() => {
        if (this.#query === query) this.#query = undefined;
      });
    const giveWay = (startSuccessor: () => Query): Query => {
      aborted.abort(new Error('an alert of the platform needs a newer answer'));
      return (successor = startSuccessor());
    };
    const query = { startedAt, requestIds, isUrgent, result, giveWay };
    this.#query = query;
    this.#look?.abort();
    return query;
  }

  /** The query after the running one, which began too early for the caller. */
  #queue(): NextQuery {
    if (this.#next !== undefined) return this.#next;
    const requestIds = new Set<string>();
    const { promise: result, resolve } = Promise.withResolvers<AlertSnapshot>();
    let hasBegun = false;
    const begin = (): void => {
      if (!hasBegun) resolve(this.#start(requestIds).result);
      hasBegun = true;
    };
    this.#query!.result.then(begin, begin);
    return (this.#next = { requestIds, result, begin });
  }

  async #run(
    startedAt: number,
    requestIds: ReadonlySet<string>,
    aborted: AbortSignal,
  ): Promise<AlertSnapshot & Firing> {
    const { clock, client, schedule, newQueryId = () => newId(4) } = this.#options;
    const id = newQueryId();
    const query = (): ReportedQuery => ({ id, requestIds, durationMs: clock.now() - startedAt });
    try {
      const answer = await client.query(AbortSignal.any([aborted, this.#closed.signal]));
      const slices = new Slices(schedule, 'answers of Prometheus');
      const firing = await FiringAlerts.inSlices(answer.firing, slices, answer.annotations);
      aborted.throwIfAborted();
      const snapshot = { takenAt: startedAt, queryId: id, firing, isComplete: answer.isComplete };
      this.#failures = 0;
      this.#lastingFailures = 0;
      this.#last = { startedAt, snapshot };
      this.#latest = snapshot;
      this.#report.succeeded(answer, query());
      return snapshot;
    } catch (cause) {
      if (aborted.aborted) throw cause;
      const error = this.#failed(cause, id);
      this.#last = { startedAt, error };
      const retryInMs = error.retryAt - clock.now();
      this.#report.failed(cause, query(), retryInMs, error.isLasting);
      throw error;
    }
  }

  #failed(cause: unknown, queryId: string): SnapshotError {
    const { unknownAfterMs, clock } = this.#options;
    const now = clock.monotonic();
    if (this.#failures === 0) this.#failingSince = now;
    const isLasting = unknownAfterMs === 0 || (this.#failures > 0 && now - this.#failingSince >= unknownAfterMs);
    this.#failures++;
    // Failures that only confirmed the first one do not lengthen the later delays.
    const backOffs = isLasting ? this.#lastingFailures++ : this.#failures - 1;
    const backOffMs = Math.min(firstRetryMs * 2 ** backOffs, maxSnapshotRetryMs);
    // The confirming try is not put off beyond the moment from which its failure is a lasting one.
    const retryMs = isLasting ? backOffMs : Math.min(backOffMs, this.#failingSince + unknownAfterMs - now);
    const message = cause instanceof Error ? cause.message : String(cause);
    return new SnapshotError(message, clock.now() + retryMs, { cause, isLasting, queryId });
  }
}

/** Late enough, and not from the future: such a time is from before the clock was set back, and its age is unknown. */
function isFresh(startedAt: number, notBefore: number, now: number): boolean {
  return startedAt >= notBefore && startedAt <= now;
}
