import type { Fact } from '../../explain/schema.ts';
import { ownApi } from '../core/api-port.ts';
import { urlOf } from './browser-api.ts';
import { after } from './timer.ts';

export interface LiveListener {
  /** @param isNew true if facts may be missing before those that follow */
  opened(isNew: boolean): void;
  facts(facts: readonly Fact[]): void;
  /** Facts were forgotten before they could be read. */
  gap(): void;
  /** Called once for each loss; the page tries again by itself. */
  lost(): void;
}

/** The wait before a refused stream is asked for again, milliseconds. */
const retryMs = 3000;

/**
 * Follows the facts. The browser resumes a broken stream by itself, from the last fact that it has. A refused one (401, 503) it gives
 * up: then a new stream begins, and what came in between has to be read in another way.
 */
export class Live {
  readonly #listener: LiveListener;
  #source: EventSource | undefined;
  #isLost = false;

  constructor(listener: LiveListener) {
    this.#listener = listener;
  }

  open(): void {
    this.#source?.close();
    const source = new EventSource(urlOf(`${ownApi}/live`));
    this.#source = source;
    let isNew = true;
    source.addEventListener('open', () => {
      this.#isLost = false;
      this.#listener.opened(isNew);
      isNew = false;
    });
    source.addEventListener('message', ({ data }: MessageEvent<string>) => {
      if (data !== '') this.#listener.facts([JSON.parse(data) as Fact]);
    });
    // The ids of facts have holes, so they do not say how many there were.
    source.addEventListener('gap', () => this.#listener.gap());
    source.addEventListener('error', () => this.#failed(source));
  }

  get isOpen(): boolean {
    return this.#source !== undefined;
  }

  close(): void {
    this.#source?.close();
    this.#source = undefined;
  }

  #failed(source: EventSource): void {
    if (source !== this.#source) return;
    if (!this.#isLost) this.#listener.lost();
    this.#isLost = true;
    if (source.readyState === EventSource.CLOSED) after(retryMs, () => this.open());
  }
}
