import { isDeepStrictEqual } from 'node:util';
import { Config } from '../config/config.ts';
import { formatDuration } from '../config/settings/duration.ts';
import { Secret, showValue } from '../config/settings/show-value.ts';

type Path = readonly string[];

/** What differs from the defaults, one line for each key, in the order of the configuration. Secrets are not shown. */
export function changedKeys(config: Config): readonly string[] {
  const defaults = new Map([...leaves(Config.parse({}))].map(([path, value]) => [path.join('.'), value]));
  return [...leaves(config)].flatMap(([path, value]) => {
    const key = path.join('.');
    return isDeepStrictEqual(defaults.get(key), value) ? [] : [`${key}: ${shown(value, isDuration(path))}`];
  });
}

/** Every file that the configuration names. */
export function filesIn(config: Config): readonly string[] {
  return [...leaves(config)].flatMap(([path, value]) => {
    if (value instanceof Map) return [...value.values()].flatMap(filesOfHeader);
    return typeof value === 'string' && path.at(-1)?.endsWith('_file') === true ? [value] : [];
  });
}

/** A header of `prometheus.http_config.http_headers`. */
function filesOfHeader(header: unknown): readonly string[] {
  const { files } = (header ?? {}) as { readonly files?: readonly string[] };
  return files ?? [];
}

/** Every value of a section, with its path. */
function* leaves(value: unknown, path: Path = []): Generator<readonly [Path, unknown], void> {
  if (!isSection(value)) yield [path, value];
  else for (const [key, inner] of Object.entries(value)) yield* leaves(inner, [...path, key]);
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** Durations are milliseconds once they are read; no key of the configuration says so but by its default. */
function isDuration(path: Path): boolean {
  const name = path.at(-1) ?? '';
  return /(?:timeout|wait|after|grace|resync|retention|interval)$/.test(name);
}

function shown(value: unknown, isDurationKey: boolean): string {
  if (value instanceof Secret) return value.toString();
  if (value instanceof Map) return [...value.keys()].map(String).join(', ');
  return isDurationKey && typeof value === 'number' ? formatDuration(value) : showValue(value);
}
