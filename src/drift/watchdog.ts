import type { Alert } from '../alert/alert.ts';
import type { AlertStore } from '../alert/alert-store.ts';
import type { Config } from '../config/config.ts';
import { formatDuration } from '../config/settings/duration.ts';
import type { Matcher } from '../matcher/matcher.ts';
import { parseMatcher } from '../matcher/parse-matcher.ts';
import type { CancelTimer } from '../runtime/clock.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { Slices } from '../runtime/slices.ts';
import type { Problems } from './problems.ts';

/** The time between two looks for an alert that is absent, milliseconds: `after`, within these bounds. */
const minLookMs = 1000;
const maxLookMs = 15_000;

/** The number of alerts between two looks at the clock. */
const alertsPerStep = 64;

interface WatchdogOptions extends Pick<Runtime, 'clock' | 'schedule'> {
  readonly store: Pick<AlertStore, 'all'>;
  readonly problems: Pick<Problems, 'tell'>;
  /** `receiver.watchdog`, as it is now. */
  readonly config: () => Config['receiver']['watchdog'];
}

export interface WatchdogState {
  /** `receiver.watchdog.matcher` */
  readonly matcher: string;
  readonly afterMs: number;
  readonly receivedAt: number | undefined;
}

/**
 * Waits for an alert that always fires, and tells when it has not been received for `receiver.watchdog.after`. It reads the stored
 * alerts when the time is over, so that an alert that comes in costs nothing more.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  #text: string | null = null;
  #matcher: Matcher | undefined;
  #afterMs = 0;
  /** When the alert was last received, or the wait began; by the monotonic clock. */
  #seenAt = 0;
  /** When it was last received, milliseconds since the epoch; undefined: not yet. */
  #receivedAt: number | undefined;
  #cancelTimer: CancelTimer | undefined;
  /** Counts up when the configuration changes: a look that began before then tells nothing. */
  #generation = 0;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  start(): void {
    this.#begin();
  }

  /** Call it when the configuration has changed. Another matcher, or another time, begins another wait. */
  reconfigure(): void {
    const { matcher, after } = this.#options.config();
    if (matcher !== this.#text || after !== this.#afterMs) this.#begin();
  }

  /** What it waits for, and when that was last received, milliseconds since the epoch; undefined if it waits for nothing. */
  async state(): Promise<WatchdogState | undefined> {
    const [matcher, text] = [this.#matcher, this.#text];
    if (matcher === undefined || text === null) return undefined;
    const stored = await this.#lastReception(matcher);
    return { matcher: text, afterMs: this.#afterMs, receivedAt: stored ?? this.#receivedAt };
  }

  close(): void {
    this.#generation++;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #begin(): void {
    const { clock, config, problems } = this.#options;
    const { matcher, after } = config();
    this.close();
    problems.tell('watchdog_absent', undefined);
    this.#text = matcher;
    this.#matcher = matcher === null ? undefined : parseMatcher(matcher);
    this.#afterMs = after;
    this.#seenAt = clock.monotonic();
    this.#receivedAt = undefined;
    if (this.#matcher !== undefined) this.#wait(after);
  }

  #wait(ms: number): void {
    const generation = this.#generation;
    this.#cancelTimer = this.#options.clock.setTimeout(() => void this.#look(generation), ms);
  }

  async #look(generation: number): Promise<void> {
    const { clock, problems } = this.#options;
    const receivedAt = await this.#lastReception(this.#matcher!);
    if (generation !== this.#generation) return;
    if (receivedAt !== undefined && receivedAt !== this.#receivedAt) {
      this.#receivedAt = receivedAt;
      // What came before a clock was set back looks as if it were yet to come.
      this.#seenAt = clock.monotonic() - Math.max(0, clock.now() - receivedAt);
    }
    const leftMs = this.#seenAt + this.#afterMs - clock.monotonic();
    problems.tell('watchdog_absent', leftMs > 0 ? undefined : { count: 1, message: this.#message });
    this.#wait(leftMs > 0 ? leftMs : Math.max(minLookMs, Math.min(maxLookMs, this.#afterMs)));
  }

  get #message(): string {
    const last =
      this.#receivedAt === undefined
        ? 'none has been received yet'
        : `the last one was received at ${new Date(this.#receivedAt).toISOString()}`;
    return `no firing alert that matches ${this.#text} was received for ${formatDuration(this.#afterMs)}: ${last}`;
  }

  /** When a matching alert was last received as firing. An alert that was received as resolved fired until its end. */
  async #lastReception(matcher: Matcher): Promise<number | undefined> {
    const { schedule, store } = this.#options;
    const slices = new Slices(schedule, 'stored alerts');
    let newest: number | undefined;
    let looked = 0;
    for (const alert of store.all()) {
      if (matches(matcher, alert)) newest = Math.max(newest ?? 0, Math.min(alert.times.updatedAt, alert.times.endsAt));
      if (++looked % alertsPerStep === 0 && slices.isOver) await slices.yieldTurn();
    }
    return newest;
  }
}

/** The labels of most alerts need not be read, because the name of the alert decides. */
function matches(matcher: Matcher, alert: Alert): boolean {
  return matcher.name === 'alertname' ? matcher.matchesValue(alert.alertname ?? '') : matcher.matches(alert.labels);
}
