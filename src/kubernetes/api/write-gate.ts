import type { Leadership } from '../../replica/leadership.ts';
import { NotLeadingError } from '../../reconcile/errors.ts';
import type { Clock } from '../../runtime/clock.ts';

interface Call {
  readonly method: string;
}

/** Lets writes through while this process leads, and stops those that are under way when it leads no more. Reads always pass. */
export class WriteGate {
  readonly #leadership: Leadership;
  readonly #clock: Clock;
  readonly #underWay = new Set<AbortController>();
  readonly #unsubscribe: () => void;

  constructor(leadership: Leadership, clock: Clock) {
    this.#leadership = leadership;
    this.#clock = clock;
    this.#unsubscribe = leadership.onChange(() => this.#look());
  }

  /** Call it as the last thing before the bytes go out. Throws NotLeadingError. */
  check({ method }: Call): void {
    if (method !== 'GET' && !this.#leadership.isLeading) throw new NotLeadingError(this.#clock.now());
  }

  /** Does one call. The signal that it gets is aborted with the caller's, and for a write also when the lease is lost. */
  async run<T>(call: Call, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (call.method === 'GET') return work(signal);
    this.check(call);
    const controller = new AbortController();
    const onAbort = (): void => controller.abort(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#underWay.add(controller);
    try {
      return await work(controller.signal);
    } catch (error) {
      throw controller.signal.reason instanceof NotLeadingError ? controller.signal.reason : error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#underWay.delete(controller);
    }
  }

  close(): void {
    this.#unsubscribe();
  }

  #look(): void {
    if (this.#leadership.isLeading) return;
    for (const controller of this.#underWay) controller.abort(new NotLeadingError(this.#clock.now()));
  }
}
