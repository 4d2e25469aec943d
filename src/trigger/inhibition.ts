import type { LabelSet } from '../alert/labels.ts';
import type { Matcher } from '../matcher/matcher.ts';
import { matchesAll } from './alert-matchers.ts';
import type { Inhibition, Trigger } from './trigger.ts';

/** What fires at one moment. */
interface Firing {
  readonly all: readonly { readonly labels: LabelSet }[];
}

/** The sources of one inhibition, by their values of its `equal`. */
type ByEqual = ReadonlyMap<string, readonly LabelSet[]>;

/**
 * Says which alert that fires keeps a trigger quiet. It is made for what fires at one moment: what it has found out is kept, so that
 * a thousand alerts of one trigger look at the sources once.
 */
export class InhibitionSources {
  readonly #firing: Firing;
  readonly #isPlatform: (labels: LabelSet) => boolean;
  readonly #found = new WeakMap<Inhibition, ByEqual>();
  #byScope: ReadonlyMap<string, readonly LabelSet[]> | undefined;
  #platform: readonly LabelSet[] = [];
  #scopeLabel = '';

  /** @param isPlatform whether an alert is one of the platform (`lanes.platform`), which inhibits in every namespace */
  constructor(firing: Firing, isPlatform: (labels: LabelSet) => boolean) {
    this.#firing = firing;
    this.#isPlatform = isPlatform;
  }

  /** The alert that keeps the trigger from being woken by an alert with these labels; undefined if none does. */
  sourceFor(trigger: Trigger, labels: LabelSet): LabelSet | undefined {
    for (const inhibition of trigger.inhibitedBy) {
      const sources = this.#sourcesOf(trigger, inhibition).get(equalKey(inhibition, labels)) ?? [];
      const source = sources.find((each) => inhibits(each, { trigger, inhibition, labels }));
      if (source !== undefined) return source;
    }
    return undefined;
  }

  #sourcesOf(trigger: Trigger, inhibition: Inhibition): ByEqual {
    const known = this.#found.get(inhibition);
    if (known !== undefined) return known;
    const sources = Map.groupBy(
      this.#inScope(trigger).filter((labels) => matchesAll(inhibition.matchers, labels)),
      (labels) => equalKey(inhibition, labels),
    );
    this.#found.set(inhibition, sources);
    return sources;
  }

  /** A team must not find out which alerts of others fire: only its own, and those of the platform, are sources. */
  #inScope({ scope }: Trigger): readonly LabelSet[] {
    if (scope === undefined) return this.#firing.all.map(({ labels }) => labels);
    const own = this.#ownOf(scope);
    return [...own, ...this.#platform.filter((labels) => !scope.matches(labels))];
  }

  /** Built once for all triggers, whose scopes are all on one label. */
  #ownOf({ name, value }: Matcher): readonly LabelSet[] {
    if (this.#byScope === undefined || this.#scopeLabel !== name) {
      const all = this.#firing.all.map(({ labels }) => labels);
      this.#byScope = Map.groupBy(all, (labels) => valueOf(labels, name));
      this.#platform = all.filter(this.#isPlatform);
      this.#scopeLabel = name;
    }
    return this.#byScope.get(value) ?? [];
  }
}

interface Inhibited {
  readonly trigger: Trigger;
  readonly inhibition: Inhibition;
  readonly labels: LabelSet;
}

/**
 * As in Alertmanager, an alert that is on both sides is inhibited by none that is on both sides too: otherwise it would inhibit
 * itself, or two would inhibit each other.
 */
function inhibits(source: LabelSet, { trigger, inhibition, labels }: Inhibited): boolean {
  return !(matchesAll(inhibition.matchers, labels) && matchesAll(trigger.matchers, source));
}

/** A label that is missing has the empty value, as in Alertmanager. */
function equalKey({ equal }: Inhibition, labels: LabelSet): string {
  return JSON.stringify(equal.map((name) => valueOf(labels, name)));
}

function valueOf(labels: LabelSet, name: string): string {
  return Object.hasOwn(labels, name) ? labels[name]! : '';
}
