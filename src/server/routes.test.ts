import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { readTarget } from './request/request-head.ts';
import { Routes, type Route } from './routes.ts';

const api = '/api/x/';

/** Routes that answer with the parameters of the path. */
function routesOf(...paths: readonly string[]): Routes {
  const GET: Route['methods'][string] = (_, response, parameters) =>
    void response.end(JSON.stringify(Object.entries(parameters)));
  return new Routes(paths.map((path) => ({ path, methods: { GET }, ...(path.startsWith(api) && { api }) })));
}

async function start(test: TestContext, routes: Routes): Promise<string> {
  const server = createServer((request, response) => {
    request.url = readTarget('', request.url!, routes).url;
    routes.handle(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('Routes', () => {
  const routes = routesOf('/api/x/runs/:kind/:name', '/api/x/runs/:kind/:namespace/:name', '/api/x/runs/a/b', '/page');

  it('name a path with parameters by its template, so that a label has few values', () => {
    for (const [path, label, spelling] of [
      ['/api/x/runs/K/n', '/api/x/runs/:kind/:name', '/api/x/runs/K/n'],
      ['/api/x/runs/K/n/', '/api/x/runs/:kind/:name', '/api/x/runs/K/n'],
      ['/api/x/runs/%4B/a%2fb', '/api/x/runs/:kind/:name', '/api/x/runs/K/a%2Fb'],
      ['/api/x/runs/K/s/n', '/api/x/runs/:kind/:namespace/:name', '/api/x/runs/K/s/n'],
      ['/api/x/runs/a/b', '/api/x/runs/a/b', '/api/x/runs/a/b'],
      ['/api/x/runs//n', 'other', '/api/x/runs//n'],
      ['/api/x/runs/K', 'other', '/api/x/runs/K'],
      ['/page/', 'other', '/page/'],
    ] as const)
      assert.deepEqual(routes.find(path), { path: spelling, route: label }, path);
  });

  it('answer at their paths, with the parameters of the path', async (test) => {
    const url = await start(test, routes);
    const ask = async (path: string): Promise<unknown> => (await fetch(url + path)).json();
    assert.deepEqual(await ask('/api/x/runs/K/%61%2fb'), [
      ['kind', 'K'],
      ['name', 'a/b'],
    ]);
    assert.deepEqual(await ask('/api/x/runs/a/b?x'), []);
    assert.deepEqual(await ask('/api/x/runs/a'), { code: 404, message: 'path /api/x/runs/a was not found' });
  });

  it('never add a value to a label, whatever is requested', () => {
    const labels = new Set(['other', ...routes.list.map(({ path }) => path)]);
    const path = fc
      .string({ unit: fc.constantFrom('/', 'a', 'b', '%', ':', '.') })
      .map((text) => `/api/x/runs/${text}`);
    fc.assert(fc.property(path, (text) => assert.ok(labels.has(routes.find(text).route))));
  });

  it('answer 500 if a handler fails', async (test) => {
    const methods = { GET: () => Promise.reject(new Error('a defect')) };
    const url = await start(test, new Routes([{ path: '/page', methods }]));
    assert.equal((await fetch(`${url}/page`)).status, 500);
  });
});
