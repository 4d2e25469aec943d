import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Alert } from './alert.ts';
import { AlertIndex } from './alert-index.ts';
import { posted } from './alert-store.fixture.ts';

/** An alert whose key gets this hash, whatever the key is. */
function alert(name: string, keyHash: number): Alert {
  const times = { startsAt: 0, endsAt: 1, updatedAt: 0, timeout: false };
  return new Alert({ ...posted({ labels: { name } }), keyHash }, times);
}

describe('AlertIndex', () => {
  it('finds an alert by its key, with and without its hash', () => {
    const index = new AlertIndex();
    const { times } = alert('a', 0);
    const a = new Alert(posted({ labels: { name: 'a' } }), times);
    index.add(a);
    assert.equal(index.find(a.key), a);
    assert.equal(index.find(a.key, a.keyHash), a);
    assert.equal(index.find('{"name":"b"}'), undefined);
    assert.equal(index.find('{"name":"b"}', a.keyHash), undefined);
  });

  it('holds what was added and not deleted, however many alerts share a hash', () => {
    const step = fc.record({ name: fc.nat({ max: 20 }), isIn: fc.boolean() });
    const hashes = fc.array(fc.nat({ max: 3 }), { minLength: 21, maxLength: 21 });
    fc.assert(
      fc.property(hashes, fc.array(step, { maxLength: 100, size: 'max' }), (hashOf, steps) => {
        const index = new AlertIndex();
        const alerts = hashOf.map((hash, name) => alert(String(name), hash));
        const model = new Set<Alert>();
        for (const { name, isIn } of steps) {
          const one = alerts[name]!;
          if (isIn && !model.has(one)) index.add(one);
          if (!isIn && model.has(one)) index.delete(one);
          if (isIn) model.add(one);
          else model.delete(one);
          assert.equal(index.size, model.size);
        }
        for (const one of alerts) assert.equal(index.find(one.key, one.keyHash), model.has(one) ? one : undefined);
        assert.deepEqual(new Set(index.values()), model);
        assert.equal([...index.values()].length, model.size);
      }),
    );
  });

  it('is not slow if all alerts share one hash', () => {
    const index = new AlertIndex();
    const counted = { compared: 0 };
    const alerts = Array.from({ length: 1000 }, (_, n) => countComparisons(alert(String(n), 7), counted));
    for (const one of alerts) index.add(one);
    counted.compared = 0;
    for (const one of alerts) assert.equal(index.find(one.key, 7), one);
    for (const one of alerts) index.delete(one);
    assert.ok(counted.compared <= 3 * alerts.length, `${counted.compared} looks at a key`);
    assert.equal(index.size, 0);
  });
});

/** Counts every read of the alert's key. */
function countComparisons(one: Alert, counted: { compared: number }): Alert {
  const { key } = one;
  return Object.defineProperty(one, 'key', { get: () => (counted.compared++, key) });
}
