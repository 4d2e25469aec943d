import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import type { LogLevel } from '../../runtime/logger.ts';
import { AlertLines } from './alert-lines.ts';
import { newAlert } from '../../alert/new-alert.fixture.ts';

function setUp({ perSecond = 10, logger = new RecordingLogger() } = {}) {
  const clock = new FakeClock();
  return { clock, logger, lines: new AlertLines({ clock, logger, perSecond: () => perSecond }) };
}

class InfoLogger extends RecordingLogger {
  questions = 0;

  override enables(level?: LogLevel): boolean {
    this.questions++;
    return level !== 'debug';
  }
}

const labels = { alertname: 'TargetDown', job: 'api' };

describe('AlertLines', () => {
  it('writes a line with the request, the fingerprint and the labels', () => {
    const { lines, logger } = setUp();
    const alert = newAlert(labels);
    lines.write('alert.new', alert, 'r1');
    const { fingerprint } = alert;
    const fields = { request_id: 'r1', fingerprint, alertname: 'TargetDown', labels };
    assert.deepEqual(logger.lines, [{ level: 'info', event: 'alert.new', msg: 'an alert fires', fields }]);
  });

  it('has a message for each event, and no request for an expiry', () => {
    const { lines, logger } = setUp();
    lines.write('alert.resolved', newAlert(labels), 'r1');
    lines.write('alert.expired', newAlert(labels));
    assert.deepEqual(
      logger.lines.map(({ event, msg, fields }) => [event, msg, fields['request_id']]),
      [
        ['alert.resolved', 'an alert is resolved', 'r1'],
        ['alert.expired', 'an alert was not sent again in time: it counts as resolved', undefined],
      ],
    );
  });

  it('writes at debug beyond the limit, and reports each second how many', () => {
    const { lines, logger, clock } = setUp({ perSecond: 2 });
    for (let i = 0; i < 5; i++) lines.write('alert.new', newAlert(labels), 'r1');
    assert.deepEqual(
      logger.linesOf('alert.new').map(({ level }) => level),
      ['info', 'info', 'debug', 'debug', 'debug'],
    );
    clock.advance(1000);
    assert.deepEqual(logger.linesOf('alert.lines_limited'), [
      {
        level: 'info',
        event: 'alert.lines_limited',
        msg: 'more lines about single alerts were written at debug only',
        fields: { lines: 3, limit: 'log.alert_lines_per_second', per_second: 2 },
      },
    ]);
  });

  it('also counts lines of a level that the log does not have', () => {
    const { lines, logger, clock } = setUp({ perSecond: 1, logger: new InfoLogger() });
    for (let i = 0; i < 3; i++) lines.write('alert.new', newAlert(labels), 'r1');
    assert.equal(logger.lines.length, 1);
    clock.advance(1000);
    assert.deepEqual(logger.valuesOf('alert.lines_limited', 'lines'), [[2]]);
  });

  it('asks no more once a line of the same moment is left out, and counts the others all the same', () => {
    const logger = new InfoLogger();
    const { lines, clock } = setUp({ perSecond: 2, logger });
    const transitions = Array.from({ length: 10 }, () => ({ event: 'alert.new', alert: newAlert(labels) }) as const);
    lines.writeAll(transitions, 'r1');
    assert.equal(logger.lines.length, 2);
    assert.equal(logger.questions, 3);
    lines.writeAll(transitions, 'r2');
    clock.advance(1000);
    assert.deepEqual(logger.valuesOf('alert.lines_limited', 'lines'), [[18]]);
    lines.writeAll(transitions.slice(0, 2), 'r3');
    clock.advance(1000);
    assert.deepEqual(logger.valuesOf('alert.new', 'request_id'), [['r1'], ['r1'], ['r3'], ['r3']]);
    assert.deepEqual(logger.valuesOf('alert.lines_limited', 'lines'), [[18]]);
  });

  it('leaves out long labels and says how many', () => {
    const { lines, logger } = setUp();
    lines.write('alert.new', newAlert({ ...labels, long: 'x'.repeat(9000) }), 'r1');
    assert.deepEqual(logger.valuesOf('alert.new', 'labels', 'omitted_labels'), [[labels, 1]]);
  });

  it('computes no fingerprint of more than 64 KiB of labels', () => {
    const { lines, logger } = setUp();
    // The key is JSON, which adds braces, quotes and a colon.
    for (const length of [65_536 - 8, 65_536 - 7]) {
      lines.write('alert.new', newAlert({ a: 'x'.repeat(length) }), 'r1');
    }
    const given = logger.fieldsOf('alert.new').map(({ fingerprint }) => typeof fingerprint);
    assert.deepEqual(given, ['string', 'undefined']);
  });
});
