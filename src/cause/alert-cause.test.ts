import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { causeFields } from './causes.fixture.ts';
import { Causes } from './causes.ts';
import { addCause, briefLabels, briefLabelSet } from './alert-cause.ts';
import { newAlert } from '../alert/new-alert.fixture.ts';
import type { LabelSet } from '../alert/labels.ts';

const huge = 'x'.repeat(20_000);

describe('addCause', () => {
  it('names an alert by its key, with its labels, its status and the time', () => {
    const causes = new Causes();
    const alert = newAlert({ alertname: 'A', job: 'api' });
    addCause(causes, alert, 'resolved', 5);
    const cause = { labels: alert.labels, status: 'resolved', firstSeen: 5, lastSeen: 5, count: 1 };
    assert.deepEqual(
      [...causes.alerts].map(([key, named]) => [key, causeFields(named)]),
      [[alert.key, cause]],
    );
  });

  it('keeps neither the labels nor the key of an alert with huge labels', () => {
    const causes = new Causes();
    addCause(causes, newAlert({ alertname: 'A', huge }), 'firing', 5);
    const [key, cause] = [...causes.alerts][0]!;
    assert.match(key, /^[0-9a-f]{64}$/);
    assert.deepEqual(cause.labels, { alertname: 'A' });
  });

  it('distinguishes huge alerts with the same brief labels, and recognizes each again', () => {
    const causes = new Causes();
    for (const end of ['1', '2', '1']) addCause(causes, newAlert({ alertname: 'A', huge: huge + end }), 'firing', 5);
    assert.deepEqual(
      [...causes.alerts.values()].map(({ count }) => count),
      [1, 2],
    );
  });
});

const long = 'x'.repeat(9000);

/** Labels l0, l1 and so on, all with the same value. */
function numbered(count: number, value: string): LabelSet {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`l${i}`, value]));
}

describe('briefLabels', () => {
  it('gives ordinary labels unchanged', () => {
    // The key is JSON, which adds braces, quotes and a colon.
    const { labels } = newAlert({ a: 'x'.repeat(8192 - 8) });
    const brief = briefLabels(newAlert(labels));
    assert.deepEqual(brief.labels, labels);
    assert.equal(brief.omitted, 0);
  });

  it('leaves out labels from one character more', () => {
    assert.deepEqual(briefLabels(newAlert({ a: 'x'.repeat(8192 - 7) })), { labels: {}, omitted: 1 });
  });

  it('leaves out long names and values, and cuts none', () => {
    const kept = { job: 'api', edge: 'x'.repeat(256), ['n'.repeat(256)]: 'v' };
    const labels = { ...kept, long, over: 'x'.repeat(257), ['n'.repeat(257)]: 'v' };
    assert.deepEqual(briefLabels(newAlert(labels)), { labels: kept, omitted: 3 });
  });

  it('keeps 32 labels, always including those that choose pipelines', () => {
    const choosing = { alertname: 'A', pipeline_name: 'p', pipeline_type: 't' };
    const brief = briefLabels(newAlert({ ...numbered(100, 'x'.repeat(100)), ...choosing }));
    assert.deepEqual(Object.keys(brief.labels), [...Object.keys(numbered(32, '')), ...Object.keys(choosing)]);
    assert.equal(brief.omitted, 68);
  });

  it('leaves out even a long alertname', () => {
    assert.deepEqual(briefLabels(newAlert({ alertname: long, job: 'api' })), { labels: { job: 'api' }, omitted: 1 });
  });

  it('keeps a label with the name of an object property', () => {
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

  it('stays small, changes no label and counts the others, whatever the labels', () => {
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

  it('does the same with labels alone, measured by their texts', () => {
    const labels = { a: 'x'.repeat(8192 - 1) };
    assert.deepEqual(briefLabelSet(labels), { labels, omitted: 0 });
    assert.deepEqual(briefLabelSet({ ...labels, b: '' }), { labels: { b: '' }, omitted: 1 });
  });
});
