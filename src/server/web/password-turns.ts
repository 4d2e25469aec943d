import { isIPv6 } from 'node:net';

/** Passwords that wait to be hashed, one at a time; over it whoever has had most turns is answered 429. */
export const maxPasswordChecks = 64;

/** Addresses, users and connections, each, whose turns in vain are remembered; and when they are half forgotten, milliseconds. */
const maxPasswordAccounts = 4096;
export const passwordTurnHalfLifeMs = 30_000;

/** Somebody who waits for a password to be hashed. */
export interface PasswordWaiter {
  readonly user: string;
  readonly address: string;
  /** The connection: the same number for the same one. */
  readonly connection: number;
}

/** What tells senders apart. Whoever differs from a flood in any of them does not wait for it. */
const features = ['address', 'user', 'connection'] as const;
type Feature = (typeof features)[number];

interface Account {
  readonly turns: number;
  readonly at: number;
}

/** By each of them, and by who has waited for longest. */
const orders = [...features, 'age'] as const;
type Order = (typeof orders)[number];

/**
 * Whose password is hashed next, and who is refused when too many wait. Turns that came to nothing are counted by address, by user
 * and by connection, and are forgotten by half in {@link passwordTurnHalfLifeMs}. Four orders take turns: fewest by address, fewest
 * by user, fewest by connection, and who has waited for longest. The second of the same address counts as if the first had had a
 * turn more, and so on. So nobody starves who is not refused, and whoever differs from a flood in one of the three is next within
 * four turns for each of the flood's that has had as few. Names count whether they are known or not: how long somebody waits
 * tells nobody which users exist.
 */
export class PasswordTurns<W extends PasswordWaiter> {
  /** In the order in which they came, each with its accounts. */
  readonly #waiting = new Map<W, Readonly<Record<Feature, string>>>();
  readonly #accounts: Readonly<Record<Feature, Recent<Account>>> = {
    address: new Recent(maxPasswordAccounts),
    user: new Recent(maxPasswordAccounts),
    connection: new Recent(maxPasswordAccounts),
  };
  #turn = 0;

  get waiting(): readonly W[] {
    return [...this.#waiting.keys()];
  }

  /** Takes one more in. Gives the one that is refused for it, which may be this one, if too many wait. */
  enter(waiter: W, now: number): W | undefined {
    this.#waiting.set(waiter, keysOf(waiter));
    if (this.#waiting.size <= maxPasswordChecks) return undefined;
    const refused = this.#last(now);
    this.#waiting.delete(refused);
    return refused;
  }

  /** Who is next, and waits no more; undefined if nobody waits. */
  next(now: number): W | undefined {
    const [next] = this.#ordered(orders[this.#turn]!, now);
    if (next === undefined) return undefined;
    this.#turn = (this.#turn + 1) % orders.length;
    this.#waiting.delete(next);
    return next;
  }

  /** Whoever waited has gone away, or needs no turn any more. */
  leave(waiter: W): void {
    this.#waiting.delete(waiter);
  }

  /** A turn came to nothing. */
  failed(waiter: W, now: number): void {
    const keys = keysOf(waiter);
    for (const feature of features)
      this.#accounts[feature].set(keys[feature], { turns: this.#turns(feature, keys[feature], now) + 1, at: now });
  }

  /** The password was right: its user, from there, has had no turn in vain. */
  succeeded(waiter: W, now: number): void {
    const keys = keysOf(waiter);
    for (const feature of features) this.#accounts[feature].set(keys[feature], { turns: 0, at: now });
  }

  /** How many turns that came to nothing an address has had of late. */
  turnsOf(address: string, now: number): number {
    return this.#turns('address', addressGroup(address), now);
  }

  #turns(feature: Feature, key: string, now: number): number {
    const account = this.#accounts[feature].get(key);
    if (account === undefined) return 0;
    // A clock that is set back forgets nothing.
    return account.turns * 2 ** (-Math.max(0, now - account.at) / passwordTurnHalfLifeMs);
  }

  /** Who waits, the next one first; of those that have had as few turns, the one that has waited for longest. */
  #ordered(order: Order, now: number): readonly W[] {
    if (order === 'age') return this.waiting;
    const shares = new Map<string, number>();
    const entries = [...this.#waiting].map(([waiter, keys]) => {
      const key = keys[order];
      const turns = shares.get(key) ?? this.#turns(order, key, now);
      shares.set(key, turns + 1);
      return { waiter, turns };
    });
    return entries.toSorted((one, other) => one.turns - other.turns).map(({ waiter }) => waiter);
  }

  /** The one that has to wait for longest even by the order that is best for it; of several, for longest by all; then the newest. */
  #last(now: number): W {
    const places = new Map<W, number[]>();
    for (const order of orders)
      for (const [place, waiter] of this.#ordered(order, now).entries())
        places.set(waiter, [...(places.get(waiter) ?? []), place]);
    const most = Math.max(...[...places.values()].map(weight));
    return this.waiting.findLast((waiter) => weight(places.get(waiter)!) === most)!;
  }
}

/** How late somebody is: the best place weighs more than all of them together can. */
function weight(places: readonly number[]): number {
  return Math.min(...places) * 1e6 + places.reduce((sum, place) => sum + place, 0);
}

function keysOf({ address, user, connection }: PasswordWaiter): Readonly<Record<Feature, string>> {
  return { address: addressGroup(address), user: user.slice(0, 200), connection: String(connection) };
}

/** Keeps the values of the keys that were asked for last; the one that nobody asked for the longest goes first. */
export class Recent<T> {
  readonly #maxEntries: number;
  readonly #entries = new Map<string, T>();

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get(key: string): T | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: string, value: T): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#maxEntries) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}

/**
 * What stands for one sender: an IPv4 address, also where it is written as an IPv6 one, or the first 64 bits of an IPv6 address,
 * of which one machine has as many as it likes.
 */
export function addressGroup(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped !== null) return mapped[1]!;
  const [plain = ''] = address.split('%');
  if (!isIPv6(plain)) return address;
  // The URL parser knows every spelling, and gives the one of RFC 5952, without IPv4 at the end.
  const [head = '', tail] = new URL(`http://[${plain}]`).hostname.slice(1, -1).split('::');
  const [left, right] = [groupsOf(head), groupsOf(tail ?? '')];
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`;
}

function groupsOf(text: string): string[] {
  return text === '' ? [] : text.split(':');
}
