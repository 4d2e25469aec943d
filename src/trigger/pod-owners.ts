import { Counter, Gauge } from 'prom-client';
import type { Request } from '../reconcile/ports.ts';
import { LineOnceAWhile } from '../runtime/limited-lines.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ResolvedOwner } from './choose.ts';
import { eachBounded } from './matched-alerts.ts';
import type { TriggerTargets } from './trigger-targets.ts';
import type { Trigger } from './trigger.ts';

/** How many pods of a trigger are asked for their owners at once. */
const ownersAtOnce = 32;

/** The most pods of all triggers with conditions whose owners are remembered: 10 MiB or so. */
export const maxRememberedPods = 50_000;

/** How long an owner is remembered at least, milliseconds; and for each pod of the trigger, since 20 are asked a second. */
const leastMs = 60_000;
const eachMs = 150;

/** With more pods than that to ask, the owner of the trigger is told that it takes minutes. */
export const manyPods = 2400;

export interface PodOwnersOptions extends Pick<Runtime, 'clock' | 'logger' | 'registry'> {
  readonly targets: Pick<TriggerTargets, 'ownerOf'>;
  /** Tells the owner of a trigger. */
  readonly onProblem: (trigger: Trigger, problem: string) => void;
}

/** The owners of the pods of one trigger, by pod. */
interface Remembered {
  readonly trigger: Trigger;
  readonly owners: Map<string, { readonly requests: readonly Request[]; readonly at: number }>;
}

/**
 * What owns the pods that the alerts of a trigger name. The answers are remembered beyond the run that asked: with thousands of pods it
 * takes longer than a run may, and the next run goes on where that one has ended.
 */
export class PodOwners {
  readonly #options: PodOwnersOptions;
  readonly #remembered = new Map<string, Remembered>();
  readonly #line: LineOnceAWhile;
  readonly #notRemembered: Counter;
  #size = 0;
  #waiting = 0;

  constructor(options: PodOwnersOptions) {
    this.#options = options;
    this.#line = new LineOnceAWhile(options.clock);
    this.#notRemembered = createMetrics(options, () => this.#waiting);
  }

  /** Call it when a trigger is gone, or what it may wake. */
  forget(key: string): void {
    this.#size -= this.#remembered.get(key)?.owners.size ?? 0;
    this.#remembered.delete(key);
  }

  /** Calls back with the owners of each pod. Rejects with the signal's reason. */
  async each(
    trigger: Trigger,
    pods: ReadonlyMap<string, ResolvedOwner>,
    onOwners: (pod: string, requests: readonly Request[]) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { owners } = this.#of(trigger);
    const validMs = Math.max(leastMs, eachMs * pods.size);
    const now = this.#options.clock.now();
    const unknown: [string, ResolvedOwner][] = [];
    for (const [pod, owner] of pods) {
      const known = owners.get(pod);
      if (known !== undefined && Math.abs(now - known.at) < validMs) onOwners(pod, known.requests);
      else unknown.push([pod, owner]);
    }
    this.#prune(owners, pods);
    if (unknown.length > manyPods)
      this.#options.onProblem(
        trigger,
        `more than ${manyPods} pods have to be asked for their owners, 20 a second: it takes minutes until its conditions are right`,
      );
    await this.#askAll(trigger, unknown, onOwners, signal);
  }

  async #askAll(
    trigger: Trigger,
    pods: readonly [string, ResolvedOwner][],
    onOwners: (pod: string, requests: readonly Request[]) => void,
    signal: AbortSignal,
  ): Promise<void> {
    let left = pods.length;
    this.#waiting += left;
    const ask = async ([pod, owner]: [string, ResolvedOwner]): Promise<void> => {
      const found = await this.#options.targets.ownerOf(trigger, owner, signal);
      const requests = 'requests' in found ? found.requests : [];
      this.#remember(trigger, pod, requests);
      this.#waiting--;
      left--;
      onOwners(pod, requests);
    };
    await eachBounded(pods, ownersAtOnce, ask).finally(() => {
      this.#waiting -= left;
      left = 0;
    });
  }

  #of(trigger: Trigger): Remembered {
    const known = this.#remembered.get(trigger.key);
    if (known?.trigger === trigger) return known;
    this.forget(trigger.key);
    const anew: Remembered = { trigger, owners: new Map() };
    this.#remembered.set(trigger.key, anew);
    return anew;
  }

  #remember(trigger: Trigger, pod: string, requests: readonly Request[]): void {
    const { owners } = this.#of(trigger);
    const isNew = !owners.has(pod);
    if (isNew && this.#size >= maxRememberedPods) return this.#tellFull(trigger);
    if (isNew) this.#size++;
    owners.set(pod, { requests, at: this.#options.clock.now() });
  }

  /** Pods come and go: those of which no alert fires are forgotten now and then. */
  #prune(owners: Remembered['owners'], pods: ReadonlyMap<string, ResolvedOwner>): void {
    if (owners.size <= 2 * pods.size) return;
    for (const pod of owners.keys()) if (!pods.has(pod) && owners.delete(pod)) this.#size--;
  }

  #tellFull(trigger: Trigger): void {
    this.#notRemembered.inc();
    const problem = `the alerts of all triggers name more than ${maxRememberedPods} pods: the owners of the others are not remembered, and its conditions may never be right`;
    this.#options.onProblem(trigger, problem);
    if (!this.#line.allows()) return;
    const message =
      'too many pods fire to remember the owners of all: conditions that go by the others may never be right';
    const fields = { trigger: trigger.key, limit: maxRememberedPods };
    this.#options.logger.warn('trigger.owners_not_remembered', message, fields);
  }
}

function createMetrics({ registry }: Pick<Runtime, 'registry'>, waiting: () => number): Counter {
  const registers = [registry];
  new Gauge({
    registers,
    name: 'tocsin_trigger_condition_pods_waiting',
    help: 'Pods whose owners have to be asked before conditions are right; 20 are asked a second.',
    collect() {
      this.set(waiting());
    },
  });
  return new Counter({
    registers,
    name: 'tocsin_trigger_condition_pods_not_remembered_total',
    help: 'Pods that were asked for their owners and not remembered, because there were too many.',
  });
}
