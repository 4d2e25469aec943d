import { withSignal } from '../runtime/deadline.ts';
import { Slices, type SliceSchedule } from '../runtime/slices.ts';
import type { Trigger } from './trigger.ts';

type Task = (slices: Slices) => Promise<void>;

/** Who pays for the work for a trigger: the triggers of a namespace together, and each of the admin's by itself. */
export function teamOf({ namespace, key }: Pick<Trigger, 'namespace' | 'key'>): string {
  return namespace ?? `/${key}`;
}

/**
 * Gives every team the same share of the time for long work, however much of it a team has. The work of one team is done one after
 * the other, and the teams take turns of a slice each.
 */
export class TeamTurns {
  readonly #schedule: SliceSchedule;
  /** What each team that has something to do still has to. */
  readonly #waiting = new Map<string, Task[]>();

  constructor(schedule: SliceSchedule) {
    this.#schedule = schedule;
  }

  /** True while work of the team is under way. */
  isBusy(team: string): boolean {
    return this.#waiting.has(team);
  }

  /** Does the work when what the team has given before is done. It yields to the others whenever its slice is over. */
  run<T>(team: string, work: (slices: Slices) => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const task: Task = (slices) => work(slices).then(resolve, reject);
    const waiting = this.#waiting.get(team);
    if (waiting !== undefined) waiting.push(task);
    else {
      this.#waiting.set(team, [task]);
      void this.#work(team);
    }
    return promise;
  }

  async #work(team: string): Promise<void> {
    const waiting = this.#waiting.get(team)!;
    const slices = new Slices(this.#schedule, 'expressions');
    await slices.yieldTurn();
    for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) {
      await task(slices);
      if (slices.isOver) await slices.yieldTurn();
    }
    this.#waiting.delete(team);
  }
}

/** Work that several may wait for. It is given up when nobody does any more. */
export class SharedWork<T> {
  readonly #stop = new AbortController();
  readonly #result: Promise<T>;
  #waiting = 0;

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.#result = work(this.#stop.signal);
    this.#result.catch(() => undefined);
  }

  /** True if it was given up: whoever asks now has to begin anew. */
  get isGivenUp(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Rejects with the signal's reason, or if the work failed. */
  async wait(signal: AbortSignal): Promise<T> {
    let isDone = false;
    this.#waiting++;
    try {
      const result = await withSignal(this.#result, signal);
      isDone = true;
      return result;
    } finally {
      if (--this.#waiting === 0 && !isDone) this.#stop.abort(new Error('nobody waits for it any more'));
    }
  }
}
