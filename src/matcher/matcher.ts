import { AnchoredRegexp } from './anchored-regexp.ts';
import { quote } from '../text/go/quote.ts';
import type { LabelSet } from '../alert/labels.ts';

/** What Go takes for a blank, as a part of a character class. */
export const blankClass = '\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

/** What cannot stand in a matcher of Alertmanager's UTF-8 grammar outside of quotes, blanks among it. */
export const reservedClass = `${blankClass}{}!=~,\\\\"'\``;

const reserved = new RegExp(`[${reservedClass}]`);

export type MatchType = '=' | '!=' | '=~' | '!~';

/** Told of a value that a matcher was not tried on, because its regular expression would take too long. */
export type OnUndecided = (matcher: Matcher, value: string) => void;

/** A condition on one label, of a silence or of a `filter` parameter: Alertmanager's labels.Matcher. */
export class Matcher {
  readonly name: string;
  readonly value: string;
  readonly type: MatchType;
  readonly #regexp: AnchoredRegexp | undefined;

  /** Throws a MatcherError if `value` has to be a regular expression and is none. */
  constructor(name: string, value: string, type: MatchType) {
    this.name = name;
    this.value = value;
    this.type = type;
    this.#regexp = type === '=~' || type === '!~' ? new AnchoredRegexp(value) : undefined;
  }

  /** What its regular expression takes, in instructions; 0 if it has none. */
  get instructions(): number {
    return this.#regexp?.instructions ?? 0;
  }

  /** A label that is missing has the empty text for a value. */
  matches(labels: LabelSet, onUndecided?: OnUndecided): boolean {
    return this.matchesValue(Object.hasOwn(labels, this.name) ? labels[this.name]! : '', onUndecided);
  }

  /** False where it cannot be decided, for `!~` too: what is not known to match must not be silenced. */
  matchesValue(value: string, onUndecided?: OnUndecided): boolean {
    const equals = this.#regexp === undefined ? value === this.value : this.#regexp.test(value);
    if (equals === undefined) onUndecided?.(this, value);
    return equals === (this.type === '=' || this.type === '=~');
  }

  /** As Alertmanager writes it in its answers and its log: `job=~"node.*"`. */
  toString(): string {
    if (reserved.test(this.name)) return `${quote(this.name)}${this.type}${quote(this.value)}`;
    return `${this.name}${this.type}"${escape(this.value)}"`;
  }
}

/** OpenMetrics' escaping. */
function escape(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
