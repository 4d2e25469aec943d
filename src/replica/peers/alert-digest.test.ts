import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AlertStore } from '../../alert/alert-store.ts';
import { posted } from '../../alert/alert-store.fixture.ts';
import type { Alert, PostableAlert } from '../../alert/alert.ts';
import type { Sliced } from '../../runtime/slices.ts';
import { AlertDigests } from './alert-digest.ts';
import { mergeAlerts } from './merge.ts';
import { alertLine, ToldAlerts, toldBodies, toldBodyLength } from './told-alerts.ts';

const now = Date.parse('2026-11-21T03:00:00.000Z');

function storeOf(alerts: readonly PostableAlert[], at = now): AlertStore {
  const store = new AlertStore(() => ({ maxAlerts: 1000, maxBytes: 10_000_000, resolveTimeoutMs: 300_000 }));
  for (const alert of alerts) store.put(alert, at, 1);
  return store;
}

function run<T>(steps: Sliced<T>): T {
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
}

/** As it comes over the wire. */
function digestsOf(alerts: Iterable<Alert>): AlertDigests {
  const read = AlertDigests.read(Buffer.from(run(AlertDigests.of([...alerts])).bytes));
  assert.ok(read);
  return read;
}

const text = fc.constantFrom('a', 'é', '"\\', 'x'.repeat(300), '\u2028');
const alert = fc
  .record({
    labels: fc.record({ alertname: fc.constantFrom('A', 'B', 'C', 'D'), x: text }),
    annotations: fc.constantFrom({}, { summary: 's' }, { summary: 'é' }),
    startsAt: fc.integer({ min: now - 3, max: now }),
    endsAt: fc.option(fc.integer({ min: now, max: now + 3 }), { nil: undefined }),
  })
  .map((fields) => posted(fields));
const alerts = fc.uniqueArray(alert, { selector: ({ key }) => key, maxLength: 12 });

describe('AlertDigests', () => {
  it('find what a store lacks or has otherwise, and nothing else', () => {
    fc.assert(
      fc.property(alerts, alerts, (mine, theirs) => {
        const told = [...storeOf(mine).all()];
        const store = storeOf(theirs);
        const missing = run(digestsOf(told).missingFrom(store, now));
        const isOther = (each: Alert): boolean => {
          const other = store.find(each.key);
          if (other === undefined || other.times.timeout !== each.times.timeout) return true;
          const sameTimes =
            each.times.timeout ||
            (other.times.startsAt === each.times.startsAt && other.times.endsAt === each.times.endsAt);
          return !sameTimes || JSON.stringify(other.annotations) !== JSON.stringify(each.annotations);
        };
        assert.deepEqual(
          missing,
          told.flatMap((each, index) => (isOther(each) ? [index] : [])),
        );
      }),
    );
  });

  it('tell another replica which of its alerts are different, so that both know all of them', () => {
    fc.assert(
      fc.property(alerts, alerts, (mine, theirs) => {
        const [own, other] = [storeOf(mine), storeOf(theirs, now + 1)];
        const unlike = run(digestsOf(own.all()).unlike(other.all()));
        const merged = run(mergeAlerts([own.all(), unlike]));
        const whole = run(mergeAlerts([own.all(), other.all()]));
        assert.deepEqual([...merged.keys()].toSorted(), [...whole.keys()].toSorted());
        for (const [key, { times, annotations }] of whole) {
          const found = merged.get(key)!;
          assert.deepEqual(found.annotations, annotations);
          // Of the same alert, each replica has its own time of reception.
          if (!times.timeout)
            assert.deepEqual([found.times.startsAt, found.times.endsAt], [times.startsAt, times.endsAt]);
        }
      }),
    );
  });

  it('know an alert without an end only if it came at the same time', () => {
    const told = digestsOf(storeOf([posted({})]).all());
    assert.deepEqual(run(told.missingFrom(storeOf([posted({})], now - 1000), now)), []);
    assert.deepEqual(run(told.missingFrom(storeOf([posted({})], now - 60_000), now)), [0]);
  });

  it('are no list of records if a byte is missing', () => {
    assert.equal(AlertDigests.read(Buffer.alloc(21)), undefined);
    assert.equal(AlertDigests.read(Buffer.alloc(0))?.count, 0);
  });
});

describe('ToldAlerts', () => {
  it('have an alert that comes again once, as it is when it is told', () => {
    const store = storeOf([posted({ labels: { n: '1' } }), posted({ labels: { n: '2' } })]);
    const told = new ToldAlerts();
    for (const each of [...store.all(), ...store.all()]) told.add(each);
    assert.equal(told.size, 2);
    store.put(posted({ labels: { n: '1' }, annotations: { a: 'newer' } }), now + 1, 1);
    const [body] = run(toldBodies(told.take(10)));
    const sent = JSON.parse(body?.text ?? '') as { readonly annotations: object }[];
    assert.deepEqual(
      sent.map(({ annotations }) => annotations),
      [{ a: 'newer' }, {}],
    );
    assert.equal(told.isEmpty, true);
  });

  it('keep what was not taken, oldest first, and the number of what they cannot tell', () => {
    const store = storeOf(['1', '2', '3'].map((n) => posted({ labels: { n } })));
    const told = new ToldAlerts();
    for (const each of store.all()) told.add(each);
    told.omit(4);
    assert.deepEqual(
      told.take(2).map(({ labels }) => labels['n']),
      ['1', '2'],
    );
    assert.deepEqual([told.size, told.takeOmitted(), told.takeOmitted()], [1, 4, 0]);
  });
});

describe('toldBodies', () => {
  it('have bodies of a bounded size, and one for each timeout', () => {
    const large = 'x'.repeat(toldBodyLength / 3);
    const ended = ['1', '2', '3', '4'].map((n) =>
      posted({ labels: { n }, annotations: { large }, endsAt: now + 1000 }),
    );
    const store = storeOf([...ended, posted({ labels: { n: '5' } })]);
    const bodies = run(toldBodies([...store.all()]));
    assert.deepEqual(
      bodies.map(({ count, timeoutMs }) => [count, timeoutMs]),
      [
        [2, undefined],
        [2, undefined],
        [1, 300_000],
      ],
    );
    for (const body of bodies) assert.equal((JSON.parse(body.text) as unknown[]).length, body.count);
  });

  it('give no end that is only a timeout', () => {
    const [body] = run(toldBodies([...storeOf([posted({ startsAt: now })]).all()]));
    assert.equal(body?.text, '[{"labels":{"alertname":"A"},"annotations":{},"startsAt":"2026-11-21T03:00:00.000Z"}]');
  });
});

describe('alertLine', () => {
  it('is one line of JSON, with the time of the last reception', () => {
    const [stored] = storeOf([posted({ labels: { a: 'line\nbreak' }, generatorURL: 'http://p' })]).all();
    const line = alertLine(stored!);
    assert.equal(line.indexOf('\n'), line.length - 1);
    assert.deepEqual(JSON.parse(line), {
      labels: { a: 'line\nbreak' },
      annotations: {},
      startsAt: '2026-11-21T03:00:00.000Z',
      generatorURL: 'http://p',
      updatedAt: now,
      timeout: true,
      endsAt: now + 300_000,
    });
  });
});
