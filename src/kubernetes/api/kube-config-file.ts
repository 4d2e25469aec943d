import { describeReadError } from '../../config/settings/settings-file.ts';
import { showText } from '../../config/settings/show-value.ts';
import { parseYaml } from '../../config/settings/yaml-file.ts';
import { configurationFileBytes } from '../../limits.ts';
import { readRegularFileSync } from '../../runtime/regular-file.ts';

/** What of a kubeconfig's content is read here; the rest is for the library. */
export interface KubeConfigContent {
  readonly users?: readonly { readonly name: string; readonly user?: { readonly tokenFile?: string } | null }[];
}

/**
 * The content of a kubeconfig. Throws an Error with one line for the user: where it is wrong and why. Nothing of its text is in
 * that line: the library's own reader would quote it, tokens included.
 */
export function readKubeConfig(file: string): KubeConfigContent {
  const { root, problems, position } = parseYaml(readText(file));
  const [problem] = problems;
  if (problem !== undefined) throw wrong(`${file}:${position(problem.offset)}`, problem.text);
  if (root?.value instanceof Object && !Array.isArray(root.value)) return root.value;
  throw wrong(file, 'not a kubeconfig, allowed: a map with clusters, users and contexts');
}

function readText(file: string): string {
  try {
    return readRegularFileSync(file, configurationFileBytes).toString('utf8');
  } catch (error) {
    throw wrong(file, describeReadError(error));
  }
}

function wrong(place: string, why: string): Error {
  return new Error(`kubeconfig ${showText(place)}: ${why}`);
}
