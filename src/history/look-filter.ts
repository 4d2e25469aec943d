import type { Entry } from './fact.ts';

/**
 * The most open runs, and the most pipelines that are remembered; beyond it, the oldest is dropped. There are 8 workers by
 * default.
 */
const maxOpen = 10_000;
const maxRemembered = 100_000;

/** The result of the last run of a pipeline. */
export interface LastLook {
  /** Milliseconds since the epoch. */
  readonly endedAt: number;
  /** The time until the next look, milliseconds; undefined: not until something happens. */
  readonly againInMs: number | undefined;
  readonly why: 'retry' | 'held' | 'requeue';
  /** Everything that distinguishes it from other results. */
  readonly outcome: string;
}

/**
 * Leaves out periodic looks with nothing new, and retries that fail again: a thousand pipelines are looked at 300,000 times a
 * day, and an hour without Prometheus is 120,000 retries. It holds back a run that is logged only at debug until the run has
 * ended. It passes the run on if something was logged at info, or if the result differs from that of the pipeline's last run.
 */
export class LookFilter {
  readonly #open = new Map<unknown, Entry[]>();
  readonly #last = new Map<string, LastLook>();
  /** The number of runs that were left out. */
  leftOut = 0;

  /** Returns the lines to keep now: this line, none yet, or all lines of a run that were held back. */
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

  /** The lines that are held back at the end. */
  flush(): readonly Entry[] {
    const held = [...this.#open.values()].flat();
    this.#open.clear();
    return held;
  }

  /** The result of the last run, left out or not. @param pipeline see {@link pipelineKey} */
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

  /** True if the result differs from that of the last run. */
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
