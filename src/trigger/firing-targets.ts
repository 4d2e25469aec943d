import type { FiringAlerts, NamedAlert } from '../alert/firing-alerts.ts';
import { labelSetOf } from '../alert/labels.ts';
import { requestKey, type Request } from '../reconcile/ports.ts';
import type { UrgentSignals } from '../runtime/deadline.ts';
import type { ResolvedOwner } from './choose.ts';
import type { AlertOrder } from './firing-condition.ts';
import type { FiringMatches } from './firing-matches.ts';
import { PodOwners, type PodOwnersOptions } from './pod-owners.ts';
import { SharedWork, teamOf, type TeamTurns } from './team-turns.ts';
import type { TriggerIndex } from './trigger-index.ts';
import type { TriggerTargets } from './trigger-targets.ts';
import type { TemplateData, Trigger } from './trigger.ts';

interface FiringTargetsOptions extends Omit<PodOwnersOptions, 'targets'> {
  readonly triggers: Pick<TriggerIndex, 'get'>;
  readonly targets: TriggerTargets;
  readonly matches: FiringMatches;
  readonly turns: TeamTurns;
  /** The signals of runs that wait for nobody else. */
  readonly urgent?: Pick<UrgentSignals, 'has'> | undefined;
  /** The order of the current configuration. */
  readonly order: () => AlertOrder;
}

/** Which objects the alerts of one moment lead to, for the triggers that write conditions. */
export class FiringTargets {
  readonly #options: FiringMomentOptions;
  #moments = new WeakMap<FiringAlerts, FiringMoment>();

  constructor(options: FiringTargetsOptions) {
    this.#options = { ...options, owners: new PodOwners(options) };
  }

  /** Call it when a trigger is gone, or what it may wake. */
  forgetOwners(trigger: string): void {
    this.#options.owners.forget(trigger);
  }

  /** Call it when a trigger, or what is known of objects, has changed. */
  forget(): void {
    this.#moments = new WeakMap();
    this.#options.matches.forget();
  }

  at(firing: FiringAlerts): FiringMoment {
    const known = this.#moments.get(firing);
    if (known !== undefined) return known;
    const moment = new FiringMoment(firing, this.#options);
    this.#moments.set(firing, moment);
    return moment;
  }
}

interface FiringMomentOptions extends FiringTargetsOptions {
  readonly owners: PodOwners;
}

/** The worst alert for each object. */
type WorstByObject = Map<string, { readonly request: Request; readonly alert: NamedAlert }>;

/** The pods of the alerts of one trigger, and the worst alert of each. */
type WorstByPod = Map<string, { readonly owner: ResolvedOwner; readonly alert: NamedAlert }>;

/** What the alerts of one trigger lead to. */
interface Look {
  /** The worst alert that the trigger matches. */
  worst: NamedAlert | undefined;
  readonly named: WorstByObject;
  readonly pods: WorstByPod;
}

/**
 * What fires at one moment, by trigger and object. A trigger is looked at when a run needs it, once for all runs: a run needs those
 * that name its object, or that an alert may lead to it, and no team can lead to the objects of another one that does not allow it.
 */
export class FiringMoment {
  readonly #firing: FiringAlerts;
  readonly #options: FiringMomentOptions;
  readonly #looks = new Map<Trigger, SharedWork<Look>>();
  readonly #owned = new Map<Trigger, SharedWork<WorstByObject>>();

  constructor(firing: FiringAlerts, options: FiringMomentOptions) {
    this.#firing = firing;
    this.#options = options;
  }

  /**
   * The worst alert that a trigger matches: it is that of every object which the trigger names whatever fires. Rejects with the
   * signal's reason, as all of these do.
   */
  async worstOf(trigger: Trigger, signal: AbortSignal): Promise<NamedAlert | undefined> {
    return (await this.#look(trigger, signal)).worst;
  }

  /** The worst alert by which a trigger leads to an object. */
  async worstFor(trigger: Trigger, request: Request, signal: AbortSignal): Promise<NamedAlert | undefined> {
    const key = requestKey(request);
    const { named, pods } = await this.#look(trigger, signal);
    const owned = (await this.#ownedBy(trigger, pods, request.namespace, signal)).get(key)?.alert;
    return this.#options.order().worse(named.get(key)?.alert, owned);
  }

  /** The keys of the triggers with a condition that lead to the object by an alert which fires now. */
  async namersOf(request: Request, signal: AbortSignal): Promise<readonly string[]> {
    const leaders = this.#options.targets.leadersTo(request);
    const leads = leaders.map((trigger) => this.#leads(trigger, request, signal));
    const answers = await Promise.all(leads);
    return leaders.filter((_, at) => answers[at]).map(({ key }) => key);
  }

  /** The objects to which a trigger leads by alerts that fire now. */
  async objectsOf(trigger: Trigger, signal: AbortSignal): Promise<readonly Request[]> {
    const { named, pods } = await this.#look(trigger, signal);
    const owned = await this.#ownedBy(trigger, pods, undefined, signal);
    return [...named.values(), ...owned.values()].map(({ request }) => request);
  }

  async #leads(trigger: Trigger, request: Request, signal: AbortSignal): Promise<boolean> {
    const key = requestKey(request);
    const { named, pods } = await this.#look(trigger, signal);
    return named.has(key) || (await this.#ownedBy(trigger, pods, request.namespace, signal)).has(key);
  }

  #look(trigger: Trigger, signal: AbortSignal): Promise<Look> {
    const known = this.#looks.get(trigger);
    if (known?.isGivenUp === false) return known.wait(signal);
    const look = new SharedWork((stop) => this.#lookAt(trigger, stop));
    this.#looks.set(trigger, look);
    return look.wait(signal);
  }

  async #lookAt(trigger: Trigger, stop: AbortSignal): Promise<Look> {
    const { matches, turns } = this.#options;
    const alerts = await matches.of(this.#firing, trigger, stop);
    const look: Look = { worst: undefined, named: new Map(), pods: new Map() };
    if (alerts.length === 0) return look;
    return turns.run(teamOf(trigger), async (slices) => {
      for (const alert of alerts) {
        this.#add(look, trigger, read(alert));
        if (slices.isOver) await slices.yieldTurn();
        stop.throwIfAborted();
      }
      return look;
    });
  }

  #add(look: Look, trigger: Trigger, alert: NamedAlert): void {
    const { targets, order } = this.#options;
    look.worst = order().worse(look.worst, alert);
    for (const target of targets.dynamicOf(trigger)) {
      const found = targets.find(trigger, target, dataOf(alert));
      if ('requests' in found) for (const request of found.requests) this.#keep(look.named, request, alert);
      if ('owner' in found) this.#keepPod(look.pods, found.owner, alert);
    }
  }

  /** @param namespace of the object that is looked for; undefined: any. A pod and its owner are in one namespace. */
  async #ownedBy(
    trigger: Trigger,
    pods: WorstByPod,
    namespace: string | undefined,
    signal: AbortSignal,
  ): Promise<WorstByObject> {
    const isNear = [...pods.values()].some(({ owner }) => namespace === undefined || owner.namespace === namespace);
    if (!isNear) return new Map();
    if (this.#options.urgent?.has(signal) === true) return this.#askOwners(trigger, pods, signal);
    const known = this.#owned.get(trigger);
    if (known?.isGivenUp === false) return known.wait(signal);
    const owned = new SharedWork((stop) => this.#askOwners(trigger, pods, stop));
    this.#owned.set(trigger, owned);
    return owned.wait(signal);
  }

  async #askOwners(trigger: Trigger, pods: WorstByPod, signal: AbortSignal): Promise<WorstByObject> {
    const owned: WorstByObject = new Map();
    const asked = new Map([...pods].map(([pod, { owner }]) => [pod, owner]));
    const keep = (pod: string, requests: readonly Request[]): void => {
      for (const request of requests) this.#keep(owned, request, pods.get(pod)!.alert);
    };
    await this.#options.owners.each(trigger, asked, keep, signal);
    return owned;
  }

  #keep(objects: WorstByObject, request: Request, alert: NamedAlert): void {
    const key = requestKey(request);
    objects.set(key, { request, alert: this.#options.order().worse(objects.get(key)?.alert, alert)! });
  }

  #keepPod(pods: WorstByPod, owner: ResolvedOwner, alert: NamedAlert): void {
    const key = JSON.stringify([owner.namespace, owner.pod, owner.kind]);
    pods.set(key, { owner, alert: this.#options.order().worse(pods.get(key)?.alert, alert)! });
  }
}

/** The labels of a stored alert are read from its text each time. */
function read({ alertname, labels, annotations }: NamedAlert): NamedAlert {
  return annotations === undefined ? { alertname, labels } : { alertname, labels, annotations };
}

function dataOf({ labels, annotations = {} }: NamedAlert): TemplateData {
  return { labels, annotations: labelSetOf(annotations), now: 0 };
}
