import { connect } from 'node:net';
import type { FakePrometheus } from '../src/prometheus/fake-prometheus.fixture.ts';
import { postAlerts } from '../src/receiver/post-alerts.fixture.ts';
import type { TocsinProcess } from '../test/support/tocsin-process.ts';
import type { Load } from './load-generator.ts';
import { LoadProcess } from './load-process.ts';

const alerts = 10_000;
const json = { 'Content-Type': 'application/json' };

/** One round of everything that Tocsin does in its life: alerts that fire, continue and end, reads, silences, reloads, and nonsense. */
export async function mixedLoad(tocsin: TocsinProcess, prometheus: FakePrometheus): Promise<void> {
  const generator = new LoadProcess();
  const load = { port: tocsin.port, connections: 8, from: 0, count: alerts, batch: 64, passes: 1, rate: 100 } as const;
  try {
    for (const mode of ['new', 're-sent', 'resolved'] satisfies Load['mode'][]) {
      const sent = generator.run({ ...load, mode }, tocsin.child.pid);
      await theRest(tocsin, prometheus, mode === 'resolved');
      await sent;
    }
  } finally {
    generator.stop();
  }
}

async function theRest({ url, port }: TocsinProcess, prometheus: FakePrometheus, isOver: boolean): Promise<void> {
  const labels = { alertname: 'TraceGatewayThrottling' };
  prometheus.answer(isOver ? [] : [{ labels, state: 'firing' }]);
  // Pushes the end too, as Prometheus does: otherwise the condition would stay for prometheus.heal_grace.
  await postAlerts(url, [{ labels, ...(isOver && { endsAt: '2026-01-01T00:00:00Z' }) }]);
  for (const path of ['alerts?filter=severity=warning', 'alerts/groups', 'status', 'silences', '../../metrics'])
    await (await fetch(`${url}/api/v2/${path}`)).arrayBuffer();
  for (const broken of ['[{"labels":', '{}', '[{}]', '[{"labels":{"":""}}]'])
    await (await fetch(`${url}/api/v2/alerts`, { method: 'POST', headers: json, body: broken })).arrayBuffer();
  await silence(url);
  await (await fetch(`${url}/-/reload`, { method: 'POST' })).arrayBuffer();
  for (let index = 0; index < 20; index++) breakOff(port);
}

/** One silence that soon ends by itself, and one that is expired. */
async function silence(url: string): Promise<void> {
  for (const isEnded of [false, true]) {
    const body = JSON.stringify({
      matchers: [{ name: 'namespace', value: 'team-0.*', isRegex: true, isEqual: true }],
      startsAt: new Date().toISOString(),
      endsAt: new Date(Date.now() + 1000).toISOString(),
      createdBy: 'soak',
      comment: 'a pause',
    });
    const response = await fetch(`${url}/api/v2/silences`, { method: 'POST', headers: json, body });
    const { silenceID } = (await response.json()) as { silenceID: string };
    if (isEnded) await (await fetch(`${url}/api/v2/silence/${silenceID}`, { method: 'DELETE' })).arrayBuffer();
  }
}

/** A sender that disconnects in the middle of its body. */
function breakOff(port: number): void {
  const socket = connect(port, '127.0.0.1', () => {
    socket.write('POST /api/v2/alerts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n[{"labels"');
    socket.destroySoon();
  });
  socket.on('error', () => undefined);
}
