import assert from 'node:assert/strict';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { hashSync } from 'bcryptjs';
import { Agent, fetch } from 'undici';
import { systemClock } from '../../src/runtime/clock.ts';
import { HttpConfig } from '../../src/config/http-config.ts';
import { createPrometheusClient } from '../../src/prometheus/prometheus-client.ts';
import { PrometheusError } from '../../src/prometheus/prometheus-error.ts';
import { createAuthority, type Authority, type Certificate } from '../../src/server/certificates.fixture.ts';
import { startPrometheus } from '../support/prometheus-server.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { skipWithout } from '../support/servers.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';
import { SliceSchedule } from '../../src/runtime/slices.ts';

const password = 'correct horse';
const annsPassword = `Basic ${Buffer.from(`ann:${password}`).toString('base64')}`;

describe('prometheus.http_config', { skip: skipWithout('prometheus') }, () => {
  let authority: Authority;
  let stranger: Authority;
  let client: Certificate;
  const servers: ServerProcess[] = [];

  before(async () => {
    [authority, stranger] = await Promise.all([createAuthority(), createAuthority()]);
    client = await authority.issue('client');
    await writeFile(join(authority.folder, 'password'), `${password}\n`);
  });

  after(async () => {
    await Promise.allSettled(servers.map((server) => server.stop()));
    await Promise.all([authority.remove(), stranger.remove()]);
  });

  /** A Prometheus with that certificate, basic authentication, and optionally a required client certificate. */
  async function start({ certFile, keyFile }: Certificate, more = '', isReady = answersReady): Promise<string> {
    const users = `basic_auth_users: { ann: '${hashSync(password, 4)}' }`;
    const webConfig = `tls_server_config: { cert_file: ${certFile}, key_file: ${keyFile} ${more} }\n${users}\n`;
    const server = await startPrometheus({ webConfig, scheme: 'https', isReady });
    servers.push(server);
    return server.url;
  }

  function wantingCertificate(): Promise<string> {
    const wish = `, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ${authority.caFile}`;
    return authority.issue('locked').then((server) => start(server, wish, (url) => withClient(url)));
  }

  async function withClient(url: string): Promise<boolean> {
    const [cert, key] = await Promise.all([authority.read(client.certFile), authority.read(client.keyFile)]);
    return answersReady(url, { cert, key });
  }

  const basic = (): object => ({ basic_auth: { username: 'ann', password_file: join(authority.folder, 'password') } });
  const tls = (more: object = {}): object => ({ tls_config: { ca_file: authority.caFile, ...more } });

  it('asks over TLS, with basic authentication, and says what is wrong in one sentence', async () => {
    const url = await start(await authority.issue('server'));
    assert.equal(await ask(url, { ...basic(), ...tls() }), 'answered');
    assert.equal(
      await ask(url, { ...basic(), tls_config: { ca: await authority.read(authority.caFile) } }),
      'answered',
    );
    assert.equal(await ask(url, { ...basic(), tls_config: { insecure_skip_verify: true } }), 'answered');
    assert.equal(await ask(url, { ...basic(), ...tls({ min_version: 'TLS13' }) }), 'answered');
    assert.match(
      await ask(url, { ...tls() }),
      /^unauthorized: .* answered 401 ".*": it wants credentials: set basic_auth/,
    );
    const wrong = { basic_auth: { username: 'ann', password: 'tr0ub4dor' } };
    assert.match(await ask(url, { ...wrong, ...tls() }), /^unauthorized: .* does not accept the credentials/);
    assert.match(await ask(url, basic()), /^tls: .* not signed by an authority that is trusted here: set ca_file/);
    const other = { tls_config: { ca_file: stranger.caFile } };
    assert.match(await ask(url, { ...basic(), ...other }), /^tls: .* not signed by an authority/);
    const name = tls({ server_name: 'prometheus.example' });
    assert.match(await ask(url, { ...basic(), ...name }), /^tls: .* for another host name: .* set server_name/);
    assert.match(await ask(url.replace('https', 'http'), tls()), /^http_error: .* HTTP request to an HTTPS server/);
  });

  it('takes server_name for the name in the certificate', async () => {
    const url = await start(await authority.issue('elsewhere', { names: 'DNS:prometheus.example' }));
    assert.equal(await ask(url, { ...basic(), ...tls({ server_name: 'prometheus.example' }) }), 'answered');
    assert.match(await ask(url, { ...basic(), ...tls() }), /^tls: .* for another host name/);
  });

  it('says that a certificate has expired', async () => {
    const url = await start(await authority.issue('expired', { days: -1 }));
    assert.match(await ask(url, { ...basic(), ...tls() }), /^tls: .* its certificate has expired: have it renewed/);
  });

  it('shows a client certificate, and says when one is wanted or not accepted', async () => {
    const url = await wantingCertificate();
    const both = { cert_file: client.certFile, key_file: client.keyFile };
    assert.equal(await ask(url, { ...basic(), ...tls(both) }), 'answered');
    const inline = { cert: await authority.read(client.certFile), key: await authority.read(client.keyFile) };
    assert.equal(await ask(url, { ...basic(), ...tls(inline) }), 'answered');
    for (const max_version of ['TLS12', 'TLS13']) {
      assert.match(await ask(url, { ...basic(), ...tls({ max_version }) }), /^tls: .* it wants a client certificate/);
      const { certFile, keyFile } = await stranger.issue(`stranger-${max_version}`);
      const strange = tls({ cert_file: certFile, key_file: keyFile, max_version });
      assert.match(await ask(url, { ...basic(), ...strange }), /^tls: .* does not accept the client certificate/);
    }
    const mixed = tls({ cert_file: client.certFile, key_file: join(authority.folder, 'ca.key') });
    assert.match(await ask(url, { ...basic(), ...mixed }), /^tls: prometheus\.http_config\.tls_config cannot be used/);
  });

  it('reads files again when they change', async () => {
    const url = await wantingCertificate();
    const files = { cert_file: join(authority.folder, 'mine.crt'), key_file: join(authority.folder, 'mine.key') };
    const passwordFile = join(authority.folder, 'rotated');
    const config = { basic_auth: { username: 'ann', password_file: passwordFile }, ...tls(files) };
    const queries = createPrometheusClient({ ...common, url, httpConfig: HttpConfig.parse(config) });
    const query = (): Promise<string> => outcome(queries.query(new AbortController().signal));
    assert.match(
      await query(),
      /^unreadable_file: .*basic_auth\.password_file: .*rotated: no such file; check the path/,
    );
    await writeFile(passwordFile, 'old');
    const strange = await stranger.issue('mine');
    await copyFile(strange.certFile, files.cert_file);
    await copyFile(strange.keyFile, files.key_file);
    assert.match(await query(), /^tls: .* does not accept the client certificate/);
    await copyFile(client.certFile, files.cert_file);
    await copyFile(client.keyFile, files.key_file);
    assert.match(await query(), /^unauthorized: /);
    await writeFile(passwordFile, password);
    assert.equal(await query(), 'answered');
    queries.close();
  });

  it('asks one address of a name by that name: the certificate has to be for the name', async () => {
    const { port } = new URL(await start(await authority.issue('named', { names: 'DNS:prometheus.example' })));
    const config = { ...basic(), ...tls() };
    assert.equal(await ask(`https://prometheus.example:${port}`, config, '127.0.0.1'), 'answered');
    assert.match(await ask(`https://other.example:${port}`, config, '127.0.0.1'), /^tls: .* for another host name/);
  });

  it('serves Tocsin, which shows no secret', async () => {
    const url = await wantingCertificate();
    await copyFile(client.certFile, join(authority.folder, 'tocsin.crt'));
    let tocsin: TocsinProcess | undefined;
    try {
      tocsin = await startTocsin({
        config: JSON.stringify({
          prometheus: {
            url,
            http_config: {
              basic_auth: { username: 'ann', password },
              ...tls({ cert_file: client.certFile, key_file: client.keyFile }),
              http_headers: { 'X-Scope-OrgID': { secrets: ['tenant-s3cret'] } },
            },
          },
        }),
      });
      const queried = await tocsin.log.waitForLine(({ event }) => event === 'prometheus.queried');
      assert.equal(queried['status'], 'success');
      assert.doesNotMatch(JSON.stringify(tocsin.log.all), /correct horse|s3cret/);
    } finally {
      await tocsin?.stop();
    }
  });
});

const time = { clock: systemClock, schedule: new SliceSchedule(systemClock) };
const common = { timeoutMs: 10_000, maxResponseBytes: 1_000_000, maxFiringBytes: 1_000_000, version: 'test', ...time };

async function ask(url: string, config: object, ip?: string): Promise<string> {
  const at = ip === undefined ? {} : { ip };
  const client = createPrometheusClient({ ...common, ...at, url, httpConfig: HttpConfig.parse(config) });
  return outcome(client.query(new AbortController().signal)).finally(() => client.close());
}

/** `answered`, or the kind of the failure and its one line. */
async function outcome(query: Promise<unknown>): Promise<string> {
  try {
    await query;
    return 'answered';
  } catch (error) {
    assert.ok(error instanceof PrometheusError);
    assert.doesNotMatch(error.message, /\n|tr0ub4dor|correct horse/);
    return `${error.kind}: ${error.message}`;
  }
}

/** Whether it is ready, for a client that has no password and does not check the certificate. */
/** `url` is that of `/-/ready`. A 401 is not enough: Prometheus answers queries with 503 until it is ready. */
async function answersReady(url: string, certificate: object = {}): Promise<boolean> {
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false, ...certificate } });
  try {
    return (await fetch(url, { dispatcher, headers: { authorization: annsPassword } })).ok;
  } catch {
    return false; // nobody listens yet
  } finally {
    await dispatcher.destroy();
  }
}
