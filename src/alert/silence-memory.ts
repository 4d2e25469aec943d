import { regexpSize } from './regexp-size.ts';
import type { Silence } from './silence.ts';

/** What a silence takes besides its texts, and a matcher or an annotation besides theirs, bytes. */
const silenceBytes = 600;
const entryBytes = 200;

/** What one instruction of a compiled expression takes at worst, bytes: a class of Unicode has tables of its own. */
const instructionBytes = 600;

/** About how much memory a silence takes, bytes; more than it does, rather than less. */
export function silenceMemory({ matchers, createdBy, comment, annotations }: Silence): number {
  let bytes = silenceBytes + text(createdBy) + text(comment);
  for (const { name, value, type } of matchers) {
    bytes += entryBytes + text(name) + text(value);
    if (type === '=~' || type === '!~') bytes += instructionBytes * regexpSize(value);
  }
  for (const name in annotations) bytes += entryBytes + text(name) + text(annotations[name]!);
  return bytes;
}

function text(value: string): number {
  return 2 * value.length;
}
