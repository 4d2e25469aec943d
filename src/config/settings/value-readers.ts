import { durationUnitNames, formatDuration, parseDuration, suggestDuration } from './duration.ts';
import { nearestName } from './unknown-key.ts';
import type { Reader } from './reader.ts';
import { formatSize, parseSize, sizeUnitNames, suggestSize } from './size.ts';

/** A text with a unit: how to read, write and guess it. Values are milliseconds or bytes. */
interface Quantity {
  readonly noun: string;
  readonly units: string;
  parse(text: string): number | undefined;
  format(value: number): string;
  suggest(text: string): string | undefined;
}

const duration: Quantity = {
  noun: 'a duration',
  units: `${durationUnitNames}, as in 1h30m`,
  parse: parseDuration,
  format: formatDuration,
  suggest: suggestDuration,
};

const size: Quantity = {
  noun: 'a size',
  units: sizeUnitNames,
  parse: parseSize,
  format: formatSize,
  suggest: suggestSize,
};

/** Reads milliseconds, from a duration of at least `min` and at most `max` (also durations). */
export function readDuration(min: string, max: string): Reader<number> {
  return readQuantity(duration, min, max);
}

/** Reads bytes, from a size of at least `min` and, if given, at most `max` (also sizes). */
export function readSize(min: string, max?: string): Reader<number> {
  return readQuantity(size, min, max);
}

/** Reads a whole number from 1 up. */
export const readCount: Reader<number> = (found) => {
  if (isCount(found)) return { value: found };
  const suggestion = typeof found === 'string' ? Number(found.replaceAll(/[\s_,]/g, '')) : NaN;
  const allowed = 'a whole number from 1 up';
  return isCount(suggestion) ? { allowed, suggestion } : { allowed };
};

/** Reads a whole number from 0 up; 0 switches something off. */
export const readCountOrZero: Reader<number> = (found) => {
  if (found === 0) return { value: 0 };
  const read = readCount(found);
  return 'allowed' in read ? { ...read, allowed: 'a whole number from 0 up' } : read;
};

export const readBoolean: Reader<boolean> = (found) =>
  typeof found === 'boolean' ? { value: found } : { allowed: 'true or false' };

/** Reads one of a few words. `note` explains what a reader of the message may miss among them. */
export function readChoice<const T extends string>(choices: readonly T[], note = ''): Reader<T> {
  return (found) => {
    const value = choices.find((choice) => choice === found);
    if (value !== undefined) return { value };
    const suggestion = typeof found === 'string' ? nearestName(found, choices) : undefined;
    return { allowed: `${choices.join(', ')}${note}`, suggestion };
  };
}

/** Reads a list of names without empty names or duplicates. */
export const readNames: Reader<readonly string[]> = (found) => {
  const names = Array.isArray(found) ? (found as readonly unknown[]) : [];
  const areNames =
    names.every((name) => typeof name === 'string' && name !== '') && new Set(names).size === names.length;
  if (Array.isArray(found) && areNames) return { value: names as readonly string[] };
  const allowed = 'a list of names, each once, as in [alertname, namespace]';
  return typeof found === 'string' ? { allowed, suggestion: `[${found}]` } : { allowed };
};

/** Reads the path of a file or folder, but not a URL. Whoever opens it finds out whether it exists. */
export const readPath: Reader<string> = (found) => {
  const isPath = typeof found === 'string' && found.trim() !== '' && !/\p{Cc}|^[a-z][a-z\d+.-]+:\/\//iu.test(found);
  return isPath ? { value: found } : { allowed: 'a path' };
};

/** Like `read`, but also accepts null. */
export function orNull<T>(read: Reader<T>): Reader<T | null> {
  return (found) => (found === null ? { value: null } : read(found));
}

/** Reads any kind of name: a text on one line. */
export const readName: Reader<string> = (found) =>
  typeof found === 'string' && found.trim() !== '' && !/\p{Cc}/u.test(found) ? { value: found } : { allowed: 'a name' };

function readQuantity(quantity: Quantity, min: string, max?: string): Reader<number> {
  const least = quantity.parse(min) ?? 0;
  const most = max === undefined ? Number.MAX_SAFE_INTEGER : (quantity.parse(max) ?? 0);
  const range = max === undefined ? `from ${min} up` : `from ${min} to ${max}`;
  const allowed = `${quantity.noun} ${range} (units: ${quantity.units})`;
  const inRange = (value: number | undefined): value is number =>
    value !== undefined && value >= least && value <= most;
  return (found) => {
    // YAML reads a bare 0 as a number; 0 needs no unit.
    const value = typeof found === 'string' ? quantity.parse(found) : found === 0 ? 0 : undefined;
    if (inRange(value)) return { value };
    const suggestion =
      typeof found === 'string' || typeof found === 'number' ? quantity.suggest(String(found)) : undefined;
    return suggestion !== undefined && inRange(quantity.parse(suggestion)) ? { allowed, suggestion } : { allowed };
  };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}
