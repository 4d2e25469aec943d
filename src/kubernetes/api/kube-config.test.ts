import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { Credentials } from './credentials.ts';
import { loadKubeConfig, clusterServer } from './kube-config.ts';
import { clientOf } from './api-server.fixture.ts';

const base = {
  'current-context': 'one',
  clusters: [
    { name: 'c1', cluster: { server: 'https://one:6443/', 'certificate-authority-data': 'Y2E=' } },
    { name: 'c2', cluster: { server: 'http://two:8001', 'tls-server-name': 'x' } },
  ],
  users: [
    { name: 'u1', user: { token: 't1' } },
    { name: 'u2', user: { username: 'me', password: 'pw' } },
  ],
  contexts: [
    { name: 'one', context: { cluster: 'c1', user: 'u1' } },
    { name: 'two', context: { cluster: 'c2', user: 'u2' } },
    { name: 'nobody', context: { cluster: 'c1' } },
    { name: 'ghost', context: { cluster: 'c1', user: 'u9' } },
    { name: 'nowhere', context: { cluster: 'c9', user: 'u1' } },
  ],
};

describe('loadKubeConfig', () => {
  it('takes the current context, its cluster and its user', async (t) => {
    assert.deepEqual(await accessOf([write(t, base)]), {
      server: 'https://one:6443',
      proxy: undefined,
      headers: { authorization: 'Bearer t1' },
      tls: { ca: Buffer.from('ca') },
    });
  });

  it('takes the context that is asked for; plain http is fine, as for kubectl', async (t) => {
    const { server, headers } = await accessOf([write(t, base)], 'two');
    assert.equal(server, 'http://two:8001');
    assert.deepEqual(headers, { authorization: `Basic ${Buffer.from('me:pw').toString('base64')}` });
  });

  it('keeps the CA of the cluster where the context has no user', async (t) => {
    const { headers, tls } = await accessOf([write(t, base)], 'nobody');
    assert.deepEqual([headers, tls], [{}, { ca: Buffer.from('ca') }]);
  });

  it('reads the token of a file, relative to the kubeconfig, before the one beside it', async (t) => {
    const users = [{ name: 'u1', user: { token: 'old', tokenFile: 'token' } }];
    const file = write(t, { ...base, users });
    writeFileSync(join(file, '..', 'token'), 'from-file\n');
    assert.deepEqual((await accessOf([file])).headers, { authorization: 'Bearer from-file' });
  });

  it('refuses what a tenant may not name: servers, proxies, and programs', async (t) => {
    const of = (change: { readonly cluster?: object; readonly user?: object }): object => ({
      'current-context': 'x',
      clusters: [{ name: 'c', cluster: { server: 'https://kube.example.com', ...change.cluster } }],
      users: [{ name: 'u', user: { token: 't', ...change.user } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    });
    const allowed = { allowed: ['https://kube.example.com'], denyPrivate: true };
    const load = (content: object): Promise<unknown> =>
      loadKubeConfig({ kubeconfigs: [write(t, content)], servers: allowed });
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'touch', args: ['/tmp/x'] };
    for (const [content, expected] of [
      [
        of({ cluster: { server: 'https://169.254.169.254' } }),
        /found a server at https:\/\/169.254.169.254\/, allowed/,
      ],
      [
        of({ cluster: { server: 'https://kube.example.com@evil.example' } }),
        /found a server at https:\/\/evil.example/,
      ],
      [of({ cluster: { 'proxy-url': 'http://10.0.0.1:3128' } }), /found a server at http:\/\/10.0.0.1:3128/],
      [of({ user: { exec } }), /the user "u" has exec; .*names no program/],
      [of({ user: { 'auth-provider': { name: 'oidc', config: {} } } }), /the user "u" has auth-provider/],
    ] as const)
      await assert.rejects(load(content), expected);
    for (const user of [{}, { tokenFile: 'token' }, { username: 'a', password: 'b' }]) await load(of({ user }));
    const free = { allowed: null, denyPrivate: true };
    for (const server of ['https://10.0.0.1', 'https://[::ffff:7f00:1]', 'https://2130706433'])
      await assert.rejects(
        loadKubeConfig({ kubeconfigs: [write(t, of({ cluster: { server } }))], servers: free }),
        /deny_private/,
      );
  });

  it('merges several files: the first entry of a name wins', async (t) => {
    const other = {
      contexts: [{ name: 'three', context: { cluster: 'c1', user: 'u3' } }],
      users: [
        { name: 'u3', user: { token: 't3' } },
        { name: 'u1', user: { token: 'no' } },
      ],
      clusters: [],
    };
    const files = [write(t, base), write(t, other)];
    assert.deepEqual((await accessOf(files)).headers, { authorization: 'Bearer t1' });
    assert.deepEqual((await accessOf(files, 'three')).headers, { authorization: 'Bearer t3' });
  });

  it('says what is wrong, and in which file', async (t) => {
    const file = write(t, base);
    const { 'current-context': _, ...without } = base;
    await assert.rejects(accessOf([file], 'four'), {
      message: `kubeconfig ${file}: there is no context "four"; there are: one, two, nobody, ghost, nowhere`,
    });
    await assert.rejects(accessOf([file], 'nowhere'), {
      message: `kubeconfig ${file}: context "nowhere" names the cluster "c9", which is not there; there are: c1, c2`,
    });
    await assert.rejects(accessOf([file], 'ghost'), {
      message: `kubeconfig ${file}: context "ghost" names the user "u9", which is not there; there are: u1, u2`,
    });
    for (const server of ['one:6443', '127.0.0.1:6443', 'ftp://one']) {
      const bare = write(t, { ...base, clusters: [{ name: 'c1', cluster: { server } }] });
      await assert.rejects(accessOf([bare]), {
        message: `kubeconfig ${bare}: the server of cluster "c1" is "${server}"; allowed: a URL that begins with https:// or http://`,
      });
    }
    await assert.rejects(accessOf([write(t, without)]), /there is no current-context; choose one with --context/);
    await assert.rejects(
      accessOf(['/nowhere/config']),
      /^Error: kubeconfig \/nowhere\/config: no such file; check the path/,
    );
    for (const nothing of ['', '- a', 'text'])
      await assert.rejects(accessOf([write(t, nothing)]), /: not a kubeconfig, allowed: a map with clusters, users/);
  });

  it('shows nothing of what an auth-provider gave, if that is no JSON', async (t) => {
    const config = {
      'cmd-path': 'echo',
      'cmd-args': 'SECRETTOKEN',
      'token-key': '{.token}',
      'expiry-key': '{.expiry}',
    };
    const users = [{ name: 'u1', user: { 'auth-provider': { name: 'gcp', config } } }];
    await assert.rejects(accessOf([write(t, { ...base, users })]), {
      message: 'what the auth-provider of the kubeconfig gave is not JSON',
    });
  });

  it('says where a file is no good YAML, on one line, and shows nothing of it', async (t) => {
    const file = write(t, 'users:\n- name: u1\n  user:\n    token: SECRETTOKEN\n  bad: x\n   worse: y\n');
    await assert.rejects(accessOf([file]), {
      message: `kubeconfig ${file}:5:8: not valid YAML: a key inside a value; indent the keys of a section alike, quote a value that contains ": "`,
    });
  });

  it('shows no token, whatever is broken', async (t) => {
    const text = `current-context: one
clusters:
- name: c1
  cluster: {server: 'https://one:6443'}
users:
- name: u1
  user:
    token: SECRETTOKEN
contexts:
- name: one
  context: {cluster: c1, user: u1}
`;
    const file = write(t, text);
    const broken = fc.tuple(fc.nat(text.length), fc.nat(3), fc.constantFrom(...'\n\t :-[]{}"\'|>*&!%@#,?\\x', '  '));
    await fc.assert(
      fc.asyncProperty(broken, async ([at, deleted, inserted]) => {
        writeFileSync(file, text.slice(0, at) + inserted + text.slice(at + deleted));
        const told = await accessOf([file]).then(() => '', String);
        assert.doesNotMatch(told, /ECRETTO|\n/);
      }),
      { numRuns: 300 },
    );
  });
});

function accessOf(kubeconfigs: readonly string[], context?: string) {
  return new Credentials(() => loadKubeConfig({ kubeconfigs, context }), new FakeClock()).access();
}

function write(t: TestContext, content: object | string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-kubeconfig-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'config');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const cluster = { name: 'c', server: 'https://kube.example.com:6443/prefix/', skipTLSVerify: false };
const environment = { HTTPS_PROXY: 'http://env:3128' };

describe('clusterServer', () => {
  it('takes name and password out of the URL, and the query', () => {
    const server = 'https://ann:p%40ss@kube.example.com:6443/prefix/?token=abc';
    assert.deepEqual(clusterServer({ ...cluster, server }, {}), {
      server: 'https://kube.example.com:6443/prefix',
      authorization: `Basic ${Buffer.from('ann:p@ss').toString('base64')}`,
      proxy: undefined,
    });
    assert.equal(clusterServer(cluster, {}).authorization, undefined);
  });

  it('takes the proxy of the kubeconfig, whatever NO_PROXY says, or else that of the environment', () => {
    const proxyUrl = 'http://own:1';
    const own = clusterServer({ ...cluster, proxyUrl }, { ...environment, NO_PROXY: '*' });
    assert.deepEqual(own.proxy, { url: proxyUrl, namedBy: 'proxy-url of the kubeconfig' });
    assert.equal(clusterServer(cluster, environment).proxy?.namedBy, 'HTTPS_PROXY');
    assert.equal(clusterServer(cluster, { ...environment, NO_PROXY: '.example.com' }).proxy, undefined);
  });
});

describe('a secret in a URL of the API server or of a proxy', () => {
  it('is in no error of a call, whatever it is made of and whatever else is wrong', async (t) => {
    const odd = fc.stringMatching(/^[a-zA-Z0-9@:/?#.%& -]{0,6}$/);
    const place = fc.constantFrom('name', 'query', 'proxy', 'both');
    await fc.assert(
      fc.asyncProperty(odd, odd, place, fc.constantFrom('http', 'https'), async (before, after, where, scheme) => {
        const secret = `${before}Passw0rd${after}`;
        const inside = where === 'name' || where === 'both' ? `ann:${secret}@` : '';
        const isProxied = where === 'proxy' || where === 'both';
        const host = isProxied ? 'kube.invalid' : '127.0.0.1:1';
        const url = `${scheme}://${inside}${host}${where === 'query' ? `/?token=${secret}` : ''}`;
        const proxy = `http://ann:${secret}@127.0.0.1:1`;
        const options = { environment: isProxied ? { HTTPS_PROXY: proxy, HTTP_PROXY: proxy } : {} };
        const client = clientOf(t, { url }, options);
        const error: unknown = await client
          .call({ method: 'GET', path: '/version' })
          .catch((reason: unknown) => reason);
        assert.ok(error instanceof Error);
        assert.doesNotMatch(error.message, /Passw0rd/);
      }),
      { numRuns: 60 },
    );
  });
});
