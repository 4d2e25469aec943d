import type { z } from 'zod';
import { Config } from './config.ts';
import { describeUnknownKey } from './unknown-name.ts';
import { showPath, showText } from './show-value.ts';
import { parseYaml } from './yaml-file.ts';
import type { YamlProblem } from './yaml-file.ts';
import type { YamlNode } from './yaml-tree.ts';

/** A file's configuration, or every problem in it, a line each, in the order of the file. */
export type ConfigFileResult =
  | {
      readonly config: Config;
      /** True if the file itself sets the key at this path. */
      sets(...path: readonly string[]): boolean;
    }
  | { readonly problems: readonly string[] };

/**
 * Reads the text of a configuration file. Never throws.
 * @param file its path as the user gave it: each problem starts with `FILE:LINE:COLUMN: `
 */
export function parseConfigFile(file: string, text: string): ConfigFileResult {
  const { root, problems: yamlProblems, position } = parseYaml(text);
  const problems = [...yamlProblems];
  if (root !== undefined) {
    const parsed = Config.safeParse(root.value);
    const sets = (...path: readonly string[]): boolean => deepest(root, path).isExact;
    if (parsed.success && problems.length === 0) return { config: parsed.data, sets };
    problems.push(...(parsed.error?.issues.flatMap((issue) => describeIssue(issue, root)) ?? []));
  }
  problems.sort((a, b) => a.offset - b.offset);
  return { problems: problems.map((problem) => `${showText(file)}:${position(problem.offset)}: ${problem.text}`) };
}

function describeIssue(issue: z.core.$ZodIssue, root: YamlNode): YamlProblem[] {
  const path = issue.path.map(String);
  const { node, isExact } = deepest(root, path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      offset: node.children.get(key)?.keyOffset ?? node.offset,
      text: describeUnknownKey(path, key),
    }));
  }
  // A value that is not in the file can still be wrong together with one that is.
  const name = path.length === 0 ? '' : `${showPath(path)}${isExact ? '' : ' (by default)'}: `;
  return [{ offset: node.offset, text: `${name}${issue.message}` }];
}

/** The node at `path`, or the last one on the way that is in the file. */
function deepest(root: YamlNode, path: readonly string[]): { readonly node: YamlNode; readonly isExact: boolean } {
  let node = root;
  for (const key of path) {
    const child = node.children.get(key);
    if (child === undefined) return { node, isExact: false };
    node = child;
  }
  return { node, isExact: true };
}
