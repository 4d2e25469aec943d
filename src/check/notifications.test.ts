import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { failedNotifications, notificationCounts, samplesOf, seriesOfPage, seriesOfSamples } from './notifications.ts';

const here = 'http://127.0.0.1:9093/api/v2/alerts';
const there = 'http://127.0.0.1:9094/api/v2/alerts';

/** As Prometheus 2.42 writes it. */
const before = `# HELP prometheus_notifications_dropped_total Total number of alerts dropped due to errors when sending to Alertmanager.
# TYPE prometheus_notifications_dropped_total counter
prometheus_notifications_dropped_total 3
prometheus_notifications_errors_total{alertmanager="${here}"} 1
prometheus_notifications_errors_total{alertmanager="${there}"} 8
prometheus_notifications_queue_capacity 10000
prometheus_notifications_queue_length 7
`;

/** As Prometheus 3.15 writes it. */
const since = `prometheus_notifications_dropped_total{alertmanager="${here}"} 3
prometheus_notifications_dropped_total{alertmanager="${there}"} 5
prometheus_notifications_errors_total{alertmanager="${here}"} 3
prometheus_notifications_queue_capacity 10000
prometheus_notifications_queue_length{alertmanager="${here}"} 2
prometheus_notifications_queue_length{alertmanager="${there}"} 4
`;

describe('notificationCounts', () => {
  it('reads the shape before 3.10', () =>
    assert.deepEqual(notificationCounts(seriesOfPage(before), here), {
      errors: 1,
      dropped: 3,
      queued: 7,
      capacity: 10_000,
    }));

  it('reads the shape since 3.10', () =>
    assert.deepEqual(notificationCounts(seriesOfPage(since), here), {
      errors: 3,
      dropped: 3,
      queued: 2,
      capacity: 10_000,
    }));

  it('reads what a query gives', () => {
    const labels = { __name__: 'prometheus_notifications_errors_total', alertmanager: here };
    const samples = [
      { labels, value: 2 },
      { labels: { ...labels, alertmanager: there }, value: 7 },
      { labels: { __name__: 'prometheus_notifications_queue_length' }, value: 5 },
    ];
    const expected = { errors: 2, dropped: 0, queued: 5, capacity: 0 };
    assert.deepEqual(notificationCounts(seriesOfSamples(samples), here), expected);
  });

  it('is 0 where there is nothing', () =>
    assert.deepEqual(notificationCounts(seriesOfPage(''), here), { errors: 0, dropped: 0, queued: 0, capacity: 0 }));
});

describe('failedNotifications', () => {
  it('names the integration and the reason of those that failed', () => {
    const page = `alertmanager_notifications_failed_total{integration="email",reason="other"} 0
alertmanager_notifications_failed_total{integration="slack",reason="clientError"} 4
`;
    assert.deepEqual(failedNotifications(page), [{ integration: 'slack', reason: 'clientError', count: 4 }]);
  });
});

describe('samplesOf', () => {
  it('reads what the text format can hold', () => {
    const label = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\r', ''));
    const escaped = (text: string): string =>
      text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
    fc.assert(
      fc.property(fc.array(fc.record({ a: label, b: label, value: fc.integer() })), (series) => {
        const lines = series.map(({ a, b, value }) => `m{a="${escaped(a)}",b="${escaped(b)}"} ${value}`);
        const page = ['# TYPE m gauge', 'mm 1', ...lines, 'm_total{a="m 1"} 1', ''].join('\n');
        const expected = series.map(({ a, b, value }) => ({ labels: { a, b }, value }));
        assert.deepEqual(samplesOf(page, 'm'), expected);
      }),
    );
    assert.deepEqual(samplesOf('m{a="\u2028"} 1', 'm'), [{ labels: { a: '\u2028' }, value: 1 }]);
    assert.deepEqual(
      samplesOf('m +Inf 1234\nm NaN', 'm').map(({ value }) => value),
      [Number.POSITIVE_INFINITY, Number.NaN],
    );
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (page) => void samplesOf(`m${page}\nm{${page}`, 'm')));
  });
});
