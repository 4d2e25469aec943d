import type { Condition, Request } from '../../reconcile/ports.ts';
import { triggerKey, type TriggerOrigin } from '../../trigger/trigger.ts';
import { objectPath, type ApiObject, type ServedResource, type WatchedResource } from '../api-object.ts';
import {
  conditionMembers,
  isJsonObject,
  metadataMembers,
  type CachedObject,
  type ObjectReader,
} from '../kept-object.ts';
import { readConditions } from '../pipeline-object.ts';

const group = 'tocsin.dev';
export const triggerApiVersion = `${group}/v1alpha1`;

/** The resources that triggers are read from. */
export const clusterAlertTriggers: WatchedResource = {
  group,
  versions: ['v1alpha1'],
  resource: 'clusteralerttriggers',
};
export const alertTriggers: WatchedResource = { group, versions: ['v1alpha1'], resource: 'alerttriggers' };
export const namespaces: WatchedResource = { group: '', versions: ['v1'], resource: 'namespaces' };

type ResourceOrigin = Exclude<TriggerOrigin, 'file'>;

/** A trigger as the API server has it; nothing is known of its spec. */
export interface TriggerObject extends CachedObject {
  /** As log, metrics and history name it. */
  readonly key: string;
  readonly origin: ResourceOrigin;
  /** Absent for a ClusterAlertTrigger. */
  readonly namespace?: string;
  readonly name: string;
  readonly generation: number;
  /** RFC 3339, so that the order of texts is that of times. */
  readonly createdAt: string;
  readonly spec: unknown;
  readonly status: TriggerStatus;
  /** The path of the object itself. */
  readonly path: string;
}

/** `status` of both kinds. */
export interface TriggerStatus {
  readonly observedGeneration?: number;
  readonly conditions: readonly Condition[];
  readonly clamped: readonly string[];
  readonly lastFired?: LastFired;
  readonly counts: TriggerCounts;
}

export interface LastFired {
  readonly alert: string;
  /** RFC 3339 with whole seconds. */
  readonly time: string;
  readonly eventId: string;
}

const countNames = ['matched', 'runs', 'failed', 'throttled', 'suppressed'] as const;
export type TriggerCounts = Readonly<Record<(typeof countNames)[number], number>>;

export const noCounts: TriggerCounts = { matched: 0, runs: 0, failed: 0, throttled: 0, suppressed: 0 };

/** The reader of AlertTriggers and ClusterAlertTriggers. */
export const triggerReader: ObjectReader<TriggerObject> = {
  members: {
    metadata: { members: { ...metadataMembers, creationTimestamp: 'scalar' } },
    spec: 'whole',
    status: {
      members: {
        observedGeneration: 'scalar',
        conditions: { everyElement: conditionMembers },
        clamped: { everyElement: 'scalar' },
        lastFired: { everyMember: 'scalar' },
        counts: { everyMember: 'scalar' },
      },
    },
  },
  read: toTriggerObject,
};

function toTriggerObject(object: ApiObject, { kind, path }: ServedResource): TriggerObject {
  const { name, namespace, uid = '', resourceVersion = '', generation = 1, creationTimestamp } = object.metadata;
  const origin = kind as ResourceOrigin;
  const scope = namespace === undefined ? {} : { namespace };
  return {
    key: triggerKey({ origin, ...scope, name }),
    origin,
    ...scope,
    name,
    request: { kind, group, ...scope, name },
    uid,
    resourceVersion,
    generation,
    createdAt: typeof creationTimestamp === 'string' ? creationTimestamp : '',
    spec: object.spec ?? {},
    status: readStatus(object.status),
    path: objectPath(path, namespace, name),
  };
}

/** Reads a status that others may have filled with anything: whatever is not as Tocsin writes it is left out. */
export function readStatus(found: unknown): TriggerStatus {
  const status = isJsonObject(found) ? found : {};
  const { observedGeneration, clamped } = status;
  const lastFired = readLastFired(status['lastFired']);
  return {
    ...(typeof observedGeneration === 'number' && { observedGeneration }),
    conditions: readConditions(status['conditions']),
    clamped: Array.isArray(clamped) ? clamped.filter((text) => typeof text === 'string') : [],
    ...(lastFired !== undefined && { lastFired }),
    counts: readCounts(status['counts']),
  };
}

function readLastFired(found: unknown): LastFired | undefined {
  if (!isJsonObject(found)) return undefined;
  const { alert, time, eventId } = found;
  const areTexts = typeof alert === 'string' && typeof time === 'string' && typeof eventId === 'string';
  return areTexts ? { alert, time, eventId } : undefined;
}

function readCounts(found: unknown): TriggerCounts {
  const counts = isJsonObject(found) ? found : {};
  const entries = countNames.map((name) => [name, Number.isSafeInteger(counts[name]) ? counts[name] : 0]);
  return Object.fromEntries(entries) as TriggerCounts;
}

/** The labels of a namespace, which say whether triggers are taken from it. */
export interface NamespaceObject extends CachedObject {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export const namespaceReader: ObjectReader<NamespaceObject> = {
  members: { metadata: { members: { ...metadataMembers, labels: { everyMember: 'scalar' } } } },
  isMetadataOnly: true,
  read: ({ metadata: { name, uid = '', resourceVersion = '', labels } }): NamespaceObject => {
    const request: Request = { kind: 'Namespace', name };
    return { request, name, uid, resourceVersion, labels: readLabels(labels) };
  },
};

function readLabels(found: unknown): Readonly<Record<string, string>> {
  if (!isJsonObject(found)) return {};
  const texts = Object.entries(found).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return Object.fromEntries(texts);
}
