import type { Condition } from '../../reconcile/ports.ts';
import type { ConditionAuthor } from '../../trigger/ports.ts';
import type { ApiClient } from '../api/api-client.ts';
import { asApiObject, conditionMembers, isJsonObject, metadataMembers, type KeptAnswer } from '../kept-object.ts';

/** The name under which the API server notes what Tocsin writes: the beginning of its User-Agent. */
export const fieldManager = 'tocsin';

const keep: KeptAnswer = {
  selection: {
    members: {
      metadata: {
        members: {
          ...metadataMembers,
          managedFields: {
            everyElement: { members: { manager: 'scalar', fieldsV1: { members: { 'f:status': 'whole' } } } },
          },
        },
      },
      status: { members: { conditions: { everyElement: conditionMembers } } },
    },
  },
  bytes: 256 * 1024,
};

/** What one manager has written into a status. */
interface ManagedStatus {
  readonly manager: unknown;
  readonly conditions: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Asks the API server who wrote an entry of `status.conditions`. Undefined if it does not know either: the list of many CRDs has no
 * map keys, and then only its last writer is noted. Never rejects but with the signal's reason.
 */
export async function readConditionAuthor(
  client: Pick<ApiClient, 'call'>,
  path: string,
  condition: Pick<Condition, 'type' | 'reason'>,
  signal: AbortSignal,
): Promise<ConditionAuthor | undefined> {
  try {
    const { metadata, status } = asApiObject(await client.call({ method: 'GET', path, keep, signal }), `GET ${path}`);
    const isStill = Array.isArray(status?.conditions) && status.conditions.some((entry) => isSame(entry, condition));
    return isStill ? authorIn((metadata as { managedFields?: unknown }).managedFields, condition.type) : undefined;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

/** @param managedFields `metadata.managedFields` */
export function authorIn(managedFields: unknown, type: string): ConditionAuthor | undefined {
  const all = Array.isArray(managedFields) ? managedFields.flatMap(readStatus) : [];
  const entry = `k:${JSON.stringify({ type })}`;
  const isByEntry = all.some(({ conditions }) => Object.keys(conditions ?? {}).some((key) => key.startsWith('k:')));
  if (!isByEntry) return all.length > 0 && all.every(isOwn) ? 'own' : undefined;
  const authors = all.filter(({ conditions }) => {
    const fields = conditions?.[entry];
    return isJsonObject(fields) && 'f:reason' in fields;
  });
  if (authors.length === 0) return undefined;
  return authors.some(isOwn) ? 'own' : 'other';
}

function isOwn({ manager }: ManagedStatus): boolean {
  return manager === fieldManager;
}

function readStatus(found: unknown): readonly ManagedStatus[] {
  const { manager, fieldsV1 } = isJsonObject(found) ? found : {};
  const status = isJsonObject(fieldsV1) ? fieldsV1['f:status'] : undefined;
  if (!isJsonObject(status)) return [];
  const conditions = status['f:conditions'];
  return [{ manager, conditions: isJsonObject(conditions) ? conditions : undefined }];
}

function isSame(entry: unknown, { type, reason }: Pick<Condition, 'type' | 'reason'>): boolean {
  return isJsonObject(entry) && entry['type'] === type && entry['reason'] === reason;
}
