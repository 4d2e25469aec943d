import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { request } from 'undici';
import { denyPrivate } from './address-guard.ts';
import { Connections, type Way } from './connections.ts';

const plain: Way<string> = { server: 'http://127.0.0.1', proxyUrl: undefined, tls: 'good' };

function connect(test: TestContext): Connections<string> {
  const connections = new Connections<string>({
    to: 'the server',
    tlsOptions: (tls) => {
      if (tls === 'bad') throw new Error('of no use');
      return {};
    },
  });
  test.after(() => connections.cut());
  return connections;
}

/** A server that answers on request. */
async function startSlowServer(test: TestContext): Promise<{ readonly url: string; readonly answer: () => void }> {
  const waiting: (() => void)[] = [];
  const server = createServer((_, response) => void waiting.push(() => response.end('late')));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const answer = (): void => waiting.splice(0).forEach((end) => end());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, answer };
}

describe('Connections', { timeout: 120_000 }, () => {
  it('keeps its pool until a certificate, a key or the way there changes', async (test) => {
    const connections = connect(test);
    let last = await connections.dispatcher(plain);
    assert.equal(await connections.dispatcher({ ...plain }), last);
    for (const change of [{ tls: 'other' }, { server: 'http://127.0.0.2' }, { proxyUrl: 'http://127.0.0.1:1' }]) {
      const next = await connections.dispatcher({ ...plain, ...change });
      assert.notEqual(next, last);
      last = next;
    }
  });

  it('are not made to a private address that a tenant names, through a proxy of the admin either', async (test) => {
    const [server, proxyUrl] = ['http://169.254.169.254', 'http://127.0.0.1:1'];
    const connections = new Connections<string>({
      to: 'the server',
      tlsOptions: () => ({}),
      guardFor: (url) => (url === proxyUrl ? undefined : denyPrivate()),
    });
    test.after(() => connections.cut());
    for (const way of [
      { ...plain, server },
      { ...plain, server, proxyUrl },
    ])
      await assert.rejects(connections.dispatcher(way), /deny_private/);
    await connections.dispatcher({ ...plain, server: 'http://8.8.8.8', proxyUrl });
  });

  it('stays as it is when the next certificate is of no use', async (test) => {
    const connections = connect(test);
    const first = await connections.dispatcher(plain);
    await assert.rejects(connections.dispatcher({ ...plain, tls: 'bad' }), { message: 'of no use' });
    assert.equal(await connections.dispatcher(plain), first);
  });

  it('lets what is under way come to its end when it is closed or replaced, and opens new ones for what comes later', async (test) => {
    const connections = connect(test);
    const { url, answer } = await startSlowServer(test);
    for (const end of [async () => connections.close(), () => connections.dispatcher({ ...plain, tls: 'other' })]) {
      const dispatcher = await connections.dispatcher(plain);
      const asked = request(url, { dispatcher });
      await new Promise((resolve) => setImmediate(resolve));
      await end();
      while (!(await Promise.race([asked.then(() => true), new Promise((later) => setImmediate(later))]))) answer();
      assert.equal(await (await asked).body.text(), 'late');
      assert.notEqual(await connections.dispatcher(plain), dispatcher);
    }
  });

  it('cuts what is under way, and opens no more', async (test) => {
    const connections = connect(test);
    const { url } = await startSlowServer(test);
    const asked = assert.rejects(request(url, { dispatcher: await connections.dispatcher(plain) }));
    await new Promise((resolve) => setImmediate(resolve));
    await connections.cut();
    await asked;
    await assert.rejects(connections.dispatcher(plain), { message: 'the connections to the server are closed' });
  });
});
