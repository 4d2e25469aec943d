import { isDeepStrictEqual } from 'node:util';
import type { Leadership } from '../../replica/leadership.ts';
import type { CancelTimer } from '../../runtime/clock.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { Slices } from '../../runtime/slices.ts';
import { TokenBucket } from '../../runtime/token-bucket.ts';
import { silenceState, type Silence } from '../../silence/silence.ts';
import type { ApiClient } from '../api/api-client.ts';
import { ApiError } from '../api/api-error.ts';
import { keptNothing } from '../kept-object.ts';
import type { EventRecorder } from '../write/event-recorder.ts';
import type { KnownSilence, KnownSilences } from './known-silences.ts';
import type { SilenceObjectReport } from './silence-object-report.ts';
import {
  silenceApiVersion,
  silenceKind,
  wantedStatus,
  type SilenceObject,
  type SilenceStatus,
} from './silence-object.ts';

/** How long after a change the objects are looked at: many may change at once. */
const delayMs = 200;
/** How often they are looked at without a change: what failed is tried again, and there may be room again. */
const periodMs = 60_000;
/** Writes of the leader, per second in the long run, and at once after a rest. */
const writesPerSecond = 10;
const writesBurst = 50;
const callTimeoutMs = 10_000;
/** The part of the silences that have ended that goes at a time to make room. */
const crowdingShare = 0.2;

interface SilenceUpkeepOptions extends Pick<Runtime, 'clock' | 'schedule'> {
  readonly client: Pick<ApiClient, 'call'>;
  readonly known: KnownSilences;
  readonly report: SilenceObjectReport;
  /** Tells the owner of an object that it is no silence. */
  readonly events: Pick<EventRecorder, 'warn'>;
  readonly leadership: Leadership;
  /** `receiver.silence_retention`, milliseconds. */
  readonly retentionMs: () => number;
  /** Called each period: objects for which there was no room may be looked at again. */
  readonly lookForRoom: () => void;
  /** True if those that have ended should make room for others. */
  readonly isCrowded: () => boolean;
}

/**
 * What the leader alone does with the objects of silences: it writes their status, and deletes those that Tocsin has made once they
 * have ended long ago or had to make room. An object that somebody else has made is left to its owner.
 */
export class SilenceUpkeep {
  readonly #options: SilenceUpkeepOptions;
  readonly #bucket: TokenBucket;
  readonly #closed = new AbortController();
  readonly #endListening: () => void;
  /** The statuses that were written, until the watch tells of them, by uid. */
  readonly #written = new Map<string, SilenceStatus>();
  #timer: { readonly at: number; readonly cancel: CancelTimer } | undefined;
  #running: Promise<void> | undefined;
  #isAskedAgain = false;

  constructor(options: SilenceUpkeepOptions) {
    this.#options = options;
    this.#bucket = new TokenBucket({ clock: options.clock, intervalMs: 1000 / writesPerSecond, burst: writesBurst });
    this.#endListening = options.leadership.onChange(() => this.look());
  }

  /** Looks at all of them soon. */
  look(): void {
    if (this.#running === undefined) this.#lookAt(this.#options.clock.now() + delayMs);
    else this.#isAskedAgain = true;
  }

  async close(): Promise<void> {
    this.#endListening();
    this.#timer?.cancel();
    this.#closed.abort(new Error('Tocsin is shutting down'));
    await this.#running;
  }

  #lookAt(at: number): void {
    if (this.#closed.signal.aborted || (this.#timer !== undefined && this.#timer.at <= at)) return;
    const { clock } = this.#options;
    this.#timer?.cancel();
    this.#timer = { at, cancel: clock.setTimeout(() => void this.#start(), at - clock.now()) };
  }

  async #start(): Promise<void> {
    this.#timer = undefined;
    if (this.#running !== undefined) return;
    this.#isAskedAgain = false;
    this.#running = this.#run().catch(() => undefined);
    await this.#running;
    this.#running = undefined;
    if (this.#isAskedAgain) this.look();
  }

  async #run(): Promise<void> {
    const { clock, known, leadership, lookForRoom, schedule } = this.#options;
    const slices = new Slices(schedule, 'silences');
    let next = clock.now() + periodMs;
    if (!known.isLoaded) return;
    lookForRoom();
    const crowding = this.#crowding();
    for (const each of leadership.isLeading ? [...known.values()] : []) {
      if (this.#closed.signal.aborted) return;
      next = Math.min(next, this.#nextChange(each.made));
      if (crowding.has(each.object)) await this.#delete(each.object);
      else await this.#keep(each);
      if (slices.isOver) await slices.yieldTurn();
    }
    this.#lookAt(next);
  }

  /** Those that have to go because there are too many: of what Tocsin has made and has ended, the part that ended first. */
  #crowding(): ReadonlySet<SilenceObject> {
    const { clock, isCrowded, known, report } = this.#options;
    const now = clock.now();
    const ended = [...(isCrowded() ? known.values() : [])].flatMap(({ object, made }) =>
      object.isMadeByTocsin && 'silence' in made && silenceState(made.silence, now) === 'expired'
        ? [{ object, endsAt: made.silence.endsAt }]
        : [],
    );
    const first = ended.toSorted((a, b) => a.endsAt - b.endsAt).slice(0, Math.ceil(ended.length * crowdingShare));
    if (first.length > 0) report.madeRoom(first.length);
    return new Set(first.map(({ object }) => object));
  }

  /** When the state of a silence changes by itself. */
  #nextChange(made: KnownSilence['made']): number {
    const now = this.#options.clock.now();
    if ('problem' in made) return Number.POSITIVE_INFINITY;
    const { startsAt, endsAt } = made.silence;
    const times = [startsAt, endsAt, endsAt + this.#options.retentionMs()];
    return Math.min(...times.filter((time) => time > now));
  }

  async #keep({ object, made }: KnownSilence): Promise<void> {
    if ('silence' in made && this.#isOver(object, made.silence)) return this.#delete(object);
    const now = this.#options.clock.now();
    const found = 'silence' in made ? { silence: made.silence, state: silenceState(made.silence, now) } : made;
    const wanted = wantedStatus(object, found);
    const written = this.#written.get(object.uid);
    if (isDeepStrictEqual(wanted, object.status)) this.#written.delete(object.uid);
    else if (!isDeepStrictEqual(wanted, written)) await this.#write(object, wanted);
  }

  #isOver(object: SilenceObject, silence: Silence): boolean {
    const now = this.#options.clock.now();
    if (!object.isMadeByTocsin || silenceState(silence, now) !== 'expired') return false;
    return silence.endsAt + this.#options.retentionMs() <= now || this.#options.known.isForgotten(object);
  }

  async #write(object: SilenceObject, wanted: SilenceStatus): Promise<void> {
    // A merge patch removes only what it names.
    const status = { message: null, matchers: null, ...wanted };
    await this.#do('status', object, async (signal) => {
      await this.#options.client.call({
        method: 'PATCH',
        path: `${object.path}/status`,
        query: { fieldManager: 'tocsin' },
        contentType: 'application/merge-patch+json',
        body: { metadata: { uid: object.uid }, status },
        keep: keptNothing,
        timeoutMs: callTimeoutMs,
        isEvent: true,
        signal,
      });
      this.#written.set(object.uid, wanted);
      this.#warn(object, wanted);
    });
  }

  /** With the status, so that one leader tells it once, whoever leads later. */
  #warn(object: SilenceObject, { state, message = '' }: SilenceStatus): void {
    if (state !== 'Invalid') return;
    const about = { ...object, apiVersion: silenceApiVersion, kind: silenceKind };
    this.#options.events.warn(about, 'InvalidSilence', `it silences nothing until it is mended: ${message}`);
  }

  async #delete(object: SilenceObject): Promise<void> {
    const { path, uid, resourceVersion } = object;
    const body = { preconditions: { uid, resourceVersion } };
    await this.#do('delete', object, async (signal) => {
      const call = { method: 'DELETE', path, body, keep: keptNothing, timeoutMs: callTimeoutMs } as const;
      await this.#options.client.call({ ...call, isEvent: true, signal });
      this.#written.delete(uid);
    });
  }

  /** Asks right before each write whether it still leads, and ends a write that is under way when it does no longer. */
  async #do(
    operation: 'status' | 'delete',
    object: SilenceObject,
    write: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const { leadership, report } = this.#options;
    const lost = new AbortController();
    const end = leadership.onChange(() => leadership.isLeading || lost.abort(new Error('another replica leads now')));
    const signal = AbortSignal.any([this.#closed.signal, lost.signal]);
    try {
      await this.#bucket.acquire(signal);
      if (!leadership.isLeading) return;
      await write(signal);
      report.wrote(operation, 'done');
    } catch (error) {
      // It is gone, or has changed, or somebody else keeps it: the watch tells.
      const isOther = error instanceof ApiError && [404, 409, 422].includes(error.status ?? 0);
      if (isOther) report.wrote(operation, 'outdated');
      else if (!signal.aborted) report.upkeepFailed(operation, object, error);
    } finally {
      end();
    }
  }
}
