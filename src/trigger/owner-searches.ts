import { Counter, Gauge } from 'prom-client';
import type { Cause } from '../cause/cause.ts';
import { requestKey, type Choice } from '../reconcile/ports.ts';
import type { CancelTimer } from '../runtime/clock.ts';
import { LineOnceAWhile } from '../runtime/limited-lines.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { UrgentSignals } from '../runtime/deadline.ts';
import type { ResolvedOwner } from './choose.ts';
import { FoundObjects } from './found-objects.ts';
import { createJoin, eventIdsOf, type ChosenEvent } from './matched-alerts.ts';
import { teamOf } from './team-turns.ts';
import type { TriggerIndex } from './trigger-index.ts';
import type { TriggerTargets } from './trigger-targets.ts';
import type { Trigger } from './trigger.ts';

/** How many pods of one namespace's triggers are asked for their owners at once. */
const ownersAtOnce = 32;

/** The most alerts of one namespace's triggers whose pods wait to be asked. Further ones wake nothing; they are counted and logged. */
export const maxWaitingAlerts = 50_000;

/** While a search goes on, how often the objects that it found are woken, milliseconds. */
const portionMs = 1000;

/** While a search goes on, how often an object that it woke already is woken for further alerts, milliseconds. */
const againMs = 60_000;

/** An alert whose pod has to be asked for its owner. */
export interface OwnerSearch {
  readonly trigger: Trigger;
  readonly owner: ResolvedOwner;
  readonly cause: Cause;
  readonly event: ChosenEvent;
}

export interface OwnerSearchesOptions extends Pick<Runtime, 'clock' | 'logger' | 'registry'> {
  readonly triggers: Pick<TriggerIndex, 'get'>;
  readonly targets: Pick<TriggerTargets, 'ownerOf'>;
  /** The signals of work that goes before other work. */
  readonly urgent?: Pick<UrgentSignals, 'add'> | undefined;
  /** Hears why a pod led to nothing. */
  readonly onProblem: (trigger: Trigger, problem: string) => void;
  /** Enqueues objects that were chosen, and logs it. */
  readonly wake: (choices: readonly Choice[], event: ChosenEvent) => Promise<void>;
}

/**
 * Searches for the owners of pods, apart from all else that events need: a search of thousands of pods takes minutes. Each namespace
 * has a lane of its own, in which its triggers take turns, and another one for alerts of the platform, whose pods are asked before all
 * others. What is found is woken in portions.
 */
export class OwnerSearches {
  readonly #options: OwnerSearchesOptions;
  readonly #closed = new AbortController();
  /** Aborted with the other one; what is asked with it goes first. */
  readonly #platform: AbortSignal;
  readonly #lanes = new Map<string, Lane>();
  readonly #fullLine: LineOnceAWhile;
  readonly #failedLine: LineOnceAWhile;
  readonly #dropped: Counter;

  constructor(options: OwnerSearchesOptions) {
    this.#options = options;
    this.#platform = AbortSignal.any([this.#closed.signal]);
    options.urgent?.add(this.#platform);
    this.#fullLine = new LineOnceAWhile(options.clock);
    this.#failedLine = new LineOnceAWhile(options.clock);
    this.#dropped = createMetrics(options, () => this.waiting);
  }

  /** The number of alerts whose pods wait to be asked. */
  get waiting(): number {
    return [...this.#lanes.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Alerts of one pod and trigger are one search. */
  add(search: OwnerSearch): void {
    if (this.#closed.signal.aborted) return;
    const isPlatform = search.event.causes.lane === 'platform';
    const key = `${isPlatform ? 'platform' : 'user'} ${teamOf(search.trigger)}`;
    const lane = this.#lanes.get(key) ?? this.#open(key, isPlatform);
    if (!lane.add(search)) this.#drop(search.trigger);
    lane.run();
  }

  /** Gives up what waits, and settles when nothing is under way. */
  async close(): Promise<void> {
    this.#closed.abort(new Error('Tocsin is shutting down'));
    await Promise.all([...this.#lanes.values()].map(({ ended }) => ended));
  }

  #open(key: string, isPlatform: boolean): Lane {
    const { clock } = this.#options;
    const signal = isPlatform ? this.#platform : this.#closed.signal;
    const ask = (search: PodSearch, found: PortionedObjects): Promise<void> => this.#ask(search, found, signal);
    const wake = (choices: readonly Choice[], event: ChosenEvent): void => void this.#wake(choices, event);
    const onEnd = (): void => void this.#lanes.delete(key);
    const lane = new Lane({ clock, signal: this.#closed.signal, ask, wake, onEnd });
    this.#lanes.set(key, lane);
    return lane;
  }

  async #ask({ trigger: key, owner, alerts }: PodSearch, found: PortionedObjects, signal: AbortSignal): Promise<void> {
    const { triggers, targets, onProblem } = this.#options;
    const trigger = triggers.get(key);
    if (trigger === undefined) return;
    try {
      // Each read has a deadline of its own. The search has none: it would lose its place among the others, and never end.
      const answer = await targets.ownerOf(trigger, owner, signal);
      if ('problem' in answer) onProblem(trigger, answer.problem);
      if (!('requests' in answer)) return;
      for (const request of answer.requests)
        for (const { cause, event } of alerts.values()) found.add({ request, trigger, cause, event });
    } catch (error) {
      this.#fail(key, error);
    }
  }

  async #wake(choices: readonly Choice[], event: ChosenEvent): Promise<void> {
    const [first] = choices.flatMap(({ chosenBy }) => [...chosenBy.keys()]);
    await this.#options.wake(choices, event).catch((error: unknown) => this.#fail(first ?? '', error));
  }

  #fail(trigger: string, error: unknown): void {
    if (this.#closed.signal.aborted || !this.#failedLine.allows()) return;
    const message = 'the owner of a pod could not be searched for, or not be woken: its alerts wake nothing this time';
    this.#options.logger.error('trigger.owner_search_failed', message, { trigger, error: String(error) });
  }

  #drop({ key }: Trigger): void {
    this.#dropped.inc();
    if (!this.#fullLine.allows()) return;
    const message = 'too many alerts wait for the owners of their pods: this one wakes nothing';
    this.#options.logger.warn('trigger.owner_searches_full', message, { trigger: key, limit: maxWaitingAlerts });
  }
}

/** One pod, for one trigger. */
interface PodSearch {
  readonly trigger: string;
  readonly owner: ResolvedOwner;
  readonly alerts: Map<string, Pick<OwnerSearch, 'cause' | 'event'>>;
}

interface LaneOptions extends Pick<Runtime, 'clock'> {
  readonly signal: AbortSignal;
  readonly ask: (search: PodSearch, found: PortionedObjects) => Promise<void>;
  readonly wake: (choices: readonly Choice[], event: ChosenEvent) => void;
  readonly onEnd: () => void;
}

/** The searches of the triggers of one namespace, which take turns. */
class Lane {
  readonly #options: LaneOptions;
  readonly #waiting = new Map<string, Map<string, PodSearch>>();
  readonly #found = new PortionedObjects();
  readonly #join = createJoin();
  readonly #ended = Promise.withResolvers<void>();
  #running = 0;
  #cancelTimer: CancelTimer;
  #againAt: number;
  size = 0;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#againAt = options.clock.monotonic() + againMs;
    this.#cancelTimer = options.clock.setTimeout(() => this.#wakePortion(), portionMs);
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** False if too many wait. */
  add({ trigger: { key: trigger }, owner, cause, event }: OwnerSearch): boolean {
    const pods = this.#waiting.get(trigger) ?? new Map<string, PodSearch>();
    const pod = JSON.stringify([owner.namespace, owner.pod, owner.kind]);
    const search = pods.get(pod) ?? { trigger, owner, alerts: new Map() };
    const known = search.alerts.get(cause.key);
    if (known === undefined && this.size >= maxWaitingAlerts) return false;
    const both = known && { cause: cause.after(known.cause), event: this.#join(known.event, event) };
    search.alerts.set(cause.key, both ?? { cause, event });
    if (known === undefined) this.size++;
    this.#waiting.set(trigger, pods.set(pod, search));
    return true;
  }

  /** Each alert that waits may take one more worker. */
  run(): void {
    if (this.#running >= ownersAtOnce) return;
    this.#running++;
    // Not at once: alerts of the same pod that come together are asked for together.
    void Promise.resolve().then(() => this.#work());
  }

  async #work(): Promise<void> {
    const { ask, signal } = this.#options;
    for (let next = this.#next(); next !== undefined && !signal.aborted; next = this.#next())
      await ask(next, this.#found);
    if (--this.#running === 0) this.#end();
  }

  #next(): PodSearch | undefined {
    for (const [trigger, pods] of this.#waiting) {
      this.#waiting.delete(trigger);
      const [first] = pods;
      if (first === undefined) continue;
      const [pod, search] = first;
      pods.delete(pod);
      this.size -= search.alerts.size;
      // The last in turn from now on.
      if (pods.size > 0) this.#waiting.set(trigger, pods);
      return search;
    }
    return undefined;
  }

  #wakePortion(): void {
    const { clock } = this.#options;
    this.#cancelTimer = clock.setTimeout(() => this.#wakePortion(), portionMs);
    const isAgain = clock.monotonic() >= this.#againAt;
    if (isAgain) this.#againAt = clock.monotonic() + againMs;
    this.#wake(isAgain);
  }

  #wake(isAgain: boolean): void {
    for (const { event, found } of this.#found.take(isAgain)) this.#options.wake(found.choices(), event);
  }

  #end(): void {
    this.#cancelTimer();
    if (!this.#options.signal.aborted) this.#wake(true);
    this.#options.onEnd();
    this.#ended.resolve();
  }
}

type Portion = Map<string, { readonly event: ChosenEvent; readonly found: FoundObjects }>;

/** What was found and is not woken yet, by event: objects that were not woken before, and further alerts for those that were. */
class PortionedObjects {
  readonly #woken = new Set<string>();
  readonly #fresh = new Set<string>();
  #new: Portion = new Map();
  #more: Portion = new Map();

  add({
    request,
    trigger,
    cause,
    event,
  }: Omit<OwnerSearch, 'owner'> & { readonly request: Choice['requests'][0] }): void {
    const key = `${trigger.key} ${requestKey(request)}`;
    const isWoken = this.#woken.has(key);
    if (!isWoken) this.#fresh.add(key);
    const portion = isWoken ? this.#more : this.#new;
    const id = eventIdsOf(event).join();
    const known = portion.get(id) ?? { event, found: new FoundObjects(event.causes) };
    portion.set(id, known);
    known.found.addCause(request, trigger, cause);
  }

  /** @param isAgain with further alerts for objects that were woken before */
  take(isAgain: boolean): Iterable<{ readonly event: ChosenEvent; readonly found: FoundObjects }> {
    const taken = [...this.#new.values(), ...(isAgain ? this.#more.values() : [])];
    for (const key of this.#fresh) this.#woken.add(key);
    this.#fresh.clear();
    this.#new = new Map();
    if (isAgain) this.#more = new Map();
    return taken;
  }
}

function createMetrics({ registry }: Pick<Runtime, 'registry'>, waiting: () => number): Counter {
  const registers = [registry];
  new Gauge({
    registers,
    name: 'tocsin_trigger_owner_searches_waiting',
    help: 'Alerts whose pods wait to be asked for their owners.',
    collect() {
      this.set(waiting());
    },
  });
  return new Counter({
    registers,
    name: 'tocsin_trigger_owner_searches_dropped_total',
    help: 'Alerts that woke no owner of a pod because too many alerts waited.',
  });
}
