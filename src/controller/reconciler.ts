import type { Causes } from '../cause/causes.ts';
import type { Request } from '../reconcile/request.ts';
import type { Action, Result, Pipelines } from '../reconcile/ports.ts';

export interface ReconcilerOptions {
  readonly pipelines: Pick<Pipelines, 'get'>;
  readonly action: Action;
}

/** Looks a pipeline up and has the configured action done with it. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  #action: Action;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#action = options.action;
  }

  /** From the next run on, this is done. */
  use(action: Action): void {
    this.#action = action;
  }

  /** One run. Rejects with what keeps the action from being done. */
  async reconcile(request: Request, causes: Causes, signal: AbortSignal): Promise<Result> {
    const pipeline = this.#options.pipelines.get(request);
    if (pipeline === undefined) return { outcome: 'gone', notInPrometheus: [] };
    return this.#action.perform({ request, pipeline, causes, signal });
  }
}
