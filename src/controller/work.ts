import { Causes } from '../cause/causes.ts';
import type { Sweep } from './sweep.ts';

/** What a request carries through the queue. */
export interface Work {
  readonly causes: Causes;
  /** Those that wait for the request to end. */
  readonly sweeps: readonly Sweep[];
}

/**
 * Unites what two adds of one key carry: both causes, and both sweeps end with the one run. A sweep adds the same causes to
 * many keys, one after the other, so the last union is remembered: a thousand keys share one instead of making a thousand.
 */
export function createMergeWork(): (earlier: Work, later: Work) => Work {
  let last: { readonly earlier: Causes; readonly later: Causes; readonly union: Causes } | undefined;
  return (earlier, later) => {
    if (last?.earlier !== earlier.causes || last.later !== later.causes) {
      last = { earlier: earlier.causes, later: later.causes, union: Causes.union(earlier.causes, later.causes) };
    }
    return { causes: last.union, sweeps: [...earlier.sweeps, ...later.sweeps] };
  };
}

/** The same work for a retry: its sweeps are over, its causes still hold. */
export function retriedWork({ causes }: Work): Work {
  return { causes, sweeps: [] };
}

/**
 * Work for a later look at a pipeline that is not healthy. Its time is cut to the second, so that pipelines which are due
 * in the same second are served by one query.
 * @param isDue false if something else takes the request over before its time: then the look is no cause of it
 */
export function requeuedWork(now: number, isDue: boolean): Work {
  return { causes: isDue ? Causes.of('requeue', Math.floor(now / 1000) * 1000) : new Causes(), sweeps: [] };
}
