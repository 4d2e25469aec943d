import assert from 'node:assert/strict';
import { getEventListeners, once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../runtime/clock.fixture.ts';
import type { PrometheusAlerts } from './alerts-response.ts';
import { HttpConfig } from '../config/http-config.ts';
import { createPrometheusClient, type PrometheusClient, type PrometheusClientOptions } from './prometheus-client.ts';
import { PrometheusError, prometheusErrorKinds } from './prometheus-error.ts';
import { SliceSchedule } from '../runtime/slices.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function clientOf(url: string, options: Partial<PrometheusClientOptions> = {}): PrometheusClient {
  const clock = new FakeClock();
  return createPrometheusClient({
    url,
    timeoutMs: 10_000,
    maxResponseBytes: 1 << 20,
    maxFiringBytes: 1 << 20,
    version: '1.2.3',
    clock,
    schedule: new SliceSchedule(clock),
    httpConfig: HttpConfig.parse({}),
    ...options,
  });
}

function answer(body: unknown): RequestListener {
  return (_, response) => void response.setHeader('Content-Type', 'application/json').end(JSON.stringify(body));
}

const firing = { labels: { alertname: 'InstanceDown', job: 'api' }, annotations: {}, state: 'firing', value: '1e+00' };
const pending = { ...firing, state: 'pending' };
const happy = { status: 'success', data: { alerts: [pending, firing] } };
const read: PrometheusAlerts = { alerts: 2, firing: [{ alertname: 'InstanceDown', job: 'api' }] };

describe('createPrometheusClient', () => {
  it('reads what fires', async () => {
    const client = clientOf(await serve(answer(happy)));
    assert.deepEqual(await client.query(new AbortController().signal), read);
  });

  it('says who asks, for what, and that no cache may answer', async () => {
    const seen = Promise.withResolvers<readonly (string | undefined)[]>();
    const url = await serve((request, response) => {
      const { headers } = request;
      seen.resolve([request.method, request.url, headers.accept, headers['user-agent'], headers['cache-control']]);
      answer(happy)(request, response);
    });
    await clientOf(url).query(new AbortController().signal);
    assert.deepEqual(await seen.promise, ['GET', '/api/v1/alerts', 'application/json', 'tocsin/1.2.3', 'no-cache']);
  });

  it('asks below a path prefix', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/prom/x/api/v1/alerts') answer(happy)(request, response);
      else response.writeHead(404).end();
    });
    for (const prefix of ['/prom/x', '/prom/x/']) {
      const client = clientOf(url + prefix);
      assert.equal(client.address, `${url}/prom/x`);
      assert.deepEqual(await client.query(new AbortController().signal), read);
    }
  });

  it('sends the credentials of the URL as a header and shows them nowhere', async () => {
    const expected = `Basic ${Buffer.from('ann:s3cret').toString('base64')}`;
    const url = await serve((request, response) => {
      if (request.headers.authorization === expected) answer(happy)(request, response);
      else response.writeHead(401).end();
    });
    const client = clientOf(url.replace('//', '//ann:s3cret@'));
    assert.equal(client.address, url);
    assert.deepEqual(await client.query(new AbortController().signal), read);
  });

  it('keeps connections for the next queries', async () => {
    const ports = new Set<number | undefined>();
    const url = await serve((request, response) => {
      ports.add(request.socket.remotePort);
      answer(happy)(request, response);
    });
    const client = clientOf(url);
    for (let query = 0; query < 6; query++) await client.query(new AbortController().signal);
    // Two, since fetch delivers the end of a body a moment before its connection is free again.
    assert.ok(ports.size <= 2, `${ports.size} connections`);
  });

  it('leaves no timer and no listener behind, on success and on failure', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/api/v1/alerts') answer(happy)(request, response);
      else response.writeHead(503).end('no');
    });
    const clock = new FakeClock();
    const { signal } = new AbortController();
    await clientOf(url, { clock }).query(signal);
    await assert.rejects(clientOf(`${url}/x`, { clock }).query(signal));
    assert.equal(clock.pending(), 0);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('does not ask at all for a caller who has given up', async () => {
    const reason = new Error('shutting down');
    let asked = false;
    const fetch = (): Promise<never> => {
      asked = true;
      return Promise.reject(reason);
    };
    await assert.rejects(clientOf('http://h', { fetch }).query(AbortSignal.abort(reason)), (error) => error === reason);
    assert.equal(asked, false);
  });
});

/** JSON values that mostly resemble an answer of Prometheus: now and then any part is replaced by an arbitrary value. */
function nearlyAnswers(): fc.Arbitrary<unknown> {
  const or = <T>(usual: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
    fc.oneof({ weight: 30, arbitrary: usual }, { weight: 1, arbitrary: fc.jsonValue() });
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 8 }), fc.constantFrom('', '__proto__', '\ud800'));
  const labels = or(fc.dictionary(text, or(text), { maxKeys: 4 }));
  const alert = or(
    fc.record({ labels, state: or(fc.constantFrom('firing', 'pending')) }, { requiredKeys: ['labels'] }),
  );
  const data = or(fc.record({ alerts: or(fc.array(alert, { maxLength: 4 })) }));
  return or(fc.record({ status: or(fc.constantFrom('success', 'success', 'error')), data }));
}

describe('a query', () => {
  it('gives well-formed label sets or a PrometheusError, whatever JSON the server answers', async () => {
    let body: unknown;
    const client = clientOf(await serve((request, response) => answer(body)(request, response)));
    let resolved = 0;
    await fc.assert(
      fc.asyncProperty(nearlyAnswers(), async (value) => {
        body = value;
        const result = await client.query(new AbortController().signal).catch((error: unknown) => error);
        if (result instanceof PrometheusError) {
          assert.ok(prometheusErrorKinds.includes(result.kind) && !result.message.includes('\n'));
          return;
        }
        resolved++;
        assertWellFormed(result as PrometheusAlerts, value as typeof happy);
      }),
      { numRuns: 300 },
    );
    assert.ok(resolved > 30, `only ${resolved} answers were accepted`);
  });
});

function assertWellFormed({ alerts, firing: found }: PrometheusAlerts, { data }: typeof happy): void {
  const sent = data.alerts ?? [];
  assert.equal(alerts, sent.length);
  assert.equal(found.length, sent.filter(({ state }) => state === 'firing').length);
  for (const [name, value] of found.flatMap((labels) => Object.entries<unknown>(labels))) {
    assert.ok(typeof value === 'string' && value !== '' && value.isWellFormed() && name.isWellFormed());
  }
}
