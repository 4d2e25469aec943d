import { Slots } from '../../runtime/slots.ts';

/** Room for one large body; `release` gives it back, for the next one to write over. */
export interface LargeBuffer {
  readonly bytes: Buffer;
  readonly release: () => void;
}

/**
 * The few buffers in which large bodies are put together. They are used again and again: freed memory of that size comes
 * back to the machine late, or never.
 */
export class LargeBuffers {
  readonly #slots: Slots;
  readonly #bufferBytes: number;
  readonly #spare: Buffer[] = [];

  constructor(count: number, bufferBytes: number) {
    this.#slots = new Slots(count);
    this.#bufferBytes = bufferBytes;
  }

  /** Resolves once one is free, in the order in which they were asked for. */
  async acquire(): Promise<LargeBuffer> {
    const releaseSlot = await this.#slots.acquire();
    // What is never written to takes no memory.
    const bytes = this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#bufferBytes);
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      this.#spare.push(bytes);
      releaseSlot();
    };
    return { bytes, release };
  }
}
