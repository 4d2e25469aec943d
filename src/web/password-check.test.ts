import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { maxPasswordChecks, maxPasswordChecksPerAddress } from '../limits.ts';
import { PasswordCheck } from './password-check.ts';
import type { PasswordHasher } from './password-hasher.ts';

const hash = `$2y$12$${'x'.repeat(53)}`;
const users = new Map([['alice', hash]]);

/** Takes `good` for the password of every hash, once `settle` is called. */
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
  const check = new PasswordCheck(hasher);
  const tryOnce = (user: string, password: string, address = 'a') => check.check(users, { user, password, address });
  return { hasher, check, tryOnce };
}

describe('PasswordCheck', () => {
  it('hashes a password once, and knows it from then on', async () => {
    const { hasher, tryOnce } = create();
    const [first, second] = [tryOnce('alice', 'good'), tryOnce('alice', 'good', 'b')];
    hasher.settle();
    assert.deepEqual([await first, await second], ['good', 'good']);
    assert.equal(tryOnce('alice', 'good'), 'good');
    assert.equal(hasher.asked.length, 1);
  });

  it('knows a wrong one as well', async () => {
    const { hasher, tryOnce } = create();
    const first = tryOnce('alice', 'bad');
    hasher.settle();
    assert.equal(await first, 'wrong');
    assert.equal(tryOnce('alice', 'bad'), 'wrong');
  });

  it('hashes for an unknown user at the same cost, and lets none in', async () => {
    const { hasher, tryOnce } = create();
    const first = tryOnce('bob', 'good');
    hasher.settle();
    assert.equal(await first, 'wrong');
    assert.match(hasher.asked[0]?.[1] ?? '', /^\$2b\$12\$[./A-Za-z\d]{53}$/);
  });

  it('has an unknown user, and every wrong password, cost what the dearest hash costs', async () => {
    const asked: string[] = [];
    const check = new PasswordCheck({
      matches: (_, given) => Promise.resolve(void asked.push(given.slice(4, 6))).then(() => false),
      close: () => Promise.resolve(),
    });
    const mixed = new Map(['05', '12', '10'].map((cost) => [cost, `$2y$${cost}$${'x'.repeat(53)}`]));
    const workOf = async (user: string): Promise<number> => {
      asked.length = 0;
      assert.equal(await check.check(mixed, { user, password: 'bad', address: 'a' }), 'wrong');
      return asked.reduce((work, cost) => work + 2 ** Number(cost), 0);
    };
    for (const user of ['nobody', '05', '10', '12']) assert.equal(await workOf(user), 2 ** 12, user);
  });

  it('forgets what it knew when the hash in the file is another', async () => {
    const { hasher, check, tryOnce } = create();
    const first = tryOnce('alice', 'good');
    hasher.settle();
    await first;
    const changed = new Map([['alice', hash.replaceAll('x', 'y')]]);
    assert.ok(check.check(changed, { user: 'alice', password: 'good', address: 'a' }) instanceof Promise);
  });

  it('lets one address wait with a few only, and all together with so many', async () => {
    const { hasher, tryOnce } = create();
    const ofOne = Array.from({ length: maxPasswordChecksPerAddress + 1 }, (_, n) => tryOnce('alice', `bad${n}`));
    assert.equal(ofOne.at(-1), 'busy');
    const left = maxPasswordChecks - maxPasswordChecksPerAddress;
    const others = Array.from({ length: left + 1 }, (_, n) => tryOnce('alice', `bad${n + 100}`, `address ${n}`));
    assert.equal(others.at(-1), 'busy');
    hasher.settle();
    await Promise.all([...ofOne, ...others]);
    assert.notEqual(tryOnce('alice', 'another'), 'busy');
  });
});
