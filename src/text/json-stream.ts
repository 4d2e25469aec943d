import { JsonReader } from './json-reader.ts';
import { charactersPerStep } from './json-scanner.ts';
import { readSelected, selectOf, type Allowance, type Selection } from './json-selection.ts';
import type { Sliced, Slices } from '../runtime/slices.ts';

/**
 * A larger body is parsed in slices, bytes. For a body of this size, JSON.parse and the checks hold the event loop for 50 ms at
 * worst.
 */
export const slicedBodyBytes = 384 * 1024;

/** Reads JSON out of a reader, in small steps. */
type ReadJson<T> = (reader: JsonReader) => Sliced<T>;

/** A text has more bytes than the limit. */
export class TextTooLongError extends Error {
  constructor(maxBytes: number) {
    super(`it is larger than ${maxBytes} bytes`);
    this.name = 'TextTooLongError';
  }
}

/** The length of the beginning that is kept for a message, characters. */
const headCharacters = 2000;

/**
 * Reads JSON while its bytes arrive, so the whole text is never in memory: only a piece of it, and the result. Bytes that arrive
 * faster than they are read wait in the network. It never holds the event loop.
 */
export class JsonStream {
  readonly #bytes: AsyncIterator<Uint8Array>;
  readonly #maxBytes: number;
  readonly #slices: Slices;
  readonly #decoder = new TextDecoder();
  /** The part of the last chunk that has not been decoded yet. */
  #chunk: Uint8Array = new Uint8Array();
  /** Text that has been decoded but not given to the reader yet. */
  #pieces: string[] = [];
  #readBytes = 0;
  #isDone = false;
  /** The beginning of the text, for a message about it. */
  head = '';

  /**
   * @param body null: it is empty
   * @param maxBytes counted after decompression, so that it also stops a small answer that unpacks to a huge one
   */
  constructor(body: AsyncIterable<Uint8Array> | null, maxBytes: number, slices: Slices) {
    this.#bytes = (body ?? nothing())[Symbol.asyncIterator]();
    this.#maxBytes = maxBytes;
    this.#slices = slices;
  }

  /**
   * Gives what `read` makes of the text; only blanks may follow. Ends the stream in every case. Rejects with JsonError,
   * TextTooLongError, the error of `read` or the error of the stream.
   */
  read<T>(read: ReadJson<T>): Promise<T> {
    return this.#untilEnded(() => this.#readSteps(read));
  }

  /**
   * Gives the selected parts of the text; otherwise like {@link read}. A short text is read with JSON.parse, at a tenth of the
   * cost.
   * @param allowance called again if the text is read a second time
   */
  select(selection: Selection, allowance: () => Allowance): Promise<unknown> {
    return this.#untilEnded(async () => {
      const text = await this.#shortText();
      const selected = text === undefined ? undefined : selectOf(text, selection, allowance());
      return selected === undefined
        ? this.#readSteps((reader) => readSelected(reader, selection, allowance()))
        : selected.value;
    });
  }

  async #untilEnded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      if (!this.#isDone) await this.#bytes.return?.();
    }
  }

  async #readSteps<T>(read: ReadJson<T>): Promise<T> {
    const reader = new JsonReader();
    const steps = wholeText(reader, read);
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done === true) return step.value;
      while (reader.wantsText) await this.#give(reader);
      if (this.#slices.isOver) await this.#slices.yieldTurn();
    }
  }

  /** The whole text if it is short; undefined if it is long. The part that was fetched is kept for the reader. */
  async #shortText(): Promise<string | undefined> {
    for (let characters = 0; !this.#isDone; characters += this.#pieces.at(-1)!.length) {
      if (characters > slicedBodyBytes) return undefined;
      this.#pieces.push(await this.#nextPiece());
    }
    return this.#pieces.join('');
  }

  async #give(reader: JsonReader): Promise<void> {
    reader.append(this.#pieces.shift() ?? (await this.#nextPiece()));
    if (this.#isDone && this.#pieces.length === 0) reader.finish();
  }

  async #nextPiece(): Promise<string> {
    if (this.#chunk.length === 0) await this.#fetch();
    const piece = this.#chunk.subarray(0, charactersPerStep);
    this.#chunk = this.#chunk.subarray(piece.length);
    const text = this.#decoder.decode(piece, { stream: !this.#isDone });
    if (this.head.length < headCharacters) this.head += text.slice(0, headCharacters);
    return text;
  }

  async #fetch(): Promise<void> {
    const next = await this.#bytes.next();
    if (next.done === true) {
      this.#isDone = true;
      return;
    }
    this.#chunk = next.value;
    this.#readBytes += next.value.length;
    if (this.#readBytes > this.#maxBytes) throw new TextTooLongError(this.#maxBytes);
  }
}

function* wholeText<T>(reader: JsonReader, read: ReadJson<T>): Sliced<T> {
  yield* reader.start();
  const value = yield* read(reader);
  yield* reader.end();
  return value;
}

async function* nothing(): AsyncGenerator<Uint8Array, void> {}
