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
      request.once('close', () =>
        reading.fail(new BodyError(400, 'the connection was closed before the body was whole')),
      );
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
  #chunks: Buffer[] = [];
  #size = 0;
  #slot: Promise<ReleaseSlot> | undefined;
  #settled = false;

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
  }

  data(chunk: Buffer): void {
    if (this.#settled) return;
    this.#size += chunk.length;
    if (this.#size > this.#maxBytes) return this.#discard();
    this.#chunks.push(chunk);
    if (this.#slot !== undefined) return;
    if (this.#size > largeBodyBytes) this.#becomeLarge();
    else this.#memory.hold(this.#held, chunk.length);
  }

  end(): void {
    if (this.#size > this.#maxBytes) return this.fail(this.#tooLarge());
    if (this.#settled) return;
    this.#settled = true;
    this.#memory.finish(this.#held);
    const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#size);
    this.#chunks = [];
    this.#resolve({ bytes, release: () => this.#release() });
  }

  fail(error: BodyError): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#chunks = [];
    this.#release();
    this.#reject(error);
  }

  /**
   * The rest of a body that is too large is read and thrown away, as far again as the limit: a sender that is still writing
   * would otherwise see a broken connection instead of the answer.
   */
  #discard(): void {
    this.#chunks = [];
    this.#release();
    if (this.#size > 2 * this.#maxBytes) this.fail(this.#tooLarge());
  }

  #tooLarge(): BodyError {
    const limit = `receiver.max_body_size (${this.#maxBytes} bytes)`;
    return new BodyError(413, `the body is larger than ${limit}: send fewer alerts in one request, or raise the limit`);
  }

  #becomeLarge(): void {
    this.#memory.release(this.#held);
    this.#request.pause();
    this.#slot = this.#largeBodies.acquire();
    void this.#slot.then(() => this.#request.resume());
  }

  #evict(): void {
    const message = 'the body took too long while memory for bodies was short: send it again';
    this.fail(new BodyError(408, message));
  }

  #release(): void {
    this.#memory.release(this.#held);
    void this.#slot?.then((release) => release());
  }
}
