import {
  requestKey,
  type Annotator,
  type ConditionChange,
  type Pipeline,
  type PipelineChange,
  type Pipelines,
  type TransitionRecorder,
  type Request,
} from '../reconcile/ports.ts';
import type { LogFields, Logger } from '../runtime/logger.ts';
import { kymaKindOf } from '../reconcile/kyma-kinds.ts';
import type { KubernetesReviews } from './access/kubernetes-reviews.ts';
import type { ApiClient } from './api/api-client.ts';
import type { EventRecorder } from './write/event-recorder.ts';
import { apiObjectsBytes, ObjectMemory } from './kept-object.ts';
import { resourceName, type WatchedResource } from './api-object.ts';
import { asWritten, needsReconcile, pipelineReader, type CachedPipeline } from './pipeline-object.ts';
import { ReflectorReport, type ReflectorMetrics } from './watch/reflector-report.ts';
import { Reflector } from './watch/reflector.ts';
import type { CacheChange } from './watch/watch-cache.ts';
import type { KubernetesTargets } from './targets/kubernetes-targets.ts';
import type { TriggerResources } from './trigger-resources/trigger-resources.ts';
import type { ObjectWriter } from './write/object-writer.ts';
import { OwnWrites } from './write/own-writes.ts';
import { LimitedLines } from '../runtime/limited-lines.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** The most info lines per second about a cluster's pipelines that came, went or changed; further lines are at debug, and counted. */
export const pipelineLinesPerSecond = 50;

export interface KubernetesPipelinesOptions extends Runtime {
  readonly client: Pick<ApiClient, 'call' | 'open' | 'close'>;
  readonly resources: readonly WatchedResource[];
  readonly metrics: ReflectorMetrics;
  /** Judges tokens and rights, over connections of its own. */
  readonly reviews?: KubernetesReviews;
  readonly writer: ObjectWriter;
  /** For the watched objects of the app. Default: one of its own. */
  readonly memory?: ObjectMemory;
  /** The objects that triggers may choose. */
  readonly targets?: KubernetesTargets;
  /** The triggers that live in the cluster. */
  readonly triggers?: TriggerResources | undefined;
  /** Records transitions as Kubernetes Events. */
  readonly transitions?: EventRecorder;
  /** Called for each change once everything is synced, when memory already shows the change; must not throw. */
  readonly onChange?: (change: PipelineChange) => void;
  /** Rejects, with a line for the user, if the kubeconfig is wrong. */
  readonly checkAccess?: () => Promise<unknown>;
  /** For tests: see {@link Reflector}. */
  readonly pageLimit?: number;
  readonly idleMs?: number;
}

/** The time for writing the remaining Events when the process ends. */
const lastEventsMs = 2000;

/** Pipelines that live in a cluster. Every question is answered from memory, which follows the API server. */
export class KubernetesPipelines implements Pipelines, Annotator {
  /** The kinds that are known before the API server is asked. */
  readonly kinds: readonly string[];
  readonly maxObjectBytes: number;
  readonly reflectors: ReflectorMetrics;
  readonly transitions: TransitionRecorder | undefined;
  readonly reviews: KubernetesReviews | undefined;
  readonly targets: KubernetesTargets | undefined;
  readonly triggers: TriggerResources | undefined;
  /** This class sets annotations itself. */
  readonly annotator = this;
  readonly #options: KubernetesPipelinesOptions;
  readonly #reflectors: readonly Reflector<CachedPipeline>[];
  readonly #watched: WatchedPipelines;
  readonly #ownWrites = new OwnWrites<CachedPipeline>();
  readonly #lines: PipelineLines;
  #isSynced = false;

  constructor(options: KubernetesPipelinesOptions) {
    this.#options = options;
    this.kinds = [...new Set(options.resources.flatMap((resource) => kymaKindOf(resource) ?? []))];
    this.reflectors = options.metrics;
    this.reviews = options.reviews;
    this.targets = options.targets;
    this.triggers = options.triggers;
    this.maxObjectBytes = apiObjectsBytes + (options.triggers?.maxObjectBytes ?? 0);
    this.transitions = recorderOf(options);
    this.#lines = new PipelineLines(options);
    for (const resource of options.resources) options.metrics.add(resourceName(resource));
    const { memory = new ObjectMemory() } = options;
    this.#reflectors = options.resources.map((watched) => {
      const report = new ReflectorReport({ ...options, watched });
      const reading = { watched, reader: pipelineReader, memory: memory.share() };
      return new Reflector({ ...options, ...reading, report, onChange: (change) => this.#store(change) });
    });
    this.#watched = new WatchedPipelines(this.#reflectors);
  }

  /** Begins to list and to watch, and goes on until {@link close}. Rejects if the API server's address cannot be determined. */
  async open(): Promise<void> {
    await this.#options.checkAccess?.();
    for (const reflector of this.#reflectors) reflector.start();
    this.triggers?.open();
  }

  /** Resolves when every installed resource has been listed once, and so not before the API server can be reached. */
  async synced(): Promise<void> {
    await Promise.all([...this.#reflectors.map((reflector) => reflector.synced), this.triggers?.synced()]);
    this.#isSynced = true;
  }

  /** The trouble of the first resource that has any; the log reports all of them. */
  trouble(): string | undefined {
    return this.#reflectors.map((reflector) => reflector.trouble).find((trouble) => trouble !== undefined);
  }

  /**
   * Stops watching and cuts the connections; settles when nothing is running any more.
   * @param timeoutMs the time limit; only Events are waited for, and dropped when the time is over
   */
  async close(timeoutMs: number = lastEventsMs): Promise<void> {
    await this.triggers?.close();
    await this.#options.transitions?.close(Math.min(timeoutMs, lastEventsMs));
    await Promise.all([...this.#reflectors.map((reflector) => reflector.close()), this.targets?.close()]);
    await Promise.all([this.#options.client.close(), this.reviews?.close()]);
  }

  /** By kind, then by namespace and name. */
  list(): readonly Request[] {
    return this.#watched.list();
  }

  get(request: Request): Pipeline | undefined {
    const found = this.#find(request);
    return found && this.#options.writer.doubted(found).pipeline;
  }

  async updateConditions(request: Request, change: ConditionChange, signal: AbortSignal): Promise<boolean> {
    const cached = this.#find(request);
    if (cached === undefined) return (await this.targets?.updateConditions(request, change, signal)) ?? false;
    const written = await this.#observe(request, 'status', () =>
      this.#options.writer.updateConditions(cached, change, signal),
    );
    if (written !== undefined) this.#ownWrites.add(requestKey(request), asWritten(cached, written));
    return written !== undefined;
  }

  async annotate(
    request: Request,
    annotations: Readonly<Record<string, string>>,
    signal: AbortSignal,
    on: 'object' | 'podTemplate' = 'object',
  ): Promise<boolean> {
    const cached = this.#find(request);
    if (cached === undefined) return (await this.targets?.annotate(request, annotations, signal, on)) ?? false;
    return this.#observe(request, 'object', () => this.#options.writer.annotate(cached, annotations, signal, on));
  }

  /** A trigger may name a pipeline as well: its status tells of a missing right. */
  #observe<T>(request: Request, part: 'status' | 'object', write: () => Promise<T>): Promise<T> {
    return this.targets === undefined ? write() : this.targets.observe(request, part, write);
  }

  #find(request: Request): CachedPipeline | undefined {
    const key = requestKey(request);
    return this.#ownWrites.latest(key, this.#watched.get(key));
  }

  #store(change: CacheChange<CachedPipeline>): void {
    if (change.kind === 'changed' && !needsReconcile(change.before, change.after)) return;
    this.#watched.forgetList();
    const kind = change.kind === 'deleted' ? 'removed' : change.kind;
    const { request } = change.kind === 'deleted' ? change.before : change.after;
    if (!this.#isSynced || this.#watched.isElsewhere(change.kind, request)) return;
    this.#lines.write({ kind, request });
    this.#options.onChange?.({ kind, request });
  }
}

/** An Event of a target that is not watched needs the UID that only the write has seen: `kubectl describe` looks for it. */
function recorderOf({ targets, transitions }: KubernetesPipelinesOptions): TransitionRecorder | undefined {
  if (targets === undefined || transitions === undefined) return transitions;
  return {
    record: (pipeline, transition, decision) => transitions.record(targets.identified(pipeline), transition, decision),
  };
}

export interface PipelineLinesOptions extends Pick<Runtime, 'clock' | 'logger'> {}

const messages: Readonly<Record<PipelineChange['kind'], string>> = {
  added: 'a pipeline was added',
  changed: 'the spec of a pipeline changed, or its condition ConfigurationGenerated',
  removed: 'a pipeline was removed',
};

/** Logs pipelines that came, went or changed. Lines at info are limited, so that a list after a long pause does not fill the log. */
export class PipelineLines {
  readonly #logger: Logger;
  readonly #limiter: LimitedLines;

  constructor({ clock, logger }: PipelineLinesOptions) {
    this.#logger = logger;
    const onOverflow = (fields: LogFields): void =>
      logger.info(
        'pipeline.lines_limited',
        'more pipelines came, went or changed than are written out at info',
        fields,
      );
    this.#limiter = new LimitedLines({ clock, logger, perSecond: () => pipelineLinesPerSecond, onOverflow });
  }

  write({ kind, request }: PipelineChange): void {
    const level = this.#limiter.allows() ? 'info' : 'debug';
    this.#logger[level](`pipeline.${kind}`, messages[kind], { ...request });
  }
}

/** The objects of all reflectors together: two entries of the configuration may watch the same object. */
export class WatchedPipelines {
  readonly #reflectors: readonly Pick<Reflector<CachedPipeline>, 'objects'>[];
  #requests: readonly Request[] | undefined;

  constructor(reflectors: readonly Pick<Reflector<CachedPipeline>, 'objects'>[]) {
    this.#reflectors = reflectors;
  }

  get(key: string): CachedPipeline | undefined {
    for (const { objects } of this.#reflectors) {
      const found = objects.get(key);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** By kind, then by namespace and name; cached until {@link forgetList}. */
  list(): readonly Request[] {
    this.#requests ??= this.#collect();
    return this.#requests;
  }

  /** To be called when an object was added or removed. */
  forgetList(): void {
    this.#requests = undefined;
  }

  /** True if another entry of the configuration shows the same object: then its addition or removal is not one. */
  isElsewhere(kind: CacheChange<CachedPipeline>['kind'], request: Request): boolean {
    const key = requestKey(request);
    const shown = this.#reflectors.filter(({ objects }) => objects.get(key) !== undefined).length;
    return kind === 'added' ? shown > 1 : kind === 'deleted' && shown > 0;
  }

  #collect(): readonly Request[] {
    const found = new Map<string, Request>();
    for (const { objects } of this.#reflectors) {
      for (const { request } of objects.values()) found.set(requestKey(request), request);
    }
    return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, request]) => request);
  }
}
