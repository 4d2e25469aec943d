import type { Config } from '../config/config.ts';
import type { Controller } from '../controller/controller.ts';
import { createController, type ControllerStage } from '../controller/create-controller.ts';
import {
  requestKey,
  type AlertSource,
  type LoadedRules,
  type Request,
  type VerdictObserver,
} from '../reconcile/ports.ts';
import { newId } from '../runtime/new-id.ts';
import { PipelineSource, Resync } from '../source/pipeline-source.ts';
import type { StageOptions } from './app-options.ts';
import { EventPath } from './event-path.ts';
import { receiverNamespace, type Home } from './home.ts';
import { TriggerExplainer } from '../trigger/explain-triggers.ts';
import type { Trigger } from '../trigger/trigger.ts';
import { Triggers } from './triggers.ts';

export interface ReconcilingOptions {
  readonly options: StageOptions;
  readonly home: Home;
  readonly alerts: AlertSource;
  readonly requiredRules: () => LoadedRules | undefined;
  readonly verdicts: VerdictObserver;
}

/** The middle of the program: from events, and what else is a reason, over the triggers to the runs. */
export class Reconciling {
  readonly source: EventPath;
  readonly pipelines: PipelineSource;
  readonly triggers: Triggers;
  readonly explainer: TriggerExplainer;
  readonly resync: Resync;
  readonly #stage: ControllerStage;

  constructor({ options, home, alerts, requiredRules, verdicts }: ReconcilingOptions) {
    const { config } = options;
    this.triggers = new Triggers({
      ...options,
      home,
      alerts,
      ownNamespace: home.triggers && receiverNamespace(),
      wake: (choices, event) => this.source.enqueue(choices, event),
      look: (requests, why) => void this.pipelines.look(requests, why),
    });
    const optedOut = (): Iterable<Trigger> => home.triggers?.optedOut() ?? [];
    this.explainer = new TriggerExplainer({ ...options, ...this.triggers.controller.inForce.known, optedOut });
    const { kinds, transitions, annotator } = home;
    const outside = { kinds, transitions, annotator, pipelines: home, alerts, requiredRules, verdicts };
    this.#stage = createController({
      ...options,
      ...outside,
      config: config(),
      triggers: this.triggers.controller,
    });
    this.pipelines = new PipelineSource({
      ...options,
      enqueue: (...work) => this.controller.enqueue(...work),
      pipelines: () => everything(home.list(), this.triggers.objects),
      newEventId: () => newId(4),
    });
    const sweep = (): void => void this.pipelines.sweep('resync');
    this.resync = new Resync({ ...options, periodMs: () => config().controller.resync, sweep });
    this.source = new EventPath({
      ...options,
      choose: (event) => this.triggers.choose(event),
      storms: this.triggers.storms,
      enqueue: (choices, event) => this.controller.enqueueChosen(choices, event),
    });
  }

  get controller(): Controller {
    return this.#stage.controller;
  }

  /** Prepares another configuration; the returned function applies it. Throws an error for the user if it cannot be. */
  prepare(config: Config): () => void {
    return this.#stage.prepare(config);
  }

  /** Call it when the configuration has changed. */
  reconfigure(changed: readonly string[]): void {
    this.source.reconfigure();
    this.resync.reconfigure();
    this.triggers.reconfigure(changed);
  }
}

/** Pipelines, and the objects that triggers keep, each once. */
function everything(pipelines: readonly Request[], objects: readonly Request[]): readonly Request[] {
  if (objects.length === 0) return pipelines;
  const known = new Set(pipelines.map(requestKey));
  return [...pipelines, ...objects.filter((request) => !known.has(requestKey(request)))];
}
