import type { FiringAlerts } from '../alert/firing-alerts.ts';
import { requestKey, type Condition, type Request } from '../reconcile/ports.ts';
import type { Clock } from '../runtime/clock.ts';
import type { AlertOrder } from './firing-condition.ts';
import type { KeptObject, TriggerExplainerOptions } from './explain-triggers.ts';
import type { FiringMoment, FiringTargets } from './firing-targets.ts';
import type { ConditionAuthor, ObjectNeed, TargetObjects, WrittenCondition, WrittenConditions } from './ports.ts';
import type { TriggerNotes } from './trigger-notes.ts';
import type { TriggerIndex } from './trigger-index.ts';
import type { TriggerTargets } from './trigger-targets.ts';
import { healthType, type Trigger } from './trigger.ts';
import { heldNow } from './why-not.ts';

interface TriggersInForceOptions {
  readonly clock: Clock;
  readonly triggers: TriggerIndex;
  readonly targets: TriggerTargets;
  readonly firing: FiringTargets;
  readonly objects: TargetObjects;
  readonly inhibited: TriggerExplainerOptions['inhibited'];
  readonly store: WrittenConditions;
  readonly guard: TriggerExplainerOptions['guard'];
  readonly order: () => AlertOrder;
  /** Tells the owners of triggers. */
  readonly notes: Pick<TriggerNotes, 'add' | 'remove'>;
  /** Called when an object of a run does not exist: nothing waits for it any more. */
  readonly onGone: (request: Request) => void;
  /** Called when other conditions of triggers are kept: before one is written, and when those of the last process are known. */
  readonly onWritten?: () => void;
  /** Whether the default trigger is in force too. */
  readonly isDefault: () => boolean;
}

/** What a run asks about the triggers: which of them name its object, and what they have written there. */
export class TriggersInForce {
  readonly #options: TriggersInForceOptions;
  readonly #written = new Map<string, WrittenCondition[]>();
  /** Conditions of another controller that triggers want: by object and type, the triggers and what they were told. */
  readonly #taken = new Map<string, Map<string, ReadonlyMap<string, string>>>();

  constructor(options: TriggersInForceOptions) {
    this.#options = options;
  }

  /** What can be said of the triggers and their objects without waking anything. */
  get known(): Omit<TriggerExplainerOptions, 'clock' | 'schedule' | 'optedOut'> {
    return { ...this.#options, kept: () => this.objects.map((request) => this.#kept(request)) };
  }

  /** Reads what outlived the last process. */
  load(): void {
    for (const written of this.#options.store.all()) this.#keep(written);
    this.#options.onWritten?.();
  }

  /** True if no trigger has anything to do with any object. */
  get isEmpty(): boolean {
    return this.#options.triggers.size === 0 && this.#written.size === 0;
  }

  get isDefault(): boolean {
    return this.#options.isDefault();
  }

  get order(): AlertOrder {
    return this.#options.order();
  }

  get(key: string): Trigger | undefined {
    return this.#options.triggers.get(key);
  }

  /** True if it enforces and is not suspended. */
  isActive(trigger: Trigger): boolean {
    return heldNow(trigger, this.#options.clock.now()) === undefined;
  }

  at(firing: FiringAlerts): FiringMoment {
    return this.#options.firing.at(firing);
  }

  /** The keys of the triggers that name the object whatever fires. */
  namersOf(request: Request): readonly string[] {
    const { objects, targets } = this.#options;
    const { labels = {}, isUnlisted = false } = objects.get(request) ?? {};
    const keys = targets.namersOf(request, labels);
    if (!isUnlisted) return keys;
    // Until its labels are known, what has named it before still does: nothing is removed and written again at each start.
    const before = this.written(request).map(({ trigger }) => trigger);
    return [...new Set([...keys, ...before.filter((key) => targets.mayName(key, request))])];
  }

  /** True if a trigger keeps a condition of the object whatever fires, or has written one, or an alert may lead to a new object. */
  concerns(request: Request, isNew: boolean): boolean {
    const object = requestKey(request);
    if (this.#written.has(object) || this.#taken.has(object)) return true;
    if (isNew && this.#options.targets.mayLeadToKind(request.kind)) return true;
    return this.namersOf(request).some((key) => this.get(key)?.action.do === 'condition');
  }

  /** False if it is certain that no trigger has or had a condition for the object. */
  mayKeepConditions(request: Request): boolean {
    return this.#options.targets.hasConditions || this.#written.has(requestKey(request));
  }

  /** True if a trigger that once led to the object by an alert may do so again: it has not become another one. */
  mayStillName(key: string, request: Request, type: string): boolean {
    const { targets, triggers } = this.#options;
    const trigger = triggers.get(key);
    const hasType = trigger?.action.do === 'condition' && (trigger.action.type ?? healthType) === type;
    return hasType && targets.mayLeadTo(trigger, request);
  }

  /** True while it is not certain whether the object exists. */
  isPending(request: Request): boolean {
    const { objects, targets } = this.#options;
    if (targets.isPending(request)) return true;
    return this.written(request).some((written) => {
      const state = objects.stateOf(needOf(written));
      return state.state === 'pending' || (state.state === 'unavailable' && state.reason === 'Failed');
    });
  }

  /** What has to be known of objects, also of those from which entries have to be removed. */
  get needs(): readonly ObjectNeed[] {
    const { needs } = this.#options.targets;
    const known = new Set(needs.map(kindOf));
    const written = [...this.#written.values()].map(([first]) => needOf(first!));
    const others = new Map(written.filter((need) => !known.has(kindOf(need))).map((need) => [kindOf(need), need]));
    return [...needs, ...others.values()];
  }

  /** What triggers have written into the object. */
  written(request: Request): readonly WrittenCondition[] {
    return [...(this.#written.get(requestKey(request)) ?? [])];
  }

  /** The objects whose conditions triggers keep or have kept. */
  get objects(): readonly Request[] {
    if (this.isEmpty) return [];
    const objects = new Map<string, Request>();
    for (const [key, [first]] of this.#written) objects.set(key, first!.request);
    for (const trigger of this.#options.triggers.all)
      if (trigger.action.do === 'condition')
        for (const request of this.#options.targets.staticOf(trigger)) objects.set(requestKey(request), request);
    return [...objects.values()];
  }

  /** The objects into which one trigger has written. */
  writtenBy(key: string): readonly Request[] {
    return [...this.#written.values()].flatMap((all) => {
      const own = all.find(({ trigger }) => trigger === key);
      return own === undefined ? [] : [own.request];
    });
  }

  /** Resolves when it is on the disk. */
  async note(written: WrittenCondition): Promise<void> {
    if (!this.#keep(written)) return;
    this.#options.onWritten?.();
    await this.#options.store.note(written);
  }

  forget(written: WrittenCondition): void {
    const key = requestKey(written.request);
    const rest = this.written(written.request).filter((each) => !isSame(each, written));
    if (rest.length === 0) this.#written.delete(key);
    else this.#written.set(key, rest);
    this.#options.store.forget(written);
  }

  /** Remembers the reason of an entry of triggers, before it is written or when it is found, so that another writer's is recognised. */
  wrote(request: Request, type: string, reason: string): Promise<void> {
    return this.#options.store.noteReason(request, type, reason);
  }

  /** What is known of the writer of an entry. */
  entryOf(request: Request, type: string): { readonly isNoted: boolean; readonly reasons?: ReadonlySet<string> } {
    const reasons = this.#options.store.reasonsOf(request, type);
    const isNoted = this.written(request).some((written) => written.type === type);
    return { isNoted, ...(reasons !== undefined && { reasons }) };
  }

  /** Asks who wrote an entry, of which only its home may know. */
  async authorOf(request: Request, present: Condition, signal: AbortSignal): Promise<ConditionAuthor | undefined> {
    return this.#options.objects.authorOf?.(request, present, signal);
  }

  /** The entry is another controller's: what was noted is forgotten, and the owners of the triggers are told. */
  taken(request: Request, type: string, triggers: readonly Pick<Trigger, 'key'>[]): void {
    for (const written of this.written(request)) if (written.type === type) this.forget(written);
    if (triggers.length === 0) return this.freed(request, type);
    const object = `${request.kind} ${request.name}`;
    const problem = `${object} already has a condition ${type} from another controller: choose another type`;
    const ofObject = this.#taken.get(requestKey(request)) ?? new Map<string, ReadonlyMap<string, string>>();
    for (const [key, told] of ofObject.get(type) ?? [])
      if (triggers.every((trigger) => trigger.key !== key)) this.#options.notes.remove(key, told);
    this.#taken.set(requestKey(request), ofObject.set(type, new Map(triggers.map(({ key }) => [key, problem]))));
    for (const trigger of triggers) this.#options.notes.add(trigger, 'trigger.condition_taken', problem);
  }

  /** The types of the object's conditions that triggers want and another controller has. */
  takenTypes(request: Request): readonly string[] {
    return [...(this.#taken.get(requestKey(request))?.keys() ?? [])];
  }

  /** No other controller has the entry any more, or no trigger wants it. */
  freed(request: Request, type: string): void {
    for (const [key, problem] of this.#taken.get(requestKey(request))?.get(type) ?? [])
      this.#options.notes.remove(key, problem);
    dropIn(this.#taken, requestKey(request), type);
  }

  /** The object is gone. */
  gone(request: Request): void {
    for (const written of this.written(request)) this.forget(written);
    for (const type of this.takenTypes(request)) this.freed(request, type);
    this.#options.onGone(request);
  }

  #kept(request: Request): KeptObject {
    const types = new Set(this.written(request).map(({ type }) => type));
    const conditions = this.#options.objects.get(request)?.pipeline.conditions ?? [];
    return { request, conditions: conditions.filter(({ type }) => types.has(type)) };
  }

  #keep(written: WrittenCondition): boolean {
    const key = requestKey(written.request);
    const known = this.#written.get(key);
    if (known === undefined) this.#written.set(key, [written]);
    else if (known.some((each) => isSame(each, written))) return false;
    else known.push(written);
    return true;
  }
}

function dropIn(byObject: Map<string, Map<string, unknown>>, object: string, type: string): void {
  const ofObject = byObject.get(object);
  ofObject?.delete(type);
  if (ofObject?.size === 0) byObject.delete(object);
}

function needOf({ apiVersion, request }: WrittenCondition): ObjectNeed {
  return { apiVersion, kind: request.kind, of: 'none' };
}

function kindOf({ apiVersion, kind }: ObjectNeed): string {
  return `${apiVersion} ${kind}`;
}

function isSame(a: WrittenCondition, b: WrittenCondition): boolean {
  return a.trigger === b.trigger && a.type === b.type;
}
