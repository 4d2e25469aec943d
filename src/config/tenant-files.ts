import { basename, extname, join, resolve } from 'node:path';
import * as z from 'zod';
import type { Config } from './config.ts';
import { describeReadError, parseSettingsFile, type ReadFile, type SettingsFormat } from './settings/settings-file.ts';
import { showText } from './settings/show-value.ts';
import type { PlacedTenant } from './tenant-configs.ts';
import { readTenantEntry, type TenantEntry } from './tenants-section.ts';

type Placed = { readonly tenants: readonly PlacedTenant[] } | { readonly problems: readonly string[] };

interface TenantReading {
  readonly readFile: ReadFile;
  /** The names of the files in a folder; throws as `node:fs` does. */
  readonly listFolder: (path: string) => readonly string[];
  readonly describeUnknownKey: SettingsFormat<unknown>['describeUnknownKey'];
  /** The beginning of a problem with a key of the configuration file. */
  readonly at: (...path: readonly string[]) => string;
}

/** The entries of the file, then those of the folder. */
export function placedTenants(reading: TenantReading, tenants: Config['tenants'], folder: string): Placed {
  const listed = tenants.list.map((entry, index) => {
    const at = (...path: readonly string[]): string => reading.at('tenants', 'list', String(index), ...path);
    return { entry, folder, at };
  });
  if (tenants.folder === null) return { tenants: listed };
  const inFolder = tenantsInFolder(resolve(folder, tenants.folder), reading);
  if ('problems' in inFolder) return inFolder;
  // Two files of one folder cannot have one name, but NAME.yml and NAME.yaml can.
  const names = new Set(listed.map(({ entry }) => entry.name));
  const problems: string[] = [];
  for (const { entry, at } of inFolder.tenants) {
    if (names.has(entry.name)) problems.push(`${at()}the tenant ${entry.name} is there twice, allowed: each name once`);
    names.add(entry.name);
  }
  const all = [...listed, ...inFolder.tenants];
  return problems.length > 0 ? { problems } : { tenants: all };
}

const isTenantFile = (name: string): boolean => /\.ya?ml$/.test(name) && !name.startsWith('.');

function tenantsInFolder(folder: string, { readFile, listFolder, describeUnknownKey }: TenantReading): Placed {
  let names: readonly string[];
  try {
    names = listFolder(folder).filter(isTenantFile);
  } catch (error) {
    return { problems: [`tenants.folder: ${showText(folder)}: ${describeReadError(error)}`] };
  }
  const problems: string[] = [];
  const tenants: PlacedTenant[] = [];
  for (const each of names) {
    const path = join(folder, each);
    try {
      const parsed = parseSettingsFile(
        { schema: entryOf(basename(each, extname(each))), describeUnknownKey },
        path,
        readFile(path),
      );
      if ('problems' in parsed) problems.push(...parsed.problems);
      else tenants.push({ entry: parsed.settings, folder, at: parsed.at });
    } catch (error) {
      problems.push(`${showText(path)}: ${describeReadError(error)}`);
    }
  }
  return problems.length > 0 ? { problems } : { tenants };
}

/** A file of one tenant, which is named as the file. */
function entryOf(name: string): z.ZodType<TenantEntry> {
  return z.unknown().transform((found, context) => {
    const given = { name, ...(found as object | null) };
    if (given.name !== name)
      context.addIssue({
        code: 'custom',
        path: ['name'],
        message: `allowed: ${name}, as the file is named, or nothing`,
      });
    return readTenantEntry(given, [], context) ?? z.NEVER;
  });
}
