import { isIPv6 } from 'node:net';

/** The most passwords that wait to be hashed, one at a time; beyond it, the sender with the most turns is answered 429. */
export const maxPasswordChecks = 64;

/** The most addresses, users and connections (each) whose failed turns are remembered, and their half-life, milliseconds. */
const maxPasswordAccounts = 4096;
export const passwordTurnHalfLifeMs = 30_000;

/**
 * The number of wrong passwords, or tokens, after which each further refusal for an address is delayed. The first delay follows; it
 * doubles each time, up to the second one, milliseconds.
 */
const freeFailures = 3;
const minRefusalDelayMs = 250;
const maxRefusalDelayMs = 2000;

/** A sender that waits for a password to be hashed, or for Kubernetes to judge a token. */
export interface PasswordWaiter {
  readonly user: string;
  readonly address: string;
  /** The connection, as a number that is unique to it. */
  readonly connection: number;
}

/** The features that distinguish senders. A sender that differs from a flood in any of them does not wait for it. */
const features = ['address', 'user', 'connection'] as const;
type Feature = (typeof features)[number];

interface Account {
  readonly turns: number;
  readonly at: number;
}

/** An order by each of them, and one by waiting time. */
const orders = [...features, 'age'] as const;
type Order = (typeof orders)[number];

/**
 * Decides whose password is hashed next, and who is refused when too many wait. It counts failed turns by address, by user and by
 * connection; half of them are forgotten in {@link passwordTurnHalfLifeMs}. Four orders alternate: fewest by address, fewest by
 * user, fewest by connection, and longest wait. The second waiting sender of an address counts as if the first had had one turn
 * more, and so on. So nobody starves who is not refused, and a sender that differs from a flood in one of the three features is
 * next within four turns for each of the flood's with as few turns. Names count whether they are known or not, so waiting times
 * do not reveal which users exist.
 */
export class PasswordTurns<W extends PasswordWaiter> {
  /** In order of arrival, each with its accounts. */
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

  /** Adds a sender. Returns the one that is refused for it if too many wait; that may be the same one. */
  enter(waiter: W, now: number): W | undefined {
    this.#waiting.set(waiter, keysOf(waiter));
    if (this.#waiting.size <= maxPasswordChecks) return undefined;
    const refused = this.#last(now);
    this.#waiting.delete(refused);
    return refused;
  }

  /** Removes and returns the next sender; undefined if nobody waits. */
  next(now: number): W | undefined {
    const [next] = this.#ordered(orders[this.#turn]!, now);
    if (next === undefined) return undefined;
    this.#turn = (this.#turn + 1) % orders.length;
    this.#waiting.delete(next);
    return next;
  }

  /** The sender has disconnected, or no longer needs a turn. */
  leave(waiter: W): void {
    this.#waiting.delete(waiter);
  }

  /** A turn failed. */
  failed(waiter: W, now: number): void {
    const keys = keysOf(waiter);
    for (const feature of features)
      this.#accounts[feature].set(keys[feature], { turns: this.#turns(feature, keys[feature], now) + 1, at: now });
  }

  /** The password was right: failed turns of its user from this address no longer count. */
  succeeded(waiter: W, now: number): void {
    const keys = keysOf(waiter);
    for (const feature of features) this.#accounts[feature].set(keys[feature], { turns: 0, at: now });
  }

  /** The number of recent failed turns of an address. */
  turnsOf(address: string, now: number): number {
    return this.#turns('address', addressGroup(address), now);
  }

  /** How long the refusal of an address is delayed, by the number of its turns that failed lately, milliseconds. */
  refusalDelayMs(address: string, now: number): number {
    const more = this.turnsOf(address, now) - freeFailures;
    return more <= 0 ? 0 : Math.min(maxRefusalDelayMs, minRefusalDelayMs * 2 ** (more - 1));
  }

  #turns(feature: Feature, key: string, now: number): number {
    const account = this.#accounts[feature].get(key);
    if (account === undefined) return 0;
    // A clock that is set back forgets nothing.
    return account.turns * 2 ** (-Math.max(0, now - account.at) / passwordTurnHalfLifeMs);
  }

  /**
   * The waiting senders, the next one first. Among those with equally few turns, the one that has waited for longest comes first.
   */
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

  /**
   * The sender that has to wait longest even by its most favourable order; among several, longest by all orders; then the newest.
   */
  #last(now: number): W {
    const places = new Map<W, number[]>();
    for (const order of orders)
      for (const [place, waiter] of this.#ordered(order, now).entries())
        places.set(waiter, [...(places.get(waiter) ?? []), place]);
    const most = Math.max(...[...places.values()].map(weight));
    return this.waiting.findLast((waiter) => weight(places.get(waiter)!) === most)!;
  }
}

/** How late a sender is: its best place weighs more than all others together can. */
function weight(places: readonly number[]): number {
  return Math.min(...places) * 1e6 + places.reduce((sum, place) => sum + place, 0);
}

function keysOf({ address, user, connection }: PasswordWaiter): Readonly<Record<Feature, string>> {
  return { address: addressGroup(address), user: user.slice(0, 200), connection: String(connection) };
}

/** Keeps the values of the most recently used keys, and drops the least recently used one. */
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
 * The identity of one sender: an IPv4 address, even if it is written as an IPv6 one, or the first 64 bits of an IPv6 address,
 * because one machine has as many of those as it likes.
 */
export function addressGroup(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped !== null) return mapped[1]!;
  const [plain = ''] = address.split('%');
  if (!isIPv6(plain)) return address;
  // The URL parser accepts every spelling, and returns that of RFC 5952, without IPv4 at the end.
  const [head = '', tail] = new URL(`http://[${plain}]`).hostname.slice(1, -1).split('::');
  const [left, right] = [groupsOf(head), groupsOf(tail ?? '')];
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`;
}

function groupsOf(text: string): string[] {
  return text === '' ? [] : text.split(':');
}
