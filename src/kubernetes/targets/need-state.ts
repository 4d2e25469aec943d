import type { NeedState, ObjectNeed } from '../../trigger/ports.ts';
import type { ApiError } from '../api/api-error.ts';
import { missingRuleMessage, ruleOf } from './target-object.ts';
import type { KindState } from './target-kinds.ts';
import type { OpenWatch } from './target-watches.ts';
import { maxTargetWatches } from './watch-plan.ts';

type Unavailable = Extract<NeedState, { state: 'unavailable' }>;

/** Of a kind that is not known, or not yet. */
export function stateOfUnknownKind(
  { apiVersion, kind }: Pick<ObjectNeed, 'apiVersion' | 'kind'>,
  state: Exclude<KindState, { state: 'found' }>,
): NeedState {
  const name = `${kind} (${apiVersion})`;
  switch (state.state) {
    case 'pending':
      return { state: 'pending' };
    case 'missing':
      return unavailable('NotInstalled', `the kind ${name} is not installed in the cluster, or not in this version`);
    case 'failed':
      return unavailable('Failed', `the API server cannot be asked for the kind ${name} (${reasonOf(state.error)})`);
  }
}

export function withoutStatus({ apiVersion, kind }: Pick<ObjectNeed, 'apiVersion' | 'kind'>): NeedState {
  const name = `${kind} (${apiVersion})`;
  return unavailable('NoStatus', `the kind ${name} has no status subresource, so that no condition can be written`);
}

export function tooManyWatches(): NeedState {
  return unavailable('Failed', `triggers need more than ${maxTargetWatches} watches, and this one is not among them`);
}

/** One text for all that is told of a state. */
export function textOfState(state: NeedState): string {
  return state.state === 'unavailable' ? `${state.reason} ${state.message}` : state.state;
}

/** Of the objects of a watch that cannot be listed or watched now. */
export function stateOfFailure({
  failure,
  planned: { kind, namespace },
}: Pick<OpenWatch, 'failure' | 'planned'>): NeedState {
  const { apiVersion, kind: name } = kind;
  if (failure?.status !== 403)
    return unavailable(
      'Failed',
      `the objects of the kind ${name} (${apiVersion}) cannot be listed (${reasonOf(failure)})`,
    );
  const right = failure.missingRight;
  if (right === undefined)
    return unavailable(
      'Forbidden',
      `the API server refuses to list ${name} (${apiVersion}), and names no missing right`,
    );
  // Without the right to list, nothing is known of the right to watch, which is needed next.
  const rule = ruleOf(right, right.verb === 'list' ? ['list', 'watch'] : [right.verb]);
  return { ...unavailable('Forbidden', missingRuleMessage(right, rule, namespace)), missingRule: rule };
}

function reasonOf(error: ApiError | undefined): string {
  return `${error?.status ?? ''} ${error?.reason ?? ''}`.trim();
}

export function unavailable(reason: Unavailable['reason'], message: string): Unavailable {
  return { state: 'unavailable', reason, message };
}
