import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { HttpConfig } from '../config/http-config.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { AlertmanagerClient } from './alertmanager-client.ts';
import { AlertmanagerSender } from './alertmanager-sender.ts';
import { FakeAlertmanager } from './fake-alertmanager.fixture.ts';
import { NotifyReport } from './notify-report.ts';
import { VerdictAlerts } from './verdict-alerts.ts';

/** Something happens right after it has found nothing to tell. */
class ChangedInBetween extends VerdictAlerts {
  onNothing: (() => void) | undefined;

  override take(...given: Parameters<VerdictAlerts['take']>): ReturnType<VerdictAlerts['take']> {
    const batch = super.take(...given);
    if (batch === undefined && this.onNothing !== undefined) {
      queueMicrotask(this.onNothing);
      this.onNothing = undefined;
    }
    return batch;
  }
}

describe('AlertmanagerSender', () => {
  it('tells at once of a change right after it had nothing more to tell', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    const clock = new FakeClock();
    const alerts = new ChangedInBetween(() => 1 << 20);
    const client = new AlertmanagerClient({
      clock,
      version: '1.2.3',
      config: () => ({ url: alertmanager.url, http_config: HttpConfig.parse({}), place: 0 }),
      timeoutMs: () => 10_000,
      environment: {},
    });
    const sender = new AlertmanagerSender({
      clock,
      schedule: new SliceSchedule(clock),
      alerts,
      mayTell: () => true,
      slot: alerts.join()!,
      client,
      report: new NotifyReport({
        clock,
        logger: new RecordingLogger(),
        registry: new Registry(),
        alerts,
        onFailing: () => undefined,
      }),
      rendering: () => ({ labels: new Map(), externalUrl: 'http://tocsin' }),
      settings: () => ({ batchSize: 64, resendMs: 60_000 }),
      after: Promise.resolve(),
    });
    t.after(() => sender.close());
    const begin = (name: string): void => {
      const trouble = { status: 'False', reason: 'Throttling', message: 'it is', decidedBy: 'A' } as const;
      alerts.begin({ kind: 'TracePipeline', name }, trouble, clock.now());
      sender.kick();
    };
    alerts.onNothing = () => begin('second');
    begin('first');
    const batches = await alertmanager.posted(2);
    assert.deepEqual(
      batches.map(({ alerts: [alert] }) => alert?.labels['name']),
      ['first', 'second'],
    );
  });
});
