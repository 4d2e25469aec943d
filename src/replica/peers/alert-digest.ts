import { hash } from 'node:crypto';
import type { Alert, AlertTimes } from '../../alert/alert.ts';
import type { AlertStore } from '../../alert/alert-store.ts';
import type { LabelText } from '../../alert/labels.ts';
import type { Sliced } from '../../runtime/slices.ts';
import { sameReceptionMs } from './told-format.ts';

/** The hash by which a store finds an alert, and 128 bits of a digest of what the alert says; bytes. */
const hashBytes = 4;
const digestBytes = 16;
const recordBytes = hashBytes + digestBytes;

/** The media type of a list of records. A later version of the format has another one, which a replica of this version refuses with 415. */
export const digestType = 'application/vnd.tocsin.digests.v1';

/** The number of alerts in one step. */
const alertsPerStep = 64;

/**
 * What identifies an alert and its content, for another replica that may have received the same. Two alerts with the same digest say the
 * same; those that say the same may have different digests, and then are only told in vain.
 */
export class AlertDigests {
  readonly #bytes: Buffer;

  private constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  static *of(alerts: readonly Alert[]): Sliced<AlertDigests> {
    const bytes = Buffer.allocUnsafe(recordBytes * alerts.length);
    for (const [index, alert] of alerts.entries()) {
      if (index % alertsPerStep === alertsPerStep - 1) yield;
      const at = index * recordBytes;
      bytes.writeInt32LE(alert.keyHash, at);
      bytes.write(digestOf(alert), at + hashBytes, digestBytes, 'latin1');
    }
    return new AlertDigests(bytes);
  }

  /** Undefined if that is no list of records. The bytes must stay as they are. */
  static read(bytes: Buffer): AlertDigests | undefined {
    return bytes.length % recordBytes === 0 ? new AlertDigests(bytes) : undefined;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  get count(): number {
    return this.#bytes.length / recordBytes;
  }

  /** The alerts that are not among these, or say something else. */
  *unlike(alerts: Iterable<Alert>): Sliced<readonly Alert[]> {
    const known = new Set<string>();
    const unlike: Alert[] = [];
    for (let index = 0; index < this.count; index++) {
      if (index % alertsPerStep === alertsPerStep - 1) yield;
      known.add(this.#digest(index));
    }
    let looked = 0;
    for (const alert of alerts) {
      if (++looked % alertsPerStep === 0) yield;
      if (!known.has(digestOf(alert))) unlike.push(alert);
    }
    return unlike;
  }

  /** The indexes of those that the store does not have like this. */
  *missingFrom(store: Pick<AlertStore, 'withHash'>, now: number): Sliced<readonly number[]> {
    const missing: number[] = [];
    for (let index = 0; index < this.count; index++) {
      if (index % alertsPerStep === alertsPerStep - 1) yield;
      if (!this.#isIn(store, index, now)) missing.push(index);
    }
    return missing;
  }

  #isIn(store: Pick<AlertStore, 'withHash'>, index: number, now: number): boolean {
    const at = index * recordBytes;
    for (const alert of store.withHash(this.#bytes.readInt32LE(at))) {
      if (alert.times.timeout && Math.abs(now - alert.times.updatedAt) > sameReceptionMs) continue;
      if (this.#digest(index) === digestOf(alert)) return true;
    }
    return false;
  }

  #digest(index: number): string {
    const at = index * recordBytes + hashBytes;
    return this.#bytes.toString('latin1', at, at + digestBytes);
  }
}

/** 16 characters of one byte each. */
function digestOf({ key, annotations, times }: Alert): string {
  return hash('sha1', `${key}\n${contentOf(times)}\n${textOf(annotations)}`, 'binary').slice(0, digestBytes);
}

function contentOf({ startsAt, endsAt, timeout }: AlertTimes): string {
  return timeout ? 'timeout' : `${Math.floor(startsAt)}-${Math.floor(endsAt)}`;
}

function textOf(annotations: LabelText): string {
  return typeof annotations === 'string' ? annotations : JSON.stringify(annotations);
}
