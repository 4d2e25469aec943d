import type { MatchType } from '../matcher/matcher.ts';

/** What the size of a silence is made of. */
export interface MeasuredSilence {
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
 * How large a silence is for `receiver.max_silence_size`: the bytes that it takes in Alertmanager's own store, a protocol
 * buffer `MeshSilence` of silence/silencepb/silence.proto. Exact but for the digits of a second that we do not have.
 * @param expiresAt when it is forgotten, milliseconds
 */
export function silenceSize(silence: MeasuredSilence, expiresAt: number): number {
  let matchers = 0;
  for (const { name, value, type } of silence.matchers)
    matchers += field((type === '=' ? 0 : 2) + text(name) + text(value));
  let annotations = 0;
  for (const name in silence.annotations)
    annotations += field(field(bytes(name)) + field(bytes(silence.annotations[name]!)));
  const times = timestamp(silence.startsAt) + timestamp(silence.endsAt) + timestamp(silence.updatedAt);
  const texts = text(silence.createdBy) + text(silence.comment);
  return field(field(idBytes) + field(matchers) + times + texts + annotations) + timestamp(expiresAt);
}

/** A field with a length: its tag, the length, the content. All tags of the message are one byte long. */
function field(length: number): number {
  return 1 + varint(length) + length;
}

/** An empty text is left out. */
function text(value: string): number {
  return value === '' ? 0 : field(bytes(value));
}

function bytes(value: string): number {
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

/** A negative one is written as 64 bits. */
function varint(value: number): number {
  if (value < 0) return 10;
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
  return length;
}
