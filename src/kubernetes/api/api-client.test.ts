import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { answerJson, clientOf, startFakeApiServer, statusObject, writeKubeConfig } from './api-server.fixture.ts';
import { ApiError } from './api-error.ts';
import { UrgentSignals } from '../../runtime/deadline.ts';

const get = { method: 'GET', path: '/api' } as const;

function rejection(promise: Promise<unknown>): Promise<ApiError> {
  return promise.then(
    () => assert.fail('did not reject'),
    (error: unknown) => (assert.ok(error instanceof ApiError, String(error)), error),
  );
}

describe('ApiClient.call', () => {
  it('sends method, path, query, body and credentials, and gives back the object', async (t) => {
    const server = await startFakeApiServer(t, (_, response) => answerJson(response, 200, { kind: 'Pod' }));
    const client = clientOf(t, server);
    const found = await client.call({
      method: 'PATCH',
      path: '/apis/a/v1/b/c%2Fd',
      query: { force: true, limit: 5, none: undefined, selector: 'a=b,c in (d)' },
      body: [{ op: 'test' }],
      contentType: 'application/json-patch+json',
    });
    assert.deepEqual(found, { kind: 'Pod' });
    const [request] = server.seen;
    assert.equal(request?.method, 'PATCH');
    assert.equal(request.url, '/apis/a/v1/b/c%2Fd?force=true&limit=5&selector=a%3Db%2Cc+in+%28d%29');
    assert.equal(request.body, '[{"op":"test"}]');
    assert.deepEqual(
      [request.headers['content-type'], request.headers.authorization, request.headers['user-agent']],
      ['application/json-patch+json', 'Bearer secret-token', 'tocsin/test'],
    );
  });

  it('makes all calls over a few connections: not one for each', async (t) => {
    const server = await startFakeApiServer(t, (_, response) => answerJson(response, 200, {}));
    const client = clientOf(t, server, { qps: 1000, burst: 1000, maxConnections: 3 });
    for (let call = 0; call < 20; call++) await client.call(get);
    assert.ok(server.connections() <= 2, `${server.connections()} connections`);
    await Promise.all(Array.from({ length: 50 }, () => client.call(get)));
    assert.equal(server.connections(), 3);
  });

  it('makes the calls with an urgent signal before others that wait for the rate limit', async (t) => {
    const paths: (string | undefined)[] = [];
    const server = await startFakeApiServer(t, ({ url }, response) => {
      paths.push(url);
      answerJson(response, 200, {});
    });
    const urgent = new UrgentSignals();
    const client = clientOf(t, server, { qps: 10, burst: 1, urgent });
    const { signal } = new AbortController();
    urgent.add(signal);
    // All at once: the first call has the only token, so that the others wait.
    const calls = ['/first', '/user/1', '/user/2', '/user/3'].map((path) => client.call({ ...get, path }));
    await Promise.all([...calls, client.call({ ...get, path: '/platform', signal })]);
    assert.deepEqual(paths.slice(1), ['/platform', '/user/1', '/user/2', '/user/3']);
  });

  it('rejects with the status, the reason and what the server said', async (t) => {
    const server = await startFakeApiServer(t, (_, response) =>
      answerJson(response, 409, statusObject(409, 'Conflict', 'the object has been\nmodified')),
    );
    const error = await rejection(clientOf(t, server).call(get));
    assert.deepEqual([error.status, error.reason], [409, 'Conflict']);
    assert.equal(error.message, 'GET /api: 409 Conflict: the object has been modified');
  });

  it('quotes an answer that is no Status object', async (t) => {
    const server = await startFakeApiServer(t, (_, response) => response.writeHead(502).end('bad gateway'));
    const error = await rejection(clientOf(t, server).call(get));
    assert.deepEqual(
      [error.status, error.reason, error.message],
      [502, 'Unknown', 'GET /api: 502 Unknown: bad gateway'],
    );
  });

  it('says that the server cannot be reached, and by which address', async (t) => {
    const error = await rejection(clientOf(t, { url: 'http://127.0.0.1:1' }).call(get));
    assert.deepEqual([error.status, error.reason], [undefined, 'Unreachable']);
    assert.match(error.message, /^GET \/api: no answer from http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/);
  });

  it('gives up at the deadline, before and within the answer', async (t) => {
    const server = await startFakeApiServer(t, (request, response) => {
      if (request.url === '/begun') response.writeHead(200).write('{"a":');
    });
    const client = clientOf(t, server);
    for (const path of ['/silent', '/begun']) {
      const error = await rejection(client.call({ method: 'GET', path, timeoutMs: 50 }));
      assert.deepEqual([error.status, error.reason], [undefined, 'Timeout']);
      assert.equal(error.message, `GET ${path}: no answer, or not the whole of it, within 0.05 s`);
    }
  });

  it('tells a cut answer from one that is not JSON', async (t) => {
    const server = await startFakeApiServer(t, (request, response) => {
      if (request.url === '/html') response.end('<html>');
      else response.writeHead(200, { 'content-length': '100' }).write('{"a":', () => response.destroy());
    });
    const client = clientOf(t, server);
    assert.equal((await rejection(client.call({ method: 'GET', path: '/cut' }))).reason, 'Truncated');
    const error = await rejection(client.call({ method: 'GET', path: '/html' }));
    assert.deepEqual([error.reason, error.message], ['NotJson', 'GET /html: the answer is not JSON: <html>']);
  });

  it('reads no more than the longest answer', async (t) => {
    const server = await startFakeApiServer(t, (_, response) => response.end(Buffer.alloc(2000, 0x20)));
    const error = await rejection(clientOf(t, server, { maxResponseBytes: 1000 }).call(get));
    assert.deepEqual([error.reason, error.message], ['TooLarge', 'GET /api: the answer is larger than 1000 bytes']);
  });

  it('rejects with the reason of the signal of the caller, also while it waits for the rate limit', async (t) => {
    const server = await startFakeApiServer(t, () => undefined);
    const client = clientOf(t, server, { qps: 0.001, burst: 1 });
    const abort = new AbortController();
    const calls = [1, 2].map(() =>
      assert.rejects(client.call({ ...get, signal: abort.signal }), { message: 'enough' }),
    );
    abort.abort(new Error('enough'));
    await Promise.all(calls);
    assert.ok(server.seen.length <= 1);
  });

  it('waits for no limit of its own where the answers show that the server shares fairly, and says so', async (t) => {
    const shares = { 'x-kubernetes-pf-flowschema-uid': 'a', 'x-kubernetes-pf-prioritylevel-uid': 'b' };
    const server = await startFakeApiServer(t, (_, response) => answerJson(response, 200, {}, shares));
    const [clock, registry, told] = [new FakeClock(), new Registry(), [] as string[]];
    const client = clientOf(t, server, { clock, registry, onRate: ({ by }) => told.push(by) });
    await client.call(get);
    // The clock stands still, so a caller that had to wait for a limit of 20 a second would wait for ever.
    await Promise.all(Array.from({ length: 200 }, () => client.call(get)));
    assert.deepEqual(told, ['server']);
    assert.match(await registry.metrics(), /^tocsin_api_rate_limit_qps 0$/m);
  });

  it('lets a call that writes no Event go before all that write one', async (t) => {
    const server = await startFakeApiServer(t, (_, response) => answerJson(response, 200, {}));
    const clock = new FakeClock();
    const client = clientOf(t, server, { clock });
    await client.call(get);
    const event = client.call({ method: 'POST', path: '/event', isEvent: true });
    await client.call(get);
    assert.equal(server.seen.filter(({ url }) => url === '/event').length, 0, 'the bucket was not full');
    await pendingAfter(clock);
    await clock.advanceAsync(1000);
    await event;
  });

  it('comes again as long after a 429 as the server asks, and counts it', async (t) => {
    const clock = new FakeClock();
    const registry = new Registry();
    const server = await startFakeApiServer(t, (_, response) => {
      const last = server.seen.length === 3;
      answerJson(response, last ? 200 : 429, {}, last ? {} : { 'retry-after': '7' });
    });
    const client = clientOf(t, server, { clock, registry });
    const call = client.call(get);
    for (let retry = 0; retry < 2; retry++) {
      while (server.seen.length === retry) await new Promise((r) => setImmediate(r));
      await pendingAfter(clock);
      assert.equal(server.seen.length, retry + 1);
      await clock.advanceAsync(6999);
      assert.equal(server.seen.length, retry + 1);
      await clock.advanceAsync(1);
    }
    await call;
    assert.match(await registry.metrics(), /^rest_client_requests_total\{method="GET",code="429"\} 2$/m);
  });

  it('leaves a long wait to the caller, and gives up after five', async (t) => {
    let seconds = '11';
    const server = await startFakeApiServer(t, (_, response) =>
      answerJson(response, 429, {}, { 'retry-after': seconds }),
    );
    const client = clientOf(t, server, { qps: 1000 });
    assert.equal((await rejection(client.call(get))).retryAfterMs, 11_000);
    assert.equal(server.seen.length, 1);
    seconds = '0';
    assert.equal((await rejection(client.call(get))).status, 429);
    assert.equal(server.seen.length, 7);
  });

  it('does not come again after a 500', async (t) => {
    const server = await startFakeApiServer(t, (_, response) => answerJson(response, 500, {}));
    assert.equal((await rejection(clientOf(t, server).call(get))).status, 500);
    assert.equal(server.seen.length, 1);
  });

  it('reads the credentials anew when the server refuses them, once', async (t) => {
    const server = await startFakeApiServer(t, (request, response) =>
      answerJson(response, request.headers.authorization === 'Bearer new' ? 200 : 401, {}),
    );
    const file = writeKubeConfig(t, server.url, { tokenFile: 'token' });
    const token = join(dirname(file), 'token');
    writeFileSync(token, 'old\n');
    const client = clientOf(t, server, { access: { kubeconfigs: [file] } });
    assert.equal((await rejection(client.call(get))).status, 401);
    assert.equal(server.seen.length, 2);
    writeFileSync(token, 'new\n');
    await client.call(get);
    assert.equal(server.seen.length, 4);
  });

  it('says what is wrong with the credentials, and gets them later', async (t) => {
    const server = await startFakeApiServer(t, (_, response) => answerJson(response, 200, {}));
    const file = writeKubeConfig(t, server.url, { tokenFile: 'token' });
    const client = clientOf(t, server, { access: { kubeconfigs: [file] } });
    const error = await rejection(client.call(get));
    assert.deepEqual([error.status, error.reason], [undefined, 'Credentials']);
    assert.match(error.message, /^GET \/api: no credentials: ENOENT.*token/);
    writeFileSync(join(dirname(file), 'token'), 'new');
    await client.call(get);
  });

  it('runs a plugin once for calls at the same time, and not beyond the deadline', async (t) => {
    const server = await startFakeApiServer(t, (_, response) => answerJson(response, 200, {}));
    const credential = JSON.stringify({ status: { token: 'from-plugin' } });
    const script = `require('fs').appendFileSync(process.argv[1], 'x'); setTimeout(() => console.log(process.argv[2]), 20)`;
    const file = writeKubeConfig(t, server.url, {});
    const ran = join(dirname(file), 'ran');
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath };
    const client = clientOf(t, server, { user: { exec: { ...exec, args: ['-e', script, ran, credential] } } });
    await Promise.all([client.call(get), client.call(get)]);
    assert.deepEqual(
      server.seen.map(({ headers }) => headers.authorization),
      ['Bearer from-plugin', 'Bearer from-plugin'],
    );
    const hangs = clientOf(t, server, { user: { exec: { ...exec, args: ['-e', 'setTimeout(() => {}, 3000)'] } } });
    const error = await rejection(hangs.call({ ...get, timeoutMs: 100 }));
    assert.equal(error.reason, 'Credentials');
    assert.match(error.message, /^GET \/api: no credentials: the provider .* did not give them in time$/);
  });

  it('never shows the token', async (t) => {
    const server = await startFakeApiServer(t, (_, response) => response.destroy());
    const error = await rejection(clientOf(t, server).call(get));
    assert.doesNotMatch(`${error.message} ${String(error.cause)} ${error.stack}`, /secret-token/);
  });
});

describe('ApiClient.open', () => {
  it('gives the body as it comes, also past the deadline', async (t) => {
    const server = await startFakeApiServer(t, (_, response) => response.writeHead(200).write('one'));
    const clock = new FakeClock();
    const client = clientOf(t, server, { clock });
    const abort = new AbortController();
    const body = await client.open({ ...get, timeoutMs: 20, signal: abort.signal });
    assert.equal(String((await once(body, 'data'))[0]), 'one');
    clock.advance(60);
    assert.equal(body.destroyed, false);
    abort.abort();
    await assert.rejects(text(body));
  });

  it('gives up when the answer does not begin in time, and rejects what is no success', async (t) => {
    const server = await startFakeApiServer(t, (request, response) => {
      if (request.url === '/gone') answerJson(response, 410, statusObject(410, 'Expired', 'too old'));
    });
    const client = clientOf(t, server);
    assert.equal((await rejection(client.open({ ...get, timeoutMs: 50 }))).reason, 'Timeout');
    assert.equal((await rejection(client.open({ method: 'GET', path: '/gone' }))).reason, 'Expired');
  });

  it('ends with the client', async (t) => {
    const server = await startFakeApiServer(t, (_, response) => response.writeHead(200).write('one'));
    const client = clientOf(t, server);
    const body = await client.open(get);
    const ended = assert.rejects(text(body));
    await client.close();
    await ended;
    assert.match((await rejection(client.call(get))).message, /connections to the API server are closed/);
  });
});

/** Waits until the only timer left is the delay before the next try: the deadline of the previous try is cancelled a moment later. */
async function pendingAfter(clock: FakeClock): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(clock.pending(), 1);
}
