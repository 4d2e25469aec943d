import type { Causes } from '../cause/causes.ts';
import type { Config } from '../config/config.ts';
import type { Controller } from '../controller/controller.ts';
import { createController, type ControllerStage } from '../controller/create-controller.ts';
import {
  requestKey,
  type AlertSource,
  type Choice,
  type LoadedRules,
  type Request,
  type VerdictObserver,
} from '../reconcile/ports.ts';
import { newId } from '../runtime/new-id.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { createEventSource, logEnqueued, type Event, type LanedSource } from '../source/event-source.ts';
import { PipelineSource, Resync } from '../source/pipeline-source.ts';
import { chooseByDefault, isByDefault } from '../source/request-mapper.ts';
import type { StageOptions } from './app-options.ts';
import { receiverNamespace, type Home } from './home.ts';
import { AlertOrder } from '../trigger/firing-condition.ts';
import { StormGuard, type StormGuardOptions } from '../trigger/guard/storm-guard.ts';
import { TriggerExplainer } from '../trigger/explain-triggers.ts';
import type { Trigger } from '../trigger/trigger.ts';
import { Triggers } from './triggers.ts';

export interface ReconcilingOptions {
  readonly options: StageOptions;
  readonly home: Home;
  readonly alerts: AlertSource;
  /** Called when the annotations of firing alerts begin or cease to be needed. */
  readonly wantAnnotations?: (wanted: boolean) => void;
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
  readonly #given: ReconcilingOptions;
  /** True while no trigger but the default one has anything to do: then no event and no run goes by way of the triggers. */
  #isPlain = false;

  constructor(given: ReconcilingOptions) {
    this.#given = given;
    const { options, home, alerts, requiredRules, verdicts } = given;
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
      choose: (event) => this.#choose(event),
      storms: this.triggers.storms,
      enqueue: (choices, event) => this.controller.enqueueChosen(choices, event),
    });
    this.triggers.onChange = () => this.#triggersChanged();
    this.#triggersChanged();
  }

  get controller(): Controller {
    return this.#stage.controller;
  }

  async #choose(event: Event): Promise<readonly Choice[]> {
    if (!this.#isPlain) return this.triggers.choose(event);
    const { options, home } = this.#given;
    return [chooseByDefault(options.config().source.select, event.causes, home.list())];
  }

  #triggersChanged(): void {
    const { isDefaultOnly, wantsAnnotations } = this.triggers.standing;
    this.#isPlain = isDefaultOnly;
    this.#stage.useTriggers(!isDefaultOnly);
    this.#given.wantAnnotations?.(wantsAnnotations);
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

interface EventPathOptions extends Runtime {
  /** Gives the current configuration. */
  readonly config: () => Config;
  /** Finds the objects that an event concerns. Must not reject. */
  readonly choose: (event: Event) => Promise<readonly Choice[]>;
  /** What a storm asks about triggers. */
  readonly storms: Pick<StormGuardOptions, 'objectCount' | 'redecide' | 'trigger'>;
  /** Puts requests into the work queue. Must not reject. */
  readonly enqueue: (choices: readonly Choice[], event: Event) => Promise<void>;
}

/** The way of events from the alerts to the work queue: the source, and the guard against storms behind it. */
class EventPath {
  readonly storm: StormGuard;
  readonly #options: EventPathOptions;
  readonly #source: LanedSource;
  /** Takes over the causes; the caller must not change them afterwards. */
  readonly put: (causes: Causes) => void;

  constructor(options: EventPathOptions) {
    const { config } = options;
    this.#options = options;
    this.storm = new StormGuard({
      ...options,
      ...options.storms,
      config: () => config().storm,
      order: () => new AlertOrder(config().triggers.severities),
    });
    this.#source = createEventSource({
      ...options,
      config: () => config().source,
      newEventId: () => newId(4),
      enqueue: (choices, event) => this.#enqueue(choices, event),
    });
    this.put = this.#source.put;
  }

  /** Enqueues what was chosen otherwise than by an event of the source. */
  enqueue(choices: readonly Choice[], event: Event): Promise<void> {
    const { config, logger } = this.#options;
    logEnqueued(logger, config().source.select, choices, event);
    return this.#enqueue(choices, event);
  }

  /** What the default trigger chose alone is no concern of the guard. */
  #enqueue(choices: readonly Choice[], event: Event): Promise<void> {
    const isPlain = choices.length > 0 && choices.every(isByDefault);
    return isPlain ? this.#options.enqueue(choices, event) : this.storm.enqueue(choices, event);
  }

  /** Returns what is true once everything that has been put so far has become requests, and no storm holds any back. */
  barrier(): () => boolean {
    const isOver = this.#source.barrier();
    return () => isOver() && this.storm.state === undefined;
  }

  /** Call it when the configuration has changed. */
  reconfigure(): void {
    this.#source.reconfigure();
  }

  start(): void {
    this.#source.start();
  }

  /** Resolves when every event has become requests, or was given up in a storm. */
  async stop(): Promise<void> {
    this.storm.stop();
    await this.#source.stop();
  }
}
