import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { HttpConfig } from '../config/http-config.ts';
import { startRawServer } from '../prometheus/raw-server.fixture.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { AlertmanagerClient, AlertmanagerError } from './alertmanager-client.ts';
import { FakeAlertmanager } from './fake-alertmanager.fixture.ts';

const never = new AbortController().signal;

function clientOf(t: TestContext, url: string, httpConfig: object = {}, clock = new FakeClock()): AlertmanagerClient {
  const client = new AlertmanagerClient({
    clock,
    version: '1.2.3',
    config: () => ({ url, http_config: HttpConfig.parse(httpConfig), place: 1 }),
    timeoutMs: () => 10_000,
    environment: {},
  });
  t.after(() => client.close());
  return client;
}

async function failureOf(posted: Promise<unknown>): Promise<AlertmanagerError> {
  const error = await posted.then(
    () => assert.fail('it was accepted'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof AlertmanagerError, String(error));
  return error;
}

describe('AlertmanagerClient', () => {
  it('posts below the path of the URL, with the credentials of the URL or of http_config, which win', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    const url = `${alertmanager.url.replace('://', '://ann:p%40ss@')}/prefix`;
    await clientOf(t, url).post('[]', never);
    await clientOf(t, url, {
      authorization: { credentials: 't0ken' },
      http_headers: { 'X-Scope-OrgID': { values: ['a'] } },
    }).post('[]', never);
    assert.deepEqual(
      alertmanager.batches.map(({ path, headers }) => [path, headers.authorization, headers['x-scope-orgid']]),
      [
        ['/prefix/api/v2/alerts', `Basic ${Buffer.from('ann:p@ss').toString('base64')}`, undefined],
        ['/prefix/api/v2/alerts', 'Bearer t0ken', 'a'],
      ],
    );
  });

  const refusals: readonly (readonly [status: number, kind: string, said: RegExp])[] = [
    [400, 'rejected', /answered 400 "no such label": does notify\.labels suit it\?$/],
    [401, 'unauthorized', /answered 401 .*: set basic_auth or authorization in notify\.alertmanagers\.1\.http_config$/],
    [404, 'not_found', /no such API.*is a path prefix missing in notify\.alertmanagers\.1\.url/],
    [
      302,
      'redirect',
      /redirects to http:\/\/elsewhere\/ \(302\), which is not followed: set notify\.alertmanagers\.1\.url/,
    ],
    [413, 'too_large', /takes no request that long, it answered 413 .*: lower notify\.batch_size/],
    [429, 'http_error', /answered 429 .*is it starting, overloaded/],
    [503, 'http_error', /answered 503 .*is it starting/],
  ];
  for (const [status, kind, said] of refusals)
    it(`takes a ${status} as ${kind}, and says what to do`, async (t) => {
      const alertmanager = await FakeAlertmanager.start(t);
      Object.assign(alertmanager, { status, body: 'no such label', headers: { Location: 'http://elsewhere/' } });
      const failure = await failureOf(clientOf(t, alertmanager.url).post('[]', never));
      assert.equal(failure.kind, kind);
      assert.match(failure.message, said);
      assert.ok(failure.message.startsWith(`Alertmanager at ${alertmanager.url} `), failure.message);
    });

  it('quotes no secret that a server echoes', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    Object.assign(alertmanager, { status: 403, body: 'no hunter2 here' });
    const client = clientOf(t, alertmanager.url, { basic_auth: { username: 'ann', password: 'hunter2' } });
    const { message } = await failureOf(client.post('[]', never));
    assert.match(
      message,
      /answered 403 "no <secret> here": are the credentials of notify\.alertmanagers\.1\.http_config/,
    );
  });

  it('says that nobody listens, and which file it cannot read', async (t) => {
    const server = await startRawServer(() => undefined);
    await server.close();
    const refused = await failureOf(clientOf(t, server.url).post('[]', never));
    assert.equal(refused.kind, 'refused');
    assert.match(
      refused.message,
      /refused the connection \(ECONNREFUSED\): is it running, and is notify\.alertmanagers\.1\.url right\?/,
    );
    const unread = await failureOf(
      clientOf(t, server.url, { authorization: { credentials_file: '/nowhere' } }).post('[]', never),
    );
    assert.equal(unread.kind, 'unreadable_file');
    assert.match(
      unread.message,
      /^notify\.alertmanagers\.1\.http_config\.authorization\.credentials_file: \/nowhere: /,
    );
  });

  it('gives up after notify.timeout, and at once when it is told to', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    alertmanager.status = undefined;
    const clock = new FakeClock();
    const client = clientOf(t, alertmanager.url, {}, clock);
    const slow = failureOf(client.post('[]', never));
    await alertmanager.posted(1);
    clock.advance(10_000);
    const { kind, message } = await slow;
    assert.equal(kind, 'timeout');
    assert.match(message, /did not answer within 10 s: .* is notify\.timeout too short\?/);
    const abort = new AbortController();
    const given = client.post('[]', abort.signal);
    abort.abort(new Error('enough'));
    await assert.rejects(given, { message: 'enough' });
    assert.equal(clock.pending(), 0);
  });
});
