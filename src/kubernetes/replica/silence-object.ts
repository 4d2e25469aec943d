import { createHash } from 'node:crypto';
import { parseMatcher } from '../../matcher/parse-matcher.ts';
import type { Request } from '../../reconcile/ports.ts';
import type { Sliced } from '../../runtime/slices.ts';
import { validMatchers, type SilenceLimits } from '../../silence/silence-rules.ts';
import type { PostableMatcher, Silence, SilenceState } from '../../silence/silence.ts';
import { formatDateTime, parseDateTime } from '../../text/go/date-time.ts';
import { objectPath, type ApiObject, type ServedResource, type WatchedResource } from '../api-object.ts';
import { isJsonObject, metadataMembers, type CachedObject, type ObjectReader } from '../kept-object.ts';

const group = 'tocsin.dev';
export const silenceApiVersion = `${group}/v1alpha1`;
export const silenceKind = 'Silence';

/** Marks what Tocsin has made, and so may delete; whoever has made an object without it has to delete it. */
const madeByTocsin = { 'app.kubernetes.io/managed-by': 'tocsin' };
/** The namespace to whose alerts a silence is limited, so that `kubectl get silences -l` finds those of a team. */
const namespaceKey = 'tocsin.dev/alerts-namespace';

/** Names the tenant whose silence it is, if there are tenants. */
const tenantKey = 'tocsin.dev/tenant';

/** The silences of one namespace: those of one tenant, or those that are of none. */
export function silencesIn(namespace: string, tenant: string | undefined): WatchedResource {
  const labelSelector = tenant === undefined ? `!${tenantKey}` : `${tenantKey}=${tenantLabel(tenant)}`;
  return { group, versions: ['v1alpha1'], resource: 'silences', namespace, labelSelector };
}

/** The name of a tenant may hold what a label may not. */
function tenantLabel(tenant: string): string {
  return isLabelValue(tenant) ? tenant : `sha256-${createHash('sha256').update(tenant).digest('hex').slice(0, 40)}`;
}

export function silencesPath(namespace: string): string {
  return `/apis/${silenceApiVersion}/namespaces/${encodeURIComponent(namespace)}/silences`;
}

/** A silence as the API server has it; its spec may hold anything. */
export interface SilenceObject extends CachedObject {
  readonly name: string;
  readonly namespace: string;
  /** The id for the API: the name if that is a UUID, as for all silences of the API, otherwise the uid. */
  readonly id: string;
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** The last change of anything but the status, in whole seconds, by the clock of the API server. */
  readonly updatedAt: number;
  readonly isMadeByTocsin: boolean;
  readonly spec: unknown;
  readonly status: SilenceStatus;
  /** The path of the object itself. */
  readonly path: string;
}

export type SilenceStatusState = 'Pending' | 'Active' | 'Expired' | 'Invalid';

export interface SilenceStatus {
  readonly state?: SilenceStatusState;
  readonly message?: string;
  /** In one line. */
  readonly matchers?: string;
  readonly id?: string;
  readonly observedGeneration?: number;
}

export const silenceReader: ObjectReader<SilenceObject> = {
  members: {
    metadata: {
      members: {
        ...metadataMembers,
        creationTimestamp: 'scalar',
        labels: { members: { 'app.kubernetes.io/managed-by': 'scalar' } },
        managedFields: { everyElement: { members: { time: 'scalar', subresource: 'scalar' } } },
      },
    },
    spec: 'whole',
    status: {
      members: { state: 'scalar', message: 'scalar', matchers: 'scalar', id: 'scalar', observedGeneration: 'scalar' },
    },
  },
  read: toSilenceObject,
};

const uuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;

function toSilenceObject(object: ApiObject, { path }: Pick<ServedResource, 'path'>): SilenceObject {
  const { name, namespace = '', uid = '', resourceVersion = '', generation = 1, labels } = object.metadata;
  const request: Request = { kind: silenceKind, group, namespace, name };
  const createdAt = timeOf(object.metadata.creationTimestamp) ?? 0;
  return {
    request,
    name,
    namespace,
    uid,
    resourceVersion,
    id: uuid.test(name) ? name : uid,
    generation,
    createdAt,
    updatedAt: Math.max(createdAt, ...changesOf(object.metadata)),
    isMadeByTocsin: isJsonObject(labels) && labels['app.kubernetes.io/managed-by'] === 'tocsin',
    spec: object.spec ?? {},
    status: readStatus(object.status),
    path: objectPath(path, namespace, name),
  };
}

function changesOf(metadata: object): number[] {
  const { managedFields } = metadata as { readonly managedFields?: unknown };
  if (!Array.isArray(managedFields)) return [];
  return (managedFields as readonly unknown[]).flatMap((entry) =>
    isJsonObject(entry) && entry['subresource'] !== 'status' ? (timeOf(entry['time']) ?? []) : [],
  );
}

function readStatus(found: unknown): SilenceStatus {
  const { state, message, matchers, id, observedGeneration } = isJsonObject(found) ? found : {};
  return {
    ...(isState(state) && { state }),
    ...(typeof message === 'string' && { message }),
    ...(typeof matchers === 'string' && { matchers }),
    ...(typeof id === 'string' && { id }),
    ...(typeof observedGeneration === 'number' && { observedGeneration }),
  };
}

function isState(found: unknown): found is SilenceStatusState {
  return found === 'Pending' || found === 'Active' || found === 'Expired' || found === 'Invalid';
}

/** An object is no silence that can be used. The message is for whoever wrote it. */
export class SilenceObjectError extends Error {
  override readonly name = 'SilenceObjectError';
}

/**
 * The silence that an object describes, by the rules of the API. It yields after each matcher, because compiling an expression takes
 * milliseconds. Throws SilenceObjectError or SilenceError.
 */
export function* readSilenceObject(object: SilenceObject, limits: SilenceLimits): Sliced<Silence> {
  const spec = isJsonObject(object.spec) ? object.spec : {};
  const times = {
    startsAt: spec['startsAt'] === undefined ? object.createdAt : required(timeOf(spec['startsAt']), 'startsAt'),
    endsAt: required(timeOf(spec['endsAt']), 'endsAt'),
    updatedAt: object.updatedAt,
  };
  if (spec['startsAt'] !== undefined && times.startsAt > times.endsAt)
    throw new SilenceObjectError('spec.endsAt: a silence cannot end before it starts');
  const texts = {
    createdBy: required(textOf(spec['createdBy']), 'createdBy'),
    comment: required(textOf(spec['comment']), 'comment'),
    annotations: annotationsOf(spec['annotations']),
  };
  const written = yield* writtenMatchers(spec['matchers']);
  const matchers = yield* validMatchers({ ...times, ...texts, matchers: written }, limits);
  return { id: object.id, ...times, ...texts, matchers };
}

function* writtenMatchers(found: unknown): Sliced<readonly PostableMatcher[]> {
  const texts: readonly unknown[] = Array.isArray(found) ? found : [];
  if (texts.length === 0) throw new SilenceObjectError('spec.matchers: there has to be at least one matcher');
  const matchers: PostableMatcher[] = [];
  for (const [index, text] of texts.entries()) {
    if (typeof text !== 'string') throw new SilenceObjectError(`spec.matchers[${index}]: it has to be a text`);
    matchers.push(readMatcher(text, index));
    yield;
  }
  return matchers;
}

function readMatcher(text: string, index: number): PostableMatcher {
  try {
    return parseMatcher(text);
  } catch (error) {
    throw new SilenceObjectError(`spec.matchers[${index}]: ${(error as Error).message}`);
  }
}

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new SilenceObjectError(`spec.${name} is missing, or is not what it has to be`);
  return value;
}

function timeOf(found: unknown): number | undefined {
  return typeof found === 'string' && found !== '' ? parseDateTime(found) : undefined;
}

function textOf(found: unknown): string | undefined {
  return typeof found === 'string' ? found : undefined;
}

function annotationsOf(found: unknown): Readonly<Record<string, string>> {
  if (!isJsonObject(found)) return {};
  return Object.fromEntries(
    Object.entries(found).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** What a new object gets besides what its silence says. */
export interface NewSilenceObject {
  readonly namespace: string;
  readonly tenant?: string | undefined;
  /** The namespaces that its matchers require of an alert. */
  readonly alertsNamespaces: readonly string[];
}

/** The body that creates the object of a silence. */
export function newSilenceObject(silence: Silence, { namespace, tenant, alertsNamespaces }: NewSilenceObject): object {
  const { id, matchers, annotations } = silence;
  const [only, ...others] = alertsNamespaces;
  const ofTeam = only !== undefined && others.length === 0 && isLabelValue(only) ? { [namespaceKey]: only } : {};
  const ofTenant = tenant === undefined ? {} : { [tenantKey]: tenantLabel(tenant) };
  return {
    apiVersion: silenceApiVersion,
    kind: silenceKind,
    metadata: { name: id, namespace, labels: { ...madeByTocsin, ...ofTeam, ...ofTenant } },
    spec: { matchers: matchers.map(String), ...changeable(silence), annotations },
  };
}

/** The merge patch that turns an object into the next version of its silence, whose matchers are the same. */
export function silencePatch(object: SilenceObject, silence: Silence): object {
  const { annotations: before } = isJsonObject(object.spec) ? object.spec : {};
  const removed = Object.keys(isJsonObject(before) ? before : {}).map((name) => [name, null] as const);
  const annotations = { ...Object.fromEntries(removed), ...silence.annotations };
  // The version makes the API server refuse it if the object is no longer what the change was decided on.
  return {
    metadata: { resourceVersion: object.resourceVersion },
    spec: { ...changeable(silence), annotations },
  };
}

function changeable({ startsAt, endsAt, createdBy, comment }: Silence): object {
  return { startsAt: formatDateTime(startsAt), endsAt: formatDateTime(endsAt), createdBy, comment };
}

function isLabelValue(text: string): boolean {
  return /^[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?$/.test(text);
}

const stateNames: Readonly<Record<SilenceState, SilenceStatusState>> = {
  pending: 'Pending',
  active: 'Active',
  expired: 'Expired',
};

/** @param found the silence and its state, or why the object is none */
export function wantedStatus(
  { id, generation: observedGeneration }: SilenceObject,
  found: { readonly silence: Silence; readonly state: SilenceState } | { readonly problem: string },
): SilenceStatus {
  if ('problem' in found)
    return { state: 'Invalid', message: found.problem.slice(0, maxMessage).toWellFormed(), id, observedGeneration };
  const matchers = found.silence.matchers.join(', ');
  const shown = matchers.length > maxShown ? `${matchers.slice(0, maxShown).toWellFormed()}…` : matchers;
  return { state: stateNames[found.state], matchers: shown, id, observedGeneration };
}

/** The longest message of a status, and the longest line of matchers, characters: an expression may be long. */
const maxMessage = 1024;
const maxShown = 256;
