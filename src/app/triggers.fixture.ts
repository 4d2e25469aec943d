import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { FiringAlerts } from '../alert/firing-alerts.ts';
import type { LabelSet } from '../alert/labels.ts';
import { labelKey } from '../alert/labels.ts';
import { Causes } from '../cause/causes.ts';
import type { CauseStatus } from '../cause/cause.ts';
import { Config } from '../config/config.ts';
import {
  requestKey,
  type AlertSnapshot,
  type AlertSource,
  type Condition,
  type Pipeline,
  type Request,
} from '../reconcile/ports.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { selects } from '../trigger/label-selector.ts';
import type { NeedState, ObjectChange, TargetObjects } from '../trigger/ports.ts';
import { ownParts, type StageOptions } from './app-options.ts';
import type { Home } from './home.ts';
import { Reconciling } from './reconciling.ts';

interface FakeObject {
  readonly request: Request;
  readonly apiVersion: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly conditions: readonly Condition[];
}

/** A cluster of Deployments and Clusters in memory: every kind is known and namespaced. */
export class FakeHome {
  readonly objects = new Map<string, FakeObject>();
  readonly annotations: { readonly name: string; readonly annotations: Readonly<Record<string, string>> }[] = [];
  writes = 0;
  /** Called before each write; a throw fails it. */
  beforeWrite: () => void = () => undefined;
  /** Called before each answer about the owner of a pod. */
  beforeOwner: (signal: AbortSignal) => Promise<unknown> = () => Promise.resolve();
  /** Namespace and pod, and the object that owns it. */
  readonly owners = new Map<string, Request>();
  /** Until it is called, no kind is known yet. */
  discover: (() => void) | undefined;
  #listener: (change: ObjectChange) => void = () => undefined;

  /** From now on no kind is known until {@link discover} is called, which is what a trigger meets that has just been applied. */
  hideKinds(): void {
    this.discover = () => {
      this.discover = undefined;
      this.#listener({ kind: 'state' });
    };
  }

  put(request: Request, labels: Readonly<Record<string, string>> = {}, apiVersion = 'apps/v1'): void {
    const key = requestKey(request);
    const known = this.objects.get(key);
    this.objects.set(key, { request, apiVersion, labels, conditions: known?.conditions ?? [] });
    this.#listener({ kind: known === undefined ? 'added' : 'changed', request });
  }

  remove(request: Request): void {
    if (this.objects.delete(requestKey(request))) this.#listener({ kind: 'removed', request });
  }

  conditionsOf(request: Request): readonly Condition[] {
    return this.objects.get(requestKey(request))?.conditions ?? [];
  }

  /** Another controller writes a condition, or takes it away. */
  setForeign(request: Request, type: string, entry?: Pick<Condition, 'status' | 'reason'>): void {
    const key = requestKey(request);
    const object = this.objects.get(key)!;
    const others = object.conditions.filter((condition) => condition.type !== type);
    const own = entry && { type, ...entry, message: '', lastTransitionTime: '2026-11-21T03:00:00Z' };
    this.objects.set(key, { ...object, conditions: own === undefined ? others : [...others, own] });
    this.#listener({ kind: 'changed', request });
  }

  get home(): Home {
    const nothing = (): Promise<void> => Promise.resolve();
    return {
      kinds: [],
      list: () => [],
      get: () => undefined,
      open: nothing,
      synced: nothing,
      close: nothing,
      targets: this.targets,
      updateConditions: async (request, change) => {
        this.beforeWrite();
        const object = this.objects.get(requestKey(request));
        const conditions = object && change(object.conditions);
        if (object === undefined || conditions === undefined) return false;
        this.writes++;
        this.objects.set(requestKey(request), { ...object, conditions });
        return true;
      },
      annotator: {
        annotate: async (request, annotations) => {
          this.beforeWrite();
          if (!this.objects.has(requestKey(request))) return false;
          this.annotations.push({ name: request.name, annotations });
          return true;
        },
      },
    };
  }

  get targets(): TargetObjects {
    const isHidden = (): boolean => this.discover !== undefined;
    return {
      require: () => undefined,
      stateOf: (): NeedState => ({ state: isHidden() ? 'pending' : 'known' }),
      onChange: (listener) => {
        this.#listener = listener;
      },
      requestOf: (_, kind, namespace, name) =>
        isHidden() ? undefined : { kind, ...(namespace !== undefined && { namespace }), name },
      select: (_, kind, namespace, selector) =>
        [...(isHidden() ? [] : this.objects.values())]
          .filter(({ request }) => request.kind === kind && (namespace ?? request.namespace) === request.namespace)
          .filter(({ labels }) => selects(selector, labels))
          .map((object) => ({ ...object, pipeline: pipelineOf(object) })),
      get: (request) => {
        const object = isHidden() ? undefined : this.objects.get(requestKey(request));
        return object && { ...object, pipeline: pipelineOf(object) };
      },
      ownerOf: async (namespace, pod, _, signal) => {
        await this.beforeOwner(signal);
        const owner = this.objects.get(
          requestKey(this.owners.get(`${namespace}/${pod}`) ?? { kind: 'No', name: 'no' }),
        );
        if (owner === undefined) return { owner: undefined, reason: 'nobody owns it' };
        return { owner: { ...owner, pipeline: pipelineOf(owner) }, fromMemory: false };
      },
    };
  }
}

function pipelineOf({ request, apiVersion, conditions }: FakeObject): Pipeline {
  return { ...request, apiVersion, generation: 1, spec: {}, conditions, uid: requestKey(request) };
}

export interface TriggersBench {
  readonly clock: FakeClock;
  readonly logger: RecordingLogger;
  readonly home: FakeHome;
  readonly reconciling: Reconciling;
  /** The alerts that fire. */
  readonly firing: Map<string, LabelSet>;
  /** Set while Prometheus cannot be asked. */
  failure: Error | undefined;
  /** The alerts that are still pushed as firing, for a minute; undefined: they keep nothing. */
  pushed: readonly LabelSet[] | undefined;
  /** An alert begins or ends, and is pushed. */
  alert(labels: LabelSet, status?: CauseStatus): void;
  /** Lets all that is under way end. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

/** Everything between events and writes, as the program connects it, with objects, alerts and a clock of the test. */
export async function triggersBench(
  t: Pick<TestContext, 'after'>,
  triggers: object = {},
  before?: { readonly home: FakeHome; readonly folder: string; readonly clock: FakeClock },
): Promise<TriggersBench & { readonly folder: string }> {
  const folder = before?.folder ?? mkdtempSync(join(tmpdir(), 'tocsin-triggers-'));
  const clock = before?.clock ?? new FakeClock();
  const home = before?.home ?? new FakeHome();
  const logger = new RecordingLogger();
  const config = Config.parse({
    triggers,
    controller: { resync: 0, max_concurrent_reconciles: 64 },
    storm: { objects: 1_000_000 },
  });
  const given = {
    config,
    clock,
    logger,
    storagePath: folder,
    version: '0',
    listenAddress: { host: '127.0.0.1', port: 0 },
    createHome: () => home.home,
  };
  const options: StageOptions = { ...given, ...ownParts(given), config: () => config };
  const firing = new Map<string, LabelSet>();
  const bench = { failure: undefined as Error | undefined, pushed: undefined as readonly LabelSet[] | undefined };
  const alerts: AlertSource = {
    pulls: true,
    get pushed() {
      if (bench.pushed === undefined) return undefined;
      const { pushed } = bench;
      const snapshot = async (takenAt: number): Promise<AlertSnapshot> => ({
        takenAt,
        firing: FiringAlerts.of(pushed),
      });
      return { graceMs: 60_000, snapshot };
    },
    snapshot: async () => {
      if (bench.failure !== undefined) throw bench.failure;
      return { takenAt: clock.now(), firing: FiringAlerts.of(firing.values()) };
    },
  };
  const verdicts = { reached: () => undefined, gone: () => undefined };
  const reconciling = new Reconciling({
    options,
    home: home.home,
    alerts,
    requiredRules: () => undefined,
    verdicts,
  });
  await reconciling.triggers.open();
  reconciling.source.start();
  reconciling.triggers.ready();
  let isStopped = false;
  const stop = async (): Promise<void> => {
    if (isStopped) return;
    isStopped = true;
    await reconciling.source.stop();
    await reconciling.triggers.close();
    await reconciling.controller.stop(1000);
    await reconciling.triggers.closeGuard();
  };
  t.after(async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  });
  return Object.assign(bench, {
    clock,
    logger,
    home,
    reconciling,
    firing,
    folder,
    alert: (labels: LabelSet, status: CauseStatus = 'firing') => {
      if (status === 'firing') firing.set(labelKey(labels), labels);
      else firing.delete(labelKey(labels));
      const causes = new Causes();
      causes.addAlert(labelKey(labels), { labels }, status, clock.now());
      causes.addRequestId(`request-${labels['alertname'] ?? ''}`);
      reconciling.source.put(causes);
    },
    settle: async () => {
      const isBusy = (): boolean => {
        const { running, waiting } = reconciling.controller.load;
        return running + waiting > 0;
      };
      // The debouncer's longest wait, and the gathering of changed triggers; a run may wait for the disk besides.
      for (let step = 0; step < 30; step++) {
        await clock.advanceAsync(100);
        for (let turn = 0; turn < 50_000 && isBusy(); turn++) await new Promise((resolve) => setImmediate(resolve));
      }
    },
    stop,
  });
}
