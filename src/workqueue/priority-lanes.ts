import type { Queue, QueueAddOptions } from 'p-queue';

export type RunFunction = () => Promise<unknown>;

export interface LaneOptions extends QueueAddOptions {
  /** A lane's number, from 0 up; the highest is served first. */
  readonly priority?: number;
}

/**
 * What waits for a worker: a line for each priority. Moving one to another line takes the same time however many wait;
 * p-queue's own queue searches all of them, and ten thousand moved by one event would hold the event loop for seconds.
 */
export class PriorityLanes implements Queue<RunFunction, LaneOptions> {
  readonly #lanes: Map<string, RunFunction>[] = [];

  get size(): number {
    let size = 0;
    for (const lane of this.#lanes) size += lane.size;
    return size;
  }

  has(id: string): boolean {
    return this.#lanes.some((lane) => lane.has(id));
  }

  /** @param options `id` has to be there, and unlike that of any other that waits */
  enqueue(run: RunFunction, { id, priority = 0 }: Partial<LaneOptions> = {}): void {
    if (id === undefined) throw new TypeError('what waits in a lane needs an id');
    while (this.#lanes.length <= priority) this.#lanes.push(new Map());
    this.#lanes[priority]!.set(id, run);
  }

  /** Moves to the end of the other line. */
  setPriority(id: string, priority: number): void {
    const lane = this.#lanes.find((candidate) => candidate.has(id));
    const run = lane?.get(id);
    if (run === undefined) throw new ReferenceError(`nothing waits under the id ${id}`);
    lane!.delete(id);
    this.enqueue(run, { id, priority });
  }

  dequeue(): RunFunction | undefined {
    const lane = this.#lanes.findLast((candidate) => candidate.size > 0);
    for (const [id, run] of lane ?? []) {
      lane!.delete(id);
      return run;
    }
    return undefined;
  }

  filter({ priority = 0 }: Readonly<Partial<LaneOptions>>): RunFunction[] {
    return [...(this.#lanes[priority]?.values() ?? [])];
  }
}
