import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { openLists } from '../../src/receiver/lists/list-answers.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { HealthProbe, type Health } from '../support/health-probe.ts';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';
import { peakResidentBytes, residentBytes } from '../support/resident-memory.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

const alertCount = 50_000;
const batchSize = 2500;
/** As in hostile-input.test.ts: far above the promise, far below the time of a list without pauses. */
const heldMs = 600;

describe('a list of 50,000 alerts', () => {
  let tocsin: TocsinProcess;
  let probe: HealthProbe;
  let residentBefore = 0;
  const stopped: Socket[] = [];

  before(async () => {
    tocsin = await startTocsin();
    for (let from = 0; from < alertCount; from += batchSize) await postAlerts(tocsin.url, alerts(from));
    probe = new HealthProbe(tocsin.port, tocsin.child.pid);
    residentBefore = residentBytes(tocsin.child.pid);
  });

  after(async () => {
    for (const socket of stopped) socket.destroy();
    await probe?.stop();
    await tocsin?.stop();
  });

  it('comes as a stream, and holds nobody', async () => {
    await probe.take();
    const answer = await fetch(`${tocsin.url}/api/v2/alerts`);
    assert.equal(answer.headers.get('content-length'), null);
    const list = (await answer.json()) as readonly unknown[];

    assertHealthy(await probe.take());
    assert.equal(list.length, alertCount);
  });

  it('reaches others while as many as may be answered at a time have stopped to read', async () => {
    await probe.take();
    for (let reader = 0; reader < openLists; reader++) stopped.push(await stopAtTheFirstByte(tocsin.port));
    const answer = await fetch(`${tocsin.url}/api/v2/alerts?filter=n="7"`);
    const list = (await answer.json()) as readonly unknown[];
    await postAlerts(tocsin.url, [{ labels: { alertname: 'Good' } }]);

    assertHealthy(await probe.take());
    assert.equal(list.length, 1);
    await eventually(
      () => tocsin.log.all.filter(({ event }) => event === 'list.ended').length,
      (ended) => ended > 0,
    );
  });

  it('does not double the memory', () => {
    const ratio = peakResidentBytes(tocsin.child.pid) / residentBefore;
    assert.ok(ratio < 2, `${ratio.toFixed(2)} times what the alerts take`);
  });
});

function alerts(from: number) {
  return Array.from({ length: batchSize }, (_, index) => ({
    labels: {
      alertname: 'MetricGatewayThrottling',
      n: `${from + index}`,
      namespace: 'a-namespace',
      pod: `pod-${index}`,
    },
    annotations: { summary: 'One of many alerts, with a summary that has the usual length of a summary.' },
  }));
}

function assertHealthy({ failed, slowestByItselfMs, probes }: Health): void {
  assert.equal(failed, 0);
  assert.ok(
    probes > 0 && slowestByItselfMs < heldMs,
    `${probes} times, /-/healthy took ${slowestByItselfMs.toFixed()} ms`,
  );
}

/** Requests the list, and stops reading once it begins to arrive. */
async function stopAtTheFirstByte(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write('GET /api/v2/alerts HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(socket, 'readable');
  return socket;
}
