import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { HttpConfig } from '../config/http-config.ts';
import { systemClock } from '../runtime/clock.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { AlertmanagerClient } from './alertmanager-client.ts';
import { FakeAlertmanager } from './fake-alertmanager.fixture.ts';
import { probe, type ProbeResult } from './probe.ts';

async function probed(t: TestContext, alertmanager: FakeAlertmanager, clock = systemClock): Promise<ProbeResult> {
  const client = new AlertmanagerClient({
    clock,
    version: '1.2.3',
    config: () => ({ url: alertmanager.url, http_config: HttpConfig.parse({}), place: 0 }),
    timeoutMs: () => 10_000,
    environment: {},
  });
  t.after(() => client.close());
  const labels = new Map([['severity', 'critical']]);
  return probe(client, { clock, labels, id: 'abc' }, new AbortController().signal);
}

describe('probe', () => {
  it('sends a marked alert that ends in a minute, and tells who gets it', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    alertmanager.body = JSON.stringify([{ receivers: [{ name: 'slack' }], status: { silencedBy: ['s1'] } }]);
    assert.deepEqual(await probed(t, alertmanager), { receivers: ['slack'], silencedBy: ['s1'] });
    const [posted, asked] = alertmanager.batches;
    const [alert] = posted!.alerts;
    assert.deepEqual(alert?.labels, {
      severity: 'critical',
      alertname: 'TocsinNotifyTest',
      probe: 'abc',
      tocsin: 'notify',
    });
    assert.equal(Date.parse(alert.endsAt) - Date.parse(alert.startsAt), 60_000);
    assert.equal(asked?.path, '/api/v2/alerts?filter=probe%3D%22abc%22');
  });

  it('says what is wrong if the alert is refused, is not listed, or the answer is no list', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    alertmanager.body = '[]';
    const clock = new FakeClock();
    const waits = probed(t, alertmanager, clock);
    for (let look = 2; look <= 6; look++) {
      await alertmanager.posted(look);
      await clock.advanceAsync(200);
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(200);
    }
    assert.match(problemOf(await waits), /accepted a test alert, but does not list it/);
    alertmanager.body = '<html>';
    assert.match(problemOf(await probed(t, alertmanager)), /no list of alerts: is that an Alertmanager\?/);
    alertmanager.status = 503;
    assert.match(problemOf(await probed(t, alertmanager)), /answered 503/);
  });
});

function problemOf(result: ProbeResult): string {
  return 'problem' in result ? result.problem : JSON.stringify(result);
}
