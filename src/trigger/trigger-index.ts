import type { LabelSet } from '../alert/labels.ts';
import type { Matcher, OnUndecided } from '../matcher/matcher.ts';
import { matchesAll } from './alert-matchers.ts';
import type { Triggers } from './ports.ts';
import type { Trigger } from './trigger.ts';

/** The name of the alert, as a label. */
const nameLabel = 'alertname';

/** Called with a value of a label that was too long for an expression of a trigger, which does not match then. */
export type OnUndecidedTrigger = (trigger: Trigger, matcher: Matcher, value: string) => void;

/** Where a trigger is filed: the values of labels that its alerts have; undefined stands for any value. */
export interface Place {
  readonly namespace: string | undefined;
  readonly alertname: string | undefined;
}

type ByAlertname = Map<string | undefined, Set<Trigger>>;

/**
 * The triggers that are in force, filed under the namespace and the name of the alerts that they can match, as far as an equality
 * says so. To find those of an alert costs nothing for all others.
 */
export class TriggerIndex implements Triggers {
  #namespaceLabel: string;
  readonly #onUndecided: OnUndecidedTrigger | undefined;
  readonly #byKey = new Map<string, Trigger>();
  readonly #byNamespace = new Map<string | undefined, ByAlertname>();
  #filed = 0;

  /** @param namespaceLabel `triggers.namespace_label` */
  constructor(namespaceLabel: string, onUndecided?: OnUndecidedTrigger) {
    this.#namespaceLabel = namespaceLabel;
    this.#onUndecided = onUndecided;
  }

  get all(): Iterable<Trigger> {
    return this.#byKey.values();
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** How many triggers have been filed since the start: one for each that was added or changed. */
  get filedCount(): number {
    return this.#filed;
  }

  /** `triggers.namespace_label` */
  get namespaceLabel(): string {
    return this.#namespaceLabel;
  }

  /** Files all triggers anew under another label, after a reload. What matches does not depend on it, only what that costs. */
  fileBy(namespaceLabel: string): void {
    if (namespaceLabel === this.#namespaceLabel) return;
    const all = [...this.#byKey.values()];
    this.#byKey.clear();
    this.#byNamespace.clear();
    this.#namespaceLabel = namespaceLabel;
    for (const trigger of all) this.set(trigger);
  }

  get(key: string): Trigger | undefined {
    return this.#byKey.get(key);
  }

  /** Takes the place of the trigger of the same key. */
  set(trigger: Trigger): void {
    this.delete(trigger.key);
    this.#byKey.set(trigger.key, trigger);
    this.#filed++;
    const { namespace, alertname } = this.placeOf(trigger);
    const byAlertname = getOrAdd(this.#byNamespace, namespace, (): ByAlertname => new Map());
    getOrAdd(byAlertname, alertname, () => new Set<Trigger>()).add(trigger);
  }

  /** False if there is no such trigger. */
  delete(key: string): boolean {
    const trigger = this.#byKey.get(key);
    if (trigger === undefined) return false;
    this.#byKey.delete(key);
    const { namespace, alertname } = this.placeOf(trigger);
    const byAlertname = this.#byNamespace.get(namespace)!;
    const triggers = byAlertname.get(alertname)!;
    triggers.delete(trigger);
    if (triggers.size === 0) byAlertname.delete(alertname);
    if (byAlertname.size === 0) this.#byNamespace.delete(namespace);
    return true;
  }

  /**
   * The triggers whose matchers all match, in the order of their keys.
   * @param isAsked only these are tried: an expression may cost milliseconds. Default: all
   */
  matching(labels: LabelSet, isAsked?: (trigger: Trigger) => boolean): readonly Trigger[] {
    const found: Trigger[] = [];
    for (const trigger of this.candidates(labels))
      if (isAsked?.(trigger) !== false && this.matches(trigger, labels)) found.push(trigger);
    return found.length < 2 ? found : found.toSorted(byKey);
  }

  /** The triggers that may match, as far as it costs nothing to say so. */
  candidates(labels: LabelSet): Iterable<Trigger> {
    const [namespace, alertname] = [valueOf(labels, this.#namespaceLabel), valueOf(labels, nameLabel)];
    const anywhere = this.filedUnder({ namespace: undefined, alertname });
    return namespace === undefined ? anywhere : [...anywhere, ...this.filedUnder({ namespace, alertname })];
  }

  /** Those of one namespace: the ones for any name, and the ones for this. */
  filedUnder({ namespace, alertname }: Place): readonly Trigger[] {
    const byAlertname = this.#byNamespace.get(namespace);
    const names = alertname === undefined ? [undefined] : [undefined, alertname];
    return names.flatMap((name) => [...(byAlertname?.get(name) ?? [])]);
  }

  /** Tries all matchers of a trigger. */
  matches(trigger: Trigger, labels: LabelSet): boolean {
    const onUndecided: OnUndecided = (...told) => this.#onUndecided?.(trigger, ...told);
    return matchesAll(trigger.matchers, labels, onUndecided);
  }

  placeOf({ matchers }: Trigger): Place {
    return { namespace: equalityOn(matchers, this.#namespaceLabel), alertname: equalityOn(matchers, nameLabel) };
  }
}

/** An equality with the empty text also matches an alert without the label, and so it says no place. */
function equalityOn(matchers: readonly Matcher[], label: string): string | undefined {
  return matchers.find(({ type, name, value }) => type === '=' && name === label && value !== '')?.value;
}

function valueOf(labels: LabelSet, label: string): string | undefined {
  return Object.hasOwn(labels, label) ? labels[label] : undefined;
}

function byKey(one: Trigger, other: Trigger): number {
  return one.key < other.key ? -1 : 1;
}

function getOrAdd<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const value = make();
  map.set(key, value);
  return value;
}

/** Files a trigger under a place. */
export function addTo(index: Map<string, Set<string>>, place: string, key: string): void {
  const keys = index.get(place);
  if (keys === undefined) index.set(place, new Set([key]));
  else keys.add(key);
}

export function removeFrom(index: Map<string, Set<string>>, place: string, key: string): void {
  const keys = index.get(place);
  keys?.delete(key);
  if (keys?.size === 0) index.delete(place);
}
