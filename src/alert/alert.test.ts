import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  Alert,
  isResolved,
  receivedTimes,
  mergeTimes,
  compareInGroup,
  compareLabelSets,
  SharedTimes,
  alertSize,
  type AlertTimes,
} from './alert.ts';
import { posted } from './alert-store.fixture.ts';
import { TextHash, labelKey, type LabelSet } from './labels.ts';

const now = Date.parse('2026-11-21T03:00:00.000Z');

describe('Alert', () => {
  const alertOf = (labels: LabelSet, endsAt = now): Alert =>
    new Alert(posted({ labels }), { startsAt: now - 1000, endsAt, updatedAt: now, timeout: false });

  it('counts as firing at first if it was firing when it arrived', () => {
    assert.equal(alertOf({ a: 'b' }, now + 1).announced, 'firing');
    assert.equal(alertOf({ a: 'b' }, now).announced, 'resolved');
  });

  it('has the hash of its key, whoever computed it', () => {
    const { keyHash, key, times } = alertOf({ a: 'b' });
    assert.equal(keyHash, TextHash.of(key));
    assert.equal(new Alert({ ...posted({}), keyHash: 7 }, times).keyHash, 7);
  });

  it("has Alertmanager's fingerprint", () => {
    const alert = alertOf({ alertname: 'amt', node: 'bar', team: 'a' });
    assert.equal(alert.fingerprint, '86389a1cdfee5f8b');
    assert.equal(alert.fingerprint, '86389a1cdfee5f8b');
  });

  it('has the labels with which it arrived, and their name, in whatever form they are kept', () => {
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

  it('keeps labels as a set that would be expensive to read again, or may be read wrongly', () => {
    const kept = (labels: LabelSet): boolean => alertOf(labels).keptLabels === labels;
    assert.deepEqual([{ a: 'b' }, { a: 'b'.repeat(9000) }, { a: '\n' }].map(kept), [false, true, true]);
  });
});

const resolveTimeoutMs = 300_000;

describe('receivedTimes', () => {
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
      assert.deepEqual(receivedTimes({ startsAt: at(startsAt), endsAt: at(endsAt) }, now, resolveTimeoutMs), {
        startsAt: now + starts,
        endsAt: now + ends,
        updatedAt: now,
        timeout,
      });
    });
  }
});

describe('isResolved', () => {
  it('is true once the end is reached', () => {
    const resolved = (endsAt: number): boolean =>
      isResolved({ startsAt: now - 1000, endsAt, updatedAt: now, timeout: false }, now);
    assert.deepEqual([now - 1, now, now + 1].map(resolved), [true, true, false]);
  });
});

const minute = 60_000;

/** Minutes from now; an undefined time is not sent. */
type Times = readonly [startsAt?: number | undefined, endsAt?: number | undefined];

/** The times of a post that arrives `secondsLater`. */
function received([startsAt, endsAt]: Times, secondsLater = 0): AlertTimes {
  const at = (offset: number | undefined): number | undefined =>
    offset === undefined ? undefined : now + offset * minute;
  const post = { startsAt: at(startsAt), endsAt: at(endsAt) };
  return receivedTimes(post, now + secondsLater * 1000, resolveTimeoutMs);
}

function minutes({ startsAt, endsAt }: AlertTimes): readonly number[] {
  return [(startsAt - now) / minute, (endsAt - now) / minute];
}

describe('mergeTimes, as seen in Alertmanager 0.25 to 0.34', () => {
  const rows: readonly (readonly [name: string, first: Times, second: Times, stored: readonly [number, number]])[] = [
    ['−10..10, then −10..20: −10..20', [-10, 10], [-10, 20], [-10, 20]],
    ['−10..20, then −10..10: −10..20, an explicit end is not shortened', [-10, 20], [-10, 10], [-10, 20]],
    ['−10..10, then −5..20: −10..20', [-10, 10], [-5, 20], [-10, 20]],
    ['−10..20, then −5..10: −10..20', [-10, 20], [-5, 10], [-10, 20]],
    ['−5..20, then −10..10: −10..20', [-5, 20], [-10, 10], [-10, 20]],
    ['no times twice: the start is kept, the end is the new timeout', [], [], [0, 5.5]],
    ['no times, then ends 1: the start is kept, a timeout is shortened', [], [undefined, 1], [0, 1]],
    ['−1..60, then no times: −1..60', [-1, 60], [], [-1, 60]],
    ['−1..60, then starts −20: −20..60', [-1, 60], [-20], [-20, 60]],
    ['−10..10, then −10..−1: resolved', [-10, 10], [-10, -1], [-10, -1]],
    ['−10..10, then ends −1: resolved', [-10, 10], [undefined, -1], [-10, -1]],
    ['−30..−20, then −10..10: a new episode', [-30, -20], [-10, 10], [-10, 10]],
    ['−30..10, then 10..20: they touch, the second replaces the first', [-30, 10], [10, 20], [10, 20]],
    ['−10..−5, then −10..−3: the later resolve counts', [-10, -5], [-8, -3], [-10, -3]],
    ['−10..−3, then −10..−5: the later resolve counts', [-10, -3], [-10, -5], [-10, -3]],
    ['−10..−5, then −8..10: fires again, from the first start', [-10, -5], [-8, 10], [-10, 10]],
    ['−10..10, then 10..10: they touch', [-10, 10], [10, 10], [10, 10]],
    ['−10..10, then −10..−10: they touch', [-10, 10], [-10, -10], [-10, -10]],
    ['−10..10 twice: replaced by its like', [-10, 10], [-10, 10], [-10, 10]],
    ['−5..5, then −10..10 around it: replaced, as neither of its ends is within', [-5, 5], [-10, 10], [-10, 10]],
  ];
  for (const [name, first, second, stored] of rows) {
    it(name, () => {
      const secondState = received(second, 30);
      const merged = mergeTimes(received(first), secondState, now + 30_000);
      assert.deepEqual(minutes(merged), stored);
      const { startsAt, endsAt } = merged;
      assert.deepEqual(merged, { ...secondState, startsAt, endsAt }, 'all else is from the second');
    });
  }
});

describe('mergeTimes', () => {
  const offset = fc.option(fc.integer({ min: -6, max: 6 }), { nil: undefined });
  const state = fc.record({ times: fc.tuple(offset, offset), later: fc.nat({ max: 3 }) }).map(({ times, later }) => {
    const { startsAt, endsAt, ...rest } = received(times, later * 60);
    return { ...rest, startsAt: Math.min(startsAt, endsAt), endsAt };
  });
  const overlaps = (stored: AlertTimes, post: AlertTimes): boolean =>
    (post.endsAt > stored.startsAt && post.endsAt < stored.endsAt) ||
    (post.startsAt > stored.startsAt && post.startsAt < stored.endsAt);
  const nowSometime = fc.integer({ min: -7, max: 7 }).map((minutesLater) => now + minutesLater * minute);

  /** Checks pairs of times, the result of merging them, and which of them came later. */
  function check(property: (stored: AlertTimes, post: AlertTimes, merged: AlertTimes, at: number) => void): void {
    fc.assert(
      fc.property(state, state, nowSometime, (stored, post, at) =>
        property(stored, post, mergeTimes(stored, post, at), at),
      ),
      { numRuns: 2000 },
    );
  }

  it('gives the post unchanged, unless it begins or ends within the stored alert', () => {
    check((stored, post, merged) => {
      if (!overlaps(stored, post)) assert.equal(merged, post);
    });
  });

  it('never moves the start of an overlapping alert to a later time', () => {
    check((stored, post, merged) => {
      if (overlaps(stored, post)) assert.equal(merged.startsAt, Math.min(stored.startsAt, post.startsAt));
    });
  });

  it('invents no end, and gives no end before the start', () => {
    check((stored, post, merged) => {
      assert.ok([stored.endsAt, post.endsAt].includes(merged.endsAt));
      assert.ok(merged.startsAt <= merged.endsAt);
    });
  });

  it('always accepts a resolve that is newer', () => {
    check((stored, post, merged, at) => {
      if (stored.updatedAt <= post.updatedAt && isResolved(post, at)) assert.ok(isResolved(merged, at));
    });
  });

  it('never shortens an explicit end while the alert fires', () => {
    check((stored, post, merged, at) => {
      if (!overlaps(stored, post) || stored.timeout || isResolved(post, at)) return;
      if (stored.updatedAt <= post.updatedAt) assert.ok(merged.endsAt >= stored.endsAt);
    });
  });

  it('keeps everything but the times from the newer one, or from the post if both are equally old', () => {
    check((stored, post, merged) => {
      if (!overlaps(stored, post)) return;
      const newer = stored.updatedAt > post.updatedAt ? stored : post;
      const { startsAt, endsAt } = merged;
      assert.deepEqual(merged, { ...newer, startsAt, endsAt });
    });
  });
});

function isOrdered(compare: (a: LabelSet, b: LabelSet) => number, sets: readonly LabelSet[]): void {
  for (const [index, a] of sets.entries()) {
    for (const [other, b] of sets.entries())
      assert.equal(Math.sign(compare(a, b)), Math.sign(index - other), JSON.stringify([a, b]));
  }
}

describe('compareLabelSets', () => {
  it('puts fewer labels first, then the greater names, then the smaller values, in the order of bytes', () =>
    isOrdered(compareLabelSets, [
      {},
      { b: 'a' },
      { a: 'x' },
      { a: 'y' },
      { a: '\uffff' },
      { a: '😀' },
      { b: 'a', c: 'a' },
      { c: 'y', a: 'x' },
      { a: 'x', b: 'x' },
      { a: 'y', b: 'a' },
    ]));
});

describe('compareInGroup', () => {
  it('compares job and instance first, and puts labels without them last', () =>
    isOrdered(compareInGroup, [
      { job: 'a', instance: '1', z: 'z', y: 'y' },
      { job: 'a', instance: '2' },
      { job: 'a' },
      { job: 'b', instance: '1' },
      { instance: '1' },
      { instance: '1', a: 'a' },
      { z: 'z' },
      { a: 'a' },
    ]));
});

const shortTimeoutMs = 50;

describe('SharedTimes', () => {
  it('gives equal times of one rule, and equal results of a merge, as one object each', () => {
    const times = new SharedTimes();
    const receivedAt = (endsAt: number, at: number): AlertTimes =>
      times.receivedTimes(posted({ startsAt: 1, endsAt }), at, shortTimeoutMs);
    const stored = receivedAt(100, 10);
    assert.equal(receivedAt(100, 10), stored);
    const resolved = receivedAt(20, 20);
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
    const post = fc.record({ startsAt: time, endsAt: time, at: fc.nat({ max: 2 }) });
    fc.assert(
      fc.property(fc.array(post, { maxLength: 30 }), (posts) => {
        const times = new SharedTimes();
        let stored = receivedTimes({ startsAt: 0, endsAt: 9 }, 0, shortTimeoutMs);
        for (const { at, ...fields } of posts) {
          const taken = times.receivedTimes(posted(fields), at, shortTimeoutMs);
          assert.deepEqual(taken, receivedTimes(fields, at, shortTimeoutMs));
          const merged = times.mergedTimes(stored, taken);
          assert.deepEqual(merged, mergeTimes(stored, taken, at));
          if (at === 1) stored = merged;
        }
      }),
    );
  });
});

function withTexts(labels: LabelSet, annotations: LabelSet = {}, generatorURL = ''): Alert {
  const times = { startsAt: 0, endsAt: 0, updatedAt: 0, timeout: false };
  return new Alert({ key: labelKey(labels), labels, annotations, generatorURL }, times);
}

const texts = fc.dictionary(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), { minKeys: 1, maxKeys: 5 });

describe('alertSize', () => {
  it('counts label texts once if only the key is kept', () => {
    const empty = alertSize(withTexts({ a: 'b' }), 1);
    assert.equal(alertSize(withTexts({ a: `b${'x'.repeat(1000)}` }), 1) - empty, 1000);
  });

  it('counts label texts twice that are kept beside the key, and all others once', () => {
    const empty = alertSize(withTexts({ a: '"' }), 1);
    assert.equal(alertSize(withTexts({ a: `"${'x'.repeat(1000)}` }), 1) - empty, 2000);
    assert.equal(alertSize(withTexts({ a: '"' }, {}, 'x'.repeat(1000)), 1) - empty, 1000);
    const annotated = alertSize(withTexts({ a: '"' }, { c: '' }), 1);
    assert.equal(alertSize(withTexts({ a: '"' }, { c: 'x'.repeat(1000) }), 1) - annotated, 1000);
    assert.equal(alertSize(withTexts({ a: '"' }, { [`c${'x'.repeat(1000)}`]: '' }), 1) - annotated, 1000);
  });

  it('counts the parts that have no text', () => {
    const sizes = [{}, { a: '' }, { a: '', b: '' }].map((annotations) =>
      alertSize(withTexts({ x: 'y' }, annotations), 1),
    );
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
          const size = alertSize(withTexts(labels, annotations, url), characterBytes);
          assert.ok(size > least);
          assert.ok(size < least + 1000 + 120 * 10, `${size} for ${least} bytes of text`);
        },
      ),
    );
  });
});
