import type { Causes } from '../cause/causes.ts';
import type { Request } from './request.ts';
import type { Pipeline } from './ports.ts';
import type { Result } from './result.ts';

/**
 * What a reconcile does with a pipeline (`controller.action`): `condition` writes what the alerts mean into its status,
 * `annotate` sets annotations that wake up another operator, `log` goes the way of `condition` and writes nothing.
 */
export type ActionName = 'condition' | 'annotate' | 'log';

/** One run of a reconcile. */
export interface Run {
  readonly request: Request;
  /** As it was when the run began. */
  readonly pipeline: Pipeline;
  readonly causes: Causes;
  readonly signal: AbortSignal;
}

/** Does for one pipeline what {@link ActionName} says; rejects with what keeps it from doing so. */
export interface Action {
  perform(run: Run): Promise<Result>;
}
