import type { Clock } from './clock.ts';

/** One signal for two reasons to give up: the time is over, or the caller no longer wants it. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** True once the time was over first. */
  expired(): boolean;
  /** Lets go of the timer and of the caller's signal, and aborts whatever still runs on {@link signal}. */
  end(): void;
}

/**
 * Starts the time now. The caller's signal must not be aborted yet; `end` must be called whatever happens.
 * @param onExpired called when the time is over first; what it returns is the reason that {@link Deadline.signal} is aborted with
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
  // Not AbortSignal.any: a caller's signal may live as long as the program, and must not gather dependants.
  caller.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    expired: () => expired,
    end: () => {
      cancelTimer();
      caller.removeEventListener('abort', onAbort);
      controller.abort();
    },
  };
}
