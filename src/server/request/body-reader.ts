import type { IncomingMessage } from 'node:http';
import { largeBodySlots } from '../../limits.ts';
import { BodyReading, type Body, type BodyMemory } from './body-reading.ts';
import { LargeBuffers } from './large-buffers.ts';

/** Reads request bodies, each under `receiver.max_body_size`, all together within the memory of all connections. */
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

  /** Rejects with BodyError. */
  read(request: IncomingMessage): Promise<Body> {
    return new Promise((resolve, reject) => {
      const reading = new BodyReading(request, this.maxBytes, this.#memory, this.#largeBuffers, resolve, reject);
      request.on('data', (chunk: Buffer) => reading.data(chunk));
      request.once('end', () => reading.end());
      request.once('close', () => reading.close());
      reading.start();
    });
  }
}
