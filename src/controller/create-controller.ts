import type { Config } from '../config/config.ts';
import {
  kindName,
  type Request,
  type AlertSource,
  type Annotator,
  type LoadedRules,
  type Pipelines,
  type TransitionRecorder,
  type VerdictObserver,
  type Action,
  type ActionName,
} from '../reconcile/ports.ts';
import { createWorkQueueMetrics } from '../workqueue/work-queue-metrics.ts';
import { WorkQueue, type Workers, type Permits } from '../workqueue/work-queue.ts';
import type { WorkItem } from '../workqueue/dirty-requests.ts';
import { Controller, Reconciler } from './controller.ts';
import { createControllerMetrics, type ControllerMetrics } from './controller-metrics.ts';
import { HeldLine, VerdictHolder } from './action/verdict-holder.ts';
import { ReconcileReport } from './reconcile-report.ts';
import { createMergeWork, type QueuedWork } from './sweep.ts';
import { TriggerAction, type TriggerActionOptions } from './action/trigger-action.ts';
import type { TargetObjects } from '../trigger/ports.ts';
import type { TriggersInForce } from '../trigger/triggers-in-force.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { UrgentSignals } from '../runtime/deadline.ts';
import { AnnotateAction, type AnnotateConfig } from './action/annotate-action.ts';
import {
  ConditionObserver,
  ConditionUpdater,
  FlowHealthAction,
  type ConditionApplier,
} from './action/flow-health-action.ts';

/** The part of the configuration for reconciles. */
type ControllerConfig = Pick<Config, 'controller' | 'lanes'>;

interface ControllerStageOptions extends Runtime {
  /** Gets the signals of the runs for alerts of the platform. */
  readonly urgent?: Pick<UrgentSignals, 'add'> | undefined;
  readonly config: ControllerConfig;
  readonly pipelines: Pipelines;
  readonly alerts: AlertSource;
  /** The rules without which no pipeline is healthy, if they are required. Default: none are. */
  readonly requiredRules?: () => LoadedRules | undefined;
  /** Gets transitions, if the home of the pipelines has a place for them. */
  readonly transitions?: TransitionRecorder | undefined;
  /** Hears every verdict. */
  readonly verdicts?: VerdictObserver | undefined;
  /** For the action `annotate`. */
  readonly annotator?: Annotator | undefined;
  /** The kinds of pipeline that are known before any pipeline exists. */
  readonly kinds: readonly string[];
  /** Default: there are no triggers but the default one. */
  readonly triggers?: ControllerTriggers | undefined;
  /** The share of the workers of all tenants. Default: there are no others. */
  readonly permits?: Permits | undefined;
}

/** What the controller needs for triggers. */
export interface ControllerTriggers extends Pick<TriggerActionOptions, 'guard' | 'observer'> {
  readonly inForce: TriggersInForce;
  readonly objects: Pick<TargetObjects, 'get'>;
}

/** The controller, and the way to change its configuration. */
export interface ControllerStage {
  readonly controller: Controller;
  /** Prepares another configuration; the returned function applies it. Throws as {@link createAction} does. */
  readonly prepare: (config: ControllerConfig) => () => void;
  /** Whether runs go by way of the triggers, from the next run on. False: no trigger but the default one has anything to do. */
  readonly useTriggers: (used: boolean) => void;
}

/** The third and fourth stage: work queue, controller and reconciler, connected. Throws as {@link createAction} does. */
export function createController(options: ControllerStageOptions): ControllerStage {
  const { config, clock, registry, pipelines, kinds, permits } = options;
  const metrics = createControllerMetrics(registry, kinds, () => countByKind(pipelines.list()));
  const heldLine = new HeldLine(options);
  const actionOptions = {
    ...options,
    config: config.controller,
    metrics,
    holder: new VerdictHolder({ ...options, metrics }),
  };
  const { reconciler, use, useTriggers } = createReconciler(options, actionOptions);
  const controller: Controller = new Controller({
    ...options,
    report: new ReconcileReport({ ...options, metrics }),
    reconciler,
    createQueue: (work: (item: WorkItem<QueuedWork>) => Promise<void>) =>
      new WorkQueue({
        clock,
        work,
        permits,
        workers: workersOf(config),
        merge: createMergeWork(),
        metrics: createWorkQueueMetrics(registry, () => controller),
        onHeld: (held) => heldLine.write(held),
      }),
  });
  const prepare = (next: ControllerConfig) => {
    const action = createAction({ ...actionOptions, config: next.controller });
    return () => {
      use(action, next.controller);
      controller.workers = workersOf(next);
    };
  };
  return { controller, prepare, useTriggers };
}

function workersOf({ controller, lanes }: ControllerConfig): Workers {
  return {
    any: controller.max_concurrent_reconciles,
    reserved: lanes.platform.length > 0 ? lanes.reserved_workers : 0,
  };
}

/** With triggers, the configured action is that of the default one. */
function createReconciler(
  options: ControllerStageOptions,
  actionOptions: ActionOptions,
): Pick<ControllerStage, 'useTriggers'> & {
  readonly reconciler: Reconciler;
  readonly use: (byDefault: Action, config: ActionOptions['config']) => void;
} {
  const { clock, triggers } = options;
  let byDefault = createAction(actionOptions);
  if (triggers === undefined) {
    const reconciler = new Reconciler({ ...options, action: byDefault });
    return { reconciler, use: (action) => reconciler.use(action), useTriggers: () => undefined };
  }
  let requeueAfterMs = actionOptions.config.requeue_after;
  const action = createTriggerAction(actionOptions, triggers, byDefault, () => requeueAfterMs);
  const targets = {
    get: (request: Request) => triggers.objects.get(request)?.pipeline,
    gone: (request: Request) => action.gone(request, clock.now()),
  };
  const reconciler = new Reconciler({ ...options, action, targets });
  let isUsed = true;
  const useTriggers = (used: boolean): void => {
    isUsed = used;
    reconciler.use(used ? action : byDefault);
  };
  const use = (next: Action, config: ActionOptions['config']): void => {
    requeueAfterMs = config.requeue_after;
    byDefault = next;
    action.use(next);
    useTriggers(isUsed);
  };
  return { reconciler, use, useTriggers };
}

function countByKind(requests: readonly Request[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const kind of requests.map(kindName)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

interface ActionOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly metrics: ControllerMetrics;
  readonly pipelines: Pipelines;
  readonly alerts: AlertSource;
  /** The rules without which no pipeline is healthy, if they are required. Default: none are. */
  readonly requiredRules?: () => LoadedRules | undefined;
  readonly transitions?: TransitionRecorder | undefined;
  readonly verdicts?: VerdictObserver | undefined;
  readonly annotator?: Annotator | undefined;
  /** Outlives the actions: another configuration must not begin another grace. */
  readonly holder: VerdictHolder;
  readonly config: {
    readonly action: ActionName;
    /** Milliseconds. */
    readonly requeue_after: number;
    readonly annotate: AnnotateConfig;
  };
}

/** Every action there is. */
const actions: Readonly<Record<ActionName, (options: ActionOptions) => Action>> = {
  condition: (options) => flowHealthAction(options, new ConditionUpdater(options)),
  log: (options) => flowHealthAction(options, new ConditionObserver(options)),
  annotate: (options) => {
    const { annotator, config } = options;
    if (annotator === undefined) throw new Error(annotateNeedsKubernetes);
    return new AnnotateAction({ ...options, annotator, config: config.annotate });
  },
};

const annotateNeedsKubernetes =
  'controller.action is annotate, which needs pipelines in Kubernetes, and these are in a folder: name a cluster (--kubeconfig), or take the action condition or log';

/** Throws an error for the user if the home of the pipelines cannot do what is configured. */
export function createAction(options: ActionOptions): Action {
  return actions[options.config.action](options);
}

function createTriggerAction(
  options: ActionOptions,
  triggers: ControllerTriggers,
  byDefault: Action,
  requeueAfterMs: () => number,
): TriggerAction {
  const { pipelines } = options;
  const conditions = new ConditionUpdater(options);
  const health = flowHealthAction(options, conditions);
  return new TriggerAction(
    {
      ...options,
      ...triggers,
      triggers: triggers.inForce,
      conditions,
      healthAction: health,
      isPipeline: (request) => pipelines.get(request) !== undefined,
      requeueAfterMs,
    },
    byDefault,
  );
}

function flowHealthAction(options: ActionOptions, conditions: ConditionApplier): Action {
  const { config, requiredRules = () => undefined } = options;
  return new FlowHealthAction({ ...options, conditions, requiredRules, requeueAfterMs: config.requeue_after });
}
