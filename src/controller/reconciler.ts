import type { Causes } from '../cause/causes.ts';
import type { Request, Action, Result, Pipelines } from '../reconcile/ports.ts';
import { PostponedError, TerminalError } from '../reconcile/errors.ts';

interface ReconcilerOptions {
  readonly pipelines: Pick<Pipelines, 'get'>;
  readonly action: Action;
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
  async reconcile(request: Request, causes: Causes, signal: AbortSignal, id: string): Promise<Result> {
    const pipeline = this.#options.pipelines.get(request);
    if (pipeline === undefined) return { outcome: 'gone', notInPrometheus: [] };
    return this.#action.perform({ id, request, pipeline, causes, signal });
  }
}

/** The end of one run of a reconcile. */
export type Outcome =
  /** Done, or the pipeline is gone: nothing to do until something happens. */
  | { readonly kind: 'success'; readonly result: Result }
  /** Done; look again later. */
  | { readonly kind: 'requeue_after'; readonly result: Result; readonly requeueAfterMs: number }
  /** It failed for a reason that it shares with others, which says when to try again. */
  | { readonly kind: 'postponed'; readonly error: PostponedError }
  /** It failed or took too long; another try may succeed. */
  | { readonly kind: 'error'; readonly error: unknown }
  /** It failed, and would fail again. */
  | { readonly kind: 'terminal_error'; readonly error: unknown }
  /** The process is shutting down. */
  | { readonly kind: 'cancelled'; readonly error: unknown };

export function outcomeOfResult(result: Result): Outcome {
  const { requeueAfterMs } = result;
  return requeueAfterMs === undefined ? { kind: 'success', result } : { kind: 'requeue_after', result, requeueAfterMs };
}

/** @param shuttingDown true once the signal of the shutdown is aborted: then every failure is attributed to it */
export function outcomeOfError(error: unknown, shuttingDown: boolean): Outcome {
  if (shuttingDown) return { kind: 'cancelled', error };
  if (error instanceof PostponedError) return { kind: 'postponed', error };
  return { kind: error instanceof TerminalError ? 'terminal_error' : 'error', error };
}
