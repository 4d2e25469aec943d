import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { loadWebConfig } from './load-web-config.ts';

const hash = `$2y$10$${'a'.repeat(53)}`;

function load(text: string, files: Readonly<Record<string, string>> = {}) {
  return loadWebConfig('/etc/web.yml', (path) => {
    if (path === '/etc/web.yml') return text;
    const found = files[path];
    if (found === undefined) throw Object.assign(new Error('secret'), { code: 'ENOENT' });
    return found;
  });
}

function problemsOf(text: string, files?: Readonly<Record<string, string>>): readonly string[] {
  const loaded = load(text, files);
  return 'problems' in loaded ? loaded.problems : [];
}

describe('loadWebConfig', () => {
  it('takes an empty file for plain HTTP that asks nobody', () => {
    const loaded = load('');
    assert.ok('settings' in loaded);
    const { tls, users, tokenDigests, headers, rateLimit, files } = loaded.settings;
    assert.deepEqual([tls, users.size, tokenDigests, headers, rateLimit], [undefined, 0, [], [], undefined]);
    assert.deepEqual(files, ['/etc/web.yml']);
  });

  it('reads users, tokens beside the file, headers, the rate limit and the rules', () => {
    const text = `
basic_auth_users: {alice: ${hash}}
authorization: {credentials_files: [token, /run/next]}
http_server_config: {http2: false, headers: {X-Frame-Options: deny, X-XSS-Protection: ""}}
rate_limit: {interval: 1s, burst: 20}
access: {/metrics: open}
`;
    const loaded = load(text, { '/etc/token': 'one\n', '/run/next': 'two' });
    assert.ok('settings' in loaded);
    const { users, tokenDigests, headers, rateLimit, access, files } = loaded.settings;
    assert.deepEqual([...users], [['alice', hash]]);
    assert.equal(tokenDigests.length, 2);
    assert.deepEqual(headers, [['X-Frame-Options', 'deny']]);
    assert.deepEqual(rateLimit, { intervalMs: 1000, burst: 20 });
    assert.deepEqual([...access], [['/metrics', 'open']]);
    assert.deepEqual(files, ['/etc/web.yml', '/etc/token', '/run/next']);
  });

  const refused: readonly (readonly [string, RegExp])[] = [
    ['basic_auth_user: {}', /^\/etc\/web\.yml:1:1: basic_auth_user: unknown key, did you mean "basic_auth_users"\?/],
    [
      'basic_auth_users:\n  a: hunter2',
      /^\/etc\/web\.yml:2:6: basic_auth_users\.a: found <secret>, allowed: a bcrypt hash/,
    ],
    ['basic_auth_users: [hunter2]', /basic_auth_users: found <secret>, allowed: a map/],
    ['tls_server_config: {key: hunter2}', /1:26: tls_server_config\.key: found <secret>/],
    ['tls_server_config: {cert_file: x}', /one of key or key_file is missing/],
    ['tls_server_config: {client_auth_type: RequireAndVerifyClientCert}', /needs client_ca_file/],
    ['tls_server_config: {client_allowed_sans: [a]}', /client_allowed_sans needs/],
    [
      'tls_server_config: {min_version: TLS13, max_version: TLS12, cert_file: a, key_file: b}',
      /at most max_version, TLS12/,
    ],
    [
      'tls_server_config: {curve_preferences: [X25519, P256]}',
      /1:49: tls_server_config\.curve_preferences\.1: found "P256"/,
    ],
    ['rate_limit: {interval: 1s}', /burst: found 0, allowed: from 1 up/],
    ['authorization: {credentials_files: [none]}', /1:37: .*none: no such file/],
    ['http_server_config: {headers: {X-Frame-Options: DENY}}', /did you mean "deny"\?/],
    ['access: {metrics: open}', /allowed: a path as in \/metrics/],
    ['access: {/api/v2/silences/: protected}', /did you mean "\/api\/v2\/silences"\?/],
    ['access: {/api/v2/%73ilences: protected}', /allowed: a path as in \/metrics, .*without .* escapes/],
  ];
  for (const [text, problem] of refused) {
    it(`refuses ${text.replaceAll('\n', ' ')}`, () => assert.match(problemsOf(text).join('\n'), problem));
  }

  it('names all problems at once', () => {
    const text =
      'tls_server_config: {cert_file: a, key_file: b}\nauthorization: {credentials_files: [c, d]}\nrate_limit: {interval: 1s}';
    assert.equal(problemsOf(text, { '/etc/d': 'two tokens' }).length, 5);
  });

  it('never throws, and never shows what may be a secret', () => {
    const keys = fc.constantFrom('basic_auth_users', 'authorization', 'tls_server_config', 'access', 'x');
    fc.assert(
      fc.property(fc.dictionary(keys, fc.jsonValue()), (value) => {
        load(JSON.stringify(value));
        load(JSON.stringify({ basic_auth_users: { user: value } }));
      }),
    );
    const secret = fc.stringMatching(/^[a-z]{8,20}$/).map((word) => `q9${word}`);
    fc.assert(
      fc.property(secret, (word) => {
        const text = JSON.stringify({
          basic_auth_users: { a: word, b: [word], c: { d: word } },
          tls_server_config: { key: word },
        });
        assert.doesNotMatch(problemsOf(text).join('\n'), new RegExp(word));
      }),
    );
  });
});
