import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Lane } from './causes.ts';
import { causeFields } from './causes.fixture.ts';
import { Causes, describeCauses, namedCauses } from './causes.ts';
import { alertNames, fewerCauses, restoredCauses, storedCauses, StoredCauses } from './stored-causes.ts';

const steps = fc.array(
  fc.oneof(
    fc.record({
      alertname: fc.constantFrom('A', 'B', 'C', 'D'),
      pod: fc.nat(30),
      status: fc.constantFrom('firing', 'resolved', 'expired', 'silence expired'),
      at: fc.nat(1000),
    }),
    fc.record({ truncated: fc.nat(3), at: fc.nat(1000) }),
    fc.record({ requestId: fc.string({ maxLength: 3 }) }),
    fc.record({ lane: fc.constantFrom<Lane>('platform', 'user') }),
  ),
  { maxLength: 60 },
);

function causesOf(all: typeof steps extends fc.Arbitrary<infer Steps> ? Steps : never): Causes {
  const causes = new Causes();
  for (const step of all) {
    if ('lane' in step) causes.absorb(new Causes(step.lane));
    else if ('requestId' in step) causes.addRequestId(step.requestId);
    else if ('truncated' in step) causes.addTruncated(step.truncated, step.at);
    else {
      // Any name is a label, also one that means something to JavaScript.
      const labels = Object.fromEntries([
        ['alertname', step.alertname],
        ['pod', String(step.pod)],
        ['__proto__', 'x'],
      ]);
      const times = { startsAt: step.at, endsAt: step.at + 1 };
      causes.addAlert(JSON.stringify(labels), { labels, times, fingerprint: `${step.pod}` }, step.status, step.at);
    }
  }
  return causes;
}

describe('stored causes', () => {
  it('say the same when they are read again', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const causes = causesOf(all);
        const json = JSON.stringify(storedCauses(causes));
        const again = restoredCauses(StoredCauses.parse(JSON.parse(json)));
        assert.deepEqual([...again.alerts.values()].map(causeFields), [...causes.alerts.values()].map(causeFields));
        assert.deepEqual([...again.alerts.keys()], [...causes.alerts.keys()]);
        assert.deepEqual(describeCauses(again), describeCauses(causes));
        assert.deepEqual(namedCauses(again), namedCauses(causes));
        assert.deepEqual(
          [again.lane, again.incomplete, again.firstSeen, again.lastSeen, [...again.triggers]],
          [causes.lane, causes.incomplete, causes.firstSeen, causes.lastSeen, [...causes.triggers]],
        );
        assert.equal(JSON.stringify(storedCauses(again)), json);
      }),
    );
  });
});

describe('fewerCauses', () => {
  it('keeps every name as long as there is room, and counts the rest', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 8 }), (all, max) => {
        const causes = causesOf(all);
        const few = fewerCauses(causes, max);
        assert.equal(few.alerts.size, Math.min(max, causes.alerts.size));
        assert.equal(alertNames(few).length, Math.min(max, alertNames(causes).length));
        assert.equal(few.alertCount, causes.alertCount);
        assert.equal(few.incomplete, causes.incomplete || causes.alerts.size > max);
        // In the order of arrival, the newest last.
        const order = [...causes.alerts.keys()];
        const kept = [...few.alerts.keys()].map((key) => order.indexOf(key));
        assert.deepEqual(
          kept,
          kept.toSorted((a, b) => a - b),
        );
      }),
    );
  });
});
