import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { loadConfig, type LoadedConfig } from './load-config.ts';
import { isBelow, TenantCompiler, type TenantConfig } from './tenant-configs.ts';
import { isTenantName } from './tenants-section.ts';

type Files = Readonly<Record<string, string>>;

function load(text: string, files: Files = {}, compiler = new TenantCompiler()): LoadedConfig {
  const all: Files = { '/etc/tocsin.yml': text, ...files };
  const readFile = (path: string): string => {
    const found = all[path];
    if (found === undefined) throw Object.assign(new Error('none'), { code: 'ENOENT' });
    return found;
  };
  const listFolder = (folder: string): readonly string[] =>
    Object.keys(all)
      .filter((path) => path.startsWith(`${folder}/`))
      .map((path) => path.slice(folder.length + 1));
  return loadConfig({ configFile: '/etc/tocsin.yml' }, readFile, { compiler, listFolder });
}

function tenantsOf(loaded: LoadedConfig): readonly TenantConfig[] {
  assert.ok(!('problems' in loaded), 'problems' in loaded ? loaded.problems.join('\n') : '');
  return loaded.tenants ?? [];
}

function problemsOf(text: string, files?: Files): readonly string[] {
  const loaded = load(text, files);
  return 'problems' in loaded ? loaded.problems : [];
}

describe('the name of a tenant', () => {
  it('follows the rules of Cortex, and is no path of Tocsin', () => {
    for (const good of ['a', 'team-a', "A.b_c!*'()", 'x'.repeat(150), '...', '0'])
      assert.equal(isTenantName(good), true, good);
    for (const bad of [
      '',
      '.',
      '..',
      'a/b',
      'a b',
      'ä',
      'a%2F',
      'x'.repeat(151),
      'api',
      'metrics',
      'prom',
      '-',
      'webhook',
    ])
      assert.equal(isTenantName(bad), false, bad);
  });

  it('never needs an escape in a path, and never leaves a folder', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        if (!isTenantName(text)) return;
        assert.equal(new URL(`http://h/${text}/x`).pathname, `/${text}/x`);
        assert.equal(resolve('/tenants', text), `/tenants/${text}`);
      }),
    );
  });
});

describe('the configuration of a tenant', () => {
  it('takes everything that it leaves out from the file, as the same objects', () => {
    const loaded = load('prometheus: {url: http://p:9090, timeout: 3s}\ntenants: {by: path, list: [{name: a}]}');
    const [tenant] = tenantsOf(loaded);
    assert.ok(!('problems' in loaded));
    assert.equal(tenant?.name, 'a');
    assert.deepEqual(tenant.home, { home: 'shared' });
    assert.equal(tenant.config.triggers, loaded.config.triggers);
    assert.deepEqual(tenant.config.prometheus, loaded.config.prometheus);
  });

  it('has its own keys beside those of the file', () => {
    const [tenant] = tenantsOf(
      load(
        'prometheus: {url: http://p:9090, timeout: 3s}\ntenants: {by: path, list: [{name: a, prometheus: {max_replicas: 3}}]}',
      ),
    );
    assert.deepEqual(tenant?.config.prometheus.url, ['http://p:9090']);
    assert.equal(tenant.config.prometheus.timeout, 3000);
    assert.equal(tenant.config.prometheus.max_replicas, 3);
    assert.deepEqual(tenant.ownUrls, []);
  });

  it('sends no credentials of the file to a server of the tenant', () => {
    const [tenant] = tenantsOf(
      load(
        'prometheus: {url: http://p:9090, http_config: {basic_auth: {username: u, password: p}}}\n' +
          'tenants: {by: path, list: [{name: a, prometheus: {url: http://mine:9090}}]}',
      ),
    );
    assert.equal(tenant?.config.prometheus.http_config.basic_auth.username, null);
    assert.deepEqual(tenant.ownUrls, ['http://mine:9090']);
  });

  it('has paths that start at the file', () => {
    const [one, two] = tenantsOf(
      load(
        'tenants: {by: path, list: [{name: a, pipelines: {folder: a}}, {name: b, pipelines: {kubernetes: {kubeconfig: kube/b, context: c}}}]}',
      ),
    );
    assert.deepEqual(one?.home, { home: 'folder', folder: '/etc/a' });
    assert.deepEqual(two?.home, { home: 'kubernetes', kubeconfig: '/etc/kube/b', context: 'c' });
  });

  it('has limits that only lower those of the receiver', () => {
    const limits = '{max_alerts_count: 10, max_silence_size_bytes: 999999999, reconcile_rate: 2.5}';
    const [tenant] = tenantsOf(load(`tenants: {by: path, list: [{name: a, limits: ${limits}}]}`));
    assert.equal(tenant?.config.receiver.max_alerts, 10);
    assert.equal(tenant.config.receiver.max_silence_size, 64 * 1024);
    assert.equal(tenant.config.receiver.max_silences, 10_000);
    assert.equal(tenant.reconcileRate, 2.5);
  });

  it('may stand in a file of a folder, which is named as the tenant', () => {
    const files = { '/etc/tenants/a.yml': 'pipelines: {folder: pipes}', '/etc/tenants/README.md': '' };
    const [tenant] = tenantsOf(load('tenants: {by: header, folder: tenants}', files));
    assert.equal(tenant?.name, 'a');
    assert.deepEqual(tenant.home, { home: 'folder', folder: '/etc/tenants/pipes' });
  });
});

describe('a configuration with bad tenants', () => {
  for (const [what, text, expected] of [
    ['a bad name', 'tenants: {by: path, list: [{name: a/b}]}', /tenants\.list\.0\.name: found "a\/b"/],
    ['no name', 'tenants: {by: path, list: [{}]}', /tenants\.list\.0\.name: missing|tenants\.list\.0\.name: found/],
    [
      'a name twice',
      'tenants: {by: path, list: [{name: a}, {name: a}]}',
      /tenants\.list\.1\.name: found the name of the entry 1/,
    ],
    ['no way to name one', 'tenants: {list: [{name: a}]}', /tenants\.by.*missing/],
    ['an unknown key', 'tenants: {by: path, list: [{name: a, limit: {}}]}', /tenants\.list\.0\.limit: unknown key/],
    [
      'an unknown limit',
      'tenants: {by: path, list: [{name: a, limits: {max_alert: 1}}]}',
      /tenants\.list\.0\.limits: unknown key max_alert/,
    ],
    [
      'a key of a section',
      'tenants: {by: path, list: [{name: a, prometheus: {ulr: x}}]}',
      /1:\d+: tenants\.list\.0.*prometheus\.ulr: unknown key, did you mean "url"/,
    ],
    [
      'a bad value',
      'tenants: {by: path, list: [{name: a, prometheus: {timeout: soon}}]}',
      /tenants\.list\.0\.prometheus\.timeout: found "soon"/,
    ],
    [
      'two homes',
      'tenants: {by: path, list: [{name: a, pipelines: {folder: x, kubernetes: {}}}]}',
      /found both folder and kubernetes/,
    ],
    [
      'a foreign server',
      'tenants: {by: path, allowed_urls: [http://p:9090/a], list: [{name: a, prometheus: {url: http://p:9090/ab}}]}',
      /allowed by tenants\.allowed_urls/,
    ],
    [
      'a foreign proxy',
      'tenants: {by: path, allowed_urls: [http://p:9090], list: [{name: a, prometheus: {url: http://p:9090, http_config: {proxy_url: http://q:1}}}]}',
      /allowed by tenants\.allowed_urls/,
    ],
  ] as const)
    it(`is refused for ${what}`, () => {
      const problems = problemsOf(text);
      assert.match(problems.join('\n'), expected);
      assert.match(problems[0]!, /^\/etc\/tocsin\.yml:1:\d+: /);
    });

  it('is refused for a file whose name is no name, or another one', () => {
    const problems = problemsOf('tenants: {by: path, folder: t}', { '/etc/t/api.yml': '', '/etc/t/b.yml': 'name: c' });
    assert.match(problems.join('\n'), /t\/api\.yml:1:1: name.*found "api"/);
    assert.match(problems.join('\n'), /t\/b\.yml:1:7: name: allowed: b/);
  });
});

describe('a changed file', () => {
  it('compiles the tenants that it changes, and no other', () => {
    const compiler = new TenantCompiler();
    const file = (limit: number): string =>
      `tenants: {by: path, list: [{name: a}, {name: b, limits: {max_alerts_count: ${limit}}}]}`;
    const before = tenantsOf(load(file(1), {}, compiler));
    const after = tenantsOf(load(file(2), {}, compiler));
    assert.equal(after[0], before[0]);
    assert.notEqual(after[1], before[1]);
    assert.equal(tenantsOf(load(file(2), {}, compiler))[1], after[1]);
  });

  it('compiles all for another key of the file, which all take from it', () => {
    const compiler = new TenantCompiler();
    const file = (wait: string): string =>
      `source: {debounce: {wait: ${wait}}}\ntenants: {by: path, list: [{name: a}]}`;
    const [before] = tenantsOf(load(file('100ms'), {}, compiler));
    const [after] = tenantsOf(load(file('200ms'), {}, compiler));
    assert.notEqual(after, before);
    assert.equal(after?.config.source.debounce.wait, 200);
  });
});

describe('an allowed URL', () => {
  it('is an origin with a path prefix, segment by segment', () => {
    for (const url of ['http://p/a', 'http://p/a/', 'http://p/a/b', 'http://p:80/a'])
      assert.equal(isBelow(url, 'http://p/a/'), true, url);
    for (const url of ['http://p/ab', 'http://p/', 'https://p/a', 'http://q/a', 'http://p:81/a', 'http://p/a/../b'])
      assert.equal(isBelow(url, 'http://p/a'), false, url);
    // What a proxy in front of the server may read as `/b`.
    for (const url of ['http://p/a/..%2fb', 'http://p/a/..%2Fb', 'http://p/a/..%5cb', 'http://p/a/%252e%252e/b'])
      assert.equal(isBelow(url, 'http://p/a'), false, url);
    assert.equal(isBelow('http://p/a%2fb/c', 'http://p/a%2fb'), true);
  });
});
