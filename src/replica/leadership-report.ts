import { Counter, Gauge } from 'prom-client';
import type { Runtime } from '../runtime/runtime.ts';
import { LineOnceAWhile } from '../runtime/limited-lines.ts';
import type { LossReason } from './election.ts';
import type { ElectionObserver } from './elector.ts';
import type { Leadership } from './leadership.ts';

interface LeadershipReportOptions extends Pick<Runtime, 'clock' | 'logger' | 'registry'> {
  readonly leadership: () => Leadership;
  /** This process's name as a holder of the lease. */
  readonly me: string;
  /** `namespace/name` of the lease. */
  readonly lease: string;
  /** Called after each renewal. */
  readonly onRenewed: () => void;
  /** How many reconcile requests wait while another replica leads. */
  readonly waiting: () => number;
}

const reasons: readonly LossReason[] = ['renewal failed', 'taken over', 'deleted', 'released'];

/** A failing API server is told of once in this time, milliseconds. */
const failureLineMs = 60_000;

const lossMessages: Readonly<Record<LossReason, string>> = {
  'renewal failed': 'the lease could not be renewed in time: this replica writes no more, until it has it again',
  'taken over': 'somebody else has the lease: this replica writes no more',
  deleted: 'the lease was deleted: this replica writes no more, until it has created it anew',
  released: 'this replica has given the lease away',
};

/** Tells of the lease in the log and in metrics. */
export class LeadershipReport implements ElectionObserver {
  readonly #options: LeadershipReportOptions;
  readonly #elections: Counter;
  readonly #losses: Counter<'reason'>;
  readonly #failures: Counter<'call'>;
  readonly #renewedAt: Gauge;
  readonly #failureLine: LineOnceAWhile;
  readonly #leftOutLine: LineOnceAWhile;

  constructor(options: LeadershipReportOptions) {
    const { registry, clock } = options;
    const registers = [registry];
    this.#options = options;
    this.#failureLine = new LineOnceAWhile(clock, failureLineMs);
    this.#leftOutLine = new LineOnceAWhile(clock, failureLineMs);
    createStateGauges(options);
    this.#elections = new Counter({
      registers,
      name: 'tocsin_leader_elections_total',
      help: 'How often this replica has got the lease.',
    });
    this.#losses = new Counter({
      registers,
      name: 'tocsin_leader_losses_total',
      help: 'How often this replica has lost the lease, by the reason.',
      labelNames: ['reason'],
    });
    for (const reason of reasons) this.#losses.inc({ reason: labelOf(reason) }, 0);
    this.#failures = new Counter({
      registers,
      name: 'tocsin_lease_failures_total',
      help: 'Reads and writes of the lease that failed.',
      labelNames: ['call'],
    });
    for (const call of ['read', 'write']) this.#failures.inc({ call }, 0);
    this.#renewedAt = new Gauge({
      registers,
      name: 'tocsin_lease_renewed_timestamp_seconds',
      help: 'When this replica has renewed the lease last; 0: never.',
    });
  }

  elected(term: number, former: string): void {
    const { logger, lease, me } = this.#options;
    this.#elections.inc();
    logger.info('leader.elected', 'this replica leads: it looks at every pipeline, and writes', {
      identity: me,
      term,
      lease,
      ...(former !== '' && former !== me && { former }),
    });
  }

  lost(term: number, reason: LossReason): void {
    const { logger, lease, me } = this.#options;
    this.#losses.inc({ reason: labelOf(reason) });
    const fields = { identity: me, term, lease, reason };
    if (reason === 'released') logger.info('leader.released', lossMessages[reason], fields);
    else logger.warn('leader.lost', lossMessages[reason], fields);
  }

  leads(leader: string, term: number): void {
    const { logger, lease, me } = this.#options;
    // A watch may show the own election before the answer of the write does, which is then told.
    if (leader === me) return;
    if (leader === '') return logger.info('leader.none', 'nobody has the lease', { lease, term });
    logger.info('leader.changed', 'another replica leads', { leader, term, lease });
  }

  renewed(): void {
    this.#renewedAt.set(this.#options.clock.now() / 1000);
    this.#options.onRenewed();
  }

  failed(call: 'read' | 'write', error: Error, isLeading: boolean): void {
    const { logger, lease } = this.#options;
    this.#failures.inc({ call });
    if (!this.#failureLine.allows()) return;
    logger.warn('lease.failed', 'the lease could not be read or written; it is tried again', {
      call,
      lease,
      leading: isLeading,
      error,
    });
  }

  /** The lease has no room for what its holder has to leave there. */
  annotationsLeftOut(annotations: readonly string[], bytes: number, limitBytes: number): void {
    const { logger, lease } = this.#options;
    if (!this.#leftOutLine.allows()) return;
    const message =
      'the annotations of the lease are full: what the next leader should know stays as it was; remove those of others';
    logger.warn('lease.annotations_full', message, { lease, annotations, bytes, limit_bytes: limitBytes });
  }

  watchFailed(error: unknown): void {
    const { logger, lease } = this.#options;
    logger.debug('lease.watch_failed', 'the watch of the lease ended, and begins again', { lease, error });
  }
}

function createStateGauges({ registry, leadership, waiting }: LeadershipReportOptions): void {
  const registers = [registry];
  new Gauge({
    registers,
    name: 'tocsin_leader',
    help: 'Whether this replica leads, and so may write.',
    collect() {
      this.set(leadership().isLeading ? 1 : 0);
    },
  });
  new Gauge({
    registers,
    name: 'tocsin_leader_term',
    help: 'The term of the lease, which has one leader; 0 while nobody is known to lead.',
    aggregator: 'max',
    collect() {
      this.set(leadership().term);
    },
  });
  new Gauge({
    registers,
    name: 'tocsin_follower_waiting_requests',
    help: 'Reconcile requests that wait here while another replica leads, one for each object at most.',
    collect() {
      this.set(leadership().isLeading ? 0 : waiting());
    },
  });
}

function labelOf(reason: LossReason): string {
  return reason.replaceAll(' ', '_');
}
