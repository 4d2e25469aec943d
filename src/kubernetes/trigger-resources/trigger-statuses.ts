import { isDeepStrictEqual } from 'node:util';
import type { CancelTimer } from '../../runtime/clock.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { Slices } from '../../runtime/slices.ts';
import type { TriggerFiring, TriggerObserver, TriggerStates } from '../../trigger/ports.ts';
import type { ApiClient } from '../api/api-client.ts';
import { alwaysLeads, type Leadership } from '../../replica/leadership.ts';
import { ApiError } from '../api/api-error.ts';
import { isApiObject } from '../kept-object.ts';
import type { KeptAnswer } from '../kept-object.ts';
import { isOlder } from '../watch/watch-cache.ts';
import { StatusQueue, type StatusWrite } from './status-queue.ts';
import type { StatusReport } from './trigger-report.ts';
import {
  triggerApiVersion,
  type LastFired,
  type TriggerCounts,
  type TriggerObject,
  type TriggerStatus,
} from './trigger-object.ts';
import type { Verdict } from './trigger-set.ts';
import { desiredStatus, differsInReadiness, timeText } from './trigger-status.ts';

interface TriggerStatusesOptions extends Pick<Runtime, 'clock' | 'schedule'> {
  readonly client: Pick<ApiClient, 'call'>;
  readonly states: TriggerStates;
  readonly report: StatusReport;
  /** The leader writes, nobody else. Default: this process always leads. */
  readonly leadership?: Leadership | undefined;
}

interface Tracked {
  object: TriggerObject;
  verdict: Verdict | undefined;
  /** The status that the API server has, as far as is known. */
  written: TriggerStatus;
  /** The version of the object after the last own write; events of the watch that are older tell nothing. */
  writtenVersion: string;
  counts: { -readonly [Name in keyof TriggerCounts]: number };
  lastFired: LastFired | undefined;
  /** Of the end of a suspension. */
  cancelEnd?: CancelTimer | undefined;
}

const countNames = [
  'matched',
  'suppressed',
  'runs',
  'failed',
  'throttled',
] as const satisfies readonly (keyof TriggerCounts)[];

/** The end of a suspension is a time of the clock: one that is set is noticed within this time, milliseconds. */
const clockLookMs = 10_000;

/** How often changes of the state of targets are looked at, milliseconds: they may come for many triggers at once. */
const checkDelayMs = 200;

/** When a status that could not be written is tried again, milliseconds; without the right to, much later. */
const retryMs = 30_000;
const forbiddenRetryMs = 300_000;

/** The name under which server-side apply remembers which fields are Tocsin's. */
const fieldManager = 'tocsin';

const keptVersion: KeptAnswer = {
  selection: { members: { metadata: { members: { name: 'scalar', resourceVersion: 'scalar' } } } },
  bytes: 4096,
};

/** Knows what has become of each trigger in the cluster, and writes it into its status. */
export class TriggerStatuses implements TriggerObserver {
  readonly #options: TriggerStatusesOptions;
  readonly #tracked = new Map<string, Tracked>();
  readonly #queue: StatusQueue;
  readonly #toCheck = new Set<string>();
  readonly #leadership: Leadership;
  readonly #unsubscribe: () => void;
  #wasLeading: boolean;
  #cancelCheck: CancelTimer | undefined;

  constructor(options: TriggerStatusesOptions) {
    this.#options = options;
    const { clock, report, leadership = alwaysLeads } = options;
    this.#leadership = leadership;
    this.#wasLeading = leadership.isLeading;
    this.#unsubscribe = leadership.onChange(() => this.#leadershipChanged());
    this.#queue = new StatusQueue({
      clock,
      write: (key, signal) => this.#write(key, signal),
      onDelay: (waitedMs) => report.delayed(this.waiting, waitedMs),
    });
  }

  /** How many statuses wait for their turn to be written. */
  get waiting(): number {
    return this.#queue.waiting;
  }

  /** Why the targets of triggers in force are not resolved, by their statuses. */
  *unresolved(): Generator<string, void> {
    for (const { verdict, written } of this.#tracked.values()) {
      const found = written.conditions.find(({ type }) => type === 'TargetsResolved');
      if (verdict?.accepted === true && found?.status === 'False') yield found.reason;
    }
  }

  /** The status that is known of a trigger, before a new verdict is told. */
  statusOf(key: string): TriggerStatus | undefined {
    return this.#tracked.get(key)?.written;
  }

  /** The API server has told of an object; its verdict, if it is another, follows. */
  seen(object: TriggerObject): void {
    const known = this.#tracked.get(object.key);
    if (known === undefined || known.object.uid !== object.uid) {
      known?.cancelEnd?.();
      // A restart counts on from what is written.
      const { status } = object;
      const counts = { ...status.counts };
      const tracked = {
        object,
        verdict: undefined,
        written: status,
        writtenVersion: '',
        counts,
        lastFired: status.lastFired,
      };
      this.#tracked.set(object.key, tracked);
      return;
    }
    known.object = object;
    if (!isOlder(object.resourceVersion, known.writtenVersion)) known.written = object.status;
    if (known.verdict !== undefined) this.#look(object.key);
  }

  judged({ key }: TriggerObject, verdict: Verdict | undefined): void {
    const tracked = this.#tracked.get(key);
    if (tracked === undefined) return;
    tracked.verdict = verdict;
    this.#watchSuspension(tracked);
    if (verdict !== undefined) this.#look(key);
  }

  removed({ key, uid }: TriggerObject): void {
    // Another one of the same name may be known already.
    const tracked = this.#tracked.get(key);
    if (tracked?.object.uid !== uid) return;
    tracked.cancelEnd?.();
    this.#tracked.delete(key);
    this.#toCheck.delete(key);
    this.#queue.forget(key);
  }

  fired(key: string, { alert, at, eventId, alerts }: TriggerFiring): void {
    this.#count(key, (tracked) => {
      tracked.counts.matched += alerts;
      tracked.lastFired = { alert, time: timeText(at), eventId };
    });
  }

  suppressed(key: string, alerts: number): void {
    this.#count(key, ({ counts }) => (counts.suppressed += alerts));
  }

  ran(key: string, outcome: 'done' | 'failed' | 'throttled'): void {
    this.#count(key, ({ counts }) => counts[outcome === 'done' ? 'runs' : outcome]++);
  }

  changed(key: string): void {
    if (!this.#tracked.has(key)) return;
    this.#toCheck.add(key);
    this.#cancelCheck ??= this.#options.clock.setTimeout(() => void this.#check(), checkDelayMs);
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    this.#cancelCheck?.();
    for (const { cancelEnd } of this.#tracked.values()) cancelEnd?.();
    await this.#queue.close();
  }

  /** The end of a suspension changes the status, and nothing else tells of it. */
  #watchSuspension(tracked: Tracked): void {
    const { clock } = this.#options;
    tracked.cancelEnd?.();
    tracked.cancelEnd = undefined;
    const until = tracked.verdict?.accepted === true ? tracked.verdict.trigger.suspend?.until : undefined;
    if (until === undefined || until <= clock.now()) return;
    const look = (): void => {
      if (until > clock.now()) this.#watchSuspension(tracked);
      else this.#look(tracked.object.key);
    };
    tracked.cancelEnd = clock.setTimeout(look, Math.min(until - clock.now(), clockLookMs));
  }

  #count(key: string, change: (tracked: Tracked) => void): void {
    const tracked = this.#tracked.get(key);
    if (tracked === undefined) return;
    change(tracked);
    if (this.#leadership.isLeading) this.#queue.add(key, false);
  }

  /** A new leader goes on where the former one stopped: what that has counted and written, this one has not counted, or only in part. */
  #leadershipChanged(): void {
    const { isLeading } = this.#leadership;
    if (isLeading && !this.#wasLeading)
      for (const [key, tracked] of this.#tracked) {
        const { counts, lastFired } = tracked.written;
        for (const name of countNames) tracked.counts[name] = Math.max(tracked.counts[name], counts[name]);
        if ((lastFired?.time ?? '') > (tracked.lastFired?.time ?? '')) tracked.lastFired = lastFired;
        this.changed(key);
      }
    this.#wasLeading = isLeading;
  }

  /** In slices: one kind that comes or goes may concern every trigger. */
  async #check(): Promise<void> {
    this.#cancelCheck = undefined;
    const slices = new Slices(this.#options.schedule, 'answers of the API server');
    for (const key of this.#toCheck) {
      this.#toCheck.delete(key);
      this.#look(key);
      if (slices.isOver) await slices.yieldTurn();
    }
  }

  #look(key: string): void {
    const tracked = this.#tracked.get(key);
    const wanted = tracked && this.#wanted(tracked);
    if (tracked === undefined || wanted === undefined || isDeepStrictEqual(wanted, tracked.written)) return;
    if (this.#leadership.isLeading) this.#queue.add(key, differsInReadiness(tracked.written, wanted));
  }

  #wanted({ object, verdict, written, lastFired, counts }: Tracked): TriggerStatus | undefined {
    if (verdict === undefined) return undefined;
    const { clock, states } = this.#options;
    const state = verdict.accepted ? states.stateOf(object.key) : undefined;
    return desiredStatus({ object, verdict, state, lastFired, counts: { ...counts } }, written, clock.now());
  }

  async #write(key: string, signal: AbortSignal): Promise<StatusWrite> {
    const tracked = this.#tracked.get(key);
    const wanted = tracked && this.#wanted(tracked);
    if (tracked === undefined || wanted === undefined) return { result: 'gone' };
    if (isDeepStrictEqual(wanted, tracked.written) || !this.#leadership.isLeading) return { result: 'same' };
    try {
      const answer = await this.#apply(tracked.object, wanted, signal);
      tracked.written = wanted;
      tracked.writtenVersion = isApiObject(answer) ? (answer.metadata.resourceVersion ?? '') : '';
      this.#options.report.written();
      return { result: 'written' };
    } catch (error) {
      signal.throwIfAborted();
      return this.#failed(tracked.object, error);
    }
  }

  /** Server-side apply owns its own fields alone, and needs no version: a change of the spec meanwhile is no conflict. */
  #apply(
    { origin, namespace, name, uid, path }: TriggerObject,
    status: TriggerStatus,
    signal: AbortSignal,
  ): Promise<unknown> {
    const metadata = { name, uid, ...(namespace !== undefined && { namespace }) };
    return this.#options.client.call({
      method: 'PATCH',
      path: `${path}/status`,
      query: { fieldManager, force: true },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: triggerApiVersion, kind: origin, metadata, status },
      keep: keptVersion,
      signal,
      isEvent: true,
    });
  }

  #failed({ key }: TriggerObject, error: unknown): StatusWrite {
    // It is gone, or another one has its name; the watch tells.
    if (error instanceof ApiError && (error.status === 404 || error.status === 409)) return { result: 'gone' };
    const isForbidden = error instanceof ApiError && error.status === 403;
    const wait = isForbidden ? forbiddenRetryMs : retryMs;
    this.#options.report.failed(key, error, wait);
    return { result: 'failed', retryMs: wait };
  }
}
