import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { changedRun, FakeApi, runAsk, type Told } from './fake-api.fixture.ts';
import { temporaryFolder } from '../runtime/temporary-folder.fixture.ts';

const path = 'GET /api/tocsin/v1/pipelines/tracepipeline/backend';

async function file(t: TestContext, text: string, name = 'http.yml'): Promise<string> {
  const folder = await temporaryFolder(t, 'tocsin-cli');
  await writeFile(join(folder, 'password'), ' secret\n');
  await writeFile(join(folder, name), text);
  return join(folder, name);
}

async function authorization(t: TestContext, config: string): Promise<string | undefined> {
  const api = await FakeApi.start(t);
  api.give('GET /pipelines/tracepipeline/backend', 'Runs', { items: [changedRun] });
  const { code, stderr } = await api.run(
    'why',
    'tracepipeline/backend',
    '-o',
    'json',
    `--http.config.file=${await file(t, config)}`,
  );
  assert.equal(code, 0, stderr);
  return api.asked[0]?.headers.authorization;
}

describe('a command that asks', () => {
  it('sends the name and password of --http.config.file, read from a file beside it', async (t) => {
    const sent = await authorization(t, 'basic_auth: {username: ann, password_file: password}');
    assert.equal(sent, `Basic ${Buffer.from('ann:secret').toString('base64')}`);
  });

  it('sends its token', async (t) => {
    assert.equal(await authorization(t, 'authorization: {credentials: abc}'), 'Bearer abc');
  });

  const files: readonly (readonly [text: string, problem: RegExp])[] = [
    ['basic_auht: {username: a}', /basic_auht: unknown key, did you mean "basic_auth"/],
    ['basic_auth: {username: a, password_file: missing}', /basic_auth\.password_file: .*missing: no such file/],
    ['tls_config: {ca: nonsense}', /tls_config: cannot be used/],
    ['proxy_url: http://proxy', /commands ask without a proxy/],
  ];
  for (const [text, problem] of files)
    it(`refuses ${text}`, async (t) => {
      const told = await (await FakeApi.start(t)).run('why', 'a/b', `--http.config.file=${await file(t, text)}`);
      assert.equal(told.code, 1);
      assert.match(told.stderr, problem);
    });

  it('says so if the answer is that of another program', async (t) => {
    const api = await FakeApi.start(t);
    api.reply(path, () => ({ status: 'success', data: {} }));
    const { code, stderr } = await api.run('why', 'tracepipeline/backend');
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^tocsin: http:\S+ answers as no Tocsin of this version does \(items: .+\): correct --url, or use/,
    );
  });

  it('passes on what a newer Tocsin says besides', async (t) => {
    const api = await FakeApi.start(t);
    const newer = { ...changedRun, mood: 'good', pipeline: { ...changedRun.pipeline, uid: '1' } };
    api.reply(path, () => ({ items: [newer], total: 1 }));
    const { code, stdout } = await api.run('why', 'tracepipeline/backend', '-o', 'json');
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), { items: [newer] });
  });

  it('keeps the route prefix of --url, which wins over $TOCSIN_URL', async (t) => {
    const api = await FakeApi.start(t);
    api.reply('GET /tocsin/api/tocsin/v1/pipelines/tracepipeline/backend', () => ({ items: [changedRun] }));
    const environment = { TOCSIN_URL: 'http://127.0.0.1:1' };
    const told = await runAsk('why', ['tracepipeline/backend', '-o', 'json', `--url=${api.url}/tocsin/`], environment);
    assert.equal(told.code, 0, told.stderr);
  });

  it('refuses a $TOCSIN_URL that is none with 2', async () => {
    const { code, stderr } = await runAsk('why', ['a/b'], { TOCSIN_URL: 'tocsin:9093' });
    assert.equal(code, 2);
    assert.match(stderr, /TOCSIN_URL: found "tocsin:9093", did you mean "http:\/\/tocsin:9093/);
  });

  it('says that nobody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const told = await runAsk('why', ['a/b', `--url=http://ann:secret@127.0.0.1:${port}`], {});
    assert.equal(told.code, 1);
    assert.match(
      told.stderr,
      /^tocsin: cannot reach Tocsin at http:\/\/.*: nobody listens there; start it, or correct --url/,
    );
    assert.doesNotMatch(told.stderr, /secret/);
  });

  const refusals: readonly (readonly [status: number, body: string, problem: RegExp])[] = [
    [
      401,
      'Unauthorized\n',
      /refuses the request \(401: Unauthorized\): give name and password, or a token, with --http/,
    ],
    [404, '<html>', /no such page \(404\): is it a Tocsin, and does --url have its route prefix\?/],
    [404, '404 page not found', /no such page \(404\): is it a Tocsin, and does --url have its route prefix\?/],
    [400, '{"code": 400, "message": "limit is bad"}', /answers 400: limit is bad/],
    [200, '<html>', /answers with something other than JSON: is it a Tocsin\? Correct --url/],
  ];
  for (const [status, body, problem] of refusals)
    it(`explains ${status} ${body.trim()}`, async (t) => {
      const api = await FakeApi.start(t);
      api.reply(path, (_, response) => void response.writeHead(status).end(body));
      const told: Told = await api.run('why', 'tracepipeline/backend');
      assert.equal(told.code, 1);
      assert.match(told.stderr, problem);
    });

  it('is in colour on a terminal alone, and not with NO_COLOR', async (t) => {
    const api = await FakeApi.start(t);
    api.give('GET /pipelines', 'Pipelines', { items: [] });
    api.give('GET /pipelines/tracepipeline/backend', 'Runs', { items: [changedRun] });
    const environment = { TOCSIN_URL: api.url };
    const on = async (more: Readonly<Record<string, string>>, isTTY: boolean): Promise<boolean> =>
      (await runAsk('why', ['tracepipeline/backend'], { ...environment, ...more }, api.clock, isTTY)).stdout.includes(
        '\u001b[',
      );
    assert.deepEqual(
      [await on({}, true), await on({ NO_COLOR: '1' }, true), await on({}, false)],
      [true, false, false],
    );
  });
});
