import { crc32 } from 'node:zlib';
import type { Alert } from '../../alert/alert.ts';
import type { Clock } from '../../runtime/clock.ts';
import { maxToldAlerts } from './told-alerts.ts';
import { sameReceptionMs } from './told-format.ts';

/** The media type of a list of receipts. A leader that does not know it is told alert by alert. */
export const receiptsType = 'application/vnd.tocsin.receipts.v1';

/** A checksum and a length of the body, and a hash of the keys of its alerts; bytes. */
const bodyBytes = 8;
const receiptBytes = bodyBytes + 4;

/** The most bodies that are remembered in half of {@link sameReceptionMs}; of more, the oldest are told alert by alert. */
export const maxReceipts = 20_000;

/** The most bodies that are told at once. */
const maxBodiesPerRound = 5000;

/**
 * Says which body a sender has posted. Prometheus pushes the same bytes to each replica, so one receipt says of all alerts in a body what
 * digests would say one by one. A checksum is enough: whoever may post alerts may end any of them anyway. Two bodies that are taken for the
 * same by accident have the same length, checksum (32 bits) and keys (32 bits), and came within seconds of each other.
 */
export interface BodyReceipt {
  /** The length, and the checksum in the lower 32 bits. */
  readonly body: number;
  readonly keys: number;
}

export function receiptOf(bytes: Buffer, alerts: readonly Alert[]): BodyReceipt {
  let keys = alerts.length;
  for (const { keyHash } of alerts) keys = Math.imul(keys ^ keyHash, 0x9e3779b1) ^ (keys >>> 15);
  return { body: bytes.length * 2 ** 32 + crc32(bytes), keys };
}

/** The bodies that the leader has taken in whole during the last seconds. */
export class BodyReceipts {
  readonly #clock: Clock;
  #recent = new Map<number, number>();
  #before = new Map<number, number>();
  #recentSince = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note({ body, keys }: BodyReceipt): void {
    this.#forget(this.#recent.size >= maxReceipts);
    this.#recent.set(body, keys);
  }

  /** The indexes of those that were not taken in; undefined if these bytes are no list of receipts. */
  missing(bytes: Buffer): readonly number[] | undefined {
    if (bytes.length % receiptBytes !== 0) return undefined;
    this.#forget(false);
    const missing: number[] = [];
    for (let at = 0; at < bytes.length; at += receiptBytes) {
      const body = bytes.readDoubleLE(at);
      const keys = bytes.readInt32LE(at + bodyBytes);
      if (this.#recent.get(body) !== keys && this.#before.get(body) !== keys) missing.push(at / receiptBytes);
    }
    return missing;
  }

  clear(): void {
    this.#recent = new Map();
    this.#before = new Map();
  }

  #forget(isFull: boolean): void {
    const age = this.#clock.monotonic() - this.#recentSince;
    if (!isFull && age < sameReceptionMs / 2) return;
    this.#before = age < sameReceptionMs ? this.#recent : new Map();
    this.#recent = new Map();
    this.#recentSince = this.#clock.monotonic();
  }
}

interface WaitingBody {
  readonly receipt: BodyReceipt;
  readonly alerts: readonly Alert[];
}

/** The bodies of which a follower has to tell the leader. */
export class WaitingBodies {
  #bodies: WaitingBody[] = [];
  #alerts = 0;

  /** The number of alerts in them. */
  get size(): number {
    return this.#alerts;
  }

  /** Returns false if there is no room. */
  add(receipt: BodyReceipt, alerts: readonly Alert[]): boolean {
    if (this.#bodies.length >= maxReceipts || this.#alerts + alerts.length > maxToldAlerts) return false;
    this.#bodies.push({ receipt, alerts });
    this.#alerts += alerts.length;
    return true;
  }

  /** Takes out the oldest. */
  take(limit = maxBodiesPerRound): readonly WaitingBody[] {
    const taken = this.#bodies.splice(0, limit);
    this.#alerts = this.#bodies.reduce((sum, { alerts }) => sum + alerts.length, 0);
    return taken;
  }
}

export function receiptsOf(bodies: readonly WaitingBody[]): Buffer {
  const bytes = Buffer.allocUnsafe(receiptBytes * bodies.length);
  for (const [index, { receipt }] of bodies.entries()) {
    bytes.writeDoubleLE(receipt.body, index * receiptBytes);
    bytes.writeInt32LE(receipt.keys, index * receiptBytes + bodyBytes);
  }
  return bytes;
}
