import { noAnnotations, postableAlert, TextAlert, type KnownAlert, type KnownAlerts } from './postable-alert.ts';
import type { PostableAlert } from '../alert.ts';
import { TextHash, type LabelSet, type LabelText } from '../labels.ts';
import { PlainLabelSet } from './plain-label-set.ts';
import { isRequestUri } from '../../text/go/url.ts';
import { isUsualLabelSet, TimeCache } from './read-usual-alerts.ts';

/** `2026-11-21T03:08:54.829Z` */
const timeCharacters = 24;

const nothing: Piece = { text: '', from: 0, end: 0 };

/**
 * Reads a body that is written exactly as every Prometheus writes it: fields in one order, no blanks. For every other body, right
 * or wrong, it returns undefined; then another reader has to read it.
 *
 * Most of what Prometheus sends are alerts that it has sent before. Their labels are found by their text and never parsed; this
 * makes a re-send cheaper than a JSON.parse of the body. JSON.parse parses each other piece by itself, and everything between the
 * pieces is compared. So no text is accepted that JSON.parse would refuse.
 *
 * The labels of a new alert are not parsed either if they are written plainly; see {@link PlainLabelSet}.
 * @param bytes ASCII
 * @param text the same, without an escaped surrogate
 */
export function readPrometheusAlerts(
  bytes: Buffer,
  text: string,
  maxLabels: number,
  known: KnownAlerts,
): PostableAlert[] | undefined {
  if (!text.startsWith('[{"') || !text.endsWith('"}}]')) return undefined;
  const reader = new Reader(bytes, text, maxLabels, known);
  try {
    return reader.alerts();
  } catch {
    // A piece was not JSON, so it may not have been a piece at all.
    return undefined;
  }
}

/** Each method reads what stands at the present position; it returns undefined or false if that is not as expected. */
class Reader {
  readonly #bytes: Buffer;
  readonly #cursor: TextCursor;
  readonly #maxLabels: number;
  readonly #known: KnownAlerts;
  readonly #plain: PlainLabelSet;
  readonly #hash: TextHash;
  /** Remembers the last time. The alerts of one rule come together, with the same URL and end, and often the same start. */
  readonly #starts = new TimeCache();
  readonly #ends = new TimeCache();
  #urlText = '';
  #url = '';

  constructor(bytes: Buffer, text: string, maxLabels: number, known: KnownAlerts) {
    this.#bytes = bytes;
    // The first alert begins behind the bracket.
    this.#cursor = new TextCursor(text, 1);
    this.#maxLabels = maxLabels;
    this.#known = known;
    this.#plain = new PlainLabelSet(bytes);
    this.#hash = new TextHash(bytes);
  }

  alerts(): PostableAlert[] | undefined {
    const alerts: PostableAlert[] = [];
    do {
      const alert = this.#alert();
      if (alert === undefined) return undefined;
      alerts.push(alert);
    } while (this.#cursor.pass(','));
    return this.#cursor.pass(']') && this.#cursor.isAtEnd ? alerts : undefined;
  }

  #alert(): PostableAlert | undefined {
    const annotations = this.#annotations();
    const endsText = this.#cursor.charactersBefore(timeCharacters, '","startsAt":"');
    const startsText = this.#cursor.charactersBefore(timeCharacters, '","generatorURL":"');
    if (annotations === undefined || endsText === undefined || startsText === undefined) return undefined;
    if (!this.#generatorURL()) return undefined;
    const labels = this.#cursor.objectBefore('}');
    const endsAt = this.#ends.of(endsText);
    const startsAt = this.#starts.of(startsText);
    if (labels === undefined || endsAt === undefined || startsAt === undefined) return undefined;
    return this.#quickly(annotations, labels, startsAt, endsAt) ?? this.#parsed(annotations, labels, startsAt, endsAt);
  }

  /** Does not parse labels and annotations; undefined if that is impossible. */
  #quickly(annotations: Piece, labels: Piece, startsAt: number, endsAt: number): PostableAlert | undefined {
    const keyHash = this.#hash.of(labels.from, labels.end);
    const known = this.#known.find(labels.text, keyHash);
    const annotationsText = this.#annotationsText(annotations, known);
    const identity = known ?? this.#newKey(labels);
    if (identity === undefined || annotationsText === undefined) return undefined;
    return new TextAlert(identity, keyHash, annotationsText, startsAt, endsAt, this.#url);
  }

  #newKey({ from, end }: Piece): string | undefined {
    return this.#isKey(from, end) ? this.#copy(from, end) : undefined;
  }

  #isKey(from: number, end: number): boolean {
    const plain = this.#plain;
    return plain.fills(from, end) && plain.count <= this.#maxLabels && !plain.hasEmptyValue && !plain.hasEscapes;
  }

  #annotationsText({ text, from, end }: Piece, known: KnownAlert | undefined): LabelText | undefined {
    if (text === '') return noAnnotations;
    // Return the stored text rather than an equal one: then nothing is compared later, and nothing becomes garbage.
    if (known !== undefined && known.annotations === text) return known.annotations;
    if (!this.#plain.fills(from, end) || this.#plain.count > this.#maxLabels) return undefined;
    if (this.#plain.hasEscapes && parseLabelSet(text) === undefined) return undefined;
    return this.#copy(from, end);
  }

  /** Copies the text: a slice would keep the whole body in memory. */
  #copy(from: number, end: number): string {
    return this.#bytes.toString('latin1', from, end);
  }

  #parsed(annotations: Piece, labels: Piece, startsAt: number, endsAt: number): PostableAlert | undefined {
    const annotationSet = annotations.text === '' ? noAnnotations : parseLabelSet(annotations.text);
    const labelSet = parseLabelSet(labels.text);
    if (annotationSet === undefined || labelSet === undefined) return undefined;
    const fields = { labels: labelSet, annotations: annotationSet, startsAt, endsAt, generatorURL: this.#url };
    return postableAlert(fields, this.#maxLabels);
  }

  /** Empty if there are none. */
  #annotations(): Piece | undefined {
    if (this.#cursor.pass('{"annotations":')) return this.#cursor.objectBefore(',"endsAt":"');
    return this.#cursor.pass('{"endsAt":"') ? nothing : undefined;
  }

  #generatorURL(): boolean {
    const piece = this.#cursor.upTo('","labels":');
    if (piece === undefined) return false;
    if (piece === this.#urlText) return true;
    const url: unknown = JSON.parse(`"${piece}"`);
    if (typeof url !== 'string' || !(url === '' || isRequestUri(url))) return false;
    this.#urlText = piece;
    this.#url = url;
    return true;
  }
}

function parseLabelSet(text: string): LabelSet | undefined {
  const value: unknown = JSON.parse(text);
  return isUsualLabelSet(value) ? value : undefined;
}

/** A part of a text, and where it stands. */
interface Piece {
  readonly text: string;
  readonly from: number;
  readonly end: number;
}

const quoteMark = 0x22;

/**
 * Takes a text apart from beginning to end. Each method takes the piece at the present position, and moves behind it and the text
 * that has to follow. If they are not there, it returns undefined or false, and the position does not change.
 */
export class TextCursor {
  readonly #text: string;
  #at: number;

  constructor(text: string, from: number) {
    this.#text = text;
    this.#at = from;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  pass(expected: string): boolean {
    if (!this.#text.startsWith(expected, this.#at)) return false;
    this.#at += expected.length;
    return true;
  }

  /** An object of at least one text. It ends at the first place at which a text can end it and `next` follows. */
  objectBefore(next: string): Piece | undefined {
    const text = this.#text;
    const from = this.#at;
    let end = text.indexOf('}', from);
    while (end >= 0 && !(text.charCodeAt(end - 1) === quoteMark && text.startsWith(next, end + 1)))
      end = text.indexOf('}', end + 1);
    if (end < 0) return undefined;
    this.#at = end + 1 + next.length;
    return { text: text.slice(from, end + 1), from, end: end + 1 };
  }

  charactersBefore(count: number, next: string): string | undefined {
    return this.#before(this.#at + count, next);
  }

  /** Up to the next quote, which has to be the beginning of `next`. */
  upTo(next: string): string | undefined {
    const end = this.#text.indexOf('"', this.#at);
    return end < 0 ? undefined : this.#before(end, next);
  }

  #before(end: number, next: string): string | undefined {
    if (!this.#text.startsWith(next, end)) return undefined;
    const piece = this.#text.slice(this.#at, end);
    this.#at = end + next.length;
    return piece;
  }
}
