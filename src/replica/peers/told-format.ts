import * as z from 'zod';
import type { Alert, AlertTimes, PostableAlert } from '../../alert/alert.ts';
import { alertsFormat, readBatch, type AlertFormat } from '../../receiver/intake/batch.ts';

/**
 * How recently this replica received an alert without an end for that to be the same reception as another replica's, milliseconds. Each
 * replica gives such an alert times of its own clock, which nobody else can compare.
 */
export const sameReceptionMs = 10_000;

export interface ToldFormatOptions {
  /** The stored alert of a key, even if it is resolved. */
  readonly find: (key: string, keyHash?: number) => Alert | undefined;
  /** How long alerts without an end count as firing, milliseconds. Default: as long as those that anybody posts. */
  readonly timeoutMs: number | undefined;
  /** True if the alerts may be old: somebody may know better by now. */
  readonly isLate: boolean;
}

/** What a follower tells the leader: the body of `POST /api/v2/alerts`, of which only that is taken in which is news. */
export function toldFormat({ find, timeoutMs, isLate }: ToldFormatOptions): AlertFormat {
  return {
    ...alertsFormat,
    isTold: true,
    ...(timeoutMs !== undefined && { resolveTimeoutMs: timeoutMs }),
    read: async (bytes, maxLabels, slices, known, now) => {
      const batch = await readBatch(bytes, maxLabels, slices, known);
      return {
        ...batch,
        forEach: (accept) =>
          batch.forEach((posted) => {
            const stored = posted.invalid === undefined ? find(posted.key, posted.keyHash)?.times : undefined;
            return isNews(stored, posted, now, isLate) ? accept(notAhead(posted, now)) : undefined;
          }),
      };
    },
  };
}

/**
 * True if an alert says something that is not stored here yet. Only times of the sender are compared with each other: they come from one
 * clock, that of the Prometheus, whoever received them.
 */
export function isNews(
  stored: AlertTimes | undefined,
  told: Pick<PostableAlert, 'startsAt' | 'endsAt'>,
  now: number,
  isLate: boolean,
): boolean {
  const hasEnded = told.endsAt !== undefined && told.endsAt <= now;
  // Also if it has ended: another replica may tell later that it fires.
  if (stored === undefined) return true;
  if (isSame(stored, told, now)) return false;
  if (!isLate) return true;
  if (hasEnded) return told.endsAt > stored.startsAt;
  const isOver = !stored.timeout && stored.endsAt <= now;
  // Of an episode whose end is known here, everything else is older.
  return !(isOver && (told.startsAt ?? now) < stored.endsAt);
}

function isSame(stored: AlertTimes, told: Pick<PostableAlert, 'startsAt' | 'endsAt'>, now: number): boolean {
  if (told.endsAt === undefined)
    return stored.timeout && stored.endsAt > now && Math.abs(now - stored.updatedAt) < sameReceptionMs;
  return (
    !stored.timeout &&
    Math.floor(stored.endsAt) === Math.floor(told.endsAt) &&
    told.startsAt !== undefined &&
    Math.floor(stored.startsAt) === Math.floor(told.startsAt)
  );
}

/** The start of an alert without an end may be a time of the follower's clock, which may be ahead: its end would come before. */
function notAhead(told: PostableAlert, now: number): PostableAlert {
  if (told.endsAt !== undefined || told.startsAt === undefined || told.startsAt <= now) return told;
  const { key, keyHash, labels, annotations, endsAt, generatorURL, known, invalid } = told;
  const hashed = keyHash === undefined ? {} : { keyHash };
  return { key, ...hashed, labels, annotations, startsAt: now, endsAt, generatorURL, known, invalid };
}

/** What the leader answers. Members that a later version adds are ignored. */
export const Told = z.object({
  version: z.int().min(1),
  term: z.int().min(0),
  mark: z.int().min(0),
  covered: z.int().min(0),
  /** The indexes of the alerts that it does not know like this. */
  missing: z.array(z.int().min(0)).readonly(),
});
export type Told = z.infer<typeof Told>;
