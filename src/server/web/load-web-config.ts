import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import {
  describeReadError,
  parseSettingsFile,
  type ReadFile,
  type SettingsFileResult,
} from '../../config/settings/settings-file.ts';
import { showText } from '../../config/settings/show-value.ts';
import { describeUnknownKeyOf } from '../../config/settings/unknown-key.ts';
import { haveChanged, noting, type FileStates } from './file-watch.ts';
import { loadTls, type WebFiles } from './load-tls.ts';
import { WebConfig } from './web-config.ts';
import type { WebSettings } from './web-settings.ts';

/** The settings, or every problem with them, a line each. */
export type LoadedWebConfig = WebConfigResult & {
  /** Every file that was read for it or should have been, as it was then. */
  readonly read: FileStates;
};

type WebConfigResult = { readonly settings: WebSettings } | { readonly problems: readonly string[] };

export interface WebConfigRules {
  /** Refused where it would open the door of a server that is guarded: a file that is being written is empty too. */
  readonly mayBeEmpty: boolean;
}

/** How often files are read that change while they are read, before that is a problem. */
const maxAttempts = 3;

/**
 * Reads a web configuration and every file that it names, all of them as they were at one moment. Never throws; no problem
 * shows a secret.
 */
export function loadWebConfig(
  file: string,
  readFile: ReadFile,
  rules: WebConfigRules = { mayBeEmpty: true },
): LoadedWebConfig {
  for (let attempt = 1; ; attempt++) {
    const read = new Map<string, string>();
    const result = readWebConfig(file, noting(readFile, read), rules);
    if (!haveChanged(read)) return { ...result, read };
    if (attempt === maxAttempts) return { problems: [`${showText(file)}: ${isBeingWritten}`], read };
  }
}

const isBeingWritten = 'it or a file that it names is being written; try again once that is over';
const isEmpty = 'is empty, as a file is that is being written; write {} into it to let everybody in';

function readWebConfig(file: string, readFile: ReadFile, { mayBeEmpty }: WebConfigRules): WebConfigResult {
  let text: string;
  try {
    text = readFile(file);
  } catch (error) {
    return { problems: [`${showText(file)}: ${describeReadError(error)}`] };
  }
  if (!mayBeEmpty && !/^[^\S\n]*[^#\s]/m.test(text)) return { problems: [`${showText(file)}: ${isEmpty}`] };
  const format = { schema: WebConfig, describeUnknownKey: describeUnknownKeyOf(WebConfig) };
  const parsed = parseSettingsFile<WebConfig>(format, file, text);
  return 'problems' in parsed ? parsed : readNamedFiles(file, parsed, readFile);
}

function readNamedFiles(
  file: string,
  { settings: config, at, sets }: Exclude<SettingsFileResult<WebConfig>, { problems: unknown }>,
  readFile: ReadFile,
): WebConfigResult {
  const problems: string[] = [];
  const refuse: WebFiles['refuse'] = (path, text) => void problems.push(`${at(...path)}${text}`);
  const read: WebFiles['read'] = (path, named) => {
    try {
      return readFile(resolve(dirname(file), named));
    } catch (error) {
      refuse(path, describeReadError(error, 'the folder of this file'));
      return undefined;
    }
  };
  const named = { config, refuse, read };
  if (sets('authorization') && config.authorization.credentials_files.length === 0)
    refuse(
      ['authorization', 'credentials_files'],
      'names no file, so that nobody is asked for a token; allowed: a list of files, one token each; or remove authorization',
    );
  const settings = {
    tls: loadTls(named),
    headers: Object.entries(config.http_server_config.headers).flatMap(givenHeader),
    rateLimit: rateLimit(named),
    users: config.basic_auth_users,
    tokenDigests: readTokens(named),
    access: config.access,
  };
  return problems.length > 0 ? { problems } : { settings };
}

function givenHeader([name, value]: readonly [string, string | null]): (readonly [string, string])[] {
  return value === null ? [] : [[name, value]];
}

function rateLimit({ config, refuse }: WebFiles): WebSettings['rateLimit'] {
  const { interval, burst } = config.rate_limit;
  if (interval === 0) return undefined;
  if (burst === 0) refuse(['rate_limit', 'burst'], 'found 0, allowed: from 1 up, else every request would be refused');
  return { intervalMs: interval, burst };
}

function readTokens({ config, refuse, read }: WebFiles): readonly Buffer[] {
  return config.authorization.credentials_files.flatMap((file, index) => {
    const path = ['authorization', 'credentials_files', String(index)];
    const token = read(path, file)?.trim();
    if (token === undefined) return [];
    if (/^[\x21-\x7e]+$/.test(token)) return [digestOf(token)];
    refuse(path, 'no token in this file; allowed: one, of visible ASCII characters, without blanks in it');
    return [];
  });
}

/** What is kept of a bearer token: digests have one length, so that they can be compared in constant time. */
export function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
