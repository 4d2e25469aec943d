import type { Reader } from './reading.ts';
import { showValue } from './show-value.ts';

/** An entry of `pipelines.kubernetes.kinds`. */
export interface WatchedKind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** The plural, as in a URL. */
  readonly resource: string;
  /** Empty: every namespace, or the resource is cluster-scoped. */
  readonly namespaces: readonly string[];
  readonly label_selector: string | null;
}

/** Each watch is a connection that stays open. */
const maxWatches = 64;
const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const group = /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$/;
const version = /^v\d+((alpha|beta)\d+)?$/;

type Fields = Readonly<Record<string, unknown>>;

const keys: Readonly<
  Record<keyof WatchedKind, { readonly rule: string; readonly isGood: (found: unknown) => boolean }>
> = {
  group: { rule: 'an API group, "" for the core group', isGood: isText(group) },
  version: { rule: 'a version of the API, as v1beta1', isGood: isText(version) },
  resource: { rule: 'the plural of the kind in lower case, as in a URL', isGood: isText(label) },
  namespaces: { rule: 'a list of names of namespaces', isGood: isListOf(isText(label)) },
  label_selector: { rule: 'a label selector in quotes, as kubectl -l takes it, or null', isGood: isSelector },
};

const allowed = `a list of maps with the keys group, version, resource and, if wanted, namespaces (${keys.namespaces.rule}) and label_selector (a text)`;

/** The kinds to watch; null is left to the home of the pipelines. */
export const readWatchedKinds: Reader<readonly WatchedKind[]> = (found) => {
  if (!Array.isArray(found) || found.length === 0) return { allowed };
  for (const [index, entry] of found.entries()) {
    const problem = problemOf(entry);
    if (problem !== undefined) return { allowed: `${allowed}; entry ${index + 1}: ${problem}` };
  }
  const kinds = (found as readonly Partial<WatchedKind>[]).map(withDefaults);
  const watches = kinds.reduce((sum, { namespaces }) => sum + Math.max(1, namespaces.length), 0);
  return watches <= maxWatches ? { value: kinds } : { allowed: `at most ${maxWatches} kinds, each namespace counted` };
};

function withDefaults({
  group: apiGroup = '',
  version: apiVersion = '',
  resource = '',
  ...rest
}: Partial<WatchedKind>): WatchedKind {
  const { namespaces, label_selector } = rest;
  return {
    group: apiGroup,
    version: apiVersion,
    resource,
    namespaces: [...new Set(namespaces ?? [])],
    label_selector: label_selector ?? null,
  };
}

function problemOf(entry: unknown): string | undefined {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return `found ${showValue(entry)}`;
  const fields = entry as Fields;
  const unknown = Object.keys(fields).find((key) => !Object.hasOwn(keys, key));
  if (unknown !== undefined) return `unknown key ${showValue(unknown)}`;
  const missing = (['group', 'version', 'resource'] as const).find((key) => !Object.hasOwn(fields, key));
  if (missing !== undefined) return `${missing} is missing`;
  const wrong = (Object.keys(fields) as (keyof WatchedKind)[]).find((key) => !keys[key].isGood(fields[key]));
  return wrong === undefined ? undefined : `${wrong}: found ${showValue(fields[wrong])}, not ${keys[wrong].rule}`;
}

function isText(pattern: RegExp): (found: unknown) => boolean {
  return (found) => typeof found === 'string' && found.length <= 253 && pattern.test(found);
}

function isListOf(isGood: (found: unknown) => boolean): (found: unknown) => boolean {
  return (found) => found === null || (Array.isArray(found) && found.every(isGood));
}

/** Whether it is well formed is for the API server to say. */
function isSelector(found: unknown): boolean {
  return found === null || (typeof found === 'string' && found.trim() !== '' && found.length <= 1000);
}
