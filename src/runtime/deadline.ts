import type { Clock } from './clock.ts';

/** One signal for two reasons to give up: the time is over, or the caller cancels. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** True if the time was over before the caller cancelled. */
  expired(): boolean;
  /** Ignores the time from now on; the caller's signal still counts. */
  lift(): void;
  /** Releases the timer and the caller's signal, and aborts whatever still runs on {@link signal}. */
  end(): void;
}

/** One for all: to make another takes longer than the rest of a deadline, which every run has. */
const ended = new DOMException('the work has ended', 'AbortError');

/**
 * Starts the time now. The caller's signal must not be aborted yet, and `end` must always be called.
 * @param onExpired called if the time is over first; it returns the reason with which {@link Deadline.signal} is aborted
 */
export function startDeadline(clock: Clock, timeoutMs: number, caller: AbortSignal, onExpired?: () => Error): Deadline {
  const controller = new AbortController();
  let expired = false;
  const onTimeout = (): void => {
    expired = !controller.signal.aborted;
    if (expired) controller.abort(onExpired?.());
  };
  const onAbort = (): void => controller.abort(caller.reason);
  const cancelTimer = clock.setTimeout(onTimeout, timeoutMs);
  // Not AbortSignal.any: a caller's signal may live as long as the program, and must not accumulate dependent signals.
  caller.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    expired: () => expired,
    lift: cancelTimer,
    end: () => {
      cancelTimer();
      caller.removeEventListener('abort', onAbort);
      controller.abort(ended);
    },
  };
}

/** Resolves after `delayMs`; rejects with the signal's reason as soon as that is aborted. Leaves no timer and no listener. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const onAbort = (): void => {
      cancelTimer();
      reject(signal.reason as Error);
    };
    const cancelTimer = clock.setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, delayMs);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** Settles as the promise does, or rejects with the signal's reason if that comes first; others can still wait for the promise. */
export async function withSignal<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/**
 * Work that goes before other work, at each place where it would have to wait. A signal accompanies a call through all layers down to
 * the socket, so it is also what the call is known by: exactly the signals that were added, not those made from them.
 */
export class UrgentSignals extends WeakSet<AbortSignal> {}
