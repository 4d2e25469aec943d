import type { IncomingMessage } from 'node:http';
import { isAscii } from 'node:buffer';
import type { JsonText } from '../../text/json-reader.ts';
import { charactersPerStep } from '../../text/json-scanner.ts';
import { LargeBuffers, type LargeBuffer } from './memory-budget.ts';
import { Refusal } from './answer.ts';
import { decodeUtf8 } from '../../text/go/utf8.ts';
import type { Slices } from '../../runtime/slices.ts';

/**
 * At most {@link largeBodySlots} bodies larger than this are in memory at once, and a larger answer of Prometheus is parsed in
 * slices, bytes.
 */
export const largeBodyBytes = 1024 * 1024;
export const largeBodySlots = 1;

/** Reads request bodies: each within `receiver.max_body_size`, and all together within the memory of all connections. */
export class BodyReader {
  readonly maxBytes: number;
  readonly #memory: BodyMemory;
  readonly #largeBuffers: LargeBuffers;

  /** @param maxBytes `receiver.max_body_size` */
  constructor(maxBytes: number, memory: BodyMemory) {
    this.maxBytes = maxBytes;
    this.#memory = memory;
    this.#largeBuffers = new LargeBuffers(largeBodySlots, maxBytes);
  }

  /** Rejects with Refusal. */
  read(request: IncomingMessage): Promise<Body> {
    return new Promise((resolve, reject) => {
      const reading = new BodyReading(request, this.maxBytes, this.#memory, this.#largeBuffers, resolve, reject);
      request.on('data', (chunk: Buffer) => reading.data(chunk));
      request.on('end', () => reading.end());
      request.on('close', () => reading.close());
      reading.start();
    });
  }
}

/** Counts the memory of bodies; see `receiver.max_connection_memory`. */
export interface BodyMemory {
  /**
   * This many more bytes of the request's body have arrived.
   * @param evict ends the body when there is no room. Called while it is unfinished, at most once
   */
  hold(request: IncomingMessage, bytes: number, evict: () => void): void;
  /** The body is no longer needed; releasing it twice does nothing. */
  release(request: IncomingMessage): void;
}

/** A complete body. It takes memory for which others wait until `release` is called; its bytes must not be used after that. */
export interface Body {
  readonly bytes: Buffer;
  readonly release: () => void;
}

/**
 * One body that is being read. It starts small; over {@link largeBodyBytes} it needs a large buffer, and its sender waits for
 * one.
 */
class BodyReading {
  readonly #request: IncomingMessage;
  readonly #maxBytes: number;
  readonly #memory: BodyMemory;
  readonly #largeBuffers: LargeBuffers;
  readonly #resolve: (body: Body) => void;
  readonly #reject: (error: Refusal) => void;
  readonly #evict = (): void =>
    this.fail(new Refusal(408, 'the body took too long while memory for connections was short: send it again'));
  /** The size that the request declares; NaN if it declares none. */
  readonly #declaredBytes: number;
  /** The received part, until there is a large buffer for it. */
  #chunks: Buffer[] = [];
  #size = 0;
  #wanted: Promise<LargeBuffer> | undefined;
  #large: LargeBuffer | undefined;
  #settled = false;
  /** True once the body is too large; the refusal follows when its rest has been dropped. */
  #refused = false;

  constructor(
    request: IncomingMessage,
    maxBytes: number,
    memory: BodyMemory,
    largeBuffers: LargeBuffers,
    resolve: (body: Body) => void,
    reject: (error: Refusal) => void,
  ) {
    this.#request = request;
    this.#maxBytes = maxBytes;
    this.#memory = memory;
    this.#largeBuffers = largeBuffers;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#declaredBytes = Number(request.headers['content-length'] ?? Number.NaN);
  }

  start(): void {
    if (this.#declaredBytes > this.#maxBytes) this.#refuse();
    // Counted from the start, so that a body that never begins can be ended too.
    else this.#memory.hold(this.#request, 0, this.#evict);
  }

  data(chunk: Buffer): void {
    const from = this.#size;
    this.#size += chunk.length;
    if (this.#settled) return this.#discard();
    if (this.#size > this.#maxBytes) return this.#refuse();
    if (this.#large !== undefined) return void chunk.copy(this.#large.bytes, from);
    this.#chunks.push(chunk);
    this.#memory.hold(this.#request, chunk.length, this.#evict);
    if (this.#size > largeBodyBytes && this.#wanted === undefined && !this.#settled) this.#becomeLarge();
  }

  end(): void {
    if (this.#refused) this.#reject(this.#tooLarge());
    if (this.#settled) return;
    this.#settled = true;
    const bytes = this.#large?.bytes.subarray(0, this.#size) ?? oneBuffer(this.#chunks, this.#size);
    this.#chunks = [];
    this.#resolve({ bytes, release: () => this.#release() });
  }

  fail(error: Refusal): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#chunks = [];
    this.#release();
    // It may be waiting for a large buffer.
    this.#request.resume();
    this.#reject(error);
  }

  /** The connection has ended; a body that is complete by then is not affected. */
  close(): void {
    if (this.#refused) this.#reject(this.#tooLarge());
    // Made only if it is needed: an error captures the stack, which costs 15 µs.
    if (!this.#settled) this.fail(new Refusal(400, 'the connection was closed before the body was whole'));
  }

  /**
   * Reads and drops the rest of a body that is too large before it answers: a sender that is still writing would see a broken
   * connection instead of the answer.
   */
  #refuse(): void {
    this.#settled = true;
    this.#refused = true;
    this.#chunks = [];
    this.#release();
    this.#request.resume();
    this.#discard();
  }

  /** Up to twice the limit; a sender of more has had the chance to stop. */
  #discard(): void {
    if (!this.#refused || Math.max(this.#size, this.#declaredBytes || 0) <= 2 * this.#maxBytes) return;
    this.#reject(this.#tooLarge());
    if (this.#size > 2 * this.#maxBytes) setImmediate(() => this.#request.destroy());
  }

  #tooLarge(): Refusal {
    const limit = `receiver.max_body_size (${this.#maxBytes} bytes)`;
    const message = `the body is larger than ${limit}: send fewer alerts in one request, or raise the limit`;
    return new Refusal(413, message, { limit: 'max_body_size' });
  }

  /** While it waits, it counts against the limit of all bodies and may be ended. */
  #becomeLarge(): void {
    this.#request.pause();
    this.#wanted = this.#largeBuffers.acquire();
    void this.#wanted.then((large) => this.#hasBuffer(large));
  }

  #hasBuffer(large: LargeBuffer): void {
    if (this.#settled) return;
    this.#memory.release(this.#request);
    let at = 0;
    for (const chunk of this.#chunks) at += chunk.copy(large.bytes, at);
    this.#chunks = [];
    this.#large = large;
    this.#request.resume();
  }

  #release(): void {
    this.#memory.release(this.#request);
    void this.#wanted?.then((large) => large.release());
  }
}

function oneBuffer(chunks: readonly Buffer[], size: number): Buffer {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
}

export interface BodyText<T extends JsonText = JsonText> {
  readonly text: T;
  /** The most memory that one character of its texts takes, bytes. */
  readonly characterBytes: 1 | 2;
}

/**
 * The bytes that are decoded at a time: less than a millisecond of work, except for broken characters. Also, Node keeps texts
 * from a megabyte on outside V8's heap, where much of their memory is not freed.
 */
const pieceBytes = 256 * 1024;

/** A body as well-formed text; each broken byte becomes U+FFFD, as in Go. Only a large body returns a promise. */
export function bodyText(bytes: Buffer, slices: Slices): BodyText<string> | Promise<BodyText<string>> {
  return bytes.length <= pieceBytes ? sized(bytes, decodeUtf8(bytes)) : decodeInSlices(bytes, slices);
}

function sized(bytes: Buffer, text: string): BodyText<string> {
  return { text, characterBytes: isAscii(bytes) && !hasWideEscape(text) ? 1 : 2 };
}

async function decodeInSlices(bytes: Buffer, slices: Slices): Promise<BodyText<string>> {
  let text = '';
  for (const piece of piecesOf(bytes, pieceBytes)) {
    text += piece;
    if (slices.isOver) await slices.yieldTurn();
  }
  return sized(bytes, text);
}

/**
 * The same in pieces, which are decoded as they are read: as one text, a body takes up to twice its size. It may have millions of
 * escapes, so every escape counts as wide.
 */
export function bodyPieces(bytes: Buffer): BodyText {
  return {
    text: () => piecesOf(bytes, charactersPerStep),
    characterBytes: isAscii(bytes) && !bytes.includes('\\u') ? 1 : 2,
  };
}

function* piecesOf(bytes: Buffer, size: number): Generator<string, void> {
  for (let from = 0, end = 0; from < bytes.length; from = end) {
    end = characterStart(bytes, from + size);
    yield decodeUtf8(bytes.subarray(from, end));
  }
}

/** The last position up to `at` that is not inside a character; no character has more than four bytes. */
function characterStart(bytes: Buffer, at: number): number {
  if (at >= bytes.length) return bytes.length;
  for (let start = at; start > at - 4; start--) if ((bytes[start]! & 0xc0) !== 0x80) return start;
  return at;
}

/** True if an escape stands for a character over U+00FF, which doubles the memory of a text. */
function hasWideEscape(text: string): boolean {
  for (let at = text.indexOf('\\u'); at >= 0; at = text.indexOf('\\u', at + 2)) {
    if (!text.startsWith('00', at + 2)) return true;
  }
  return false;
}
