import { withSuggestion } from './reader.ts';
import { keyPaths, keysAt } from './setting.ts';
import { showPath } from './show-value.ts';

/** Creates the message about an unknown key of a file, for a schema whose keys are not flags. A key of another section is recognised. */
export function describeUnknownKeyOf(schema: unknown): (section: readonly string[], key: string) => string {
  return (section, key) => {
    const siblings = [...(keysAt(schema, section)?.keys() ?? [])];
    const suggestion = nearestName(key, siblings) ?? keyElsewhere(key, section, schema);
    return withSuggestion(`${showPath([...section, key])}: unknown key`, suggestion, siblings.join(', '));
  };
}

/** The path of a key of this name in another section; for a key "receiver.max_alerts", how to nest it in YAML. */
export function keyElsewhere(key: string, section: readonly string[], schema: unknown): string | undefined {
  const isAbove = (path: readonly string[]): boolean => path.every((name, depth) => name === section[depth]);
  const paths = keyPaths(schema).filter((path) => !isAbove(path));
  const dotted = paths.find((path) => path.length > 1 && path.join('.') === key);
  if (dotted !== undefined) return `${dotted.join(': {')}: ...${'}'.repeat(dotted.length - 1)}`;
  const names = paths.map((path) => path.at(-1) ?? '');
  return paths[names.indexOf(nearestName(key, names) ?? '')]?.join('.');
}

/**
 * The known name that was most likely meant: the nearest by edit distance, ignoring case.
 * Undefined if no name is near, that is, if more than a third of the letters differ. If several are equally near, the first wins.
 */
export function nearestName(name: string, knownNames: Iterable<string>): string | undefined {
  let nearest: string | undefined;
  let nearestDistance = Infinity;
  for (const known of knownNames) {
    const limit = Math.floor(Math.max(name.length, known.length) / 3);
    // The distance is at least the difference in length, so that a very long name costs nothing.
    if (Math.abs(name.length - known.length) > limit) continue;
    const distance = editDistance(name.toLowerCase(), known.toLowerCase());
    if (distance <= limit && distance < nearestDistance) [nearest, nearestDistance] = [known, distance];
  }
  return nearest;
}

/** As {@link nearestName}, for names such as `Kind/name`: each part has to be near the same part, not only the whole. */
export function nearestPath(path: string, knownPaths: readonly string[]): string | undefined {
  const parts = path.split('/');
  const near = knownPaths.filter((known) => {
    const knownParts = known.split('/');
    const isNear = (part: string, index: number): boolean => nearestName(parts[index]!, [part]) !== undefined;
    return knownParts.length === parts.length && knownParts.every(isNear);
  });
  return nearestName(path, near);
}

/**
 * The Damerau-Levenshtein distance (in its optimal string alignment form): how many letters have to be inserted, deleted,
 * replaced, or swapped with their neighbour.
 */
function editDistance(from: string, to: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = at(previous, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const swapped = isSwap(from, row, to, column) ? at(beforePrevious, column - 2) + 1 : Infinity;
      current.push(Math.min(at(previous, column) + 1, at(current, column - 1) + 1, replaced, swapped));
    }
    [beforePrevious, previous] = [previous, current];
  }
  return at(previous, to.length);
}

function isSwap(from: string, row: number, to: string, column: number): boolean {
  return row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
}

function at(distances: readonly number[], index: number): number {
  return distances[index] ?? Infinity;
}
