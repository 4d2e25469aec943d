import type { LabelSet } from '../alert/labels.ts';
import { livePlatformAlerts } from '../cause/platform-alerts.ts';
import type { ControllerTriggers } from '../controller/create-controller.ts';
import type { Choice, Request } from '../reconcile/ports.ts';
import { chooseByDefault } from '../source/request-mapper.ts';
import { liveOrder } from '../trigger/firing-condition.ts';
import { EventChoices } from '../trigger/event-choices.ts';
import { createMatching, type TriggerMatching } from '../trigger/event-matches.ts';
import { FiringTargets } from '../trigger/firing-targets.ts';
import { InhibitedAlerts } from '../trigger/inhibited-alerts.ts';
import type {
  ObjectChange,
  TargetObjects,
  TriggerObserver,
  TriggerSink,
  TriggerState,
  TriggerStates,
} from '../trigger/ports.ts';
import type { ChosenEvent } from '../trigger/matched-alerts.ts';
import { mergeChoices } from '../trigger/found-objects.ts';
import { TriggerChooser } from '../trigger/trigger-chooser.ts';
import { TriggerIndex } from '../trigger/trigger-index.ts';
import { TriggerTargets } from '../trigger/trigger-targets.ts';
import { TriggerWakes } from '../trigger/trigger-wakes.ts';
import { TriggersInForce } from '../trigger/triggers-in-force.ts';
import type { Trigger } from '../trigger/trigger.ts';
import { undecidedText } from '../trigger/alert-matchers.ts';
import { newId } from '../runtime/new-id.ts';
import { TriggerNotes } from '../trigger/trigger-notes.ts';
import { DeclaredTriggers, problemsOf } from './declared-triggers.ts';
import { noObjects, quietObserver } from './home.ts';
import type { TriggersOptions } from './app-options.ts';
import { Pacing } from '../trigger/guard/run-guard.ts';
import type { StormGuardOptions } from '../trigger/guard/storm-guard.ts';

/** The triggers that are in force, from the file and from the cluster, and all that goes by them. */
export class Triggers implements TriggerSink, TriggerStates {
  readonly #options: TriggersOptions;
  readonly #objects: TargetObjects;
  readonly #guard: Pacing;
  readonly #observer: TriggerObserver;
  readonly #declared: DeclaredTriggers;
  readonly #index: TriggerIndex;
  readonly #targets: TriggerTargets;
  readonly #firing: FiringTargets;
  readonly #inForce: TriggersInForce;
  readonly #inhibited: InhibitedAlerts;
  readonly #chooser: TriggerChooser;
  readonly #events: EventChoices;
  readonly #wakes: TriggerWakes;
  readonly #notes: TriggerNotes;
  /** A target of a trigger led to nothing. */
  readonly #onProblem = (trigger: Trigger, problem: string): void =>
    this.#notes.add(trigger, 'trigger.target_unresolved', problem);
  /** Called when {@link standing} may have changed. */
  onChange: () => void = () => undefined;
  #isReady = false;
  #wasDefault = true;

  constructor(options: TriggersOptions) {
    const { config } = options;
    this.#options = options;
    this.#declared = new DeclaredTriggers(options.registry);
    this.#objects = options.home.targets ?? noObjects;
    this.#observer = options.home.triggers?.observer ?? quietObserver;
    const onChange = (key: string): void => this.#observer.changed(key);
    this.#notes = new TriggerNotes({ ...options, onChange });
    this.#index = new TriggerIndex(config().triggers.namespace_label, (trigger, matcher) => {
      this.#declared.undecided();
      this.#notes.add(trigger, 'trigger.undecided', undecidedText(matcher));
    });
    this.#guard = this.#createGuard();
    this.#targets = new TriggerTargets({ objects: this.#objects, allowed: () => config().triggers.allowed_targets });
    const [triggers, objects, targets, onProblem] = [this.#index, this.#objects, this.#targets, this.#onProblem];
    const order = liveOrder(() => config().triggers.severities);
    const matching = createMatching({ ...options, triggers });
    const { firing: matches, results, turns } = matching;
    this.#firing = new FiringTargets({ ...options, triggers, targets, matches, turns, onProblem, order });
    const platform = livePlatformAlerts(config);
    const isPlatform = (labels: LabelSet): boolean => platform().hasLabels(labels);
    this.#inhibited = new InhibitedAlerts({ ...options, triggers, isPlatform, results, onChange });
    const [inhibited, guard, notes, firing] = [this.#inhibited, this.#guard, this.#notes, this.#firing];
    const given = { ...options, triggers, targets, objects, order, firing, inhibited, guard, notes };
    const live = { isDefault: () => this.isDefault, onGone: (request: Request) => guard.gone(request) };
    const onWritten = (): void => this.onChange();
    this.#inForce = new TriggersInForce({ ...given, ...live, onWritten, store: guard.conditions });
    this.#chooser = this.#createChooser(matching);
    const [chooser, newEventId] = [this.#chooser, (): string => newId(4)];
    this.#events = new EventChoices({ ...options, ...matching, triggers, chooser, inhibited, newEventId });
    this.#wakes = this.#createWakes();
    objects.onChange((change) => this.#objectChanged(change));
    this.#readFile();
  }

  /** What the controller asks. */
  get controller(): ControllerTriggers {
    return { guard: this.#guard, observer: this.#observer, inForce: this.#inForce, objects: this.#objects };
  }

  /** Whether `source.select` and `controller.action` hold. */
  get isDefault(): boolean {
    return this.#declared.isDefault(this.#options.config().triggers.default);
  }

  /**
   * Whether no trigger but the default one has anything to do with any object, and the default one is in force; and whether the
   * annotations of firing alerts are needed, because a condition shows them.
   */
  get standing(): { readonly isDefaultOnly: boolean; readonly wantsAnnotations: boolean } {
    const isDefaultOnly = this.isDefault && this.#inForce.isEmpty;
    return { isDefaultOnly, wantsAnnotations: this.#targets.hasConditions };
  }

  /** The objects whose conditions triggers keep or have kept. */
  get objects(): readonly Request[] {
    return this.#inForce.objects;
  }

  /** What a storm asks: how many objects triggers name whatever fires, and what they choose now. */
  get storms(): Pick<StormGuardOptions, 'objectCount' | 'redecide' | 'trigger'> {
    return {
      objectCount: () => this.#targets.objectsOf(() => true).length,
      redecide: (...waited) => this.#chooser.stillChooses(...waited),
      trigger: (key) => this.#index.get(key),
    };
  }

  /** Reads what outlived the last process, and says which objects have to be known. */
  async open(): Promise<void> {
    await this.#guard.open();
    this.#inForce.load();
    this.#objects.require(this.#inForce.needs);
    this.#wakes.start();
  }

  /** Goes on from what the leader before this one has done. */
  takeOver(): void {
    const left = this.#options.replicas?.left(this.#options.tenant);
    if (left !== undefined) this.#guard.takeOver(left.text, left.aheadMs);
  }

  /** All objects are known, and are looked at by somebody else; from now on, changes are looked at. */
  ready(): void {
    this.#wakes.ready();
    this.#isReady = true;
    this.#guard.start();
  }

  /** The objects that an event concerns. Never rejects. */
  async choose(event: ChosenEvent): Promise<readonly Choice[]> {
    const { config, home } = this.#options;
    const byDefault = this.isDefault ? chooseByDefault(config().source.select, event.causes, home.list()) : undefined;
    // Without triggers, an event goes no other way than the default one.
    if (this.#index.size === 0) return byDefault === undefined ? [] : [byDefault];
    return mergeChoices(byDefault, await this.#events.choose(event));
  }

  /** Call it when the configuration has changed. */
  reconfigure(changed: readonly string[]): void {
    if (!changed.some((key) => key.startsWith('triggers'))) return;
    this.#index.fileBy(this.#options.config().triggers.namespace_label);
    this.#readFile();
    void this.#options.home.triggers?.reconfigure();
    this.#firing.forget();
    for (const { key } of this.#index.all) {
      this.#firing.forgetOwners(key);
      this.#wakes.changed(key);
    }
  }

  /** Also for those of the file. */
  setCluster(key: string, trigger: Trigger | undefined, seenAt?: number): void {
    const known = this.#index.get(key);
    const before = known?.action.do === 'condition' ? this.#targets.staticOf(known) : [];
    this.#declared.replaced(known, trigger);
    this.#notes.forget(key);
    if (trigger === undefined) {
      this.#index.delete(key);
      this.#targets.delete(key);
      this.#firing.forgetOwners(key);
    } else {
      this.#index.set(trigger);
      this.#targets.set(trigger);
    }
    this.onChange();
    this.#firing.forget();
    if (known === undefined && trigger !== undefined && this.#isReady) this.#wakes.added(key);
    this.#wakes.changed(key, before, seenAt);
    if (trigger !== undefined) this.#tellUnavailable(trigger);
  }

  stateOf(key: string): TriggerState {
    const trigger = this.#index.get(key);
    return {
      ...this.#targets.stateOf(trigger),
      notes: this.#notes.of(key),
      inhibitedBy: this.#inhibited.sourceOf(key),
      throttled: trigger && this.#guard.throttledBy(trigger),
    };
  }

  /** Ends what wakes anybody. The last writes of runs may come after it. */
  async close(): Promise<void> {
    await Promise.all([this.#wakes.close(), this.#events.close()]);
  }

  /** Call it when the last run has ended. */
  closeGuard(): Promise<void> {
    return this.#guard.close();
  }

  #readFile(): void {
    const { config, ownNamespace } = this.#options;
    this.#declared.readFile(config().triggers, ownNamespace).forEach((trigger, key) => this.setCluster(key, trigger));
    this.onChange();
  }

  #tellUnavailable(trigger: Trigger): void {
    const canAnnotate = this.#options.home.annotator !== undefined;
    for (const problem of problemsOf(trigger, this.stateOf(trigger.key), canAnnotate))
      this.#notes.add(trigger, 'trigger.unavailable', problem);
  }

  #changed(): void {
    const { home, logger, look } = this.#options;
    this.#objects.require(this.#inForce.needs);
    const { file, ClusterAlertTrigger: cluster, AlertTrigger: namespaced } = this.#declared.counts;
    const message = 'the triggers that are in force have changed';
    logger.info('triggers.changed', message, { file, cluster, namespaced, default: this.isDefault });
    this.#guard.triggersChanged();
    if (this.#isReady && this.isDefault !== this.#wasDefault) look(home.list(), 'trigger');
    this.#wasDefault = this.isDefault;
  }

  #objectChanged({ kind, request }: ObjectChange): void {
    if (kind === 'state') {
      this.#targets.refresh();
      this.#firing.forget();
      for (const trigger of this.#index.all) {
        this.#tellUnavailable(trigger);
        this.#observer.changed(trigger.key);
      }
      this.#wakes.kindsChanged();
      return;
    }
    if (request === undefined || !this.#isReady) return;
    if (this.#inForce.concerns(request, kind === 'added')) this.#wakes.objectChanged(request);
  }

  #createGuard(): Pacing {
    const { config, storagePath, wake } = this.#options;
    return new Pacing({
      ...this.#options,
      folder: storagePath,
      shared: this.#options.replicas?.shared(this.#options.tenant),
      perSecond: () => config().log.alert_lines_per_second,
      triggers: () => this.#index,
      observer: this.#observer,
      release: ({ trigger, request, causes }) => {
        const choice = { requests: [request], causes, chosenBy: new Map([[trigger, causes]]) };
        void wake([choice], { id: newId(4), causes });
      },
      redecide: (trigger, request, causes) => this.#chooser.stillChooses(trigger, request, causes),
    });
  }

  #createChooser(matching: TriggerMatching): TriggerChooser {
    return new TriggerChooser({
      ...this.#options,
      ...matching,
      triggers: this.#index,
      targets: this.#targets,
      inhibited: this.#inhibited,
      observer: this.#observer,
      onProblem: this.#onProblem,
      objects: () => this.objects,
    });
  }

  #createWakes(): TriggerWakes {
    return new TriggerWakes({
      ...this.#options,
      triggers: this.#index,
      targets: this.#targets,
      inForce: this.#inForce,
      chooser: this.#chooser,
      newEventId: () => newId(4),
      look: (requests, why) => void (this.#isReady && this.#options.look(requests, why)),
      onChanged: () => this.#changed(),
      onInForce: (ms) => this.#declared.inForce(ms),
    });
  }
}
