import type { Condition } from '../../reconcile/ports.ts';

/** An object's conditions as they were read, and in which version of the object. */
export interface KnownConditions {
  readonly conditions: readonly Condition[];
  readonly resourceVersion: string;
}

/** The body of a PATCH of the `status` subresource, and its media type. */
interface StatusPatch {
  readonly contentType: 'application/json-patch+json' | 'application/merge-patch+json';
  readonly body: unknown;
}

/**
 * The smallest patch that makes the conditions what they should be, and that the API server refuses if what it builds on
 * is not so any more: a JSON patch whose `test` fails is a 422, a merge patch with an old resource version a 409.
 *
 * - One entry differs, as for every write but the first: only that entry is tested and replaced. Whoever writes other
 *   conditions at the same moment is not in the way, and neither waits for us.
 * - One entry is new: that there is none of its type cannot be tested, so the whole object has to be the one that was read.
 * - There was no condition, and perhaps no status: a merge patch makes both.
 * - Entries go: the whole list is tested and replaced.
 */
export function conditionPatch(known: KnownConditions, conditions: readonly Condition[]): StatusPatch {
  const { conditions: before, resourceVersion } = known;
  if (before.length === 0) return mergePatch({ metadata: { resourceVersion }, status: { conditions } });
  const differing = conditions.filter((condition, index) => condition !== before[index]);
  const [condition] = differing;
  if (condition !== undefined && differing.length === 1) {
    const index = conditions.indexOf(condition);
    if (conditions.length === before.length) return replacing(`/status/conditions/${index}`, before[index], condition);
    if (index === before.length) return appending(resourceVersion, condition);
  }
  return replacing('/status/conditions', before, conditions);
}

function replacing(path: string, before: unknown, value: unknown): StatusPatch {
  return jsonPatch({ op: 'test', path, value: before }, { op: 'replace', path, value });
}

function appending(resourceVersion: string, value: Condition): StatusPatch {
  return jsonPatch(
    { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
    { op: 'add', path: '/status/conditions/-', value },
  );
}

function jsonPatch(...body: readonly object[]): StatusPatch {
  return { contentType: 'application/json-patch+json', body };
}

function mergePatch(body: object): StatusPatch {
  return { contentType: 'application/merge-patch+json', body };
}

/** An object to write to. */
export interface WriteTarget {
  /** `/apis/GROUP/VERSION/[namespaces/NAMESPACE/]RESOURCE/NAME`, its parts encoded. */
  readonly path: string;
  /** Of the one that is meant, and not of a successor of the same name; without it any one is. */
  readonly uid?: string;
  /** What the cache knows of its conditions; without it they are read first. */
  readonly known?: KnownConditions;
}

/** `tracepipelines.telemetry.kyma-project.io`, or with `/status` behind the plural, as RBAC and kubectl name it. */
export function resourceOf({ path }: WriteTarget, subresource: '' | '/status' = ''): string {
  const [api, group = '', ...rest] = path.split('/').slice(1);
  const plural = rest.at(-2) ?? '';
  return api === 'apis' ? `${plural}${subresource}.${group}` : `${plural}${subresource}`;
}
