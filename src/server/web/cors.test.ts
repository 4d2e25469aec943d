import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { AnchoredRegexp } from '../../matcher/anchored-regexp.ts';
import { withCors } from './cors.ts';

const origin = 'https://ok.example';

async function start(test: TestContext, expression: string | undefined): Promise<string> {
  const origins = expression === undefined ? undefined : new AnchoredRegexp(expression);
  const server = createServer(withCors(origins, (_, response) => response.end('routed'))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('withCors', () => {
  it('sends nothing of its own without an expression', async (test) => {
    const url = await start(test, undefined);
    const response = await fetch(`${url}/api/v2/status`, { headers: { origin } });
    assert.deepEqual([response.headers.get('vary'), response.headers.get('access-control-allow-origin')], [null, null]);
  });

  it('names the origin that may read, and tells caches that it matters', async (test) => {
    const url = await start(test, 'https://ok\\.example');
    const allowed = await fetch(`${url}/api/v2/status`, { headers: { origin } });
    assert.equal(allowed.headers.get('access-control-allow-origin'), origin);
    const other = await fetch(`${url}/api/v2/status`, { headers: { origin: 'https://ok-example' } });
    assert.deepEqual([other.headers.get('access-control-allow-origin'), other.headers.get('vary')], [null, 'Origin']);
    assert.equal(await other.text(), 'routed');
  });

  it('answers a preflight itself, and only below the API', async (test) => {
    const url = await start(test, '.*');
    const headers = { origin, 'access-control-request-method': 'DELETE' };
    const answered = await fetch(`${url}/api/v2/silence/x`, { method: 'OPTIONS', headers });
    assert.deepEqual([answered.status, answered.headers.get('access-control-allow-methods')], [204, 'DELETE']);
    const routed = await fetch(`${url}/metrics`, { method: 'OPTIONS', headers });
    assert.deepEqual([await routed.text(), routed.headers.get('vary')], ['routed', null]);
  });
});
