import type {
  Action,
  ActionName,
  AlertSource,
  Annotator,
  Pipelines,
  TransitionRecorder,
} from '../../reconcile/ports.ts';
import { AnnotateAction, type AnnotateConfig } from './annotate-action.ts';
import { ConditionObserver, ConditionUpdater } from './condition-applier.ts';
import type { ControllerMetrics } from '../controller-metrics.ts';
import { FlowHealthAction, type ConditionApplier } from './flow-health-action.ts';
import type { VerdictHolder } from './verdict-holder.ts';
import type { Runtime } from '../../runtime/runtime.ts';

export interface ActionOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly metrics: ControllerMetrics;
  readonly pipelines: Pipelines;
  readonly alerts: AlertSource;
  readonly transitions?: TransitionRecorder | undefined;
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

/** Throws, with a line for the user, if the home of the pipelines cannot do what is configured. */
export function createAction(options: ActionOptions): Action {
  return actions[options.config.action](options);
}

function flowHealthAction(options: ActionOptions, conditions: ConditionApplier): Action {
  const { alerts, holder, config } = options;
  return new FlowHealthAction({ alerts, conditions, holder, requeueAfterMs: config.requeue_after });
}
