import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { LabelSet } from '../alert/labels.ts';
import { briefLabels, briefLabelSet } from './brief-labels.ts';
import { newAlert } from '../alert/new-alert.fixture.ts';

const long = 'x'.repeat(9000);

/** Labels l0, l1 and so on, all with the same value. */
function numbered(count: number, value: string): LabelSet {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`l${i}`, value]));
}

describe('briefLabels', () => {
  it('gives the labels of an alert of ordinary size as they are', () => {
    // The key is JSON: braces, quotes and a colon.
    const { labels } = newAlert({ a: 'x'.repeat(8192 - 8) });
    const brief = briefLabels(newAlert(labels));
    assert.deepEqual(brief.labels, labels);
    assert.equal(brief.omitted, 0);
  });

  it('begins to leave out one character later', () => {
    assert.deepEqual(briefLabels(newAlert({ a: 'x'.repeat(8192 - 7) })), { labels: {}, omitted: 1 });
  });

  it('leaves out long names and values, and cuts none', () => {
    const kept = { job: 'api', edge: 'x'.repeat(256), ['n'.repeat(256)]: 'v' };
    const labels = { ...kept, long, over: 'x'.repeat(257), ['n'.repeat(257)]: 'v' };
    assert.deepEqual(briefLabels(newAlert(labels)), { labels: kept, omitted: 3 });
  });

  it('keeps 32 labels, and always those that pipelines are chosen by', () => {
    const choosing = { alertname: 'A', pipeline_name: 'p', pipeline_type: 't' };
    const brief = briefLabels(newAlert({ ...numbered(100, 'x'.repeat(100)), ...choosing }));
    assert.deepEqual(Object.keys(brief.labels), [...Object.keys(numbered(32, '')), ...Object.keys(choosing)]);
    assert.equal(brief.omitted, 68);
  });

  it('leaves out a long alertname too', () => {
    assert.deepEqual(briefLabels(newAlert({ alertname: long, job: 'api' })), { labels: { job: 'api' }, omitted: 1 });
  });

  it('keeps a label with the name of a property of objects', () => {
    const labels = Object.fromEntries([
      ['__proto__', 'p'],
      ['constructor', 'c'],
      ['long', long],
    ]);
    const brief = briefLabels(newAlert(labels));
    assert.deepEqual(Object.entries(brief.labels), [
      ['__proto__', 'p'],
      ['constructor', 'c'],
    ]);
  });

  it('stays small, changes no label and counts the rest, whatever the labels', () => {
    const text = fc.oneof(
      fc.string({ minLength: 1 }),
      fc.integer({ min: 1, max: 600 }).map((n) => 'y'.repeat(n)),
    );
    fc.assert(
      fc.property(fc.dictionary(text, text, { maxKeys: 60, size: 'max' }), fc.boolean(), (some, large) => {
        const alert = newAlert(large ? { ...some, long } : some);
        const { labels, omitted } = briefLabels(alert);
        const entries = Object.entries(labels);
        assert.equal(entries.length + omitted, Object.keys(alert.labels).length);
        for (const [name, value] of entries) assert.equal(alert.labels[name], value);
        if (omitted > 0) assert.ok(entries.length <= 35 && omitted > 0);
        assert.ok(entries.flat().join('').length <= 35 * 512);
      }),
    );
  });

  it('does the same with labels alone, whose length is that of their texts', () => {
    const labels = { a: 'x'.repeat(8192 - 1) };
    assert.deepEqual(briefLabelSet(labels), { labels, omitted: 0 });
    assert.deepEqual(briefLabelSet({ ...labels, b: '' }), { labels: { b: '' }, omitted: 1 });
  });
});
