import * as z from 'zod';
import { readHttpUrl } from './settings/http-url.ts';
import { describeRefusal, type Reader } from './settings/reader.ts';
import { oneOrListOf, section, setting } from './settings/setting.ts';
import { orNull, readBoolean, readChoice, readPath } from './settings/value-readers.ts';

/** The sections of the file of which a tenant may have its own keys. */
export const tenantSections = ['pipelines', 'prometheus', 'triggers', 'storm', 'notify', 'history'] as const;
type TenantSection = (typeof tenantSections)[number];

/** Cortex's limits, without its prefix; 0 is no limit of the tenant's own. */
export interface TenantLimits {
  readonly max_alerts_count: number;
  /** Bytes. */
  readonly max_alerts_size_bytes: number;
  readonly max_silences_count: number;
  /** Bytes. */
  readonly max_silence_size_bytes: number;
  /** Runs per second. */
  readonly reconcile_rate: number;
}

/** An entry of `tenants.list`, or a file of `tenants.folder`. Its sections are compiled together with those of the file. */
export interface TenantEntry extends Readonly<Partial<Record<TenantSection, Readonly<Record<string, unknown>>>>> {
  readonly name: string;
  /** Its part of what all tenants share, compared with the parts of others. */
  readonly weight: number;
  readonly limits: TenantLimits;
}

/** Paths and folders of the program's own: a tenant of that name could not be reached by path. */
const reservedNames: ReadonlySet<string> = new Set([
  'api',
  'metrics',
  'webhook',
  'admission',
  'alertmanager',
  'prom',
  'assets',
  '-',
]);

/** In bytes, which are characters here. */
const maxNameLength = 150;

const nameRule = `a name of at most ${maxNameLength} characters of A-Z a-z 0-9 ! - _ . * ' ( ), neither . nor .. nor ${[...reservedNames].join(', ')}`;

/** Whether a text may be the name of a tenant: Cortex's rules, and no path of ours. */
export function isTenantName(text: string): boolean {
  if (text.length > maxNameLength || !/^[A-Za-z0-9!\-_.*'()]+$/.test(text)) return false;
  return text !== '.' && text !== '..' && !reservedNames.has(text);
}

/** Reads the name of a tenant. */
export const readTenantName: Reader<string> = (found) =>
  typeof found === 'string' && isTenantName(found) ? { value: found } : { allowed: nameRule };

const readLimit: Reader<number> = (found) =>
  typeof found === 'number' && Number.isSafeInteger(found) && found >= 0
    ? { value: found }
    : { allowed: 'a whole number from 0 up, and 0 is no limit' };

const readRate: Reader<number> = (found) =>
  typeof found === 'number' && Number.isFinite(found) && found >= 0
    ? { value: found }
    : { allowed: 'runs per second, a number from 0 up, and 0 is no limit' };

const maxWeight = 100;

const readWeight: Reader<number> = (found) =>
  typeof found === 'number' && Number.isSafeInteger(found) && found >= 1 && found <= maxWeight
    ? { value: found }
    : { allowed: `a whole number from 1 to ${maxWeight}` };

const LimitsSection = section({
  max_alerts_count: setting(readLimit, 0),
  max_alerts_size_bytes: setting(readLimit, 0),
  max_silences_count: setting(readLimit, 0),
  max_silence_size_bytes: setting(readLimit, 0),
  reconcile_rate: setting(readRate, 0),
});

type Issues = z.RefinementCtx;
type Keys = Readonly<Record<string, unknown>>;

function isMap(found: unknown): found is Keys {
  return typeof found === 'object' && found !== null && !Array.isArray(found);
}

function addIssue(context: Issues, path: PropertyKey[], message: string, isMissing = false): void {
  context.addIssue({ code: 'custom', path, message, params: { isMissing } });
}

const entryKeys: readonly string[] = ['name', 'weight', 'limits', ...tenantSections];
const entryRule = `a map with the keys ${entryKeys.join(', ')}`;

function addSectionIssues(sections: Keys, path: PropertyKey[], context: Issues): void {
  for (const [key, value] of Object.entries(sections)) {
    if (!entryKeys.includes(key)) addIssue(context, [...path, key], `unknown key, allowed: ${entryKeys.join(', ')}`);
    else if (value !== null && !isMap(value))
      addIssue(context, [...path, key], describeRefusal(value, { allowed: 'a map', secret: true }));
  }
}

/** Reads an entry. What is in its sections is read later. Every problem is added to `context`, below `path`. */
export function readTenantEntry(found: unknown, path: PropertyKey[], context: Issues): TenantEntry | undefined {
  if (!isMap(found)) {
    addIssue(context, path, describeRefusal(found, { allowed: entryRule, secret: true }));
    return undefined;
  }
  const { name, weight = 1, limits, ...sections } = found;
  const reading = readTenantName(name);
  if (!('value' in reading)) addIssue(context, [...path, 'name'], describeRefusal(name, reading), name === undefined);
  const weighing = readWeight(weight);
  if (!('value' in weighing)) addIssue(context, [...path, 'weight'], describeRefusal(weight, weighing));
  const parsed = LimitsSection.safeParse(limits ?? {});
  for (const issue of parsed.error?.issues ?? [])
    addIssue(context, [...path, 'limits', ...issue.path], describeLimits(issue));
  addSectionIssues(sections, path, context);
  if (!('value' in reading && 'value' in weighing) || parsed.data === undefined) return undefined;
  const given = Object.entries(sections).filter(([, value]) => isMap(value));
  return {
    ...(Object.fromEntries(given) as Partial<TenantEntry>),
    name: reading.value,
    weight: weighing.value,
    limits: parsed.data,
  };
}

function describeLimits(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return issue.message;
  return `unknown key ${issue.keys.join(', ')}, allowed: ${Object.keys(LimitsSection.parse({})).join(', ')}`;
}

const list = z
  .unknown()
  .transform((found, context): readonly TenantEntry[] => {
    if (found === null) return [];
    if (!Array.isArray(found)) {
      addIssue(context, [], describeRefusal(found, { allowed: 'a list of tenants', secret: true }));
      return z.NEVER;
    }
    const entries: TenantEntry[] = [];
    const places = new Map<string, number>();
    for (const [index, each] of found.entries()) {
      const entry = readTenantEntry(each, [index], context);
      if (entry === undefined) continue;
      const first = places.get(entry.name);
      if (first !== undefined)
        addIssue(context, [index, 'name'], `found the name of the entry ${first + 1}, allowed: each name once`);
      places.set(entry.name, index);
      entries.push(entry);
    }
    return entries;
  })
  .prefault(null);

const readHeader: Reader<string> = (found) =>
  typeof found === 'string' && /^[!#$%&'*+.^_`|~\w-]{1,200}$/.test(found)
    ? { value: found }
    : { allowed: 'the name of a header, as in X-Scope-OrgID' };

const readLabel: Reader<string> = (found) =>
  typeof found === 'string' && /^[A-Za-z_]\w{0,199}$/.test(found)
    ? { value: found }
    : { allowed: 'the name of a label, as in cluster' };

interface Judged {
  readonly by: 'path' | 'header' | 'label' | null;
  readonly list: readonly TenantEntry[];
  readonly folder: string | null;
}

const byIsGiven = z.refine<Judged>(
  ({ by, list: tenants, folder }) => by !== null || (tenants.length === 0 && folder === null),
  {
    path: ['by'],
    error: 'missing beside tenants, allowed: path, header, label',
  },
);

/** Who shares this Tocsin. Without `by`, nobody: there is one spine, and it has the whole process. */
export const TenantsSection = section(
  {
    /** How a request names its tenant. */
    by: setting(orNull(readChoice(['path', 'header', 'label'])), null),
    header: setting(readHeader, 'X-Scope-OrgID'),
    /** The label that names the tenant of an alert. */
    label: setting(readLabel, 'cluster'),
    /** Whose an alert is that names no tenant that exists. Null: nobody's, and so it is invalid. */
    default: setting(orNull(readTenantName), null),
    list,
    /** Each file of it, NAME.yml, is an entry. */
    folder: setting(orNull(readPath), null),
    /** The origins, with a path prefix, of the servers that tenants may have asked. Null: any. */
    allowed_urls: oneOrListOf(readHttpUrl, { allowed: 'a list of http or https URLs, each once, or null' }),
    /** Whether the servers that tenants name may not be at private, loopback and link-local addresses. */
    deny_private: setting(readBoolean, false),
    /** Whether metrics have the label `tenant`. */
    metrics: setting(readBoolean, false),
  },
  byIsGiven,
);
