import type { LabelSet } from '../alert/labels.ts';
import type { Matcher, OnUndecided } from '../matcher/matcher.ts';
import { RegexpGroup } from './regexp-group.ts';
import { concerns, type Silence } from './silence.ts';

type ByValue = Map<string, Set<Silence>>;

/**
 * Silences, to be found by the labels that they concern without a look at each of them. One stands under one of its
 * matchers only: under an equality if it has one, as nearly every silence does; or else under a regular expression that a
 * missing label does not match; or else among the rest, which are all looked at.
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

  /** Those whose matchers all match. */
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
