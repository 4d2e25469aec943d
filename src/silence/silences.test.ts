import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Matcher } from '../matcher/matcher.ts';
import { silenceMemory } from './silence-size.ts';
import { testSilence } from './silence.fixture.ts';
import { concerns, silenceState, type Silence } from './silence.ts';
import { Silences } from './silences.ts';

describe('Silences', () => {
  it('silences nothing while it is empty', () => {
    assert.deepEqual(new Silences(1000).silencing({ labels: { job: 'node' } }, 1500), []);
  });

  it('silences from the start of a silence to its end, whether or not it was advanced to them', () => {
    const silences = new Silences(1000);
    silences.put(testSilence('a'), 0);
    const labels = { job: 'node' };
    assert.deepEqual(
      [999, 1000, 1999, 2000].map((now) => silences.isSilenced({ labels }, now)),
      [false, true, true, false],
    );
    assert.equal(silences.isSilenced({ labels: { job: 'other' } }, 1500), false);
  });

  it('answers correctly about an alert that it was asked about before, after every change', () => {
    const silences = new Silences(1000);
    const alert = { labels: { job: 'node' } };
    const answers = [
      testSilence('other', { matchers: [new Matcher('job', 'other', '=')] }),
      testSilence('a'),
      testSilence('b'),
      testSilence('a', { matchers: [new Matcher('job', 'x', '=')] }),
      testSilence('b', { endsAt: 1500 }),
    ].map((silence) => {
      silences.put(silence, 1500);
      return silences.silencedBy(alert, 1500).join();
    });
    assert.deepEqual(answers, ['', 'a', 'a,b', 'b', '']);
  });

  it('reports each start and each end once, and forgets after the retention', () => {
    const silences = new Silences(1000);
    silences.put(testSilence('a'), 0);
    const seen: unknown[] = [];
    for (let next = silences.nextAdvanceAt; next !== undefined && seen.length < 9; next = silences.nextAdvanceAt) {
      const { started, ended, forgotten } = silences.advance(next);
      seen.push([next, started.length, ended.length, forgotten.length]);
    }
    assert.deepEqual(seen, [
      [1000, 1, 0, 0],
      [2000, 0, 1, 0],
      [3000, 0, 0, 1],
    ]);
    assert.equal(silences.size, 0);
  });

  it('counts the memory of the last version of each silence, and nothing of a forgotten one', () => {
    const silences = new Silences(1000);
    const [a, b] = [testSilence('a'), testSilence('b', { endsAt: 1500 })];
    const longer = { ...a, comment: 'a longer one than before' };
    const bytes = [a, b, longer].map((silence) => {
      silences.put(silence, 0);
      return silences.memoryBytes;
    });
    const [ofA, ofB, ofLonger] = [a, b, longer].map(silenceMemory) as [number, number, number];
    assert.deepEqual(bytes, [ofA, ofA + ofB, ofLonger + ofB]);
    silences.advance(2500);
    assert.equal(silences.memoryBytes, ofLonger);
    silences.advance(3000);
    assert.equal(silences.memoryBytes, 0);
    assert.equal(silences.put(a, 0), undefined);
  });

  it('holds a silence from when it is stored until its end is reported', () => {
    const silences = new Silences(1000);
    silences.put(testSilence('past', { endsAt: 1100 }), 1200);
    assert.equal(silences.holdsAny, false);
    silences.put(testSilence('a'), 0);
    assert.equal(silences.holdsAny, true);
    silences.advance(1999);
    assert.equal(silences.holdsAny, true);
    silences.advance(2000);
    assert.equal(silences.holdsAny, false);
  });

  it('reports a label on which an expression was not tried, however the silence is filed', () => {
    const told: unknown[] = [];
    const silences = new Silences(1000, ({ name }, value) => told.push([name, value.length]));
    const slow = new Matcher('job', '[ab]*a[ab]{900}', '=~');
    silences.put(testSilence('a', { matchers: [slow] }), 1000);
    silences.put(testSilence('b', { matchers: [slow, new Matcher('env', 'x', '=')] }), 1000);
    assert.deepEqual(silences.silencing({ labels: { job: 'a'.repeat(3000), env: 'x' } }, 1500), []);
    assert.deepEqual(told, [
      ['job', 3000],
      ['job', 3000],
    ]);
  });

  it('gives the ids sorted', () => {
    const silences = new Silences(1000);
    for (const id of ['c', 'a', 'b']) silences.put(testSilence(id), 1500);
    assert.deepEqual(silences.silencedBy({ labels: { job: 'node' } }, 1500), ['a', 'b', 'c']);
  });

  it('agrees with a check of every silence, whatever was done before', () =>
    fc.assert(
      fc.property(fc.array(operation(), { maxLength: 60 }), (operations) => {
        const silences = new Silences(3000);
        const model = new Map<string, Silence>();
        let now = 0;
        for (const { wait, silence, labels } of operations) {
          now += wait;
          silences.advance(now);
          for (const [id, { endsAt }] of model) if (endsAt + 3000 <= now) model.delete(id);
          silences.put(silence, now);
          model.set(silence.id, silence);
          for (const at of [now, now + 700]) {
            const expected = [...model.values()].filter((s) => silenceState(s, at) === 'active' && concerns(s, labels));
            assert.deepEqual(silences.silencedBy({ labels }, at), expected.map(({ id }) => id).toSorted());
          }
          const states = [...model.values()].map((s) => silenceState(s, now));
          assert.equal(silences.count(now).active, states.filter((state) => state === 'active').length);
        }
      }),
    ));

  it('reports each start and end once, whenever the process is away', () =>
    fc.assert(
      fc.property(
        fc.array(storedSilence(), { maxLength: 8 }),
        fc.array(step(), { minLength: 1, maxLength: 20 }),
        (given, steps) => {
          const stored = given.map((one, index) => ({ ...one, id: `${index}` }));
          let silences = new Silences(100_000);
          for (const one of stored) silences.put(one, one.updatedAt);
          const told: string[] = [];
          let toldUntil = Number.NEGATIVE_INFINITY;
          // Nobody asks before the last of them was stored.
          let now = Math.max(0, ...stored.map(({ updatedAt }) => updatedAt));
          for (const { wait, restarts } of steps) {
            now += wait;
            if (restarts) {
              silences = new Silences(100_000);
              for (const one of stored) silences.restore(one, toldUntil, now);
            }
            const { started, ended } = silences.advance(now);
            told.push(...started.map(({ id }) => `${id} starts`), ...ended.map(({ id }) => `${id} ends`));
            if (started.length + ended.length > 0) toldUntil = now;
            const isActive = stored.some((one) => silenceState(one, now) === 'active');
            assert.equal(silences.isSilenced({ labels: { job: 'node' } }, now), isActive);
          }
          for (const { id, updatedAt, startsAt, endsAt } of stored) {
            const ends = updatedAt < endsAt && endsAt <= now ? 1 : 0;
            assert.equal(told.filter((line) => line === `${id} ends`).length, ends);
            // Of a silence that ended before the next look, only the end is reported.
            const starts = told.filter((line) => line === `${id} starts`).length;
            assert.ok(starts <= (updatedAt < startsAt ? 1 : 0));
            if (silenceState({ startsAt, endsAt }, now) === 'active')
              assert.equal(starts, updatedAt < startsAt ? 1 : 0);
          }
        },
      ),
    ));
});

/** A silence as requests leave it: last changed before its end, or at its end. */
function storedSilence() {
  return fc
    .record({ updatedAt: fc.nat(3), startsAt: fc.nat(3000), length: fc.nat(3000) })
    .map(({ updatedAt, startsAt, length }) =>
      testSilence('', { updatedAt, startsAt, endsAt: Math.max(updatedAt, startsAt + length) }),
    );
}

function step() {
  return fc.record({ wait: fc.nat(1000), restarts: fc.boolean() });
}

const labelSets = [{ a: 'x' }, { a: 'y', b: 'x' }, { b: 'x' }, { c: 'z' }, { a: 'xx', b: 'y', c: 'z' }] as const;

function operation() {
  const matcher = fc
    .tuple(
      fc.constantFrom('a', 'b', 'c'),
      fc.constantFrom('', 'x', 'y', 'x+', 'x|', '.*'),
      fc.constantFrom('=', '!=', '=~', '!~'),
    )
    .map(([name, value, type]) => new Matcher(name, value, type));
  return fc.record({
    wait: fc.integer({ min: 0, max: 1000 }),
    labels: fc.constantFrom(...labelSets.map((labels): Readonly<Record<string, string>> => labels)),
    silence: fc
      .record({
        id: fc.constantFrom('p', 'q', 'r', 's'),
        startsAt: fc.nat(4000),
        length: fc.nat(4000),
        matchers: fc.array(matcher, { minLength: 1, maxLength: 3 }),
      })
      .map(({ id, startsAt, length, matchers }) => testSilence(id, { startsAt, endsAt: startsAt + length, matchers })),
  });
}
