import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { parseConfigFile } from './load-config.ts';
import { HttpConfig, withPathsFrom } from './http-config.ts';

function problemsOf(config: unknown): readonly string[] {
  const result = parseConfigFile('f', stringify({ prometheus: { http_config: config } }));
  return 'problems' in result
    ? result.problems.map((problem) => problem.replace(/^f:\d+:\d+: prometheus\.http_config\.?/, ''))
    : [];
}

describe('HttpConfig', () => {
  it('takes what Prometheus takes', () => {
    const config = HttpConfig.parse({
      basic_auth: { username: 'ann', password_file: 'p' },
      tls_config: {
        ca_file: 'ca',
        cert_file: 'c',
        key_file: 'k',
        server_name: 's',
        insecure_skip_verify: true,
        min_version: 'TLS13',
      },
      http_headers: { 'X-Scope-OrgID': { values: ['a'], secrets: ['b'], files: ['c'] } },
      proxy_url: 'http://proxy:3128',
      no_proxy: '.svc,10.0.0.0/8',
      proxy_from_environment: false,
      follow_redirects: false,
      enable_http2: false,
    });
    assert.equal(config.basic_auth.username, 'ann');
    const { files, secrets } = config.http_headers.get('X-Scope-OrgID')!;
    assert.deepEqual([files, secrets.map((secret) => secret.reveal())], [['c'], ['b']]);
    assert.equal(HttpConfig.parse({ authorization: { credentials: 'x' } }).authorization.type, 'Bearer');
  });

  const text = 'found <secret>, allowed: a text; in quotes, if it looks like a number';
  for (const [what, config, problem] of [
    [
      'two passwords',
      { basic_auth: { password: 'a', password_file: 'b' } },
      'basic_auth.password_file: cannot stand beside password: give one of the two',
    ],
    [
      'two authorizations',
      { basic_auth: { username: 'a' }, authorization: { credentials: 'b' } },
      'authorization: cannot stand beside basic_auth: give one of the two',
    ],
    [
      'two authorities',
      { tls_config: { ca: 'a', ca_file: 'b' } },
      'tls_config.ca_file: cannot stand beside ca: give one of the two',
    ],
    [
      'a certificate without a key',
      { tls_config: { cert_file: 'a' } },
      'tls_config: a client certificate needs both cert or cert_file, and key or key_file',
    ],
    [
      'Basic as a type',
      { authorization: { type: 'Basic' } },
      'authorization.type: found <secret>, allowed: a word such as Bearer; for Basic there is basic_auth',
    ],
    [
      'redirects',
      { follow_redirects: true },
      'follow_redirects: found true, allowed: false: a redirect could send the credentials elsewhere',
    ],
    [
      'an unknown key',
      { oauth2: {} },
      'oauth2: unknown key, allowed: basic_auth, authorization, tls_config, http_headers, proxy_url, no_proxy, proxy_from_environment, follow_redirects, enable_http2',
    ],
    [
      'a secret where a key should be',
      { basic_auth: { 'hunter2 of ann': null } },
      'basic_auth.<secret>: unknown key, allowed: username, username_file, password, password_file',
    ],
    [
      'a key that is nearly right',
      { basic_auth: { pasword: 'x' } },
      'basic_auth.pasword: unknown key, did you mean "password"? allowed: username, username_file, password, password_file',
    ],
    [
      'two proxies',
      { proxy_url: 'http://proxy:3128', proxy_from_environment: true },
      'proxy_from_environment: cannot be true beside proxy_url: give one of the two',
    ],
    [
      'a list of exceptions without a proxy',
      { no_proxy: '.svc' },
      'no_proxy: needs proxy_url beside it; for a proxy of the environment set NO_PROXY there',
    ],
    [
      'another version of TLS',
      { tls_config: { min_version: 'TLS1.2' } },
      'tls_config.min_version: found "TLS1.2", did you mean "TLS12"? allowed: TLS10, TLS11, TLS12, TLS13',
    ],
    ['a password that YAML takes for a number', { basic_auth: { password: 12345 } }, `basic_auth.password: ${text}`],
    [
      'a section that is a text',
      { basic_auth: 'ann:s3cret' },
      'basic_auth: found <secret>, allowed: a map with the keys username, username_file, password, password_file',
    ],
    [
      'a proxy that is no URL',
      { proxy_url: 'ann:s3cret' },
      'proxy_url: found <secret>, allowed: the http or https URL of a proxy',
    ],
  ] as const) {
    it(`refuses ${what}`, () => assert.deepEqual(problemsOf(config), [problem]));
  }

  for (const [what, headers, problem] of [
    ['a list', ['a'], ''],
    ['a header of the client itself', { 'Content-Type': { values: ['a'] } }, '; Content-Type cannot be set'],
    ['a text', { 'X-A': 's3cret' }, '; X-A is no such map'],
    ['an unknown key', { 'X-A': { value: ['s3cret'] } }, '; X-A has a key that is none of values, secrets, files'],
    ['a line end', { 'X-A': { secrets: ['s3cret\r\nX-B: c'] } }, '; X-A.secrets is no list of texts, each of one line'],
    ['a name that is none', { 'X A': {} }, '; one name is no name of a header'],
  ] as const) {
    it(`refuses ${what} for headers`, () => {
      const allowed = 'a map from the name of a header to {values: [...], secrets: [...], files: [...]}';
      assert.deepEqual(problemsOf({ http_headers: headers }), [
        `http_headers: found <secret>, allowed: ${allowed}${problem}`,
      ]);
    });
  }

  it('shows no secret, however it is written out', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\x21-\x7e]{8,20}$/), (secret) => {
        const config = HttpConfig.parse({
          basic_auth: { password: secret },
          tls_config: { key: secret, cert: '' },
          http_headers: { A: { secrets: [secret] } },
        });
        const shown = [JSON.stringify(config), inspect(config, { depth: 9 }), String(config.basic_auth.password)].join(
          '\n',
        );
        assert.equal(shown.includes(secret), false, shown);
      }),
    );
  });

  it('shows nothing of what it refuses in place of a secret', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('password', 'credentials', 'secrets', 'type', 'file', 'path', 'username', 'cert'),
        fc.bigInt(10n ** 12n, 10n ** 15n),
        (key, secret) => {
          const value = Number(secret);
          const wrong = {
            password: { basic_auth: { password: value } },
            credentials: { authorization: value },
            secrets: { http_headers: { A: { secrets: [value] } } },
            type: { authorization: { type: `Bearer ${value}` } },
            file: { authorization: { credentials_file: value } },
            path: { tls_config: { cert_file: 'x', key_file: `-----BEGIN\n${value}` } },
            username: { basic_auth: { username: value } },
            cert: { tls_config: { cert: value, key_file: 'x' } },
          };
          const problems = problemsOf(wrong[key]).join('\n');
          assert.ok(problems !== '' && !problems.includes(String(value)), problems);
        },
      ),
    );
  });

  it('takes paths from the folder of the file', () => {
    const config = HttpConfig.parse({
      basic_auth: { password_file: 'p', username: 'u' },
      tls_config: { ca_file: '/etc/ca' },
      http_headers: { A: { files: ['x/y'] } },
    });
    const { basic_auth: basic, tls_config: tls, http_headers: headers } = withPathsFrom('/conf', config);
    assert.deepEqual(
      [basic.password_file, basic.username, tls.ca_file, tls.key_file],
      ['/conf/p', 'u', '/etc/ca', null],
    );
    assert.deepEqual(headers.get('A')?.files, ['/conf/x/y']);
  });
});
