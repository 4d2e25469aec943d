import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import * as z from 'zod';
import { Config, healthRulesExist, verdictsExist } from './config.ts';
import { withPathsFrom } from './http-config.ts';
import { describeRefusal } from './settings/reader.ts';
import { keysAt, section, setting } from './settings/setting.ts';
import { written } from './settings/show-value.ts';
import { orNull, readName, readPath } from './settings/value-readers.ts';
import type { TenantEntry, TenantLimits } from './tenants-section.ts';

/** Where the pipelines of a tenant live. `shared`: where those of the file do. */
export type TenantHome =
  | { readonly home: 'shared' }
  | { readonly home: 'folder'; readonly folder: string }
  | {
      readonly home: 'kubernetes';
      readonly kubeconfig: string | null;
      readonly context: string | null;
      /** What the kubeconfig may name. Absent: anything. */
      readonly servers?: NamedServers;
    };

/** Which servers somebody else than the admin may name. */
export interface NamedServers {
  /** `tenants.allowed_urls` */
  readonly allowed: readonly string[] | null;
  /** `tenants.deny_private` */
  readonly denyPrivate: boolean;
}

/** What one tenant runs by. As long as nothing of it changes, it is the same object. */
export interface TenantConfig {
  readonly name: string;
  /** The configuration of the file, with what the tenant has of its own. */
  readonly config: Config;
  readonly home: TenantHome;
  /** `limits.reconcile_rate`, runs per second; 0: no limit. */
  readonly reconcileRate: number;
  /** Its part of the shared workers, compared with those of other tenants. */
  readonly weight: number;
  /** The URLs that Tocsin calls because the tenant names them, and not the file. */
  readonly ownUrls: readonly string[];
}

/** An entry, and where it stands. */
export interface PlacedTenant {
  readonly entry: TenantEntry;
  /** The folder in which relative paths start. */
  readonly folder: string;
  /** `FILE:LINE:COLUMN: tenants.list.3.prometheus.url: `, the beginning of a problem. */
  readonly at: (...path: readonly string[]) => string;
}

/** The configuration of the file. */
export interface CompiledFile {
  readonly config: Config;
  /** The sections as they are written in the file. */
  readonly sections: Readonly<Record<string, unknown>>;
  /** The message about a key that a section does not have. */
  readonly describeUnknownKey: (section: readonly string[], key: string) => string;
}

/** Facts of one tenant need less memory than those of a whole process, bytes. */
const maxHistoryBytes = 4 * 1024 * 1024;

/** By name. */
type Compiled = Map<string, { readonly hash: string; readonly tenant: TenantConfig }>;

const TenantCluster = section({
  /** Null: found as kubectl finds it. */
  kubeconfig: setting(orNull(readPath), null),
  context: setting(orNull(readName), null),
});

/**
 * Compiles the tenants of a file. A tenant of which neither its entry nor what it takes from the file has changed keeps what was
 * compiled before: whoever has 1,000 tenants and changes one compiles one.
 */
export class TenantCompiler {
  #compiled: Compiled = new Map();

  /** Every problem is one line. If there is one, the next call compares with what was good before. */
  compile(
    file: CompiledFile,
    tenants: readonly PlacedTenant[],
  ): { readonly tenants: readonly TenantConfig[] } | { readonly problems: readonly string[] } {
    const { tenants: _tenants, ...own } = file.config;
    const fileHash = hashOf(written([own, file.config.tenants.allowed_urls]) ?? '');
    const compiled: Compiled = new Map();
    const problems: string[] = [];
    for (const placed of tenants) {
      const { name } = placed.entry;
      const hash = hashOf(`${fileHash} ${placed.folder} ${JSON.stringify(placed.entry)}`);
      const known = this.#compiled.get(name);
      if (known?.hash === hash) compiled.set(name, known);
      else {
        const result = compileTenant(file, placed);
        if ('problems' in result) problems.push(...result.problems);
        else compiled.set(name, { hash, tenant: result.tenant });
      }
    }
    const { default: fallback } = file.config.tenants;
    if (fallback !== null && !compiled.has(fallback) && problems.length === 0)
      problems.push(`tenants.default: found ${fallback}, allowed: the name of a tenant, or null`);
    if (problems.length > 0) return { problems };
    this.#compiled = compiled;
    return { tenants: [...compiled.values()].map(({ tenant }) => tenant) };
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

type Compiling = { readonly tenant: TenantConfig } | { readonly problems: readonly string[] };

/** Reads a value by a schema; undefined if it has problems, which are noted with their place. */
type Read = (path: readonly string[], value: unknown, schema: z.ZodType) => unknown;

function compileTenant(file: CompiledFile, placed: PlacedTenant): Compiling {
  const { entry, folder } = placed;
  const problems: string[] = [];
  const read: Read = (path, value, schema) => {
    const parsed = schema.safeParse(value);
    for (const issue of parsed.error?.issues ?? []) problems.push(...describe(file, placed, path, issue));
    return parsed.data;
  };
  const sectionOf = <Name extends OwnSection>(name: Name): Config[Name] => {
    if (entry[name] === undefined) return file.config[name];
    const parsed = read([name], merged(file, name, entry[name]), schemaOf(name));
    return parsed === undefined ? file.config[name] : (parsed as Config[Name]);
  };
  const [prometheus, history, notify] = [sectionOf('prometheus'), sectionOf('history'), sectionOf('notify')];
  const { pipelines, home } = pipelinesOf(file, placed, read);
  const config: Config = {
    ...file.config,
    receiver: limited(file.config.receiver, entry.limits),
    prometheus: { ...prometheus, http_config: withPathsFrom(folder, prometheus.http_config) },
    triggers: sectionOf('triggers'),
    storm: sectionOf('storm'),
    notify: { ...notify, alertmanagers: notify.alertmanagers.map((each) => withOwnPaths(folder, each)) },
    history: { ...history, max_size: Math.min(history.max_size, maxHistoryBytes) },
    pipelines,
  };
  const ownUrls = urlsOf(entry, config);
  problems.push(...refusedUrls(file, placed, ownUrls));
  if (problems.length === 0) read([], config, wholeConfig);
  if (problems.length > 0) return { problems };
  const { name, weight, limits } = entry;
  return { tenant: { name, config, home, ownUrls, weight, reconcileRate: limits.reconcile_rate } };
}

type OwnSection = 'prometheus' | 'triggers' | 'storm' | 'notify' | 'history';

function schemaOf(name: OwnSection): z.ZodType {
  return keysAt(Config, [])?.get(name) as z.ZodType;
}

const wholeConfig = z.custom<Config>().check(healthRulesExist, verdictsExist);

/**
 * A key that the tenant has replaces that of the file as a whole. Who names servers of its own gets no credentials of the file for
 * them.
 */
function merged({ sections }: CompiledFile, name: string, own: Readonly<Record<string, unknown>>): unknown {
  const given = sections[name];
  const above = typeof given === 'object' && given !== null ? (given as Readonly<Record<string, unknown>>) : {};
  if (name !== 'prometheus' || own['url'] === undefined) return { ...above, ...own };
  const { http_config: _credentials, params: _params, ...rest } = above;
  return { ...rest, ...own };
}

interface OwnPipelines {
  readonly pipelines: Config['pipelines'];
  readonly home: TenantHome;
}

function pipelinesOf(file: CompiledFile, { entry, folder }: PlacedTenant, read: Read): OwnPipelines {
  const { folder: ownFolder, kubernetes, ...others } = entry.pipelines ?? {};
  const shared: OwnPipelines = { pipelines: file.config.pipelines, home: { home: 'shared' } };
  for (const key of Object.keys(others))
    read(['pipelines', key], undefined, refusing('unknown key, allowed: folder, kubernetes'));
  if (ownFolder !== undefined && kubernetes !== undefined)
    read(['pipelines'], undefined, refusing('found both folder and kubernetes, allowed: one of them'));
  if (ownFolder !== undefined) {
    const reading = readPath(ownFolder);
    if ('value' in reading) return inFolder(file, resolve(folder, reading.value));
    read(['pipelines', 'folder'], undefined, refusing(describeRefusal(ownFolder, reading)));
  }
  return kubernetes === undefined ? shared : (inCluster(file, folder, kubernetes, read) ?? shared);
}

function refusing(message: string): z.ZodType {
  return z.unknown().refine(() => false, { error: message });
}

function inFolder({ config }: CompiledFile, folder: string): OwnPipelines {
  return { pipelines: { ...config.pipelines, folder }, home: { home: 'folder', folder } };
}

function inCluster(file: CompiledFile, folder: string, found: unknown, read: Read): OwnPipelines | undefined {
  const path = ['pipelines', 'kubernetes'];
  const own = read(path, found ?? {}, z.record(z.string(), z.unknown())) as
    Readonly<Record<string, unknown>> | undefined;
  if (own === undefined) return undefined;
  const { kubeconfig = null, context = null, ...watched } = own;
  const cluster = read(path, { kubeconfig, context }, TenantCluster) as z.infer<typeof TenantCluster> | undefined;
  const above = (file.sections['pipelines'] as { readonly kubernetes?: object } | null | undefined)?.kubernetes;
  const schema = keysAt(Config, ['pipelines'])?.get('kubernetes') as z.ZodType;
  const kubernetes = read(path, { ...above, ...watched }, schema) as Config['pipelines']['kubernetes'] | undefined;
  if (cluster === undefined || kubernetes === undefined) return undefined;
  const { allowed_urls: allowed, deny_private: denyPrivate } = file.config.tenants;
  const isFree = cluster.kubeconfig === null || (allowed === null && !denyPrivate);
  return {
    pipelines: { ...file.config.pipelines, kubernetes },
    home: {
      home: 'kubernetes',
      kubeconfig: cluster.kubeconfig === null ? null : resolve(folder, cluster.kubeconfig),
      context: cluster.context,
      ...(!isFree && { servers: { allowed, denyPrivate } }),
    },
  };
}

/** The paths in its `http_config` start at this folder. */
function withOwnPaths<T extends Config['notify']['alertmanagers'][number]>(folder: string, each: T): T {
  return { ...each, http_config: withPathsFrom(folder, each.http_config) };
}

function least(most: number, limit: number): number {
  return limit === 0 ? most : Math.min(most, limit);
}

/** The limits of a tenant are those of the receiver, as far as they are less. */
function limited(receiver: Config['receiver'], limits: TenantLimits): Config['receiver'] {
  return {
    ...receiver,
    max_alerts: least(receiver.max_alerts, limits.max_alerts_count),
    max_alerts_size: least(receiver.max_alerts_size, limits.max_alerts_size_bytes),
    max_silences: least(receiver.max_silences, limits.max_silences_count),
    max_silence_size: least(receiver.max_silence_size, limits.max_silence_size_bytes),
  };
}

function proxyOf({ proxy_url: proxy }: Config['prometheus']['http_config']): readonly string[] {
  return proxy === null ? [] : [proxy.reveal()];
}

/** A proxy is called as well, and a call through it ends wherever its owner likes. */
function urlsOf(entry: TenantEntry, { prometheus, notify }: Config): readonly string[] {
  const asked = entry.prometheus?.['url'] === undefined ? [] : (prometheus.url ?? []);
  const askedBy = entry.prometheus?.['http_config'] === undefined ? [] : proxyOf(prometheus.http_config);
  const told = entry.notify?.['alertmanagers'] === undefined ? [] : notify.alertmanagers;
  return [...asked, ...askedBy, ...told.flatMap(({ url, http_config: config }) => [url, ...proxyOf(config)])];
}

function refusedUrls({ config }: CompiledFile, { at }: PlacedTenant, urls: readonly string[]): readonly string[] {
  const { allowed_urls: allowed } = config.tenants;
  if (allowed === null) return [];
  return urls.filter((url) => !isAllowed(url, allowed)).map((url) => `${at()}${notAllowed(url, allowed)}`);
}

/** Whether a URL is below one of `tenants.allowed_urls`. */
export function isAllowed(url: string, allowed: readonly string[]): boolean {
  return allowed.some((each) => isBelow(url, each));
}

export function notAllowed(url: string, allowed: readonly string[]): string {
  return `found a server at ${originOf(url)}, allowed by tenants.allowed_urls: ${allowed.join(', ')}`;
}

/** Whether a URL has this origin, and its path begins with that one, segment by segment. */
export function isBelow(url: string, allowed: string): boolean {
  const [one, other] = [new URL(url), new URL(allowed)];
  if (one.origin !== other.origin) return false;
  const prefix = other.pathname.replace(/\/+$/, '');
  if (one.pathname !== prefix && !one.pathname.startsWith(`${prefix}/`)) return false;
  // A proxy that decodes these before it chooses a backend sees other segments: `/a/..%2fb`.
  return !/%(?:2f|5c|25)/i.test(one.pathname.slice(prefix.length));
}

function originOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

function describe(
  file: CompiledFile,
  { at }: PlacedTenant,
  path: readonly string[],
  issue: z.core.$ZodIssue,
): readonly string[] {
  const place = [...path, ...issue.path.map(String)];
  if (issue.code !== 'unrecognized_keys') return [`${at(...place)}${issue.message}`];
  return issue.keys.map((key) => `${at(...place, key)}${file.describeUnknownKey(place, key)}`);
}
