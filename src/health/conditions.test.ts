import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type DesiredCondition, setCondition } from './conditions.ts';
import type { Condition } from '../reconcile/ports.ts';

const now = Date.parse('2026-11-21T03:08:54.987Z');
const before = '2026-11-20T10:00:00Z';
const desired: DesiredCondition = {
  type: 'TelemetryFlowHealthy',
  status: 'True',
  reason: 'FlowHealthy',
  message: 'No problems detected in the telemetry flow',
  observedGeneration: 3,
};
const existing: Condition = { ...desired, lastTransitionTime: before };
const foreign: Condition = {
  type: 'GatewayHealthy',
  status: 'True',
  reason: 'GatewayReady',
  message: '',
  lastTransitionTime: before,
};

describe('setCondition', () => {
  it('adds a new condition at the end, with the time in whole seconds', () => {
    const { type, status, reason, message } = desired;
    assert.deepEqual(setCondition([foreign], desired, now), {
      conditions: [foreign, { ...desired, lastTransitionTime: '2026-11-21T03:08:54Z' }],
      transition: { type, from: '', to: status, fromReason: '', reason, message },
    });
  });

  it('returns undefined when nothing differs', () => {
    assert.equal(setCondition([foreign, existing], desired, now), undefined);
  });

  it('moves the time and tells the transition when the status changes', () => {
    const failing: DesiredCondition = { ...desired, status: 'False', reason: 'GatewayThrottling', message: 'slow' };
    assert.deepEqual(setCondition([existing, foreign], failing, now), {
      conditions: [{ ...failing, lastTransitionTime: '2026-11-21T03:08:54Z' }, foreign],
      transition: {
        type: 'TelemetryFlowHealthy',
        from: 'True',
        to: 'False',
        fromReason: 'FlowHealthy',
        reason: 'GatewayThrottling',
        message: 'slow',
      },
    });
  });

  it('keeps the time and tells the transition when only the reason changes', () => {
    const update = setCondition([existing], { ...desired, reason: 'Other' }, now);
    assert.equal(update?.conditions[0]?.lastTransitionTime, before);
    assert.deepEqual([update.transition?.fromReason, update.transition?.reason], ['FlowHealthy', 'Other']);
  });

  it('tells a change of status without a change of reason', () => {
    const { transition } = setCondition([existing], { ...desired, status: 'Unknown' }, now) ?? {};
    assert.deepEqual([transition?.from, transition?.to], ['True', 'Unknown']);
  });

  it('writes a changed message or generation without a transition', () => {
    for (const change of [{ message: 'other' }, { observedGeneration: 4 }]) {
      assert.deepEqual(setCondition([existing], { ...desired, ...change }, now), {
        conditions: [{ ...existing, ...change }],
      });
    }
  });

  it('writes the generation where it was missing', () => {
    const { observedGeneration, ...without } = existing;
    assert.deepEqual(setCondition([without], desired, now), { conditions: [{ ...without, observedGeneration }] });
  });

  it('keeps fields that it does not know', () => {
    const extended = { ...existing, severity: 'Info' };
    assert.deepEqual(setCondition([extended], { ...desired, message: 'other' }, now), {
      conditions: [{ ...extended, message: 'other' }],
    });
  });

  it('updates the first of several of the type and removes the others, in place', () => {
    const last = { ...foreign, type: 'AgentHealthy' };
    const duplicates = [foreign, { ...existing, status: 'False' as const }, last, existing];
    const update = setCondition(duplicates, desired, now);
    assert.deepEqual(update?.conditions, [foreign, { ...desired, lastTransitionTime: '2026-11-21T03:08:54Z' }, last]);
    assert.equal(update.transition?.from, 'False');
  });

  it('removes a duplicate even when the first is as desired', () => {
    assert.deepEqual(setCondition([existing, { ...existing, reason: 'Other' }], desired, now), {
      conditions: [existing],
    });
  });

  it('gives a time to an entry that has none', () => {
    const update = setCondition([{ ...existing, lastTransitionTime: '' }], { ...desired, message: 'other' }, now);
    assert.equal(update?.conditions[0]?.lastTransitionTime, '2026-11-21T03:08:54Z');
  });

  it('leaves the given conditions as they are', () => {
    const given = [Object.freeze({ ...existing }), foreign];
    setCondition(Object.freeze(given), { ...desired, status: 'False' }, now);
    assert.deepEqual(given, [existing, foreign]);
  });
});

const status = fc.constantFrom<Condition['status'][]>('True', 'False', 'Unknown');
const word = fc.constantFrom('a', 'b');
const generation = fc.integer({ min: 1, max: 2 });
const anyDesired = fc.record({
  type: fc.constant('TelemetryFlowHealthy'),
  status,
  reason: word,
  message: word,
  observedGeneration: generation,
});
const anyCondition = fc
  .tuple(
    fc.record({
      type: fc.constantFrom('TelemetryFlowHealthy', 'GatewayHealthy', 'ConfigurationGenerated'),
      status,
      reason: word,
      message: word,
      lastTransitionTime: fc.constantFrom(before, '2026-11-20T11:00:00Z'),
    }),
    fc.option(fc.record({ observedGeneration: generation }), { nil: {} }),
    fc.option(fc.record({ severity: word }), { nil: {} }),
  )
  .map(([condition, ...more]): Condition => Object.assign({}, condition, ...more));
const anyConditions = fc.array(anyCondition, { maxLength: 6 });

describe('setCondition, for any conditions', () => {
  it('has nothing left to do once done, at any later time', () => {
    fc.assert(
      fc.property(anyConditions, anyDesired, (current, wanted) => {
        const conditions = setCondition(current, wanted, now)?.conditions ?? current;
        assert.equal(setCondition(conditions, wanted, now + 60_000), undefined);
        assert.equal(conditions.filter(({ type }) => type === wanted.type).length, 1);
      }),
    );
  });

  it('keeps every foreign condition, untouched and in order', () => {
    fc.assert(
      fc.property(anyConditions, anyDesired, (current, wanted) => {
        const foreignOf = (all: readonly Condition[]) => all.filter(({ type }) => type !== wanted.type);
        const conditions = setCondition(current, wanted, now)?.conditions ?? current;
        assert.deepEqual(foreignOf(conditions), foreignOf(current));
      }),
    );
  });

  it('moves the time exactly when the status changes', () => {
    fc.assert(
      fc.property(anyConditions, anyDesired, (current, wanted) => {
        const oursOf = (all: readonly Condition[]) => all.find(({ type }) => type === wanted.type);
        const [was, is] = [oursOf(current), oursOf(setCondition(current, wanted, now)?.conditions ?? current)];
        const expected = was?.status === wanted.status ? was.lastTransitionTime : '2026-11-21T03:08:54Z';
        assert.equal(is?.lastTransitionTime, expected);
      }),
    );
  });

  it('tells a transition exactly when status or reason change', () => {
    fc.assert(
      fc.property(anyConditions, anyDesired, (current, wanted) => {
        const was = current.find(({ type }) => type === wanted.type);
        const changes = was?.status !== wanted.status || was.reason !== wanted.reason;
        assert.equal(setCondition(current, wanted, now)?.transition !== undefined, changes);
      }),
    );
  });
});
