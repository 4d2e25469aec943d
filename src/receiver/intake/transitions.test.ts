import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { RecordingLogger } from '../../../test/support/recording-logger.ts';
import { AlertLines } from './alert-lines.ts';
import { newAlert } from '../../alert/new-alert.fixture.ts';
import { Transitions } from './transitions.ts';

function setUp() {
  const logger = new RecordingLogger();
  const lines = new AlertLines({ clock: new FakeClock(), logger, perSecond: 10_000 });
  const names = (): unknown[] => logger.fieldsOf('alert.new').map(({ alertname }) => alertname);
  return { logger, names, transitions: new Transitions(lines, 'r1') };
}

describe('Transitions', () => {
  it('writes nothing until it is told to, and then all in order', () => {
    const { logger, transitions } = setUp();
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
    const { logger, names, transitions } = setUp();
    for (let i = 0; i < 1000; i++) transitions.add({ event: 'alert.new', alert: newAlert({ alertname: `${i}` }) });
    assert.deepEqual(names(), []);
    transitions.add({ event: 'alert.new', alert: newAlert({ alertname: '1000' }) });
    assert.deepEqual(logger.valuesOf('alert.new', 'alertname', 'request_id'), [['1000', 'r1']]);
    transitions.write();
    assert.deepEqual(names(), ['1000', ...Array.from({ length: 1000 }, (_, i) => `${i}`)]);
  });
});
