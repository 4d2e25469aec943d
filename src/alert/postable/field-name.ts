/** The fields of a postable alert that are read; its others are passed over. */
export type FieldName = 'labels' | 'annotations' | 'startsAt' | 'endsAt' | 'generatorURL';

const fieldNames: ReadonlyMap<string, FieldName> = new Map([
  ['labels', 'labels'],
  ['annotations', 'annotations'],
  ['startsat', 'startsAt'],
  ['endsat', 'endsAt'],
  ['generatorurl', 'generatorURL'],
]);

const longestName = 'generatorURL'.length;

/**
 * The field that a member's name stands for; undefined if it is none. As in Go's encoding/json the letter case does not
 * count, and `ſ` (U+017F) is an s.
 */
export function fieldName(name: string): FieldName | undefined {
  if (name.length > longestName) return undefined;
  return fieldNames.get(name.toLowerCase().replaceAll('\u017f', 's'));
}
