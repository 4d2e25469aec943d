import type { LogFields } from '../runtime/logger.ts';
import type { Clock, CancelTimer } from '../runtime/clock.ts';
import type { PipelineChange, Request } from '../reconcile/ports.ts';
import { Causes, type Trigger } from '../cause/causes.ts';
import type { Priority } from '../workqueue/dirty-requests.ts';
import type { Runtime } from '../runtime/runtime.ts';

interface PipelineSourceOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly newEventId: () => string;
  readonly pipelines: () => readonly Request[];
  readonly enqueue: (
    requests: readonly Request[],
    causes: Causes,
    eventId: string,
    priority: Priority,
  ) => Promise<void>;
}

/** Wakes reconciles for reasons other than an alert. It bypasses the debouncer, which is for alerts. */
export class PipelineSource {
  readonly #options: PipelineSourceOptions;

  constructor(options: PipelineSourceOptions) {
    this.#options = options;
  }

  /**
   * Resolves when its request is in the queue. A removed pipeline is enqueued too: its reconcile finds it gone, and the queue
   * forgets it.
   */
  pipelineChanged({ kind, request }: PipelineChange): Promise<void> {
    return this.#enqueue([request], 'pipeline', kind === 'removed' ? 'resync' : 'alert');
  }

  /** Enqueues every pipeline, behind everything that is more urgent. */
  sweep(trigger: Trigger): Promise<void> {
    return this.#enqueue(this.#options.pipelines(), trigger, 'resync');
  }

  /** Enqueues objects that triggers name, for another reason than an alert. */
  look(requests: readonly Request[], trigger: Trigger): Promise<void> {
    return this.#enqueue(requests, trigger, 'alert');
  }

  /** Enqueues pipelines before everything else, because a person asks. Returns the event to follow. */
  manual(requests: readonly Request[], requestId: string): string {
    const causes = Causes.of('manual', this.#options.clock.now());
    causes.addRequestId(requestId);
    const id = this.#options.newEventId();
    void this.#enqueueAs(id, requests, causes, 'manual', { request_id: requestId });
    return id;
  }

  async #enqueue(requests: readonly Request[], trigger: Trigger, priority: Priority): Promise<void> {
    const { clock, newEventId } = this.#options;
    if (requests.length > 0)
      await this.#enqueueAs(newEventId(), requests, Causes.of(trigger, clock.now()), priority, {});
  }

  async #enqueueAs(
    id: string,
    requests: readonly Request[],
    causes: Causes,
    priority: Priority,
    more: LogFields,
  ): Promise<void> {
    const [trigger] = causes.triggers;
    const fields = { event_id: id, requests: requests.length, trigger, ...more };
    this.#options.logger.info('requests.enqueued', 'reconcile requests without an alert', fields);
    await this.#options.enqueue(requests, causes, id, priority);
  }
}

interface ResyncOptions {
  readonly clock: Clock;
  /** `controller.resync`, milliseconds; 0: never. Called each time, because a reload may change it. */
  readonly periodMs: () => number;
  /** Enqueues every pipeline. */
  readonly sweep: () => void;
  /** From 0 to 1, exclusive: so replicas that started together do not query Prometheus together. */
  readonly random?: () => number;
}

/**
 * Looks at every pipeline again from time to time, each period up to a tenth shorter or longer. It heals what no push will ever
 * report.
 */
export class Resync {
  readonly #options: ResyncOptions;
  /** Of the running period; undefined before {@link start}. */
  #periodMs: number | undefined;
  #cancelTimer: CancelTimer | undefined;
  #nextAt: number | undefined;

  constructor(options: ResyncOptions) {
    this.#options = options;
  }

  /** When the next look is due, milliseconds; undefined: never. */
  get nextAt(): number | undefined {
    return this.#nextAt;
  }

  start(): void {
    const { clock, periodMs, sweep, random = Math.random } = this.#options;
    this.close();
    this.#nextAt = undefined;
    this.#periodMs = periodMs();
    if (this.#periodMs === 0) return;
    const delayMs = this.#periodMs * (0.9 + 0.2 * random());
    this.#nextAt = clock.now() + delayMs;
    this.#cancelTimer = clock.setTimeout(() => {
      this.start();
      sweep();
    }, delayMs);
  }

  /** Call it when the configuration has changed: a period of another length begins now. */
  reconfigure(): void {
    if (this.#periodMs !== undefined && this.#periodMs !== this.#options.periodMs()) this.start();
  }

  /** Leaves no timer behind. */
  close(): void {
    this.#cancelTimer?.();
  }
}
