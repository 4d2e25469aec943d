import { Causes, describeBriefly } from '../../cause/causes.ts';
import { setCondition } from '../../health/flow-health.ts';
import { ForbiddenError, PostponedError } from '../../reconcile/errors.ts';
import {
  kindName,
  requestKey,
  type Action,
  type Annotator,
  type Request,
  type Result,
  type Run,
} from '../../reconcile/ports.ts';
import type { LogFields } from '../../runtime/logger.ts';
import { defaultTrigger, healthType, type TemplateData, type Trigger } from '../../trigger/trigger.ts';
import type { TriggerObserver } from '../../trigger/ports.ts';
import { annotationValue } from '../../trigger/template.ts';
import { actionText, heldNow } from '../../trigger/why-not.ts';
import { alertsFire, noAlertFires } from '../../trigger/firing-condition.ts';
import {
  TriggerConditions,
  objectOf,
  keptTypeOf,
  typeOf,
  type ConditionResult,
  type TriggerConditionsOptions,
} from './trigger-conditions.ts';

export interface TriggerActionOptions extends TriggerConditionsOptions {
  readonly annotator?: Annotator | undefined;
  /** Writes the condition of the health rules. */
  readonly healthAction: Action;
  readonly observer: Pick<TriggerObserver, 'ran'>;
}

const nothing: Result = { outcome: 'unchanged', notInPrometheus: [] };

/** How long a run waits for the first list of a kind, milliseconds. */
const pendingRetryMs = 1000;

/** What was not done, because the trigger has done enough to the object. */
type Throttled = NonNullable<Result['throttled']>[number];

/**
 * Does for an object what each trigger says that chose it, and keeps the conditions of all that name it. What one of them cannot do
 * keeps none of the others from its part.
 */
export class TriggerAction implements Action {
  readonly #options: TriggerActionOptions;
  readonly #conditions: TriggerConditions;
  /** The objects that were annotated for these causes: a retry of another part does not do it again. */
  readonly #annotated = new WeakMap<Causes, Set<string>>();
  /** `controller.action`. */
  #default: Action;

  constructor(options: TriggerActionOptions, byDefault: Action) {
    this.#options = options;
    this.#conditions = new TriggerConditions(options);
    this.#default = byDefault;
  }

  /** Uses this action for the default trigger from the next run on. */
  use(byDefault: Action): void {
    this.#default = byDefault;
  }

  async perform(run: Run): Promise<Result> {
    const { triggers, isPipeline } = this.#options;
    if (triggers.isEmpty) return triggers.isDefault ? this.#default.perform(run) : nothing;
    const isDefault = triggers.isDefault && isPipeline(run.request);
    const results: Result[] = [];
    const errors: unknown[] = [];
    const attempt = async (part: () => Promise<Result | undefined>): Promise<void> => {
      try {
        const result = await part();
        if (result !== undefined) results.push(result);
      } catch (error) {
        errors.push(error);
      }
    };
    if (isDefault) await attempt(() => this.#default.perform(forDefault(run)));
    else await attempt(() => this.#health(run));
    for (const [key, causes] of run.chosenBy ?? []) await attempt(() => this.#perform(run, key, causes));
    await attempt(async () => merged((await this.#conditions.perform(run)).map(resultOf)));
    this.#tell(run, results, errors);
    if (errors.length > 0) throw errors.find((error) => !(error instanceof PostponedError)) ?? errors[0];
    return merged(results) ?? nothing;
  }

  /** Call it for an object that is not there. Throws PostponedError while it is not known whether it is. */
  gone(request: Request, now: number): void {
    const { triggers } = this.#options;
    if (triggers.isEmpty) return;
    if (triggers.isPending(request)) {
      const retryAt = now + pendingRetryMs;
      throw new PostponedError(`the objects of ${kindName(request)} are not known yet`, {
        retryAt,
        maxDelayMs: pendingRetryMs,
      });
    }
    triggers.gone(request);
    this.#options.guard.gone(request);
  }

  /** Writes the condition of the health rules for the triggers that have it and name the object. */
  async #health(run: Run): Promise<Result | undefined> {
    const { triggers, healthAction } = this.#options;
    const { request, pipeline, chosenBy } = run;
    const keys = new Set([...triggers.namersOf(request), ...(chosenBy?.keys() ?? [])]);
    for (const { trigger, type } of triggers.written(request)) if (type === healthType) keys.add(trigger);
    const keepers = [...keys].filter((key) => {
      const trigger = triggers.get(key);
      return trigger !== undefined && typeOf(trigger) === undefined && keptTypeOf(trigger) !== undefined;
    });
    const active = keepers.filter((key) => triggers.isActive(triggers.get(key)!));
    if (active.length === 0) return undefined;
    for (const trigger of active)
      await triggers.note({ trigger, request, apiVersion: pipeline.apiVersion, type: healthType });
    return healthAction.perform(run);
  }

  /** What a trigger does once for its alerts. */
  async #perform(run: Run, key: string, causes: Causes): Promise<Result | undefined> {
    const { triggers, clock } = this.#options;
    const trigger = key === defaultTrigger ? undefined : triggers.get(key);
    const held = trigger === undefined ? undefined : heldNow(trigger, clock.now());
    // A trigger that has gone since, or is suspended now, does nothing any more.
    if (trigger === undefined || held === 'suspended') return undefined;
    if (held === 'observed') return this.#observe(run, trigger, causes);
    if (trigger.action.do === 'log') return this.#log(run, trigger, causes);
    return trigger.action.do === 'annotate' ? this.#annotate(run, trigger, causes) : undefined;
  }

  async #annotate(run: Run, trigger: Trigger, causes: Causes): Promise<Result> {
    const { annotator, guard, logger, metrics } = this.#options;
    const { action } = trigger;
    const done = this.#annotated.get(causes) ?? new Set<string>();
    const mark = `${trigger.key} ${requestKey(run.request)}`;
    if (action.do !== 'annotate' || annotator === undefined || done.has(mark)) return nothing;
    const admission = await guard.admit(trigger, objectOf(run), causes);
    if (!admission.allowed) return throttled({ trigger: trigger.key, retryAt: admission.retryAt });
    // With the alerts of runs that had to wait.
    const all = admission.permit.causes;
    const annotations = { [action.key]: annotationValue(action.value, dataOf(all)) };
    let end: 'written' | 'nothing' | 'failed' = 'failed';
    try {
      await admission.permit.spend();
      const isThere = await annotator.annotate(run.request, annotations, run.signal, action.on);
      end = isThere ? 'written' : 'nothing';
      if (!isThere) return { ...nothing, outcome: 'gone' };
    } catch (error) {
      if (error instanceof ForbiddenError) end = 'nothing';
      throw error;
    } finally {
      admission.permit.end(end);
    }
    this.#annotated.set(causes, done.add(mark));
    const message = 'the operator of the object is asked to reconcile it';
    logger.info('object.annotated', message, { ...fieldsOf(run, trigger, all), annotations });
    metrics.annotated(kindName(run.request));
    return { ...nothing, outcome: 'changed' };
  }

  #log(run: Run, trigger: Trigger, causes: Causes): Result {
    this.#options.logger.info('trigger.fired', 'a trigger chose the object', fieldsOf(run, trigger, causes));
    return nothing;
  }

  /** Logs what it would do. */
  async #observe(run: Run, trigger: Trigger, causes: Causes): Promise<Result> {
    const wouldBe = await this.#wouldBe(run, trigger);
    this.#options.logger.info('trigger.observed', 'a trigger would act, but only observes', {
      ...fieldsOf(run, trigger, causes),
      action: actionText(trigger.action, dataOf(causes)),
      ...wouldBe,
    });
    return nothing;
  }

  /** The condition that it would write, for an object into which it may write one. */
  async #wouldBe(run: Run, trigger: Trigger): Promise<LogFields> {
    const { alerts, clock, triggers } = this.#options;
    const type = typeOf(trigger);
    if (type === undefined) return {};
    const { firing } = await alerts.snapshot(run.causes.lastSeen, [...run.causes.requestIds], run.signal);
    const moment = triggers.at(firing);
    const alert = triggers.namersOf(run.request).includes(trigger.key)
      ? await moment.worstOf(trigger, run.signal)
      : await moment.worstFor(trigger, run.request, run.signal);
    const { condition } =
      alert === undefined
        ? noAlertFires(run.pipeline, type, [trigger.key])
        : alertsFire(run.pipeline, type, { alert, trigger: trigger.key });
    const update = setCondition(run.pipeline.conditions, condition, clock.now());
    const { status, reason, message } = condition;
    const isForeign = await this.#conditions.isForeign(run, { type, keepers: [{ trigger, alert }] });
    const wouldChange = !isForeign && update?.transition !== undefined;
    const foreign = isForeign && { foreign_condition: true };
    return { type, to: status, reason, message, would_change: wouldChange, ...foreign };
  }

  #tell({ chosenBy = new Map() }: Run, results: readonly Result[], errors: readonly unknown[]): void {
    const waiting = new Set(results.flatMap((result) => result.throttled ?? []).map(({ trigger }) => trigger));
    for (const key of new Set([...chosenBy.keys(), ...waiting])) {
      if (key === defaultTrigger) continue;
      const outcome = waiting.has(key) ? 'throttled' : errors.length > 0 ? 'failed' : 'done';
      this.#options.observer.ran(key, outcome);
    }
  }
}

/** The alerts of other triggers are no reason of the default one. */
function forDefault(run: Run): Run {
  const { chosenBy, causes } = run;
  if (chosenBy === undefined || chosenBy.size === 0) return run;
  return { ...run, causes: chosenBy.get(defaultTrigger) ?? Causes.of('trigger', causes.lastSeen) };
}

/** The values for a template are those of the newest alert. */
function dataOf(causes: Causes): TemplateData {
  const newest = [...causes.alerts.values()].at(-1);
  return { labels: newest?.labels ?? {}, annotations: newest?.annotations ?? {}, now: causes.lastSeen };
}

function fieldsOf({ id, request }: Run, { key }: Trigger, causes: Causes): LogFields {
  return { run: id, ...request, trigger: key, ...describeBriefly(causes) };
}

function throttled(one: Throttled): Result {
  return { ...nothing, throttled: [one] };
}

function resultOf({ isChanged, ...result }: ConditionResult): Result {
  return { ...nothing, outcome: isChanged ? 'changed' : 'unchanged', ...result };
}

/** All parts of a run as one result; the first that decided something says what. */
function merged(results: readonly Result[]): Result | undefined {
  if (results.length < 2) return results[0];
  const waits = results.map(({ requeueAfterMs }) => requeueAfterMs).filter((wait) => wait !== undefined);
  const outcomes = new Set(results.map(({ outcome }) => outcome));
  const all = Object.assign({}, ...results.toReversed()) as Result;
  const waiting = results.flatMap((result) => result.throttled ?? []);
  const foreign = results.flatMap((result) => result.foreignConditions ?? []);
  const { requeueAfterMs: _, throttled: __, foreignConditions: ___, ...rest } = all;
  return {
    ...rest,
    outcome: outcomes.has('changed') ? 'changed' : outcomes.has('unchanged') ? 'unchanged' : 'gone',
    notInPrometheus: [...new Set(results.flatMap(({ notInPrometheus }) => notInPrometheus))],
    ...(waits.length > 0 && { requeueAfterMs: Math.min(...waits) }),
    ...(waiting.length > 0 && { throttled: waiting }),
    ...(foreign.length > 0 && { foreignConditions: foreign }),
  };
}
