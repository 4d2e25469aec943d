import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { PrometheusError } from './prometheus-error.ts';
import type { QueryResult } from './replica-report.ts';
import { QueryReport, type ReportedQuery } from './query-report.ts';

function bench() {
  const logger = new RecordingLogger();
  const metrics: (readonly [QueryResult, number])[] = [];
  const queried = (result: QueryResult, seconds: number): void => void metrics.push([result, seconds]);
  const client = { address: 'http://prometheus.test:9090' };
  return { logger, metrics, report: new QueryReport({ logger, client, metrics: { queried } }) };
}

const one = { asked: 1, answered: 1 };
const alerts = (count: number) => Array.from({ length: count }, (_, index) => ({ alertname: `a${index}` }));
const ids = (count: number) => new Set(Array.from({ length: count }, (_, index) => `r${index}`));
const query = (count: number, durationMs = 1): ReportedQuery => ({ id: 'q1', requestIds: ids(count), durationMs });

describe('query report', () => {
  it('lists 20 alerts that fire, and says how many more there are', () => {
    const { logger, report } = bench();
    report.succeeded({ ...one, alerts: 30, firing: alerts(20) }, query(1));
    report.succeeded({ ...one, alerts: 30, firing: alerts(21) }, query(1));
    const [exactly, more] = logger.fieldsOf('prometheus.queried');
    assert.deepEqual([exactly?.['firing_alerts'], exactly?.['more_firing_alerts']], [alerts(20), undefined]);
    assert.deepEqual([more?.['firing_alerts'], more?.['more_firing_alerts']], [alerts(20), 1]);
    assert.deepEqual([more?.['firing'], more?.['alerts']], [21, 30]);
  });

  it('lists the 100 request ids that came last', () => {
    const { logger, report } = bench();
    report.succeeded({ ...one, alerts: 0, firing: [] }, query(101));
    report.failed(new Error('odd'), query(101), 1000, true);
    for (const { request_ids } of logger.fieldsOf('prometheus.queried')) {
      assert.deepEqual(request_ids, [...ids(101)].slice(1));
    }
  });

  it('gives a failure the kind that Prometheus errors have, and any other the kind network', () => {
    const { logger, metrics, report } = bench();
    report.failed(new PrometheusError('tls', 'no trust'), query(1, 2500), 4000, false);
    report.failed(new Error('odd'), query(1), 8000, true);
    assert.deepEqual(
      logger
        .linesOf('prometheus.queried')
        .map(({ level, fields }) => [level, fields['status'], fields['retry_in_ms'], fields['verdicts']]),
      [
        ['warn', 'tls', 4000, 'kept, unknown where there was none'],
        ['warn', 'network', 8000, 'unknown'],
      ],
    );
    assert.deepEqual(metrics, [
      ['tls', 2.5],
      ['network', 0.001],
    ]);
  });

  it('names the query, for the runs that rest on it', () => {
    const { logger, report } = bench();
    report.succeeded({ ...one, alerts: 0, firing: [] }, query(1));
    report.failed(new Error('odd'), query(1), 1000, true);
    assert.deepEqual(logger.valuesOf('prometheus.queried', 'query_id'), [['q1'], ['q1']]);
  });

  it('counts the replicas where there are several', () => {
    const { logger, report } = bench();
    report.succeeded({ alerts: 0, firing: [], asked: 2, answered: 1 }, query(1));
    report.succeeded({ alerts: 0, firing: [], ...one }, query(1));
    assert.deepEqual(logger.valuesOf('prometheus.queried', 'replicas', 'answered'), [
      [2, 1],
      [undefined, undefined],
    ]);
  });
});
