import type { LabelSet } from '../alert/labels.ts';
import { listedValues } from '../matcher/anchored-regexp.ts';
import type { Matcher, OnUndecided } from '../matcher/matcher.ts';
import { concerns, type Silence } from './silence.ts';

type ByValue = Map<string, Set<Silence>>;

/**
 * Finds the silences that concern given labels without looking at each silence. It files a silence under one of its matchers
 * only: under an equality if it has one, as nearly every silence does; else under a regular expression that a missing label does
 * not match; else among the rest, which are all checked.
 */
export class SilenceIndex {
  readonly #byEquality = new Map<string, ByValue>();
  readonly #byRegexp = new Map<string, RegexpGroup>();
  readonly #rest = new Set<Silence>();
  readonly #onUndecided: OnUndecided | undefined;

  constructor(onUndecided?: OnUndecided) {
    this.#onUndecided = onUndecided;
  }

  add(silence: Silence): void {
    const key = keyOf(silence);
    if (key === undefined) this.#rest.add(silence);
    else if (key.type === '=') setAt(this.#byEquality, key).add(silence);
    else groupAt(this.#byRegexp, key.name).add(key, silence);
  }

  delete(silence: Silence): void {
    const key = keyOf(silence);
    if (key === undefined) this.#rest.delete(silence);
    else if (key.type === '=') this.#deleteEquality(key, silence);
    else this.#deleteRegexp(key, silence);
  }

  /** The silences whose matchers all match. */
  concerning(labels: LabelSet): Silence[] {
    const found: Silence[] = [];
    for (const silence of this.#candidates(labels))
      if (concerns(silence, labels, this.#onUndecided)) found.push(silence);
    return found;
  }

  *#candidates(labels: LabelSet): Iterable<Silence> {
    for (const [name, byValue] of this.#byEquality) {
      if (Object.hasOwn(labels, name)) yield* byValue.get(labels[name]!) ?? [];
    }
    for (const [name, group] of this.#byRegexp) {
      if (Object.hasOwn(labels, name)) yield* group.matching(labels[name]!, this.#onUndecided);
    }
    yield* this.#rest;
  }

  #deleteEquality({ name, value }: Matcher, silence: Silence): void {
    const byValue = this.#byEquality.get(name);
    const silences = byValue?.get(value);
    silences?.delete(silence);
    if (silences?.size === 0) byValue?.delete(value);
    if (byValue?.size === 0) this.#byEquality.delete(name);
  }

  #deleteRegexp(key: Matcher, silence: Silence): void {
    const group = this.#byRegexp.get(key.name);
    group?.delete(key, silence);
    if (group?.isEmpty === true) this.#byRegexp.delete(key.name);
  }
}

function keyOf({ matchers }: Silence): Matcher | undefined {
  const positive = matchers.filter(({ type }) => type === '=' || type === '=~').filter((m) => !m.matchesValue(''));
  return positive.find(({ type }) => type === '=') ?? positive[0];
}

function setAt(byEquality: Map<string, ByValue>, { name, value }: Matcher): Set<Silence> {
  const byValue: ByValue = byEquality.get(name) ?? new Map();
  const silences = byValue.get(value) ?? new Set();
  byEquality.set(name, byValue.set(value, silences));
  return silences;
}

function groupAt(byRegexp: Map<string, RegexpGroup>, name: string): RegexpGroup {
  const group = byRegexp.get(name) ?? new RegexpGroup();
  byRegexp.set(name, group);
  return group;
}

/**
 * The most values of a label whose result is kept, and the most characters of such a value: a value may be as large as a body.
 */
const maxRemembered = 10_000;
const maxCharacters = 256;

interface Expression {
  readonly matcher: Matcher;
  /** The values that it matches, if the expression lists them. */
  readonly listed: readonly string[] | undefined;
  readonly silences: Set<Silence>;
}

/**
 * Silences that are filed under a regular expression on the same label. An expression that many silences share is tried once. An
 * expression that lists its values is tried on no other value. The result for a value is kept until the group changes, because
 * most labels have few values.
 */
export class RegexpGroup {
  readonly #expressions = new Map<string, Expression>();
  readonly #byListed = new Map<string, Set<Expression>>();
  /** Expressions that list no values: each has to be tried. */
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

  /** The silences whose expression matches the value of the label. */
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
