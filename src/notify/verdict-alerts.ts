import { requestKey, type Request } from '../reconcile/ports.ts';

/** Why a pipeline is not healthy. */
export interface Trouble {
  readonly status: 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  /** What decided, in words. */
  readonly decidedBy: string;
}

/** What one Alertmanager is told about one alert. */
export interface Notification extends Trouble {
  readonly request: Request;
  /** Milliseconds. */
  readonly startsAt: number;
  /** In the future while it fires: the alert ends then, if nothing more is heard of it. */
  readonly endsAt: number;
  readonly firing: boolean;
}

/** The next notifications for one Alertmanager. Give it back to {@link VerdictAlerts.settle}. */
export interface Batch {
  readonly slot: number;
  readonly notifications: readonly Notification[];
  /** How many of them are changes; the others are repeated. */
  readonly news: number;
  /** Whose they are, and which of them are changes. */
  readonly entries: readonly (readonly [entry: Entry, isNews: boolean])[];
}

/** One alert: a pipeline and a reason. Each set of Alertmanagers is a bit mask of their slots. */
interface Entry {
  readonly request: Request;
  readonly reason: string;
  bytes: number;
  status: Trouble['status'];
  message: string;
  decidedBy: string;
  startsAt: number;
  /** Undefined while it fires. */
  endedAt: number | undefined;
  /** By then it has ended in every Alertmanager, whatever they hear. */
  endsBy: number;
  /** Which have not been told the newest state. */
  news: number;
  /** Which are due for a repetition. */
  due: number;
  /** Which may have heard of it. */
  heard: number;
  /** Which did not take it when they were told last. */
  refused: number;
}

/** An alert with its places in the maps, without its texts; measured, bytes. */
const entryBytes = 280;

/** The memory of a text: one wide character makes all of them wide. Bytes. */
function textBytes(text: string): number {
  return /[^\0-\xff]/.test(text) ? 2 * text.length : text.length;
}

/** A firing alert ends after so many periods of repetition in which nothing is heard of it, as for Prometheus. */
const periodsToEnd = 4;

/** One of so many places in a batch is for repetitions: changes without an end must not let what fires end by itself. */
const shareOfDue = 4;

/** The most Alertmanagers, the former ones that are being told the end included. A bit of a small integer stands for each. */
export const maxSlots = 30;

/**
 * The alerts about unhealthy pipelines, and what each Alertmanager still has to be told. Only the newest state of an alert is kept, so
 * an Alertmanager that hangs makes nothing grow. It knows no clock and sends nothing.
 */
export class VerdictAlerts {
  readonly #maxBytes: () => number;
  /** By pipeline. */
  readonly #firing = new Map<string, Entry>();
  /** By pipeline and reason: the end has to be told, and repeated, since an Alertmanager that is restarted forgets it. */
  readonly #ended = new Map<string, Entry>();
  #bytes = 0;
  /** Those that are told everything, and those that are told the end of everything. */
  #active = 0;
  #retired = 0;

  /** @param maxBytes asked each time, so that a reload may change it */
  constructor(maxBytes: () => number) {
    this.#maxBytes = maxBytes;
  }

  get firing(): number {
    return this.#firing.size;
  }

  /** The number of alerts whose end has to be told. */
  get ended(): number {
    return this.#ended.size;
  }

  /** An estimate. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The status of a pipeline for which an alert fires. */
  statusOf(request: Request): Trouble['status'] | undefined {
    return this.#firing.get(requestKey(request))?.status;
  }

  /** Adds an Alertmanager, which is told everything. Undefined if there are too many. */
  join(): number | undefined {
    for (let slot = 0; slot < maxSlots; slot++) {
      const bit = 1 << slot;
      if (((this.#active | this.#retired) & bit) !== 0) continue;
      this.#active |= bit;
      for (const entry of this.#firing.values()) entry.news |= bit;
      return slot;
    }
    return undefined;
  }

  /** From now on this Alertmanager is only told that all its alerts have ended. */
  retire(slot: number): void {
    const bit = 1 << slot;
    this.#active &= ~bit;
    this.#retired |= bit;
    for (const entry of this.#firing.values()) {
      entry.due &= ~bit;
      entry.news = (entry.heard & bit) === 0 ? entry.news & ~bit : entry.news | bit;
    }
    for (const entry of this.#ended.values()) entry.due &= ~bit;
  }

  /** Forgets this Alertmanager. */
  leave(slot: number): void {
    const bit = 1 << slot;
    this.#active &= ~bit;
    this.#retired &= ~bit;
    for (const entry of [...this.#firing.values(), ...this.#ended.values()]) {
      for (const mask of ['news', 'due', 'heard', 'refused'] as const) entry[mask] &= ~bit;
      this.#forgetIfUnheard(entry);
    }
  }

  /**
   * A pipeline is not healthy. Another reason than before is another alert, and ends the first one.
   * @returns `news` if there is something to send, `limited` if there is no room for the alert
   */
  begin(request: Request, trouble: Trouble, now: number): 'news' | 'known' | 'limited' {
    const key = requestKey(request);
    const current = this.#firing.get(key);
    if (current?.reason === trouble.reason) {
      // The texts are no part of the identity: the next repetition has them.
      this.#describe(current, trouble);
      return 'known';
    }
    if (current !== undefined) this.#end(key, current, now);
    const entry = this.#revived(key, trouble) ?? this.#created(request, trouble);
    if (entry === undefined) return 'limited';
    // A former one still has to hear of the end.
    const news = this.#active | (entry.heard & this.#retired);
    Object.assign(entry, { startsAt: now, endedAt: undefined, news, due: 0 });
    this.#firing.set(key, entry);
    return 'news';
  }

  /** A pipeline is healthy or gone. True if there is something to send. */
  end(request: Request, now: number): boolean {
    const key = requestKey(request);
    const entry = this.#firing.get(key);
    if (entry === undefined) return false;
    this.#end(key, entry, now);
    return true;
  }

  endAll(now: number): void {
    for (const [key, entry] of this.#firing) this.#end(key, entry, now);
  }

  /**
   * The time of repetition has come. An end is repeated until the alert would have ended by itself. A slow Alertmanager first
   * hears the rest of the last repetition: otherwise it would hear of the first ones again and again, and the last ones would end by themselves.
   */
  repeat(now: number): void {
    let ready = this.#active;
    for (const entries of [this.#firing, this.#ended]) for (const { due } of entries.values()) ready &= ~due;
    for (const entry of this.#firing.values()) entry.due |= ready;
    for (const [id, entry] of this.#ended) {
      entry.due |= entry.heard & ready;
      if (entry.endsBy <= now) this.#forget(id, entry);
    }
  }

  /**
   * Up to `limit` notifications for one Alertmanager, changes first. Undefined if it has been told everything.
   * @param repeatMs the time between two repetitions
   */
  take(slot: number, limit: number, now: number, repeatMs: number): Batch | undefined {
    const bit = 1 << slot;
    const due = [...this.#owed('due', bit & this.#active, limit)];
    const kept = Math.min(due.length, Math.floor(limit / shareOfDue));
    const changed = [...this.#owed('news', bit, limit - kept)];
    const news = changed.length;
    const entries = [...changed, ...due.slice(0, limit - news)].map((entry, index) => [entry, index < news] as const);
    if (entries.length === 0) return undefined;
    const endsAt = now + periodsToEnd * repeatMs;
    return {
      slot,
      news,
      entries,
      notifications: entries.map(([entry]) => this.#notify(entry, bit, now, endsAt)),
    };
  }

  /** Another replica tells from now on: nothing is told of them, and they end by themselves unless it goes on. */
  forgetAll(): void {
    for (const entries of [this.#firing, this.#ended]) entries.clear();
    this.#bytes = 0;
  }

  /**
   * @param told false if the Alertmanager may not have got the batch: it is told again; `refused` if it does not take it: that waits for
   *   the next repetition
   */
  settle({ slot, entries, notifications }: Batch, told: boolean | 'refused'): void {
    const bit = 1 << slot;
    if (((this.#active | this.#retired) & bit) === 0) return;
    for (const [index, [entry, isNews]] of entries.entries()) {
      if (told === 'refused') entry.refused |= bit;
      else if (told) entry.refused &= ~bit;
      if (!told && isNews) entry.news |= bit;
      else if (!told) entry.due |= bit;
      else if ((this.#retired & bit) !== 0 && !notifications[index]!.firing) entry.heard &= ~bit;
      this.#forgetIfUnheard(entry);
    }
  }

  /** True if this Alertmanager did not take one of the alerts when it was told last. */
  hasRefused(slot: number): boolean {
    for (const entries of [this.#firing, this.#ended])
      for (const { refused } of entries.values()) if ((refused & (1 << slot)) !== 0) return true;
    return false;
  }

  #notify(entry: Entry, bit: number, now: number, endsAt: number): Notification {
    const firing = entry.endedAt === undefined && (this.#active & bit) !== 0;
    entry.news &= ~bit;
    entry.due &= ~bit;
    if (firing) {
      entry.heard |= bit;
      entry.endsBy = Math.max(entry.endsBy, endsAt);
    }
    const { request, status, reason, message, decidedBy } = entry;
    const ends = firing ? endsAt : (entry.endedAt ?? now);
    // A clock that was set back must not make an alert that ends before it starts, or that starts in the future.
    const startsAt = Math.min(entry.startsAt, ends, now);
    return { request, status, reason, message, decidedBy, startsAt, endsAt: ends, firing };
  }

  *#owed(what: 'news' | 'due', bit: number, limit: number): Generator<Entry> {
    let left = limit;
    const isNews = (entry: Entry): boolean => (entry.news & bit) !== 0;
    const wanted = (entry: Entry): boolean => (entry[what] & bit) !== 0 && (what === 'news' || !isNews(entry));
    for (const entries of [this.#firing, this.#ended]) {
      for (const entry of entries.values()) {
        if (left === 0) return;
        if (!wanted(entry)) continue;
        left--;
        yield entry;
      }
    }
  }

  #end(key: string, entry: Entry, now: number): void {
    this.#firing.delete(key);
    entry.endedAt = now;
    entry.news = entry.heard;
    entry.due = 0;
    this.#ended.set(idOf(key, entry), entry);
    this.#forgetIfUnheard(entry);
  }

  /** The same alert, whose end is not told yet. */
  #revived(key: string, trouble: Trouble): Entry | undefined {
    const id = idOf(key, trouble);
    const entry = this.#ended.get(id);
    if (entry === undefined) return undefined;
    this.#ended.delete(id);
    this.#describe(entry, trouble);
    return entry;
  }

  #describe(entry: Entry, { status, message, decidedBy }: Trouble): void {
    const more = textBytes(decidedBy) - textBytes(entry.decidedBy);
    this.#bytes += more;
    entry.bytes += more;
    Object.assign(entry, { status, message, decidedBy });
  }

  /** Undefined if there is no room. Alerts that have ended make room: they also end by themselves. */
  #created(request: Request, { status, reason, message, decidedBy }: Trouble): Entry | undefined {
    const { kind, group = '', namespace = '', name } = request;
    // Names are ASCII, and are in the key too; reasons and messages are constants of the program.
    const names = kind.length + group.length + namespace.length + name.length;
    const bytes = entryBytes + 2 * names + textBytes(decidedBy);
    for (const [id, ended] of this.#ended) {
      if (this.#bytes + bytes <= this.#maxBytes()) break;
      this.#forget(id, ended);
    }
    if (this.#bytes + bytes > this.#maxBytes()) return undefined;
    this.#bytes += bytes;
    return {
      request,
      reason,
      bytes,
      status,
      message,
      decidedBy,
      startsAt: 0,
      endedAt: undefined,
      endsBy: 0,
      news: 0,
      due: 0,
      heard: 0,
      refused: 0,
    };
  }

  #forgetIfUnheard(entry: Entry): void {
    if (entry.endedAt === undefined || entry.heard !== 0) return;
    const id = idOf(requestKey(entry.request), entry);
    if (this.#ended.get(id) === entry) this.#forget(id, entry);
  }

  #forget(id: string, entry: Entry): void {
    this.#ended.delete(id);
    this.#bytes -= entry.bytes;
  }
}

/** No name of a pipeline or of a kind has a blank. */
function idOf(key: string, { reason }: Pick<Trouble, 'reason'>): string {
  return `${key} ${reason}`;
}
