import { findFlag } from './flag-table.ts';
import type { Flag, FlagKey, flagTable } from './flag-table.ts';
import type { GivenFlag } from './given-arguments.ts';
import { describeRefusal } from '../settings/reading.ts';
import type { Reading } from '../settings/reading.ts';
import { describeUnknownFlag } from './unknown-name.ts';

/** What a command line gave, read; a flag that was not given is not there. */
export type FlagValues = { readonly [Key in FlagKey]?: ValueOf<(typeof flagTable)[Key]> | undefined };

type ValueOf<F> = F extends { readonly read: (found: unknown) => Reading<infer T> } ? T : true;

/** Reads the value of every flag and collects all problems, a line each. */
export function readFlags(given: readonly GivenFlag[]): { readonly values: FlagValues; readonly problems: string[] } {
  const values: Partial<Record<FlagKey, unknown>> = {};
  const problems: string[] = [];
  for (const { typed, name, value } of given) {
    const [key, flag] = findFlag(name) ?? [];
    if (key === undefined || flag === undefined) problems.push(describeUnknownFlag(typed));
    else if (key in values && flag.read !== undefined) problems.push(`${typed}: given twice, allowed: once`);
    else {
      const reading = readFlag(flag, value);
      // Also after a problem, so that a second one of the same name is still seen to be given twice.
      values[key] = typeof reading === 'string' ? undefined : reading.value;
      if (typeof reading === 'string') problems.push(reading);
    }
  }
  // Each value comes from the reader of its own key.
  return { values: values as FlagValues, problems };
}

/** The value, or the problem with it. */
function readFlag({ name, placeholder, read }: Flag, text: string | undefined): { readonly value: unknown } | string {
  if (read === undefined) {
    return text === undefined ? { value: true } : `--${name}: ${describeRefusal(text, { allowed: 'no value' })}`;
  }
  if (text === undefined) return `--${name}: value missing, allowed: --${name}=${placeholder}`;
  const reading = read(text);
  return 'value' in reading ? reading : `--${name}: ${describeRefusal(text, reading)}`;
}
