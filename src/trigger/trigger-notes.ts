import type { Runtime } from '../runtime/runtime.ts';
import type { Trigger } from './trigger.ts';

const texts = {
  'trigger.target_unresolved': 'an alert matched, but a target of the trigger led to no object',
  'trigger.unavailable': 'a trigger cannot do what it says',
  'trigger.undecided': 'a label is too long for a regular expression of the trigger, which does not match then',
  'trigger.condition_taken': 'a condition of a trigger belongs to another controller, so the trigger does not write it',
} as const;

/** The most notes that are kept of one trigger. */
const maxNotes = 5;

interface TriggerNotesOptions extends Pick<Runtime, 'logger'> {
  /** Called with the key of a trigger that has a new note. */
  readonly onChange: (key: string) => void;
}

/** What goes wrong with triggers while they are in force, for their owners: each problem once, until the trigger changes. */
export class TriggerNotes {
  readonly #options: TriggerNotesOptions;
  readonly #byKey = new Map<string, Set<string>>();
  /** Problems that are over, of which there is no second line if they come back. */
  readonly #over = new Map<string, Set<string>>();

  constructor(options: TriggerNotesOptions) {
    this.#options = options;
  }

  of(key: string): readonly string[] {
    return [...(this.#byKey.get(key) ?? [])];
  }

  add({ key }: Pick<Trigger, 'key'>, event: keyof typeof texts, problem: string): void {
    const notes = this.#byKey.get(key) ?? new Set<string>();
    this.#byKey.set(key, notes);
    if (notes.has(problem) || notes.size >= maxNotes) return;
    notes.add(problem);
    const isTold = this.#over.get(key)?.delete(problem) === true;
    if (!isTold) this.#options.logger.warn(event, texts[event], { trigger: key, problem });
    this.#options.onChange(key);
  }

  /** The problem is over. */
  remove(key: string, problem: string): void {
    if (this.#byKey.get(key)?.delete(problem) !== true) return;
    const over = this.#over.get(key) ?? new Set<string>();
    this.#over.set(key, over.add(problem));
    if (over.size > maxNotes) over.delete(over.values().next().value!);
    this.#options.onChange(key);
  }

  /** The trigger has changed, or is gone. */
  forget(key: string): void {
    this.#byKey.delete(key);
    this.#over.delete(key);
  }
}
