import type { KnownConditions } from './condition-patch.ts';

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
