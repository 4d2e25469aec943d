import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import bcrypt from 'bcryptjs';
import { stringify } from 'yaml';
import { createAuthority, type Authority } from '../../src/server/certificates.fixture.ts';
import { startPrometheus } from '../support/prometheus-server.ts';
import { sendOverTls } from '../support/send-over-tls.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { requireServer, skipWithout } from '../support/servers.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

const run = promisify(execFile);
const password = 'a "strange" passwörd: with all';
const token = 'Zm9vYmFy.token-of-prometheus';
const rules = 'groups: [{name: g, rules: [{alert: Always, expr: vector(1)}]}]';
const patienceMs = 30_000;

/** Two locked servers: one asks for a password or a token, the other for a client certificate. */
describe('the locked door', () => {
  let ca: Authority;
  let withPassword: TocsinProcess;
  let withCertificate: TocsinProcess;
  let files: Readonly<
    Record<'cert' | 'key' | 'clientCert' | 'clientKey' | 'strangerCert' | 'strangerKey' | 'token', string>
  >;

  before(async () => {
    ca = await createAuthority();
    const server = await ca.issue('server');
    const client = await ca.issue('client', { names: 'URI:spiffe://cluster/prometheus' });
    const stranger = await ca.issue('stranger', { names: 'DNS:stranger' });
    files = {
      cert: server.certFile,
      key: server.keyFile,
      clientCert: client.certFile,
      clientKey: client.keyFile,
      strangerCert: stranger.certFile,
      strangerKey: stranger.keyFile,
      token: join(ca.folder, 'token'),
    };
    await writeFile(files.token, `${token}\n`);
    const tls = { cert_file: files.cert, key_file: files.key };
    const users = { prometheus: await bcrypt.hash(password, 4) };
    const scheme = 'https';
    const passwordConfig = {
      tls_server_config: tls,
      basic_auth_users: users,
      authorization: { credentials_files: [files.token] },
    };
    withPassword = await startTocsin({ scheme, routePrefix: '/am', webConfig: stringify(passwordConfig) });
    const clientTls = {
      ...tls,
      client_auth_type: 'RequireAndVerifyClientCert',
      client_ca_file: ca.caFile,
      client_allowed_sans: ['spiffe://cluster/prometheus'],
    };
    withCertificate = await startTocsin({
      scheme,
      routePrefix: '/am',
      webConfig: stringify({ tls_server_config: clientTls }),
    });
  });
  after(async () => {
    await withPassword?.stop();
    await withCertificate?.stop();
    await ca?.remove();
  });

  it('says at the start that it speaks https, and that it is locked', () => {
    for (const { log, url } of [withPassword, withCertificate]) {
      const line = log.all.find(({ event }) => event === 'receiver.listening');
      assert.deepEqual([line?.['address'], line?.['auth']], [url, true]);
      assert.equal(
        log.all.some(({ event }) => event === 'receiver.unlocked'),
        false,
      );
    }
  });

  describe('for a real Prometheus', { skip: skipWithout('prometheus') }, () => {
    let prometheus: ServerProcess;
    before(async () => {
      const via = (way: string, { address }: TocsinProcess, more: object): object => ({
        scheme: 'https',
        path_prefix: '/am',
        static_configs: [{ targets: [address] }],
        tls_config: { ca_file: ca.caFile },
        alert_relabel_configs: [{ target_label: 'via', replacement: way }],
        ...more,
      });
      prometheus = await startPrometheus({
        rules,
        alertmanagerEntries: [
          via('password', withPassword, { basic_auth: { username: 'prometheus', password } }),
          via('token', withPassword, { authorization: { credentials_file: files.token } }),
          via('wrong', withPassword, { basic_auth: { username: 'prometheus', password: 'wrong-password' } }),
          via('certificate', withCertificate, {
            tls_config: { ca_file: ca.caFile, cert_file: files.clientCert, key_file: files.clientKey },
          }),
          via('stranger', withCertificate, {
            tls_config: { ca_file: ca.caFile, cert_file: files.strangerCert, key_file: files.strangerKey },
          }),
        ],
      });
    });
    after(() => prometheus?.stop());

    for (const [way, tocsin] of [
      ['password', () => withPassword],
      ['token', () => withPassword],
      ['certificate', () => withCertificate],
    ] as const) {
      it(`opens with a ${way}, under a prefix`, async () => {
        const line = await tocsin().log.waitForLine(
          ({ event, labels }) => event === 'alert.new' && (labels as Record<string, string>)['via'] === way,
          patienceMs,
        );
        assert.equal(line['alertname'], 'Always');
      });
    }

    it('stays shut for a wrong password, and says so without it', async () => {
      const line = await withPassword.log.waitForLine(({ event }) => event === 'request.unauthorized', patienceMs);
      assert.deepEqual([line['reason'], line['user'], line['path']], ['password', 'prometheus', '/api/v2/alerts']);
      assert.doesNotMatch(JSON.stringify(withPassword.log.all), /wrong-password|strange|Zm9vYmFy|\$2[aby]\$/);
    });

    it('stays shut for a certificate of another name', async () => {
      const line = await withCertificate.log.waitForLine(({ event }) => event === 'connection.tls_failed', patienceMs);
      assert.deepEqual(
        [line['reason'], line['text']],
        ['certificate', 'the client certificate names none of client_allowed_sans'],
      );
    });
  });

  it('opens for amtool with --http.config.file', { skip: skipWithout('amtool') }, async () => {
    const config = join(ca.folder, 'amtool.yml');
    const add = (alertname: string): Promise<unknown> =>
      run(requireServer('amtool'), [
        'alert',
        'add',
        alertname,
        `--alertmanager.url=${withPassword.url}`,
        `--http.config.file=${config}`,
        '--no-version-check',
      ]);
    const tls = { tls_config: { ca_file: ca.caFile } };
    await writeFile(config, stringify({ ...tls, basic_auth: { username: 'prometheus', password } }));
    await add('ByAmtool');
    await withPassword.log.waitForLine(
      (line) => line.event === 'alert.new' && line['alertname'] === 'ByAmtool',
      patienceMs,
    );
    await writeFile(config, stringify({ ...tls, basic_auth: { username: 'prometheus', password: 'no' } }));
    await assert.rejects(add('NeverSeen'), /401/);
  });

  it('lets the kubelet ask whether it lives, and nobody else anything', async () => {
    const statusOf = async (path: string): Promise<number | undefined> =>
      (await sendOverTls(`${withPassword.url}${path}`, ca.caFile)).status;
    assert.deepEqual([await statusOf('/-/healthy'), await statusOf('/-/ready')], [200, 200]);
    for (const path of ['/metrics', '/api/v2/alerts', '/%2D/healthy', '/-/healthy/', '/nonsense', '/-/healthy#x']) {
      assert.equal(await statusOf(path), 401, path);
    }
  });

  it('takes a new certificate without a restart, and keeps the last one while the file is bad', async () => {
    const other = await ca.issue('other', { names: 'DNS:localhost,IP:127.0.0.1,DNS:renewed' });
    await writeFile(files.cert, 'nonsense');
    await withPassword.log.waitForLine(({ event }) => event === 'web_config.reload_failed', patienceMs);
    assert.equal((await sendOverTls(`${withPassword.url}/-/healthy`, ca.caFile)).status, 200);
    await copyFile(other.keyFile, files.key);
    await copyFile(other.certFile, files.cert);
    await withPassword.log.waitForLine(({ event }) => event === 'web_config.reloaded', patienceMs);
    let names = '';
    await sendOverTls(`${withPassword.url}/-/healthy`, ca.caFile, {
      checkServerIdentity: (_, { subjectaltname = '' }) => void (names = subjectaltname),
    });
    assert.match(names, /DNS:renewed/);
  });

  it('reloads for whoever has a password or token alone, and stays locked as it is when the new file is bad', async () => {
    const reload = (headers = {}) =>
      sendOverTls(`${withPassword.url}/-/reload`, ca.caFile, { method: 'POST', headers });
    const basic = { Authorization: `Basic ${Buffer.from(`prometheus:${password}`).toString('base64')}` };
    const bearer = { Authorization: `Bearer ${token}` };
    const good = { status: 200, body: '' };
    assert.equal((await reload()).status, 401);
    assert.deepEqual([await reload(basic), await reload(bearer)], [good, good]);
    const webConfig = join(withPassword.folder, 'web.yml');
    const text = await readFile(webConfig, 'utf8');
    await writeFile(webConfig, text.replace('basic_auth_users', 'basic_auth_user'));
    const { status, body } = await reload(bearer);
    assert.equal(status, 500);
    assert.match(body, /^failed to reload config: .*web\.yml:\d+:\d+: basic_auth_user: unknown key/);
    assert.equal((await reload()).status, 401);
    await writeFile(webConfig, text);
    assert.equal((await reload(basic)).status, 200);
  });

  it('asks for client certificates instead of passwords from one edit on, without a restart', async () => {
    const { url, folder, log } = withPassword;
    const basic = { Authorization: `Basic ${Buffer.from(`prometheus:${password}`).toString('base64')}` };
    const get = (options = {}) => sendOverTls(`${url}/api/v2/alerts`, ca.caFile, options);
    assert.equal((await get({ headers: basic })).status, 200);
    const swaps = (): number => log.all.filter(({ event }) => event === 'web_config.reloaded').length;
    const earlier = swaps();
    const tls = { cert_file: files.cert, key_file: files.key, client_ca_file: ca.caFile };
    const next = { ...tls, client_auth_type: 'RequireAndVerifyClientCert' };
    await writeFile(join(folder, 'web.yml'), stringify({ tls_server_config: next }));
    // Whichever version is in use meanwhile, nobody gets in without proof.
    while (swaps() === earlier) assert.notEqual((await get().catch(() => undefined))?.status, 200);
    await assert.rejects(get());
    await assert.rejects(get({ headers: basic }));
    const [cert, key] = await Promise.all([files.clientCert, files.clientKey].map((file) => readFile(file)));
    assert.equal((await get({ cert, key })).status, 200);
  });
});
