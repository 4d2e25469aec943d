import type { Entry } from './fact.ts';

/** So many runs may be open, and so many pipelines are remembered, before the oldest goes; there are 8 workers by default. */
const maxOpen = 10_000;
const maxRemembered = 100_000;

/** How the last run of a pipeline ended. */
export interface LastLook {
  /** Milliseconds since the epoch. */
  readonly endedAt: number;
  /** When it is looked at again, milliseconds; undefined: not until something happens. */
  readonly againInMs: number | undefined;
  readonly why: 'retry' | 'held' | 'requeue';
  /** All that makes it different from another one. */
  readonly outcome: string;
}

/**
 * Leaves out the periodic looks, and the retries that fail again, which tell nothing new: a thousand pipelines are looked at 300,000
 * times a day, and an hour without Prometheus is 120,000 retries. A run that the log tells at debug is held back until it has
 * ended; then it is passed on if something was told at info, or if it ended in another way than the last run of its pipeline.
 */
export class LookFilter {
  readonly #open = new Map<unknown, Entry[]>();
  readonly #last = new Map<string, LastLook>();
  /** Runs that were left out. */
  leftOut = 0;

  /** Gives what is to be kept now: the line, nothing yet, or all that was held back of a run. */
  take(entry: Entry): readonly Entry[] {
    const { event, level, fields } = entry;
    const run = fields['run'];
    if (run === undefined) return [entry];
    if (event === 'reconcile.started' && level === 'debug') return this.#hold(run, entry);
    const held = this.#open.get(run);
    held?.push(entry);
    const isEnd = event === 'reconcile.finished' || event === 'reconcile.failed';
    if (!isEnd) return held === undefined ? [entry] : [];
    this.#open.delete(run);
    const isNews = this.#remember(entry) || held?.some((each) => each.level !== 'debug') === true;
    if (held === undefined) return [entry];
    if (!isNews) this.leftOut++;
    return isNews ? held : [];
  }

  /** What is held back at the end. */
  flush(): readonly Entry[] {
    const held = [...this.#open.values()].flat();
    this.#open.clear();
    return held;
  }

  /** How the last run ended, left out or not. @param pipeline as {@link pipelineKey} has it */
  lastLook(pipeline: string): LastLook | undefined {
    return this.#last.get(pipeline);
  }

  #hold(run: unknown, entry: Entry): readonly Entry[] {
    this.#open.set(run, [entry]);
    if (this.#open.size <= maxOpen) return [];
    const [oldest] = this.#open.keys();
    const released = this.#open.get(oldest) ?? [];
    this.#open.delete(oldest);
    return released;
  }

  /** True if the run ended in another way than the last one. */
  #remember({ time, event, fields }: Entry): boolean {
    const key = pipelineKey(fields);
    const before = this.#last.get(key);
    this.#last.delete(key);
    const outcome = JSON.stringify([event, fields['result'], fields['because'], textOf(fields['error'])]);
    const againInMs = (fields['retry_in_ms'] ?? fields['requeue_after_ms']) as number | undefined;
    const why = event === 'reconcile.failed' ? 'retry' : fields['held'] === true ? 'held' : 'requeue';
    if (fields['result'] !== 'gone') this.#last.set(key, { endedAt: time, againInMs, why, outcome });
    if (this.#last.size > maxRemembered) this.#last.delete(this.#last.keys().next().value!);
    return before?.outcome !== outcome;
  }
}

interface NamedFields {
  readonly kind?: unknown;
  readonly group?: unknown;
  readonly namespace?: unknown;
  readonly name?: unknown;
}

/** One string for each pipeline, from the fields of a line about it. */
export function pipelineKey({ kind, group, namespace, name }: NamedFields): string {
  return JSON.stringify([kind, group ?? null, namespace ?? null, name]);
}

function textOf(error: unknown): unknown {
  return error instanceof Error ? error.message : error;
}
