import type { CancelTimer } from '../runtime/clock.ts';
import { startDeadline } from '../runtime/deadline.ts';
import { LineOnceAWhile } from '../runtime/limited-lines.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { CauseStatus } from '../cause/cause.ts';
import { Causes } from '../cause/causes.ts';
import { requestKey, type AlertSource, type Choice, type Request } from '../reconcile/ports.ts';
import type { InhibitedAlerts } from './inhibited-alerts.ts';
import type { TriggerChooser } from './trigger-chooser.ts';
import type { TriggersInForce } from './triggers-in-force.ts';
import type { TriggerIndex } from './trigger-index.ts';
import type { TriggerTargets } from './trigger-targets.ts';
import type { Trigger } from './trigger.ts';

/** Changes that come together are looked at together: at a start, thousands come at once; milliseconds. */
const gatherMs = 50;

/** While alerts are inhibited, how often it is looked at whether that has ended without an event, milliseconds. */
const inhibitionLookMs = 15_000;

/** Prometheus could not be asked: the time until the next try, milliseconds. */
const retryMs = 5000;

/** The longest time to find out which alerts of an event are inhibited, milliseconds; then it begins anew. */
const answerDeadlineMs = 120_000;

/** A timer of Node goes no further, milliseconds. */
const longestTimerMs = 86_400_000;

/** An event, as it goes to the queue. */
export interface WakingEvent {
  readonly id: string;
  readonly causes: Causes;
}

interface TriggerWakesOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly triggers: TriggerIndex;
  readonly targets: TriggerTargets;
  readonly inForce: TriggersInForce;
  readonly chooser: TriggerChooser;
  readonly inhibited: InhibitedAlerts;
  readonly alerts: Pick<AlertSource, 'snapshot'>;
  readonly newEventId: () => string;
  /** Enqueues objects that were chosen, and logs it. */
  readonly wake: (choices: readonly Choice[], event: WakingEvent) => Promise<void>;
  /** Enqueues objects for a look without an alert. */
  readonly look: (requests: readonly Request[], why: 'trigger' | 'pipeline') => void;
  /** Called when triggers have changed, once for all that came together. */
  readonly onChanged: () => void;
}

/**
 * Wakes reconciles for what no alert tells: a trigger that was added, changed or deleted, a suspension or an inhibition that ended,
 * and what of an event had to wait for an answer.
 */
export class TriggerWakes {
  readonly #options: TriggerWakesOptions;
  readonly #closed = new AbortController();
  readonly #changed = new Map<string, Set<string>>();
  readonly #changedObjects = new Map<string, Request>();
  /** The event that waits for the one before it. */
  #waiting: WakingEvent | undefined;
  #last: Promise<void> = Promise.resolve();
  readonly #timers = new Map<string, CancelTimer>();
  readonly #failureLine: LineOnceAWhile;
  #isStarted = false;
  /** True if a trigger has changed, and not only what is known of objects. */
  #haveTriggersChanged = false;

  constructor(options: TriggerWakesOptions) {
    this.#options = options;
    this.#failureLine = new LineOnceAWhile(options.clock);
  }

  /** Until then, changes are only gathered. */
  start(): void {
    this.#isStarted = true;
    if (this.#changed.size > 0) this.#setTimer('changes', gatherMs, () => this.#lookAtChanged());
  }

  /** All objects that triggers name are looked at now: what was gathered needs no look of its own. */
  ready(): void {
    const { inForce, onChanged, targets, triggers } = this.#options;
    this.#cancel('changes');
    this.#changed.clear();
    this.#changedObjects.clear();
    if (this.#haveTriggersChanged) onChanged();
    this.#haveTriggersChanged = false;
    this.#chooseAwaited();
    this.watchSuspensions();
    if (inForce.isEmpty) return;
    for (const trigger of triggers.all)
      if (trigger.action.do === 'condition' && targets.dynamicOf(trigger).length > 0) void this.#lookAtFiring(trigger);
  }

  /** A trigger was added, changed or deleted. @param before the objects that it named until now */
  changed(key: string, before: readonly Request[] = []): void {
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
    if (this.#isStarted) this.#setTimer('changes', gatherMs, () => this.#lookAtChanged());
  }

  /** An object that triggers concern was added, changed or removed. */
  objectChanged(request: Request): void {
    this.#changedObjects.set(requestKey(request), request);
    this.#setTimer('changes', gatherMs, () => this.#lookAtChanged());
  }

  /** Does what of an event needs an answer from outside. Of events that wait, one is made. */
  later(event: WakingEvent): void {
    const { chooser } = this.#options;
    if (this.#waiting !== undefined) {
      const { id, causes } = this.#waiting;
      this.#waiting = { id, causes: Causes.union(causes, event.causes) };
      return;
    }
    if (!chooser.hasMore(event)) return;
    this.#waiting = event;
    this.#last = this.#last.then(() => this.#chooseLater());
  }

  /** Sets the timer for the next end of a suspension. */
  watchSuspensions(): void {
    const { clock, triggers } = this.#options;
    const now = clock.now();
    const ends = [...triggers.all].map(({ suspend }) => suspend?.until ?? Infinity).filter((until) => until > now);
    const next = Math.min(...ends, Infinity);
    if (next === Infinity) return this.#cancel('suspensions');
    const due = triggersSuspendedUntil(triggers.all, next);
    this.#setTimer('suspensions', Math.min(next - now, longestTimerMs), () => {
      if (clock.now() >= next) void this.#resume(due);
      this.watchSuspensions();
    });
  }

  /** Ends the timers, and settles when nothing is under way. */
  async close(): Promise<void> {
    this.#closed.abort(new Error('Tocsin is shutting down'));
    for (const name of this.#timers.keys()) this.#cancel(name);
    await Promise.all([this.#last, this.#options.chooser.close()]);
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
    for (const [key, before] of changed) {
      for (const request of before) add(JSON.parse(request) as Request);
      for (const request of inForce.writtenBy(key)) add(request);
      const trigger = triggers.get(key);
      if (trigger?.action.do !== 'condition') continue;
      for (const request of targets.staticOf(trigger)) add(request);
      if (targets.dynamicOf(trigger).length > 0) void this.#lookAtFiring(trigger);
    }
    if (objects.size > 0) look([...objects.values()], 'trigger');
  }

  /** The alerts that came before the objects of a target were known. */
  #chooseAwaited(): void {
    const { chooser, wake } = this.#options;
    for (const awaited of chooser.takeAwaited()) {
      const { causes, eventId, trigger } = awaited;
      const choices = chooser.chooseAwaited(awaited);
      if (choices.length > 0) void wake(choices, { id: eventId, causes });
      // More came than are named: those that fire still are found again.
      if (causes.incomplete)
        void this.#attempt(`awaited ${trigger.key}`, () =>
          this.#wakeFiring(trigger, { id: eventId, causes }, 'firing'),
        );
    }
  }

  /** The objects to which alerts lead that fire already. */
  async #lookAtFiring(trigger: Trigger): Promise<void> {
    const { clock, inForce, look } = this.#options;
    const { signal } = this.#closed;
    await this.#attempt(`firing ${trigger.key}`, async () => {
      const { firing } = await this.#options.alerts.snapshot(clock.now(), [], signal);
      const requests = await inForce.at(firing).objectsOf(trigger, signal);
      if (requests.length > 0) look(requests, 'trigger');
    });
  }

  async #chooseLater(): Promise<void> {
    const { chooser, clock, wake } = this.#options;
    const event = this.#waiting;
    this.#waiting = undefined;
    if (event === undefined || this.#closed.signal.aborted) return;
    const again = (): void => this.later(event);
    const choose = async (): Promise<void> => {
      const deadline = startDeadline(clock, answerDeadlineMs, this.#closed.signal);
      const choices = await chooser.chooseLater(event, deadline.signal).finally(() => deadline.end());
      if (choices.length > 0) await wake(choices, event);
    };
    // By its own name: the failure of another event must not take the place of its retry.
    await this.#attempt(`later ${event.id}`, choose, again);
    this.#watchInhibitions();
  }

  /** Mostly the end of the alert that inhibits is an event itself. */
  #watchInhibitions(): void {
    if (this.#options.inhibited.size === 0) return this.#cancel('inhibitions');
    const look = (): void => {
      const { clock, newEventId } = this.#options;
      const causes = new Causes();
      causes.lastSeen = clock.now();
      this.later({ id: newEventId(), causes });
      this.#watchInhibitions();
    };
    if (!this.#timers.has('inhibitions')) this.#setTimer('inhibitions', inhibitionLookMs, look);
  }

  /** What fires when a suspension ends is an event. */
  async #resume(triggers: readonly Trigger[]): Promise<void> {
    const { clock, newEventId } = this.#options;
    for (const { key } of triggers) {
      const trigger = this.#options.triggers.get(key);
      if (trigger === undefined || !this.#options.inForce.isActive(trigger)) continue;
      this.#options.logger.info('trigger.resumed', 'the suspension of a trigger has ended', { trigger: key });
      this.changed(key);
      const event = (): WakingEvent => ({ id: newEventId(), causes: Causes.of('suspension', clock.now()) });
      await this.#attempt(`resume ${key}`, () => this.#wakeFiring(trigger, event(), 'suspension ended'));
    }
  }

  /** @param status why the alerts that fire are looked at */
  async #wakeFiring(trigger: Trigger, event: WakingEvent, status: CauseStatus): Promise<void> {
    const { alerts, chooser, wake } = this.#options;
    const { signal } = this.#closed;
    const { firing } = await alerts.snapshot(event.causes.lastSeen, [], signal);
    const choices = await chooser.chooseFiring(trigger, firing, event, status);
    if (choices.length > 0) await wake(choices, event);
  }

  /** Tries again after a failure. */
  async #attempt(name: string, task: () => Promise<void>, again?: () => void): Promise<void> {
    try {
      await task();
    } catch (error) {
      if (this.#closed.signal.aborted) return;
      this.#logFailure(error);
      this.#setTimer(name, retryMs, again ?? (() => void this.#attempt(name, task)));
    }
  }

  #logFailure(error: unknown): void {
    const { logger } = this.#options;
    if (!this.#failureLine.allows()) return;
    const message = 'it could not be found out what alerts wake; it is tried again';
    logger.warn('trigger.choice_failed', message, { error: String(error), retry_ms: retryMs });
  }

  #setTimer(name: string, delayMs: number, due: () => void): void {
    if (this.#closed.signal.aborted || (name === 'changes' && this.#timers.has(name))) return;
    this.#cancel(name);
    const cancel = this.#options.clock.setTimeout(() => {
      this.#timers.delete(name);
      due();
    }, delayMs);
    this.#timers.set(name, cancel);
  }

  #cancel(name: string): void {
    this.#timers.get(name)?.();
    this.#timers.delete(name);
  }
}

function triggersSuspendedUntil(triggers: Iterable<Trigger>, until: number): readonly Trigger[] {
  return [...triggers].filter(({ suspend }) => suspend?.until === until);
}
