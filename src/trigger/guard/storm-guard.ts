import { Causes } from '../../cause/causes.ts';
import { requestKey, type Choice, type Request } from '../../reconcile/ports.ts';
import type { CancelTimer } from '../../runtime/clock.ts';
import type { LogFields } from '../../runtime/logger.ts';
import { LineOnceAWhile } from '../../runtime/limited-lines.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { AlertOrder } from '../firing-condition.ts';
import { createJoin, eventFields, eventIdsOf, type ChosenEvent } from '../matched-alerts.ts';
import { defaultTrigger, type Trigger } from '../trigger.ts';
import { guardedByNamespace, heldNamespaces, isGuarded, namespaceOf, releaseOrder } from './storm-shares.ts';
import { createStormMetrics, type StormMetrics } from './guard-report.ts';

/** The most namespaces that a line names. */
const maxNamedNamespaces = 20;

/** Runs go out about this often, several at once, if the rate is higher; milliseconds. */
const tickMs = 100;

export interface StormGuardOptions extends Pick<Runtime, 'clock' | 'logger' | 'registry'> {
  /** `storm` of the configuration; `rate` in runs a second. */
  readonly config: () => { readonly share: number; readonly objects: number; readonly rate: number };
  /** How many objects triggers name. Asked only when an event concerns many. */
  readonly objectCount: () => number;
  readonly order: () => Pick<AlertOrder, 'compare'>;
  /** The trigger in force of this key. */
  readonly trigger: (key: string) => Trigger | undefined;
  /** True if a trigger that has changed since still chooses the object for these causes. Never rejects. */
  readonly redecide: (trigger: Trigger, request: Request, causes: Causes) => Promise<boolean>;
  readonly enqueue: (choices: readonly Choice[], event: ChosenEvent) => Promise<void>;
}

/** A storm that goes on. */
export interface StormState {
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly waiting: number;
  readonly released: number;
  /** When the last of them goes out, milliseconds since the epoch. */
  readonly until: number;
}

/** A run that waits. */
interface WaitingRun {
  readonly request: Request;
  readonly event: ChosenEvent;
  readonly chosenBy: ReadonlyMap<string, Causes>;
  /** The triggers as they were when they chose. */
  readonly chosenAs: ReadonlyMap<string, Trigger | undefined>;
  readonly causes: Causes;
}

interface Storm {
  readonly since: number;
  released: number;
  merged: number;
}

/** How a storm ends. */
type End = 'all_out' | 'resumed' | 'shutdown';

/**
 * Keeps one event from waking most objects at once: over a share of the objects that triggers name, runs go out at a rate, the worst
 * alert first. Held are those of the namespaces with the most of them, until the rest is no storm, and namespaces take turns: no team
 * waits for the storm of another one. What the default trigger chose alone goes through untouched.
 */
export class StormGuard {
  readonly #options: StormGuardOptions;
  readonly #waiting = new Map<string, WaitingRun>();
  readonly #union = lastUnion();
  readonly #join = createJoin();
  readonly #line: LineOnceAWhile;
  readonly #metrics: StormMetrics;
  /** In the order of release, the next one last; undefined if the order has to be found again. */
  #sorted: string[] | undefined;
  #storm: Storm | undefined;
  #cancelTimer: CancelTimer | undefined;
  #isStopped = false;

  constructor(options: StormGuardOptions) {
    this.#options = options;
    this.#line = new LineOnceAWhile(options.clock);
    this.#metrics = createStormMetrics(options.registry, () => this.#waiting.size);
  }

  /** Undefined if there is no storm. */
  get state(): StormState | undefined {
    if (this.#storm === undefined) return undefined;
    const { since, released } = this.#storm;
    const until = this.#options.clock.now() + this.#secondsLeft * 1000;
    return { since, released, waiting: this.#waiting.size, until };
  }

  /** Passes on what may go now, and keeps the rest. Resolves when that is done. */
  async enqueue(choices: readonly Choice[], event: ChosenEvent): Promise<void> {
    const byNamespace = guardedByNamespace(choices);
    const touched = [...byNamespace.values()].reduce((sum, count) => sum + count, 0);
    const isStorm = !this.#isStopped && this.#isStorm(touched);
    // An alert of the platform does not wait for what alerts of users have set off.
    const isFree = this.#storm === undefined || event.causes.lane === 'platform';
    if (!isStorm && isFree) return this.#options.enqueue(choices, event);
    const held = isStorm ? this.#heldOf(byNamespace, touched) : new Map<string, number>();
    if (isStorm) this.#begin(touched, event, held);
    const passed = choices.flatMap((choice) => this.#passed(choice, event, held));
    if (passed.length > 0) await this.#options.enqueue(passed, event);
  }

  /** Lets everything out at once. Returns the number of runs that waited. */
  async resume(): Promise<number> {
    const runs = this.#take(this.#waiting.size);
    this.#end('resumed', 0);
    await this.#put(runs);
    return runs.length;
  }

  /** Nothing waits from now on. What waits is given up and told: all at once would be the storm. */
  stop(): void {
    this.#isStopped = true;
    const givenUp = this.#waiting.size;
    this.#waiting.clear();
    this.#end('shutdown', givenUp);
  }

  #isStorm(touched: number): boolean {
    const { config, objectCount } = this.#options;
    const { share, objects } = config();
    // Counting takes time, and most events concern few.
    if (touched <= share * objects) return false;
    // Names that only an alert gives are known with the alert.
    const known = Math.max(objectCount(), touched);
    return known > objects && touched > share * known;
  }

  #heldOf(byNamespace: ReadonlyMap<string, number>, touched: number): ReadonlyMap<string, number> {
    const { config, objectCount } = this.#options;
    return heldNamespaces(byNamespace, config().share * Math.max(objectCount(), touched));
  }

  #begin(touched: number, event: ChosenEvent, held: ReadonlyMap<string, number>): void {
    const isNew = this.#storm === undefined;
    this.#storm ??= { since: this.#options.clock.now(), released: 0, merged: 0 };
    if (isNew) this.#metrics.storms.inc();
    this.#arm();
    if (!isNew && !this.#line.allows()) return;
    const { config, logger, objectCount } = this.#options;
    const { share, objects, rate } = config();
    const known = Math.max(objectCount(), touched);
    const names = [...held.keys()].map((namespace) => (namespace === '' ? '(none)' : namespace));
    const runs = [...held.values()].reduce((sum, count) => sum + count, this.#waiting.size);
    logger.warn('trigger.storm', 'an event concerns so many objects that its runs go out one after the other', {
      ...eventFields(event),
      requests: touched,
      objects: known,
      namespaces: names.slice(0, maxNamedNamespaces),
      ...(names.length > maxNamedNamespaces && { more_namespaces: names.length - maxNamedNamespaces }),
      share: Math.round((touched / known) * 100) / 100,
      limit_share: share,
      limit_objects: objects,
      runs_per_second: rate,
      waiting: this.#waiting.size,
      seconds: Math.ceil(runs / rate),
    });
  }

  /** The part of a choice that goes on now; the rest waits. */
  #passed(choice: Choice, event: ChosenEvent, heldOnes: ReadonlyMap<string, number>): readonly Choice[] {
    const { requests, chosenBy } = choice;
    if (!isGuarded(chosenBy)) return [choice];
    const held = requests.filter(
      (request) => heldOnes.has(namespaceOf(request)) || this.#waiting.has(requestKey(request)),
    );
    if (held.length === 0) return [choice];
    const byDefault = chosenBy.get(defaultTrigger);
    const guarded = new Map([...chosenBy].filter(([key]) => key !== defaultTrigger));
    const causes = [...guarded.values()].reduce((a, b) => this.#union(a, b));
    const chosenAs = new Map(Array.from(guarded.keys(), (key) => [key, this.#options.trigger(key)]));
    for (const request of held) this.#keep({ request, chosenBy: guarded, chosenAs, causes, event });
    const heldKeys = new Set(held);
    const others = requests.filter((request) => !heldKeys.has(request));
    return [
      ...(others.length > 0 ? [{ ...choice, requests: others }] : []),
      ...(byDefault === undefined
        ? []
        : [{ requests: held, causes: byDefault, chosenBy: new Map([[defaultTrigger, byDefault]]) }]),
    ];
  }

  #keep(run: WaitingRun): void {
    const key = requestKey(run.request);
    const waiting = this.#waiting.get(key);
    this.#sorted = undefined;
    if (waiting === undefined) {
      this.#waiting.set(key, run);
      return;
    }
    this.#storm!.merged++;
    const chosenBy = new Map(waiting.chosenBy);
    for (const [trigger, causes] of run.chosenBy) {
      const earlier = chosenBy.get(trigger);
      chosenBy.set(trigger, earlier === undefined ? causes : this.#union(earlier, causes));
    }
    const chosenAs = new Map([...run.chosenAs, ...waiting.chosenAs]);
    const event = this.#join(waiting.event, run.event);
    const causes = this.#union(waiting.causes, run.causes);
    this.#waiting.set(key, { ...waiting, event, chosenBy, chosenAs, causes });
  }

  #arm(): void {
    const { clock, config } = this.#options;
    const { rate } = config();
    const count = Math.max(1, Math.floor((rate * tickMs) / 1000));
    this.#cancelTimer ??= clock.setTimeout(
      () => {
        this.#cancelTimer = undefined;
        void this.#tick(count);
      },
      (1000 * count) / rate,
    );
  }

  async #tick(count: number): Promise<void> {
    await this.#put(this.#take(count));
    if (this.#storm === undefined) return;
    if (this.#waiting.size > 0) this.#arm();
    else this.#end('all_out', 0);
  }

  /** Puts runs into the queue, those of one event together. */
  async #put(taken: readonly WaitingRun[]): Promise<void> {
    const all: WaitingRun[] = [];
    for (const run of taken) {
      const chosen = await this.#stillChosen(run);
      if (chosen !== undefined) all.push(chosen);
    }
    if (all.length < taken.length) this.#dropped(taken.length - all.length);
    for (const runs of Map.groupBy(all, ({ event }) => eventIdsOf(event).join()).values()) {
      const causes = runs.map((run) => run.causes).reduce((a, b) => this.#union(a, b));
      const choices = runs.map(({ request, chosenBy, causes: own }) => ({
        requests: [request],
        chosenBy,
        causes: own,
      }));
      await this.#options.enqueue(choices, { ...runs[0]!.event, causes });
    }
  }

  #dropped(runs: number): void {
    this.#metrics.dropped.inc(runs);
    const message = 'runs that waited because of a storm are not made: their triggers have changed or are gone';
    this.#options.logger.info('trigger.storm_dropped', message, { dropped: runs });
  }

  /** What waited is decided by the triggers as they are now. Undefined if none of them chooses it any more. */
  async #stillChosen(run: WaitingRun): Promise<WaitingRun | undefined> {
    const { redecide, trigger } = this.#options;
    const chosenBy = new Map(run.chosenBy);
    for (const [key, causes] of run.chosenBy) {
      const now = trigger(key);
      if (now === run.chosenAs.get(key)) continue;
      if (now === undefined || !(await redecide(now, run.request, causes))) chosenBy.delete(key);
    }
    if (chosenBy.size === run.chosenBy.size) return run;
    if (chosenBy.size === 0) return undefined;
    return { ...run, chosenBy, causes: [...chosenBy.values()].reduce((a, b) => this.#union(a, b)) };
  }

  #take(count: number): readonly WaitingRun[] {
    this.#sorted ??= releaseOrder(this.#waiting, this.#options.order()).toReversed();
    const keys = this.#sorted.splice(Math.max(0, this.#sorted.length - count)).toReversed();
    const runs = keys.map((key) => this.#waiting.get(key)!);
    for (const key of keys) this.#waiting.delete(key);
    this.#metrics.paced.inc(runs.length);
    if (this.#storm !== undefined) this.#storm.released += runs.length;
    return runs;
  }

  get #secondsLeft(): number {
    return this.#waiting.size / this.#options.config().rate;
  }

  /** @param givenUp the runs that are not made */
  #end(end: End, givenUp: number): void {
    const storm = this.#storm;
    if (storm === undefined) return;
    this.#storm = undefined;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#sorted = undefined;
    const { clock, logger } = this.#options;
    const { since, released, merged } = storm;
    const fields: LogFields = { because: end, released, merged, duration_ms: Math.max(0, clock.now() - since) };
    if (givenUp === 0) return logger.info('trigger.storm_ended', 'no run waits any more because of a storm', fields);
    const message = 'runs that waited because of a storm are given up: the next start looks at every object';
    logger.warn('trigger.storm_ended', message, { ...fields, given_up: givenUp });
  }
}

/** Thousands of runs have the same two causes one after the other. */
function lastUnion(): (a: Causes, b: Causes) => Causes {
  let last: { readonly a: Causes; readonly b: Causes; readonly union: Causes } | undefined;
  return (a, b) => {
    if (a === b) return a;
    if (last?.a !== a || last.b !== b) last = { a, b, union: Causes.union(a, b) };
    return last.union;
  };
}
