import type { CancelTimer } from '../runtime/clock.ts';
import { FileWatch, type FileStates } from '../runtime/file-watch.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { AppOptions } from './app-options.ts';
import type { ReloadOutcome } from './reloader.ts';

/** The interval between looks at the configuration file, milliseconds. A change is reloaded at the second look that finds it. */
export const configCheckMs = 1000;

/** The interval at which a refused configuration is tried again although its file is unchanged, milliseconds. */
export const configRetryMs = 10_000;

interface ConfigWatchOptions extends Pick<Runtime, 'clock'>, Pick<AppOptions, 'configRead'> {
  /** Reads it again. Never rejects. */
  readonly reload: () => Promise<ReloadOutcome>;
}

/**
 * Reloads the configuration when its file changes. The kubelet changes the file of a mounted ConfigMap by swapping a link, in one
 * step; a person's editor may take several, so the file must be the same at two looks.
 */
export class ConfigWatch {
  readonly #options: ConfigWatchOptions;
  readonly #watch = new FileWatch();
  #followed: FileStates | undefined;
  /** When a reload was refused last; undefined after one that succeeded. */
  #refusedAt: number | undefined;
  #cancelTimer: CancelTimer | undefined;
  #isClosed = false;

  constructor(options: ConfigWatchOptions) {
    this.#options = options;
  }

  /** Watches for changes from now on, including those since the start has read the file. */
  start(): void {
    if (this.#isClosed || this.#options.configRead === undefined) return;
    this.#cancelTimer = this.#options.clock.setTimeout(() => void this.#look(), configCheckMs);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
  }

  async #look(): Promise<void> {
    this.#followLastRead();
    const { quiet, changed } = await this.#watch.look();
    if (this.#isClosed) return;
    if (quiet && (changed || this.#isRetryDue())) await this.#reload();
    this.start();
  }

  /** A signal or a request may have read the file since the last look. */
  #followLastRead(): void {
    const read = this.#options.configRead?.();
    if (read === undefined || read === this.#followed) return;
    this.#followed = read;
    this.#watch.follow(read);
  }

  async #reload(): Promise<void> {
    const outcome = await this.#options.reload();
    this.#refusedAt = 'problems' in outcome ? this.#options.clock.now() : undefined;
  }

  /** The reason of a refusal may be elsewhere, such as in the web configuration. */
  #isRetryDue(): boolean {
    if (this.#refusedAt === undefined) return false;
    const sinceMs = this.#options.clock.now() - this.#refusedAt;
    return sinceMs < 0 || sinceMs >= configRetryMs;
  }
}
