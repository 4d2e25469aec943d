import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Alert } from './alert.ts';
import { posted } from './alert-store.fixture.ts';
import type { LabelSet } from './label-set.ts';
import { TextHash } from './text-hash.ts';

const now = Date.parse('2026-11-21T03:00:00.000Z');

describe('Alert', () => {
  const alertOf = (labels: LabelSet, endsAt = now): Alert =>
    new Alert(posted({ labels }), { startsAt: now - 1000, endsAt, updatedAt: now, timeout: false });

  it('counts as firing at first if it was when it came', () => {
    assert.equal(alertOf({ a: 'b' }, now + 1).announced, 'firing');
    assert.equal(alertOf({ a: 'b' }, now).announced, 'resolved');
  });

  it('knows the hash of its key, whoever worked it out', () => {
    const { keyHash, key, times } = alertOf({ a: 'b' });
    assert.equal(keyHash, TextHash.of(key));
    assert.equal(new Alert({ ...posted({}), keyHash: 7 }, times).keyHash, 7);
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
