import { stat } from 'node:fs/promises';
import type { CancelTimer, Clock } from '../clock.ts';
import type { ReadFile } from '../config/load-config.ts';
import { webConfigCheckMs } from '../limits.ts';
import type { Logger } from '../logger.ts';
import { loadWebConfig } from './load-web-config.ts';
import type { WebMetrics } from './web-metrics.ts';
import type { WebSettings } from './web-settings.ts';

/** A web configuration that was read at the start, and where it came from. */
export interface WebConfigSource {
  readonly file: string;
  readonly settings: WebSettings;
  readonly readFile: ReadFile;
}

export interface LiveWebConfigOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: WebMetrics;
  readonly source: WebConfigSource;
  /** Gives what swaps settings in wherever they are used besides; it must not throw. Throws if they cannot be used. */
  readonly prepare: (settings: WebSettings) => () => void;
}

/** A new configuration that is good and waits to be swapped in, or all that is wrong with it. */
export type PreparedWebConfig = { apply(): void } | { readonly problems: readonly string[] };

/** The web configuration in use. It follows its files: a good change is swapped in whole, a bad one changes nothing. */
export class LiveWebConfig {
  readonly #options: LiveWebConfigOptions;
  #current: WebSettings;
  #cancelTimer: CancelTimer | undefined;
  /** What the files looked like when they were last read, and when they were last looked at. */
  #read = '';
  #seen = '';
  #isClosed = false;

  constructor(options: LiveWebConfigOptions) {
    this.#options = options;
    this.#current = options.source.settings;
    options.metrics.loaded(options.clock.now(), this.#current.tls?.notAfter ?? NaN);
  }

  get current(): WebSettings {
    return this.#current;
  }

  /** From now on looks for changes. */
  async watch(): Promise<void> {
    this.#read = this.#seen = await signature(this.#current.files);
    this.#arm();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
  }

  /** Reads the configuration anew and swaps it in if it is good. Gives the problems if it is not. */
  reload(): readonly string[] {
    const prepared = this.prepare();
    if ('problems' in prepared) return prepared.problems;
    prepared.apply();
    return [];
  }

  /** The first half of {@link reload}, for whoever has more to check before anything may change. */
  prepare(): PreparedWebConfig {
    const { source, prepare } = this.#options;
    const loaded = loadWebConfig(source.file, source.readFile);
    if ('problems' in loaded) return this.#refuse(loaded.problems);
    try {
      const apply = prepare(loaded.settings);
      return { apply: () => this.#apply(loaded.settings, apply) };
    } catch (error) {
      return this.#refuse([
        `${source.file}: cannot be used: ${error instanceof Error ? error.message : String(error)}`,
      ]);
    }
  }

  #refuse(problems: readonly string[]): { readonly problems: readonly string[] } {
    const { logger, metrics, source } = this.#options;
    metrics.loadFailed();
    logger.error('web_config.reload_failed', 'the web configuration is not good; the one read before stays in use', {
      file: source.file,
      problems,
    });
    return { problems };
  }

  /** In one go: no request comes in between, so that none is judged by half of the one and half of the other. */
  #apply(next: WebSettings, apply: () => void): void {
    const { clock, logger, metrics, source } = this.#options;
    this.#current = next;
    apply();
    metrics.loaded(clock.now(), next.tls?.notAfter ?? NaN);
    logger.info('web_config.reloaded', 'the web configuration was read anew', { file: source.file, ...describe(next) });
  }

  #arm(): void {
    if (this.#isClosed) return;
    this.#cancelTimer = this.#options.clock.setTimeout(() => void this.#look(), webConfigCheckMs);
  }

  /** Reads only what has not changed since the last look, so that nothing is read while it is being written. */
  async #look(): Promise<void> {
    const now = await signature(this.#current.files);
    if (this.#isClosed) return;
    if (now === this.#seen && now !== this.#read) {
      this.#read = now;
      const { files } = this.#current;
      this.reload();
      const isSame = files.join('\n') === this.#current.files.join('\n');
      if (!isSame) this.#read = this.#seen = await signature(this.#current.files);
    } else this.#seen = now;
    this.#arm();
  }
}

/** For the log: what is in use, and no secret. */
export function describe(settings: WebSettings): Record<string, unknown> {
  const { tls, users, tokenDigests, rateLimit } = settings;
  return {
    tls: tls !== undefined,
    client_auth_type: tls?.clientAuthType,
    certificate_not_after: tls === undefined ? undefined : new Date(tls.notAfter).toISOString(),
    users: users.size,
    tokens: tokenDigests.length,
    rate_limited: rateLimit !== undefined,
  };
}

/** Changes with a file's content, also where only a link to it is swapped, as the kubelet does with a Secret. */
async function signature(files: readonly string[]): Promise<string> {
  const each = files.map(async (file) => {
    try {
      const { ino, size, mtimeMs, ctimeMs } = await stat(file);
      return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
    } catch (error) {
      return String((error as NodeJS.ErrnoException).code);
    }
  });
  return (await Promise.all(each)).join('\n');
}
