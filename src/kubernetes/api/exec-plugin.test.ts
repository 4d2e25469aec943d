import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { eventually } from '../../runtime/eventually.fixture.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { writeKubeConfig } from './api-server.fixture.ts';
import { Credentials } from './credentials.ts';
import { loadKubeConfig } from './kube-config.ts';

const good = `echo '{"status":{"token":"from-plugin"}}'`;

interface Plugin {
  readonly credentials: Credentials;
  readonly clock: FakeClock;
  /** The path of a file in the test's own folder. */
  readonly file: (name: string) => string;
}

/** A plugin that is a shell script; its working folder is $FOLDER. */
function plugin(t: TestContext, script: string, exec: object = {}): Plugin {
  const file = writeKubeConfig(t, 'http://127.0.0.1:1', {});
  const folder = dirname(file);
  const env = [{ name: 'FOLDER', value: folder }];
  const user = { exec: { apiVersion: 'v1', command: 'sh', args: ['-c', `cd "$FOLDER"; ${script}`], env, ...exec } };
  const content = JSON.parse(readFileSync(file, 'utf8')) as object;
  writeFileSync(file, JSON.stringify({ ...content, users: [{ name: 'u', user }] }));
  const clock = new FakeClock();
  const credentials = new Credentials(() => loadKubeConfig({ kubeconfigs: [file] }), clock);
  return { credentials, clock, file: (name) => join(folder, name) };
}

async function whyNot({ credentials }: Plugin): Promise<string> {
  return credentials.access().then(
    () => assert.fail('there are credentials'),
    (error: Error) => error.message,
  );
}

describe('ExecPlugin', () => {
  it('gives token and client certificate', async (t) => {
    const status = { token: 'a', clientCertificateData: 'b', clientKeyData: 'c' };
    const { headers, tls } = await plugin(t, `echo '${JSON.stringify({ status })}'`).credentials.access();
    assert.deepEqual(
      [headers, tls],
      [{ authorization: 'Bearer a' }, { cert: 'b', key: 'c', rejectUnauthorized: false }],
    );
  });

  it('begins at the kubeconfig if its path is relative, wherever we run', async (t) => {
    for (const command of ['./plugin', 'bin/../plugin', './bin/plugin']) {
      const one = plugin(t, '', { command, args: [] });
      mkdirSync(one.file('bin'));
      for (const name of ['plugin', 'bin/plugin'])
        writeFileSync(one.file(name), `#!/bin/sh\n${good}\n`, { mode: 0o755 });
      assert.deepEqual((await one.credentials.access()).headers, { authorization: 'Bearer from-plugin' });
    }
  });

  it('begins at the kubeconfig too if that is named by a relative path', async (t) => {
    const { file } = plugin(t, '', { command: './plugin', args: [] });
    writeFileSync(file('plugin'), `#!/bin/sh\n${good}\n`, { mode: 0o755 });
    const kubeconfigs = [relative(process.cwd(), file('kubeconfig'))];
    const { headers } = await new Credentials(() => loadKubeConfig({ kubeconfigs }), new FakeClock()).access();
    assert.deepEqual(headers, { authorization: 'Bearer from-plugin' });
  });

  it('is looked for in PATH if it is a bare name, though one of that name stands beside the kubeconfig', async (t) => {
    const one = plugin(t, '', { command: 'tocsin-test-plugin', args: [] });
    writeFileSync(one.file('tocsin-test-plugin'), `#!/bin/sh\n${good}\n`, { mode: 0o755 });
    assert.match(await whyNot(one), /is no program that can be found/);
  });

  it('is told in its environment what it is asked for', async (t) => {
    const one = plugin(t, `printf '%s' "$KUBERNETES_EXEC_INFO" > info; ${good}`);
    await one.credentials.access();
    assert.deepEqual(JSON.parse(readFileSync(one.file('info'), 'utf8')), {
      kind: 'ExecCredential',
      apiVersion: 'v1',
      spec: { interactive: false },
    });
  });

  it('is asked again when what it gave has expired, or was refused', async (t) => {
    const { credentials, clock, file } = plugin(t, 'echo x >> runs; cat answer');
    const runs = () => readFileSync(file('runs'), 'utf8').length / 2;
    const expirationTimestamp = new Date(clock.now() + 60_000).toISOString();
    writeFileSync(file('answer'), JSON.stringify({ status: { token: 'a', expirationTimestamp } }));
    for (let call = 0; call < 2; call++) await credentials.access();
    assert.equal(runs(), 1);
    clock.advance(60_000);
    writeFileSync(file('answer'), JSON.stringify({ status: { token: 'b' } }));
    for (let call = 0; call < 2; call++) await credentials.access();
    assert.equal(runs(), 2);
    credentials.renew();
    assert.deepEqual((await credentials.access()).headers, { authorization: 'Bearer b' });
    assert.equal(runs(), 3);
  });

  it('is ended with what it has started when it hangs, and run anew the next time', async (t) => {
    const one = plugin(t, `[ -e pids ] || { sleep 60 & echo $$ $! > begun; mv begun pids; wait; }; ${good}`);
    const late = whyNot(one);
    await eventually(() => existsSync(one.file('pids')), Boolean);
    one.clock.advance(24_999);
    await new Promise((resolve) => setImmediate(resolve));
    one.clock.advance(1);
    assert.equal(await late, 'the exec plugin "sh" of the kubeconfig gave nothing within 25 s, and was ended');
    for (const pid of readFileSync(one.file('pids'), 'utf8').trim().split(' ')) await ended(pid);
    assert.deepEqual((await one.credentials.access()).headers, { authorization: 'Bearer from-plugin' });
    assert.equal(one.clock.pending(), 0);
  });

  it('is ended when the credentials are closed', async (t) => {
    const one = plugin(t, 'echo $$ > begun; mv begun pid; exec sleep 60');
    const told = whyNot(one);
    await eventually(() => existsSync(one.file('pid')), Boolean);
    one.credentials.close();
    assert.match(await told, /was ended: no credentials are needed any more$/);
    await ended(readFileSync(one.file('pid'), 'utf8').trim());
  });

  const named = 'the exec plugin "sh" of the kubeconfig';
  const failures: readonly (readonly [script: string, message: string])[] = [
    ['echo eyTOKENSECRET', `${named} printed something else than an ExecCredential`],
    [`echo '{"status":"eyTOKENSECRET"}'`, `${named} printed something else than an ExecCredential`],
    [`echo '{"status":{"expirationTimestamp":"eyTOKENSECRET"}}'`, `${named} printed something else than`],
    ['exit 1', `${named} ended with 1: nothing on its standard error says why; run it by hand`],
    ['echo not logged in >&2; echo eyTOKENSECRET; exit 3', `${named} ended with 3: not logged in`],
    ['kill -9 $$', `${named} ended with SIGKILL: nothing on its standard error`],
  ];
  for (const [script, message] of failures) {
    it(`says what is wrong, and shows nothing of what it printed: ${script}`, async (t) => {
      const told = await whyNot(plugin(t, script));
      assert.ok(told.startsWith(message), told);
      assert.doesNotMatch(told, /SECRET|\n/);
    });
  }

  it('names a program that cannot be run, without its arguments', async (t) => {
    assert.equal(
      await whyNot(plugin(t, '', { command: '/nowhere/aws', args: ['eyTOKENSECRET'] })),
      'the exec plugin "/nowhere/aws" of the kubeconfig is no program that can be found, or its first line names none; install it, or correct its path',
    );
    assert.match(
      await whyNot(plugin(t, '', { command: '/tmp' })),
      /"\/tmp" of the kubeconfig cannot be run \(EACCES\)/,
    );
    assert.match(await whyNot(plugin(t, '', { args: ['eyTOKENSECRET\0'] })), /cannot be run \(ERR_INVALID_ARG_VALUE\)/);
    assert.match(
      await whyNot(plugin(t, '', { command: undefined })),
      /the exec plugin "" of the kubeconfig cannot be run/,
    );
  });
});

async function ended(pid: string): Promise<void> {
  await eventually(
    () => isAlive(pid),
    (alive) => !alive,
  );
}

function isAlive(pid: string): boolean {
  try {
    process.kill(Number(pid), 0);
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
