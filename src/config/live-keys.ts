import type { Config } from './config.ts';
import type { HomeInFile } from './load-config.ts';
import { written } from './settings/show-value.ts';

/** The keys, or sections, that a reload applies while Tocsin runs. Every other key needs a restart, and keeps its value until then. */
export const liveKeys: readonly string[] = [
  'receiver.max_body_size',
  'receiver.max_alerts',
  'receiver.max_alerts_size',
  'receiver.resolve_timeout',
  'receiver.webhook_resolve_timeout',
  'receiver.max_labels_per_alert',
  'receiver.max_silences',
  'receiver.max_silence_size',
  'receiver.header_timeout',
  'receiver.request_timeout',
  'receiver.idle_timeout',
  'receiver.max_connections',
  'receiver.max_connection_memory',
  'receiver.advertised_urls',
  'receiver.watchdog',
  'source',
  'lanes',
  'controller.action',
  'controller.annotate',
  'controller.max_concurrent_reconciles',
  'controller.requeue_after',
  'controller.resync',
  'controller.drain_timeout',
  'prometheus',
  'history',
  'notify',
  'triggers',
  'storm',
  'tenants.label',
  'tenants.default',
  'tenants.list',
  'tenants.allowed_urls',
  'log.alert_lines_per_second',
];

/** What a reload compares: the values, and the presence of those keys whose presence alone has a meaning. */
export interface ComparedConfig {
  readonly config: Config;
  readonly inFile: HomeInFile;
}

export interface ConfigChange {
  /** The configuration from now on: the running configuration with the new values of the {@link liveKeys}. */
  readonly config: Config;
  /** The keys whose new value is in `config`, such as `source.debounce.wait`. */
  readonly changed: readonly string[];
  /** The keys whose new value needs a restart. */
  readonly needRestart: readonly string[];
}

type Section = Readonly<Record<string, unknown>>;

/** The changes that a new configuration makes to the running one. Pure. */
export function configChange(running: ComparedConfig, next: ComparedConfig): ConfigChange {
  const changed: string[] = [];
  const needRestart = new Set<string>();
  const merge = (before: Section, after: Section, path: readonly string[]): Section =>
    Object.fromEntries(Object.keys(after).map((key) => [key, pick(before[key], after[key], [...path, key])]));
  const pick = (before: unknown, after: unknown, path: readonly string[]): unknown => {
    if (isSection(before) && isSection(after) && hasSameKeys(before, after)) return merge(before, after, path);
    if (written(before) === written(after)) return before;
    const key = path.join('.');
    const isLive = liveKeys.some((live) => key === live || key.startsWith(`${live}.`));
    if (isLive) changed.push(key);
    else needRestart.add(key);
    return isLive ? after : before;
  };
  const config = merge(running.config, next.config, []) as unknown as Config;
  for (const key of ['folder', 'kubernetes'] as const)
    if (running.inFile[key] !== next.inFile[key]) needRestart.add(`pipelines.${key}`);
  return { config, changed, needRestart: [...needRestart] };
}

/** A map with keys of the user's own is one value. */
function hasSameKeys(before: Section, after: Section): boolean {
  const keys = Object.keys(before);
  return keys.length === Object.keys(after).length && keys.every((key) => Object.hasOwn(after, key));
}

function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
