import type { LabelSet, LabelText } from './label-set.ts';
import { PlainLabelSet } from './plain-label-set.ts';
import { noAnnotations, postableAlert, type IdentifiedLabels, type PostableAlert } from './postable-alert.ts';
import { isRequestUri } from './request-uri.ts';
import { TextAlert } from './text-alert.ts';
import { isUsualLabelSet, usualTime } from './usual-field.ts';

/** What is stored of an alert. */
export interface KnownAlert extends IdentifiedLabels {
  readonly state: { readonly annotations: LabelText };
}

/** The stored alert of a key; see labelKey. */
export type FindAlert = (key: string) => KnownAlert | undefined;

/** A part of the text. */
interface Piece {
  readonly text: string;
  readonly from: number;
  readonly end: number;
}

/** `2026-11-21T03:08:54.829Z` */
const timeCharacters = 24;

const quoteMark = 0x22;

const nothing: Piece = { text: '', from: 0, end: 0 };

/**
 * Reads a body that is written exactly as every Prometheus writes it: fields in one order, no blanks. It gives undefined for
 * everything else, right or wrong, and leaves that to others.
 *
 * What Prometheus sends all day are alerts that it has sent before. Their labels are found by their text, and so are never
 * parsed: that is what makes a re-send cheaper than a JSON.parse of the body. Each other piece is parsed by JSON.parse by
 * itself, and everything between the pieces compared, so that no text is taken that JSON.parse would not take.
 *
 * Of an alert that is new no label is parsed either, if all is written plainly; see {@link PlainLabelSet}.
 * @param bytes ASCII
 * @param text the same, without an escaped surrogate
 */
export function readPrometheusAlerts(
  bytes: Buffer,
  text: string,
  maxLabels: number,
  find: FindAlert,
): PostableAlert[] | undefined {
  if (!text.startsWith('[{"') || !text.endsWith('"}}]')) return undefined;
  const reader = new Reader(bytes, text, maxLabels, find);
  try {
    return reader.alerts();
  } catch {
    // A piece was no JSON: it may not have been a piece at all.
    return undefined;
  }
}

/** Each method reads one piece at the present position and goes behind it; undefined, or false, if it is not as expected. */
class Reader {
  readonly #bytes: Buffer;
  readonly #text: string;
  readonly #maxLabels: number;
  readonly #find: FindAlert;
  readonly #plain: PlainLabelSet;
  /** The first alert begins behind the bracket. */
  #at = 1;
  /** Alerts of one rule have the same end and the same URL, and stand together: the last ones are remembered. */
  #endText = '';
  #end: number | undefined;
  #urlText = '';
  #url = '';

  constructor(bytes: Buffer, text: string, maxLabels: number, find: FindAlert) {
    this.#bytes = bytes;
    this.#text = text;
    this.#maxLabels = maxLabels;
    this.#find = find;
    this.#plain = new PlainLabelSet(bytes);
  }

  alerts(): PostableAlert[] | undefined {
    const alerts: PostableAlert[] = [];
    do {
      const alert = this.#alert();
      if (alert === undefined) return undefined;
      alerts.push(alert);
    } while (this.#pass(','));
    return this.#pass(']') && this.#at === this.#text.length ? alerts : undefined;
  }

  #alert(): PostableAlert | undefined {
    const annotations = this.#annotations();
    const endsText = this.#timeBefore('","startsAt":"');
    const startsText = this.#timeBefore('","generatorURL":"');
    if (annotations === undefined || endsText === undefined || startsText === undefined) return undefined;
    if (!this.#generatorURL()) return undefined;
    const labels = this.#objectBefore('}');
    const endsAt = this.#endsAt(endsText);
    const startsAt = usualTime(startsText);
    if (labels === undefined || endsAt === undefined || startsAt === undefined) return undefined;
    return this.#quickly(annotations, labels, startsAt, endsAt) ?? this.#parsed(annotations, labels, startsAt, endsAt);
  }

  /** Without parsing labels and annotations; undefined if that cannot be done. */
  #quickly(annotations: Piece, labels: Piece, startsAt: number, endsAt: number): PostableAlert | undefined {
    const known = this.#find(labels.text);
    const identity = known ?? this.#keyOf(labels);
    const annotationsText = this.#annotationsText(annotations, known);
    if (identity === undefined || annotationsText === undefined) return undefined;
    return new TextAlert(identity, annotationsText, startsAt, endsAt, this.#url);
  }

  #keyOf({ from, end }: Piece): string | undefined {
    const plain = this.#plain;
    const isKey = plain.fills(from, end) && plain.count <= this.#maxLabels && !plain.hasEmptyValue && !plain.hasEscapes;
    return isKey ? this.#copy(from, end) : undefined;
  }

  #annotationsText({ text, from, end }: Piece, known: KnownAlert | undefined): LabelText | undefined {
    if (text === '') return noAnnotations;
    // The text that is stored rather than an equal one: then nothing has to be compared, or thrown away.
    if (known !== undefined && known.state.annotations === text) return known.state.annotations;
    if (!this.#plain.fills(from, end) || this.#plain.count > this.#maxLabels) return undefined;
    if (this.#plain.hasEscapes && parseLabelSet(text) === undefined) return undefined;
    return this.#copy(from, end);
  }

  /** A text of its own: a slice would keep the whole body in memory. */
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
    if (this.#pass('{"annotations":')) return this.#objectBefore(',"endsAt":"');
    return this.#pass('{"endsAt":"') ? nothing : undefined;
  }

  /** An object of texts, at least one: to the first place at which a text can end it and `next` follows. */
  #objectBefore(next: string): Piece | undefined {
    const text = this.#text;
    const from = this.#at;
    let end = text.indexOf('}', from);
    while (end >= 0 && !(text.charCodeAt(end - 1) === quoteMark && text.startsWith(next, end + 1)))
      end = text.indexOf('}', end + 1);
    if (end < 0) return undefined;
    this.#at = end + 1 + next.length;
    return { text: text.slice(from, end + 1), from, end: end + 1 };
  }

  #timeBefore(next: string): string | undefined {
    const end = this.#at + timeCharacters;
    if (!this.#text.startsWith(next, end)) return undefined;
    const piece = this.#text.slice(this.#at, end);
    this.#at = end + next.length;
    return piece;
  }

  #endsAt(text: string): number | undefined {
    if (text === this.#endText) return this.#end;
    const end = usualTime(text);
    this.#endText = text;
    this.#end = end;
    return end;
  }

  #generatorURL(): boolean {
    const next = ',"labels":';
    const end = this.#text.indexOf('"', this.#at);
    if (end < 0 || !this.#text.startsWith(next, end + 1)) return false;
    const piece = this.#text.slice(this.#at, end);
    this.#at = end + 1 + next.length;
    if (piece === this.#urlText) return true;
    const url: unknown = JSON.parse(`"${piece}"`);
    if (typeof url !== 'string' || !(url === '' || isRequestUri(url))) return false;
    this.#urlText = piece;
    this.#url = url;
    return true;
  }

  #pass(expected: string): boolean {
    if (!this.#text.startsWith(expected, this.#at)) return false;
    this.#at += expected.length;
    return true;
  }
}

function parseLabelSet(text: string): LabelSet | undefined {
  const value: unknown = JSON.parse(text);
  return isUsualLabelSet(value) ? value : undefined;
}
