import { nearestName } from './nearest-name.ts';
import { withSuggestion } from './reading.ts';
import { keyPaths, keysAt } from './setting.ts';
import { showPath } from './show-value.ts';

/** What to say about a key of a file that does not exist, of a schema whose keys are no flags. A key of another section is recognised. */
export function describeUnknownKeyOf(schema: unknown): (section: readonly string[], key: string) => string {
  return (section, key) => {
    const siblings = [...(keysAt(schema, section)?.keys() ?? [])];
    const suggestion = nearestName(key, siblings) ?? keyElsewhere(key, section, schema);
    return withSuggestion(`${showPath([...section, key])}: unknown key`, suggestion, siblings.join(', '));
  };
}

/** The way to a key of such a name in another section; for a key "receiver.max_alerts", how YAML nests it. */
export function keyElsewhere(key: string, section: readonly string[], schema: unknown): string | undefined {
  const isAbove = (path: readonly string[]): boolean => path.every((name, depth) => name === section[depth]);
  const paths = keyPaths(schema).filter((path) => !isAbove(path));
  const dotted = paths.find((path) => path.length > 1 && path.join('.') === key);
  if (dotted !== undefined) return `${dotted.join(': {')}: ...${'}'.repeat(dotted.length - 1)}`;
  const names = paths.map((path) => path.at(-1) ?? '');
  return paths[names.indexOf(nearestName(key, names) ?? '')]?.join('.');
}
