import { hash } from 'node:crypto';
import type { Caller, Reviews } from '../../access/reviews.ts';
import { LineOnceAWhile } from '../../runtime/limited-lines.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { TokenBucket } from '../../runtime/token-bucket.ts';
import { PasswordTurns, Recent, type PasswordWaiter } from './password-turns.ts';

/** How long the judgement of a token counts before Kubernetes is asked again, milliseconds. */
export const goodTokenMs = 10_000;
export const wrongTokenMs = 30_000;

/** The number of remembered tokens. Wrong ones are kept separately, so that a flood of them displaces no good one. */
const maxGood = 256;
const maxWrong = 1024;

/**
 * The reviews at once of tokens that were not good lately, per second in the long run, and at once after a rest. A token that was
 * good lately waits for none of them.
 */
const reviewsAtOnce = 4;
const reviewsPerSecond = 20;
const reviewsBurst = 20;

/** Who sent a token. `busy`: too many others wait. `unknown`: Kubernetes cannot be asked, so nobody is let in. */
export type TokenVerdict = Caller | 'wrong' | 'busy' | 'unknown';

/** A request with a token; the same object leaves. */
export type TokenTry = Pick<PasswordWaiter, 'address' | 'connection'> & { readonly token: string };

interface Waiter extends PasswordWaiter {
  readonly key: string;
  readonly token: string;
  readonly audiences: readonly string[];
  readonly settle: (verdict: TokenVerdict) => void;
}

interface TokenCheckOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly reviews: Pick<Reviews, 'reviewToken'>;
  /** Called with the outcome of each question to Kubernetes. */
  readonly onReview: (outcome: 'allowed' | 'denied' | 'failed') => void;
}

/**
 * Asks Kubernetes who sends a token, and remembers the answer for seconds under a digest of the token. Tokens that were not good
 * lately wait for their turn as passwords do ({@link PasswordTurns}): a flood of them costs the API server a few questions a second,
 * and memory for as many waiters as passwords have.
 */
export class TokenCheck {
  readonly #options: TokenCheckOptions;
  readonly #good = new Recent<{ readonly caller: Caller; readonly at: number }>(maxGood);
  readonly #wrong = new Recent<number>(maxWrong);
  readonly #turns = new PasswordTurns<Waiter>();
  readonly #waiters = new Map<TokenTry, Waiter>();
  /** The reviews that are on their way, by key: one at a time for each. */
  readonly #reviews = new Map<string, Promise<TokenVerdict>>();
  readonly #rate: TokenBucket;
  readonly #closed = new AbortController();
  readonly #failed: LineOnceAWhile;
  #running = 0;

  constructor(options: TokenCheckOptions) {
    this.#options = options;
    const { clock } = options;
    this.#failed = new LineOnceAWhile(clock);
    this.#rate = new TokenBucket({ clock, intervalMs: 1000 / reviewsPerSecond, burst: reviewsBurst });
  }

  /** Answers at once if the judgement is known, otherwise when Kubernetes has answered. Never rejects. */
  check(tried: TokenTry, audiences: readonly string[]): TokenVerdict | Promise<TokenVerdict> {
    const key = hash(
      'sha256',
      audiences.length === 0 ? tried.token : JSON.stringify([audiences, tried.token]),
      'base64',
    );
    const good = this.#good.get(key);
    if (good !== undefined && this.#isFresh(good.at, goodTokenMs)) return good.caller;
    const wrongAt = this.#wrong.get(key);
    if (wrongAt !== undefined && this.#isFresh(wrongAt, wrongTokenMs)) return 'wrong';
    return good === undefined
      ? this.#wait(tried, audiences, key)
      : this.#once(key, () => this.#review(tried.token, audiences, key));
  }

  /** The sender has disconnected: another one gets the turn. */
  leave(tried: TokenTry): void {
    const waiter = this.#waiters.get(tried);
    if (waiter !== undefined) this.#turns.leave(waiter);
    this.#waiters.delete(tried);
  }

  /** How long the refusal of an address is delayed, milliseconds. */
  refusalDelayMs(address: string): number {
    return this.#turns.refusalDelayMs(address, this.#options.clock.now());
  }

  /** Everyone who still waits is answered `busy`. */
  close(): void {
    for (const waiter of this.#turns.waiting) {
      this.#turns.leave(waiter);
      waiter.settle('busy');
    }
    this.#closed.abort();
  }

  #isFresh(at: number, forMs: number): boolean {
    const age = this.#options.clock.now() - at;
    return age >= 0 && age < forMs;
  }

  #once(key: string, review: () => Promise<TokenVerdict>): Promise<TokenVerdict> {
    const known = this.#reviews.get(key);
    if (known !== undefined) return known;
    const running = review().finally(() => this.#reviews.delete(key));
    this.#reviews.set(key, running);
    return running;
  }

  async #wait(tried: TokenTry, audiences: readonly string[], key: string): Promise<TokenVerdict> {
    const { promise, resolve } = Promise.withResolvers<TokenVerdict>();
    const waiter = { ...tried, user: '', audiences, key, settle: resolve };
    this.#waiters.set(tried, waiter);
    this.#turns.enter(waiter, this.#options.clock.now())?.settle('busy');
    this.#start();
    try {
      return await promise;
    } finally {
      this.#waiters.delete(tried);
    }
  }

  #start(): void {
    while (this.#running < reviewsAtOnce) {
      const next = this.#turns.next(this.#options.clock.now());
      if (next === undefined) return;
      this.#running++;
      void this.#judge(next);
    }
  }

  async #judge(waiter: Waiter): Promise<void> {
    const { key, token, audiences } = waiter;
    const review = async (): Promise<TokenVerdict> => {
      await this.#rate.acquire(this.#closed.signal);
      return this.#review(token, audiences, key);
    };
    try {
      this.#settle(waiter, await this.#once(key, review));
    } catch {
      waiter.settle('busy');
    }
    this.#running--;
    this.#start();
  }

  #settle(waiter: Waiter, verdict: TokenVerdict): void {
    const now = this.#options.clock.now();
    if (verdict === 'wrong') this.#turns.failed(waiter, now);
    else if (typeof verdict === 'object') this.#turns.succeeded(waiter, now);
    const same = this.#turns.waiting.filter(({ key }) => key === waiter.key);
    for (const each of same) this.#turns.leave(each);
    for (const each of [waiter, ...same]) each.settle(verdict);
  }

  async #review(token: string, audiences: readonly string[], key: string): Promise<TokenVerdict> {
    const { clock, logger, onReview, reviews } = this.#options;
    try {
      const caller = await reviews.reviewToken(token, audiences);
      onReview(caller === undefined ? 'denied' : 'allowed');
      if (caller !== undefined) this.#good.set(key, { caller, at: clock.now() });
      else this.#wrong.set(key, clock.now());
      return caller ?? 'wrong';
    } catch (error) {
      onReview('failed');
      if (this.#failed.allows())
        logger.error(
          'access.token_review_failed',
          'Kubernetes could not be asked who sends a token: nobody is let in',
          {
            error,
          },
        );
      return 'unknown';
    }
  }
}
