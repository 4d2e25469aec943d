import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { alertmanagerBase, pageOf, probe, probed } from './probe.ts';

const { signal } = new AbortController();

/** A server that answers these paths with this JSON, and others with a 404; null: never. */
async function listen(t: TestContext, answers: Readonly<Record<string, unknown>>): Promise<string> {
  const server = createServer((request, response) => {
    const answer = answers[request.url ?? ''];
    if (answer === null) return;
    response.writeHead(answer === undefined ? 404 : 200).end(JSON.stringify(answer ?? 'no'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('probe', () => {
  for (const [answers, expected] of [
    [{ '/x/api/tocsin/v1/status': { instance: 'aa' } }, { is: 'tocsin', instance: 'aa' }],
    [{ '/x/api/v2/status': { versionInfo: { version: '0.34.0' } } }, { is: 'alertmanager', version: '0.34.0' }],
    [{ '/x/api/v1/status/buildinfo': { data: { version: '3.15.0' } } }, { is: 'prometheus' }],
    [{ '/x/api/tocsin/v1/status': [] }, { is: 'other', status: 200 }],
    [{}, { is: 'other', status: 404 }],
  ] as const)
    it(`knows ${expected.is} by ${JSON.stringify(answers)}`, async (t) => {
      const url = await listen(t, answers);
      assert.deepEqual(await probe(new FakeClock(), `${url}/x/api/v2/alerts`, signal), expected);
    });

  it('says why it reaches nobody', async () => {
    assert.deepEqual(await probe(new FakeClock(), 'http://127.0.0.1:2', signal), {
      is: 'unreachable',
      code: 'ECONNREFUSED',
    });
    const unknown = probed({ is: 'unreachable', code: 'ENOTFOUND' });
    assert.equal(unknown, 'not found: the name does not resolve here (ENOTFOUND)');
  });

  it('gives up when the time is over', async (t) => {
    const clock = new FakeClock();
    const found = probe(clock, await listen(t, { '/api/tocsin/v1/status': null }), signal);
    await clock.advanceAsync(1500);
    assert.deepEqual(await found, { is: 'unreachable', code: 'no answer within 1.5 s' });
    assert.equal(clock.pending(), 0);
  });
});

describe('pageOf', () => {
  it('is the text of a page, and undefined if there is none', async (t) => {
    const url = await listen(t, { '/metrics': 'up' });
    assert.equal(await pageOf(new FakeClock(), `${url}/metrics`, signal), '"up"');
    assert.equal(await pageOf(new FakeClock(), `${url}/none`, signal), undefined);
    assert.equal(await pageOf(new FakeClock(), 'http://127.0.0.1:2/', signal), undefined);
  });
});

describe('alertmanagerBase', () => {
  it('is the URL without the path of the API', () => {
    for (const url of ['http://a:9093', 'http://a:9093/api/v2/alerts', 'http://a:9093/api/v1/alerts?x=1'])
      assert.equal(alertmanagerBase(url), 'http://a:9093');
    assert.equal(alertmanagerBase('http://a/am/api/v2/alerts'), 'http://a/am');
  });
});
