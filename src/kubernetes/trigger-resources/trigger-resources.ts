import type { Config } from '../../config/config.ts';
import { triggerRules } from '../../config/triggers-section.ts';
import type { Leadership } from '../../replica/leadership.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { inSlices, Slices } from '../../runtime/slices.ts';
import type { TriggerObserver, TriggerSink, TriggerStates } from '../../trigger/ports.ts';
import { selects } from '../../trigger/label-selector.ts';
import { readTrigger, type TriggerRules } from '../../trigger/read-trigger.ts';
import type { ApiClient } from '../api/api-client.ts';
import { resourceName, type WatchedResource } from '../api-object.ts';
import { ObjectMemory, type ObjectReader } from '../kept-object.ts';
import { Reflector } from '../watch/reflector.ts';
import { ReflectorReport, type ReflectorMetrics } from '../watch/reflector-report.ts';
import type { PhaseOutcome } from '../watch/reflector-steps.ts';
import type { CacheChange } from '../watch/watch-cache.ts';
import type { EventRecorder } from '../write/event-recorder.ts';
import {
  alertTriggers,
  clusterAlertTriggers,
  namespaceReader,
  namespaces,
  triggerApiVersion,
  triggerReader,
  type NamespaceObject,
  type TriggerObject,
} from './trigger-object.ts';
import { TriggerReport } from './trigger-report.ts';
import type { Trigger } from '../../trigger/trigger.ts';
import { TriggerSet, type Compiled, type TriggerSources, type Verdict } from './trigger-set.ts';
import { TriggerStatuses } from './trigger-statuses.ts';

/** What the configuration says of triggers in the cluster. */
export interface TriggerSettings extends TriggerSources {
  readonly rules: TriggerRules;
}

/** @param receiverNamespace where Tocsin runs */
export function triggerSettings(triggers: Config['triggers'], receiverNamespace: string | undefined): TriggerSettings {
  return {
    from: triggers.from_namespaces,
    selects: (labels) => selects(triggers.namespace_selector, labels),
    excluded: triggers.exclude_namespaces,
    optOutLabel: triggers.opt_out_label,
    maxPerNamespace: triggers.limits.max_per_namespace,
    rules: triggerRules(triggers, receiverNamespace),
  };
}

export interface TriggerResourcesOptions extends Runtime {
  readonly client: Pick<ApiClient, 'call' | 'open'>;
  readonly metrics: ReflectorMetrics;
  readonly events: Pick<EventRecorder, 'warn'>;
  /** Gives the current settings. */
  readonly settings: () => TriggerSettings;
  readonly sink: TriggerSink;
  readonly states: TriggerStates;
  /** The leader writes statuses, nobody else. Default: this process always leads. */
  readonly leadership?: Leadership | undefined;
}

/** The memory limit for all triggers and namespaces, an estimate in bytes: about 5,000 triggers of 8 KiB. Pipelines have theirs. */
export const triggerObjectsBytes = 48 * 1024 * 1024;

const leftOutMessages = {
  object_too_large:
    'a trigger is left out, as if it were not there: it takes more memory than one may; make it shorter',
  memory_full:
    'a trigger or a namespace is left out, as if it were not there: all of them together take more memory than they may; take triggers from fewer namespaces (triggers.from_namespaces)',
};

const namespaceTrouble =
  "Tocsin may not read namespaces, so it takes triggers from none; grant { apiGroups: [''], resources: [namespaces], verbs: [get, list, watch] }";

/**
 * The triggers of the cluster: AlertTriggers, ClusterAlertTriggers and the namespaces that they are taken from. ClusterAlertTriggers are
 * looked for always, and that they are not installed or may not be read is no trouble; the others only if the configuration takes
 * triggers from namespaces, so that nobody else has to grant the right.
 */
export class TriggerResources {
  readonly #options: TriggerResourcesOptions;
  readonly #set: TriggerSet;
  readonly #statuses: TriggerStatuses;
  readonly #report: TriggerReport;
  readonly #memory = new ObjectMemory(triggerObjectsBytes);
  readonly #reflectors: Reflector<TriggerObject | NamespaceObject>[] = [];
  readonly #settled: Promise<void>[] = [];
  #settings: TriggerSettings;
  /** When each change that is not judged yet was seen. */
  readonly #seenAt = new Map<string, number>();
  #isWatchingNamespaces = false;

  constructor(options: TriggerResourcesOptions) {
    this.#options = options;
    this.#settings = options.settings();
    this.#set = new TriggerSet({
      sources: () => this.#settings,
      compile: (object) => this.#compile(object),
      onVerdict: (object, verdict) => this.#judged(object, verdict),
      onRemoved: (object) => this.#removed(object),
    });
    const counts = (): ReturnType<TriggerSet['counts']> => this.#set.counts();
    this.#report = new TriggerReport({
      ...options,
      counts,
      statusesWaiting: () => this.#statuses.waiting,
      unresolved: () => this.#statuses.unresolved(),
    });
    this.#statuses = new TriggerStatuses({ ...options, report: this.#report });
  }

  /** The most that is kept of all of them, an estimate in bytes; without those of namespaces it is little. */
  get maxObjectBytes(): number {
    return this.#settings.from === 'none' ? 0 : triggerObjectsBytes;
  }

  /** Hears what becomes of the triggers, for their status. */
  get observer(): TriggerObserver {
    return this.#statuses;
  }

  /** The triggers of namespaces that have opted out: they are not in force. */
  optedOut(): Iterable<Trigger> {
    return this.#set.optedOut();
  }

  open(): void {
    this.#watch(clusterAlertTriggers, triggerReader, (change) => this.#triggerChanged(change), { isOptional: true });
    this.#watchNamespaces();
  }

  /**
   * Resolves when it is known which triggers there are, or that they may not be read: alerts that come before would be taken for those
   * of nobody. Never rejects.
   */
  async synced(): Promise<void> {
    await Promise.all(this.#settled);
  }

  /** Applies the current settings. */
  async reconfigure(): Promise<void> {
    const before = this.#settings;
    this.#settings = this.#options.settings();
    this.#watchNamespaces();
    const isReadAnew = JSON.stringify(before.rules) !== JSON.stringify(this.#settings.rules);
    const slices = new Slices(this.#options.schedule, 'answers of the API server');
    await inSlices(this.#set.reconfigure(isReadAnew), slices);
  }

  async close(): Promise<void> {
    await this.#statuses.close();
    await Promise.all(this.#reflectors.map((reflector) => reflector.close()));
  }

  /** Once watched, they stay so until the end: triggers that are no longer taken are told so in their status. */
  #watchNamespaces(): void {
    if (this.#settings.from === 'none' || this.#isWatchingNamespaces) return;
    this.#isWatchingNamespaces = true;
    this.#watch(namespaces, namespaceReader, (change) => this.#namespaceChanged(change), {
      onOutcome: (outcome) => this.#namespacesTold(outcome),
    });
    this.#watch(alertTriggers, triggerReader, (change) => this.#triggerChanged(change), {});
  }

  #watch<T extends TriggerObject | NamespaceObject>(
    watched: WatchedResource,
    reader: ObjectReader<T>,
    onChange: (change: CacheChange<T>) => void,
    { isOptional = false, onOutcome }: { isOptional?: boolean; onOutcome?: (outcome: PhaseOutcome) => void },
  ): void {
    const { metrics } = this.#options;
    metrics.add(resourceName(watched));
    const settled = Promise.withResolvers<void>();
    const report = new ReflectorReport({ ...this.#options, watched, isOptional, leftOutMessages });
    const told = (outcome: PhaseOutcome): void => {
      onOutcome?.(outcome);
      if (isSettled(outcome)) settled.resolve();
    };
    const reading = { watched, reader, report, memory: this.#memory.share() };
    const reflector = new Reflector<T>({ ...this.#options, ...reading, onChange, onOutcome: told });
    this.#settled.push(settled.promise);
    this.#reflectors.push(reflector as unknown as Reflector<TriggerObject | NamespaceObject>);
    reflector.start();
  }

  #triggerChanged(change: CacheChange<TriggerObject>): void {
    if (change.kind === 'deleted') return this.#set.removeTrigger(change.before);
    const { key, generation } = change.after;
    // A change of the status leaves the generation. One whose namespace is not known yet has been seen before.
    if ((change.kind === 'added' || change.before.generation !== generation) && !this.#seenAt.has(key))
      this.#seenAt.set(key, this.#options.clock.now());
    this.#statuses.seen(change.after);
    this.#set.setTrigger(change.after);
  }

  #namespaceChanged(change: CacheChange<NamespaceObject>): void {
    if (change.kind === 'deleted') return this.#set.removeNamespace(change.before.name);
    this.#set.setNamespace(change.after.name, change.after.labels);
  }

  #namespacesTold(outcome: PhaseOutcome): void {
    if (outcome.kind === 'listed') this.#set.namespaceTrouble = undefined;
    if (outcome.kind === 'failed' && outcome.error.status === 403) this.#set.namespaceTrouble = namespaceTrouble;
  }

  #compile({ origin, namespace, name, generation, spec }: TriggerObject): Compiled {
    this.#report.compiled();
    const identity = { origin, ...(namespace !== undefined && { namespace }), name, generation };
    return readTrigger(identity, spec, this.#settings.rules);
  }

  #judged(object: TriggerObject, verdict: Verdict | undefined): void {
    const inForce = verdict?.accepted === true ? verdict.trigger : undefined;
    this.#options.sink.setCluster(object.key, inForce, this.#seenAt.get(object.key));
    if (verdict !== undefined) this.#seenAt.delete(object.key);
    if (verdict !== undefined) this.#report.judged(object, verdict);
    if (verdict?.accepted === false) this.#warn(object, verdict);
    this.#statuses.judged(object, verdict);
  }

  /** An Event for what the owner has to mend, unless a Tocsin before has told it already. */
  #warn(object: TriggerObject, { reason, message }: Extract<Verdict, { accepted: false }>): void {
    if (reason !== 'InvalidTrigger' && reason !== 'TooManyTriggers') return;
    const { origin, generation, status } = object;
    const told = status.conditions.find(({ type }) => type === 'Accepted');
    if (told?.reason === reason && told.message === message && told.observedGeneration === generation) return;
    const note = `${reason === 'InvalidTrigger' ? 'it does nothing until it is mended: ' : ''}${message}`;
    this.#options.events.warn({ ...object, apiVersion: triggerApiVersion, kind: origin }, reason, note);
  }

  #removed(object: TriggerObject): void {
    this.#options.sink.setCluster(object.key, undefined);
    this.#seenAt.delete(object.key);
    this.#report.removed(object);
    this.#statuses.removed(object);
  }
}

/** Whether a reflector has found out for the first time what there is: a right that is missing may stay so for ever. */
function isSettled(outcome: PhaseOutcome): boolean {
  if (outcome.kind === 'failed') return outcome.error.status === 403;
  return outcome.kind === 'listed' || outcome.kind === 'not_installed';
}
