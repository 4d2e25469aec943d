import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { maxPasswordChecks } from './password-turns.ts';
import { PasswordCheck } from './password-check.ts';
import type { PasswordHasher } from './password-hasher.ts';

const hash = `$2y$12$${'x'.repeat(53)}`;
const users = new Map([['alice', hash]]);

/** Accepts `good` as the password of every hash, once `settle` is called. */
class SlowHasher implements PasswordHasher {
  readonly asked: (readonly [password: string, hash: string])[] = [];
  readonly #waiting: (() => void)[] = [];

  matches(password: string, given: string): Promise<boolean> {
    this.asked.push([password, given]);
    return new Promise((resolve) => this.#waiting.push(() => resolve(password === 'good')));
  }

  settle(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function create() {
  const hasher = new SlowHasher();
  let connection = 0;
  const check = new PasswordCheck(hasher, new FakeClock());
  const tryOnce = (user: string, password: string, address = 'a') =>
    check.check(users, { user, password, address, connection: ++connection });
  return { hasher, check, tryOnce };
}

describe('PasswordCheck', () => {
  it('hashes a password once, and remembers it', async () => {
    const { hasher, tryOnce } = create();
    const [first, second] = [tryOnce('alice', 'good'), tryOnce('alice', 'good', 'b')];
    hasher.settle();
    assert.deepEqual([await first, await second], ['good', 'good']);
    assert.equal(tryOnce('alice', 'good'), 'good');
    assert.equal(hasher.asked.length, 1);
  });

  it('remembers a wrong one as well', async () => {
    const { hasher, tryOnce } = create();
    const first = tryOnce('alice', 'bad');
    hasher.settle();
    assert.equal(await first, 'wrong');
    assert.equal(tryOnce('alice', 'bad'), 'wrong');
  });

  it('hashes for an unknown user at the same cost, and refuses each', async () => {
    const { hasher, tryOnce } = create();
    const first = tryOnce('bob', 'good');
    hasher.settle();
    assert.equal(await first, 'wrong');
    assert.match(hasher.asked[0]?.[1] ?? '', /^\$2b\$12\$[./A-Za-z\d]{53}$/);
  });

  it('spends as much on an unknown user, and on every wrong password, as the most expensive hash costs', async () => {
    const asked: string[] = [];
    const check = new PasswordCheck(
      {
        matches: (_, given) => Promise.resolve(void asked.push(given.slice(4, 6))).then(() => false),
        close: () => Promise.resolve(),
      },
      new FakeClock(),
    );
    const mixed = new Map(['05', '12', '10'].map((cost) => [cost, `$2y$${cost}$${'x'.repeat(53)}`]));
    const workOf = async (user: string): Promise<number> => {
      asked.length = 0;
      assert.equal(await check.check(mixed, { user, password: 'bad', address: 'a', connection: 1 }), 'wrong');
      return asked.reduce((work, cost) => work + 2 ** Number(cost), 0);
    };
    for (const user of ['nobody', '05', '10', '12']) assert.equal(await workOf(user), 2 ** 12, user);
  });

  it('forgets a result when the hash in the file changes', async () => {
    const { hasher, check, tryOnce } = create();
    const first = tryOnce('alice', 'good');
    hasher.settle();
    await first;
    const changed = new Map([['alice', hash.replaceAll('x', 'y')]]);
    assert.ok(
      check.check(changed, { user: 'alice', password: 'good', address: 'a', connection: 1 }) instanceof Promise,
    );
  });

  it('refuses one of a crowd when too many wait, and never a lone sender', async () => {
    const { hasher, tryOnce } = create();
    const crowd = Array.from({ length: maxPasswordChecks + 1 }, (_, n) => Promise.resolve(tryOnce('alice', `bad${n}`)));
    const good = tryOnce('alice', 'good', 'b');
    assert.equal(await Promise.race(crowd), 'busy');
    const verdict = Promise.resolve(good);
    for (let turn = 0; turn < 5; turn++) {
      hasher.settle();
      await setImmediate();
    }
    assert.equal(await Promise.race([verdict, setImmediate('late')]), 'good');
    for (let turn = 0; turn < 100; turn++) {
      hasher.settle();
      await setImmediate();
    }
    await Promise.all(crowd);
  });

  it('gives no turn to a sender that has disconnected', async () => {
    const { hasher, check, tryOnce } = create();
    const first = tryOnce('alice', 'bad');
    const gone = { user: 'alice', password: 'gone', address: 'a', connection: 9 };
    void check.check(users, gone);
    check.leave(gone);
    hasher.settle();
    await first;
    assert.deepEqual(
      hasher.asked.map(([password]) => password),
      ['bad'],
    );
  });

  it('delays the refusals of an address with failed attempts, and of no other', async () => {
    const { hasher, check, tryOnce } = create();
    const delays: number[] = [];
    for (let n = 0; n < 8; n++) {
      const verdict = tryOnce('alice', `bad${n}`);
      hasher.settle();
      await verdict;
      delays.push(check.refusalDelayMs('a'));
    }
    assert.deepEqual(delays, [0, 0, 0, 250, 500, 1000, 2000, 2000]);
    assert.equal(check.refusalDelayMs('b'), 0);
  });
});
