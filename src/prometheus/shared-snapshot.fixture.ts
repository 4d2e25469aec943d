import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ReplicatedAlerts } from './all-replicas.ts';
import type { QueryResult } from './replica-report.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { UrgentSignals } from '../runtime/deadline.ts';
import { SharedSnapshot, type SharedSnapshotOptions } from './shared-snapshot.ts';

/** A query that the client was asked for; the test decides how it ends. */
export interface Query {
  /** By the clock that the snapshot reads. */
  readonly startedAt: number;
  readonly signal: AbortSignal;
  readonly isOpen: boolean;
  /** Answers with one firing alert, named after the query: `query 0` for the first. */
  answer(): void;
  fail(error?: Error): void;
}

export interface SnapshotBench {
  readonly clock: FakeClock;
  readonly logger: RecordingLogger;
  readonly snapshots: SharedSnapshot;
  readonly urgent: UrgentSignals;
  /** Every query so far, in order. */
  readonly queries: readonly Query[];
  /** The calls of the metrics so far. */
  readonly metrics: readonly (readonly [result: QueryResult, seconds: number])[];
  /** Sets the clock back (forward, if `ms` is negative), while timers go on as if nothing had happened. */
  setBack(ms: number): void;
}

/** A shared snapshot with a client whose queries last until the test ends them; `onQuery` is called when a query begins. */
export function snapshotBench(onQuery: (query: Query) => void = () => undefined, unknownAfterMs = 0): SnapshotBench {
  const timers = new FakeClock();
  let offsetMs = 0;
  const clock: Clock = {
    now: () => timers.now() + offsetMs,
    monotonic: () => timers.monotonic(),
    setTimeout: (callback, delayMs) => timers.setTimeout(callback, delayMs),
  };
  const [logger, urgent] = [new RecordingLogger(), new UrgentSignals()];
  const schedule = new SliceSchedule(clock);
  const queries: OpenQuery[] = [];
  const client: SharedSnapshotOptions['client'] = {
    address: 'http://prometheus.test:9090',
    query(signal) {
      const query = new OpenQuery(`query ${queries.length}`, clock.now(), signal);
      queries.push(query);
      onQuery(query);
      return query.ended;
    },
    facts: async () => [],
    pending: async () => [],
    close: () => undefined,
  };
  const newQueryId = (): string => `q${queries.length + 1}`;
  const metrics: (readonly [QueryResult, number])[] = [];
  const queried = (result: QueryResult, seconds: number): void => void metrics.push([result, seconds]);
  return {
    clock: timers,
    logger,
    queries,
    metrics,
    urgent,
    snapshots: new SharedSnapshot({
      urgent,
      clock,
      schedule,
      logger,
      client,
      metrics: { queried },
      unknownAfterMs,
      newQueryId,
    }),
    setBack: (ms) => void (offsetMs -= ms),
  };
}

class OpenQuery implements Query {
  readonly startedAt: number;
  readonly signal: AbortSignal;
  readonly #name: string;
  readonly #end = Promise.withResolvers<ReplicatedAlerts>();
  #isOpen = true;

  constructor(name: string, startedAt: number, signal: AbortSignal) {
    this.#name = name;
    this.startedAt = startedAt;
    this.signal = signal;
    signal.addEventListener('abort', () => this.fail(signal.reason as Error));
    if (signal.aborted) this.fail(signal.reason as Error);
  }

  get ended(): Promise<ReplicatedAlerts> {
    return this.#end.promise;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  answer(): void {
    this.#isOpen = false;
    this.#end.resolve({ asked: 1, answered: 1, isComplete: true, alerts: 2, firing: [{ alertname: this.#name }] });
  }

  fail(error = new Error(`${this.#name} failed`)): void {
    this.#isOpen = false;
    this.#end.reject(error);
  }
}
