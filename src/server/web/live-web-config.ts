import type { CancelTimer } from '../../runtime/clock.ts';
import type { ReadFile } from '../../config/settings/settings-file.ts';
import { areSame, FileWatch, type FileStates } from '../../runtime/file-watch.ts';
import type { loadWebConfig } from './load-web-config.ts';
import type { WebMetrics } from './gate-report.ts';
import { isGuarded, type WebSettings } from './web-settings.ts';
import type { Runtime } from '../../runtime/runtime.ts';

/** The interval between looks at the web configuration and each file that it names, milliseconds. */
export const webConfigCheckMs = 1000;

/** The interval at which a refused web configuration is tried again even if its files are unchanged, milliseconds. */
export const webConfigRetryMs = 10_000;

/** A web configuration that was read at the start, and its origin. */
export interface WebConfigSource {
  readonly file: string;
  readonly settings: WebSettings;
  /** The files from which the settings were read, in their state at that time. */
  readonly read: FileStates;
  readonly readFile: ReadFile;
  /** Passed in, so that a start without a web configuration does not load what reads one. */
  readonly load: typeof loadWebConfig;
}

interface LiveWebConfigOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly metrics: WebMetrics;
  readonly source: WebConfigSource;
  /**
   * Returns a function that applies settings everywhere else; that function must not throw. Throws if the settings cannot be
   * used.
   */
  readonly prepare: (settings: WebSettings) => () => void;
}

/** A new configuration that is valid and waits to be applied, or everything that is wrong with it. */
type PreparedWebConfig = { apply(): void } | { readonly problems: readonly string[] };

/** The current web configuration. It follows its files: a valid change is applied as a whole, an invalid one changes nothing. */
export class LiveWebConfig {
  readonly #options: LiveWebConfigOptions;
  readonly #watch = new FileWatch();
  #current: WebSettings;
  #refused: Refused | undefined;
  #cancelTimer: CancelTimer | undefined;
  #isClosed = false;

  constructor(options: LiveWebConfigOptions) {
    const { clock, metrics, source } = options;
    this.#options = options;
    this.#current = source.settings;
    this.#watch.follow(source.read);
    metrics.loaded(clock.now(), this.#current.tls?.notAfter ?? NaN);
  }

  get current(): WebSettings {
    return this.#current;
  }

  /** Watches for changes from now on, including those since the start has read the files. */
  watch(): void {
    if (this.#isClosed) return;
    this.#cancelTimer = this.#options.clock.setTimeout(() => void this.#look(), webConfigCheckMs);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
  }

  /** Reads the configuration again and applies it if it is valid. Returns the problems if it is not. */
  reload(): readonly string[] {
    const prepared = this.prepare();
    if ('problems' in prepared) return prepared.problems;
    prepared.apply();
    return [];
  }

  /** The first half of {@link reload}, for a caller that has more to check before anything may change. */
  prepare(): PreparedWebConfig {
    const { source, prepare } = this.#options;
    const loaded = source.load(source.file, source.readFile, { mayBeEmpty: !isGuarded(this.#current) });
    if ('problems' in loaded) return this.#refuse(loaded.problems, loaded.read);
    const { settings, read } = loaded;
    try {
      const apply = prepare(settings);
      return { apply: () => this.#apply(settings, read, apply) };
    } catch (error) {
      return this.#refuse([`${source.file}: ${error instanceof Error ? error.message : String(error)}`], read);
    }
  }

  /** The files that it names are still followed: it may become valid as soon as one of them appears. */
  #refuse(problems: readonly string[], read: FileStates): { readonly problems: readonly string[] } {
    const { clock, logger, metrics, source } = this.#options;
    const last = this.#refused;
    this.#refused = { problems, read, at: clock.now() };
    this.#watch.follow(read);
    metrics.loadFailed();
    // A retry without a change is not logged each time.
    if (last !== undefined && areSame(last.read, read) && last.problems.join('\n') === problems.join('\n'))
      return { problems };
    logger.error('web_config.reload_failed', 'the web configuration is not good; the one read before stays in use', {
      file: source.file,
      problems,
    });
    return { problems };
  }

  /** In one go: no request arrives in between, so none is judged by a mixture of both. */
  #apply(next: WebSettings, read: FileStates, apply: () => void): void {
    const { clock, logger, metrics, source } = this.#options;
    this.#current = next;
    apply();
    this.#refused = undefined;
    this.#watch.follow(read);
    metrics.loaded(clock.now(), next.tls?.notAfter ?? NaN);
    logger.info('web_config.reloaded', 'the web configuration was read anew', { file: source.file, ...describe(next) });
  }

  async #look(): Promise<void> {
    const { quiet, changed } = await this.#watch.look();
    if (this.#isClosed) return;
    if (quiet && (changed || this.#isRetryDue())) this.reload();
    this.watch();
  }

  /** The reason of a refusal may not show in the state of the files, such as a failing disk. */
  #isRetryDue(): boolean {
    if (this.#refused === undefined) return false;
    const sinceMs = this.#options.clock.now() - this.#refused.at;
    return sinceMs < 0 || sinceMs >= webConfigRetryMs;
  }
}

/** The last configuration that was refused. */
interface Refused {
  readonly problems: readonly string[];
  readonly read: FileStates;
  readonly at: number;
}

/** The current settings for the log, without secrets. */
function describe(settings: WebSettings): Record<string, unknown> {
  const { tls, users, tokenDigests, kubernetes, rateLimit } = settings;
  return {
    tls: tls !== undefined,
    client_auth_type: tls?.clientAuthType,
    certificate_not_after: tls === undefined ? undefined : new Date(tls.notAfter).toISOString(),
    users: users.size,
    tokens: tokenDigests.length,
    kubernetes: kubernetes !== undefined,
    rate_limited: rateLimit !== undefined,
  };
}
