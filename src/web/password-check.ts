import { createHmac, randomBytes } from 'node:crypto';
import { maxPasswordChecks, maxPasswordChecksPerAddress } from '../limits.ts';
import type { PasswordHasher } from './password-hasher.ts';
import { Recent } from './recent.ts';

/** `busy`: too many others wait to have theirs looked at. */
export type PasswordVerdict = 'good' | 'wrong' | 'busy';

export interface PasswordTry {
  readonly user: string;
  readonly password: string;
  /** The address that it came from: none may take all the turns. */
  readonly address: string;
}

/** How many outcomes are remembered. Wrong ones apart, so that a flood of them drives no good one out. */
const maxGood = 256;
const maxWrong = 1024;

/**
 * Checks passwords of basic authentication. What was checked is remembered, as exporter-toolkit does, under a keyed digest
 * of user, hash and password: no password is kept, and another hash in the file makes it void. An unknown user, and a wrong
 * password, cost what the dearest hash costs, so that time does not tell who is known.
 */
export class PasswordCheck {
  readonly #hasher: PasswordHasher;
  readonly #key = randomBytes(32);
  readonly #good = new Recent<true>(maxGood);
  readonly #wrong = new Recent<true>(maxWrong);
  readonly #underWay = new Map<string, Promise<PasswordVerdict>>();
  readonly #byAddress = new Map<string, number>();

  constructor(hasher: PasswordHasher) {
    this.#hasher = hasher;
  }

  /** At once if it is known, otherwise when it has been hashed. Rejects if hashing fails. */
  check(users: ReadonlyMap<string, string>, tried: PasswordTry): PasswordVerdict | Promise<PasswordVerdict> {
    const hash = users.get(tried.user) ?? decoyOf(users);
    const key = this.#digest(tried, hash);
    if (this.#good.get(key) !== undefined) return 'good';
    if (this.#wrong.get(key) !== undefined) return 'wrong';
    return this.#underWay.get(key) ?? this.#hash(users, tried, hash, key);
  }

  close(): Promise<void> {
    return this.#hasher.close();
  }

  #hash(
    users: ReadonlyMap<string, string>,
    { user, password, address }: PasswordTry,
    hash: string,
    key: string,
  ): 'busy' | Promise<PasswordVerdict> {
    const waiting = this.#byAddress.get(address) ?? 0;
    if (this.#underWay.size >= maxPasswordChecks || waiting >= maxPasswordChecksPerAddress) return 'busy';
    this.#byAddress.set(address, waiting + 1);
    const verdict = this.#matches(users, password, hash)
      .then((matches) => this.#remember(key, matches && users.has(user)))
      .finally(() => this.#done(key, address));
    this.#underWay.set(key, verdict);
    return verdict;
  }

  /** Takes as long for a wrong password as for an unknown user, whatever the hash costs. */
  async #matches(users: ReadonlyMap<string, string>, password: string, hash: string): Promise<boolean> {
    if (await this.#hasher.matches(password, hash)) return true;
    for (const padding of paddingOf(users, hash)) await this.#hasher.matches(password, padding);
    return false;
  }

  #remember(key: string, isGood: boolean): PasswordVerdict {
    (isGood ? this.#good : this.#wrong).set(key, true);
    return isGood ? 'good' : 'wrong';
  }

  #done(key: string, address: string): void {
    this.#underWay.delete(key);
    const waiting = this.#byAddress.get(address) ?? 0;
    if (waiting <= 1) this.#byAddress.delete(address);
    else this.#byAddress.set(address, waiting - 1);
  }

  #digest({ user, password }: PasswordTry, hash: string): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([user, hash, password]))
      .digest('base64');
  }
}

/** A hash of nobody's password that costs as much as the dearest of the users. */
function decoyOf(users: ReadonlyMap<string, string>): string {
  const costs = [...users.values()].map(costOf).toSorted();
  return decoy(costs.at(-1) ?? '10');
}

/** What has to be hashed besides, so that a wrong password for a cheap hash costs what the dearest does: each step doubles it. */
function paddingOf(users: ReadonlyMap<string, string>, hash: string): readonly string[] {
  const dearest = Number(costOf(decoyOf(users)));
  const costs = Array.from({ length: dearest - Number(costOf(hash)) }, (_, n) => Number(costOf(hash)) + n);
  return costs.map((cost) => decoy(String(cost).padStart(2, '0')));
}

function decoy(cost: string): string {
  return `$2b$${cost}$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi`;
}

/** The two digits of `$2b$10$`: twice the work for one more. */
function costOf(hash: string): string {
  return hash.slice(4, 6);
}
