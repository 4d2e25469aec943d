import { compareLabelSets } from './alert.ts';
import { agree, type Labelled, type LabelSet, type LabelText } from './labels.ts';
import { fewAlerts, PushedAlertSearch } from './pushed-alert-search.ts';
import type { Slices } from '../runtime/slices.ts';

/** An alert whose labels are read only if its name is asked for. */
export interface NamedAlert extends Labelled {
  readonly alertname: string | undefined;
  /** Its labels as one text, as `labelKey` writes it; absent if that was not needed yet. */
  readonly key?: string;
  /** Absent if they are not known. */
  readonly annotations?: LabelText | undefined;
}

/** Of each group of alerts, the first in the order of label sets. */
type Firsts = ReadonlyMap<string, LabelSet>;

type AlertsByValue = ReadonlyMap<string, readonly NamedAlert[]>;

/** Names the group of an alert. It has to be a pure function: its results are kept. */
export type GroupOf = (labels: LabelSet) => string;

/** The number of alerts between two looks at the clock. */
const alertsPerStep = 64;

/**
 * The alerts that fire at one moment, indexed so that a look-up costs the same for ten alerts as for a hundred thousand. An index
 * is built when it is first needed, in slices by {@link prepare} and {@link reports}. A label may be called `constructor`: only
 * own properties are labels.
 */
export class FiringAlerts {
  readonly #slices: Slices | undefined;
  readonly #byName = new Map<string | undefined, NamedAlert[]>();
  readonly #byLabel = new Map<string, Promise<AlertsByValue>>();
  #all: readonly NamedAlert[] | undefined;
  readonly #firsts = new Map<string, Firsts>();
  readonly #preparing = new Map<string, Promise<void>>();
  readonly #searches = new Map<string, PushedAlertSearch>();
  readonly #reported = new WeakMap<LabelSet, boolean>();
  #lastSearch: Promise<unknown> = Promise.resolve();

  /** @param slices for the long work; without them it is done in one go */
  constructor(slices?: Slices) {
    this.#slices = slices;
  }

  static of(all: Iterable<LabelSet>): FiringAlerts {
    const firing = new FiringAlerts();
    for (const labels of all) firing.#addLabels(labels);
    return firing;
  }

  /** @param annotations those that are known */
  static async inSlices(
    all: Iterable<LabelSet>,
    slices: Slices,
    annotations?: ReadonlyMap<LabelSet, LabelSet>,
  ): Promise<FiringAlerts> {
    const firing = new FiringAlerts(slices);
    let added = 0;
    for (const labels of all) {
      firing.#addLabels(labels, annotations?.get(labels));
      if (++added % alertsPerStep === 0 && slices.isOver) await slices.yieldTurn();
    }
    return firing;
  }

  get size(): number {
    return this.all.length;
  }

  /** Grouped by name; within a name, in the order in which they were added. */
  get all(): readonly NamedAlert[] {
    return (this.#all ??= [...this.#byName.values()].flat());
  }

  /** The alerts by their values of a label; those without it have the empty value. They are grouped once, in slices. */
  by(label: string): Promise<AlertsByValue> {
    return getOrAdd(this.#byLabel, label, () => this.#groupBy(label));
  }

  /** Call it before anything is asked. */
  add(alert: NamedAlert): void {
    this.#all = undefined;
    const named = this.#byName.get(alert.alertname);
    if (named === undefined) this.#byName.set(alert.alertname, [alert]);
    else named.push(alert);
  }

  /** The alerts of one name, in the order in which they were added. */
  named(alertname: string): readonly LabelSet[] {
    return (this.#byName.get(alertname) ?? []).map(({ labels }) => labels);
  }

  /**
   * For each group of the alerts of one name, its first alert in the order of label sets. It is computed once.
   * @param groupOf has to be the same each time
   */
  firsts(alertname: string, groupOf: GroupOf): Firsts {
    return getOrAdd(this.#firsts, alertname, () => {
      const firsts = new Map<string, LabelSet>();
      for (const { labels } of this.#byName.get(alertname) ?? []) keepFirst(firsts, groupOf(labels), labels);
      return firsts;
    });
  }

  /** True if {@link firsts} has nothing left to compute. */
  isPrepared(alertname: string): boolean {
    return this.#firsts.has(alertname);
  }

  /** Computes the result of {@link firsts} in slices, once for all callers that ask meanwhile. */
  prepare(alertname: string, groupOf: GroupOf): Promise<void> {
    return getOrAdd(this.#preparing, alertname, () => this.#prepare(alertname, groupOf));
  }

  /**
   * True if one of the alerts can be the one that was pushed with these labels: it has the same name, and no shared label has
   * another value. Never false for an alert that is there. {@link PushedAlertSearch} explains the cost; asking again with the
   * same object costs nothing.
   */
  async reports(pushed: LabelSet): Promise<boolean> {
    const known = this.#reported.get(pushed);
    if (known !== undefined) return known;
    // One search at a time: the searches that wait can use the columns, or the answer, of the one before.
    const found = this.#lastSearch.then(() => this.#reported.get(pushed) ?? this.#search(pushed));
    this.#lastSearch = found;
    return found;
  }

  #addLabels(labels: LabelSet, annotations?: LabelSet): void {
    const alert = { labels, alertname: valueOf(labels, 'alertname') };
    this.add(annotations === undefined ? alert : { ...alert, annotations });
  }

  async #groupBy(label: string): Promise<AlertsByValue> {
    const groups = new Map<string, NamedAlert[]>();
    for (const [index, alert] of this.all.entries()) {
      getOrAdd(groups, valueOf(alert.labels, label) ?? '', () => []).push(alert);
      if (index % alertsPerStep === 0 && this.#slices?.isOver === true) await this.#slices.yieldTurn();
    }
    return groups;
  }

  async #prepare(alertname: string, groupOf: GroupOf): Promise<void> {
    const firsts = new Map<string, LabelSet>();
    for (const [index, { labels }] of (this.#byName.get(alertname) ?? []).entries()) {
      keepFirst(firsts, groupOf(labels), labels);
      if (index % alertsPerStep === 0 && this.#slices?.isOver === true) await this.#slices.yieldTurn();
    }
    this.#firsts.set(alertname, firsts);
  }

  async #search(pushed: LabelSet): Promise<boolean> {
    const alertname = valueOf(pushed, 'alertname');
    const found = alertname !== undefined && (await this.#finds(alertname, pushed));
    this.#reported.set(pushed, found);
    return found;
  }

  async #finds(alertname: string, pushed: LabelSet): Promise<boolean> {
    const alerts = this.#byName.get(alertname) ?? [];
    // Labels that fit many alerts fit one of the first few, and no column has to be built.
    if (alerts.slice(0, fewAlerts).some(({ labels }) => agree(labels, pushed))) return true;
    if (alerts.length <= fewAlerts) return false;
    const search = getOrAdd(this.#searches, alertname, () => new PushedAlertSearch(this.named(alertname)));
    const steps = search.finds(pushed);
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done === true) return step.value;
      if (this.#slices?.isOver === true) await this.#slices.yieldTurn();
    }
  }
}

function keepFirst(firsts: Map<string, LabelSet>, group: string, labels: LabelSet): void {
  const first = firsts.get(group);
  if (first === undefined || compareLabelSets(labels, first) < 0) firsts.set(group, labels);
}

function valueOf(labels: LabelSet, name: string): string | undefined {
  return Object.hasOwn(labels, name) ? labels[name] : undefined;
}

function getOrAdd<Key, Value>(memory: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = memory.get(key);
  if (value === undefined) {
    value = make();
    memory.set(key, value);
  }
  return value;
}
