import type { FiringAlerts } from '../alert/firing-alerts.ts';
import { requestKey, type Request } from '../reconcile/ports.ts';
import type { Clock } from '../runtime/clock.ts';
import type { AlertOrder } from './firing-condition.ts';
import type { TriggerExplainerOptions } from './explain-triggers.ts';
import type { FiringMoment, FiringTargets } from './firing-targets.ts';
import type { ObjectNeed, TargetObjects, WrittenCondition, WrittenConditions } from './ports.ts';
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
  readonly store: WrittenConditions & TriggerExplainerOptions['guard'];
  readonly order: () => AlertOrder;
  /** Called when an object of a run does not exist: nothing waits for it any more. */
  readonly onGone: (request: Request) => void;
  /** Whether the default trigger is in force too. */
  readonly isDefault: () => boolean;
}

/** What a run asks about the triggers: which of them name its object, and what they have written there. */
export class TriggersInForce {
  readonly #options: TriggersInForceOptions;
  readonly #written = new Map<string, WrittenCondition[]>();

  constructor(options: TriggersInForceOptions) {
    this.#options = options;
  }

  /** What can be said of the triggers and their objects without waking anything. */
  get known(): Omit<TriggerExplainerOptions, 'clock' | 'schedule' | 'optedOut'> {
    return { ...this.#options, guard: this.#options.store };
  }

  /** Reads what outlived the last process. */
  load(): void {
    for (const written of this.#options.store.all()) this.#keep(written);
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

  at(firing: FiringAlerts): Promise<FiringMoment> {
    return this.#options.firing.at(firing);
  }

  /** The keys of the triggers that name the object whatever fires. */
  namersOf(request: Request): readonly string[] {
    const { objects, targets } = this.#options;
    return targets.namersOf(request, objects.get(request)?.labels ?? {});
  }

  /** True if a trigger keeps a condition of the object whatever fires, or has written one, or an alert may lead to a new object. */
  concerns(request: Request, isNew: boolean): boolean {
    if (this.#written.has(requestKey(request))) return true;
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
    if (this.#keep(written)) await this.#options.store.note(written);
  }

  forget(written: WrittenCondition): void {
    const key = requestKey(written.request);
    const rest = this.written(written.request).filter((each) => !isSame(each, written));
    if (rest.length === 0) this.#written.delete(key);
    else this.#written.set(key, rest);
    this.#options.store.forget(written);
  }

  /** The object is gone. */
  gone(request: Request): void {
    for (const written of this.written(request)) this.forget(written);
    this.#options.onGone(request);
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

function needOf({ apiVersion, request }: WrittenCondition): ObjectNeed {
  return { apiVersion, kind: request.kind, of: 'none' };
}

function kindOf({ apiVersion, kind }: ObjectNeed): string {
  return `${apiVersion} ${kind}`;
}

function isSame(a: WrittenCondition, b: WrittenCondition): boolean {
  return a.trigger === b.trigger && a.type === b.type;
}
