import { startDeadline } from '../runtime/deadline.ts';
import { newId } from '../runtime/new-id.ts';
import { Slices } from '../runtime/slices.ts';
import type { Causes } from '../cause/causes.ts';
import {
  chosenByNobody,
  requestKey,
  type Choice,
  type ChosenBy,
  type Request,
  type Action,
  type Result,
  type Pipeline,
  type Pipelines,
  type VerdictObserver,
} from '../reconcile/ports.ts';
import type { FailedRequests, Workers, WorkQueue } from '../workqueue/work-queue.ts';
import type { Priority, WorkItem } from '../workqueue/dirty-requests.ts';
import type { Outcome, ReconcileReport } from './reconcile-report.ts';
import { Sweep, createRequeuedWork, retriedWork, type QueuedWork } from './sweep.ts';
import { eventIdsOf, type ChosenEvent } from '../trigger/matched-alerts.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { UrgentSignals } from '../runtime/deadline.ts';
import { PostponedError, TerminalError } from '../reconcile/errors.ts';

interface ReconcilerOptions {
  readonly pipelines: Pick<Pipelines, 'get'>;
  readonly action: Action;
  readonly verdicts?: Pick<VerdictObserver, 'gone'> | undefined;
  /** The other objects that triggers name. Default: there are none. */
  readonly targets?: ReconciledTargets | undefined;
}

interface ReconciledTargets {
  get(request: Request): Pipeline | undefined;
  /** The object is not there. Throws PostponedError while that is not certain. */
  gone(request: Request): void;
}

/** Looks up a pipeline and runs the configured action on it. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  #action: Action;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#action = options.action;
  }

  /** Uses this action from the next run on. */
  use(action: Action): void {
    this.#action = action;
  }

  /** Does one run, under its name in the log. Rejects if the action cannot be done. */
  async reconcile(
    request: Request,
    causes: Causes,
    signal: AbortSignal,
    id: string,
    chosenBy: ChosenBy = chosenByNobody,
  ): Promise<Result> {
    const { pipelines, targets, verdicts } = this.#options;
    const pipeline = pipelines.get(request) ?? targets?.get(request);
    if (pipeline === undefined) {
      targets?.gone(request);
      verdicts?.gone(request);
      return { outcome: 'gone', notInPrometheus: [] };
    }
    return this.#action.perform({ id, request, pipeline, causes, chosenBy, signal });
  }
}

export function outcomeOfResult(result: Result): Outcome {
  const { requeueAfterMs } = result;
  return requeueAfterMs === undefined ? { kind: 'success', result } : { kind: 'requeue_after', result, requeueAfterMs };
}

/** @param isAborted true once all runs are told to stop: then every failure is attributed to that */
export function outcomeOfError(error: unknown, isAborted: boolean): Outcome {
  if (isAborted) return { kind: 'cancelled', error };
  if (error instanceof PostponedError) return { kind: 'postponed', error };
  return { kind: error instanceof TerminalError ? 'terminal_error' : 'error', error };
}

/** A reconcile that has not ended by then is aborted through its signal, milliseconds. */
const reconcileDeadlineMs = 60_000;

interface ControllerOptions extends Pick<Runtime, 'clock' | 'logger' | 'schedule'> {
  readonly report: ReconcileReport;
  readonly reconciler: Pick<Reconciler, 'reconcile'>;
  /** Gets the signals of the runs for alerts of the platform. */
  readonly urgent?: Pick<UrgentSignals, 'add'> | undefined;
  /** Makes a short, unique name for a run. */
  readonly newRunId?: () => string;
  /** Creates the queue, with the controller as its worker. */
  readonly createQueue: (work: (item: WorkItem<QueuedWork>) => Promise<void>) => WorkQueue<QueuedWork>;
}

/** What waits and runs, and since when, milliseconds. */
export interface QueueLoad {
  readonly waiting: number;
  readonly running: number;
  readonly addedAt: number | undefined;
  readonly startedAt: number | undefined;
}

/** Takes requests from the work queue, runs each under a deadline, and decides in one switch what happens next. */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #queue: WorkQueue<QueuedWork>;
  /** Of the runs of today; the next ones have another, once these are aborted because another replica leads. */
  #runs = new AbortController();
  /** The keys whose last run did not succeed: they wait for a retry, or no longer get one because of the shutdown. */
  readonly #unfinished = new Set<string>();
  readonly #slices: Slices;
  readonly #requeuedWork = createRequeuedWork();
  #draining = false;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#slices = new Slices(options.schedule, 'reconciles');
    this.#queue = options.createQueue((item) => this.#work(item));
  }

  /** The numbers of reconciles that run at once, from now on. */
  set workers(workers: Workers) {
    this.#queue.workers = workers;
  }

  /**
   * While it is true, no run starts: another replica leads. Requests wait, merged for each object. What runs is aborted, and waits
   * with them.
   */
  set isHeld(isHeld: boolean) {
    const wasHeld = this.#queue.isHeld;
    this.#queue.isHeld = isHeld;
    if (!isHeld || wasHeld) return;
    const runs = this.#runs;
    this.#runs = new AbortController();
    runs.abort(new Error('this replica leads no more'));
  }

  get isHeld(): boolean {
    return this.#queue.isHeld;
  }

  /** Counts what is added; see {@link drop}. */
  get added(): number {
    return this.#queue.added;
  }

  /** True if something waits until this replica leads. */
  get isWaiting(): boolean {
    return this.#queue.isHeld && this.#queue.depth > 0;
  }

  /**
   * The leader has worked on the causes of everything that was added until then, so it needs no run here.
   * @returns the number of requests that wait no more
   */
  drop(added: number): number {
    const dropped = this.#queue.dropHeld(added);
    for (const { payload } of dropped) for (const sweep of payload.sweeps) sweep.settle('merged');
    return dropped.length;
  }

  /** Returns what is true once everything that has been added so far has been worked on, failed runs included. */
  barrier(): () => boolean {
    return this.#queue.barrier();
  }

  /** The number of requests that wait for a free worker. */
  get depth(): number {
    return this.#queue.depth;
  }

  /** What waits and runs, and since when, milliseconds. */
  get load(): QueueLoad {
    const { depth: waiting, running, oldest } = this.#queue;
    return { waiting, running, ...oldest };
  }

  /** The number of requests that wait or run and whose last run failed. */
  get failed(): FailedRequests {
    return this.#queue.failed;
  }

  /** Adds requests that no trigger chose, as {@link enqueueChosen} does. */
  enqueue(requests: readonly Request[], causes: Causes, eventId: string, priority: Priority): Promise<void> {
    return this.enqueueChosen([{ requests, causes, chosenBy: chosenByNobody }], { id: eventId, causes }, priority);
  }

  /**
   * Adds all requests of one event as a sweep, which is over when the last of them has ended. Ten thousand requests are added in
   * slices, and the first of them run meanwhile. Resolves when all are added; never rejects.
   * @param priority default: that of the lane
   */
  async enqueueChosen(
    choices: readonly Choice[],
    event: ChosenEvent,
    priority: Priority = event.causes.lane === 'platform' ? 'platform' : 'alert',
  ): Promise<void> {
    const { clock, logger, schedule } = this.#options;
    const slices = new Slices(schedule, 'requests');
    const count = choices.reduce((sum, { requests }) => sum + requests.length, 0);
    const sweep = new Sweep({ event, requests: count, clock, logger });
    const eventIds = eventIdsOf(event);
    for (const { requests, ...chosen } of choices) {
      const work = { causes: chosen.causes, chosenBy: chosen.chosenBy, sweeps: [sweep], eventIds };
      for (const request of requests) {
        if (!this.#queue.add(request, work, priority)) sweep.settle('failed');
        if (slices.isOver) await slices.yieldTurn();
      }
    }
  }

  /**
   * Works until the queue is empty, but no longer than `timeoutMs`; then it aborts what still runs.
   * @returns the number of requests that were given up: those that ran or waited at the end, and those that failed and get no
   * retry
   */
  async stop(timeoutMs: number): Promise<number> {
    this.#draining = true;
    const giveUp = (): void => this.#runs.abort(new Error('the drain timeout is over'));
    const cancelTimer = this.#options.clock.setTimeout(giveUp, timeoutMs);
    await this.#queue.shutDownWithDrain();
    cancelTimer();
    return this.#unfinished.size;
  }

  /** Never rejects, as the queue requires. */
  async #work(item: WorkItem<QueuedWork>): Promise<void> {
    const { clock, logger, report, newRunId = () => newId(4) } = this.#options;
    // A sweep in which nothing changes waits only for promises: without this, alerts would wait for its end.
    if (this.#slices.isOver) await this.#slices.yieldTurn();
    const startedAt = clock.now();
    this.#unfinished.delete(requestKey(item.request));
    const runId = newRunId();
    try {
      report.started(item, runId);
      this.#settle(item, runId, await this.#attempt(item, runId), () => Math.max(0, clock.now() - startedAt));
    } catch (error) {
      logger.error('reconcile.unsettled', 'a defect: the outcome of a reconcile was lost', {
        run: runId,
        ...item.request,
        error,
      });
    }
  }

  /** Holds the slot and the key until the run itself has settled, even if it is overdue: a key must never run twice at once. */
  async #attempt({ request, payload }: WorkItem<QueuedWork>, runId: string): Promise<Outcome> {
    const { clock, reconciler, urgent } = this.#options;
    const { signal } = this.#runs;
    if (signal.aborted) return outcomeOfError(signal.reason, true);
    const deadline = startDeadline(clock, reconcileDeadlineMs, signal, () => this.#overdue(request, runId));
    if (payload.causes.lane === 'platform') urgent?.add(deadline.signal);
    try {
      const { causes, chosenBy } = payload;
      return outcomeOfResult(await reconciler.reconcile(request, causes, deadline.signal, runId, chosenBy));
    } catch (error) {
      return outcomeOfError(error, signal.aborted);
    } finally {
      deadline.end();
    }
  }

  #overdue(request: Request, run: string): Error {
    const seconds = reconcileDeadlineMs / 1000;
    this.#options.logger.warn('reconcile.overdue', 'a reconcile is past its deadline and is told to stop', {
      run,
      ...request,
      deadline_s: seconds,
    });
    return new Error(`the reconcile took longer than its deadline of ${seconds} s`);
  }

  /** Does what follows from each outcome. */
  #settle(item: WorkItem<QueuedWork>, runId: string, outcome: Outcome, durationMs: () => number): void {
    const { request, payload } = item;
    const { clock, report } = this.#options;
    const ended = (retryInMs?: number): void => report.ended(item, runId, outcome, durationMs(), retryInMs);
    switch (outcome.kind) {
      case 'success':
      case 'terminal_error':
        this.#queue.forget(request);
        return ended();
      case 'requeue_after': {
        this.#queue.forget(request);
        const delayMs = outcome.requeueAfterMs;
        const added = this.#queue.addAfter(
          request,
          (isDue) => this.#requeuedWork(clock.now(), isDue),
          'resync',
          delayMs,
        );
        return ended(added ? delayMs : undefined);
      }
      case 'postponed': {
        this.#unfinished.add(requestKey(request));
        // Not the key's own back-off: all that wait for one snapshot try again together, with one query.
        const { retryAt, maxDelayMs } = outcome.error;
        const delayMs = Math.min(Math.max(0, retryAt - clock.now()), maxDelayMs);
        const added = this.#queue.addAfter(request, () => retriedWork(payload), retryPriority(item), delayMs);
        return ended(added ? delayMs : undefined);
      }
      case 'error':
        this.#unfinished.add(requestKey(request));
        return ended(this.#draining ? undefined : this.#retry(item, durationMs()));
      case 'cancelled':
        this.#unfinished.add(requestKey(request));
        // After a shutdown the queue takes nothing more; before it, this waits until the replica leads again.
        this.#queue.add(request, retriedWork(payload), item.priority);
        return ended();
    }
  }
  /**
   * The delay is the back-off, but at least the duration of the failed run: a key whose writes time out takes at most half of a
   * worker's time.
   */
  #retry(item: WorkItem<QueuedWork>, tookMs: number): number {
    const { request, payload } = item;
    return this.#queue.addRateLimited(request, () => retriedWork(payload), retryPriority(item), tookMs);
  }
}

/** What the platform waits for stays its own until it succeeds: with a flood of other alerts, a retry would wait behind all of them. */
function retryPriority({ payload }: WorkItem<QueuedWork>): Priority {
  return payload.causes.lane === 'platform' ? 'platform' : 'retry';
}
