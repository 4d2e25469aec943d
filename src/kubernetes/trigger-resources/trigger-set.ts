import type { Sliced } from '../../runtime/slices.ts';
import type { Trigger } from '../../trigger/trigger.ts';
import type { TriggerObject } from './trigger-object.ts';

/** Which namespaces triggers are taken from, as the configuration says. */
export interface TriggerSources {
  /** `triggers.from_namespaces` */
  readonly from: 'none' | 'labelled' | 'all';
  /** `triggers.namespace_selector`, for `labelled`. */
  readonly selects: (labels: Labels) => boolean;
  /** `triggers.exclude_namespaces` */
  readonly excluded: readonly string[];
  /** `triggers.opt_out_label`: a namespace with this label and the value `false` is left alone. Null: none can be. */
  readonly optOutLabel: string | null;
  /** `triggers.limits.max_per_namespace` */
  readonly maxPerNamespace: number;
}

type Labels = Readonly<Record<string, string>>;

export type RejectReason =
  | 'InvalidTrigger'
  | 'TooManyTriggers'
  | 'NamespaceNotSelected'
  | 'NamespaceExcluded'
  | 'NamespaceOptedOut'
  | 'NamespacesUnknown';

/** What became of a trigger: in force, or why not. */
export type Verdict =
  | {
      readonly accepted: true;
      readonly trigger: Trigger;
      /** What limits changed, in a sentence each. */ readonly notes: readonly string[];
    }
  | { readonly accepted: false; readonly reason: RejectReason; readonly message: string };

/** A compiled spec, or what is wrong with it. */
export type Compiled =
  | { readonly trigger: Trigger; readonly notes: readonly string[] }
  | { readonly problems: readonly { readonly path: string; readonly message: string }[] };

interface TriggerSetOptions {
  readonly sources: () => TriggerSources;
  /** Reads a spec within the limits of the configuration; must not throw. */
  readonly compile: (object: TriggerObject) => Compiled;
  /** Called for each new verdict; undefined: it cannot be judged yet. Must not throw. */
  readonly onVerdict: (object: TriggerObject, verdict: Verdict | undefined) => void;
  readonly onRemoved: (object: TriggerObject) => void;
}

interface Entry {
  object: TriggerObject;
  /** Of this generation; undefined if the spec has not been read, because it does not matter. */
  compiled: Compiled | undefined;
  verdict: Verdict | undefined;
}

/** The most problems of a trigger that its status names; it counts the others. */
const maxNamedProblems = 10;

/**
 * Decides which of the triggers in the cluster are in force. Each is judged by itself: a change of one reads its spec anew and no other,
 * and one that is wrong stops no other. It knows no API server.
 */
export class TriggerSet {
  readonly #options: TriggerSetOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #labels = new Map<string, Labels>();
  /** The triggers of each namespace, the oldest first: the limit takes them in this order. */
  readonly #byNamespace = new Map<string, Entry[]>();
  #namespaceTrouble: string | undefined;

  constructor(options: TriggerSetOptions) {
    this.#options = options;
  }

  /** How many triggers there are, by kind and by whether they are in force. */
  *counts(): Generator<readonly [origin: TriggerObject['origin'], state: 'accepted' | 'rejected' | 'pending']> {
    for (const { object, verdict } of this.#entries.values())
      yield [object.origin, verdict === undefined ? 'pending' : verdict.accepted ? 'accepted' : 'rejected'];
  }

  /** The valid triggers of namespaces that have opted out. They are read for this call. */
  *optedOut(): Generator<Trigger> {
    for (const { object, verdict } of this.#entries.values()) {
      if (verdict?.accepted !== false || verdict.reason !== 'NamespaceOptedOut') continue;
      const compiled = this.#options.compile(object);
      if ('trigger' in compiled) yield compiled.trigger;
    }
  }

  setTrigger(object: TriggerObject): void {
    const known = this.#entries.get(object.key);
    if (known !== undefined && known.object.uid !== object.uid) this.removeTrigger(known.object);
    const entry = this.#entries.get(object.key) ?? this.#add(object);
    // A change of the status or of a label leaves the generation.
    const isSame = entry.compiled !== undefined && entry.object.generation === object.generation;
    entry.object = object;
    if (!isSame) entry.compiled = undefined;
    this.#judge(entry);
  }

  removeTrigger({ key }: TriggerObject): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    const { namespace } = entry.object;
    this.#options.onRemoved(entry.object);
    if (namespace === undefined) return;
    const others = this.#byNamespace.get(namespace) ?? [];
    others.splice(others.indexOf(entry), 1);
    if (others.length === 0) this.#byNamespace.delete(namespace);
    // The oldest one that was beyond the limit no longer is.
    this.#judgeAt(others, this.#options.sources().maxPerNamespace - 1);
  }

  setNamespace(name: string, labels: Labels): void {
    this.#labels.set(name, labels);
    this.#judgeNamespace(name);
  }

  /** Its triggers are deleted as well, each with an event of its own. */
  removeNamespace(name: string): void {
    this.#labels.delete(name);
  }

  /** Namespaces cannot be read, so that nothing can be said of those that are not known. @param trouble what is wrong and what to do */
  set namespaceTrouble(trouble: string | undefined) {
    if (trouble === this.#namespaceTrouble) return;
    this.#namespaceTrouble = trouble;
    for (const name of this.#byNamespace.keys()) if (!this.#labels.has(name)) this.#judgeNamespace(name);
  }

  /** Judges every trigger by the configuration as it is now. @param isReadAnew true: limits or rules for specs have changed too */
  *reconfigure(isReadAnew: boolean): Sliced<void> {
    for (const entry of this.#entries.values()) {
      if (isReadAnew) entry.compiled = undefined;
      this.#judge(entry);
      yield;
    }
  }

  #add(object: TriggerObject): Entry {
    const entry: Entry = { object, compiled: undefined, verdict: undefined };
    this.#entries.set(object.key, entry);
    const { namespace } = object;
    if (namespace === undefined) return entry;
    const others = this.#byNamespace.get(namespace) ?? [];
    this.#byNamespace.set(namespace, others);
    others.splice(others.findLastIndex((other) => isBefore(other.object, object)) + 1, 0, entry);
    // The youngest one within the limit may now be beyond it.
    this.#judgeAt(others, this.#options.sources().maxPerNamespace);
    return entry;
  }

  #judgeAt(entries: readonly Entry[], place: number): void {
    const entry = entries[place];
    if (entry !== undefined) this.#judge(entry);
  }

  #judgeNamespace(name: string): void {
    for (const entry of this.#byNamespace.get(name) ?? []) this.#judge(entry);
  }

  #judge(entry: Entry): void {
    const before = entry.verdict;
    entry.verdict = this.#verdictOf(entry);
    if (!isSameVerdict(before, entry.verdict) || before === undefined)
      this.#options.onVerdict(entry.object, entry.verdict);
  }

  #verdictOf(entry: Entry): Verdict | undefined {
    const { namespace } = entry.object;
    const outside = namespace === undefined ? undefined : this.#outside(entry, namespace);
    if (outside !== undefined) entry.compiled = undefined;
    if (outside === 'pending') return undefined;
    if (outside !== undefined) return outside;
    entry.compiled ??= this.#options.compile(entry.object);
    return verdictOf(entry.compiled);
  }

  /** Why nothing is taken from a namespace, whatever the trigger says. */
  #outside(entry: Entry, namespace: string): Verdict | 'pending' | undefined {
    const { from, selects, excluded, optOutLabel, maxPerNamespace } = this.#options.sources();
    if (from === 'none')
      return rejected('NamespaceNotSelected', 'triggers are taken from no namespace (triggers.from_namespaces: none)');
    if (excluded.includes(namespace))
      return rejected(
        'NamespaceExcluded',
        `no triggers are taken from the namespace ${namespace} (triggers.exclude_namespaces)`,
      );
    const labels = this.#labels.get(namespace);
    if (labels === undefined)
      return this.#namespaceTrouble === undefined ? 'pending' : rejected('NamespacesUnknown', this.#namespaceTrouble);
    if (optOutLabel !== null && labels[optOutLabel] === 'false')
      return rejected(
        'NamespaceOptedOut',
        `the namespace ${namespace} opts out with its label ${optOutLabel}=false (triggers.opt_out_label)`,
      );
    if (from === 'labelled' && !selects(labels))
      return rejected(
        'NamespaceNotSelected',
        `the labels of the namespace ${namespace} do not match triggers.namespace_selector (triggers.from_namespaces: labelled)`,
      );
    const last = this.#byNamespace.get(namespace)?.[maxPerNamespace - 1];
    if (last === undefined || !isBefore(last.object, entry.object)) return undefined;
    return rejected(
      'TooManyTriggers',
      `the namespace ${namespace} has ${maxPerNamespace} older triggers, and may have no more (triggers.limits.max_per_namespace)`,
    );
  }
}

function rejected(reason: RejectReason, message: string): Verdict {
  return { accepted: false, reason, message };
}

function verdictOf(compiled: Compiled): Verdict {
  if ('trigger' in compiled) return { accepted: true, ...compiled };
  const { problems } = compiled;
  const named = problems.slice(0, maxNamedProblems).map(({ path, message }) => `${path}: ${message}`);
  const more = problems.length - named.length;
  return rejected('InvalidTrigger', [...named, ...(more > 0 ? [`${more} more`] : [])].join('; '));
}

/** Two verdicts of one compiled spec have the same trigger. */
function isSameVerdict(one: Verdict | undefined, other: Verdict | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  if (one.accepted) return other.accepted && one.trigger === other.trigger;
  return !other.accepted && one.reason === other.reason && one.message === other.message;
}

function isBefore(one: TriggerObject, other: TriggerObject): boolean {
  return one.createdAt === other.createdAt ? one.name < other.name : one.createdAt < other.createdAt;
}
