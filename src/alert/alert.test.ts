import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Alert, isResolved, receivedState, type AlertState } from './alert.ts';
import { labelKey } from './label-key.ts';
import type { LabelSet } from './label-set.ts';
import type { PostableAlert } from './postable-alert.ts';

const now = Date.parse('2026-11-21T03:00:00.000Z');
const resolveTimeoutMs = 300_000;

function posted(startsAt: number | undefined, endsAt: number | undefined): PostableAlert {
  return {
    key: 'k',
    labels: { a: 'b' },
    annotations: { c: 'd' },
    startsAt,
    endsAt,
    generatorURL: '/x',
    invalid: undefined,
  };
}

describe('receivedState', () => {
  /** startsAt, endsAt as sent, relative to now; startsAt, endsAt, timeout as defaulted. */
  type Row = readonly [what: string, sent: readonly (number | undefined)[], state: readonly [number, number, boolean]];
  const rows: readonly Row[] = [
    ['no times: from now until the resolve timeout', [], [0, resolveTimeoutMs, true]],
    ['a start alone: until the resolve timeout', [-1000], [-1000, resolveTimeoutMs, true]],
    ['an end alone, past: starts there', [undefined, -1000], [-1000, -1000, false]],
    ['an end alone, to come: starts there', [undefined, 1000], [1000, 1000, false]],
    ['both', [-1000, 1000], [-1000, 1000, false]],
    ['both, equal', [-1000, -1000], [-1000, -1000, false]],
    ['1970, which is not absent', [-now, -now], [-now, -now, false]],
  ];
  for (const [what, [startsAt, endsAt], [starts, ends, timeout]] of rows) {
    it(what, () => {
      const at = (offset: number | undefined): number | undefined => (offset === undefined ? undefined : now + offset);
      assert.deepEqual(receivedState(posted(at(startsAt), at(endsAt)), now, resolveTimeoutMs), {
        annotations: { c: 'd' },
        generatorURL: '/x',
        startsAt: now + starts,
        endsAt: now + ends,
        updatedAt: now,
        timeout,
      });
    });
  }
});

describe('Alert', () => {
  const alertOf = (labels: LabelSet): Alert => new Alert({ key: labelKey(labels), labels }, state(now));
  const state = (endsAt: number): AlertState => receivedState(posted(now - 1000, endsAt), now, resolveTimeoutMs);

  it('is resolved when its end is here', () => {
    assert.equal(isResolved(state(now - 1), now), true);
    assert.equal(isResolved(state(now), now), true);
    assert.equal(isResolved(state(now + 1), now), false);
  });

  it('counts as firing at first if it was when it came', () => {
    assert.equal(new Alert({ key: '{}', labels: {} }, state(now + 1)).announced, 'firing');
    assert.equal(new Alert({ key: '{}', labels: {} }, state(now)).announced, 'resolved');
  });

  it("has Alertmanager's fingerprint", () => {
    const alert = alertOf({ alertname: 'amt', node: 'bar', team: 'a' });
    assert.equal(alert.fingerprint, '86389a1cdfee5f8b');
    assert.equal(alert.fingerprint, '86389a1cdfee5f8b');
  });

  it('has the labels with which it came, and the name among them, whatever is kept of them', () => {
    const text = fc.oneof(
      fc.constantFrom('a', 'x"alertname', 'alertname', '__proto__', '10', 'y'.repeat(9000)),
      fc.string(),
    );
    const labelSet = fc.dictionary(text, text, { noNullPrototype: true });
    fc.assert(
      fc.property(labelSet, fc.option(text), (others, alertname) => {
        const labels = alertname === null ? others : { ...others, alertname };
        const alert = alertOf(labels);
        assert.deepEqual(alert.labels, labels);
        assert.equal(alert.alertname, Object.hasOwn(labels, 'alertname') ? labels['alertname'] : undefined);
      }),
    );
  });

  it('keeps labels as they are that would be costly to read again, or may be read wrongly', () => {
    const kept = (labels: LabelSet): boolean => alertOf(labels).keptLabels === labels;
    assert.deepEqual([{ a: 'b' }, { a: 'b'.repeat(9000) }, { a: '\n' }].map(kept), [false, true, true]);
  });
});
