import { triggerRules, type TriggersConfig } from '../config/triggers-section.ts';
import { readTrigger } from '../trigger/read-trigger.ts';
import type { Trigger } from '../trigger/trigger.ts';

/** The triggers of the configuration file. Only an entry that has changed is compiled again. */
export class FileTriggers {
  /** The key of each entry, by everything that it is made of. */
  #entries: ReadonlyMap<string, string> = new Map();

  /**
   * Returns what has changed since the last call; undefined for a trigger that is gone. The configuration has been checked.
   * @param receiverNamespace where Tocsin runs; undefined without a cluster
   */
  read(config: TriggersConfig, receiverNamespace: string | undefined): ReadonlyMap<string, Trigger | undefined> {
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
