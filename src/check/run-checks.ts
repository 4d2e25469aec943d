import type { Clock } from '../runtime/clock.ts';
import { startDeadline, sleep, withSignal } from '../runtime/deadline.ts';
import { problem, type Category, type Check, type CheckResult, type Outcome } from './check.ts';

/** Between two attempts of a check that may become true, milliseconds. */
const retryMs = 5000;
/** The longest time of one attempt, milliseconds. */
export const attemptMs = 30_000;

export type CheckEvent =
  /** @property whyNot why it does not apply; it then has no results */
  | { readonly event: 'category'; readonly name: string; readonly whyNot: string | undefined }
  /** A check that may become true is tried again. */
  | { readonly event: 'waiting'; readonly check: Check; readonly text: string }
  | ({ readonly event: 'result' } & CheckResult);

interface RunOptions {
  readonly clock: Clock;
  /** `--wait`: the time in which checks are tried again, shared by all, milliseconds. */
  readonly waitMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Runs the checks in the given order and tells each result as it comes. A branch stops at its first broken hop: after a problem of a
 * fatal check, the rest of its category and all that needs it are told as not run.
 */
export async function* runChecks(
  categories: readonly Category[],
  options: RunOptions,
): AsyncGenerator<CheckEvent, void> {
  const run = new Run(options);
  for (const category of categories) {
    yield* run.awaiting(category);
    const whyNot = await category.whyNot?.();
    yield { event: 'category', name: category.name, whyNot };
    if (whyNot === undefined) yield* run.category(category);
  }
}

class Run {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #deadline: number;
  /** The broken categories, with the description of the check that broke each of them. */
  readonly #broken = new Map<string, string>();

  constructor({ clock, waitMs, signal = new AbortController().signal }: RunOptions) {
    this.#clock = clock;
    this.#signal = signal;
    this.#deadline = clock.monotonic() + waitMs;
  }

  async *awaiting({ awaits, checks }: Category): AsyncGenerator<CheckEvent, void> {
    for (;;) {
      const text = await awaits?.();
      if (text === undefined || this.#isOver) return;
      yield { event: 'waiting', check: checks[0]!, text };
      await sleep(this.#clock, retryMs, this.#signal);
    }
  }

  async *category({ name, needs, checks }: Category): AsyncGenerator<CheckEvent, void> {
    let brokenBy = this.#whatBroke(needs);
    for (const check of checks) {
      const missing = brokenBy ?? this.#whatBroke(check.needs ?? []);
      if (missing !== undefined) {
        yield { event: 'result', check, result: 'not run', text: `not run, because this failed: ${missing}` };
        continue;
      }
      const outcome = yield* this.#attempts(check);
      yield { event: 'result', ...resultOf(check, outcome) };
      if (outcome.is === 'problem' && check.fatal === true) brokenBy = `${name}: ${check.description}`;
    }
    if (brokenBy !== undefined) this.#broken.set(name, brokenBy);
  }

  /** Why a category that is needed is not whole. */
  #whatBroke(needs: readonly string[]): string | undefined {
    return needs.map((need) => this.#broken.get(need)).find((by) => by !== undefined);
  }

  /** No attempt begins after the deadline. */
  get #isOver(): boolean {
    return this.#clock.monotonic() + retryMs > this.#deadline;
  }

  async *#attempts(check: Check): AsyncGenerator<CheckEvent, Outcome> {
    for (;;) {
      const outcome = await this.#attempt(check);
      if (outcome.is === 'ok' || !mayChange(check, outcome) || this.#isOver) return outcome;
      const text = check.surfacesProblem === true ? outcome.text : 'waiting for check to complete';
      yield { event: 'waiting', check, text };
      await sleep(this.#clock, retryMs, this.#signal);
    }
  }

  async #attempt(check: Check): Promise<Outcome> {
    const deadline = startDeadline(this.#clock, attemptMs, this.#signal);
    const { signal } = deadline;
    try {
      return await withSignal(Promise.resolve(check.run({ clock: this.#clock, signal })), signal);
    } catch (error) {
      this.#signal.throwIfAborted();
      if (deadline.expired()) return problem(noResult);
      return problem(error instanceof Error ? error.message : String(error));
    } finally {
      deadline.end();
    }
  }
}

const noResult = `no result within ${attemptMs / 1000} s: what is asked here hangs, is overloaded, or a firewall drops what is sent; mend that, or check from another machine`;

function mayChange(check: Check, outcome: Outcome): boolean {
  return outcome.is === 'skipped' ? outcome.isUnsettled === true : check.retryable === true;
}

function resultOf(check: Check, outcome: Outcome): CheckResult {
  switch (outcome.is) {
    case 'ok':
      return { check, result: 'success', ...(outcome.told !== undefined && { told: outcome.told }) };
    case 'skipped':
      return { check, result: 'skipped', text: outcome.text };
    case 'problem':
      return { check, result: check.warning === true ? 'warning' : 'error', text: outcome.text };
  }
}
