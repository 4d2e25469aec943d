import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createAuthority } from '../certificates.fixture.ts';
import { loadWebConfig } from './load-web-config.ts';
import { temporaryFolder } from '../../runtime/temporary-folder.fixture.ts';

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
  it('reads an empty file as plain HTTP that is open to everybody', () => {
    const loaded = load('');
    assert.ok('settings' in loaded);
    const { tls, users, tokenDigests, headers, rateLimit } = loaded.settings;
    assert.deepEqual([tls, users.size, tokenDigests, headers, rateLimit], [undefined, 0, [], [], undefined]);
    assert.deepEqual([...loaded.read.keys()], ['/etc/web.yml']);
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
    const { users, tokenDigests, headers, rateLimit, access } = loaded.settings;
    assert.deepEqual([...users], [['alice', hash]]);
    assert.equal(tokenDigests.length, 2);
    assert.deepEqual(headers, [['X-Frame-Options', 'deny']]);
    assert.deepEqual(rateLimit, { intervalMs: 1000, burst: 20 });
    assert.deepEqual([...access], [['/metrics', 'open']]);
    assert.deepEqual([...loaded.read.keys()], ['/etc/web.yml', '/etc/token', '/run/next']);
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
    ['authorization: {}', /1:16: authorization\.credentials_files: names no file, .* remove authorization/],
    ['authorization:', /authorization\.credentials_files: names no file/],
    ['authorization: {credentials_files: []}', /1:36: authorization\.credentials_files: names no file/],
    ['authorization: {credentials_files: }', /authorization\.credentials_files: names no file/],
    ['rate_limit: {interval: 1s}', /burst: found 0, allowed: from 1 up/],
    ['authorization: {credentials_files: [none]}', /1:37: authorization\.credentials_files\.0: no such file/],
    ['http_server_config: {headers: {X-Frame-Options: DENY}}', /did you mean "deny"\?/],
    ['access: {metrics: open}', /allowed: a path as in \/metrics/],
    ['access: {/api/v2/silences/: protected}', /did you mean "\/api\/v2\/silences"\?/],
    ['access: {/api/v2/%73ilences: protected}', /allowed: a path as in \/metrics, .*without .* escapes/],
  ];
  for (const [text, problem] of refused) {
    it(`refuses ${text.replaceAll('\n', ' ')}`, () => assert.match(problemsOf(text).join('\n'), problem));
  }

  it('gives the files that a refused configuration names, so that they can be watched', () => {
    const { read } = load('authorization: {credentials_files: [later, soon]}', { '/etc/soon': 'token' });
    assert.deepEqual([...read.keys()], ['/etc/web.yml', '/etc/later', '/etc/soon']);
  });

  for (const text of [
    '',
    ' \n\t\n',
    '# users come here\n  # soon',
    '---',
    '\uFEFF---\n# soon',
    '%YAML 1.2\n---\n...',
    'null',
    'basic_auth_users:',
    'basic_auth_users: ~ # soon',
    'http_server_config: {headers: {X-Frame-Options: deny}}\ntls_server_config:',
  ]) {
    it(`refuses ${JSON.stringify(text)} if it would open a door`, () => {
      const loaded = loadWebConfig('web.yml', () => text, { mayBeEmpty: false });
      assert.ok('problems' in loaded);
      assert.match(loaded.problems.join('\n'), /^web\.yml: says nothing, .*; write \{\} to let everybody in$/);
      assert.ok('settings' in loadWebConfig('web.yml', () => text, { mayBeEmpty: true }));
    });
  }

  for (const text of ['{}', 'access: {}', '---\n{}', '# nobody\nbasic_auth_users: {}'])
    it(`takes ${JSON.stringify(text)}, which says that everybody may come in`, () =>
      assert.ok('settings' in loadWebConfig('web.yml', () => text, { mayBeEmpty: false })));

  it('reads again if a file changes while they are read, and gives up if that goes on', async (test) => {
    const folder = await temporaryFolder(test, 'web-config');
    const file = join(folder, 'web.yml');
    const token = join(folder, 'token');
    writeFileSync(token, 'secret');
    const text = 'authorization: {credentials_files: [token]}';
    const loadWhileWritten = (times: number) => {
      let writes = 0;
      return loadWebConfig(file, (path) => {
        if (path === token && ++writes <= times) writeFileSync(file, text + ' '.repeat(writes));
        return readFileSync(path, 'utf8');
      });
    };
    writeFileSync(file, text);
    assert.ok('settings' in loadWhileWritten(2));
    assert.match(
      JSON.stringify(loadWhileWritten(3)),
      /web\.yml: it or a file that it names is being written; try again/,
    );
  });

  it('names all problems at once', () => {
    const text =
      'tls_server_config: {cert_file: a, key_file: b}\nauthorization: {credentials_files: [c, d]}\nrate_limit: {interval: 1s}';
    assert.equal(problemsOf(text, { '/etc/d': 'two tokens' }).length, 5);
  });

  it('refuses an empty certificate, key or CA, such as a Secret that is being filled has', async (t) => {
    const authority = await createAuthority();
    t.after(() => authority.remove());
    const { certFile, keyFile } = await authority.issue('server');
    const [certificate, key] = [await authority.read(certFile), await authority.read(keyFile)];
    const text = 'tls_server_config: {cert_file: c, key_file: k}';
    const problems = (cert: string, secret: string): string =>
      problemsOf(text, { '/etc/c': cert, '/etc/k': secret }).join('\n');
    for (const blank of ['', '\n', '# soon\n']) {
      assert.match(problems(blank, key), /cert_file: holds no certificate in PEM$/);
      assert.match(problems(blank, ''), /cert_file: holds no certificate in PEM\n.*key_file: is empty; allowed: a key/);
    }
    for (const blank of ['', ' \n']) assert.match(problems(certificate, blank), /key_file: is empty; allowed: a key/);
    assert.match(problems(certificate, '# soon'), /certificate and key cannot be used/);
    assert.equal(problems(`# in front\n${certificate}`, key), '');
  });

  it('never throws, and never shows what may be a secret', () => {
    const keys = fc.constantFrom('basic_auth_users', 'authorization', 'tls_server_config', 'access', 'x');
    fc.assert(
      fc.property(fc.dictionary(keys, fc.jsonValue()), (value) => {
        load(JSON.stringify(value));
        load(JSON.stringify({ basic_auth_users: { user: value } }));
      }),
    );
  });

  const pem = '-----BEGIN PRIVATE KEY-----\nq9secret\n-----END PRIVATE KEY-----\n';
  const block = `|\n${pem.replaceAll(/^(?=.)/gm, '    ')}`;
  const misplaced: Readonly<Record<string, string>> = {
    'a PEM as a path': `tls_server_config:\n  cert_file: a\n  key_file: ${block}`,
    'a PEM on one line as a path':
      'tls_server_config: {cert_file: a, key_file: "-----BEGIN PRIVATE KEY----- q9secret"}',
    'a key in place of a path':
      'tls_server_config: {cert_file: q9secret, key_file: q9secret, client_ca_file: q9secret}',
    'a PEM in place of a section': `tls_server_config: ${block}`,
    'a token in place of a section': 'authorization: q9secret',
    'a token in place of a list': 'authorization: {credentials_files: q9secret}',
    'a token in place of a path': 'authorization: {credentials_files: [q9secret, https://q9secret, "q9secret\\n"]}',
    'a map in place of a path': 'authorization: {credentials_files: [{q9secret: 1}]}',
    'a password behind the user': 'basic_auth_users: {"ann:q9secret": x}',
    'a password in place of a hash': 'basic_auth_users: {a: q9secret, b: [q9secret], c: {d: q9secret}}',
    'a password in place of the users': 'basic_auth_users: q9secret',
    'an alias in place of a hash': 'basic_auth_users: {a: *q9secret }',
    'a tag in place of a hash': 'basic_auth_users: {a: !q9secret }',
    'a reserved character': 'basic_auth_users: {a: @q9secret, b: `q9secret, c: %q9secret }',
    'a quote that is not closed': 'basic_auth_users: {a: "q9secret }',
    'a bad escape': 'basic_auth_users: {a: "\\q9secret" }',
    'a token file as the configuration': 'q9secret',
    'a file of passwords as the configuration': 'ann:q9secret\nbob:q9secret',
    'a key file as the configuration': pem,
    'a key file with headers as the configuration': pem.replace('\n', '\nProc-Type: 4,ENCRYPTED\n\n'),
  };
  for (const [what, text] of Object.entries(misplaced)) {
    it(`does not show ${what}`, () => {
      const problems = problemsOf(text);
      assert.ok(problems.length > 0);
      assert.doesNotMatch(problems.join('\n'), /q9secret/);
    });
  }

  it('shows neither a path that the system refuses nor a bad token', () => {
    const refuse = (code: string) =>
      loadWebConfig('/etc/web.yml', (path) => {
        if (path === '/etc/web.yml') return 'authorization: {credentials_files: [q9secret]}';
        throw Object.assign(new Error(`${code}: open '${path}'`), { code });
      });
    for (const code of ['ENOENT', 'EACCES', 'EISDIR', 'ENAMETOOLONG', 'EIO'])
      assert.doesNotMatch(JSON.stringify(refuse(code)), /q9secret/, code);
    const files = { '/etc/q9secret': 'q9secret q9secret' };
    assert.doesNotMatch(problemsOf('authorization: {credentials_files: [q9secret]}', files).join('\n'), /q9secret/);
  });
});
