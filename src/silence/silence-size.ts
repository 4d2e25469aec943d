import type { MatchType } from '../matcher/matcher.ts';
import { regexpSize } from '../matcher/anchored-regexp.ts';
import type { PostableMatcher, PostableSilence } from './silence.ts';
import type { SilenceLimits } from './silence-rules.ts';
import type { Silences } from './silences.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { SilenceMetrics } from './silence-report.ts';

/**
 * What all silences may take together, their compiled regular expressions included, by estimate, bytes. Over it those that have ended
 * are forgotten, and if that is not enough a new one is a 400.
 */
export const silencesMemoryBytes = 64 * 1024 * 1024;

/** Silences that ended and gave up their place to others are told of in one line in this time, milliseconds. */
const forgottenSilencesPeriodMs = 60_000;

/** What the size of a silence is made of. */
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
    annotations += field(field(byteLength(name)) + field(byteLength(silence.annotations[name]!)));
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

/** A negative one is written as 64 bits. */
function varint(value: number): number {
  if (value < 0) return 10;
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** What a silence takes besides its texts, and a matcher or an annotation besides theirs, bytes. */
const silenceBytes = 600;
const entryBytes = 200;

/** What one instruction of a compiled expression takes at worst, bytes: a class of Unicode has tables of its own. */
const instructionBytes = 600;

type SilenceTexts = Pick<PostableSilence, 'matchers' | 'createdBy' | 'comment' | 'annotations'>;

/** About how much memory a silence takes, bytes; more than it does, rather than less. */
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

/** The limits for which a silence that has ended gives up its place. */
export const roomLimits = ['max_silences', 'silences_memory'] as const;
export type RoomLimit = (typeof roomLimits)[number];

interface SilenceRoomOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly silences: Silences;
  readonly limits: () => SilenceLimits;
  readonly metrics: Pick<SilenceMetrics, 'forgotten'>;
}

/**
 * Keeps the silences that have ended out of the way of the others: over a limit the one that ended first is forgotten. All are
 * counted; the log tells of them in a line a minute at most. They leave the file when it is written anew.
 */
export class SilenceRoom {
  readonly #options: SilenceRoomOptions;
  #untold = { max_silences: 0, silences_memory: 0 };
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: SilenceRoomOptions) {
    this.#options = options;
  }

  /** Forgets as many as have to go. */
  make(): void {
    const { silences, metrics } = this.#options;
    for (let limit = this.#exceeded(); limit !== undefined; limit = this.#exceeded()) {
      if (silences.forgetFirstEnded() === undefined) break;
      metrics.forgotten(limit);
      this.#untold[limit]++;
    }
    const now = this.#options.clock.now();
    if (Math.abs(now - this.#toldAt) >= forgottenSilencesPeriodMs) this.#tell(now);
  }

  /** At the end: says what is still to be said. */
  close(): void {
    this.#tell(this.#options.clock.now());
  }

  #exceeded(): RoomLimit | undefined {
    const { silences, limits } = this.#options;
    const { maxSilences, maxMemoryBytes } = limits();
    if (silences.size > maxSilences) return 'max_silences';
    return silences.memoryBytes > maxMemoryBytes ? 'silences_memory' : undefined;
  }

  #tell(now: number): void {
    const untold = this.#untold;
    if (untold.max_silences + untold.silences_memory === 0) return;
    const message = 'silences that ended were forgotten before receiver.silence_retention, to make room for others';
    this.#options.logger.info('silences.forgotten', message, untold);
    this.#untold = { max_silences: 0, silences_memory: 0 };
    this.#toldAt = now;
  }
}
