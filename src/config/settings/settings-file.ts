import type * as z from 'zod';
import { unshownKeys } from './setting.ts';
import { showPath, showText } from './show-value.ts';
import { parseYaml, type YamlProblem, type YamlNode } from './yaml-file.ts';
import { FileRefusedError } from '../../runtime/regular-file.ts';

/** Returns the text of a file; throws as `node:fs` does. */
export type ReadFile = (path: string) => string;

/**
 * Why a file that a user named cannot be read, and the remedy. The path is left out, as is the system's own message, which contains it:
 * a key or a token may have been put in its place by mistake.
 * @param base where a relative path starts
 */
export function describeReadError(error: unknown, base = 'the working folder'): string {
  if (error instanceof FileRefusedError) return `${error.message}; check the path`;
  const { code, message }: NodeJS.ErrnoException = error instanceof Error ? error : new Error(String(error));
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return `no such file; check the path, a relative one starts at ${base}`;
    case 'EACCES':
    case 'EPERM':
      return 'permission denied; let the user that runs Tocsin read the file and enter its folders';
    case 'EISDIR':
      return 'is a directory; name the file in it';
    default:
      return `cannot be read: ${showText(code ?? message)}; check the path and the disk`;
  }
}

export interface SettingsFormat<T> {
  readonly schema: z.ZodType<T>;
  /** The message about a key that the schema does not have. @param section the path of the section that holds the key */
  readonly describeUnknownKey: (section: readonly string[], key: string) => string;
  /** Pairs of keys of which a file may have only one: the paths of both, and the reason. */
  readonly alternatives?: readonly Alternatives[];
}

export interface Alternatives {
  readonly keys: readonly [readonly string[], readonly string[]];
  readonly why: string;
}

/** A file's settings, or every problem in it, one line each, in the order of the file. */
export type SettingsFileResult<T> =
  | {
      readonly settings: T;
      /** The same as it is written in the file. */
      readonly value: unknown;
      /** True if the file itself sets the key at this path. */
      readonly sets: (...path: readonly string[]) => boolean;
      /** `FILE:LINE:COLUMN: path.to.key: `, the beginning of a problem that shows only when the value is used. */
      readonly at: (...path: readonly string[]) => string;
    }
  | { readonly problems: readonly string[] };

/**
 * Reads the text of a file of settings. Never throws.
 * @param file its path as the user gave it: each problem starts with `FILE:LINE:COLUMN: `
 */
export function parseSettingsFile<T>(format: SettingsFormat<T>, file: string, text: string): SettingsFileResult<T> {
  const { root, problems: yamlProblems, position } = parseYaml(text);
  const place = (offset: number): string => `${showText(file)}:${position(offset)}: `;
  const problems: YamlProblem[] = [];
  if (root === undefined) problems.push(...yamlProblems);
  else {
    const checked = checkSettings(format, root, yamlProblems);
    if ('settings' in checked) {
      return {
        settings: checked.settings,
        value: root.value,
        sets: (...path) => deepest(root, path).isExact,
        at: (...path) => `${place(deepest(root, path).node.offset)}${showPath(path)}: `,
      };
    }
    problems.push(...checked.problems);
  }
  problems.sort((a, b) => a.offset - b.offset);
  return { problems: problems.map((problem) => `${place(problem.offset)}${problem.text}`) };
}

/** The settings in the values of a file, or every problem with them, in no order. @param yamlProblems what the reader of the YAML found */
export function checkSettings<T>(
  format: SettingsFormat<T>,
  root: YamlNode,
  yamlProblems: readonly YamlProblem[] = [],
): { readonly settings: T } | { readonly problems: readonly YamlProblem[] } {
  const parsed = format.schema.safeParse(root.value);
  const issues = parsed.error?.issues ?? [];
  const problems = [
    ...yamlProblems.map((problem) => withPath(problem, issues, format)),
    ...(format.alternatives ?? []).flatMap((each) => describeBoth(each, root)),
  ];
  if (parsed.success && problems.length === 0) return { settings: parsed.data };
  return { problems: [...problems, ...issues.flatMap((issue) => describeIssue(issue, root, format))] };
}

function describeBoth({ keys: [one, other], why }: Alternatives, root: YamlNode): YamlProblem[] {
  const [first, second] = [deepest(root, one), deepest(root, other)].toSorted((a, b) => a.node.offset - b.node.offset);
  if (first?.isExact !== true || second?.isExact !== true) return [];
  return [
    {
      offset: second.node.offset,
      text: `${showPath(one)}, ${showPath(other)}: found both, allowed: one of them; ${why}`,
    },
  ];
}

function describeIssue(issue: z.core.$ZodIssue, root: YamlNode, format: SettingsFormat<unknown>): YamlProblem[] {
  const path = issue.path.map(String);
  const { node, isExact } = deepest(root, path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      offset: node.children.get(key)?.keyOffset ?? node.offset,
      text: describeKey(path, key, issue.message === unshownKeys, format),
    }));
  }
  // A value that is missing in the file can still be wrong in combination with another value.
  const isDefault = !isExact && !(issue.code === 'custom' && issue.params?.['isMissing'] === true);
  const name = path.length === 0 ? '' : `${showPath(path)}${isDefault ? ' (by default)' : ''}: `;
  return [{ offset: node.offset, text: `${name}${issue.message}` }];
}

/** The schema knows which keys may be secrets. In a section of secrets, a key that the schema does not know is not shown. */
function withPath(
  problem: YamlProblem,
  issues: readonly z.core.$ZodIssue[],
  format: SettingsFormat<unknown>,
): YamlProblem {
  const { offset, path, text } = problem;
  if (path === undefined) return problem;
  const section = path.slice(0, -1);
  const key = path.at(-1) ?? '';
  const unknown = issues.find(
    (issue) =>
      issue.code === 'unrecognized_keys' &&
      issue.keys.includes(key) &&
      showPath(issue.path.map(String)) === showPath(section),
  );
  const isShown = unknown === undefined || isShownKey(section, key, unknown.message === unshownKeys, format);
  return { offset, text: `${isShown ? showPath(path) : `${showPath(section)}.<secret>`}: ${text}` };
}

/** Keys of Prometheus that do not exist here. */
const otherKeys: ReadonlySet<string> = new Set(['oauth2', 'bearer_token', 'bearer_token_file', 'proxy_connect_header']);

function describeKey(
  section: readonly string[],
  key: string,
  mayBeSecret: boolean,
  format: SettingsFormat<unknown>,
): string {
  const text = format.describeUnknownKey(section, key);
  if (isShownKey(section, key, mayBeSecret, format)) return text;
  return `${showPath(section)}.<secret>${text.slice(showPath([...section, key]).length)}`;
}

/** A password that slipped into the place of a key resembles no known key. The top level of a file has only names of sections. */
function isShownKey(
  section: readonly string[],
  key: string,
  mayBeSecret: boolean,
  { describeUnknownKey }: SettingsFormat<unknown>,
): boolean {
  if (!mayBeSecret || section.length === 0 || otherKeys.has(key)) return true;
  return describeUnknownKey(section, key).includes('did you mean');
}

/** The node at `path`, or the last node of that path that the file has. */
function deepest(root: YamlNode, path: readonly string[]): { readonly node: YamlNode; readonly isExact: boolean } {
  let node = root;
  for (const key of path) {
    const child = node.children.get(key);
    if (child === undefined) return { node, isExact: false };
    node = child;
  }
  return { node, isExact: true };
}
