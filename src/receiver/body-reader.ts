import type { IncomingMessage } from 'node:http';
import { bodyMemoryBytes, largeBodyBytes, largeBodySlots } from '../limits.ts';
import { BodyError } from './body-error.ts';
import { BodyMemory } from './body-memory.ts';
import { Slots, type ReleaseSlot } from './slots.ts';

/** A whole body. It counts against the memory bound until `release` is called. */
export interface Body {
  readonly bytes: Buffer;
  readonly release: () => void;
}

/** Reads request bodies, each under `receiver.max_body_size`, all together under the fixed bounds of limits.ts. */
export class BodyReader {
  readonly #maxBytes: number;
  readonly #memory = new BodyMemory(bodyMemoryBytes);
  readonly #largeBodies = new Slots(largeBodySlots);

  /** @param maxBytes `receiver.max_body_size` */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Rejects with BodyError. */
  read(request: IncomingMessage): Promise<Body> {
    return new Promise((resolve, reject) => {
      const reading = new Reading(request, this.#maxBytes, this.#memory, this.#largeBodies, resolve, reject);
      request.on('data', (chunk: Buffer) => reading.data(chunk));
      request.once('end', () => reading.end());
      request.once('close', () => reading.close());
      reading.start();
    });
  }
}

/** One body on its way in. Small at first; over {@link largeBodyBytes} it needs a slot, and the sender waits until it has one. */
class Reading {
  readonly #request: IncomingMessage;
  readonly #maxBytes: number;
  readonly #memory: BodyMemory;
  readonly #largeBodies: Slots;
  readonly #resolve: (body: Body) => void;
  readonly #reject: (error: BodyError) => void;
  readonly #held = { evict: () => this.#evict() };
  /** As the request declares it; NaN if it does not. */
  readonly #declaredBytes: number;
  /** What has come in, until all of it has one place. */
  #chunks: Buffer[] = [];
  #whole: Buffer | undefined;
  #size = 0;
  #slot: Promise<ReleaseSlot> | undefined;
  #settled = false;
  /** True once the body is too large; it is answered when its rest has been thrown away. */
  #refused = false;

  constructor(
    request: IncomingMessage,
    maxBytes: number,
    memory: BodyMemory,
    largeBodies: Slots,
    resolve: (body: Body) => void,
    reject: (error: BodyError) => void,
  ) {
    this.#request = request;
    this.#maxBytes = maxBytes;
    this.#memory = memory;
    this.#largeBodies = largeBodies;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#declaredBytes = Number(request.headers['content-length'] ?? Number.NaN);
  }

  start(): void {
    if (this.#declaredBytes > this.#maxBytes) this.#refuse();
  }

  data(chunk: Buffer): void {
    const from = this.#size;
    this.#size += chunk.length;
    if (this.#settled) return this.#discard();
    if (this.#size > this.#maxBytes) return this.#refuse();
    if (this.#whole !== undefined) return void chunk.copy(this.#whole, from);
    this.#chunks.push(chunk);
    this.#memory.hold(this.#held, chunk.length);
    if (this.#size > largeBodyBytes && this.#slot === undefined && !this.#settled) this.#becomeLarge();
  }

  end(): void {
    if (this.#refused) this.#reject(this.#tooLarge());
    if (this.#settled) return;
    this.#settled = true;
    this.#memory.finish(this.#held);
    const bytes = this.#whole?.subarray(0, this.#size) ?? oneBuffer(this.#chunks, this.#size);
    this.#letGo();
    this.#resolve({ bytes, release: () => this.#release() });
  }

  fail(error: BodyError): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#letGo();
    this.#release();
    // It may be waiting for a slot.
    this.#request.resume();
    this.#reject(error);
  }

  /** The connection has ended; a body that is whole by then does not mind. */
  close(): void {
    if (this.#refused) this.#reject(this.#tooLarge());
    this.fail(new BodyError(400, 'the connection was closed before the body was whole'));
  }

  /**
   * The rest of a body that is too large is read and thrown away before it is answered: a sender that is still writing would
   * see a broken connection instead of the answer.
   */
  #refuse(): void {
    this.#settled = true;
    this.#refused = true;
    this.#letGo();
    this.#release();
    this.#request.resume();
    this.#discard();
  }

  /** Up to twice the limit; who sends more has had the chance to stop. */
  #discard(): void {
    if (!this.#refused || Math.max(this.#size, this.#declaredBytes || 0) <= 2 * this.#maxBytes) return;
    this.#reject(this.#tooLarge());
    if (this.#size > 2 * this.#maxBytes) setImmediate(() => this.#request.destroy());
  }

  #tooLarge(): BodyError {
    const limit = `receiver.max_body_size (${this.#maxBytes} bytes)`;
    return new BodyError(413, `the body is larger than ${limit}: send fewer alerts in one request, or raise the limit`);
  }

  /** While it waits for its slot, it counts against the bound of all bodies, and may be ended. */
  #becomeLarge(): void {
    this.#request.pause();
    this.#slot = this.#largeBodies.acquire();
    void this.#slot.then(() => this.#hasSlot());
  }

  /** All of it in one place from now on: its chunks are garbage at once, while that is still cheap to collect. */
  #hasSlot(): void {
    this.#request.resume();
    if (this.#settled) return;
    this.#memory.release(this.#held);
    // Memory that is never written to is never taken from the machine.
    this.#whole = Buffer.allocUnsafeSlow(Number.isNaN(this.#declaredBytes) ? this.#maxBytes : this.#declaredBytes);
    let at = 0;
    for (const chunk of this.#chunks) at += chunk.copy(this.#whole, at);
    this.#chunks = [];
  }

  #evict(): void {
    const message = 'the body took too long while memory for bodies was short: send it again';
    this.fail(new BodyError(408, message));
  }

  #letGo(): void {
    this.#chunks = [];
    this.#whole = undefined;
  }

  #release(): void {
    this.#memory.release(this.#held);
    void this.#slot?.then((release) => release());
  }
}

function oneBuffer(chunks: readonly Buffer[], size: number): Buffer {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
}
