import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { readTarget } from '../../server/request/request-head.ts';
import { Routes } from '../../server/routes.ts';
import { acceptedEncodings, pageRoutes } from './incident-page.ts';
import { temporaryFolder } from '../../runtime/temporary-folder.fixture.ts';

const index = '<!doctype html><title>Tocsin</title>';
const script = 'const tocsin = 1;'.repeat(100);

async function emptyFolder(test: TestContext): Promise<string> {
  const folder = await temporaryFolder(test, 'page');
  return folder;
}

async function writePage(folder: string): Promise<void> {
  await mkdir(join(folder, 'assets'));
  for (const [path, text] of [
    ['index.html', index],
    ['assets/page-ABC.js', script],
  ] as const) {
    await writeFile(join(folder, path), text);
    await writeFile(join(folder, `${path}.br`), brotliCompressSync(text));
    await writeFile(join(folder, `${path}.gz`), gzipSync(text));
  }
}

async function serve(test: TestContext, folder: string | undefined) {
  const routes = new Routes(pageRoutes(folder));
  const server = createServer((incoming, response) => {
    // Such as http_server_config of the web configuration sets for every answer.
    response.setHeader('Content-Security-Policy', "default-src 'none'");
    incoming.url = readTarget('/am', incoming.url!, routes).url;
    routes.handle(incoming, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }).end();
    const [response] = await once(sent, 'response');
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const answer = { status: response.statusCode as number, headers: response.headers as Record<string, string> };
    return { ...answer, body: Buffer.concat(chunks) };
  };
}

async function start(test: TestContext) {
  const folder = await emptyFolder(test);
  await writePage(folder);
  return serve(test, folder);
}

describe('the incident page', () => {
  it('is at the root, with a policy that lets it load its own files and call its own origin alone', async (test) => {
    const get = await start(test);
    const { status, headers, body } = await get('/am/');
    assert.deepEqual([status, body.toString(), headers['content-type']], [200, index, 'text/html; charset=utf-8']);
    assert.equal(
      headers['content-security-policy'],
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    );
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'same-origin');
  });

  it('is asked for each time, and not sent again to a browser that has it', async (test) => {
    const get = await start(test);
    const { headers } = await get('/am/');
    assert.equal(headers['cache-control'], 'no-cache');
    const etag = headers['etag']!;
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const again = await get('/am/', { 'If-None-Match': tag });
      assert.deepEqual([again.status, again.body.length, again.headers['etag']], [304, 0, etag], tag);
    }
    assert.equal((await get('/am/', { 'If-None-Match': '"other"' })).status, 200);
    assert.equal((await get('/am/', { 'If-None-Match': etag, 'Accept-Encoding': 'gzip' })).status, 200);
  });

  it('loads files that a browser may keep for ever', async (test) => {
    const get = await start(test);
    const { status, headers, body } = await get('/am/assets/page-ABC.js');
    assert.deepEqual([status, body.toString()], [200, script]);
    assert.equal(headers['content-type'], 'text/javascript; charset=utf-8');
    assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable');
    assert.equal(headers['x-content-type-options'], 'nosniff');
  });

  for (const [accepted, encoding, decoded] of [
    ['gzip, deflate, br, zstd', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
    ['GZIP;q=0.5, br;q=0', 'gzip', gunzipSync],
    ['identity', undefined, (body: Buffer) => body],
    ['', undefined, (body: Buffer) => body],
  ] as const)
    it(`is sent ${encoding ?? 'as it is'} to a browser that accepts "${accepted}"`, async (test) => {
      const get = await start(test);
      const { headers, body } = await get('/am/assets/page-ABC.js', { 'Accept-Encoding': accepted });
      assert.equal(headers['content-encoding'], encoding);
      assert.equal(headers['vary'], 'Accept-Encoding');
      assert.equal(decoded(body).toString(), script);
    });

  it('answers HEAD, and no method that changes something', async (test) => {
    const get = await start(test);
    const head = await get('/am/', {}, 'HEAD');
    assert.deepEqual([head.status, head.body.length, head.headers['content-length']], [200, 0, String(index.length)]);
    for (const path of ['/am/', '/am/assets/page-ABC.js']) {
      const posted = await get(path, {}, 'POST');
      assert.deepEqual([posted.status, posted.headers['allow']], [405, 'GET, HEAD, OPTIONS']);
    }
  });

  for (const path of [
    '/am/assets/page-ABC.js.br',
    '/am/assets/other.js',
    '/am/assets/..%2Findex.html',
    '/am/index.html',
  ])
    it(`has nothing at ${path}`, async (test) => {
      const get = await start(test);
      assert.equal((await get(path)).status, 404);
    });

  it('says how to build it if it is not there, and serves it once it is', async (test) => {
    const folder = await emptyFolder(test);
    const get = await serve(test, folder);
    const missing = await get('/am/');
    assert.equal(missing.status, 404);
    assert.match(missing.body.toString(), /not there \(ENOENT\): build it with "npm run page"/);
    await writePage(folder);
    assert.equal((await get('/am/')).status, 200);
  });

  it('has no route where no folder is given', async (test) => {
    const get = await serve(test, undefined);
    assert.equal((await get('/am/')).status, 404);
  });
});

describe('acceptedEncodings', () => {
  it('never fails, always accepts the file as it is, and never one with the weight 0', () => {
    const part = fc.tuple(
      fc.constantFrom('br', 'gzip', 'identity', '*', 'zstd', ''),
      fc.constantFrom('', ';q=0', ';q=0.000', '; q=0.5', ';q=1'),
    );
    fc.assert(
      fc.property(fc.array(part), fc.string(), (parts, rest) => {
        const accepted = acceptedEncodings([...parts.map((words) => words.join('')), rest].join(','));
        assert.ok(accepted.has('identity'));
        for (const name of ['br', 'gzip'] as const) {
          const first = parts.find(([encoding]) => encoding === name);
          if (first !== undefined) assert.equal(accepted.has(name), !first[1].startsWith(';q=0'));
        }
      }),
    );
  });
});
