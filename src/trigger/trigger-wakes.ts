import type { Runtime } from '../runtime/runtime.ts';
import type { CauseStatus } from '../cause/cause.ts';
import { Causes } from '../cause/causes.ts';
import { requestKey, type AlertSource, type Choice, type Request } from '../reconcile/ports.ts';
import { Attempts } from './attempts.ts';
import type { ChosenEvent } from './matched-alerts.ts';
import type { TriggerChooser } from './trigger-chooser.ts';
import type { TriggersInForce } from './triggers-in-force.ts';
import type { TriggerIndex } from './trigger-index.ts';
import type { TriggerTargets } from './trigger-targets.ts';
import type { Trigger } from './trigger.ts';
import { heldNow } from './why-not.ts';

/** Changes that come together are looked at together: at a start, thousands come at once; milliseconds. */
const gatherMs = 50;

/** The end of a suspension is a time of the clock: one that is set is noticed within this time, milliseconds. */
const clockLookMs = 10_000;

interface TriggerWakesOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly triggers: TriggerIndex;
  readonly targets: TriggerTargets;
  readonly inForce: TriggersInForce;
  readonly chooser: TriggerChooser;
  readonly alerts: Pick<AlertSource, 'snapshot'>;
  readonly newEventId: () => string;
  /** Enqueues objects that were chosen, and logs it. */
  readonly wake: (choices: readonly Choice[], event: ChosenEvent) => Promise<void>;
  /** Enqueues objects for a look without an alert. */
  readonly look: (requests: readonly Request[], why: 'trigger' | 'pipeline') => void;
  /** Called when triggers have changed, once for all that came together. */
  readonly onChanged: () => void;
  /** Called for each change that is in force, with the time since it was seen, milliseconds. */
  readonly onInForce: (ms: number) => void;
}

/**
 * Wakes reconciles for what no alert tells: a trigger that was added, changed or deleted, a suspension or an inhibition that ended,
 * and what of an event had to wait for an answer.
 */
export class TriggerWakes {
  readonly #options: TriggerWakesOptions;
  /** When each change that is gathered was seen. */
  readonly #seenAt = new Map<string, number>();
  readonly #attempts: Attempts;
  readonly #changed = new Map<string, Set<string>>();
  readonly #changedObjects = new Map<string, Request>();
  readonly #added = new Set<string>();
  /** The keys of the triggers that were suspended at the last look. */
  #suspended: ReadonlySet<string> = new Set();
  #isStarted = false;
  /** True if a trigger has changed, and not only what is known of objects. */
  #haveTriggersChanged = false;

  constructor(options: TriggerWakesOptions) {
    this.#options = options;
    this.#attempts = new Attempts(options);
  }

  /** Until then, changes are only gathered. */
  start(): void {
    this.#isStarted = true;
    if (this.#changed.size > 0) this.#setChangesTimer();
  }

  /** All objects that triggers name are looked at now: what was gathered needs no look of its own. */
  ready(): void {
    const { inForce, onChanged, targets, triggers } = this.#options;
    this.#attempts.cancel('changes');
    this.#changed.clear();
    this.#changedObjects.clear();
    this.#seenAt.clear();
    // What a start finds has fired before it.
    this.#added.clear();
    if (this.#haveTriggersChanged) onChanged();
    this.#haveTriggersChanged = false;
    this.#chooseAwaited();
    this.watchSuspensions();
    if (inForce.isEmpty) return;
    for (const trigger of triggers.all)
      if (trigger.action.do === 'condition' && targets.dynamicOf(trigger).length > 0) void this.#lookAtFiring(trigger);
  }

  /** There was no trigger of this key: what fires already wakes its objects once, as if it came now. */
  added(key: string): void {
    this.#added.add(key);
  }

  /**
   * A trigger was added, changed or deleted.
   * @param before the objects that it named until now
   * @param seenAt when that was told, milliseconds since the epoch
   */
  changed(key: string, before: readonly Request[] = [], seenAt = this.#options.clock.now()): void {
    if (!this.#seenAt.has(key)) this.#seenAt.set(key, seenAt);
    const objects = this.#changed.get(key) ?? new Set<string>();
    this.#changed.set(key, objects);
    for (const request of before) objects.add(JSON.stringify(request));
    this.#haveTriggersChanged = true;
    this.#gather();
  }

  /** A kind became known, or is no longer: each trigger may name other objects. */
  kindsChanged(): void {
    for (const { key } of this.#options.triggers.all) if (!this.#changed.has(key)) this.#changed.set(key, new Set());
    this.#gather();
  }

  #gather(): void {
    if (this.#isStarted) this.#setChangesTimer();
  }

  #setChangesTimer(): void {
    if (!this.#attempts.has('changes')) this.#attempts.setTimer('changes', gatherMs, () => this.#lookAtChanged());
  }

  /** An object that triggers concern was added, changed or removed. */
  objectChanged(request: Request): void {
    this.#changedObjects.set(requestKey(request), request);
    this.#setChangesTimer();
  }

  /** Finds the suspensions that have ended, by their time or by hand, and sets the timer for the next one. */
  watchSuspensions(): void {
    const { clock, triggers } = this.#options;
    const now = clock.now();
    const suspended = new Map<string, number>();
    for (const { key, suspend } of triggers.all) {
      const until = suspend === undefined ? now : (suspend.until ?? Infinity);
      if (until > now) suspended.set(key, until);
    }
    const ended = [...this.#suspended].filter((key) => !suspended.has(key));
    this.#suspended = new Set(suspended.keys());
    if (ended.length > 0) void this.#resume(ended);
    const next = Math.min(...suspended.values(), Infinity);
    if (next === Infinity) return this.#attempts.cancel('suspensions');
    this.#attempts.setTimer('suspensions', Math.min(next - now, clockLookMs), () => this.watchSuspensions());
  }

  /** Ends the timers, and gives up the searches for owners. */
  async close(): Promise<void> {
    this.#attempts.close();
    await this.#options.chooser.close();
  }

  #lookAtChanged(): void {
    const { triggers, inForce, targets, look, onChanged } = this.#options;
    const changed = [...this.#changed];
    const changedObjects = [...this.#changedObjects.values()];
    this.#changed.clear();
    this.#changedObjects.clear();
    if (changedObjects.length > 0) look(changedObjects, 'pipeline');
    if (changed.length === 0) return;
    if (this.#haveTriggersChanged) onChanged();
    this.#haveTriggersChanged = false;
    this.#chooseAwaited();
    this.watchSuspensions();
    const objects = new Map<string, Request>();
    const add = (request: Request): void => void objects.set(requestKey(request), request);
    this.#wakeAdded();
    for (const [key, before] of changed) {
      for (const request of before) add(JSON.parse(request) as Request);
      for (const request of inForce.writtenBy(key)) add(request);
      const trigger = triggers.get(key);
      if (trigger?.action.do !== 'condition') continue;
      for (const request of targets.staticOf(trigger)) add(request);
      if (targets.dynamicOf(trigger).length > 0) void this.#lookAtFiring(trigger);
    }
    if (objects.size > 0) look([...objects.values()], 'trigger');
    const now = this.#options.clock.now();
    for (const seenAt of this.#seenAt.values()) this.#options.onInForce(Math.max(0, now - seenAt));
    this.#seenAt.clear();
  }

  /** The alerts that came before the objects of a target were known. */
  #chooseAwaited(): void {
    const { chooser, wake } = this.#options;
    for (const awaited of chooser.takeAwaited()) {
      const { event, trigger } = awaited;
      void this.#attempts.attempt(`named ${trigger.key}`, async () => {
        const choices = await chooser.chooseAwaited(awaited);
        if (choices.length > 0) await wake(choices, event);
      });
      // More came than are named: those that fire still are found again.
      if (event.causes.incomplete)
        void this.#attempts.attempt(`awaited ${trigger.key}`, () => this.#wakeFiring(trigger, event, 'firing'));
    }
  }

  /** The objects to which alerts lead that fire already. */
  async #lookAtFiring(trigger: Trigger): Promise<void> {
    const { clock, inForce, look } = this.#options;
    const { signal } = this.#attempts;
    await this.#attempts.attempt(`firing ${trigger.key}`, async () => {
      const { firing } = await this.#options.alerts.snapshot(clock.now(), [], signal);
      const requests = await inForce.at(firing).objectsOf(trigger, signal);
      if (requests.length > 0) look(requests, 'trigger');
    });
  }

  /** What fires when a suspension ends is an event. */
  async #resume(keys: readonly string[]): Promise<void> {
    const { clock, newEventId } = this.#options;
    for (const key of keys) {
      const trigger = this.#options.triggers.get(key);
      if (trigger === undefined || !this.#options.inForce.isActive(trigger)) continue;
      this.#options.logger.info('trigger.resumed', 'the suspension of a trigger has ended', { trigger: key });
      this.changed(key);
      const event = (): ChosenEvent => ({ id: newEventId(), causes: Causes.of('suspension', clock.now()) });
      await this.#attempts.attempt(`resume ${key}`, () => this.#wakeFiring(trigger, event(), 'suspension ended'));
    }
  }

  /** With `repeats: ignore`, an alert that fires already is no event any more. A condition goes by what fires anyway. */
  #wakeAdded(): void {
    const { clock, newEventId, triggers } = this.#options;
    const added = [...this.#added];
    this.#added.clear();
    for (const trigger of added.map((key) => triggers.get(key))) {
      if (trigger === undefined || trigger.action.do === 'condition') continue;
      if (heldNow(trigger, clock.now()) === 'suspended') continue;
      const event = { id: newEventId(), causes: Causes.of('trigger', clock.now()) };
      void this.#attempts.attempt(`added ${trigger.key}`, () => this.#wakeFiring(trigger, event, 'firing'));
    }
  }

  /** @param status why the alerts that fire are looked at */
  async #wakeFiring(trigger: Trigger, event: ChosenEvent, status: CauseStatus): Promise<void> {
    const { alerts, chooser, wake } = this.#options;
    const { signal } = this.#attempts;
    const { firing } = await alerts.snapshot(event.causes.lastSeen, [], signal);
    const choices = await chooser.chooseFiring(trigger, firing, { event, status, signal });
    if (choices.length > 0) await wake(choices, event);
  }
}
