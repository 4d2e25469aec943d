import type { Matcher, OnUndecided } from './matcher.ts';
import type { Silence } from './silence.ts';

/** Most values of the label whose outcome is kept, and most characters of one: a value may be as large as a body. */
const maxRemembered = 10_000;
const maxCharacters = 256;

interface Expression {
  readonly matcher: Matcher;
  readonly silences: Set<Silence>;
}

/**
 * Silences that stand under a regular expression on the same label. An expression that many share is tried once; what came
 * out for a value is remembered until the group changes, for most labels have few values.
 */
export class RegexpGroup {
  readonly #expressions = new Map<string, Expression>();
  readonly #remembered = new Map<string, readonly Silence[]>();

  get isEmpty(): boolean {
    return this.#expressions.size === 0;
  }

  add(matcher: Matcher, silence: Silence): void {
    this.#remembered.clear();
    const known = this.#expressions.get(matcher.value);
    if (known === undefined) this.#expressions.set(matcher.value, { matcher, silences: new Set([silence]) });
    else known.silences.add(silence);
  }

  delete(matcher: Matcher, silence: Silence): void {
    this.#remembered.clear();
    const known = this.#expressions.get(matcher.value);
    known?.silences.delete(silence);
    if (known?.silences.size === 0) this.#expressions.delete(matcher.value);
  }

  /** Those whose expression matches the value of the label. */
  matching(value: string, onUndecided?: OnUndecided): readonly Silence[] {
    const remembered = this.#remembered.get(value);
    if (remembered !== undefined) return remembered;
    const found: Silence[] = [];
    for (const { matcher, silences } of this.#expressions.values())
      if (matcher.matchesValue(value, onUndecided)) found.push(...silences);
    if (this.#remembered.size >= maxRemembered) this.#remembered.clear();
    if (value.length <= maxCharacters) this.#remembered.set(value, found);
    return found;
  }
}
