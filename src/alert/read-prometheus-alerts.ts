import type { LabelSet } from './label-set.ts';
import { noAnnotations, postableAlert, type PostableAlert, type StoredLabels } from './postable-alert.ts';
import { isRequestUri } from './request-uri.ts';
import { isUsualLabelSet, usualTime } from './usual-field.ts';

/** The stored labels of a key; see labelKey. */
export type FindLabels = (key: string) => StoredLabels | undefined;

/** `2026-11-21T03:08:54.829Z` */
const timeCharacters = 24;

const quoteMark = 0x22;

/**
 * Reads a body that is written exactly as every Prometheus writes it: fields in one order, no blanks. It gives undefined for
 * everything else, right or wrong, and leaves that to others.
 *
 * What Prometheus sends all day are alerts that it has sent before. Their labels are found by their text, and so are never
 * parsed: that is what makes a re-send cheaper than a JSON.parse of the body. Each other piece is parsed by JSON.parse by
 * itself, and everything between the pieces compared, so that no text is taken that JSON.parse would not take.
 * @param text ASCII, without an escaped surrogate
 */
export function readPrometheusAlerts(text: string, maxLabels: number, find: FindLabels): PostableAlert[] | undefined {
  if (!text.startsWith('[{"') || !text.endsWith('"}}]')) return undefined;
  const reader = new Reader(text, maxLabels, find);
  try {
    return reader.alerts();
  } catch {
    // A piece was no JSON: it may not have been a piece at all.
    return undefined;
  }
}

/** Each method reads one piece at the present position and goes behind it; undefined, or false, if it is not as expected. */
class Reader {
  readonly #text: string;
  readonly #maxLabels: number;
  readonly #find: FindLabels;
  /** The first alert begins behind the bracket. */
  #at = 1;
  /** Alerts of one rule have the same end and the same URL, and stand together: the last ones are remembered. */
  #endText = '';
  #end: number | undefined;
  #urlText = '';
  #url = '';

  constructor(text: string, maxLabels: number, find: FindLabels) {
    this.#text = text;
    this.#maxLabels = maxLabels;
    this.#find = find;
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
    const annotationsText = this.#annotations();
    const endsText = this.#timeBefore('","startsAt":"');
    const startsText = this.#timeBefore('","generatorURL":"');
    if (annotationsText === undefined || endsText === undefined || startsText === undefined) return undefined;
    if (!this.#generatorURL()) return undefined;
    const labelsText = this.#objectBefore('}');
    const endsAt = this.#endsAt(endsText);
    const startsAt = usualTime(startsText);
    if (labelsText === undefined || endsAt === undefined || startsAt === undefined) return undefined;
    const stored = this.#find(labelsText);
    const annotations = annotationsText === '' ? noAnnotations : parseLabelSet(annotationsText);
    const labels = stored?.labels ?? parseLabelSet(labelsText);
    if (annotations === undefined || labels === undefined) return undefined;
    const fields = { labels, annotations, startsAt, endsAt, generatorURL: this.#url };
    return postableAlert(fields, this.#maxLabels, stored);
  }

  /** '' if there are none. */
  #annotations(): string | undefined {
    if (this.#pass('{"annotations":')) return this.#objectBefore(',"endsAt":"');
    return this.#pass('{"endsAt":"') ? '' : undefined;
  }

  /** An object of texts, at least one: to the first place at which a text can end it and `next` follows. */
  #objectBefore(next: string): string | undefined {
    const text = this.#text;
    let end = text.indexOf('}', this.#at);
    while (end >= 0 && !(text.charCodeAt(end - 1) === quoteMark && text.startsWith(next, end + 1)))
      end = text.indexOf('}', end + 1);
    if (end < 0) return undefined;
    const piece = text.slice(this.#at, end + 1);
    this.#at = end + 1 + next.length;
    return piece;
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
