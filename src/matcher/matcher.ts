import { AnchoredRegexp } from './anchored-regexp.ts';
import { quote } from '../text/go/quote.ts';
import type { LabelSet } from '../alert/labels.ts';

/** Go's blanks, as part of a character class. */
export const blankClass = '\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

/** The characters that Alertmanager's UTF-8 grammar allows only inside quotes, blanks among them. */
export const reservedClass = `${blankClass}{}!=~,\\\\"'\``;

const reserved = new RegExp(`[${reservedClass}]`);

export type MatchType = '=' | '!=' | '=~' | '!~';

/** Called with a value that a matcher did not try, because its regular expression would take too long. */
export type OnUndecided = (matcher: Matcher, value: string) => void;

/** A condition on one label, in a silence or in a `filter` parameter: Alertmanager's labels.Matcher. */
export class Matcher {
  readonly name: string;
  readonly value: string;
  readonly type: MatchType;
  readonly #regexp: AnchoredRegexp | undefined;

  /** Throws a MatcherError if `value` has to be a regular expression and is not. */
  constructor(name: string, value: string, type: MatchType) {
    this.name = name;
    this.value = value;
    this.type = type;
    this.#regexp = type === '=~' || type === '!~' ? new AnchoredRegexp(value) : undefined;
  }

  /** The size of its regular expression, in instructions; 0 without one. */
  get instructions(): number {
    return this.#regexp?.instructions ?? 0;
  }

  /** The value of a missing label is the empty text. */
  matches(labels: LabelSet, onUndecided?: OnUndecided): boolean {
    return this.matchesValue(Object.hasOwn(labels, this.name) ? labels[this.name]! : '', onUndecided);
  }

  /** False if it cannot be decided, for `!~` too: an alert that may not match must not be silenced. */
  matchesValue(value: string, onUndecided?: OnUndecided): boolean {
    const equals = this.#regexp === undefined ? value === this.value : this.#regexp.test(value);
    if (equals === undefined) onUndecided?.(this, value);
    return equals === (this.type === '=' || this.type === '=~');
  }

  /** The form in Alertmanager's answers and log: `job=~"node.*"`. */
  toString(): string {
    if (reserved.test(this.name)) return `${quote(this.name)}${this.type}${quote(this.value)}`;
    return `${this.name}${this.type}"${escape(this.value)}"`;
  }
}

/** OpenMetrics' escaping. */
function escape(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
