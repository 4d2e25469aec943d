import type { MatchType } from '../matcher/matcher.ts';
import { regexpSize } from '../matcher/anchored-regexp.ts';
import type { PostableMatcher, PostableSilence } from './silence.ts';

/**
 * The estimated memory of all silences together with their compiled regular expressions, bytes. Over it, silences that have ended
 * are forgotten; if that is not enough, a new silence gets a 400.
 */
export const silencesMemoryBytes = 32 * 1024 * 1024;

/** The parts that make up the size of a silence. */
interface MeasuredSilence {
  readonly matchers: readonly { readonly name: string; readonly value: string; readonly type: MatchType }[];
  readonly startsAt: number;
  readonly endsAt: number;
  readonly updatedAt: number;
  readonly createdBy: string;
  readonly comment: string;
  readonly annotations: Readonly<Record<string, string>>;
}

const idBytes = 36;

/**
 * The size of a silence for `receiver.max_silence_size`: its bytes in Alertmanager's own store, as the protocol buffer
 * `MeshSilence` of silence/silencepb/silence.proto. Exact except for the digits of a second that we do not keep.
 * @param expiresAt the time at which it is forgotten, milliseconds
 */
export function silenceSize(silence: MeasuredSilence, expiresAt: number): number {
  let matchers = 0;
  for (const { name, value, type } of silence.matchers)
    matchers += field((type === '=' ? 0 : 2) + text(name) + text(value));
  let annotations = 0;
  for (const name in silence.annotations)
    annotations += field(field(byteLength(name)) + field(byteLength(silence.annotations[name]!)));
  const times = timestamp(silence.startsAt) + timestamp(silence.endsAt) + timestamp(silence.updatedAt);
  const texts = text(silence.createdBy) + text(silence.comment);
  return field(field(idBytes) + field(matchers) + times + texts + annotations) + timestamp(expiresAt);
}

/** A field with a length: its tag, the length, the content. All tags of the message take one byte. */
function field(length: number): number {
  return 1 + varint(length) + length;
}

/** An empty text is left out. */
function text(value: string): number {
  return value === '' ? 0 : field(byteLength(value));
}

function byteLength(value: string): number {
  return Buffer.byteLength(value);
}

function timestamp(ms: number): number {
  const seconds = Math.floor(ms / 1000);
  const nanoseconds = Math.floor((ms - seconds * 1000) * 1e6);
  return field(number(seconds) + number(nanoseconds));
}

function number(value: number): number {
  return value === 0 ? 0 : 1 + varint(value);
}

/** A negative number is written with 64 bits. */
function varint(value: number): number {
  if (value < 0) return 10;
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** The memory of a silence besides its texts, and of a matcher or an annotation besides theirs, bytes. */
const silenceBytes = 600;
const entryBytes = 200;

/** The memory of one instruction of a compiled expression at worst, bytes: a class of Unicode has tables of its own. */
const instructionBytes = 600;

type SilenceTexts = Pick<PostableSilence, 'matchers' | 'createdBy' | 'comment' | 'annotations'>;

/** Estimates the memory of a silence, bytes, on the high side. */
export function silenceMemory({ matchers, createdBy, comment, annotations }: SilenceTexts): number {
  let bytes = silenceBytes + textBytes(createdBy) + textBytes(comment);
  for (const matcher of matchers) bytes += matcherMemory(matcher);
  for (const name in annotations) bytes += entryBytes + textBytes(name) + textBytes(annotations[name]!);
  return bytes;
}

/** The part of one matcher. */
export function matcherMemory({ name, value, type }: PostableMatcher): number {
  const instructions = type === '=~' || type === '!~' ? regexpSize(value) : 0;
  return entryBytes + textBytes(name) + textBytes(value) + instructionBytes * instructions;
}

function textBytes(value: string): number {
  return 2 * value.length;
}
