import { durationUnitNames, formatDuration, parseDuration, suggestDuration } from './duration.ts';
import { nearestName } from './unknown-key.ts';
import type { Reader } from './reader.ts';
import { formatSize, parseSize, sizeUnitNames, suggestSize } from './size.ts';

/** A text with a unit: how it is read, written and guessed. Values are milliseconds or bytes. */
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

/** Milliseconds, from a duration of at least `min` and at most `max` (durations as well). */
export function readDuration(min: string, max: string): Reader<number> {
  return readQuantity(duration, min, max);
}

/** Bytes, from a size of at least `min` and, if given, at most `max` (sizes as well). */
export function readSize(min: string, max?: string): Reader<number> {
  return readQuantity(size, min, max);
}

/** A whole number from 1 up. */
export const readCount: Reader<number> = (found) => {
  if (isCount(found)) return { value: found };
  const suggestion = typeof found === 'string' ? Number(found.replaceAll(/[\s_,]/g, '')) : NaN;
  const allowed = 'a whole number from 1 up';
  return isCount(suggestion) ? { allowed, suggestion } : { allowed };
};

/** A whole number from 0 up; 0 switches something off. */
export const readCountOrZero: Reader<number> = (found) => {
  if (found === 0) return { value: 0 };
  const read = readCount(found);
  return 'allowed' in read ? { ...read, allowed: 'a whole number from 0 up' } : read;
};

export const readBoolean: Reader<boolean> = (found) =>
  typeof found === 'boolean' ? { value: found } : { allowed: 'true or false' };

/** One of a few words. `note` says what a reader of the message may miss among them. */
export function readChoice<const T extends string>(choices: readonly T[], note = ''): Reader<T> {
  return (found) => {
    const value = choices.find((choice) => choice === found);
    if (value !== undefined) return { value };
    const suggestion = typeof found === 'string' ? nearestName(found, choices) : undefined;
    return { allowed: `${choices.join(', ')}${note}`, suggestion };
  };
}

/** A list of names, none of them empty, none there twice. */
export const readNames: Reader<readonly string[]> = (found) => {
  const names = Array.isArray(found) ? (found as readonly unknown[]) : [];
  const areNames =
    names.every((name) => typeof name === 'string' && name !== '') && new Set(names).size === names.length;
  if (Array.isArray(found) && areNames) return { value: names as readonly string[] };
  const allowed = 'a list of names, each once, as in [alertname, namespace]';
  return typeof found === 'string' ? { allowed, suggestion: `[${found}]` } : { allowed };
};

/** The path of a file or folder, no URL; whether it exists is for whoever opens it to find out. */
export const readPath: Reader<string> = (found) => {
  const isPath = typeof found === 'string' && found.trim() !== '' && !/\p{Cc}|^[a-z][a-z\d+.-]+:\/\//iu.test(found);
  return isPath ? { value: found } : { allowed: 'a path' };
};

/** As `read`, and null is a value too. */
export function orNull<T>(read: Reader<T>): Reader<T | null> {
  return (found) => (found === null ? { value: null } : read(found));
}

/** A name, of whatever it may be: a text on one line. */
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
    // YAML reads a bare 0 as a number; it needs no unit.
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
