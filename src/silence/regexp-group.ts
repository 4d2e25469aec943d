import { listedValues } from './listed-values.ts';
import type { Matcher, OnUndecided } from '../matcher/matcher.ts';
import type { Silence } from './silence.ts';

/** Most values of the label whose outcome is kept, and most characters of one: a value may be as large as a body. */
const maxRemembered = 10_000;
const maxCharacters = 256;

interface Expression {
  readonly matcher: Matcher;
  /** What it matches, if it lists that. */
  readonly listed: readonly string[] | undefined;
  readonly silences: Set<Silence>;
}

/**
 * Silences that stand under a regular expression on the same label. An expression that many share is tried once; one that
 * lists what it matches, on nothing else; what came out for a value is remembered until the group changes, for most labels
 * have few values.
 */
export class RegexpGroup {
  readonly #expressions = new Map<string, Expression>();
  readonly #byListed = new Map<string, Set<Expression>>();
  /** Those that list nothing: each has to be tried. */
  readonly #others = new Set<Expression>();
  readonly #remembered = new Map<string, readonly Silence[]>();

  get isEmpty(): boolean {
    return this.#byListed.size + this.#others.size === 0;
  }

  add(matcher: Matcher, silence: Silence): void {
    this.#remembered.clear();
    const known = this.#expressions.get(matcher.value);
    if (known === undefined)
      this.#addExpression({ matcher, listed: listedValues(matcher.value), silences: new Set([silence]) });
    else known.silences.add(silence);
  }

  delete(matcher: Matcher, silence: Silence): void {
    this.#remembered.clear();
    const known = this.#expressions.get(matcher.value);
    known?.silences.delete(silence);
    if (known?.silences.size === 0) this.#deleteExpression(known);
  }

  /** Those whose expression matches the value of the label. */
  matching(value: string, onUndecided?: OnUndecided): readonly Silence[] {
    const remembered = this.#remembered.get(value);
    if (remembered !== undefined) return remembered;
    const found: Silence[] = [];
    for (const { matcher, silences } of this.#candidates(value))
      if (matcher.matchesValue(value, onUndecided)) found.push(...silences);
    if (this.#remembered.size >= maxRemembered) this.#remembered.clear();
    if (value.length <= maxCharacters) this.#remembered.set(value, found);
    return found;
  }

  *#candidates(value: string): Iterable<Expression> {
    yield* this.#byListed.get(value) ?? [];
    yield* this.#others;
  }

  #addExpression(expression: Expression): void {
    const { matcher, listed } = expression;
    this.#expressions.set(matcher.value, expression);
    if (listed === undefined) this.#others.add(expression);
    for (const value of listed ?? []) {
      const same = this.#byListed.get(value);
      if (same === undefined) this.#byListed.set(value, new Set([expression]));
      else same.add(expression);
    }
  }

  #deleteExpression(expression: Expression): void {
    const { matcher, listed = [] } = expression;
    this.#expressions.delete(matcher.value);
    this.#others.delete(expression);
    for (const value of listed) {
      const same = this.#byListed.get(value);
      same?.delete(expression);
      if (same?.size === 0) this.#byListed.delete(value);
    }
  }
}
