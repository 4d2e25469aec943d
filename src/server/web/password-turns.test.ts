import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  maxPasswordChecks,
  passwordTurnHalfLifeMs,
  PasswordTurns,
  Recent,
  addressGroup,
  type PasswordWaiter,
} from './password-turns.ts';

interface Named extends PasswordWaiter {
  readonly name: string;
}

const attacker = fc.record({
  address: fc.nat({ max: 7 }).map((n) => `10.0.0.${n}`),
  user: fc.constantFrom('good', 'other', 'third'),
  connection: fc.nat({ max: 10 }).map((n) => n + 1),
});

/** The sequence: attackers arrive, then one turn is over. */
const flood = fc.array(fc.array(attacker, { maxLength: 30 }), { minLength: 60, maxLength: 80 });

/** The features by which the good sender differs from the flood; all others are the flood's. */
const differences = {
  address: { address: '10.9.9.9', user: 'good', connection: 1 },
  connection: { address: '10.0.0.0', user: 'good', connection: 99 },
  user: { address: '10.0.0.0', user: 'mine', connection: 1 },
} as const;

describe('PasswordTurns', () => {
  for (const [difference, sender] of Object.entries(differences)) {
    it(`lets in a sender that differs from a flood by ${difference} alone, within four turns for each of the flood's`, () => {
      fc.assert(
        fc.property(flood, fc.nat({ max: 5 }), (rounds, comesAt) => {
          const turns = new PasswordTurns<Named>();
          const good: Named = { ...sender, name: 'good' };
          let waited = 0;
          for (const [round, attackers] of rounds.entries()) {
            const now = round * 60;
            if (round === comesAt) assert.notEqual(turns.enter(good, now), good);
            for (const each of attackers) turns.enter({ ...each, name: 'bad' }, now);
            const next = turns.next(now);
            if (round >= comesAt) waited++;
            if (next === good) return void assert.ok(waited <= 4 * 13, String(waited));
            if (next !== undefined) turns.failed(next, now);
            if (round >= comesAt) assert.ok(turns.waiting.includes(good), 'refused');
          }
        }),
        { endOnFailure: true },
      );
    });
  }

  it('lets in at once a lone sender after eight connections, or twenty addresses, that go on forever', () => {
    for (const floodOf of [
      (n: number): PasswordWaiter => ({ address: '10.0.0.1', user: 'good', connection: (n % 8) + 1 }),
      (n: number): PasswordWaiter => ({ address: `10.0.1.${n % 20}`, user: 'good', connection: (n % 20) + 1 }),
    ]) {
      const turns = new PasswordTurns<PasswordWaiter>();
      const good = { address: '10.0.0.1', user: 'good', connection: 99 };
      let n = 0;
      const round = (now: number): PasswordWaiter | undefined => {
        while (turns.waiting.length < maxPasswordChecks) turns.enter(floodOf(n++), now);
        const next = turns.next(now);
        if (next !== undefined && next !== good) turns.failed(next, now);
        return next;
      };
      for (let turn = 0; turn < 100; turn++) round(turn * 60);
      assert.notEqual(turns.enter(good, 6000), good);
      let waited = 1;
      while (round(6000 + waited * 60) !== good) waited++;
      assert.ok(waited <= 4, String(waited));
    }
  });

  it('holds a limited number, refuses one for each beyond it, and serves all that are left', () => {
    fc.assert(
      fc.property(fc.array(attacker, { maxLength: 300 }), (all) => {
        const turns = new PasswordTurns<Named>();
        const [left, refused] = [new Set<Named>(), new Set<Named>()];
        for (const each of all) {
          const waiter = { ...each, name: 'x' };
          left.add(waiter);
          const other = turns.enter(waiter, 0);
          if (other === undefined) continue;
          refused.add(other);
          left.delete(other);
        }
        assert.ok(turns.waiting.length <= maxPasswordChecks);
        assert.equal(refused.size, Math.max(0, all.length - maxPasswordChecks));
        for (let next = turns.next(0); next !== undefined; next = turns.next(0)) {
          assert.ok(left.delete(next));
          turns.failed(next, 0);
        }
        assert.equal(left.size, 0);
      }),
    );
  });

  it('refuses the sender with the most turns, not the newest', () => {
    const turns = new PasswordTurns<PasswordWaiter>();
    const greedy = { address: '10.0.0.1', user: 'good', connection: 1 };
    for (let n = 0; n < 5; n++) turns.failed(greedy, 0);
    for (let n = 0; n < maxPasswordChecks - 1; n++)
      turns.enter({ address: `10.0.1.${n}`, user: `user ${n}`, connection: n + 2 }, 0);
    turns.enter(greedy, 0);
    assert.equal(turns.enter({ address: '10.0.2.1', user: 'new', connection: 1000 }, 0), greedy);
  });

  it('forgets half of the turns in each half-life, all after a success, and none when the clock is set back', () => {
    const turns = new PasswordTurns<PasswordWaiter>();
    const sender = { address: '2001:db8::1', user: 'a', connection: 1 };
    for (let n = 0; n < 4; n++) turns.failed(sender, 1000);
    assert.equal(turns.turnsOf('2001:db8::ffff', 0), 4);
    assert.equal(turns.turnsOf('2001:db8::ffff', 1000 + passwordTurnHalfLifeMs), 2);
    turns.succeeded(sender, 1000);
    assert.equal(turns.turnsOf('2001:db8::1', 1000), 0);
  });
});

describe('Recent', () => {
  it('forgets the key that was not used for the longest time', () => {
    const recent = new Recent<number>(2);
    recent.set('a', 1);
    recent.set('b', 2);
    assert.equal(recent.get('a'), 1);
    recent.set('c', 3);
    assert.deepEqual([recent.get('a'), recent.get('b'), recent.get('c')], [1, undefined, 3]);
  });
});

describe('addressGroup', () => {
  for (const [address, group] of [
    ['10.0.0.7', '10.0.0.7'],
    ['::ffff:10.0.0.7', '10.0.0.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:0DB8:0:0:ffff::', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['', ''],
  ] as const)
    it(`puts ${address || 'nothing'} into ${group || 'nothing'}`, () => assert.equal(addressGroup(address), group));

  it('is the same for all of a /64, and different for the next', () => {
    const group = fc.nat({ max: 0xffff });
    const text = (groups: readonly number[]): string => groups.map((each) => each.toString(16)).join(':');
    const four = fc.tuple(group, group, group, group);
    fc.assert(
      fc.property(four, four, four, (net, one, other) => {
        const next = [...net.slice(0, 3), net[3] ^ 1];
        assert.equal(addressGroup(text([...net, ...one])), addressGroup(text([...net, ...other])));
        assert.notEqual(addressGroup(text([...net, ...one])), addressGroup(text([...next, ...one])));
      }),
    );
  });
});
