import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { maxWatched, MissingAlerts, type Missing, type Overdue } from './missing-alerts.ts';

const patienceMs = 100;
const maxGapMs = 50;

function look(alerts: MissingAlerts, now: number, ...missing: readonly (string | Missing)[]): Overdue {
  alerts.begin(now, maxGapMs);
  for (const each of missing) alerts.miss(typeof each === 'string' ? { key: each, patienceMs } : each);
  return alerts.end();
}

describe('MissingAlerts', () => {
  it('tells an alert that every look has missed for its patience, as long as it is missing', () => {
    const alerts = new MissingAlerts();
    const told = [0, 50, 99, 100, 150, 160].map((now) => look(alerts, now, 'a').keys);
    assert.deepEqual(told, [[], [], [], ['a'], ['a'], ['a']]);
    assert.deepEqual(look(alerts, 170).keys, []);
    assert.deepEqual(look(alerts, 180, 'a').keys, []);
  });

  it('begins anew when a look has found the alert', () => {
    const alerts = new MissingAlerts();
    for (const now of [0, 40, 80]) look(alerts, now, 'a');
    look(alerts, 99);
    for (const now of [100, 140, 180]) assert.deepEqual(look(alerts, now, 'a').keys, []);
    assert.deepEqual(look(alerts, 200, 'a').keys, ['a']);
  });

  it('begins anew after a time without looks, but does not take back what it has told', () => {
    const alerts = new MissingAlerts();
    for (const now of [0, 50, 100]) look(alerts, now, 'told');
    look(alerts, 140, 'told', 'new');
    assert.deepEqual(look(alerts, 1000, 'told', 'new').keys, ['told']);
    assert.deepEqual(look(alerts, 1050, 'told', 'new').keys, ['told']);
    assert.deepEqual(look(alerts, 1100, 'told', 'new').keys, ['new', 'told']);
  });

  it('waits for evidence where that is needed', () => {
    const alerts = new MissingAlerts();
    const at = (now: number, evidence: number): readonly string[] =>
      look(alerts, now, { key: 'a', patienceMs, evidence }).keys;
    assert.deepEqual(
      [0, 50, 100, 150].map((now) => at(now, 1)),
      [[], [], [], []],
    );
    assert.deepEqual(at(160, 2), ['a']);
    assert.deepEqual(at(170, 2), ['a']);
  });

  it('forgets one that was found elsewhere', () => {
    const alerts = new MissingAlerts();
    for (const now of [0, 50, 100]) look(alerts, now, 'a', 'b');
    alerts.forget('a');
    assert.deepEqual(look(alerts, 110, 'a', 'b').keys, ['b']);
  });

  it('watches a limited number, and counts the others', () => {
    const alerts = new MissingAlerts();
    const names = Array.from({ length: maxWatched + 7 }, (_, index) => `alert ${index}`);
    assert.deepEqual(look(alerts, 0, ...names), { keys: [], unwatched: 7 });
    look(alerts, 50, ...names.toReversed());
    const { keys, unwatched } = look(alerts, 100, ...names.toReversed());
    assert.deepEqual([keys.length, unwatched], [maxWatched, 7]);
  });

  it('tells exactly those that a naive record of all looks tells', () => {
    const names = ['a', 'b', 'c'];
    const aLook = fc.record({
      waitMs: fc.integer({ min: 1, max: 60 }),
      missing: fc.uniqueArray(
        fc.record({ key: fc.constantFrom(...names), evidence: fc.constantFrom(undefined, 1, 2) }),
        {
          selector: ({ key }) => key,
        },
      ),
    });
    fc.assert(
      fc.property(fc.array(aLook, { maxLength: 40 }), (looks) => {
        const alerts = new MissingAlerts();
        let now = 0;
        const record: { at: number; gap: boolean; missing: ReadonlyMap<string, number | undefined> }[] = [];
        const told = new Set<string>();
        for (const { waitMs, missing } of looks) {
          now += waitMs;
          record.push({ at: now, gap: waitMs > maxGapMs, missing: new Map(missing.map((m) => [m.key, m.evidence])) });
          const found = look(alerts, now, ...missing.map((each) => ({ ...each, patienceMs })));
          for (const name of names) {
            const isMissing = record.at(-1)!.missing.has(name);
            if (!isMissing) told.delete(name);
            else if (!told.has(name)) {
              // Back to the first look of this absence, or the first one after a gap.
              let first = record.length - 1;
              while (first > 0 && !record[first]!.gap && record[first - 1]!.missing.has(name)) first--;
              const evidence = record.at(-1)!.missing.get(name);
              const isNews = evidence === undefined || evidence !== record[first]!.missing.get(name);
              if (isNews && now - record[first]!.at >= patienceMs) told.add(name);
            }
          }
          assert.deepEqual(found.keys, [...told].toSorted());
        }
      }),
      { numRuns: 2000 },
    );
  });
});
