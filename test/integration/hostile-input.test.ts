import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { HealthProbe } from '../support/health-probe.ts';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';
import { peakResidentBytes } from '../support/resident-memory.ts';
import { podHeap } from '../../torture/victim.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

const MiB = 1024 * 1024;
/**
 * When the event loop counts as blocked, in milliseconds without the time that the machine takes: the promise is 200 ms, and a
 * batch that is processed without a pause would take seconds.
 */
const heldMs = 600;
/** Slightly below the limit of a body. */
const large = 16 * MiB - 200;

/** Bodies that are within all limits, and designed to hurt. */
const bodies: readonly (readonly [string, () => string | Buffer, readonly number[]])[] = [
  ['a label value of 16 MiB', () => `[{"labels":{"a":"${'x'.repeat(large)}"}}]`, [200]],
  ['a million labels', () => `[{"labels":{${repeat((i) => `"l${i}":"v"`, 1_000_000)}}}]`, [400]],
  ['800,000 small alerts', () => `[${repeat(() => '{"labels":{"a":"b"}}', 790_000)}]`, [200]],
  ['an unknown field of objects', () => `[{"labels":{"a":"b"},"u":[${repeat(() => '{}', 5_500_000)}]}]`, [200]],
  ['a million levels', () => `[{"labels":{"a":"b"},"u":${'['.repeat(1_000_000)}}]`, [400]],
  ['lone surrogates', () => `[{"labels":{"a":"${'\\ud800'.repeat(2_700_000)}"}}]`, [200]],
  [
    'bytes that are no UTF-8',
    () => Buffer.concat([Buffer.from('[{"labels":{"a":"'), Buffer.alloc(large, 0xe2), Buffer.from('"}}]')]),
    [200],
  ],
  [
    'names that every object has',
    () => `[{"__proto__":{"labels":{"a":"b"}},"labels":{"__proto__":"x","constructor":"y"}}]`,
    [200],
  ],
  ['a body over the limit', () => Buffer.alloc(17 * MiB, 0x20), [413]],
];

describe('hostile input, with the default limits on the heap of the pod', () => {
  let tocsin: TocsinProcess;
  let probe: HealthProbe;

  before(async () => {
    tocsin = await startTocsin({ environment: { NODE_OPTIONS: podHeap } });
    probe = new HealthProbe(tocsin.port, tocsin.child.pid);
  });

  after(async () => {
    await probe?.stop();
    await tocsin?.stop();
  });

  for (const [what, body, statuses] of bodies) {
    it(`does not hold the others: ${what}`, async () => {
      const bytes = body();
      await probe.take();
      const status = await post(tocsin.port, bytes);
      const health = await probe.take();

      assert.ok(statuses.includes(status), `${status}`);
      assert.equal(health.failed, 0);
      assert.ok(health.slowestByItselfMs < heldMs, `/-/healthy took ${health.slowestByItselfMs.toFixed()} ms`);
      await postAlerts(tocsin.url, [{ labels: { alertname: 'Good' } }]);
    });
  }

  it('does not hold the others: forty bodies of 1 MiB at once', async () => {
    const body = `[${repeat(() => '{"labels":{"a":"b"}}', 49_000)}]`;
    await probe.take();
    const statuses = await Promise.all(Array.from({ length: 40 }, () => post(tocsin.port, body)));
    const health = await probe.take();

    assert.ok(
      statuses.every((status) => status === 200 || status === 408),
      statuses.join(),
    );
    assert.ok(health.slowestByItselfMs < heldMs, `/-/healthy took ${health.slowestByItselfMs.toFixed()} ms`);
  });

  it('does not hold the others: two hundred senders that stop in the middle', async () => {
    const head = `POST /api/v2/alerts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${MiB}\r\n\r\n`;
    const sockets = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const socket = connect(tocsin.port, '127.0.0.1');
        socket.on('error', () => undefined);
        await once(socket, 'connect');
        socket.write(head);
        socket.write(Buffer.alloc(MiB / 2, 0x20));
        return socket;
      }),
    );
    await probe.take();
    // On a new connection: an idle one may have been closed to make room, and unlike Prometheus, fetch does not try again.
    const status = await postAfresh(tocsin.url);
    const health = await probe.take();
    for (const socket of sockets) socket.destroy();
    assert.equal(status, 200);

    assert.equal(health.failed, 0);
    assert.ok(health.slowestByItselfMs < heldMs, `/-/healthy took ${health.slowestByItselfMs.toFixed()} ms`);
  });

  it('writes one line of the log for one event, whatever the texts hold', async () => {
    await postAlerts(tocsin.url, [{ labels: { alertname: 'a\nb\u001b[2J\u2028"}{', '\n': '\r\n' } }]);
    const line = await tocsin.log.waitForLine(
      ({ event, alertname }) => event === 'alert.new' && String(alertname).startsWith('a\nb'),
    );

    assert.deepEqual(line['labels'], { alertname: 'a\nb\u001b[2J\u2028"}{', '\n': '\r\n' });
  });

  it('stays within 512 MiB, answers no 5xx and finds no defect through all of this', async () => {
    assert.ok(
      peakResidentBytes(tocsin.child.pid) < 512 * MiB,
      `${Math.round(peakResidentBytes(tocsin.child.pid) / MiB)} MiB`,
    );
    const page = await (await fetch(`${tocsin.url}/metrics`)).text();
    assert.doesNotMatch(page, /tocsin_http_requests_total\{[^}]*code="5/);
    assert.deepEqual(
      tocsin.log.all.filter(({ level }) => level === 'error'),
      [],
    );
  });
});

function repeat(make: (index: number) => string, count: number): string {
  return Array.from({ length: count }, (_, index) => make(index)).join(',');
}

/** Returns the status, even if it arrives while the body is still being sent. */
function post(port: number, body: string | Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
    const sent = request(
      { port, host: '127.0.0.1', method: 'POST', path: '/api/v2/alerts', agent: false, headers },
      (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode!));
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Posts an alert over a new connection; returns the status of the answer. */
async function postAfresh(url: string): Promise<number | undefined> {
  const headers = { 'Content-Type': 'application/json' };
  const outgoing = request(`${url}/api/v2/alerts`, { method: 'POST', headers, agent: false });
  outgoing.end(JSON.stringify([{ labels: { alertname: 'Good' } }]));
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}
