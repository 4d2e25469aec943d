import * as z from 'zod';
import { compareByBytes } from '../text/go/utf8.ts';

/** Label names to values. Values are never empty in a stored alert; names and values are well-formed Unicode. */
export type LabelSet = Readonly<Record<string, string>>;

/** Reads a label set or annotations from JSON. A record of zod would leave out the name `__proto__`, which is as good as any other. */
export const LabelsInJson = z.custom<LabelSet>(isLabelSet, 'expected names with texts');

function isLabelSet(found: unknown): boolean {
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return false;
  return Object.values(found).every((value) => typeof value === 'string');
}

/** Anything with labels; each read may build them anew. */
export interface Labelled {
  readonly labels: LabelSet;
}

/** A label set, or its text. Most labels that arrive are never read, and a text takes half the memory. */
export type LabelText = LabelSet | string;

/** A longer text is kept as a set, so that it is not parsed twice; characters. */
const maxTextLength = 8192;

/**
 * True if a text can stand for its label set.
 * @param text a label set as JSON
 */
export function isLabelText(text: string): boolean {
  // JSON.parse may get a name with a backslash wrong; see isTrustworthy.
  return text.length <= maxTextLength && !text.includes('\\');
}

export function labelSetOf(text: LabelText): LabelSet {
  return typeof text === 'string' ? (JSON.parse(text) as LabelSet) : text;
}

/**
 * Returns a test for the key of an alert that answers in some 30 ns: false means that the alert does not have this label, or not with
 * this value. True has to be checked. A name or value that JSON writes with an escape is not looked for.
 *
 * The expression has a group although it needs none. V8 searches for a plain text from quote to quote, which takes seven times as
 * long; for an expression with a group it skips as far as the text is long.
 * @param value undefined: any value
 */
export function mayHaveLabel(name: string, value?: string): (key: string) => boolean {
  const written =
    value === undefined ? `${JSON.stringify(name)}:"` : `${JSON.stringify(name)}:${JSON.stringify(value)}`;
  if (written.includes('\\')) return () => true;
  const expression = new RegExp(`${written.slice(0, -1).replaceAll(/[.+*?()|[\]{}^$/]/g, '\\$&')}(?:")`);
  return (key) => expression.test(key);
}

/** True if all shared labels have the same values. */
export function agree(alert: LabelSet, pushed: LabelSet): boolean {
  return Object.keys(alert).every((name) => !Object.hasOwn(pushed, name) || alert[name] === pushed[name]);
}

export function isSameLabelText(a: LabelText, b: LabelText): boolean {
  return a === b || isSameLabelSet(labelSetOf(a), labelSetOf(b));
}

function isSameLabelSet(a: LabelSet, b: LabelSet): boolean {
  for (const name in a) if (a[name] !== b[name] || !Object.hasOwn(b, name)) return false;
  for (const name in b) if (!Object.hasOwn(a, name)) return false;
  return true;
}

/**
 * One string for a label set, equal for equal sets only: JSON without blanks, in the order of names. The store finds alerts by
 * it. The fingerprint costs more than everything else on an alert's way in, so it is computed only when it is read. Prometheus
 * writes labels in just this form if no text needs an escape, so its own text is the key.
 * @param labels well-formed text, no empty values
 */
export function labelKey(labels: LabelSet): string {
  let previous = '';
  for (const name in labels) {
    if (name < previous) return sortedKey(labels);
    previous = name;
  }
  return JSON.stringify(labels);
}

/** Written by hand, because objects put numbers before all other names. */
function sortedKey(labels: LabelSet): string {
  const names = Object.keys(labels).toSorted();
  return `{${names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(labels[name])}`).join(',')}}`;
}

/**
 * The part of a text that is hashed, bytes. Larger label sets are rare; they collide if they have the same beginning and length.
 */
const hashedBytes = 8192;

/**
 * 32-bit hashes of ASCII texts, four bytes at a time: several times as fast as V8's string hash. An attacker can construct texts
 * with the same hash, so it may only serve as a guess.
 */
export class TextHash {
  readonly #view: DataView;

  /** @param bytes the texts, for example a body */
  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The same hash for a separate text. It accepts any characters, and uses the low byte of those beyond ASCII. */
  static of(text: string): number {
    const bytes = Buffer.from(text.slice(0, hashedBytes).padEnd(4), 'latin1');
    return new TextHash(bytes).#of(0, bytes.length, text.length);
  }

  /** The hash of the bytes from `from` to `end`, at least four. */
  of(from: number, end: number): number {
    return this.#of(from, Math.min(end, from + hashedBytes), end - from);
  }

  #of(from: number, end: number, length: number): number {
    const view = this.#view;
    const last = end - 4;
    let hash = length;
    for (let at = from; at < last; at += 4) hash = mix(hash, view.getInt32(at, true));
    // Always the last four bytes, even if some of them have been hashed already.
    hash = mix(hash, view.getInt32(last, true));
    return hash ^ (hash >>> 15);
  }
}

/** The factor is the odd number next to 2^32 divided by the golden ratio. */
function mix(hash: number, word: number): number {
  return Math.imul(((hash << 5) | (hash >>> 27)) ^ word, 0x9e3779b1);
}

/** Ends every name and every value; this byte occurs in no UTF-8 text. */
const separator = 0xff;

/** Every byte as two hexadecimal digits. */
const hexadecimalBytes: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
);

/**
 * The identity of an alert as Alertmanager prints it: 64-bit FNV-1a over the labels, sorted by the UTF-8 bytes of their names, as
 * 16 lower-case hexadecimal digits. The rule is that of github.com/prometheus/common, model/signature.go. Names and values must
 * be well-formed Unicode, without empty values.
 */
export function fingerprint(labels: LabelSet): string {
  const hash = new Fnv1a();
  for (const name of sortedNames(labels)) {
    hash.addText(name);
    hash.addByte(separator);
    hash.addText(labels[name]!);
    hash.addByte(separator);
  }
  return hash.toString();
}

/**
 * The names in the order of their bytes. Most senders write the labels in order already, and checking costs less than sorting.
 */
export function sortedNames(labels: LabelSet): readonly string[] {
  const names = Object.keys(labels);
  for (let at = 1; at < names.length; at++) {
    if (compareByBytes(names[at - 1]!, names[at]!) > 0) return names.toSorted(compareByBytes);
  }
  return names;
}

/**
 * 64-bit FNV-1a in two signed halves of 32 bits, because a BigInt would be allocated for each byte. The prime is 2^40 + 435. So
 * the new low half is the old one times 435. The new high half is the sum of the old one times 435, the carry of the low product,
 * and the low half times 2^8.
 */
class Fnv1a {
  // 0xcbf29ce484222325
  #high = 0xcbf29ce4 | 0;
  #low = 0x84222325 | 0;

  addByte(byte: number): void {
    const low = this.#low ^ byte;
    this.#high = (Math.imul(this.#high, 435) + carry(low) + (low << 8)) | 0;
    this.#low = Math.imul(low, 435);
  }

  /** Adds the bytes of `text` in UTF-8. ASCII takes a faster way: the halves stay in registers, and a code unit is a byte. */
  addText(text: string): void {
    let high = this.#high;
    let low = this.#low;
    let at = 0;
    for (; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit >= 0x80) break;
      low ^= unit;
      high = (Math.imul(high, 435) + carry(low) + (low << 8)) | 0;
      low = Math.imul(low, 435);
    }
    this.#high = high;
    this.#low = low;
    if (at < text.length) this.#addCodePoints(text, at);
  }

  #addCodePoints(text: string, from: number): void {
    for (let at = from; at < text.length; at++) {
      const codePoint = text.codePointAt(at)!;
      if (codePoint > 0xffff) at++;
      this.#addCodePoint(codePoint);
    }
  }

  #addCodePoint(codePoint: number): void {
    if (codePoint < 0x80) return this.addByte(codePoint);
    if (codePoint < 0x800) {
      this.addByte(0xc0 | (codePoint >>> 6));
    } else if (codePoint < 0x10000) {
      this.addByte(0xe0 | (codePoint >>> 12));
      this.#addContinuation(codePoint >>> 6);
    } else {
      this.addByte(0xf0 | (codePoint >>> 18));
      this.#addContinuation(codePoint >>> 12);
      this.#addContinuation(codePoint >>> 6);
    }
    this.#addContinuation(codePoint);
  }

  #addContinuation(bits: number): void {
    this.addByte(0x80 | (bits & 0x3f));
  }

  toString(): string {
    return hexadecimal(this.#high) + hexadecimal(this.#low);
  }
}

/** The bits above the lowest 32 of `low` × 435, with `low` unsigned: 16 bits at a time, so that no bit is lost. */
function carry(low: number): number {
  return ((low >>> 16) * 435 + (((low & 0xffff) * 435) >>> 16)) >>> 16;
}

function hexadecimal(half: number): string {
  const upper = hexadecimalBytes[half >>> 24]! + hexadecimalBytes[(half >>> 16) & 0xff]!;
  return upper + hexadecimalBytes[(half >>> 8) & 0xff]! + hexadecimalBytes[half & 0xff]!;
}
