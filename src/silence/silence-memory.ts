import { regexpSize } from '../matcher/anchored-regexp.ts';
import type { PostableMatcher, PostableSilence } from './postable-silence.ts';

/** What a silence takes besides its texts, and a matcher or an annotation besides theirs, bytes. */
const silenceBytes = 600;
const entryBytes = 200;

/** What one instruction of a compiled expression takes at worst, bytes: a class of Unicode has tables of its own. */
const instructionBytes = 600;

type SilenceTexts = Pick<PostableSilence, 'matchers' | 'createdBy' | 'comment' | 'annotations'>;

/** About how much memory a silence takes, bytes; more than it does, rather than less. */
export function silenceMemory({ matchers, createdBy, comment, annotations }: SilenceTexts): number {
  let bytes = silenceBytes + text(createdBy) + text(comment);
  for (const matcher of matchers) bytes += matcherMemory(matcher);
  for (const name in annotations) bytes += entryBytes + text(name) + text(annotations[name]!);
  return bytes;
}

/** The part of one matcher. */
export function matcherMemory({ name, value, type }: PostableMatcher): number {
  const instructions = type === '=~' || type === '!~' ? regexpSize(value) : 0;
  return entryBytes + text(name) + text(value) + instructionBytes * instructions;
}

function text(value: string): number {
  return 2 * value.length;
}
