import type { FiringAlerts } from '../alert/firing-alerts.ts';
import type { LabelSet } from '../alert/labels.ts';
import { requestKey, type Condition, type Request } from '../reconcile/ports.ts';
import type { Clock } from '../runtime/clock.ts';
import { Slices, type SliceSchedule } from '../runtime/slices.ts';
import { resolveTarget } from './choose.ts';
import type { InhibitedAlerts } from './inhibited-alerts.ts';
import type { GuardedObject, TargetObjects } from './ports.ts';
import type { TriggerIndex } from './trigger-index.ts';
import type { FoundTargets, TriggerTargets } from './trigger-targets.ts';
import type { Target, TemplateData, Trigger } from './trigger.ts';
import { declaredText, targetText, whyNot, type Held } from './why-not.ts';

export interface TriggerExplainerOptions {
  readonly clock: Clock;
  readonly schedule: SliceSchedule;
  readonly triggers: TriggerIndex;
  readonly targets: TriggerTargets;
  readonly objects: Pick<TargetObjects, 'get'>;
  readonly inhibited: Pick<InhibitedAlerts, 'sourceFor'>;
  readonly guard: { readonly throttledUntil: (trigger: Trigger, object: GuardedObject) => number | undefined };
  /** The triggers of the namespaces that have opted out: they are not in force. */
  readonly optedOut: () => Iterable<Trigger>;
  /** Whether `source.select` and `controller.action` hold. */
  readonly isDefault: () => boolean;
  readonly kept: () => readonly KeptObject[];
}

/** An object whose conditions triggers keep or have kept, with those that are there now. */
export interface KeptObject {
  readonly request: Request;
  readonly conditions: readonly Condition[];
}

/** The part of an answer that its reader may see. */
export interface ExplainView {
  showsTrigger(trigger: Trigger): boolean;
  showsObject(request: Request): boolean;
  showsAlert(labels: LabelSet): boolean;
}

/** A question about an alert. */
export interface TriggerQuestion {
  readonly alert: TemplateData;
  /** What fires now; undefined if that is unknown, so that no inhibition is known. */
  readonly firing: FiringAlerts | undefined;
  readonly limits: ExplainLimits;
  /** Ends the questions for the owners of pods. */
  readonly signal: AbortSignal;
  /** Undefined: all. */
  readonly view?: ExplainView | undefined;
}

/** What one target of a trigger means for an alert. */
export interface ExplainedTarget {
  /** The target in words, its names rendered. */
  readonly target: string;
  readonly objects: readonly Request[];
  readonly moreObjects: number;
  /** Why it leads to no object. */
  readonly problem?: string;
  /** How many of the objects have to wait, and until when the first of them, milliseconds since the epoch. */
  readonly throttled?: { readonly objects: number; readonly until: number };
}

/** What a trigger would do with an alert, or why nothing. */
export type ExplainedTrigger =
  | { readonly trigger: Trigger; readonly matches: false; readonly failedMatcher: string; readonly held?: Held }
  | {
      readonly trigger: Trigger;
      readonly matches: true;
      readonly targets: readonly ExplainedTarget[];
      readonly action: string;
      /** Absent if it would act. */
      readonly held?: Held;
      /** The alert that inhibits it. */
      readonly inhibitedBy?: LabelSet;
    };

export interface ExplainedTriggers {
  /** Those that match come first. */
  readonly items: readonly ExplainedTrigger[];
  /** How many others there are; all of them match no less than the last of `items`. */
  readonly more: number;
}

/** How much an answer may name. */
export interface ExplainLimits {
  readonly triggers: number;
  /** Of all targets together. */
  readonly objects: number;
  /** The pods whose owners are asked for. */
  readonly owners: number;
}

/** Says what every trigger would do with an alert. It wakes nothing, counts nothing and remembers nothing. */
export class TriggerExplainer {
  readonly #options: TriggerExplainerOptions;

  constructor(options: TriggerExplainerOptions) {
    this.#options = options;
  }

  /** Whether `source.select` and `controller.action` hold. */
  get isDefault(): boolean {
    return this.#options.isDefault();
  }

  /** The keys of those that would match if their namespaces had not opted out. */
  optedOutFor(labels: LabelSet): readonly string[] {
    const matching = [...this.#options.optedOut()].filter(({ matchers }) =>
      matchers.every((each) => each.matches(labels)),
    );
    return matching.map(({ key }) => key);
  }

  /** The keys of the triggers in force that match, in their order. */
  async matching(labels: LabelSet): Promise<readonly string[]> {
    const { schedule, triggers } = this.#options;
    const slices = new Slices(schedule, 'history');
    const matching: Trigger[] = [];
    for (const trigger of triggers.candidates(labels)) {
      if (slices.isOver) await slices.yieldTurn();
      if (triggers.matches(trigger, labels)) matching.push(trigger);
    }
    return sorted(matching).map(({ key }) => key);
  }

  /** The objects whose conditions triggers keep or have kept. */
  get kept(): readonly KeptObject[] {
    return this.#options.kept();
  }

  async explain(asked: TriggerQuestion): Promise<ExplainedTriggers> {
    const { limits } = asked;
    const { matching, others } = await this.#divided(asked);
    const items: ExplainedTrigger[] = [];
    const question = { ...asked, left: { ...limits } };
    for (const trigger of matching.slice(0, limits.triggers)) items.push(await this.#one(trigger, question));
    for (const trigger of others.slice(0, limits.triggers - items.length))
      items.push(await this.#one(trigger, question));
    return { items, more: matching.length + others.length - items.length };
  }

  /** The triggers that match, and the others, first those that see alerts of this namespace. */
  async #divided({
    alert: { labels },
    view,
  }: TriggerQuestion): Promise<{ matching: readonly Trigger[]; others: readonly Trigger[] }> {
    const { schedule, triggers, optedOut } = this.#options;
    const groups: Record<'matching' | 'near' | 'far', Trigger[]> = { matching: [], near: [], far: [] };
    const slices = new Slices(schedule, 'history');
    for (const trigger of [...triggers.all, ...optedOut()]) {
      if (slices.isOver) await slices.yieldTurn();
      if (view?.showsTrigger(trigger) === false) continue;
      const isNear = trigger.scope?.matches(labels) ?? true;
      const matches = isNear && trigger.matchers.every((matcher) => matcher.matches(labels));
      groups[matches ? 'matching' : isNear ? 'near' : 'far'].push(trigger);
    }
    return { matching: sorted(groups.matching), others: [...sorted(groups.near), ...sorted(groups.far)] };
  }

  async #one(trigger: Trigger, question: Question): Promise<ExplainedTrigger> {
    const { alert, firing } = question;
    const isOptedOut = this.#options.triggers.get(trigger.key) !== trigger;
    const verdict = whyNot(trigger, alert, this.#options.clock.now());
    if (!verdict.matches) return { ...verdict, ...(isOptedOut && { held: 'opted_out' as const }) };
    const source = firing && (await this.#sourceFor(trigger, alert.labels, firing));
    const targets: ExplainedTarget[] = [];
    for (const target of trigger.targets) targets.push(await this.#target(trigger, target, question));
    const isThrottled = targets.length > 0 && targets.every(isWaiting);
    const held = isOptedOut
      ? 'opted_out'
      : (verdict.held ?? (source !== undefined ? 'inhibited' : isThrottled ? 'throttled' : undefined));
    return {
      trigger,
      matches: true,
      targets,
      action: verdict.action,
      ...(held !== undefined && { held }),
      ...(held === 'inhibited' && question.view?.showsAlert(source!) !== false && { inhibitedBy: source! }),
    };
  }

  #sourceFor(trigger: Trigger, labels: LabelSet, firing: FiringAlerts): Promise<LabelSet | undefined> {
    const { inhibited, schedule } = this.#options;
    return inhibited.sourceFor(trigger, labels, { firing, slices: new Slices(schedule, 'history') });
  }

  async #target(trigger: Trigger, target: Target, question: Question): Promise<ExplainedTarget> {
    const resolved = resolveTarget(trigger, target, question.alert);
    const text = targetText(resolved);
    const found = await this.#found(trigger, target, question);
    if (!('requests' in found)) {
      return {
        target: resolved.by === 'none' ? declaredText(target) : text,
        objects: [],
        moreObjects: 0,
        problem: found.problem,
      };
    }
    const shown = found.requests.filter((request) => question.view?.showsObject(request) !== false);
    const all = shown.toSorted((a, b) => (requestKey(a) < requestKey(b) ? -1 : 1));
    const objects = all.slice(0, Math.max(0, question.left.objects));
    question.left.objects -= objects.length;
    const waits = all.map((request) => this.#waitOf(trigger, request)).filter((until) => until !== undefined);
    return {
      target: text,
      objects,
      moreObjects: all.length - objects.length,
      ...(waits.length > 0 && { throttled: { objects: waits.length, until: waits.reduce((a, b) => Math.min(a, b)) } }),
    };
  }

  async #found(
    trigger: Trigger,
    target: Target,
    { alert, left, signal }: Question,
  ): Promise<Exclude<FoundTargets, { owner: unknown }>> {
    const { targets } = this.#options;
    const found = targets.find(trigger, target, alert);
    if (!('owner' in found)) return found;
    if (left.owners === 0) return { problem: 'this answer asks no more often what owns a pod' };
    left.owners--;
    try {
      return await targets.peekOwner(trigger, found.owner, signal);
    } catch {
      return { problem: 'the API server did not say in time what owns the pod' };
    }
  }

  #waitOf(trigger: Trigger, request: Request): number | undefined {
    const uid = this.#options.objects.get(request)?.pipeline.uid;
    return this.#options.guard.throttledUntil(trigger, { request, uid });
  }
}

function sorted(all: readonly Trigger[]): readonly Trigger[] {
  return all.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

interface Question extends TriggerQuestion {
  /** What the answer may still name, and ask. */
  readonly left: { objects: number; owners: number };
}

function isWaiting({ objects, moreObjects, throttled }: ExplainedTarget): boolean {
  return throttled !== undefined && throttled.objects === objects.length + moreObjects;
}
