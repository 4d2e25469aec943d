import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect as connectPlain, type Socket } from 'node:net';
import { before, describe, it, type TestContext } from 'node:test';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import bcrypt from 'bcryptjs';
import { stringify } from 'yaml';
import { eventually } from '../runtime/eventually.fixture.ts';
import { requestHead } from './raw-connection.fixture.ts';
import {
  createCertificates,
  isLetIn,
  startChangingDoor,
  type Certificates,
  type Files,
} from './changing-door.fixture.ts';

const get = requestHead('GET', '/');
const getLater = requestHead('GET', '/later');

/** A connection on which a test sends several requests. */
async function open(test: TestContext, socket: Socket, event: 'connect' | 'secureConnect') {
  let text = '';
  test.after(() => socket.destroy());
  socket.setEncoding('latin1').on('data', (chunk) => (text += String(chunk)));
  socket.on('error', () => undefined);
  const closed = once(socket, 'close').then(() => text);
  await once(socket, event);
  return {
    closed,
    isOpen: () => !socket.destroyed,
    send: (request: string) => void socket.write(request),
    /** The next answer, without the earlier ones. */
    async ask(request: string): Promise<string> {
      text = '';
      socket.write(request);
      return eventually(
        () => text,
        (answer) => /\r\n\r\n[^]/.test(answer),
      );
    },
  };
}

/** A server that answers `/later` when the test says so. */
async function start(test: TestContext, files: Files) {
  const waiting: ServerResponse[] = [];
  const door = await startChangingDoor(test, files, (request, response) => {
    if (request.url === '/later') waiting.push(response);
    else response.end('in');
  });
  const address = { port: door.port, host: '127.0.0.1' };
  return {
    door,
    plain: () => open(test, connectPlain(address), 'connect'),
    tls: (options: ConnectionOptions = {}) =>
      open(test, connectTls({ ...address, rejectUnauthorized: false, ...options }), 'secureConnect'),
    later: async (): Promise<ServerResponse> => {
      const [response] = await eventually(
        () => waiting,
        ({ length }) => length === 1,
      );
      return response!;
    },
    change: async (next: Files): Promise<void> => {
      door.write(next);
      await door.untilRead();
      assert.equal(
        await door.isGood(),
        1,
        JSON.stringify(door.logger.valuesOf('web_config.reload_failed', 'problems')),
      );
    },
  };
}

describe('a connection that is open when the web configuration changes', () => {
  let one: Certificates;
  let other: Certificates;
  before(async () => {
    one = await createCertificates();
    other = await createCertificates();
  });

  const pemOf = ({ server, ca }: Certificates): Files => ({
    'server.crt': server.cert,
    'server.key': server.key,
    'ca.crt': ca,
  });
  const tlsFile = (more: object = {}): Files => ({
    'web.yml': stringify({ tls_server_config: { cert_file: 'server.crt', key_file: 'server.key', ...more } }),
  });
  const mutual = { client_auth_type: 'RequireAndVerifyClientCert', client_ca_file: 'ca.crt' };

  const changes: readonly (readonly [string, () => Files])[] = [
    ['its client CA goes', () => ({ 'ca.crt': other.ca })],
    ['other names are allowed', () => tlsFile({ ...mutual, client_allowed_sans: ['somebody.else'] })],
    [
      'another way of looking at clients comes',
      () => tlsFile({ ...mutual, client_auth_type: 'VerifyClientCertIfGiven' }),
    ],
    ['no certificate is asked for any more', () => tlsFile()],
    ['an old version of TLS goes', () => tlsFile({ ...mutual, min_version: 'TLS13' })],
    ['TLS goes', () => ({ 'web.yml': '{}' })],
  ];
  for (const [what, next] of changes) {
    it(`ends when ${what}: at once if it is idle, else after its current answer`, async (test) => {
      const { tls, change, later } = await start(test, { ...pemOf(one), ...tlsFile(mutual) });
      const idle = await tls(one.client);
      assert.match(await idle.ask(get), /^HTTP\/1\.1 200 [^]*keep-alive[^]*in$/);
      const busy = await tls(one.client);
      busy.send(getLater);
      const response = await later();
      await change(next());
      await idle.closed;
      assert.ok(busy.isOpen());
      response.end('present answer');
      assert.match(await busy.closed, /^HTTP\/1\.1 200 [^]*Connection: close\r\n[^]*present answer$/);
    });
  }

  it('ends when TLS is turned on', async (test) => {
    const { plain, change, later } = await start(test, { ...pemOf(one), 'web.yml': '{}' });
    const idle = await plain();
    await idle.ask(get);
    const busy = await plain();
    busy.send(getLater);
    const response = await later();
    await change(tlsFile());
    await idle.closed;
    response.end('present answer');
    assert.match(await busy.closed, /Connection: close\r\n[^]*present answer$/);
  });

  it('ends after an answer that had begun', async (test) => {
    const { tls, change, later } = await start(test, { ...pemOf(one), ...tlsFile(mutual) });
    const connection = await tls(one.client);
    connection.send(getLater);
    const response = await later();
    response.write('first half, ');
    await change({ 'ca.crt': other.ca });
    response.end('second half');
    assert.match(await connection.closed, /keep-alive[^]*first half[^]*second half/);
  });

  it('gets no second answer, whatever was sent in the same packet or later', async (test) => {
    const { tls, change, later } = await start(test, { ...pemOf(one), ...tlsFile(mutual) });
    const connection = await tls(one.client);
    connection.send(getLater);
    const response = await later();
    await change({ 'ca.crt': other.ca });
    connection.send(get + get);
    response.end('present answer');
    const answers = await connection.closed;
    assert.deepEqual([answers.match(/HTTP\/1\.1 200/g)?.length, /\nin/.test(answers)], [1, false]);
  });

  it('gets 503 for a request whose head was incomplete', async (test) => {
    const { plain, change } = await start(test, { ...pemOf(one), 'web.yml': '{}' });
    const connection = await plain();
    connection.send('GET / HTTP/1.1\r\nHost:');
    await change(tlsFile(mutual));
    connection.send(' x\r\n\r\n');
    assert.match(await connection.closed, /^HTTP\/1\.1 503 [^]*Connection: close\r\n[^]*connect again"\n$/);
  });

  it('fails if its handshake began before', async (test) => {
    const { change, door } = await start(test, { ...pemOf(one), ...tlsFile() });
    const early = connectPlain(door.port, '127.0.0.1');
    await once(early, 'connect');
    await change(tlsFile(mutual));
    const late = await open(test, connectTls({ socket: early, rejectUnauthorized: false }), 'secureConnect');
    late.send(get);
    assert.match(await late.closed, /^(HTTP\/1\.1 503 [^]*)?$/);
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`cannot be resumed by its session of ${version}`, async (test) => {
      const { change, door } = await start(test, { ...pemOf(one), ...tlsFile(mutual) });
      const options = { ...one.client, minVersion: version, maxVersion: version, rejectUnauthorized: false };
      const socket = connectTls({ port: door.port, host: '127.0.0.1', ...options });
      const session = once(socket, 'session') as Promise<[Buffer]>;
      await (await open(test, socket, 'secureConnect')).ask(get);
      const [ticket] = await session;
      const resuming = { port: door.port, host: '127.0.0.1', ...options, session: ticket };
      const again = connectTls(resuming);
      assert.match(await (await open(test, again, 'secureConnect')).ask(get), /in$/);
      assert.ok(again.isSessionReused());
      await change({ 'ca.crt': other.ca });
      assert.equal(await isLetIn(door.port, { scheme: 'https', ...resuming }), false);
    });
  }

  it('goes on when only the server certificate is renewed', async (test) => {
    const { tls, change } = await start(test, { ...pemOf(one), ...tlsFile(mutual) });
    const connection = await tls(one.client);
    await connection.ask(get);
    await change({ 'server.crt': other.server.cert, 'server.key': other.server.key });
    assert.match(await connection.ask(get), /^HTTP\/1\.1 200 [^]*in$/);
  });

  it('goes on when passwords and tokens change, and needs the new ones for its next request', async (test) => {
    const users = { basic_auth_users: { ann: bcrypt.hashSync('secret', 4) } };
    const tokens = { authorization: { credentials_files: ['token'] } };
    const { plain, change } = await start(test, { 'web.yml': stringify({ ...users, ...tokens }), token: 'old' });
    const withPassword = requestHead('GET', '/', `Authorization: Basic ${btoa('ann:secret')}`);
    const withToken = (token: string): string => requestHead('GET', '/', `Authorization: Bearer ${token}`);
    const connection = await plain();
    assert.match(await connection.ask(withPassword), / 200 /);
    assert.match(await connection.ask(withToken('old')), / 200 /);
    await change({ token: 'new' });
    assert.match(await connection.ask(withToken('old')), / 401 /);
    assert.match(await connection.ask(withToken('new')), / 200 /);
    await change({ 'web.yml': stringify(tokens) });
    assert.match(await connection.ask(withPassword), / 401 /);
    assert.match(await connection.ask(withToken('new')), / 200 /);
  });
});
