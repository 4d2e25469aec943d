import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Registry } from 'prom-client';
import type { AlertSnapshot } from '../reconcile/ports.ts';
import { SnapshotError } from '../reconcile/errors.ts';
import { PrometheusError, prometheusErrorKinds } from './prometheus-error.ts';
import { createSharedSnapshot } from './create-shared-snapshot.ts';
import type { SharedSnapshot } from './shared-snapshot.ts';
import { snapshotBench } from './shared-snapshot.fixture.ts';
import { startFakePrometheus } from './fake-prometheus.fixture.ts';
import { startRawServer } from './raw-server.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { systemClock } from '../runtime/clock.ts';
import { Config } from '../config/config.ts';
import { createPrometheusMetrics } from './replica-report.ts';
import { SliceSchedule } from '../runtime/slices.ts';

const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown): void => void unhandled.push(reason);

beforeEach(() => void process.on('unhandledRejection', onUnhandled));

afterEach(async () => {
  await turn();
  process.off('unhandledRejection', onUnhandled);
  assert.deepEqual(unhandled.splice(0), [], 'a rejection that nobody handled');
});

/** Lets every promise settle that can. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const unaborted = new AbortController().signal;

function ask(snapshots: SharedSnapshot, notBefore: number, ...ids: readonly string[]): Promise<AlertSnapshot> {
  return snapshots.snapshot(notBefore, ids, unaborted);
}

/** The query that the snapshot comes from. */
async function nameOf(snapshot: Promise<AlertSnapshot>): Promise<string | undefined> {
  return (await snapshot).firing.all[0]?.['alertname'];
}

/** Asks, makes the query fail, and returns the error. */
async function failOnce({ snapshots, queries, clock }: ReturnType<typeof snapshotBench>): Promise<SnapshotError> {
  const asked = ask(snapshots, clock.now());
  queries.at(-1)!.fail();
  const error = await asked.catch((reason: unknown) => reason);
  assert.ok(error instanceof SnapshotError);
  return error;
}

describe('a look at what fires now', () => {
  it('has the last answer, if that is recent', async () => {
    const { clock, snapshots, queries } = snapshotBench();
    const asked = ask(snapshots, clock.now());
    queries[0]!.answer();
    clock.advance(1000);
    assert.equal((await snapshots.look()).firing, (await asked).firing);
    assert.equal(queries.length, 1);
  });

  it('is one query for all who look at once, which counts nowhere', async () => {
    const { snapshots, queries, logger, metrics } = snapshotBench();
    const looks = Array.from({ length: 10 }, () => snapshots.look());
    assert.equal(queries.length, 1);
    queries[0]!.answer();
    assert.deepEqual(
      await Promise.all(looks.map(firstName)),
      looks.map(() => 'query 0'),
    );
    assert.deepEqual([logger.lines.length, metrics.length, snapshots.latest], [0, 0, undefined]);
  });

  it('takes the answer of a query that runs', async () => {
    const { clock, snapshots, queries } = snapshotBench();
    void ask(snapshots, clock.now());
    const look = snapshots.look();
    queries[0]!.answer();
    assert.deepEqual([await firstName(look), queries.length], ['query 0', 1]);
  });

  it('ends when a query starts, and takes its answer: two new answers at once would take too much memory', async () => {
    const { clock, snapshots, queries } = snapshotBench();
    const look = snapshots.look();
    void ask(snapshots, clock.now());
    assert.deepEqual(
      queries.map(({ isOpen }) => isOpen),
      [false, true],
    );
    queries[1]!.answer();
    assert.equal(await firstName(look), 'query 1');
  });

  it('fails as its query does, and the next one asks again', async () => {
    const { clock, snapshots, queries } = snapshotBench();
    const looks = [snapshots.look()];
    queries[0]!.fail();
    await assert.rejects(looks[0]!, /query 0 failed/);
    looks.push(snapshots.look());
    const asked = ask(snapshots, clock.now());
    queries[2]!.fail();
    await assert.rejects(asked, /query 2 failed/);
    await assert.rejects(looks[1]!, /query 2 failed/);
  });
});

async function firstName(look: ReturnType<SharedSnapshot['look']>): Promise<string | undefined> {
  return (await look).firing.all[0]?.alertname;
}

describe('shared snapshot, one query for many', () => {
  it('makes one query for a thousand who ask at once, and gives them the same answer', async () => {
    const { clock, snapshots, queries } = snapshotBench();
    const asked = Array.from({ length: 1000 }, () => ask(snapshots, clock.now()));
    queries[0]!.answer();
    const answers = new Set(await Promise.all(asked));
    assert.deepEqual([queries.length, answers.size], [1, 1]);
  });

  it('gives a later one the last answer, if that was asked for late enough', async () => {
    const { clock, snapshots, queries } = snapshotBench();
    const first = ask(snapshots, clock.now());
    queries[0]!.answer();
    await first;
    clock.advance(60_000);
    assert.equal(await ask(snapshots, clock.now() - 60_000), await first);
    assert.equal(queries.length, 1);
  });

  it('says when it was asked for, not when the answer came', async () => {
    const { clock, snapshots, queries } = snapshotBench();
    const startedAt = clock.now();
    const asked = ask(snapshots, startedAt);
    clock.advance(4000);
    queries[0]!.answer();
    assert.equal((await asked).takenAt, startedAt);
  });

  it('lets one with a newer cause not have an answer that was asked for before it', async () => {
    const { clock, snapshots, queries } = snapshotBench();
    const first = ask(snapshots, clock.now());
    clock.advance(10);
    queries[0]!.answer();
    await first;
    const newer = ask(snapshots, clock.now() - 9);
    assert.equal(queries.length, 2);
    queries[1]!.answer();
    assert.equal(await nameOf(newer), 'query 1');
  });

  it('queues one more query, and only one, for all whose cause is newer than the one under way', async () => {
    const { clock, snapshots, queries } = snapshotBench();
    const first = ask(snapshots, clock.now());
    const later: Promise<AlertSnapshot>[] = [];
    for (let count = 0; count < 100; count++) {
      clock.advance(1);
      later.push(ask(snapshots, clock.now()));
    }
    const joining = ask(snapshots, queries[0]!.startedAt);
    await turn();
    assert.equal(queries.length, 1);

    queries[0]!.answer();
    await turn();
    assert.equal(queries.length, 2);
    assert.equal(queries[1]!.startedAt, clock.now());
    queries[1]!.answer();

    assert.deepEqual(await Promise.all([first, joining].map(nameOf)), ['query 0', 'query 0']);
    assert.deepEqual(new Set(await Promise.all(later.map(nameOf))), new Set(['query 1']));
    assert.equal(queries.length, 2);
  });

  it('lets the query under way give way to one that is urgent, once, and serves everybody with that', async () => {
    const { clock, snapshots, queries, urgent, logger } = snapshotBench();
    const [platform, again] = [new AbortController().signal, new AbortController().signal];
    urgent.add(platform);
    urgent.add(again);
    const first = snapshots.snapshot(clock.now(), ['first'], new AbortController().signal);
    clock.advance(1);
    const queued = snapshots.snapshot(clock.now(), ['queued'], new AbortController().signal);
    clock.advance(1);
    const urgentOne = snapshots.snapshot(clock.now(), ['urgent'], platform);
    assert.deepEqual(
      queries.map(({ isOpen }) => isOpen),
      [false, true],
    );
    clock.advance(1);
    const waits = snapshots.snapshot(clock.now(), ['again'], again);
    assert.equal(queries.length, 2, 'an urgent query gives way to none');
    queries[1]!.answer();
    assert.deepEqual(await Promise.all([first, queued, urgentOne].map(nameOf)), ['query 1', 'query 1', 'query 1']);
    await turn();
    queries[2]!.answer();
    assert.equal(await nameOf(waits), 'query 2');
    assert.deepEqual(logger.valuesOf('prometheus.queried', 'status', 'request_ids'), [
      ['success', ['first', 'queued', 'urgent']],
      ['success', ['again']],
    ]);
  });

  it('makes the queued query also when the one under way fails', async () => {
    const { clock, snapshots, queries } = snapshotBench();
    const first = ask(snapshots, clock.now());
    clock.advance(1);
    const later = ask(snapshots, clock.now());
    queries[0]!.fail();
    await assert.rejects(first, SnapshotError);
    await turn();
    queries[1]!.answer();
    assert.equal(await nameOf(later), 'query 1');
  });

  it('gives nobody too old an answer who asks while a query ends, at whatever moment of that', async () => {
    const { clock, snapshots, queries, logger } = snapshotBench();
    const asked: { readonly id: string; readonly notBefore: number; readonly answer: Promise<AlertSnapshot> }[] = [];
    const askNow = (): void => {
      clock.advance(1);
      const [id, notBefore] = [`r${asked.length}`, clock.now()];
      asked.push({ id, notBefore, answer: ask(snapshots, notBefore, id) });
    };
    askNow();
    askNow();
    queries[0]!.answer();
    for (let moment = 0; moment < 30; moment++) {
      await Promise.resolve();
      askNow();
    }
    for (let query = 1; query < 4; query++) {
      await turn();
      queries[query]?.answer();
    }
    assert.ok(queries.length <= 4);
    const named = logger.fieldsOf('prometheus.queried').map((fields) => fields['request_ids'] as string[]);
    for (const { id, notBefore, answer } of asked) {
      const { takenAt } = await answer;
      assert.ok(takenAt >= notBefore);
      assert.ok(named[queries.findIndex(({ startedAt }) => startedAt === takenAt)]!.includes(id));
    }
  });

  it('keeps two of them apart', async () => {
    const [a, b] = [snapshotBench(), snapshotBench()];
    const asked = ask(a.snapshots, a.clock.now());
    a.queries[0]!.answer();
    await asked;
    void ask(b.snapshots, b.clock.now());
    assert.deepEqual([a.queries.length, b.queries.length], [1, 1]);
    b.queries[0]!.answer();
  });
});

describe('shared snapshot, a caller who gives up', () => {
  it('is let go at once with the reason, while the query goes on for the others', async () => {
    const { clock, snapshots, queries } = snapshotBench();
    const impatient = new AbortController();
    const [mine, yours] = [snapshots.snapshot(clock.now(), [], impatient.signal), ask(snapshots, clock.now())];
    const reason = new Error('the deadline');
    impatient.abort(reason);
    await assert.rejects(mine, reason);
    assert.deepEqual([queries[0]!.signal.aborted, queries[0]!.isOpen], [false, true]);
    queries[0]!.answer();
    assert.equal(await nameOf(yours), 'query 0');
  });

  it('leaves a query that serves the next one, when all have given up', async () => {
    const { clock, snapshots, queries } = snapshotBench();
    const impatient = new AbortController();
    const asked = snapshots.snapshot(clock.now(), [], impatient.signal);
    impatient.abort();
    await assert.rejects(asked);
    queries[0]!.answer();
    await turn();
    assert.equal(await nameOf(ask(snapshots, clock.now())), 'query 0');
    assert.equal(queries.length, 1);
  });

  it('hurts nobody when the query, or the queued one, then fails', async () => {
    const { clock, snapshots, queries } = snapshotBench();
    const impatient = new AbortController();
    const asked = [snapshots.snapshot(clock.now(), [], impatient.signal)];
    clock.advance(1);
    asked.push(snapshots.snapshot(clock.now(), [], impatient.signal));
    impatient.abort(new Error('the deadline'));
    for (const each of asked) await assert.rejects(each, /the deadline/);
    queries[0]!.fail();
    await turn();
    queries[1]!.fail();
    await turn();
  });

  it('asks nothing if it had given up before', async () => {
    const { clock, snapshots, queries } = snapshotBench();
    const reason = new Error('too late');
    await assert.rejects(snapshots.snapshot(clock.now(), [], AbortSignal.abort(reason)), reason);
    assert.equal(queries.length, 0);
  });

  it('keeps nothing on its signal afterwards', async () => {
    const { clock, snapshots, queries } = snapshotBench();
    const { signal } = new AbortController();
    const asked = snapshots.snapshot(clock.now(), [], signal);
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    queries[0]!.answer();
    await asked;
    clock.advance(1);
    const failing = snapshots.snapshot(clock.now(), [], signal);
    queries[1]!.fail();
    await assert.rejects(failing);
    assert.deepEqual(getEventListeners(signal, 'abort'), []);
  });
});

describe('shared snapshot, failures', () => {
  it('gives the same failure to all who waited, and to all who may use it until its retry is due', async () => {
    const { clock, snapshots, queries } = snapshotBench();
    const asked = [ask(snapshots, clock.now()), ask(snapshots, clock.now())];
    const causedAt = clock.now();
    clock.advance(10_000);
    queries[0]!.fail(new PrometheusError('timeout', 'Prometheus did not answer within 10 s'));
    const errors = await Promise.all(asked.map((each) => each.catch((error: unknown) => error)));
    assert.equal(errors[0], errors[1]);
    const error = errors[0] as SnapshotError;
    assert.ok(error instanceof SnapshotError);
    assert.deepEqual(
      [error.message, error.retryAt, (error.cause as PrometheusError).kind],
      ['Prometheus did not answer within 10 s', clock.now() + 1000, 'timeout'],
    );

    clock.advance(999);
    await assert.rejects(ask(snapshots, causedAt), error);
    assert.equal(queries.length, 1);

    clock.advance(1);
    const retried = ask(snapshots, causedAt);
    assert.equal(queries.length, 2);
    queries[1]!.answer();
    assert.equal(await nameOf(retried), 'query 1');
  });

  it('asks again at once for a newer cause', async () => {
    const bench = snapshotBench();
    await failOnce(bench);
    bench.clock.advance(1);
    const newer = ask(bench.snapshots, bench.clock.now());
    assert.equal(bench.queries.length, 2);
    bench.queries[1]!.answer();
    assert.equal(await nameOf(newer), 'query 1');
  });

  it('waits longer after each failure in a row, from 1 s to 30 s, and starts anew after a success', async () => {
    const bench = snapshotBench();
    const { clock, snapshots, queries } = bench;
    const waits: number[] = [];
    const failAgain = async (): Promise<void> => {
      const error = await failOnce(bench);
      waits.push(error.retryAt - clock.now());
      clock.advance(error.retryAt - clock.now());
    };
    for (let time = 0; time < 8; time++) await failAgain();
    const asked = ask(snapshots, clock.now());
    queries.at(-1)!.answer();
    await asked;
    clock.advance(1);
    for (let time = 0; time < 2; time++) await failAgain();
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 1000, 2000]);
  });

  it('never waits longer than 30 s, however often it failed', async () => {
    const bench = snapshotBench();
    for (let time = 0; time < 1100; time++) {
      const error = await failOnce(bench);
      assert.ok(error.retryAt - bench.clock.now() <= 30_000);
      bench.clock.advance(30_000);
    }
  });

  it('forgets the last answer for those who may not use it, but has no other', async () => {
    const bench = snapshotBench();
    const { clock, snapshots, queries } = bench;
    const good = ask(snapshots, clock.now());
    queries[0]!.answer();
    await good;
    const causedAt = clock.now();
    clock.advance(1);
    const error = await failOnce(bench);
    await assert.rejects(ask(snapshots, causedAt), error);
  });

  it('takes what is thrown that is no error', async () => {
    const { clock, snapshots, queries } = snapshotBench();
    const asked = ask(snapshots, clock.now());
    queries[0]!.fail('odd' as unknown as Error);
    await assert.rejects(asked, { name: 'SnapshotError', message: 'odd' });
  });
});

describe('shared snapshot, a clock that is set back by hours', () => {
  const hours = 3 * 3_600_000;

  it('does not serve an answer from before', async () => {
    const { clock, snapshots, queries, setBack } = snapshotBench();
    const old = ask(snapshots, clock.now());
    queries[0]!.answer();
    await old;
    setBack(hours);
    const asked = ask(snapshots, clock.now() - hours);
    assert.equal(queries.length, 2);
    queries[1]!.answer();
    assert.equal(await nameOf(asked), 'query 1');
  });

  it('does not join a query from before, but makes one more', async () => {
    const { clock, snapshots, queries, setBack } = snapshotBench();
    const old = ask(snapshots, clock.now());
    setBack(hours);
    clock.advance(5);
    const asked = [ask(snapshots, clock.now() - hours), ask(snapshots, clock.now() - hours)];
    queries[0]!.answer();
    await turn();
    queries[1]!.answer();
    assert.deepEqual(await Promise.all([old, ...asked].map(nameOf)), ['query 0', 'query 1', 'query 1']);
    assert.equal(queries.length, 2);
  });

  it('does not serve a failure from before', async () => {
    const bench = snapshotBench();
    await failOnce(bench);
    bench.setBack(hours);
    const asked = ask(bench.snapshots, bench.clock.now() - hours);
    assert.equal(bench.queries.length, 2);
    bench.queries[1]!.answer();
    await asked;
  });

  it('answers one whose cause is from before, with a query made after it', async () => {
    const { clock, snapshots, queries, setBack } = snapshotBench();
    const causedAt = clock.now();
    const old = ask(snapshots, causedAt);
    setBack(hours);
    const asked = ask(snapshots, causedAt);
    for (const query of queries) query.answer();
    await turn();
    for (const query of queries) query.answer();
    await Promise.all([old, asked]);
  });

  it('never reports less than no time', async () => {
    const { clock, snapshots, queries, setBack, logger, metrics } = snapshotBench();
    for (const end of ['answer', 'fail'] as const) {
      const asked = ask(snapshots, clock.now());
      setBack(hours);
      queries.at(-1)![end]();
      await asked.catch(() => undefined);
    }
    assert.deepEqual(metrics, [
      ['success', 0],
      ['network', 0],
    ]);
    assert.deepEqual(
      logger.fieldsOf('prometheus.queried').map((fields) => fields['duration_ms']),
      [0, 0],
    );
  });
});

describe('shared snapshot, close', () => {
  it('ends the query under way and the queued one', async () => {
    const { clock, snapshots, queries } = snapshotBench();
    const asked = [ask(snapshots, clock.now())];
    clock.advance(1);
    asked.push(ask(snapshots, clock.now()));
    snapshots.close();
    for (const each of asked) await assert.rejects(each, /shutting down/);
    assert.ok(queries.every(({ isOpen, signal }) => !isOpen && signal.aborted));
  });

  it('is harmless when nothing is under way, or done twice', async () => {
    const { snapshots, queries, clock } = snapshotBench();
    snapshots.close();
    snapshots.close();
    await turn();
    assert.deepEqual([queries.length, clock.pending()], [0, 0]);
    await assert.rejects(ask(snapshots, clock.now()), /shutting down/);
  });
});

describe('shared snapshot, the log', () => {
  it('has one line a query, with the ids of all who joined it', async () => {
    const { clock, snapshots, queries, logger } = snapshotBench();
    const first = [ask(snapshots, clock.now(), 'r1', 'r2'), ask(snapshots, clock.now(), 'r2', 'r3')];
    clock.advance(30);
    const later = [ask(snapshots, clock.now(), 'r4'), ask(snapshots, clock.now(), 'r5')];
    first.push(ask(snapshots, clock.now() - 30, 'r6'));
    queries[0]!.answer();
    await Promise.all(first);
    await turn();
    clock.advance(70);
    later.push(ask(snapshots, clock.now() - 70, 'r7'));
    queries[1]!.answer();
    await Promise.all(later);
    await ask(snapshots, clock.now() - 70, 'r8');
    assert.deepEqual(logger.lines, [
      {
        level: 'info',
        event: 'prometheus.queried',
        msg: 'Prometheus told what fires',
        fields: {
          query_id: 'q1',
          address: 'http://prometheus.test:9090',
          duration_ms: 30,
          request_ids: ['r1', 'r2', 'r3', 'r6'],
          status: 'success',
          alerts: 2,
          firing: 1,
          firing_alerts: [{ alertname: 'query 0' }],
        },
      },
      {
        level: 'info',
        event: 'prometheus.queried',
        msg: 'Prometheus told what fires',
        fields: {
          query_id: 'q2',
          address: 'http://prometheus.test:9090',
          duration_ms: 70,
          request_ids: ['r4', 'r5', 'r7'],
          status: 'success',
          alerts: 2,
          firing: 1,
          firing_alerts: [{ alertname: 'query 1' }],
        },
      },
    ]);
  });

  it('has one warning for a failure, however many share it', async () => {
    const { clock, snapshots, queries, logger, metrics } = snapshotBench();
    const asked = Array.from({ length: 50 }, (_, index) => ask(snapshots, clock.now(), `r${index % 2}`));
    clock.advance(10_000);
    const failure = new PrometheusError('refused', 'Prometheus refused the connection');
    queries[0]!.fail(failure);
    for (const each of asked) await assert.rejects(each);
    await assert.rejects(ask(snapshots, clock.now() - 10_000, 'r2'));
    assert.deepEqual(logger.lines, [
      {
        level: 'warn',
        event: 'prometheus.queried',
        msg: 'Prometheus could not be asked what fires',
        fields: {
          query_id: 'q1',
          address: 'http://prometheus.test:9090',
          duration_ms: 10_000,
          request_ids: ['r0', 'r1'],
          status: 'refused',
          error: failure,
          verdicts: 'unknown',
          retry_in_ms: 1000,
        },
      },
    ]);
    assert.deepEqual(metrics, [['refused', 10]]);
  });
});

describe('shared snapshot, what is over in a moment', () => {
  /** Fails this many times, each time when the previous failure's retry is due. */
  async function failures(unknownAfterMs: number, times: number) {
    const bench = snapshotBench(undefined, unknownAfterMs);
    const startedAt = bench.clock.now();
    const seen: (readonly [afterMs: number, isLasting: boolean])[] = [];
    for (let time = 0; time < times; time++) {
      const error = await failOnce(bench);
      seen.push([bench.clock.now() - startedAt, error.isLasting]);
      bench.clock.advance(error.retryAt - bench.clock.now());
    }
    return { bench, seen };
  }

  it('lasts once it has failed twice so far apart, and is asked again just then', async () => {
    const { seen, bench } = await failures(5000, 5);
    assert.deepEqual(seen, [
      [0, false],
      [1000, false],
      [3000, false],
      [5000, true],
      [6000, true],
    ]);
    const kept = 'kept, unknown where there was none';
    assert.deepEqual(bench.logger.valuesOf('prometheus.queried', 'verdicts').flat(), [
      kept,
      kept,
      kept,
      'unknown',
      'unknown',
    ]);
  });

  it('needs a second failure, however late it comes', async () => {
    const bench = snapshotBench(undefined, 5000);
    bench.clock.advance(60_000);
    assert.equal((await failOnce(bench)).isLasting, false);
    bench.clock.advance(60_000);
    assert.equal((await failOnce(bench)).isLasting, true);
  });

  for (const [direction, byMs] of [
    ['forward', -3_600_000],
    ['back', 3_600_000],
  ] as const) {
    it(`lasts no sooner and no later when the clock is set ${direction}`, async () => {
      const { bench } = await failures(5000, 1);
      bench.setBack(byMs);
      bench.clock.advance(3999);
      assert.equal((await failOnce(bench)).isLasting, false);
      bench.setBack(byMs);
      bench.clock.advance(1);
      assert.equal((await failOnce(bench)).isLasting, true);
    });
  }

  it('begins anew after an answer', async () => {
    const { bench } = await failures(5000, 2);
    const asked = ask(bench.snapshots, bench.clock.now());
    bench.queries.at(-1)!.answer();
    await asked;
    bench.clock.advance(60_000);
    assert.equal((await failOnce(bench)).isLasting, false);
  });

  it('lasts at once with 0', async () => {
    assert.deepEqual((await failures(0, 2)).seen, [
      [0, true],
      [1000, true],
    ]);
  });
});

const config = Config.parse({ prometheus: { max_response_size: '1KiB', unknown_after: '0s' } }).prometheus;
const { signal } = new AbortController();
const emptyBody = '{"status":"success","data":{"alerts":[]}}';
const emptyAnswer = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${emptyBody.length}\r\n\r\n${emptyBody}`;

function createBench(url: string, changes: Partial<typeof config> = {}, urls: readonly string[] = [url]) {
  const [logger, registry] = [new RecordingLogger(), new Registry()];
  const metrics = createPrometheusMetrics(registry);
  const schedule = new SliceSchedule(systemClock);
  const time = { clock: systemClock, schedule };
  const options = { config: { ...config, ...changes }, urls, ...time, logger, metrics, version: '1.2.3' };
  return { logger, registry, snapshots: createSharedSnapshot(options) };
}

async function queriesOf(registry: Registry, result: string): Promise<number | undefined> {
  const metric = await registry.getSingleMetric('tocsin_prometheus_queries_total')?.get();
  return metric?.values.find(({ labels }) => labels['result'] === result)?.value;
}

describe('createSharedSnapshot', { timeout: 120_000 }, () => {
  it('asks the Prometheus at the address, once for many, and says what fires', async (test) => {
    const prometheus = await startFakePrometheus();
    test.after(() => prometheus.stop());
    prometheus.answer([
      { labels: { alertname: 'InstanceDown' }, state: 'firing' },
      { labels: { alertname: 'Soon' }, state: 'pending' },
    ]);
    const { logger, registry, snapshots } = createBench(prometheus.url);
    const asked = Array.from({ length: 1000 }, () => snapshots.snapshot(0, ['r1'], signal));
    const answers = await Promise.all(asked);
    assert.deepEqual(answers[999]?.firing.named('InstanceDown'), [{ alertname: 'InstanceDown' }]);
    assert.equal(answers[999]?.firing.size, 1);
    assert.equal(prometheus.queries(), 1);
    assert.deepEqual(logger.valuesOf('prometheus.queried', 'address', 'request_ids', 'status', 'alerts', 'firing'), [
      [prometheus.url, ['r1'], 'success', 2, 1],
    ]);
    assert.equal(await queriesOf(registry, 'success'), 1);
  });

  it('asks both of two URLs that differ in their credentials alone, as those of two tenants', async (test) => {
    const prometheus = await startFakePrometheus();
    test.after(() => prometheus.stop());
    const address = `127.0.0.1:${prometheus.port}`;
    const urls = ['one', 'two'].map((tenant) => `http://${tenant}:Passw0rd@${address}`);
    const { logger, snapshots } = createBench(prometheus.url, {}, urls);
    test.after(() => snapshots.close());
    await snapshots.snapshot(0, [], signal);
    assert.equal(prometheus.queries(), 2);
    assert.deepEqual(logger.valuesOf('prometheus.queried', 'replicas', 'answered'), [[2, 2]]);
    assert.doesNotMatch(JSON.stringify(logger.lines), /Passw0rd/);
  });

  it('says which of two URLs failed that differ in their credentials alone, without a credential', async (test) => {
    const prometheus = await startRawServer((socket, head) => {
      const isLet = head.includes(`Basic ${Buffer.from('two:Passw0rd').toString('base64')}`);
      socket.end(isLet ? emptyAnswer : 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
    });
    test.after(() => prometheus.close());
    const { host } = new URL(prometheus.url);
    const urls = ['one', 'two'].map((tenant) => `http://${tenant}:Passw0rd@${host}`);
    const { logger, snapshots } = createBench(prometheus.url, { max_firing_size: 1 << 20 }, urls);
    test.after(() => snapshots.close());
    await snapshots.snapshot(0, [], signal);
    const [first, second] = [1, 2].map((place) => `http://${host} (URL ${place})`);
    assert.deepEqual(logger.valuesOf('prometheus.queried', 'address'), [[`${first}, ${second}`]]);
    assert.deepEqual(logger.valuesOf('prometheus.replica_failed', 'replica'), [[first]]);
    assert.doesNotMatch(JSON.stringify(logger.lines), /Passw0rd|one:|two:/);
  });

  it('asks every URL with the parameters of the configuration, and says how many answered', async (test) => {
    const servers = await Promise.all([0, 1].map(() => startRawServer((socket) => socket.end(emptyAnswer))));
    test.after(() => Promise.all(servers.map((server) => server.close())));
    const { logger, registry, snapshots } = createBench(
      'http://127.0.0.1:1',
      {
        params: new Map([['namespace', ['shop']]]),
        max_firing_size: 1 << 20,
      },
      servers.map(({ url }) => url),
    );
    await snapshots.snapshot(0, [], signal);
    snapshots.close();
    for (const { heads } of servers) assert.match(heads[0] ?? '', /^GET \/api\/v1\/alerts\?namespace=shop HTTP\/1\.1/);
    assert.deepEqual(logger.valuesOf('prometheus.queried', 'address', 'replicas', 'answered'), [
      [servers.map(({ url }) => url).join(', '), 2, 2],
    ]);
    assert.equal(await queriesOf(registry, 'success'), 1);
  });

  it('keeps to the limits of the configuration', async (test) => {
    const prometheus = await startFakePrometheus();
    test.after(() => prometheus.stop());
    prometheus.answer(Array.from({ length: 50 }, () => ({ labels: { alertname: 'InstanceDown' }, state: 'firing' })));
    const large = createBench(prometheus.url);
    await assert.rejects(large.snapshots.snapshot(0, [], signal), /larger than 1024 bytes/);
    assert.equal(await queriesOf(large.registry, 'too_large'), 1);
    prometheus.hang();
    await assert.rejects(
      createBench(prometheus.url, { timeout: 20 }).snapshots.snapshot(0, [], signal),
      /within 0.02 s/,
    );
  });

  it('ends a query that hangs when it is closed', async (test) => {
    const prometheus = await startFakePrometheus();
    test.after(() => prometheus.stop());
    prometheus.hang();
    const { snapshots } = createBench(prometheus.url);
    const asked = snapshots.snapshot(0, [], signal);
    snapshots.close();
    await assert.rejects(asked, { name: 'SnapshotError', message: 'Tocsin is shutting down' });
  });

  it('starts every result at 0', async () => {
    const { registry } = createBench('http://127.0.0.1:1');
    for (const result of ['success', ...prometheusErrorKinds]) assert.equal(await queriesOf(registry, result), 0);
    assert.match(await registry.metrics(), /^tocsin_prometheus_query_duration_seconds_count 0$/m);
  });
});
