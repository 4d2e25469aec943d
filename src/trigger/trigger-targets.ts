import { kindName, requestKey, type Request } from '../reconcile/ports.ts';
import { foreignPod, resolveTarget, type ResolvedName, type ResolvedOwner, type ResolvedSelector } from './choose.ts';
import { LedObjects } from './led-objects.ts';
import { selects } from './label-selector.ts';
import type { ObjectNeed, TargetObjects, TriggerState } from './ports.ts';
import { refusedReach, refusedSelection, type AllowedTarget } from './reach.ts';
import { deepestNeeds, isStatic, isStaticNamespace, needOf, noAlert, placesOf } from './static-targets.ts';
import { addTo, removeFrom } from './trigger-index.ts';
import type { Target, TemplateData, Trigger } from './trigger.ts';

/** The objects that a target means for one alert. */
export type FoundTargets =
  | { readonly requests: readonly Request[] }
  /** It has to be found out what owns the pod. */
  | { readonly owner: ResolvedOwner }
  /** None; the sentence is for the owner of the trigger. */
  | { readonly problem: string };

type FoundOwner = Exclude<FoundTargets, { owner: unknown }> & { readonly apiVersion?: string };

interface TriggerTargetsOptions {
  readonly objects: TargetObjects;
  /** `triggers.allowed_targets` of the current configuration. */
  readonly allowed: () => readonly AllowedTarget[];
}

type Labels = Readonly<Record<string, string>>;

/** The places of a trigger in the indexes, so that it can be taken out again. */
interface Places {
  readonly trigger: Trigger;
  readonly fixed: readonly string[];
  readonly selecting: readonly string[];
}

/** An owner that an alert led to: its kind has to be known from then on. */
type OwnerNeed = Pick<ObjectNeed, 'apiVersion' | 'kind' | 'namespace'>;

/**
 * Which objects triggers name. A name or selector without a place names objects whatever fires: those are found by object, for a
 * change of it, and by trigger. The others are found alert by alert.
 */
export class TriggerTargets {
  readonly #options: TriggerTargetsOptions;
  readonly #places = new Map<string, Places>();
  /** Keys of triggers, by the key of the object that they name. */
  readonly #fixed = new Map<string, Set<string>>();
  /** Keys of triggers, by the kind and namespace among whose objects they select. */
  readonly #selecting = new Map<string, Set<string>>();
  readonly #ownerNeeds = new Map<string, Map<string, OwnerNeed>>();
  #conditions = 0;
  /** Of the triggers with a condition. */
  readonly #led = new LedObjects();

  constructor(options: TriggerTargetsOptions) {
    this.#options = options;
  }

  set(trigger: Trigger): void {
    this.delete(trigger.key);
    const fixed = new Set<string>();
    const selecting = new Set<string>();
    for (const target of trigger.targets) {
      const resolved = isStatic(target) ? resolveTarget(trigger, target, noAlert) : undefined;
      if (resolved?.by === 'selector') selecting.add(this.#placeOf(resolved));
      const request = resolved?.by === 'name' ? this.#requestOf(resolved) : undefined;
      if (request !== undefined) fixed.add(requestKey(request));
    }
    if (trigger.action.do === 'condition') {
      this.#conditions++;
      this.#led.set(trigger, this.dynamicOf(trigger));
    }
    this.#places.set(trigger.key, { trigger, fixed: [...fixed], selecting: [...selecting] });
    for (const key of fixed) addTo(this.#fixed, key, trigger.key);
    for (const key of selecting) addTo(this.#selecting, key, trigger.key);
  }

  delete(key: string): void {
    const places = this.#places.get(key);
    if (places === undefined) return;
    this.#places.delete(key);
    this.#led.delete(key);
    this.#ownerNeeds.delete(key);
    if (places.trigger.action.do === 'condition') this.#conditions--;
    for (const place of places.fixed) removeFrom(this.#fixed, place, key);
    for (const place of places.selecting) removeFrom(this.#selecting, place, key);
  }

  /** Call it when a kind became known: only now its objects have requests. */
  refresh(): void {
    // A copy, because a trigger that is set again goes to the end.
    const all = [...this.#places.values()];
    for (const { trigger } of all) {
      const owners = this.#ownerNeeds.get(trigger.key);
      this.set(trigger);
      if (owners !== undefined) this.#ownerNeeds.set(trigger.key, owners);
    }
  }

  /** The keys of the triggers that name an object whatever fires. */
  namersOf(request: Request, labels: Labels): readonly string[] {
    const keys = new Set([
      ...(this.#fixed.get(requestKey(request)) ?? []),
      ...placesOf(request).flatMap((place) => [...(this.#selecting.get(place) ?? [])]),
    ]);
    return [...keys].filter((key) => this.#names(this.#places.get(key)!.trigger, request, labels));
  }

  /** True if the trigger names the object whatever fires, when its labels are the right ones. */
  mayName(key: string, request: Request): boolean {
    const places = this.#places.get(key);
    if (places === undefined) return false;
    return places.fixed.includes(requestKey(request)) || placesOf(request).some((at) => places.selecting.includes(at));
  }

  /** The objects that a trigger names whatever fires. */
  staticOf(trigger: Trigger): readonly Request[] {
    return trigger.targets.filter(isStatic).flatMap((target) => {
      const found = this.find(trigger, target, noAlert);
      return 'requests' in found ? found.requests : [];
    });
  }

  /** The reasons why the trigger may not wake what it names whatever fires, for its owner. They say nothing of what exists. */
  refusalsOf(trigger: Trigger): readonly string[] {
    return trigger.targets.flatMap((target) => this.#refusalOf(trigger, target) ?? []);
  }

  /** The objects that some triggers name whatever fires, each once. */
  objectsOf(isMeant: (trigger: Trigger) => boolean): readonly Request[] {
    const objects = new Map<string, Request>();
    for (const { trigger } of this.#places.values())
      if (isMeant(trigger)) for (const request of this.staticOf(trigger)) objects.set(requestKey(request), request);
    return [...objects.values()];
  }

  /** The targets of a trigger that an alert has to name. */
  dynamicOf(trigger: Trigger): readonly Target[] {
    return trigger.targets.filter((target) => !isStatic(target));
  }

  /** True if an alert can lead the trigger to the object. */
  mayLeadTo(trigger: Trigger, request: Request): boolean {
    return this.dynamicOf(trigger).some((target) => {
      if (target.by === 'owner') return target.kind === undefined || target.kind === request.kind;
      const { apiVersion, kind } = target;
      const same = this.#options.objects.requestOf(apiVersion, kind, request.namespace, request.name);
      return same !== undefined && requestKey(same) === requestKey(request);
    });
  }

  /** True if an alert can lead a trigger with a condition to an object of the kind. */
  mayLeadToKind(kind: string): boolean {
    return this.#led.hasKind(kind);
  }

  /** The triggers with a condition that an alert may lead to the object, as far as they may wake it. */
  leadersTo(request: Request): readonly Trigger[] {
    const leaders = this.#led.leadersTo(request);
    const object = leaders.length === 0 ? undefined : this.#options.objects.get(request);
    return leaders.filter(({ namespace }) => {
      if (namespace === undefined || namespace === request.namespace) return true;
      const apiVersion = object?.pipeline.apiVersion;
      return (
        apiVersion === undefined || this.#refused({ namespace }, apiVersion, request, object?.labels) === undefined
      );
    });
  }

  /** True if a trigger writes conditions. */
  get hasConditions(): boolean {
    return this.#conditions > 0;
  }

  /** The objects of one target for an alert. */
  find(trigger: Trigger, target: Target, alert: TemplateData): FoundTargets {
    const resolved = resolveTarget(trigger, target, alert);
    if (resolved.by === 'none') return resolved;
    if (resolved.by === 'owner') return { owner: resolved };
    return resolved.by === 'selector' ? { requests: this.#select(trigger, resolved) } : this.#name(trigger, resolved);
  }

  /** Asks what owns a pod. The kind of the owner is known from then on, if the trigger needs that. */
  async ownerOf(trigger: Trigger, owner: ResolvedOwner, signal: AbortSignal): Promise<FoundTargets> {
    const found = await this.peekOwner(trigger, owner, signal);
    if ('requests' in found) this.#needOwner(trigger, found.apiVersion!, found.requests[0]!);
    return found;
  }

  /** As {@link ownerOf}, and nothing else is known from then on. @returns with the API version of the owner */
  async peekOwner(trigger: Trigger, owner: ResolvedOwner, signal: AbortSignal): Promise<FoundOwner> {
    const answer = await this.#options.objects.ownerOf(owner.namespace, owner.pod, owner.kind, signal);
    if (answer.owner === undefined) return { problem: answer.reason };
    const { request, labels, pipeline } = answer.owner;
    const problem = this.#refused(trigger, pipeline.apiVersion, request, labels);
    return problem === undefined ? { requests: [request], apiVersion: pipeline.apiVersion } : { problem };
  }

  /** Everything that has to be known of objects. */
  get needs(): readonly ObjectNeed[] {
    return deepestNeeds([...this.#places.values()].flatMap(({ trigger }) => this.needsOf(trigger)));
  }

  needsOf(trigger: Trigger): readonly ObjectNeed[] {
    const needs = trigger.targets.flatMap((target) => (target.by === 'owner' ? [] : needOf(trigger, target)));
    const of = trigger.action.do === 'condition' ? 'conditions' : 'none';
    const owners = [...(this.#ownerNeeds.get(trigger.key)?.values() ?? [])];
    return [...needs, ...owners.map((need): ObjectNeed => ({ ...need, of }))];
  }

  /**
   * The targets of which it is not known which objects they mean: not yet, or because the API server could not be asked. A choice has
   * to wait for that.
   */
  awaitedOf(trigger: Trigger): readonly Target[] {
    return trigger.targets.filter((target) => {
      if (target.by === 'owner') return false;
      if (target.by === 'name' && this.#requestOf({ ...target, namespace: 'a', name: 'a' }) !== undefined) return false;
      const state = this.#options.objects.stateOf(needOf(trigger, target));
      return state.state === 'pending' || (state.state === 'unavailable' && state.reason === 'Failed');
    });
  }

  /** What is known of the targets of a trigger. */
  stateOf(trigger: Trigger | undefined): Pick<TriggerState, 'unavailable' | 'isPending' | 'refused'> {
    if (trigger === undefined) return { unavailable: [], isPending: false, refused: [] };
    const states = this.needsOf(trigger).map((need) => this.#options.objects.stateOf(need));
    return {
      unavailable: states.filter((state) => state.state === 'unavailable'),
      isPending: states.some(({ state }) => state === 'pending'),
      refused: this.refusalsOf(trigger),
    };
  }

  /** True while it is not known whether the object exists. */
  isPending(request: Request): boolean {
    const { objects } = this.#options;
    return this.needs.some(
      (need) =>
        need.kind === request.kind &&
        (need.namespace ?? request.namespace) === request.namespace &&
        objects.stateOf(need).state === 'pending',
    );
  }

  /** @returns true if the kind was not needed until now */
  #needOwner({ key }: Trigger, apiVersion: string, { kind, namespace }: Request): void {
    const needs = this.#ownerNeeds.get(key) ?? new Map<string, OwnerNeed>();
    this.#ownerNeeds.set(key, needs);
    const place = JSON.stringify([apiVersion, kind, namespace]);
    if (needs.has(place)) return;
    needs.set(place, { apiVersion, kind, ...(namespace !== undefined && { namespace }) });
    this.#options.objects.require(this.needs);
  }

  #select(trigger: Trigger, { apiVersion, kind, namespace, selector }: ResolvedSelector): readonly Request[] {
    const selected = this.#options.objects.select(apiVersion, kind, namespace, selector);
    return selected
      .filter(({ request, labels }) => this.#refused(trigger, apiVersion, request, labels) === undefined)
      .map(({ request }) => request);
  }

  #refusalOf(trigger: Trigger, target: Target): string | undefined {
    const own = trigger.namespace;
    if (own === undefined || !isStaticNamespace(target)) return undefined;
    const namespace = target.namespace?.render(noAlert) ?? own;
    if (target.by === 'owner') return namespace === own ? undefined : foreignPod(own, namespace);
    const { apiVersion, kind } = target;
    // Whether it has a namespace is only known of a kind that is.
    const request = this.#options.objects.requestOf(apiVersion, kind, namespace, 'any');
    if (request === undefined || !isStatic(target)) return undefined;
    const found = this.find(trigger, target, noAlert);
    if ('problem' in found) return found.problem;
    if (target.by === 'name' || 'owner' in found || found.requests.length > 0) return undefined;
    return refusedSelection(own, { apiVersion, kind, namespace: request.namespace }, this.#options.allowed());
  }

  #name(trigger: Trigger, resolved: ResolvedName): FoundTargets {
    const request = this.#requestOf(resolved);
    if (request === undefined) return { problem: `the kind ${resolved.kind} (${resolved.apiVersion}) is not known` };
    const labels = this.#options.objects.get(request)?.labels;
    const problem = this.#refused(trigger, resolved.apiVersion, request, labels);
    return problem === undefined ? { requests: [request] } : { problem };
  }

  #names(trigger: Trigger, request: Request, labels: Labels): boolean {
    return trigger.targets.some((target) => {
      const resolved = isStatic(target) ? resolveTarget(trigger, target, noAlert) : undefined;
      if (resolved === undefined || resolved.by === 'none' || resolved.by === 'owner') return false;
      const isMeant =
        resolved.by === 'name' ? this.#isNamed(resolved, request) : this.#isSelected(resolved, request, labels);
      return isMeant && this.#refused(trigger, resolved.apiVersion, request, labels) === undefined;
    });
  }

  #isNamed(resolved: ResolvedName, request: Request): boolean {
    const named = this.#requestOf(resolved);
    return named !== undefined && requestKey(named) === requestKey(request);
  }

  #isSelected(resolved: ResolvedSelector, request: Request, labels: Labels): boolean {
    return placesOf(request).includes(this.#placeOf(resolved)) && selects(resolved.selector, labels);
  }

  #refused(
    trigger: Pick<Trigger, 'namespace'>,
    apiVersion: string,
    request: Request,
    labels: Labels | undefined,
  ): string | undefined {
    const { kind, namespace, name } = request;
    return refusedReach(trigger, { apiVersion, kind, namespace, name, labels }, this.#options.allowed());
  }

  #requestOf({ apiVersion, kind, namespace, name }: Omit<ResolvedName, 'by'>): Request | undefined {
    return this.#options.objects.requestOf(apiVersion, kind, namespace, name);
  }

  /** A cluster-scoped kind has no namespace, whatever the trigger's is. */
  #placeOf({ apiVersion, kind, namespace }: ResolvedSelector): string {
    const request = this.#requestOf({ apiVersion, kind, namespace: namespace ?? 'any', name: 'any' });
    if (request === undefined) return `${kind}/?`;
    if (request.namespace === undefined) return `${kindName(request)}/`;
    return `${kindName(request)}/${namespace ?? '*'}`;
  }
}
