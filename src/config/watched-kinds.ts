import { z } from 'zod';
import { listOf } from './settings/collection.ts';
import { readLabelSelector } from './label-selector.ts';
import { describeRefusal } from './settings/reading.ts';
import type { Reader } from './settings/reading.ts';
import { required, section, setting } from './settings/setting.ts';
import { orNull } from './settings/value-readers.ts';

/** Each watch is a connection that stays open. */
const maxWatches = 64;
const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const group = /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$/;
const version = /^v\d+((alpha|beta)\d+)?$/;

const WatchedKind = section({
  group: required(readText(group, 'an API group, "" for the core group')),
  version: required(readText(version, 'a version of the API, as v1beta1')),
  resource: required(readText(label, 'the plural of the kind in lower case, as in a URL')),
  /** Empty: every namespace, or the resource is cluster-scoped. */
  namespaces: listOf(readText(label, 'the name of a namespace'), {
    allowed: 'a list of names of namespaces',
  }).transform((names) => [...new Set(names)]),
  label_selector: setting(orNull(readLabelSelector), null),
});

/** An entry of `pipelines.kubernetes.kinds`. */
export type WatchedKind = z.infer<typeof WatchedKind>;

const someWatches = z.refine<readonly WatchedKind[]>((kinds) => kinds.length > 0 && watches(kinds) <= maxWatches, {
  error: ({ input }) =>
    `found ${watches(input as readonly WatchedKind[])} watches, allowed: 1 to ${maxWatches}; each namespace of an entry is one`,
});

/** The kinds to watch; null is left to the home of the pipelines. */
export const WatchedKinds = z
  .array(WatchedKind, { error: ({ input }) => describeRefusal(input, { allowed: 'a list of kinds, or null' }) })
  .check(someWatches)
  .readonly()
  .nullable()
  .prefault(null);

function watches(kinds: readonly WatchedKind[]): number {
  return kinds.reduce((sum, { namespaces }) => sum + Math.max(1, namespaces.length), 0);
}

function readText(pattern: RegExp, allowed: string): Reader<string> {
  return (found) =>
    typeof found === 'string' && found.length <= 253 && pattern.test(found) ? { value: found } : { allowed };
}
