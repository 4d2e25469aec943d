import * as z from 'zod';
import type { Clock } from '../../runtime/clock.ts';
import type { Causes } from '../../cause/causes.ts';
import { restoredCauses, storedCauses, StoredCauses } from '../../cause/stored-causes.ts';
import type { WrittenCondition } from '../ports.ts';
import type { GuardState, Pair } from './guard-state.ts';
import type { ConditionNotes } from './condition-notes.ts';

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

const pairName = { trigger: z.string(), object: z.string() };
const condition = { trigger: z.string(), request: Request, apiVersion: z.string(), type: z.string() };
/** Milliseconds since the epoch. */
const time = z.number();

/** Something was done to an object. `again` replaces the last time: a retry, or the end of a long write. */
const Spent = z.object({
  ...pairName,
  request: Request,
  at: z.array(time).min(1),
  horizonMs: z.number(),
  again: z.boolean(),
});

const Parked = z.object({ ...pairName, request: Request, since: time, causes: StoredCauses });
/** In `givenBack`, what was counted last was not done; in `unparked`, what was parked is done or dropped. */
const PairName = z.object(pairName);
const Condition = z.object(condition);

export function spentRecord(
  { trigger, object, request, times, horizonMs }: Pair,
  again: boolean,
  at: GuardTime,
): unknown {
  return { spent: { trigger, object, request, at: [at.toClock(times.at(-1)!)], horizonMs, again } };
}

export function givenBackRecord({ trigger, object }: Pair): unknown {
  return { givenBack: { trigger, object } };
}

/** @param causes what is new; a reader unites it with what the file has already */
export function parkedRecord({ trigger, object, request, parked }: Pair, causes: Causes, at: GuardTime): unknown {
  return { parked: { trigger, object, request, since: at.toClock(parked!.since), causes: storedCauses(causes) } };
}

export function unparkedRecord({ trigger, object }: Pair): unknown {
  return { unparked: { trigger, object } };
}

export function wroteRecord(wrote: WrittenCondition): unknown {
  return { wrote };
}

export function removedRecord(removed: WrittenCondition): unknown {
  return { removed };
}

/** A record with its number: those up to the number of a {@link snapshotOf} are part of it. */
export function numbered(number: number, record: unknown): unknown {
  return { n: number, ...(record as object) };
}

/** The records that have the whole state as it is now; they are made when they are read. @param number of the last change */
export function snapshotOf(state: GuardState, notes: ConditionNotes, at: GuardTime, number: number): Iterable<unknown> {
  const pairs = Array.from(state.pairs, (pair) => ({ ...pair, times: pair.times.map((each) => at.toClock(each)) }));
  return snapshotRecords(pairs, [...notes.all()], at, number);
}

function* snapshotRecords(
  pairs: readonly Pair[],
  notes: readonly WrittenCondition[],
  at: GuardTime,
  number: number,
): Iterable<unknown> {
  yield { snapshot: number };
  for (const each of pairs) {
    const { trigger, object, request, times, horizonMs, parked } = each;
    if (times.length > 0) yield { spent: { trigger, object, request, at: times, horizonMs, again: false } };
    if (parked !== undefined) yield parkedRecord(each, parked.causes, at);
  }
  for (const each of notes) yield wroteRecord(each);
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
  let unreadable = 0;
  let last = 0;
  for (const record of records) {
    const { n, snapshot, ...content } = fieldsOf(record);
    const isKnown = typeof n === 'number' && n <= last;
    if (typeof snapshot !== 'number' && !isKnown && !apply(content, state, notes, at)) unreadable++;
    for (const number of [n, snapshot]) if (typeof number === 'number') last = Math.max(last, number);
  }
  return { unreadable, number: last };
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(record: unknown): Fields {
  return typeof record === 'object' && record !== null ? (record as Fields) : {};
}

/** Each kind of record has a key of its own, so that only one schema reads it: there may be a hundred thousand. False: it means nothing. */
function apply(record: Fields, state: GuardState, notes: ConditionNotes, at: GuardTime): boolean {
  if ('spent' in record)
    return read(Spent, record['spent'], ({ at: times, horizonMs, again, ...name }) =>
      state.restoreTimes(
        name,
        times.map((each) => at.fromClock(each)),
        horizonMs,
        again,
      ),
    );
  if ('parked' in record)
    return read(Parked, record['parked'], ({ since, causes, ...name }) =>
      state.park(state.named(name), restoredCauses(causes), at.fromClock(since)),
    );
  if ('givenBack' in record) return read(PairName, record['givenBack'], (name) => state.lookUp(name)?.times.pop());
  if ('unparked' in record)
    return read(PairName, record['unparked'], (name) => {
      const found = state.lookUp(name);
      if (found !== undefined) state.unpark(found);
    });
  if ('wrote' in record) return read(Condition, record['wrote'], (wrote) => notes.add(wrote));
  return read(Condition, record['removed'], (removed) => notes.delete(removed));
}

/** False if the value is not what the schema says. */
function read<T>(schema: z.ZodType<T>, value: unknown, use: (read: T) => unknown): boolean {
  const { success, data } = schema.safeParse(value);
  if (success) use(data);
  return success;
}
