import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { triggerRules, type TriggersConfig } from '../config/triggers-section.ts';
import { readTrigger } from '../trigger/read-trigger.ts';
import type { TriggerState } from '../trigger/ports.ts';
import type { Trigger, TriggerOrigin } from '../trigger/trigger.ts';

/** The triggers that are declared: those of the configuration file, and how many there are in force of each origin. */
export class DeclaredTriggers {
  /** The key of each entry of the file, by everything that it is made of. */
  #entries: ReadonlyMap<string, string> = new Map();
  readonly counts: Record<TriggerOrigin, number> = { file: 0, ClusterAlertTrigger: 0, AlertTrigger: 0 };
  readonly #undecided: Counter;
  readonly #propagation: Histogram;

  constructor(registry: Registry) {
    const { counts } = this;
    const registers = [registry];
    new Gauge({
      registers,
      name: 'tocsin_triggers_in_force',
      help: 'Triggers in force, by where they come from.',
      labelNames: ['origin'],
      collect() {
        for (const [origin, count] of Object.entries(counts)) this.set({ origin }, count);
      },
    });
    this.#undecided = new Counter({
      registers,
      name: 'tocsin_trigger_undecided_total',
      help: 'Labels that were too long for a regular expression of a trigger, which did not match then.',
    });
    this.#propagation = new Histogram({
      registers,
      name: 'tocsin_trigger_propagation_seconds',
      help: 'From when a change of a trigger was seen until it was read and in force, and its objects were looked at.',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30],
    });
  }

  /** Whether `source.select` and `controller.action` hold. @param mode `triggers.default` */
  isDefault(mode: TriggersConfig['default']): boolean {
    if (mode !== 'auto') return mode === 'always';
    return this.counts.file + this.counts.ClusterAlertTrigger === 0;
  }

  /** A trigger takes the place of another one. */
  replaced(before: Trigger | undefined, after: Trigger | undefined): void {
    if (before !== undefined) this.counts[before.origin]--;
    if (after !== undefined) this.counts[after.origin]++;
  }

  /** A label was too long for an expression. */
  undecided(): void {
    this.#undecided.inc();
  }

  /** A change of a trigger holds, so long after it was seen, milliseconds. */
  inForce(ms: number): void {
    this.#propagation.observe(ms / 1000);
  }

  /**
   * Reads the triggers of the file, which have been checked. Only an entry that has changed is compiled again.
   * @param receiverNamespace where Tocsin runs; undefined without a cluster
   * @returns what has changed since the last call; undefined for a trigger that is gone
   */
  readFile(config: TriggersConfig, receiverNamespace: string | undefined): ReadonlyMap<string, Trigger | undefined> {
    const rules = triggerRules(config, receiverNamespace);
    const entries = new Map<string, string>();
    const changed = new Map<string, Trigger | undefined>();
    for (const { name, namespace, spec } of config.list) {
      const identity = { origin: 'file', name, generation: 0, ...(namespace !== undefined && { namespace }) } as const;
      const text = JSON.stringify([identity, spec, rules]);
      const known = this.#entries.get(text);
      const reading = known === undefined ? readTrigger(identity, spec, rules) : undefined;
      if (reading !== undefined && 'trigger' in reading) changed.set(reading.trigger.key, reading.trigger);
      const key = known ?? (reading !== undefined && 'trigger' in reading ? reading.trigger.key : undefined);
      if (key !== undefined) entries.set(text, key);
    }
    const keys = new Set(entries.values());
    for (const key of this.#entries.values()) if (!keys.has(key)) changed.set(key, undefined);
    this.#entries = entries;
    return changed;
  }
}

const annotateNeedsCluster = 'it annotates, which needs a cluster: without one, it does nothing';

/** What is told of a trigger of the file; one of the cluster has a status that says it. */
export function problemsOf(
  { origin, action }: Trigger,
  { unavailable }: Pick<TriggerState, 'unavailable'>,
  canAnnotate: boolean,
): readonly string[] {
  if (origin !== 'file') return [];
  return action.do === 'annotate' && !canAnnotate ? [annotateNeedsCluster] : unavailable.map(({ message }) => message);
}
