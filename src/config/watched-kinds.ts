import * as z from 'zod';
import { listOf, required, section, setting } from './settings/setting.ts';
import { describeRefusal, type Reader } from './settings/reader.ts';
import { orNull } from './settings/value-readers.ts';

/** The API server reads a selector in this way: `Parse` of k8s.io/apimachinery/pkg/labels. */
const name = '[A-Za-z0-9](?:[-\\w.]{0,61}[A-Za-z0-9])?';
const prefix = '(?=[^/]{1,253}/)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*/';
const key = `(?:${prefix})?${name}`;
const value = `(?:${name})?`;
const blank = '[ \\t\\r\\n]';
const values = `${blank}*${value}${blank}*`;

const requirement = [
  `!${blank}*${key}`,
  key,
  `${key}${blank}*(?:==?|!=)${blank}*${value}`,
  `${key}${blank}*[<>]${blank}*\\d{1,18}`,
  `${key}${blank}+(?:in|notin)${blank}*\\(${values}(?:,${values})*\\)`,
].join('|');
const one = `${blank}*(?:${requirement})${blank}*`;
const selector = new RegExp(`^${one}(?:,${one})*$`);

/** Every watch has the selector in its URL. */
const maxCharacters = 1000;

/** Reads a label selector: requirements of equality, of sets or of existence, separated by commas. */
export const readLabelSelector: Reader<string> = (found) =>
  typeof found === 'string' && found.length <= maxCharacters && selector.test(found)
    ? { value: found }
    : { allowed: 'a label selector in quotes, as kubectl -l takes it: "app=web,tier in (front, back),!old"' };

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

/** The kinds to watch; null leaves the choice to the home of the pipelines. */
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
