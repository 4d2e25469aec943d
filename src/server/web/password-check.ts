import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../../runtime/clock.ts';
import type { PasswordHasher } from './password-hasher.ts';
import { PasswordTurns, Recent, type PasswordWaiter } from './password-turns.ts';

/** `busy`: too many others wait for a check. */
export type PasswordVerdict = 'good' | 'wrong' | 'busy';

interface PasswordTry extends PasswordWaiter {
  readonly password: string;
}

interface Waiter extends PasswordWaiter {
  readonly users: ReadonlyMap<string, string>;
  readonly password: string;
  readonly hash: string;
  /** Attempts with the same key get the same verdict. */
  readonly key: string;
  readonly settle: (verdict: PasswordVerdict) => void;
  readonly fail: (error: unknown) => void;
}

/** The number of remembered results. Wrong ones are kept separately, so that a flood of them displaces no good one. */
const maxGood = 256;
const maxWrong = 1024;

/**
 * Checks passwords of basic authentication, one at a time; {@link PasswordTurns} decides whose is next. Like exporter-toolkit, it
 * remembers results under a keyed digest of user, hash and password: it keeps no password, and another hash in the file
 * invalidates the result. An unknown user, or a wrong password, costs as much as the most expensive hash, so that timing does not
 * reveal who is known.
 */
export class PasswordCheck {
  readonly #hasher: PasswordHasher;
  readonly #clock: Clock;
  readonly #key = randomBytes(32);
  readonly #good = new Recent<true>(maxGood);
  readonly #wrong = new Recent<true>(maxWrong);
  readonly #turns = new PasswordTurns<Waiter>();
  readonly #waiters = new Map<PasswordTry, Waiter>();
  #isHashing = false;

  constructor(hasher: PasswordHasher, clock: Clock) {
    this.#hasher = hasher;
    this.#clock = clock;
  }

  /** Answers at once if the result is known, otherwise when the password has been hashed. Rejects if hashing fails. */
  check(users: ReadonlyMap<string, string>, tried: PasswordTry): PasswordVerdict | Promise<PasswordVerdict> {
    const hash = users.get(tried.user) ?? decoyOf(users);
    const key = this.#digest(tried, hash);
    if (this.#good.get(key) !== undefined) return 'good';
    if (this.#wrong.get(key) !== undefined) return 'wrong';
    return this.#wait(users, tried, hash, key);
  }

  /** The sender has disconnected: another one gets the turn. */
  leave(tried: PasswordTry): void {
    const waiter = this.#waiters.get(tried);
    if (waiter !== undefined) this.#turns.leave(waiter);
    this.#waiters.delete(tried);
  }

  /** How long the refusal of an address is delayed, by the number of its turns that failed, milliseconds. */
  refusalDelayMs(address: string): number {
    return this.#turns.refusalDelayMs(address, this.#clock.now());
  }

  /** Everyone who still waits is answered `busy`. */
  close(): Promise<void> {
    for (const waiter of this.#turns.waiting) {
      this.#turns.leave(waiter);
      waiter.settle('busy');
    }
    return this.#hasher.close();
  }

  async #wait(
    users: ReadonlyMap<string, string>,
    tried: PasswordTry,
    hash: string,
    key: string,
  ): Promise<PasswordVerdict> {
    const { promise, resolve, reject } = Promise.withResolvers<PasswordVerdict>();
    const { user, password, address, connection } = tried;
    const waiter = { users, user, password, address, connection, hash, key, settle: resolve, fail: reject };
    this.#waiters.set(tried, waiter);
    this.#turns.enter(waiter, this.#clock.now())?.settle('busy');
    void this.#hashAll();
    try {
      return await promise;
    } finally {
      this.#waiters.delete(tried);
    }
  }

  async #hashAll(): Promise<void> {
    if (this.#isHashing) return;
    this.#isHashing = true;
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      try {
        this.#settle(next, await this.#isGood(next));
      } catch (error) {
        next.fail(error);
      }
    }
    this.#isHashing = false;
  }

  #next(): Waiter | undefined {
    return this.#turns.next(this.#clock.now());
  }

  /** Takes as long for a wrong password as for an unknown user, whatever the hash costs. */
  async #isGood({ users, user, password, hash }: Waiter): Promise<boolean> {
    if (await this.#hasher.matches(password, hash)) return users.has(user);
    for (const padding of paddingOf(users, hash)) await this.#hasher.matches(password, padding);
    return false;
  }

  #settle(waiter: Waiter, isGood: boolean): void {
    (isGood ? this.#good : this.#wrong).set(waiter.key, true);
    if (isGood) this.#turns.succeeded(waiter, this.#clock.now());
    else this.#turns.failed(waiter, this.#clock.now());
    const same = this.#turns.waiting.filter(({ key }) => key === waiter.key);
    for (const each of same) this.#turns.leave(each);
    for (const each of [waiter, ...same]) each.settle(isGood ? 'good' : 'wrong');
  }

  #digest({ user, password }: PasswordTry, hash: string): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([user, hash, password]))
      .digest('base64');
  }
}

/** A hash of no real password that costs as much as the users' most expensive one. */
function decoyOf(users: ReadonlyMap<string, string>): string {
  const costs = [...users.values()].map(costOf).toSorted();
  return decoy(costs.at(-1) ?? '10');
}

/**
 * The additional hashes that make a wrong password for a cheap hash cost as much as the most expensive one: each step doubles the
 * cost.
 */
function paddingOf(users: ReadonlyMap<string, string>, hash: string): readonly string[] {
  const dearest = Number(costOf(decoyOf(users)));
  const costs = Array.from({ length: dearest - Number(costOf(hash)) }, (_, n) => Number(costOf(hash)) + n);
  return costs.map((cost) => decoy(String(cost).padStart(2, '0')));
}

function decoy(cost: string): string {
  return `$2b$${cost}$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi`;
}

/** The two digits in `$2b$10$`: each increment doubles the work. */
function costOf(hash: string): string {
  return hash.slice(4, 6);
}
