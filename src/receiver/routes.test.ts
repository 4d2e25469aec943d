import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startRoutes } from './routes.fixture.ts';

const body = '[{"labels":{"alertname":"A"}}]';
const headers = { 'Content-Type': 'application/json' };

describe('createRoutes', () => {
  for (const path of ['/api/v2/alerts', '/api/v2/alerts/', '/api/v2/alerts?x=1']) {
    it(`accepts alerts at ${path}`, async (test) => {
      const { url, store } = await startRoutes(test);
      assert.equal((await fetch(url + path, { method: 'POST', headers, body })).status, 200);
      assert.equal(store.size, 1);
    });
  }

  for (const method of ['PUT', 'DELETE', 'OPTIONS', 'HEAD']) {
    it(`answers 405 to ${method} of alerts, as the API does`, async (test) => {
      const { url } = await startRoutes(test);
      const response = await fetch(`${url}/api/v2/alerts`, { method });
      assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET,POST']);
      assert.equal(response.headers.get('content-type'), 'application/json');
      const message = `method ${method} is not allowed, but [GET,POST] are`;
      assert.equal(await response.text(), method === 'HEAD' ? '' : JSON.stringify({ code: 405, message }));
    });
  }

  for (const path of ['/api/v2/Alerts', '/api/v2/alerts/x', '/api/v2/alerts//', '/api/v2/Status', '/api/v2/']) {
    it(`answers 404 at ${path}, as the API does`, async (test) => {
      const { url, store } = await startRoutes(test);
      const response = await fetch(url + path, { method: 'POST', headers, body });
      assert.deepEqual(
        [response.status, await response.json()],
        [404, { code: 404, message: `path ${path} was not found` }],
      );
      assert.equal(store.size, 0);
    });
  }

  for (const path of ['/', '/api/v1/groups', '/API/v2/alerts', '/-/Healthy', '/-/healthy/', '/metrics/', '/api/v2']) {
    it(`answers 404 at ${path} in plain text`, async (test) => {
      const { url } = await startRoutes(test);
      const response = await fetch(url + path);
      assert.deepEqual([response.status, await response.text()], [404, '404 page not found\n']);
      assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8');
    });
  }

  it('shows only the beginning of a long unknown path', async (test) => {
    const { url } = await startRoutes(test);
    const { message } = (await (await fetch(`${url}/api/v2/${'x'.repeat(5000)}`)).json()) as { message: string };
    assert.equal(message, `path /api/v2/${'x'.repeat(192)} was not found`);
  });

  it('escapes a path in its answer', async (test) => {
    const { url } = await startRoutes(test);
    assert.match(await (await fetch(`${url}/api/v2/a&b`)).text(), /a\\u0026b/);
  });

  for (const path of ['/-/healthy', '/-/ready']) {
    it(`answers ${path} to reads only`, async (test) => {
      const { url } = await startRoutes(test);
      const get = await fetch(url + path);
      assert.deepEqual([get.status, await get.text()], [200, 'OK']);
      const head = await fetch(url + path, { method: 'HEAD' });
      assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '2', '']);
      const options = await fetch(url + path, { method: 'OPTIONS' });
      assert.deepEqual([options.status, options.headers.get('allow')], [200, 'GET, HEAD, OPTIONS']);
      const post = await fetch(url + path, { method: 'POST', body });
      assert.deepEqual([post.status, await post.text()], [405, 'Method Not Allowed\n']);
      assert.equal(post.headers.get('allow'), 'GET, HEAD, OPTIONS');
    });
  }

  it('is ready if there is no reason why not, and healthy all the time', async (test) => {
    let reason: string | undefined = 'the pipelines are not listed';
    const { url } = await startRoutes(test, { notReady: () => reason });
    const before = await fetch(`${url}/-/ready`);
    assert.deepEqual([before.status, await before.text()], [503, 'not ready: the pipelines are not listed\n']);
    assert.equal((await fetch(`${url}/-/healthy`)).status, 200);
    reason = undefined;
    assert.equal((await fetch(`${url}/-/ready`)).status, 200);
  });

  it('shows the metrics', async (test) => {
    const { url, registry } = await startRoutes(test);
    const response = await fetch(`${url}/metrics`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), registry.contentType);
    assert.match(await response.text(), /^tocsin_alerts\{state="active"\} 0$/m);
  });

  it('shows the metrics to GET only', async (test) => {
    const { url } = await startRoutes(test);
    for (const method of ['HEAD', 'POST', 'DELETE']) {
      const response = await fetch(`${url}/metrics`, { method });
      assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, OPTIONS'], method);
    }
    const options = await fetch(`${url}/metrics`, { method: 'OPTIONS' });
    assert.deepEqual([options.status, options.headers.get('allow')], [200, 'GET, OPTIONS']);
  });

  it('reveals nothing about its components', async (test) => {
    const { url } = await startRoutes(test);
    const response = await fetch(`${url}/-/healthy`);
    assert.deepEqual([response.headers.get('x-powered-by'), response.headers.get('etag')], [null, null]);
  });

  it('reloads on POST, as Alertmanager does, and reports what needs a restart', async (test) => {
    const results = [{ needRestart: [] }, { needRestart: ['a.b', 'c'] }, { problems: ['f:1: x', 'f:2: y'] }];
    const { url } = await startRoutes(test, { reload: () => Promise.resolve(results.shift()!) });
    const answers: unknown[] = [];
    for (let n = 0; n < 3; n++) {
      const response = await fetch(`${url}/-/reload`, { method: 'POST' });
      answers.push([response.status, response.headers.get('content-type'), await response.text()]);
    }
    const plain = 'text/plain; charset=utf-8';
    const restart = (key: string): string => `${key} needs a restart: the running value stays\n`;
    assert.deepEqual(answers, [
      [200, null, ''],
      [200, plain, restart('a.b') + restart('c')],
      [500, plain, 'failed to reload config: f:1: x\nf:2: y\n'],
    ]);
  });
});
