import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { posted } from './alert-store.fixture.ts';
import { receivedTimes, mergeTimes, Alert, type AlertTimes } from './alert.ts';
import { SharedTimes, alertSize } from './alert-memory.ts';
import { labelKey, type LabelSet } from './labels.ts';

const resolveTimeoutMs = 50;

describe('SharedTimes', () => {
  it('gives equal times of one rule, and equal results of a merge, as one object each', () => {
    const times = new SharedTimes();
    const received = (endsAt: number, now: number): AlertTimes =>
      times.receivedTimes(posted({ startsAt: 1, endsAt }), now, resolveTimeoutMs);
    const stored = received(100, 10);
    assert.equal(received(100, 10), stored);
    const resolved = received(20, 20);
    assert.notEqual(resolved, stored);
    const merged = times.mergedTimes(stored, resolved);
    assert.deepEqual(merged, { startsAt: 1, endsAt: 20, updatedAt: 20, timeout: false });
    assert.equal(times.mergedTimes(stored, resolved), merged);
  });

  it('gives the earlier text for an equal name', () => {
    const times = new SharedTimes();
    assert.equal(times.name('InstanceDown'), 'InstanceDown');
    assert.equal(times.name('DiskFull'), 'DiskFull');
    assert.equal(times.name(undefined), undefined);
  });

  it('gives the same times as without sharing', () => {
    const time = fc.option(fc.nat({ max: 4 }), { nil: undefined });
    const post = fc.record({ startsAt: time, endsAt: time, now: fc.nat({ max: 2 }) });
    fc.assert(
      fc.property(fc.array(post, { maxLength: 30 }), (posts) => {
        const times = new SharedTimes();
        let stored = receivedTimes({ startsAt: 0, endsAt: 9 }, 0, resolveTimeoutMs);
        for (const { now, ...fields } of posts) {
          const received = times.receivedTimes(posted(fields), now, resolveTimeoutMs);
          assert.deepEqual(received, receivedTimes(fields, now, resolveTimeoutMs));
          const merged = times.mergedTimes(stored, received);
          assert.deepEqual(merged, mergeTimes(stored, received, now));
          if (now === 1) stored = merged;
        }
      }),
    );
  });
});

function alert(labels: LabelSet, annotations: LabelSet = {}, generatorURL = ''): Alert {
  const times = { startsAt: 0, endsAt: 0, updatedAt: 0, timeout: false };
  return new Alert({ key: labelKey(labels), labels, annotations, generatorURL }, times);
}

const texts = fc.dictionary(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), { minKeys: 1, maxKeys: 5 });

describe('alertSize', () => {
  it('counts label texts once if only the key is kept', () => {
    const empty = alertSize(alert({ a: 'b' }), 1);
    assert.equal(alertSize(alert({ a: `b${'x'.repeat(1000)}` }), 1) - empty, 1000);
  });

  it('counts label texts twice that are kept beside the key, and all others once', () => {
    const empty = alertSize(alert({ a: '"' }), 1);
    assert.equal(alertSize(alert({ a: `"${'x'.repeat(1000)}` }), 1) - empty, 2000);
    assert.equal(alertSize(alert({ a: '"' }, {}, 'x'.repeat(1000)), 1) - empty, 1000);
    const annotated = alertSize(alert({ a: '"' }, { c: '' }), 1);
    assert.equal(alertSize(alert({ a: '"' }, { c: 'x'.repeat(1000) }), 1) - annotated, 1000);
    assert.equal(alertSize(alert({ a: '"' }, { [`c${'x'.repeat(1000)}`]: '' }), 1) - annotated, 1000);
  });

  it('counts the parts that have no text', () => {
    const sizes = [{}, { a: '' }, { a: '', b: '' }].map((annotations) => alertSize(alert({ x: 'y' }, annotations), 1));
    assert.ok(sizes[0]! > 300, 'an alert is never free');
    assert.ok(sizes[1]! - sizes[0]! > 32 && sizes[2]! - sizes[1]! > 32, 'nor is a label');
  });

  it('is never less than the texts take, with either character width', () => {
    fc.assert(
      fc.property(
        texts,
        texts,
        fc.string(),
        fc.constantFrom<1 | 2>(1, 2),
        (labels, annotations, url, characterBytes) => {
          const length = (set: LabelSet): number => Object.entries(set).flat().join('').length;
          const least = characterBytes * (length(labels) + length(annotations) + url.length);
          const size = alertSize(alert(labels, annotations, url), characterBytes);
          assert.ok(size > least);
          assert.ok(size < least + 1000 + 120 * 10, `${size} for ${least} bytes of text`);
        },
      ),
    );
  });
});
