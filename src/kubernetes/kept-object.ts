import type { Selection } from '../text/json-selection.ts';
import { apiEnvelopeBytes, apiObjectBytes } from '../limits.ts';
import type { KeptAnswer } from './api/api-call.ts';
import { ApiError } from './api/api-error.ts';
import type { ApiObject } from './pipeline-object.ts';

const metadata: Selection = {
  members: { name: 'scalar', namespace: 'scalar', uid: 'scalar', resourceVersion: 'scalar', generation: 'scalar' },
};

const condition: Selection = {
  members: {
    type: 'scalar',
    status: 'scalar',
    reason: 'scalar',
    message: 'scalar',
    lastTransitionTime: 'scalar',
    observedGeneration: 'scalar',
  },
};

/** Of the spec only which inputs and outputs there are, and nothing of what is in them. */
const spec: Selection = { members: { input: { everyMember: 'presence' }, output: { everyMember: 'presence' } } };

/** Of each member of an object that a reconcile needs; see {@link ApiObject}. */
export const objectMembers = {
  metadata,
  spec,
  status: { members: { conditions: { everyElement: condition } } },
} as const satisfies Readonly<Record<string, Selection>>;

/** What a reconcile needs of an object. */
export const keptObject: KeptAnswer = { selection: { members: objectMembers }, bytes: apiObjectBytes };

/** For a write that puts all conditions back: also those members of them that only others know. */
export const keptConditions: KeptAnswer = {
  selection: { members: { metadata, status: { members: { conditions: 'whole' } } } },
  bytes: apiObjectBytes + apiEnvelopeBytes,
};

/** That of the answer nothing is needed: it only has to be JSON. */
export const keptNothing: KeptAnswer = { selection: 'presence', bytes: 0 };

/** Throws ApiError if it is no object as the API server has them. */
export function asApiObject(found: unknown, where: string): ApiObject {
  if (isApiObject(found)) return found;
  throw new ApiError(`${where}: the answer is not an object with a name`, { status: 200, reason: 'NotJson' });
}

export function isApiObject(found: unknown): found is ApiObject {
  if (!isJsonObject(found) || !isJsonObject(found['metadata'])) return false;
  const { name, namespace, uid, resourceVersion, generation } = found['metadata'];
  const texts = [namespace, uid, resourceVersion].filter((value) => value !== undefined);
  const isGeneration = generation === undefined || typeof generation === 'number';
  return typeof name === 'string' && isGeneration && texts.every((value) => typeof value === 'string');
}

export function isJsonObject(found: unknown): found is Readonly<Record<string, unknown>> {
  return typeof found === 'object' && found !== null && !Array.isArray(found);
}
