import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { readTrigger, type TriggerProblem, type TriggerRules } from './read-trigger.ts';
import type { TriggerOrigin } from './trigger.ts';

/** The group of the kinds that are judged. */
const group = 'tocsin.dev';
const apiVersion = 'admission.k8s.io/v1';

/** metav1.Status, as far as a refusal needs it. */
interface RefusedStatus {
  readonly status: 'Failure';
  readonly reason: 'Invalid' | 'BadRequest';
  readonly code: 422 | 400;
  readonly message: string;
  readonly details?: {
    readonly group: string;
    readonly kind: string;
    readonly name: string;
    readonly causes: readonly { readonly reason: string; readonly message: string; readonly field: string }[];
  };
}

/** An AdmissionReview with a response. */
export interface AdmissionAnswer {
  readonly apiVersion: typeof apiVersion;
  readonly kind: 'AdmissionReview';
  readonly response: {
    readonly uid: string;
    readonly allowed: boolean;
    readonly status?: RefusedStatus;
    /** What kubectl shows beside the result. */
    readonly warnings?: readonly string[];
  };
}

const Metadata = z.object({
  name: z.string().optional(),
  generation: z.number().optional(),
  deletionTimestamp: z.unknown(),
});

/** The part of an object that is looked at; a field of another type is as one that is absent. */
const Reviewed = z.object({ metadata: Metadata.catch({ deletionTimestamp: undefined }), spec: z.unknown() });
const absent: z.infer<typeof Reviewed> = { metadata: { deletionTimestamp: undefined }, spec: undefined };

const Review = z.object({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('AdmissionReview'),
  request: z.object({
    uid: z.string().min(1),
    kind: z.object({ group: z.string(), kind: z.string() }),
    operation: z.string(),
    namespace: z.string().optional().catch(undefined),
    name: z.string().optional().catch(undefined),
    subResource: z.string().optional().catch(undefined),
    object: Reviewed.catch(absent),
    oldObject: Reviewed.catch(absent),
  }),
});
type ReviewRequest = z.infer<typeof Review>['request'];

/**
 * Judges what Kubernetes wants to store: every problem of a trigger with its path, and what Tocsin would clamp as a warning. It is pure
 * and never throws, whatever the review is.
 */
export function admit(review: unknown, rules: TriggerRules): AdmissionAnswer {
  const read = Review.safeParse(review);
  if (!read.success) return answer('', { allowed: false, status: noReview });
  const { request } = read.data;
  const origin = originOf(request);
  if (origin === undefined || isLeftAlone(request)) return answer(request.uid, { allowed: true });
  const { namespace, object } = request;
  const name = object.metadata.name ?? request.name ?? '';
  const { generation = 0 } = object.metadata;
  const isNamespaced = origin === 'AlertTrigger' && namespace !== undefined;
  const identity = { origin, ...(isNamespaced && { namespace }), name, generation };
  const reading = readTrigger(identity, object.spec, rules);
  if ('problems' in reading)
    return answer(request.uid, { allowed: false, status: refusal(origin, name, reading.problems) });
  const warnings = reading.notes.length > 0 ? { warnings: reading.notes } : {};
  return answer(request.uid, { allowed: true, ...warnings });
}

const noReview: RefusedStatus = {
  status: 'Failure',
  reason: 'BadRequest',
  code: 400,
  message: `this is no AdmissionReview of ${apiVersion} with a request`,
};

function answer(uid: string, response: Omit<AdmissionAnswer['response'], 'uid'>): AdmissionAnswer {
  return { apiVersion, kind: 'AdmissionReview', response: { uid, ...response } };
}

/** Undefined for every kind that is not Tocsin's. */
function originOf({ kind }: ReviewRequest): Exclude<TriggerOrigin, 'file'> | undefined {
  if (kind.group !== group) return undefined;
  return kind.kind === 'AlertTrigger' || kind.kind === 'ClusterAlertTrigger' ? kind.kind : undefined;
}

/**
 * A trigger that is being deleted may lose its finalizers, and one whose spec stays may get other labels, even if a spec that is not good
 * was stored while nobody judged it. The status is Tocsin's own.
 */
function isLeftAlone({ operation, subResource = '', object, oldObject }: ReviewRequest): boolean {
  if (operation !== 'CREATE' && operation !== 'UPDATE') return true;
  if (subResource !== '' || (object.metadata.deletionTimestamp ?? null) !== null) return true;
  return operation === 'UPDATE' && oldObject.spec !== undefined && isSame(object.spec, oldObject.spec);
}

function isSame(one: unknown, other: unknown): boolean {
  try {
    return isDeepStrictEqual(one, other);
  } catch {
    // Nested too deeply to be compared: it is judged.
    return false;
  }
}

/** The most problems that an answer names: the API server takes no long one. */
const maxToldProblems = 100;

/** In the words of the API server for an object that its schema refuses. */
function refusal(kind: string, name: string, all: readonly TriggerProblem[]): RefusedStatus {
  const problems = all.slice(0, maxToldProblems);
  const left = all.length - problems.length;
  const told = problems.map(({ path, message }) => `${path}: ${message}`);
  const texts = left > 0 ? [...told, `and ${left} more`] : told;
  const text = texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`;
  return {
    status: 'Failure',
    reason: 'Invalid',
    code: 422,
    message: `${kind}.${group} "${name}" is invalid: ${text}`,
    details: {
      group,
      kind,
      name,
      causes: problems.map(({ path, message }) => ({
        reason: message.startsWith('missing') ? 'FieldValueRequired' : 'FieldValueInvalid',
        message,
        field: path,
      })),
    },
  };
}
