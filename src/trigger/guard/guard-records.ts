import * as z from 'zod';
import type { Clock } from '../../runtime/clock.ts';
import type { Causes } from '../../cause/causes.ts';
import { restoredCauses, storedCauses, StoredCauses } from '../../cause/stored-causes.ts';
import type { GuardState, Pair, PairName as NameOfPair } from './guard-state.ts';
import { reasonRecord, wroteRecord, type ConditionNotes } from './condition-notes.ts';

/** Translates between the guard's time, which never jumps, and the clock, which is what a later process has. */
export interface GuardTime {
  now(): number;
  toClock(time: number): number;
  /** A time that has not come yet, because the clock was set back, is now: it neither refills a budget nor blocks for ever. */
  fromClock(time: number): number;
}

/** The clock as it was at the start, continued evenly: a clock that is set neither refills a budget nor blocks it. */
export function steadyTime(clock: Clock): GuardTime {
  const now = (): number => clock.now();
  const ahead = clock.now() - clock.monotonic();
  const steady = (): number => clock.monotonic() + ahead;
  return {
    now: steady,
    // Rounded up: no slot comes too early.
    toClock: (time) => Math.ceil(time + now() - steady()),
    fromClock: (time) => Math.min(time, now()) - now() + steady(),
  };
}

const Request = z.object({
  kind: z.string(),
  group: z.string().exactOptional(),
  namespace: z.string().exactOptional(),
  name: z.string(),
});

const pairName = { trigger: z.string(), request: Request };
/** Of the object, if it was known. */
const optionalUid = z.string().exactOptional();
const condition = { trigger: z.string(), request: Request, apiVersion: z.string(), type: z.string() };
/** Milliseconds since the epoch. */
const time = z.number();

/** A run is told to stop when it takes longer, milliseconds: a write is not made later than this after it was counted. */
const longestRunMs = 60_000;

/** Something was done to an object. `again` replaces the last time: a retry, or the end of a long write. */
const Spent = z.object({
  ...pairName,
  uid: optionalUid,
  at: z.array(time).min(1),
  horizonMs: z.number(),
  again: z.boolean(),
});

const Parked = z.object({ ...pairName, uid: optionalUid, since: time, causes: StoredCauses });
/** In `givenBack`, what was counted last was not done; in `unparked`, what was parked is done or dropped. */
const PairName = z.object(pairName);
const Condition = z.object(condition);
const Reason = z.object({ request: Request, type: z.string(), reason: z.string() });

/** Of the newest run. */
export function spentRecord(pair: Pair, uid: string | undefined, again: boolean, at: GuardTime): unknown {
  return spentAt(pair, uid, [at.toClock(pair.runs.last!)], again);
}

function spentAt(
  { trigger, request, horizonMs }: Pick<Pair, 'trigger' | 'request' | 'horizonMs'>,
  uid: string | undefined,
  times: readonly number[],
  again: boolean,
): unknown {
  return { spent: { trigger, request, uid, at: times, horizonMs, again } };
}

export function givenBackRecord({ trigger, request }: Pair): unknown {
  return { givenBack: { trigger, request } };
}

/** @param causes what is new; a reader unites it with what the file has already */
export function parkedRecord(
  { trigger, request, parked }: NameOfPair & Pick<Pair, 'parked'>,
  causes: Causes,
  at: GuardTime,
): unknown {
  const { uid, since } = parked!;
  return { parked: { trigger, request, uid, since: at.toClock(since), causes: storedCauses(causes) } };
}

export function unparkedRecord({ trigger, request }: Pair): unknown {
  return { unparked: { trigger, request } };
}

/** The process has ended by itself: no write was under way. */
export function closedRecord(): unknown {
  return { closed: true };
}

/** A record with its number: those up to the number of a {@link snapshotOf} are part of it. */
export function numbered(number: number, record: unknown): unknown {
  return { n: number, ...(record as object) };
}

/** The records that have the whole state as it is now; they are made when they are read. @param number of the last change */
export function snapshotOf(
  state: Pick<GuardState, 'pairs'>,
  notes: ConditionNotes,
  at: GuardTime,
  number: number,
): Iterable<unknown> {
  const pairs = Array.from(state.pairs, (pair) => ({ ...pair, times: timesOf(pair, at) }));
  const written = [...Array.from(notes.all(), wroteRecord), ...Array.from(notes.reasons(), reasonRecord)];
  return snapshotRecords(pairs, written, at, number);
}

type TimesByUid = readonly (readonly [uid: string | undefined, times: readonly number[]])[];

function timesOf({ runs }: Pair, at: GuardTime): TimesByUid {
  return Array.from(runs.byUid(), ([of, times]) => [of, times.map((each) => at.toClock(each))]);
}

function* snapshotRecords(
  pairs: readonly (Pair & { readonly times: TimesByUid })[],
  written: readonly unknown[],
  at: GuardTime,
  number: number,
): Iterable<unknown> {
  yield { snapshot: number };
  for (const { times, ...pair } of pairs) {
    for (const [of, each] of times) yield spentAt(pair, of, each, false);
    if (pair.parked !== undefined) yield parkedRecord(pair, pair.parked.causes, at);
  }
  yield* written;
}

interface Restored {
  /** Records that mean nothing. */
  readonly unreadable: number;
  /** The number of the last change. */
  readonly number: number;
}

/** Brings the state to where the records say that it was. */
export function restore(
  records: readonly unknown[],
  state: GuardState,
  notes: ConditionNotes,
  at: GuardTime,
): Restored {
  const restoration = new Restoration(state, notes, at);
  let unreadable = 0;
  let last = 0;
  for (const record of records) {
    const { n, snapshot, ...content } = fieldsOf(record);
    const isKnown = typeof n === 'number' && n <= last;
    if (typeof snapshot !== 'number' && !isKnown && !restoration.apply(content)) unreadable++;
    for (const number of [n, snapshot]) if (typeof number === 'number') last = Math.max(last, number);
  }
  restoration.end();
  return { unreadable, number: last };
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(record: unknown): Fields {
  return typeof record === 'object' && record !== null ? (record as Fields) : {};
}

class Restoration {
  readonly #state: GuardState;
  readonly #notes: ConditionNotes;
  readonly #at: GuardTime;
  /** Whose newest write may have been made later than it was counted. */
  readonly #open = new Set<Pair>();

  constructor(state: GuardState, notes: ConditionNotes, at: GuardTime) {
    this.#state = state;
    this.#notes = notes;
    this.#at = at;
  }

  /**
   * False: it means nothing. Each kind of record has a key of its own, so that only one schema reads it: there may be a hundred
   * thousand.
   */
  apply(record: Fields): boolean {
    const [state, notes] = [this.#state, this.#notes];
    if ('spent' in record) return read(Spent, record['spent'], (spent) => this.#spent(spent));
    if ('parked' in record)
      return read(Parked, record['parked'], ({ since, causes, ...name }) =>
        state.park(state.named(name), name.uid, restoredCauses(causes), this.#at.fromClock(since)),
      );
    if ('givenBack' in record) return read(PairName, record['givenBack'], (name) => this.#givenBack(state.find(name)));
    if ('unparked' in record)
      return read(PairName, record['unparked'], (name) => {
        const found = state.find(name);
        if (found !== undefined) state.unpark(found);
      });
    if ('closed' in record) return read(z.literal(true), record['closed'], () => this.#open.clear());
    if ('reason' in record) return read(Reason, record['reason'], (reason) => notes.addReason(reason));
    if ('wrote' in record) return read(Condition, record['wrote'], (wrote) => notes.add(wrote));
    return read(Condition, record['removed'], (removed) => notes.delete(removed));
  }

  /** A process that was killed may have made its last writes until its end, which is not known. */
  end(): void {
    for (const { runs } of this.#open) runs.delayLast(Math.min(this.#at.now(), (runs.last ?? 0) + longestRunMs));
  }

  #spent({ at: times, horizonMs, again, uid: of, ...name }: z.infer<typeof Spent>): void {
    const pair = this.#state.named(name);
    if (again) pair.runs.takeBack();
    pair.runs.insert(
      times.map((each) => this.#at.fromClock(each)),
      of,
    );
    pair.horizonMs = Math.max(pair.horizonMs, horizonMs);
    if (again) this.#open.delete(pair);
    else this.#open.add(pair);
  }

  #givenBack(pair: Pair | undefined): void {
    pair?.runs.takeBack();
    if (pair !== undefined) this.#open.delete(pair);
  }
}

/** False if the value is not what the schema says. */
function read<T>(schema: z.ZodType<T>, value: unknown, use: (read: T) => unknown): boolean {
  const { success, data } = schema.safeParse(value);
  if (success) use(data);
  return success;
}
