import type { LabelSet } from '../alert/labels.ts';
import type { FiringAlerts, NamedAlert } from '../alert/firing-alerts.ts';
import type { Slices } from '../runtime/slices.ts';
import type { MatchResults } from './match-results.ts';
import type { Inhibition, Trigger } from './trigger.ts';

/** The sources of one inhibition, by their values of its `equal`. */
type ByEqual = ReadonlyMap<string, readonly NamedAlert[]>;

export interface InhibitionOptions {
  /** Whether an alert is one of the platform (`lanes.platform`), which inhibits in every namespace. */
  readonly isPlatform: (labels: LabelSet) => boolean;
  readonly results: Pick<MatchResults, 'matches'>;
}

/**
 * Says which alert that fires keeps a trigger quiet. It is made for what fires at one moment: what it has found out is kept, so that
 * a thousand alerts of one trigger look at the sources once. Its work is done in the slices of whoever asks.
 */
export class InhibitionSources {
  readonly #firing: FiringAlerts;
  readonly #options: InhibitionOptions;
  readonly #found = new WeakMap<Inhibition, Promise<ByEqual>>();
  #platform: Promise<readonly NamedAlert[]> | undefined;

  constructor(firing: FiringAlerts, options: InhibitionOptions) {
    this.#firing = firing;
    this.#options = options;
  }

  /** The alert that keeps the trigger from being woken by an alert; undefined if none does. */
  async sourceFor(trigger: Trigger, alert: NamedAlert, slices: Slices): Promise<LabelSet | undefined> {
    for (const inhibition of trigger.inhibitedBy) {
      const sources =
        (await this.#sourcesOf(trigger, inhibition, slices)).get(equalKey(inhibition, alert.labels)) ?? [];
      for (const source of sources) {
        if (this.#inhibits(source, { trigger, inhibition, alert })) return source.labels;
        if (slices.isOver) await slices.yieldTurn();
      }
    }
    return undefined;
  }

  #sourcesOf(trigger: Trigger, inhibition: Inhibition, slices: Slices): Promise<ByEqual> {
    const known = this.#found.get(inhibition) ?? this.#findSources(trigger, inhibition, slices);
    this.#found.set(inhibition, known);
    return known;
  }

  async #findSources(trigger: Trigger, inhibition: Inhibition, slices: Slices): Promise<ByEqual> {
    const found = new Map<string, NamedAlert[]>();
    for (const alert of await this.#inScope(trigger, slices)) {
      if (slices.isOver) await slices.yieldTurn();
      if (!this.#options.results.matches(trigger, alert, inhibition)) continue;
      const key = equalKey(inhibition, alert.labels);
      const sources = found.get(key);
      if (sources === undefined) found.set(key, [alert]);
      else sources.push(alert);
    }
    return found;
  }

  /** A team must not find out which alerts of others fire: only its own, and those of the platform, are sources. */
  async #inScope({ scope }: Trigger, slices: Slices): Promise<readonly NamedAlert[]> {
    if (scope === undefined) return this.#firing.all;
    const own = (await this.#firing.by(scope.name)).get(scope.value) ?? [];
    this.#platform ??= this.#findPlatform(slices);
    return [...own, ...(await this.#platform).filter(({ labels }) => !scope.matches(labels))];
  }

  /** Once for all triggers. */
  async #findPlatform(slices: Slices): Promise<readonly NamedAlert[]> {
    const found: NamedAlert[] = [];
    for (const alert of this.#firing.all) {
      if (slices.isOver) await slices.yieldTurn();
      if (this.#options.isPlatform(alert.labels)) found.push(alert);
    }
    return found;
  }

  /**
   * As in Alertmanager, an alert that is on both sides is inhibited by none that is on both sides too: otherwise it would inhibit
   * itself, or two would inhibit each other.
   */
  #inhibits(source: NamedAlert, { trigger, inhibition, alert }: Inhibited): boolean {
    const { results } = this.#options;
    return !(results.matches(trigger, alert, inhibition) && results.matches(trigger, source));
  }
}

interface Inhibited {
  readonly trigger: Trigger;
  readonly inhibition: Inhibition;
  readonly alert: NamedAlert;
}

/** A label that is missing has the empty value, as in Alertmanager. */
function equalKey({ equal }: Inhibition, labels: LabelSet): string {
  return JSON.stringify(equal.map((name) => valueOf(labels, name)));
}

function valueOf(labels: LabelSet, name: string): string {
  return Object.hasOwn(labels, name) ? labels[name]! : '';
}
