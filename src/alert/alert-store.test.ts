import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Alert, type PostableAlert } from './alert.ts';
import { AlertStore, AlertIndex, type AlertLimits, type PutResult } from './alert-store.ts';
import { countLooks, firingAt, NaiveStore, posted, stateOf } from './alert-store.fixture.ts';
import { labelKey, TextHash, type LabelSet } from './labels.ts';
import type { AlertFields } from './postable/postable-alert.ts';

const minute = 60_000;
const start = Date.parse('2026-11-21T03:00:00.000Z');
const roomy: AlertLimits = { maxAlerts: 1000, maxBytes: 10_000_000, resolveTimeoutMs: 5 * minute };

function newStore(options: Partial<AlertLimits> = {}): AlertStore {
  return new AlertStore(() => ({ ...roomy, ...options }));
}

function put(store: AlertStore, fields: Partial<AlertFields>, now = start): PutResult {
  const result = store.put(posted(fields), now, 1);
  if (typeof result === 'string') assert.fail(result);
  return result;
}

function outcome({ change, limited }: PutResult): readonly unknown[] {
  return limited === undefined ? [change] : [change, limited];
}

/** Long enough that two of them do not fit where one does. */
const long = 'x'.repeat(10_000);

describe('AlertStore', () => {
  it('distinguishes new, repeated, changed and resolved alerts', () => {
    const store = newStore();
    assert.deepEqual(outcome(put(store, {})), ['new']);
    assert.deepEqual(outcome(put(store, {}, start + minute)), ['repeated']);
    assert.deepEqual(outcome(put(store, { annotations: { a: '1' } }, start + minute)), ['changed']);
    assert.deepEqual(outcome(put(store, { annotations: { a: '1' } }, start + minute)), ['repeated']);
    assert.deepEqual(outcome(put(store, { annotations: { b: '1' } }, start + minute)), ['changed']);
    assert.deepEqual(outcome(put(store, { generatorURL: '/x' }, start + minute)), ['changed']);
    assert.deepEqual(outcome(put(store, { generatorURL: '/y' }, start + minute)), ['repeated']);
    assert.deepEqual(outcome(put(store, { endsAt: start + minute }, start + minute)), ['resolved']);
    assert.deepEqual(outcome(put(store, { endsAt: start + minute }, start + 2 * minute)), ['repeated']);
    assert.deepEqual(outcome(put(store, {}, start + 3 * minute)), ['new']);
  });

  it('reports a resolve of an alert that it has never seen', () => {
    const store = newStore();
    assert.deepEqual(outcome(put(store, { endsAt: start - minute })), ['resolved']);
    assert.deepEqual(outcome(put(store, { endsAt: start - minute })), ['repeated']);
    assert.deepEqual([store.size, store.firing], [1, 0]);
  });

  it('gives the same alert, with its new state, each time', () => {
    const store = newStore();
    const { alert } = put(store, { startsAt: start - minute });
    assert.equal(put(store, { annotations: { a: '1' } }, start + minute).alert, alert);
    assert.deepEqual(stateOf(alert), {
      annotations: { a: '1' },
      generatorURL: '',
      startsAt: start - minute,
      endsAt: start + 6 * minute,
      updatedAt: start + minute,
      timeout: true,
    });
  });

  it('refuses an alert that ends before it starts, and accepts one that ends as it starts', () => {
    const store = newStore();
    const backwards = posted({ startsAt: start, endsAt: start - 1 });
    assert.equal(store.put(backwards, start, 1), 'start time must be before end time');
    assert.equal(store.put(posted({ startsAt: start + 6 * minute }), start, 1), 'start time must be before end time');
    assert.equal(store.size, 0);
    assert.deepEqual(outcome(put(store, { startsAt: start, endsAt: start })), ['resolved']);
  });

  it('refuses an invalid alert, and reports wrong times first', () => {
    const store = newStore();
    const invalid = { ...posted({}), invalid: 'at least one label pair required' };
    assert.equal(store.put(invalid, start, 1), 'at least one label pair required');
    assert.equal(
      store.put({ ...invalid, startsAt: start, endsAt: start - 1 }, start, 1),
      'start time must be before end time',
    );
    assert.equal(store.size, 0);
  });

  it('handles labels and annotations that have names of object properties', () => {
    const store = newStore();
    const odd = Object.fromEntries([['__proto__', 'p']]);
    assert.deepEqual(outcome(put(store, { labels: odd })), ['new']);
    assert.deepEqual(outcome(put(store, { labels: odd, annotations: odd })), ['changed']);
    assert.deepEqual(outcome(put(store, { labels: odd, annotations: odd })), ['repeated']);
    assert.deepEqual(outcome(put(store, { labels: odd })), ['changed']);
    assert.deepEqual(outcome(put(store, { labels: { constructor: 'p' } })), ['new']);
  });

  it('gives the labels of the alerts that fire at a time, whether or not their ends have been processed', () => {
    const store = newStore();
    put(store, { labels: { a: '1' } });
    put(store, { labels: { a: '2' }, startsAt: start, endsAt: start + minute });
    put(store, { labels: { a: '3' }, startsAt: start, endsAt: start });
    assert.deepEqual(labelsOf(firingAt(store, start)), [{ a: '1' }, { a: '2' }]);
    assert.deepEqual(labelsOf(firingAt(store, start + minute)), [{ a: '1' }]);
    assert.equal(store.firing, 2);
  });
});

describe('AlertStore, alerts that are known when they are read', () => {
  /** An alert as the reader of a body makes it. */
  function known(store: AlertStore, labels: LabelSet, endsAt: number): PostableAlert {
    const alert = posted({ labels, startsAt: start - minute, endsAt });
    const keyHash = TextHash.of(alert.key);
    return { ...alert, keyHash, known: store.find(alert.key, keyHash) };
  }

  it('updates such an alert, and does not find one that was not stored', () => {
    const store = newStore({ maxAlerts: 1 });
    store.put(known(store, { a: '1' }, start + minute), start, 1);
    const again = store.put(known(store, { a: '1' }, start + 2 * minute), start, 1);
    assert.deepEqual([typeof again === 'object' && again.change, store.size], ['repeated', 1]);
    store.put(known(store, { b: '1' }, start + minute), start, 1);
    assert.equal(store.find('{"b":"1"}'), undefined);
  });

  it('stores such an alert again if it was forgotten after it had been read', () => {
    const store = newStore();
    store.put(known(store, { a: '1' }, start), start, 1);
    const read = known(store, { a: '1' }, start + 60 * minute);
    assert.notEqual(read.known, undefined);
    store.expire(start + 40 * minute);
    assert.equal(store.find(read.key), undefined);
    const result = store.put(read, start + 40 * minute, 1);
    assert.deepEqual([typeof result === 'object' && result.change, store.size], ['new', 1]);
    assert.notEqual(store.find(read.key), read.known);
  });
});

describe('AlertStore, bounds', () => {
  it('does not store a new alert beyond the number allowed, but reports it', () => {
    const store = newStore({ maxAlerts: 1 });
    put(store, { labels: { a: '1' } });
    assert.deepEqual(outcome(put(store, { labels: { a: '2' } })), ['new', 'alert']);
    assert.deepEqual(outcome(put(store, { labels: { a: '2' } })), ['new', 'alert']);
    assert.deepEqual(outcome(put(store, { labels: { a: '3' }, endsAt: start })), ['resolved', 'alert']);
    assert.deepEqual([store.size, store.firing], [1, 1]);
    assert.deepEqual(labelsOf(firingAt(store, start)), [{ a: '1' }]);
  });

  it('does not store a new alert beyond the bytes allowed, but reports it', () => {
    const { alert } = put(newStore(), { labels: { a: long } });
    const store = newStore({ maxBytes: alert.sizeBytes });
    assert.deepEqual(outcome(put(store, { labels: { a: `${long}x` } })), ['new', 'alert']);
    assert.equal(store.sizeBytes, 0);
    assert.deepEqual(outcome(put(store, { labels: { a: long } })), ['new']);
    assert.deepEqual(outcome(put(store, { labels: { a: '2' } })), ['new', 'alert']);
    assert.equal(store.sizeBytes, alert.sizeBytes);
  });

  it('forgets resolved alerts, the oldest first, when a firing one has no room', () => {
    const store = newStore({ maxAlerts: 3 });
    put(store, { labels: { a: '1' } });
    put(store, { labels: { a: '2' }, endsAt: start });
    put(store, { labels: { a: '1' }, endsAt: start + minute }, start + minute);
    put(store, { labels: { a: '3' } }, start + minute);
    assert.deepEqual(outcome(put(store, { labels: { a: '4' } }, start + minute)), ['new']);
    assert.deepEqual([store.find(labelKey({ a: '2' })), store.size, store.firing], [undefined, 3, 2]);
    assert.deepEqual(outcome(put(store, { labels: { a: '5' }, endsAt: start }, start + minute)), ['resolved', 'alert']);
    assert.deepEqual(outcome(put(store, { labels: { a: '1' } }, start + 2 * minute)), ['new']);
    assert.deepEqual(outcome(put(store, { labels: { a: '6' } }, start + 2 * minute)), ['new', 'alert']);
  });

  it('forgets only as many resolved alerts as needed, and none for an alert that never fits', () => {
    const { alert } = put(newStore(), { labels: { a: long } });
    const store = newStore({ maxBytes: alert.sizeBytes });
    for (const a of ['1', '2', '3']) put(store, { labels: { a }, endsAt: start });
    assert.deepEqual(outcome(put(store, { labels: { a: `${long}x` } })), ['new', 'alert']);
    assert.equal(store.size, 3);
    assert.deepEqual(outcome(put(store, { labels: { a: long } })), ['new']);
    assert.deepEqual([store.size, store.sizeBytes], [1, alert.sizeBytes]);
  });

  it('counts a wide character as two bytes', () => {
    const { alert } = put(newStore(), { labels: { a: long } });
    const store = newStore({ maxBytes: alert.sizeBytes });
    const result = store.put(posted({ labels: { a: long } }), start, 2);
    assert.ok(typeof result !== 'string');
    assert.deepEqual(outcome(result), ['new', 'alert']);
  });

  it('always accepts the resolve and the re-send of a stored alert', () => {
    const store = newStore({ maxAlerts: 1, maxBytes: 1000 });
    put(store, {});
    assert.deepEqual(outcome(put(store, {}, start + minute)), ['repeated']);
    assert.deepEqual(outcome(put(store, { endsAt: start + minute, annotations: { long } }, start + 2 * minute)), [
      'resolved',
      'annotations',
    ]);
    assert.deepEqual([store.size, store.firing], [1, 0]);
  });

  it('keeps the old annotations if the new ones do not fit, but takes the new times', () => {
    const store = newStore({ maxBytes: 5000 });
    put(store, { annotations: { a: '1' }, generatorURL: '/x' });
    const { sizeBytes } = store;
    const { alert, ...told } = put(store, { annotations: { long }, generatorURL: '/y' }, start + minute);
    assert.deepEqual(told, { change: 'changed', limited: 'annotations' });
    assert.deepEqual(stateOf(alert), {
      annotations: { a: '1' },
      generatorURL: '/x',
      startsAt: start,
      endsAt: start + 6 * minute,
      updatedAt: start + minute,
      timeout: true,
    });
    assert.equal(store.sizeBytes, sizeBytes);
  });

  it('has room again once alerts are forgotten or made smaller', () => {
    const store = newStore({ maxBytes: 15_000 });
    put(store, { labels: { a: '1' }, annotations: { long } });
    assert.deepEqual(outcome(put(store, { labels: { a: '2' }, annotations: { long } })), ['new', 'alert']);
    put(store, { labels: { a: '1' } });
    assert.deepEqual(outcome(put(store, { labels: { a: '2' }, annotations: { long } })), ['new']);
    store.expire(start + 35 * minute);
    assert.deepEqual([store.size, store.sizeBytes, store.firing], [0, 0, 0]);
    assert.deepEqual(outcome(put(store, { labels: { a: '3' }, annotations: { long } })), ['new']);
  });
});

describe('AlertStore, expiry', () => {
  it('gives each alert that has ended once', () => {
    const store = newStore();
    const { alert } = put(store, {});
    assert.equal(store.nextDeadline, start + 5 * minute);
    assert.deepEqual(store.expire(start + 5 * minute - 1), []);
    assert.deepEqual(store.expire(start + 5 * minute), [alert]);
    assert.equal(alert.announced, 'resolved');
    assert.deepEqual(store.expire(start + 5 * minute), []);
    assert.deepEqual(store.expire(start + 6 * minute), []);
  });

  it('does not give an alert whose sender has resolved it', () => {
    const store = newStore();
    put(store, {});
    put(store, { endsAt: start + minute }, start + minute);
    assert.deepEqual(store.expire(start + 10 * minute), []);
  });

  it('does not give an alert that was sent again in time, until that has ended too', () => {
    const store = newStore();
    const { alert } = put(store, {});
    put(store, {}, start + 4 * minute);
    assert.deepEqual(store.expire(start + 5 * minute), []);
    assert.equal(store.nextDeadline, start + 9 * minute);
    assert.deepEqual(store.expire(start + 9 * minute), [alert]);
  });

  it('reports a resolve once while Prometheus repeats it, and forgets it after 30 minutes', () => {
    const store = newStore();
    put(store, {});
    const endsAt = start + minute;
    assert.deepEqual(outcome(put(store, { endsAt }, endsAt)), ['resolved']);
    for (let now = endsAt; now < endsAt + 30 * minute; now += minute) {
      assert.deepEqual(store.expire(now), []);
      assert.deepEqual(outcome(put(store, { endsAt }, now)), ['repeated']);
    }
    assert.equal(store.size, 1);
    store.expire(endsAt + 30 * minute);
    assert.equal(store.size, 0);
    assert.equal(store.nextDeadline, undefined);
  });

  it('looks at no more alerts at once than its limit allows', () => {
    const store = newStore();
    for (let i = 0; i < 10; i++) put(store, { labels: { a: String(i) }, endsAt: start + i + 1 });
    const names = (alerts: readonly Alert[]): unknown[] => alerts.map(({ labels }) => labels['a']);
    assert.deepEqual(names(store.expire(start + 20, 4)), ['0', '1', '2', '3']);
    assert.deepEqual(names(store.expire(start + 20, 100)), ['4', '5', '6', '7', '8', '9']);
  });

  for (const size of [1000, 10_000]) {
    it(`looks at only a few of ${size} alerts for each that arrives, is sent again or ends`, () => {
      const store = newStore({ maxAlerts: size, maxBytes: 1e9 });
      const counted = { looks: 0 };
      const alerts = Array.from({ length: size }, (_, i) => {
        const { alert } = put(store, { labels: { a: String(i) }, endsAt: start + 1 + ((i * 7919) % size) });
        return countLooks(alert, counted);
      });
      const most = (operation: () => void): number => {
        const before = counted.looks;
        operation();
        return counted.looks - before;
      };
      const end = start + size + 1;
      const costs = [
        ...alerts.map(({ labels }) => most(() => put(store, { labels, startsAt: start - 1, endsAt: end }))),
        ...alerts.map(({ labels }) => most(() => put(store, { labels, endsAt: start }))),
        ...alerts.map(() => most(() => store.expire(end, 1))),
      ];
      assert.equal(store.firing, 0);
      assert.ok(counted.looks > size, 'the looks are counted');
      const bound = 12 * Math.log2(size) + 20;
      assert.ok(Math.max(...costs) <= bound, `${Math.max(...costs)} looks, at most ${bound} expected`);
    });
  }
});

type Step =
  | { readonly kind: 'put'; readonly fields: Offsets; readonly characterBytes: 1 | 2 }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'expire'; readonly limit: number };

/** An alert, its times relative to now. */
interface Offsets {
  readonly name: number;
  readonly startsIn: number | undefined;
  readonly endsIn: number | undefined;
  readonly summary: string | undefined;
  readonly generatorURL: string;
}

/** Steps of two and a half minutes, so that some times are equal. */
const offset = fc.option(
  fc.integer({ min: -4, max: 8 }).map((n) => n * 2.5 * minute),
  { nil: undefined },
);

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('put' as const),
        fields: fc.record({
          name: fc.nat({ max: 4 }),
          startsIn: offset,
          endsIn: offset,
          summary: fc.constantFrom(undefined, '', 'short', 'x'.repeat(600), 'y'.repeat(600)),
          generatorURL: fc.constantFrom('', '/x', `/${'x'.repeat(300)}`),
        }),
        characterBytes: fc.constantFrom<1 | 2>(1, 1, 2),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('advance' as const),
        ms: fc.constantFrom(1, 2.5 * minute, 5 * minute, 20 * minute, 30 * minute),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('expire' as const), limit: fc.constantFrom(1, 2, 1000) }) },
  ),
  { maxLength: 60, size: 'max' },
);

const bounds = fc.constantFrom<Partial<AlertLimits>>({}, { maxAlerts: 3 }, { maxBytes: 3000 }, { maxBytes: 1500 });

describe('AlertStore, compared with a naive store', () => {
  it('reports and holds the same, whatever happens', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(bounds, steps, (options, list) => {
        const pair = new Pair({ ...roomy, ...options });
        for (const step of list) seen.add(pair.run(step));
      }),
      { numRuns: 2000 },
    );
    const outcomes = ['new', 'repeated', 'changed', 'resolved', 'new alert', 'resolved alert'];
    const unfitting = ['changed annotations', 'resolved annotations', 'start time must be before end time'];
    for (const what of [...outcomes, ...unfitting, 'expired']) assert.ok(seen.has(what), `${what} was never seen`);
  });
});

/** The store and its model, which always get the same calls. */
class Pair {
  readonly #options: AlertLimits;
  readonly #store: AlertStore;
  readonly #model: NaiveStore;
  #now = start;

  constructor(options: AlertLimits) {
    this.#options = options;
    this.#store = new AlertStore(() => options);
    this.#model = new NaiveStore(options);
  }

  /** Returns a word for what happened. */
  run(step: Step): string {
    let happened = '';
    if (step.kind === 'advance') this.#now += step.ms;
    else if (step.kind === 'put') happened = this.#put(step.fields, step.characterBytes);
    else happened = this.#expire(step.limit);
    this.#compare();
    return happened;
  }

  #put({ name, startsIn, endsIn, summary, generatorURL }: Offsets, characterBytes: 1 | 2): string {
    const at = (offsetMs: number | undefined): number | undefined =>
      offsetMs === undefined ? undefined : this.#now + offsetMs;
    const annotations: Record<string, string> = summary === undefined ? {} : { summary };
    const labels = { alertname: `A${name}` };
    const post = posted({ labels, annotations, startsAt: at(startsIn), endsAt: at(endsIn), generatorURL });
    const result = this.#store.put(post, this.#now, characterBytes);
    const forgotten = [...this.#model.alerts.keys()].filter((key) => this.#store.find(key) === undefined);
    const expected = this.#model.put(post, this.#now, characterBytes, forgotten);
    if (typeof result === 'string' || typeof expected === 'string') {
      assert.equal(result, expected);
      return result;
    }
    const { alert, change, limited } = result;
    assert.deepEqual({ key: alert.key, state: stateOf(alert), change, limited }, expected);
    return outcome(result).join(' ');
  }

  #expire(limit: number): string {
    const expired: string[] = [];
    do {
      const some = this.#store.expire(this.#now, limit);
      assert.ok(some.length <= limit);
      expired.push(...some.map(({ key }) => key));
    } while ((this.#store.nextDeadline ?? Number.POSITIVE_INFINITY) <= this.#now);
    assert.deepEqual(expired.toSorted(), this.#model.expire(this.#now).toSorted());
    return expired.length > 0 ? 'expired' : '';
  }

  #compare(): void {
    const [store, model] = [this.#store, this.#model];
    assert.equal(store.size, model.alerts.size);
    assert.equal(store.firing, model.firing);
    assert.equal(store.sizeBytes, model.sizeBytes);
    assert.deepEqual(labelsOf(firingAt(store, this.#now)), model.firingAt(this.#now));
    assert.ok(store.size <= this.#options.maxAlerts);
    assert.ok(store.sizeBytes <= this.#options.maxBytes);
    const next = model.nextDeadline;
    if (next === undefined) assert.equal(store.nextDeadline, undefined);
    else assert.ok(store.nextDeadline! <= next, 'whoever waits for the next deadline misses none');
  }
}

function labelsOf(alerts: readonly Alert[]): LabelSet[] {
  return alerts.map(({ labels }) => labels);
}

/** An alert whose key gets this hash, whatever the key is. */
function hashed(name: string, keyHash: number): Alert {
  const times = { startsAt: 0, endsAt: 1, updatedAt: 0, timeout: false };
  return new Alert({ ...posted({ labels: { name } }), keyHash }, times);
}

describe('AlertIndex', () => {
  it('finds an alert by its key, with and without its hash', () => {
    const index = new AlertIndex();
    const { times } = hashed('a', 0);
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
      fc.property(hashes, fc.array(step, { maxLength: 100, size: 'max' }), (hashOf, moves) => {
        const index = new AlertIndex();
        const alerts = hashOf.map((hash, name) => hashed(String(name), hash));
        const model = new Set<Alert>();
        for (const { name, isIn } of moves) {
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
    const alerts = Array.from({ length: 1000 }, (_, n) => countComparisons(hashed(String(n), 7), counted));
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
