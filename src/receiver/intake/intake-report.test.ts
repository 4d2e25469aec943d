import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AlertStore } from '../../alert/alert-store.ts';
import { posted } from '../../alert/alert-store.fixture.ts';
import { BatchError } from '../../alert/postable/postable-alert.ts';
import type { PostableAlert } from '../../alert/alert.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { withDebugFields } from '../../runtime/logger.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { alertsFormat } from './batch.ts';
import { AlertIntake } from './alert-intake.ts';
import { AlertLines } from './alert-lines.ts';
import { Refusal } from '../../server/request/answer.ts';
import { IntakeReport, Transitions } from './intake-report.ts';
import { metric } from '../../runtime/metric.fixture.ts';
import { testMetrics } from '../routes.fixture.ts';
import { newAlert } from '../../alert/new-alert.fixture.ts';
import { PlatformAlerts } from '../../cause/platform-alerts.ts';

const sender = { requestId: 'r1', remote: '192.0.2.1:5000', userAgent: 'Prometheus/3' };
const senderFields = { request_id: 'r1', remote: '192.0.2.1:5000', user_agent: 'Prometheus/3' };

function setUp({ maxAlerts = 100, perSecond = 50 } = {}) {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const { registry, metrics } = testMetrics();
  const store = new AlertStore(() => ({ maxAlerts, maxBytes: 1_000_000, resolveTimeoutMs: 60_000 }));
  const lines = new AlertLines({ clock, logger, perSecond: () => 50 });
  const report = new IntakeReport({ clock, logger, metrics, lines, perSecond: () => perSecond });
  const receive = (alerts: readonly PostableAlert[]): void => {
    const transitions = report.transitions(sender);
    const onTransition = transitions.add.bind(transitions);
    const intake = new AlertIntake({
      silencing: () => [],
      platform: new PlatformAlerts([]),
      store,
      repeats: 'trigger',
      now: clock.now(),
      characterBytes: 1,
      nameOf: alertsFormat.nameOf,
      onTransition,
    });
    for (const alert of alerts) intake.add(alert);
    report.received(sender, intake, transitions, 1234);
  };
  const value = (series: string): Promise<number | undefined> => metric(registry, series);
  return { clock, logger, report, receive, value };
}

const invalid = (problem: string): PostableAlert => ({ ...posted({}), key: '', invalid: problem });
const named = (alertname: string): PostableAlert => posted({ labels: { alertname } });

describe('IntakeReport.received', () => {
  it('writes one line for a batch, and then those of its alerts', () => {
    const { clock, logger, receive } = setUp();
    receive([named('A'), named('B'), posted({ labels: { alertname: 'C' }, endsAt: clock.now() }), named('A')]);
    const { level, fields } = logger.linesOf('alerts.received')[0]!;
    assert.equal(level, 'info');
    const { verdicts, ...others } = withDebugFields(fields);
    assert.deepEqual(others, { ...senderFields, alerts: 4, firing: 3, resolved: 1, invalid: 0, new: 2, bytes: 1234 });
    const { woke } = verdicts as { readonly woke: string };
    assert.equal(Buffer.from(woke, 'base64').length, 4 * 4);
    assert.deepEqual(
      logger.lines.map(({ event }) => event),
      ['alerts.received', 'alert.new', 'alert.new', 'alert.resolved'],
    );
    assert.deepEqual(logger.valuesOf('alert.new', 'request_id', 'alertname'), [
      ['r1', 'A'],
      ['r1', 'B'],
    ]);
  });

  it('counts alerts by status', async () => {
    const { clock, receive, value } = setUp();
    receive([named('A'), named('B'), posted({ endsAt: clock.now() }), invalid('broken')]);
    assert.equal(await value('tocsin_alerts_received_total{status="firing"}'), 3);
    assert.equal(await value('tocsin_alerts_received_total{status="resolved"}'), 1);
    assert.equal(await value('tocsin_alerts_invalid_total'), 1);
    assert.equal(await value('tocsin_alerts_limited_total'), 0);
  });

  it('names ten of the invalid alerts', () => {
    const { logger, receive } = setUp();
    receive([named('A'), ...Array.from({ length: 12 }, () => invalid('broken'))]);
    const [line] = logger.linesOf('alerts.invalid');
    assert.equal(line?.level, 'warn');
    const problems = Array.from({ length: 10 }, (_, index) => `alert ${index + 1}: broken`);
    const { invalid_alerts: alerts, ...others } = withDebugFields(line.fields);
    assert.deepEqual(others, { ...senderFields, invalid: 12, problems });
    assert.deepEqual(
      alerts,
      Array.from({ length: 10 }, () => ({ labels: invalid('').labels, problem: 'broken' })),
    );
  });

  it('counts a batch that reached the limit of labels, and no other', async () => {
    const { receive, value } = setUp();
    receive([invalid('broken')]);
    assert.equal(await value('tocsin_limit_reached_total{limit="max_labels_per_alert"}'), 0);
    receive([invalid('more than 3 labels, the limit receiver.max_labels_per_alert')]);
    assert.equal(await value('tocsin_limit_reached_total{limit="max_labels_per_alert"}'), 1);
  });

  it('warns of alerts that could not be stored', async () => {
    const { logger, receive, value } = setUp({ maxAlerts: 1 });
    receive([named('A'), named('B'), named('C')]);
    const [line] = logger.linesOf('alerts.limited');
    assert.equal(line?.level, 'warn');
    const limit = 'receiver.max_alerts, receiver.max_alerts_size';
    assert.deepEqual(line.fields, { ...senderFields, not_stored: 2, not_updated: 0, limit });
    assert.equal(await value('tocsin_alerts_limited_total'), 2);
    assert.equal(await value('tocsin_limit_reached_total{limit="max_alerts"}'), 1);
  });

  it('writes no warning for a good batch', () => {
    const { logger, receive } = setUp();
    receive([named('A')]);
    assert.deepEqual(
      logger.lines.filter(({ level }) => level !== 'info'),
      [],
    );
  });
});

describe('IntakeReport.rejected', () => {
  it('reports the sender and the reason of the refusal', () => {
    const { logger, report } = setUp();
    report.rejected(sender, 422, BatchError.required('0.labels'));
    const [line] = logger.linesOf('alerts.rejected');
    assert.equal(line?.level, 'warn');
    assert.deepEqual(line.fields, { ...senderFields, status: 422, reason: '0.labels in body is required' });
  });

  it('logs a defect as an error, with its stack', () => {
    const { logger, report } = setUp({ perSecond: 1 });
    const error = new Error('oops');
    report.rejected(sender, 400, new Refusal(400, 'broken off'));
    report.rejected(sender, 500, error);
    const [line] = logger.linesOf('alerts.failed');
    assert.equal(line?.level, 'error');
    assert.deepEqual(line.fields, { ...senderFields, status: 500, reason: 'oops', stack: error.stack });
    assert.equal(logger.linesOf('alerts.rejected').length, 1);
    assert.equal(logger.linesOf('alerts.rejections_limited').length, 0);
  });

  it('writes a limited number of lines a second, then reports how many more there were', () => {
    const { clock, logger, report } = setUp({ perSecond: 2 });
    for (let n = 0; n < 5; n++) report.rejected(sender, 400, new Refusal(400, 'broken off'));
    assert.equal(logger.linesOf('alerts.rejected').length, 2);
    clock.advance(1000);
    assert.deepEqual(logger.fieldsOf('alerts.rejections_limited'), [{ lines: 3, per_second: 2 }]);
    assert.equal(clock.pending(), 0);
  });
});

function setUpTransitions() {
  const logger = new RecordingLogger();
  const lines = new AlertLines({ clock: new FakeClock(), logger, perSecond: () => 10_000 });
  const names = (): unknown[] => logger.fieldsOf('alert.new').map(({ alertname }) => alertname);
  return { logger, names, transitions: new Transitions(lines, 'r1') };
}

describe('Transitions', () => {
  it('writes nothing until it is told to, and then everything in order', () => {
    const { logger, transitions } = setUpTransitions();
    transitions.add({ event: 'alert.new', alert: newAlert({ alertname: 'A' }) });
    transitions.add({ event: 'alert.resolved', alert: newAlert({ alertname: 'B' }) });
    assert.deepEqual(logger.lines, []);
    transitions.write();
    assert.deepEqual(
      logger.lines.map(({ event, fields }) => [event, fields['alertname'], fields['request_id']]),
      [
        ['alert.new', 'A', 'r1'],
        ['alert.resolved', 'B', 'r1'],
      ],
    );
  });

  it('keeps a thousand, writes the others as they come, and each once', () => {
    const { logger, names, transitions } = setUpTransitions();
    for (let i = 0; i < 1000; i++) transitions.add({ event: 'alert.new', alert: newAlert({ alertname: `${i}` }) });
    assert.deepEqual(names(), []);
    transitions.add({ event: 'alert.new', alert: newAlert({ alertname: '1000' }) });
    assert.deepEqual(logger.valuesOf('alert.new', 'alertname', 'request_id'), [['1000', 'r1']]);
    transitions.write();
    assert.deepEqual(names(), ['1000', ...Array.from({ length: 1000 }, (_, i) => `${i}`)]);
  });
});
