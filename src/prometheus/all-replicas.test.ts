import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { SliceSchedule, Slices } from '../runtime/slices.ts';
import type { PrometheusAlerts } from './alerts-response.ts';
import { AllReplicas, mergeAnswers, type ReplicatedAlerts } from './all-replicas.ts';
import type { PrometheusClient, QueryShare } from './prometheus-client.ts';
import { PrometheusError } from './prometheus-error.ts';
import { createPrometheusMetrics, ReplicaReport } from './replica-report.ts';
import type { LabelSet } from '../alert/labels.ts';

const { signal } = new AbortController();
const timeoutMs = 10_000;

/** A replica that behaves as the test says: it reports the name of a firing alert, no alert, an error, or does not answer. */
class FakeReplica implements PrometheusClient {
  readonly address: string;
  readonly key: string;
  tells: string | Error | undefined;
  queries = 0;
  share: QueryShare | undefined;
  readonly #clock: FakeClock;
  #late: ((alerts: PrometheusAlerts) => void) | undefined;

  constructor(clock: FakeClock, address: string) {
    this.#clock = clock;
    this.address = address;
    this.key = address;
  }

  query(_signal: AbortSignal, share: QueryShare): Promise<PrometheusAlerts> {
    this.queries++;
    this.share = share;
    if (this.tells instanceof Error) return Promise.reject(this.tells);
    if (this.tells === 'silence') return this.#silence(share.timeoutMs);
    return Promise.resolve(answerOf(this.tells));
  }

  ask(): Promise<never> {
    return Promise.reject(new PrometheusError('not_found', 'it tells nothing else'));
  }

  text(): Promise<never> {
    return this.ask();
  }

  /** Answers the query that hangs. */
  answerLate(alertname?: string): void {
    this.#late?.(answerOf(alertname));
  }

  close(): void {}

  #silence(ownTimeoutMs: number): Promise<PrometheusAlerts> {
    const { promise, resolve, reject } = Promise.withResolvers<PrometheusAlerts>();
    this.#late = resolve;
    this.#clock.setTimeout(() => reject(new PrometheusError('timeout', `${this.address} hangs.`)), ownTimeoutMs);
    return promise;
  }
}

function answerOf(alertname?: string): PrometheusAlerts {
  return alertname === undefined ? { alerts: 0, firing: [] } : { alerts: 1, firing: [{ alertname }] };
}

function bench(count: number, maxReplicas = 8) {
  const [clock, logger, registry] = [new FakeClock(), new RecordingLogger(), new Registry()];
  const replicas = Array.from({ length: count }, (_, index) => new FakeReplica(clock, `http://p${index}`));
  const current = { replicas: replicas as readonly PrometheusClient[] };
  const all = new AllReplicas({
    urls: replicas.map(({ address }) => address),
    addresses: { current: () => Promise.resolve(current.replicas), close: () => undefined },
    timeoutMs,
    maxFiringBytes: 100,
    maxReplicas,
    ignoredLabels: [],
    clock,
    schedule: new SliceSchedule(clock),
    report: new ReplicaReport({ logger, metrics: createPrometheusMetrics(registry) }),
  });
  /** Lets this much time pass, and returns the outcome of the look by then. */
  const look = async (ms = 0): Promise<ReplicatedAlerts | Error | undefined> => {
    let outcome: ReplicatedAlerts | Error | undefined;
    all.query(signal).then(
      (alerts) => (outcome = alerts),
      (error: unknown) => (outcome = error as Error),
    );
    await clock.advanceAsync(ms);
    return outcome;
  };
  const gauge = async () => {
    const values = (await registry.getSingleMetric('tocsin_prometheus_replicas')!.get()).values;
    return values.map(({ value }) => value);
  };
  return { clock, logger, registry, replicas, current, all, look, gauge };
}

const refused = new PrometheusError('refused', 'Nobody listens there.');

describe('all replicas', () => {
  it('says that an alert fires if any of them says so, and how many answered', async () => {
    const { replicas, look, logger, gauge } = bench(2);
    replicas[1]!.tells = 'A';
    assert.deepEqual(await look(), {
      alerts: 1,
      firing: [{ alertname: 'A' }],
      asked: 2,
      answered: 2,
      isComplete: true,
    });
    assert.deepEqual(logger.lines, []);
    assert.deepEqual(await gauge(), [2, 0, 0]);
  });

  it('knows what fires as long as one answers, and tells of the other once, and again when it is back', async () => {
    const { replicas, look, logger, registry, gauge } = bench(2);
    const [broken, well] = replicas as [FakeReplica, FakeReplica];
    well.tells = 'A';
    broken.tells = refused;
    for (let time = 0; time < 3; time++) {
      assert.deepEqual(await look(), {
        alerts: 1,
        firing: [{ alertname: 'A' }],
        asked: 2,
        answered: 1,
        isComplete: false,
      });
    }
    assert.deepEqual(logger.valuesOf('prometheus.replica_failed', 'replica', 'status'), [['http://p0', 'refused']]);
    assert.deepEqual(await gauge(), [1, 1, 0]);
    broken.tells = undefined;
    await look();
    await look();
    assert.deepEqual(logger.valuesOf('prometheus.replica_back', 'replica'), [['http://p0']]);
    const { values } = await registry.getSingleMetric('tocsin_prometheus_replica_queries_total')!.get();
    const countOf = (result: string) => values.find(({ labels }) => labels['result'] === result)?.value;
    assert.deepEqual([countOf('success'), countOf('refused')], [7, 3]);
  });

  it('fails when none answers, in one error of all, and of one alone in its own', async () => {
    const pair = bench(2);
    for (const replica of pair.replicas) replica.tells = refused;
    const failure = await pair.look();
    assert.ok(failure instanceof PrometheusError);
    assert.equal(failure.kind, 'refused');
    assert.match(failure.message, /^None of 2 replicas .* Nobody listens there\. Nobody listens there\.$/);
    const single = bench(1);
    single.replicas[0]!.tells = refused;
    assert.equal(await single.look(), refused);
    assert.deepEqual(single.logger.lines, [], 'prometheus.queried tells of it');
  });

  it('waits until the timeout for one that hangs, the first time, and then for a moment only', async () => {
    const { replicas, look, clock, logger } = bench(2);
    replicas[0]!.tells = 'silence';
    assert.equal(await look(timeoutMs - 1), undefined);
    await clock.advanceAsync(1);
    assert.deepEqual(logger.valuesOf('prometheus.replica_failed', 'replica', 'status'), [['http://p0', 'timeout']]);
    assert.equal(await look(999), undefined);
    await clock.advanceAsync(1);
    const next = await look();
    assert.deepEqual(
      [(next as ReplicatedAlerts).answered, replicas[0]!.queries],
      [1, 2],
      'it still hangs: not asked again',
    );
  });

  it('does not let a late answer into a look that is over, but trusts its replica again', async () => {
    const { replicas, look, logger } = bench(2);
    replicas[0]!.tells = 'silence';
    await look(timeoutMs);
    const over = await look(1000);
    replicas[0]!.answerLate('Late');
    await Promise.resolve();
    assert.deepEqual((over as ReplicatedAlerts).firing, []);
    assert.deepEqual((await look(0)) === undefined, true, 'it hangs anew, and is waited for');
    assert.equal(logger.linesOf('prometheus.replica_back').length, 1);
  });

  it('waits for one that failed last time when no other has answered', async () => {
    const { replicas, look, clock } = bench(2);
    for (const replica of replicas) replica.tells = 'silence';
    await look(timeoutMs);
    const outcome: unknown[] = [];
    outcome.push(await look(timeoutMs - 1));
    await clock.advanceAsync(1);
    assert.deepEqual(outcome, [undefined]);
    replicas[0]!.tells = 'A';
    assert.deepEqual((await look(1000)) instanceof Error, false);
  });

  it('asks no more than max_replicas, says so once, and counts the others', async () => {
    const { replicas, look, logger, gauge, current } = bench(3, 2);
    await look();
    await look();
    assert.deepEqual(
      replicas.map(({ queries }) => queries),
      [2, 2, 0],
    );
    assert.deepEqual(logger.valuesOf('prometheus.replicas_limited', 'found', 'max_replicas'), [[3, 2]]);
    assert.deepEqual(await gauge(), [2, 0, 1]);
    current.replicas = replicas.slice(0, 2);
    await look();
    current.replicas = replicas;
    await look();
    assert.equal(logger.linesOf('prometheus.replicas_limited').length, 2);
  });

  it('forgets how one stood whose address is gone', async () => {
    const { replicas, look, logger, current, gauge } = bench(2);
    replicas[0]!.tells = refused;
    await look();
    current.replicas = replicas.slice(1);
    await look();
    assert.deepEqual(await gauge(), [1, 0, 0]);
    current.replicas = replicas;
    await look();
    assert.equal(logger.linesOf('prometheus.replica_failed').length, 2);
  });

  it('shares what may be kept in memory among those that are asked', async () => {
    const { replicas, look } = bench(2);
    await look();
    assert.deepEqual(replicas[0]!.share, { timeoutMs, maxFiringBytes: 50 });
  });

  it('leaves no timer behind', async () => {
    const { replicas, look, clock } = bench(2);
    await look();
    replicas[0]!.tells = refused;
    await look();
    await look();
    assert.equal(clock.pending(), 0);
  });

  it('ends with the reason of the signal', async () => {
    const { all, replicas, clock } = bench(2);
    const closing = new AbortController();
    replicas[0]!.tells = 'silence';
    const ended = assert.rejects(all.query(closing.signal), /shutting down/);
    closing.abort(new Error('Tocsin is shutting down'));
    await clock.advanceAsync(timeoutMs);
    await ended;
  });

  it('asks anew, and trusts as before, while the query of a look that was given up has not ended', async () => {
    const { all, clock, look, replicas } = bench(1);
    const [replica] = replicas as [FakeReplica];
    replica.tells = 'silence';
    const givenUp = new AbortController();
    const first = all.query(givenUp.signal).catch((error: unknown) => error);
    await clock.advanceAsync(1);
    const reason = new Error('one that began later serves everybody');
    givenUp.abort(reason);
    replica.tells = 'A';
    assert.deepEqual(await look(), { ...answerOf('A'), asked: 1, answered: 1, isComplete: true });
    await clock.advanceAsync(timeoutMs);
    assert.equal(await first, reason);
    assert.deepEqual(await look(), { ...answerOf('A'), asked: 1, answered: 1, isComplete: true });
  });

  it('knows what fires by whoever answers, in each look anew, and fails only when nobody does', async () => {
    const told = fc.option(fc.constantFrom('A', 'B', ''), { nil: undefined });
    const looks = fc.array(fc.array(told, { minLength: 3, maxLength: 3 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(looks, async (each) => {
        const { replicas, look, gauge } = bench(3);
        for (const tells of each) {
          for (const [index, what] of tells.entries())
            replicas[index]!.tells = what === undefined ? refused : what || undefined;
          const outcome = await look();
          const answers = tells.filter((what) => what !== undefined);
          if (answers.length === 0) assert.ok(outcome instanceof PrometheusError);
          else {
            const { firing, answered } = outcome as ReplicatedAlerts;
            const expected = new Set(answers.filter((what) => what !== ''));
            assert.deepEqual(new Set(firing.map(({ alertname }) => alertname)), expected);
            assert.equal(answered, answers.length);
          }
          assert.deepEqual(await gauge(), [answers.length, 3 - answers.length, 0]);
        }
      }),
      { numRuns: 50 },
    );
  });
});

const ignored = ['prometheus_replica'];

function merge(...firing: readonly (readonly LabelSet[])[]) {
  const slices = new Slices(new SliceSchedule(new FakeClock()), 'answers of Prometheus');
  const answers = firing.map((own) => ({ alerts: own.length + 1, firing: own }));
  return mergeAnswers(answers, ignored, slices);
}

describe('mergeAnswers', () => {
  it('has an alert fire if any replica says so', async () => {
    const { firing } = await merge([{ alertname: 'A' }], [], [{ alertname: 'B' }]);
    assert.deepEqual(firing, [{ alertname: 'A' }, { alertname: 'B' }]);
  });

  it('makes one alert of what replicas tell alike, whatever the order of its labels', async () => {
    const { firing } = await merge([{ alertname: 'A', pod: 'x' }], [{ pod: 'x', alertname: 'A' }]);
    assert.deepEqual(firing, [{ alertname: 'A', pod: 'x' }]);
  });

  it("leaves out the replicas' own labels, also where one alone answers", async () => {
    const [x, y] = [
      { alertname: 'A', prometheus_replica: 'x' },
      { alertname: 'A', prometheus_replica: 'y' },
    ];
    for (const answers of [[[x], [y]], [[x, y]]]) {
      assert.deepEqual((await merge(...answers)).firing, [{ alertname: 'A' }]);
    }
  });

  it('counts the active alerts as the replica that has most of them', async () => {
    assert.equal((await merge([{ alertname: 'A' }], [{ alertname: 'B' }, { alertname: 'C' }])).alerts, 3);
  });

  it('keeps a label called __proto__', async () => {
    const labels = JSON.parse('{"__proto__":"x","alertname":"A","prometheus_replica":"x"}') as LabelSet;
    const [only] = (await merge([labels])).firing;
    assert.deepEqual(Object.entries(only!), [
      ['__proto__', 'x'],
      ['alertname', 'A'],
    ]);
  });

  it('is the union, each alert once, whoever tells what', async () => {
    const label = fc.dictionary(fc.constantFrom('alertname', 'pod', 'prometheus_replica'), fc.constantFrom('a', 'b'));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(label), { minLength: 1, maxLength: 3 }), async (answers) => {
        const key = (labels: LabelSet) =>
          JSON.stringify(
            Object.entries(labels)
              .filter(([name]) => !ignored.includes(name))
              .toSorted(),
          );
        const { firing } = await merge(...answers);
        const expected = new Set(answers.flat().map(key));
        assert.deepEqual(new Set(firing.map(key)), expected);
        const isAsItWas = answers.length === 1 && firing === answers[0];
        if (!isAsItWas) assert.equal(firing.length, expected.size);
      }),
    );
  });
});
