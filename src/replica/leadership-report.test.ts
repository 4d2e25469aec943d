import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { metric } from '../runtime/metric.fixture.ts';
import { LeadershipReport } from './leadership-report.ts';

function bench() {
  const [clock, logger, registry] = [new FakeClock(), new RecordingLogger(), new Registry()];
  const leadership = { isLeading: false, term: 0, leader: '', onChange: () => () => undefined };
  let renewals = 0;
  const report = new LeadershipReport({
    clock,
    logger,
    registry,
    leadership: () => leadership,
    me: 'a_1',
    lease: 'tocsin/main',
    onRenewed: () => renewals++,
    waiting: () => 7,
  });
  const value = (series: string) => metric(registry, series);
  return { clock, logger, leadership, report, renewals: () => renewals, value };
}

describe('what is told of the lease', () => {
  it('is who leads, in which term, after whom', () => {
    const { logger, report } = bench();
    report.elected(1, '');
    report.elected(2, 'a_1');
    report.elected(3, 'b_1');
    report.leads('b_1', 4);
    report.leads('', 4);
    assert.deepEqual(
      logger.lines.map(({ event, fields: { term, former, leader } }) => [event, term, former ?? leader]),
      [
        ['leader.elected', 1, undefined],
        ['leader.elected', 2, undefined],
        ['leader.elected', 3, 'b_1'],
        ['leader.changed', 4, 'b_1'],
        ['leader.none', 4, undefined],
      ],
    );
  });

  it('never calls this replica another one', () => {
    const { logger, report } = bench();
    report.leads('a_1', 1);
    assert.deepEqual(logger.lines, []);
  });

  it('is a warning if the lease was lost, and none if it was given away', async () => {
    const { logger, report, value } = bench();
    for (const reason of ['renewal failed', 'taken over', 'deleted', 'released'] as const) report.lost(1, reason);
    assert.deepEqual(
      logger.lines.map(({ level, event, fields }) => [level, event, fields['reason']]),
      [
        ['warn', 'leader.lost', 'renewal failed'],
        ['warn', 'leader.lost', 'taken over'],
        ['warn', 'leader.lost', 'deleted'],
        ['info', 'leader.released', 'released'],
      ],
    );
    assert.equal(await value('tocsin_leader_losses_total{reason="renewal_failed"}'), 1);
  });

  it('is a failing API server once a minute, and counted each time', async () => {
    const { clock, logger, report, value } = bench();
    for (let second = 0; second < 120; second++) {
      report.failed(second % 2 === 0 ? 'read' : 'write', new Error('refused'), true);
      clock.advance(1000);
    }
    assert.deepEqual(logger.valuesOf('lease.failed', 'call', 'leading'), [
      ['read', true],
      ['read', true],
    ]);
    assert.equal(await value('tocsin_lease_failures_total{call="write"}'), 60);
  });

  it('is a lease without room once a minute, with what was left out', () => {
    const { clock, logger, report } = bench();
    for (let second = 0; second < 90; second++) {
      report.annotationsLeftOut(['tocsin.dev/marks'], 262_143, 262_144);
      clock.advance(1000);
    }
    assert.deepEqual(logger.valuesOf('lease.annotations_full', 'annotations', 'bytes', 'limit_bytes'), [
      [['tocsin.dev/marks'], 262_143, 262_144],
      [['tocsin.dev/marks'], 262_143, 262_144],
    ]);
  });

  it('is in the metrics as it is when somebody looks', async () => {
    const { clock, leadership, report, renewals, value } = bench();
    assert.deepEqual([await value('tocsin_leader'), await value('tocsin_follower_waiting_requests')], [0, 7]);
    assert.equal(await value('tocsin_lease_renewed_timestamp_seconds'), 0);
    Object.assign(leadership, { isLeading: true, term: 9 });
    report.renewed();
    assert.deepEqual([await value('tocsin_leader'), await value('tocsin_leader_term')], [1, 9]);
    assert.equal(await value('tocsin_follower_waiting_requests'), 0);
    assert.equal(await value('tocsin_lease_renewed_timestamp_seconds'), clock.now() / 1000);
    assert.equal(renewals(), 1);
  });
});
