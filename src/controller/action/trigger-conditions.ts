import { Causes } from '../../cause/causes.ts';
import { ForbiddenError, SnapshotError } from '../../reconcile/errors.ts';
import {
  type AlertSnapshot,
  type AlertSource,
  type Condition,
  type Pipelines,
  type Request,
  type Result,
  type Run,
  type TransitionRecorder,
} from '../../reconcile/ports.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { setCondition } from '../../health/flow-health.ts';
import { alertsFire, alertsUnknown, noAlertFires, type TriggerVerdict } from '../../trigger/firing-condition.ts';
import type { FiringMoment } from '../../trigger/firing-targets.ts';
import type { TriggersInForce } from '../../trigger/triggers-in-force.ts';
import type { GuardedObject, RunGuard } from '../../trigger/ports.ts';
import { healthType, type Trigger } from '../../trigger/trigger.ts';
import type { ConditionApplier } from './flow-health-action.ts';
import { OwnConditions, type Kept, type Keeper } from './own-conditions.ts';
import { PushedHolder, type HeldCondition } from './pushed-holder.ts';
import type { ControllerMetrics } from '../controller-metrics.ts';

export interface TriggerConditionsOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly triggers: TriggersInForce;
  readonly alerts: AlertSource;
  readonly conditions: ConditionApplier;
  readonly metrics: Pick<ControllerMetrics, 'annotated' | 'conditionHeld'>;
  readonly pipelines: Pick<Pipelines, 'updateConditions'>;
  readonly guard: RunGuard;
  readonly transitions?: TransitionRecorder | undefined;
  /** True of the objects that the default trigger concerns. */
  readonly isPipeline: (request: Request) => boolean;
  /** `controller.requeue_after` of the current configuration, milliseconds. */
  readonly requeueAfterMs: () => number;
}

/** What a condition became, and what is left to do. */
export interface ConditionResult extends Pick<
  Result,
  'decision' | 'requeueAfterMs' | 'queryId' | 'throttled' | 'heldForMs' | 'foreignConditions'
> {
  readonly isChanged: boolean;
}

/**
 * Keeps the conditions of an object for the triggers that name it: of each type, the worst alert of all of them decides. It goes by
 * what fires now, whatever woke the run. A condition that no trigger keeps any more is removed.
 */
export class TriggerConditions {
  readonly #options: TriggerConditionsOptions;
  readonly #holder: PushedHolder;
  readonly #own: OwnConditions;

  constructor(options: TriggerConditionsOptions) {
    this.#options = options;
    this.#holder = new PushedHolder(options);
    this.#own = new OwnConditions(options);
  }

  /** Rejects with SnapshotError if the alerts are not available, or with the error of a write. */
  async perform(run: Run): Promise<readonly ConditionResult[]> {
    const { triggers } = this.#options;
    if (!triggers.mayKeepConditions(run.request)) return [];
    const { snapshot, moment } = await this.#lookAt(run);
    const naming = await this.#naming(run, moment);
    const results: ConditionResult[] = [];
    const all = await this.#keptBy(naming, run, moment);
    for (const kept of all) {
      const result = await this.#keep(run, kept, naming, snapshot.takenAt);
      results.push({ ...result, ...(snapshot.queryId !== undefined && { queryId: snapshot.queryId }) });
    }
    results.push(...(await this.#remove(run, naming)));
    this.#endWaits(
      run,
      all.flatMap(({ keepers }) => keepers),
    );
    return results;
  }

  /** True if the entry of the type is another controller's, so that no trigger writes it. */
  async isForeign(run: Run, kept: Kept): Promise<boolean> {
    await this.#own.ask(run, kept.type);
    return this.#own.isForeign(run, kept);
  }

  /** A run that had to wait has nothing to do for a trigger that keeps no condition of the object any more. */
  #endWaits(run: Run, keepers: readonly Keeper[]): void {
    for (const key of run.chosenBy?.keys() ?? []) {
      const trigger = this.#options.triggers.get(key);
      const isOver = trigger?.action.do === 'condition' && keepers.every((keeper) => keeper.trigger.key !== key);
      if (isOver) this.#options.guard.unnecessary(trigger, objectOf(run));
    }
  }

  async #keep(run: Run, kept: Kept, naming: readonly Trigger[], takenAt: number): Promise<ConditionResult> {
    await this.#own.ask(run, kept.type);
    if (this.#own.isForeign(run, kept)) return this.#leave(run, kept);
    const held = await this.#held(run, kept, naming, takenAt);
    return held ?? this.#apply(run, kept, verdictOf(run, kept));
  }

  async #lookAt(run: Run): Promise<{ readonly snapshot: AlertSnapshot; readonly moment: FiringMoment }> {
    const { alerts, triggers } = this.#options;
    try {
      const snapshot = await alerts.snapshot(run.causes.lastSeen, [...run.causes.requestIds], run.signal);
      return { snapshot, moment: triggers.at(snapshot.firing) };
    } catch (error) {
      if (error instanceof SnapshotError) await this.#becomeUnknown(run, error);
      throw error;
    }
  }

  /** A condition stays while the failure may be over in a moment. */
  async #becomeUnknown(run: Run, error: SnapshotError): Promise<void> {
    for (const kept of await this.#keptBy(await this.#naming(run, undefined), run, undefined)) {
      const isPresent = run.pipeline.conditions.some(({ type }) => type === kept.type);
      await this.#own.ask(run, kept.type);
      if (this.#own.isForeign(run, kept)) this.#leave(run, kept);
      else if (error.isLasting || !isPresent)
        await this.#apply(run, kept, alertsUnknown(run.pipeline, kept.type, error));
    }
  }

  /** The triggers with a condition that name the object: whatever fires, by an alert that fires, or by one that fired. */
  async #naming({ request, signal }: Run, moment: FiringMoment | undefined): Promise<readonly Trigger[]> {
    const { triggers } = this.#options;
    const keys = new Set(triggers.namersOf(request));
    for (const key of (await moment?.namersOf(request, signal)) ?? []) keys.add(key);
    for (const { trigger, type } of triggers.written(request))
      if (triggers.mayStillName(trigger, request, type)) keys.add(trigger);
    const named = [...keys].toSorted().map((key) => triggers.get(key));
    return named.filter((trigger) => trigger?.action.do === 'condition') as readonly Trigger[];
  }

  /** By type; a trigger that is suspended, or only observes, leaves its condition as it is. */
  async #keptBy(naming: readonly Trigger[], run: Run, moment: FiringMoment | undefined): Promise<readonly Kept[]> {
    const active = naming.filter(
      (trigger) => this.#options.triggers.isActive(trigger) && typeOf(trigger) !== undefined,
    );
    const byType = Map.groupBy(active, (trigger) => typeOf(trigger)!);
    const fixed = new Set(this.#options.triggers.namersOf(run.request));
    const keeperOf = async (trigger: Trigger): Promise<Keeper> => ({
      trigger,
      alert: fixed.has(trigger.key)
        ? await moment?.worstOf(trigger, run.signal)
        : await moment?.worstFor(trigger, run.request, run.signal),
    });
    const kept = [...byType].map(async ([type, all]) => ({ type, keepers: await Promise.all(all.map(keeperOf)) }));
    return Promise.all(kept.map(async (each) => this.#worstFirst(await each)));
  }

  #worstFirst({ type, keepers }: Kept): Kept {
    const { order } = this.#options.triggers;
    const firing = keepers.filter(({ alert }) => alert !== undefined);
    const sorted = firing.toSorted((a, b) => order.compare(a.alert!.labels, b.alert!.labels));
    return { type, keepers: [...sorted, ...keepers.filter(({ alert }) => alert === undefined)] };
  }

  /** Set if the condition stays because an alert is still pushed as firing. */
  async #held(
    run: Run,
    kept: Kept,
    naming: readonly Trigger[],
    takenAt: number,
  ): Promise<(HeldCondition & { readonly isChanged: false }) | undefined> {
    const { alerts, triggers } = this.#options;
    const { condition } = verdictOf(run, kept);
    const source = alerts.pushed;
    if (source === undefined || !this.#holder.mustLook(run, kept.type, condition)) {
      this.#holder.release(run, kept.type);
      return undefined;
    }
    const { firing } = await source.snapshot(Math.max(takenAt, run.causes.lastSeen), run.signal);
    const pushed = (await this.#keptBy(naming, run, triggers.at(firing))).find(({ type }) => type === kept.type);
    const firingFor = pushed?.keepers.map(({ alert }) => alert).filter((alert) => alert !== undefined) ?? [];
    const held = this.#holder.hold(run, kept.type, firingFor, source.graceMs);
    return held && { ...held, isChanged: false };
  }

  async #apply(run: Run, kept: Kept, verdict: TriggerVerdict): Promise<ConditionResult> {
    const { clock, requeueAfterMs } = this.#options;
    const isHealthy = verdict.condition.status === 'True';
    const result = { decision: verdict.decision, ...(!isHealthy && { requeueAfterMs: requeueAfterMs() }) };
    await this.#own.note(run, kept, verdict);
    const { conditions, isDoubtful = false } = run.pipeline;
    if (!isDoubtful && setCondition(conditions, verdict.condition, clock.now()) === undefined) {
      await this.#options.conditions.apply(run, verdict);
      for (const { trigger } of kept.keepers) this.#options.guard.unnecessary(trigger, objectOf(run));
      return { ...result, isChanged: false };
    }
    const trigger = responsible(run, kept);
    let isForeign = false;
    // Another controller may have been faster than the watch.
    const mayReplace = (present: Condition): boolean => {
      isForeign = !this.#own.isOwn(run.request, present, kept.keepers);
      return !isForeign;
    };
    const written = await this.#guarded(run, trigger, (own) =>
      this.#options.conditions.apply(own, verdict, mayReplace),
    );
    if (isForeign) return this.#leave(run, kept);
    if (typeof written !== 'boolean') return { decision: verdict.decision, isChanged: false, throttled: [written] };
    for (const { trigger: other } of kept.keepers) this.#options.guard.unnecessary(other, objectOf(run));
    return { ...result, isChanged: written };
  }

  /** The entry is another controller's. If it goes, the object has changed, and is looked at. */
  #leave(run: Run, { type, keepers }: Kept): ConditionResult {
    const { guard, requeueAfterMs, triggers } = this.#options;
    const keeping = keepers.map(({ trigger }) => trigger);
    triggers.taken(run.request, type, keeping);
    for (const trigger of keeping) guard.unnecessary(trigger, objectOf(run));
    this.#holder.release(run, type);
    return { isChanged: false, foreignConditions: [type], requeueAfterMs: requeueAfterMs() };
  }

  async #guarded(
    run: Run,
    trigger: Trigger,
    write: (run: Run) => Promise<boolean>,
  ): Promise<boolean | { readonly trigger: string; readonly retryAt: number }> {
    const causes = run.chosenBy?.get(trigger.key) ?? new Causes();
    const admission = await this.#options.guard.admit(trigger, objectOf(run), causes);
    if (!admission.allowed) return { trigger: trigger.key, retryAt: admission.retryAt };
    const { permit } = admission;
    let end: 'written' | 'nothing' | 'failed' = 'failed';
    try {
      await permit.spend();
      // Who may read the log of one trigger's runs need not know the alerts of another.
      const isWritten = await write({ ...run, causes: permit.causes.alertCount > 0 ? permit.causes : run.causes });
      end = isWritten ? 'written' : 'nothing';
      return isWritten;
    } catch (error) {
      if (error instanceof ForbiddenError) end = 'nothing';
      throw error;
    } finally {
      permit.end(end);
    }
  }

  /** Removes, of what triggers wrote here, what no trigger keeps any more. */
  async #remove(run: Run, naming: readonly Trigger[]): Promise<readonly ConditionResult[]> {
    const { triggers } = this.#options;
    const { request } = run;
    const results: ConditionResult[] = [];
    for (const type of triggers.takenTypes(request))
      if (naming.every((trigger) => keptTypeOf(trigger) !== type)) triggers.freed(request, type);
    for (const written of triggers.written(request)) {
      const heirs = naming.filter((trigger) => keptTypeOf(trigger) === written.type);
      if (heirs.some(({ key }) => key === written.trigger)) continue;
      const isHealth = written.type === healthType && triggers.isDefault && this.#options.isPipeline(request);
      if (heirs.length === 0 && !isHealth)
        results.push({ isChanged: await this.#own.remove(run, written.trigger, written.type) });
      // One that is suspended or observes has noted nothing, and the entry stays for it.
      for (const { key } of heirs) await triggers.note({ ...written, trigger: key });
      triggers.forget(written);
    }
    return results;
  }
}

/** The type of the condition that is in an object because of a trigger; undefined if it writes none. */
export function keptTypeOf({ action }: Trigger): string | undefined {
  return action.do === 'condition' ? (action.type ?? healthType) : undefined;
}

/** The type of the condition that a trigger writes; undefined if that is left to the health rules. */
export function typeOf({ action }: Trigger): string | undefined {
  return action.do === 'condition' ? action.type : undefined;
}

function verdictOf({ pipeline }: Run, { type, keepers }: Kept): TriggerVerdict {
  const [worst] = keepers;
  if (worst?.alert !== undefined) return alertsFire(pipeline, type, { alert: worst.alert, trigger: worst.trigger.key });
  return noAlertFires(
    pipeline,
    type,
    keepers.map(({ trigger }) => trigger.key),
  );
}

/** The trigger whose budget pays for the write: the one that decides, else one that woke the run, else the first. */
function responsible({ chosenBy }: Run, { keepers }: Kept): Trigger {
  const [worst] = keepers;
  if (worst!.alert !== undefined) return worst!.trigger;
  return (keepers.find(({ trigger }) => chosenBy?.has(trigger.key)) ?? worst!).trigger;
}

/** The object as its guard knows it. */
export function objectOf({ request, pipeline }: Run): GuardedObject {
  return { request, uid: pipeline.uid };
}
