import type { FiringAlerts, NamedAlert } from '../alert/firing-alerts.ts';
import { labelSetOf } from '../alert/labels.ts';
import { requestKey, type Request } from '../reconcile/ports.ts';
import { Slices, type SliceSchedule } from '../runtime/slices.ts';
import type { ResolvedOwner } from './choose.ts';
import type { AlertOrder } from './firing-condition.ts';
import { eachBounded } from './matched-alerts.ts';
import type { TriggerIndex } from './trigger-index.ts';
import type { TriggerTargets } from './trigger-targets.ts';
import type { TemplateData, Trigger } from './trigger.ts';

/** How many pods are asked for their owners at once. */
const ownersAtOnce = 32;

interface FiringTargetsOptions {
  readonly triggers: Pick<TriggerIndex, 'matching' | 'get'>;
  readonly targets: TriggerTargets;
  /** The order of the current configuration. */
  readonly order: () => AlertOrder;
  readonly schedule: SliceSchedule;
}

/** Which objects the alerts of one moment lead to, for the triggers that write conditions. It is found out once for each moment. */
export class FiringTargets {
  readonly #options: FiringTargetsOptions;
  #moments = new WeakMap<FiringAlerts, Promise<FiringMoment>>();

  constructor(options: FiringTargetsOptions) {
    this.#options = options;
  }

  /** Call it when a trigger, or what is known of objects, has changed. */
  forget(): void {
    this.#moments = new WeakMap();
  }

  /** Looks at every alert in slices, once for all that ask. */
  at(firing: FiringAlerts): Promise<FiringMoment> {
    const known = this.#moments.get(firing);
    if (known !== undefined) return known;
    const moment = this.#lookAt(firing);
    this.#moments.set(firing, moment);
    return moment;
  }

  async #lookAt(firing: FiringAlerts): Promise<FiringMoment> {
    const { triggers, schedule } = this.#options;
    const slices = new Slices(schedule, 'triggers');
    const moment = new FiringMoment({ ...this.#options, order: this.#options.order() });
    for (const alert of firing.all) {
      for (const trigger of triggers.matching(alert.labels, writesCondition)) moment.add(trigger, alert);
      if (slices.isOver) await slices.yieldTurn();
    }
    return moment;
  }
}

interface FiringMomentOptions {
  readonly triggers: Pick<TriggerIndex, 'get'>;
  readonly targets: TriggerTargets;
  readonly order: AlertOrder;
}

/** The worst alert for each object. */
type WorstByObject = Map<string, { readonly request: Request; readonly alert: NamedAlert }>;

/** The pods of the alerts of one trigger, and the worst alert of each. */
type WorstByPod = Map<string, { readonly owner: ResolvedOwner; readonly alert: NamedAlert }>;

/** What fires at one moment, by trigger and object. */
export class FiringMoment {
  readonly #options: FiringMomentOptions;
  /** The worst alert that each trigger matches. */
  readonly #worst = new Map<string, NamedAlert>();
  readonly #named = new Map<string, WorstByObject>();
  readonly #pods = new Map<string, WorstByPod>();
  readonly #owned = new Map<string, Promise<WorstByObject>>();

  constructor(options: FiringMomentOptions) {
    this.#options = options;
  }

  add(trigger: Trigger, alert: NamedAlert): void {
    const { targets, order } = this.#options;
    const { key } = trigger;
    this.#worst.set(key, order.worse(this.#worst.get(key), alert)!);
    for (const target of targets.dynamicOf(trigger)) {
      const found = targets.find(trigger, target, dataOf(alert));
      if ('requests' in found) for (const request of found.requests) this.#keep(this.#named, key, request, alert);
      if ('owner' in found) this.#keepPod(key, found.owner, alert);
    }
  }

  /** The worst alert that a trigger matches: it is that of every object which the trigger names whatever fires. */
  worstOf(trigger: string): NamedAlert | undefined {
    return this.#worst.get(trigger);
  }

  /** The worst alert by which a trigger leads to an object. Rejects with the signal's reason. */
  async worstFor(trigger: Trigger, request: Request, signal: AbortSignal): Promise<NamedAlert | undefined> {
    const key = requestKey(request);
    const named = this.#named.get(trigger.key)?.get(key)?.alert;
    const owned = (await this.#ownedBy(trigger, request.namespace, signal)).get(key)?.alert;
    return this.#options.order.worse(named, owned);
  }

  /** The keys of the triggers that lead to the object by an alert which fires now. */
  async namersOf(request: Request, signal: AbortSignal): Promise<readonly string[]> {
    const key = requestKey(request);
    const named = [...this.#named].filter(([, objects]) => objects.has(key)).map(([trigger]) => trigger);
    const owners: string[] = [];
    for (const trigger of this.#pods.keys()) {
      const known = this.#options.triggers.get(trigger);
      if (known !== undefined && (await this.#ownedBy(known, request.namespace, signal)).has(key)) owners.push(trigger);
    }
    return [...named, ...owners];
  }

  /** The objects to which a trigger leads by alerts that fire now. */
  async objectsOf(trigger: Trigger, signal: AbortSignal): Promise<readonly Request[]> {
    const named = [...(this.#named.get(trigger.key)?.values() ?? [])];
    const owned = [...(await this.#ownedBy(trigger, undefined, signal)).values()];
    return [...named, ...owned].map(({ request }) => request);
  }

  /** @param namespace of the object that is looked for; undefined: any. A pod and its owner are in one namespace. */
  async #ownedBy(trigger: Trigger, namespace: string | undefined, signal: AbortSignal): Promise<WorstByObject> {
    const pods = this.#pods.get(trigger.key);
    if (pods === undefined) return new Map();
    const isNear = [...pods.values()].some(({ owner }) => namespace === undefined || owner.namespace === namespace);
    if (!isNear) return new Map();
    const known = this.#owned.get(trigger.key);
    if (known !== undefined) return known;
    const owned = this.#askOwners(trigger, pods, signal);
    this.#owned.set(trigger.key, owned);
    // What was cut off by the end of one run is asked again by the next.
    owned.catch(() => this.#owned.delete(trigger.key));
    return owned;
  }

  async #askOwners(trigger: Trigger, pods: WorstByPod, signal: AbortSignal): Promise<WorstByObject> {
    const { targets } = this.#options;
    const owned = new Map<string, WorstByObject>();
    const ask = async ({ owner, alert }: { owner: ResolvedOwner; alert: NamedAlert }): Promise<void> => {
      const found = await targets.ownerOf(trigger, owner, signal);
      if ('requests' in found) for (const request of found.requests) this.#keep(owned, trigger.key, request, alert);
    };
    await eachBounded(pods.values(), ownersAtOnce, ask);
    return owned.get(trigger.key) ?? new Map();
  }

  #keep(into: Map<string, WorstByObject>, trigger: string, request: Request, alert: NamedAlert): void {
    const objects: WorstByObject = into.get(trigger) ?? new Map();
    into.set(trigger, objects);
    const key = requestKey(request);
    objects.set(key, { request, alert: this.#options.order.worse(objects.get(key)?.alert, alert)! });
  }

  #keepPod(trigger: string, owner: ResolvedOwner, alert: NamedAlert): void {
    const pods: WorstByPod = this.#pods.get(trigger) ?? new Map();
    this.#pods.set(trigger, pods);
    const key = JSON.stringify([owner.namespace, owner.pod, owner.kind]);
    pods.set(key, { owner, alert: this.#options.order.worse(pods.get(key)?.alert, alert)! });
  }
}

/** Every run waits for the look, also those of other namespaces: no other trigger is tried. */
function writesCondition({ action }: Trigger): boolean {
  return action.do === 'condition';
}

function dataOf({ labels, annotations = {} }: NamedAlert): TemplateData {
  return { labels, annotations: labelSetOf(annotations), now: 0 };
}
