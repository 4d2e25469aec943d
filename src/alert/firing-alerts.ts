import { compareLabelSets } from './alert-order.ts';
import type { Labelled, LabelSet } from './label-set.ts';
import { PushedAlertSearch } from './pushed-alert-search.ts';

/** An alert whose labels are only read if its name is asked for. */
export interface NamedAlert extends Labelled {
  readonly alertname: string | undefined;
}

type Groups = ReadonlyMap<string | undefined, readonly LabelSet[]>;

/**
 * The alerts that fire at one moment, indexed so that a look-up costs the same whether ten fire or a hundred thousand.
 * An index is made when it is first needed. A label may be called `constructor`: only own properties are labels.
 */
export class FiringAlerts {
  readonly #byName = new Map<string | undefined, NamedAlert[]>();
  readonly #named = new Map<string, readonly LabelSet[]>();
  readonly #groups = new Map<string, Map<string, Groups>>();
  readonly #firsts = new WeakMap<readonly LabelSet[], LabelSet>();
  readonly #searches = new Map<string, PushedAlertSearch>();
  readonly #reported = new WeakMap<LabelSet, boolean>();

  static of(all: readonly LabelSet[]): FiringAlerts {
    const firing = new FiringAlerts();
    for (const labels of all) firing.add({ labels, alertname: valueOf(labels, 'alertname') });
    return firing;
  }

  get size(): number {
    return this.all.length;
  }

  /** By name, each name in the order in which its alerts were added. */
  get all(): readonly NamedAlert[] {
    return [...this.#byName.values()].flat();
  }

  /** To be called before anything is asked. */
  add(alert: NamedAlert): void {
    const named = this.#byName.get(alert.alertname);
    if (named === undefined) this.#byName.set(alert.alertname, [alert]);
    else named.push(alert);
  }

  /** The alerts of one name, in the order in which they were given. */
  named(alertname: string): readonly LabelSet[] {
    return getOrAdd(this.#named, alertname, () => (this.#byName.get(alertname) ?? []).map(({ labels }) => labels));
  }

  /** The alerts of one name by the value of a label, those that lack it under undefined. Each grouping is made once. */
  groupedBy(alertname: string, labelName: string): Groups {
    const byLabel = getOrAdd(this.#groups, alertname, () => new Map<string, Groups>());
    return getOrAdd(byLabel, labelName, () => groupBy(this.named(alertname), labelName));
  }

  /**
   * The one of a group that stands first in the order of label sets, whatever order the group has; undefined if it is empty.
   * Asking again for the same group costs nothing.
   */
  first(group: readonly LabelSet[]): LabelSet | undefined {
    if (group.length < 2) return group[0];
    return getOrAdd(this.#firsts, group, () => group.reduce((a, b) => (compareLabelSets(b, a) < 0 ? b : a)));
  }

  /**
   * True if one of the alerts can be the one that was pushed with these labels: it has the same name, and no label in
   * common with another value. Never false for an alert that is there.
   * {@link PushedAlertSearch} says what it costs; asking again with the same object costs nothing.
   */
  reports(pushed: LabelSet): boolean {
    return getOrAdd(this.#reported, pushed, () => {
      const alertname = valueOf(pushed, 'alertname');
      if (alertname === undefined) return false;
      return getOrAdd(this.#searches, alertname, () => new PushedAlertSearch(this.named(alertname))).finds(pushed);
    });
  }
}

function valueOf(labels: LabelSet, name: string): string | undefined {
  return Object.hasOwn(labels, name) ? labels[name] : undefined;
}

function groupBy(alerts: readonly LabelSet[], labelName: string): Groups {
  return Map.groupBy(alerts, (labels) => valueOf(labels, labelName));
}

interface Memory<Key, Value> {
  get(key: Key): Value | undefined;
  set(key: Key, value: Value): unknown;
}

function getOrAdd<Key, Value>(memory: Memory<Key, Value>, key: Key, make: () => Value): Value {
  let value = memory.get(key);
  if (value === undefined) {
    value = make();
    memory.set(key, value);
  }
  return value;
}
