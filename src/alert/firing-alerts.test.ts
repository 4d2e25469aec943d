import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FiringAlerts } from './firing-alerts.ts';
import type { LabelSet } from './labels.ts';
import type { Slices } from '../runtime/slices.ts';

/** Labels as a parsed body has them: every name, even `__proto__`, is a property of the object itself. */
function parsed(json: string): LabelSet {
  return JSON.parse(json) as LabelSet;
}

describe('FiringAlerts', () => {
  const alerts = [
    { alertname: 'A', pod: 'x', n: '1' },
    { alertname: 'B', pod: 'x' },
    { alertname: 'A', n: '2' },
    { alertname: 'A', pod: 'x', n: '3' },
    { pod: 'x' },
  ];
  const firing = FiringAlerts.of(alerts);

  it('holds what it was given', () => {
    assert.equal(firing.size, 5);
  });

  it('finds the alerts of a name in the order in which they were added', () => {
    assert.deepEqual(firing.named('A'), [alerts[0], alerts[2], alerts[3]]);
    assert.deepEqual(firing.named('C'), []);
  });

  const byPod = (labels: LabelSet): string => (Object.hasOwn(labels, 'pod') ? `=${labels['pod']}` : 'none');

  it('gives the first alert of each group, whatever order they came in', () => {
    const expected = new Map([
      ['=x', alerts[0]],
      ['none', alerts[2]],
    ]);
    assert.deepEqual(firing.firsts('A', byPod), expected);
    assert.deepEqual(FiringAlerts.of(alerts.toReversed()).firsts('A', byPod), expected);
    assert.equal(firing.firsts('A', byPod), firing.firsts('A', byPod));
    assert.deepEqual(firing.firsts('C', byPod), new Map());
  });

  it('gives the same when it is prepared in slices, and prepares once for all callers', async () => {
    const pods = fc.array(fc.record({ pod: fc.constantFrom('x', 'y'), n: fc.nat({ max: 9 }).map(String) }), {
      maxLength: 300,
    });
    await fc.assert(
      fc.asyncProperty(pods, async (some) => {
        const all = some.map((labels) => ({ alertname: 'A', ...labels }));
        let groupings = 0;
        const counted = (labels: LabelSet): string => (groupings++, byPod(labels));
        const sliced = await FiringAlerts.inSlices(all, slicesThatAreOver());
        await Promise.all([sliced.prepare('A', counted), sliced.prepare('A', counted)]);
        assert.equal(sliced.isPrepared('A'), true);
        assert.deepEqual(sliced.firsts('A', counted), FiringAlerts.of(all).firsts('A', byPod));
        assert.equal(groupings, all.length);
      }),
      { numRuns: 50 },
    );
  });

  it('never holds the event loop for long, however many alerts have one name', async () => {
    const slices = slicesThatAreOver();
    const all = Array.from({ length: 5000 }, (_, n) => ({ alertname: 'A', pod: `${n % 7}`, n: `${n}` }));
    const sliced = await FiringAlerts.inSlices(all, slices);
    const added = slices.turns;
    await sliced.prepare('A', byPod);
    const prepared = slices.turns;
    assert.equal(await sliced.reports({ alertname: 'A', n: 'none' }), false);
    assert.ok(added >= 5000 / 64 - 1, `${added} turns while they were added`);
    assert.ok(prepared - added >= 5000 / 64 - 1, `${prepared - added} turns while the first ones were looked for`);
    assert.ok(slices.turns - prepared >= 5000 / 256 - 1, `${slices.turns - prepared} turns while one was searched`);
  });
});

/** Yields wherever it is possible. */
function slicesThatAreOver(): Slices & { readonly turns: number } {
  let turns = 0;
  return {
    isOver: true,
    yieldTurn: () => Promise.resolve(void turns++),
    get turns() {
      return turns;
    },
  } as unknown as Slices & { readonly turns: number };
}

describe('FiringAlerts.reports', () => {
  const fires = { alertname: 'InstanceDown', instance: 'a:9090', job: 'node' };
  const rows: readonly (readonly [name: string, pushed: LabelSet, expected: boolean])[] = [
    ['the alert itself', fires, true],
    ['one with external labels added', { ...fires, cluster: 'eu', replica: 'b' }, true],
    ['one with a label dropped', { alertname: 'InstanceDown', instance: 'a:9090' }, true],
    ['one with labels added and dropped', { alertname: 'InstanceDown', instance: 'a:9090', cluster: 'eu' }, true],
    ['one with nothing but the name', { alertname: 'InstanceDown' }, true],
    ['not another instance', { ...fires, instance: 'b:9090' }, false],
    ['not another name', { ...fires, alertname: 'InstanceUp' }, false],
    ['not one without a name', { instance: 'a:9090', job: 'node' }, false],
    ['one with a label called constructor', { ...fires, constructor: 'x' }, true],
  ];
  for (const [name, pushed, expected] of rows) {
    it(`reports ${name}`, async () => assert.equal(await FiringAlerts.of([fires]).reports({ ...pushed }), expected));
  }

  it('compares a label called __proto__', async () => {
    const odd = parsed('{"alertname": "A", "__proto__": "p"}');
    const firing = FiringAlerts.of([odd]);
    assert.equal(await firing.reports(parsed('{"alertname": "A", "__proto__": "p"}')), true);
    assert.equal(await firing.reports(parsed('{"alertname": "A", "__proto__": "q"}')), false);
  });

  it('gives the same answer when asked again', async () => {
    const firing = FiringAlerts.of([fires]);
    const [there, missing] = [{ ...fires }, { ...fires, job: 'x' }];
    assert.deepEqual(await Promise.all([there, missing, there, missing].map((pushed) => firing.reports(pushed))), [
      true,
      false,
      true,
      false,
    ]);
  });

  it('does not confuse one alert without a name with another', async () => {
    assert.equal(await FiringAlerts.of([{ job: 'node' }]).reports({ job: 'node' }), false);
  });

  it('agrees with a comparison of every alert, among few and among many', async () => {
    const value = fc.constantFrom('1', '2', '3', '4');
    const labels = fc
      .tuple(
        fc.constantFrom('A', 'B'),
        fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'constructor', '__proto__'), value, {
          noNullPrototype: true,
        }),
      )
      .map(([alertname, more]): LabelSet => ({ ...more, alertname }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(labels, { maxLength: 30 }),
        fc.integer({ min: 0, max: 400 }),
        fc.array(labels, { minLength: 1, maxLength: 20 }),
        async (some, fillers, pushes) => {
          // Fillers that agree with no pushed alert move the alerts that count beyond the first few.
          const filling = Array.from({ length: fillers }, (_, i) => filler(i));
          const all = [...filling, ...some];
          const firing = FiringAlerts.of(all);
          for (const pushed of pushes)
            assert.equal(
              await firing.reports(pushed),
              all.some((alert) => sameAlert(alert, pushed)),
            );
        },
      ),
      { numRuns: 300 },
    );
  });

  it('costs little for each pushed alert, however many alerts fire', async () => {
    let comparisons = 0;
    const counted = (labels: LabelSet): LabelSet =>
      new Proxy(labels, { ownKeys: (target) => (comparisons++, Reflect.ownKeys(target)) });
    const host = (i: number): LabelSet => ({
      alertname: 'A',
      severity: 'page',
      instance: `host-${i}`,
      job: `job-${i % 9}`,
    });
    const firing = FiringAlerts.of(Array.from({ length: 5000 }, (_, i) => counted(host(i))));
    for (let i = 0; i < 50; i++) {
      assert.equal(await firing.reports({ ...host(4000 + i), cluster: 'eu' }), true);
      assert.equal(await firing.reports(host(5000 + i)), false);
      assert.equal(await firing.reports({ ...host(i), severity: 'info' }), false);
    }
    assert.ok(comparisons <= 150 * (64 + 64) + 200, `${comparisons} comparisons`);
  });

  it('indexes only the label that distinguishes the alerts', async () => {
    let reads = 0;
    const counted = (labels: LabelSet): LabelSet =>
      new Proxy(labels, {
        getOwnPropertyDescriptor: (...args) => (reads++, Reflect.getOwnPropertyDescriptor(...args)),
      });
    const host = (i: number): LabelSet => ({ alertname: 'A', env: `${i % 2}`, instance: `${i}`, zone: `${i % 3}` });
    const firing = FiringAlerts.of(Array.from({ length: 5000 }, (_, i) => counted(host(i))));
    reads = 0;
    assert.equal(await firing.reports(host(4000)), true);
    assert.ok(reads < 2 * 5000, `${reads} reads of 5000 alerts`);
  });

  it('does not search again for an object that it was asked for before', async () => {
    let comparisons = 0;
    const counted = new Proxy(fires, { ownKeys: (target) => (comparisons++, Reflect.ownKeys(target)) });
    const firing = FiringAlerts.of([counted]);
    const pushed = { ...fires, job: 'x' };
    for (let i = 0; i < 10; i++) await firing.reports(pushed);
    assert.equal(comparisons, 1);
  });

  it('finds an alert by a label that only a few of many have, even beyond the labels that are numbered', async () => {
    const wide = (last: number): LabelSet => {
      const shared = Array.from({ length: 100 }, (_, i) => [`label_${i}`, 'same'] as const);
      return Object.fromEntries([['alertname', 'A'], ...shared, ['last', String(last)]]);
    };
    const firing = FiringAlerts.of([...Array.from({ length: 300 }, (_, i) => wide(i)), { ...wide(7), rare: 'x' }]);
    assert.equal(await firing.reports(wide(299)), true);
    assert.equal(await firing.reports(wide(300)), false);
    assert.equal(await firing.reports({ ...wide(7), rare: 'x' }), true);
    assert.equal(await firing.reports({ ...wide(299), label_99: 'other' }), false);
  });
});

/** An alert that differs from every pushed alert of the property in a label that all of them may have. */
function filler(i: number): LabelSet {
  return { alertname: i % 7 === 0 ? 'B' : 'A', a: `x${i % 3}`, b: `x${i}`, c: 'x', d: 'x', constructor: 'x' };
}

/** The rule, without any index. */
function sameAlert(alert: LabelSet, pushed: LabelSet): boolean {
  const common = Object.keys(alert).filter((name) => Object.hasOwn(pushed, name));
  return common.includes('alertname') && common.every((name) => alert[name] === pushed[name]);
}
