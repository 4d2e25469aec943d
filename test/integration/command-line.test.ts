import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import packageJson from '../../package.json' with { type: 'json' };
import { runTocsin } from '../support/run-tocsin.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('the command line', () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tocsin-command-line-'));
  });

  after(() => rm(folder, { recursive: true, force: true }));

  it('shows every flag with its default', async () => {
    const { code, stdout } = await runTocsin(['--help']);

    assert.equal(code, 0);
    for (const flag of [
      'config.file',
      'web.listen-address',
      'prometheus.url',
      'pipelines.folder',
      'storage.path',
      'log.level',
      'log.format',
    ]) {
      assert.ok(stdout.includes(`--${flag}`), flag);
    }
    assert.match(stdout, /127\.0\.0\.1:9093/);
  });

  it('tells its version', async () => {
    const { code, stdout } = await runTocsin(['--version']);

    assert.equal(code, 0);
    assert.match(stdout, /^tocsin \d+\.\d+\.\d+ /);
  });

  it('refuses a Node that is too old, in one line, with 1', async () => {
    const older = "Object.defineProperty(process, 'version', { value: 'v20.20.2' })";
    const { code, stdout, stderr } = await runTocsin(['--version'], [`--import=data:text/javascript,${older}`]);

    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^tocsin: needs Node 22\.19 or newer, found v20\.20\.2: .+\n$/);
  });

  for (const name of ['start', 'unit', 'test'] as const)
    it(`tells in one line, for npm run ${name}, that Node is too old and how the newer one comes`, async () => {
      const older = join(folder, 'older.cjs');
      await writeFile(older, "Object.defineProperty(process, 'versions', { value: { node: '20.20.2' } });");
      const [node, ...args] = packageJson.scripts[name].split(' ');
      const checked = args.slice(0, args.indexOf('--require') + 2);
      assert.deepEqual([node, ...checked], ['node', '--require', './src/cli/require-node.cjs']);
      const command = ['--require', older, ...checked, '--print', '"it ran"'];
      const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8' });
      assert.deepEqual([status, stdout], [1, '']);
      assert.match(
        stderr,
        /^tocsin: needs Node 22\.19 or newer, found v.+`npm rebuild node --ignore-scripts=false`.+\n$/,
      );
    });

  it('refuses wrong flags, all in one go, with 2', async () => {
    const { code, stderr } = await runTocsin(['--log.levle=debug', '--log.format=xml']);

    assert.equal(code, 2);
    assert.match(stderr, /--log\.levle.*did you mean.*--log\.level/);
    assert.match(stderr, /--log\.format.*"xml".*json, logfmt/);
  });

  it('is an extension of linkerd check under the name linkerd-tocsin', async () => {
    const program = join(folder, 'linkerd-tocsin');
    await symlink(join(root, 'src/main.ts'), program);
    const run = (...args: readonly string[]): { status: number | null; stdout: string } =>
      spawnSync(process.execPath, [program, ...args], { cwd: root, encoding: 'utf8', env: { PATH: '', HOME: folder } });
    assert.equal(run('_extension-metadata').stdout, '{"name":"linkerd-tocsin","checks":"always"}\n');
    const { status, stdout } = run(
      'check',
      '--namespace=',
      '--proxy=false',
      '--wait=0s',
      '--kubeconfig=',
      '--output=json',
    );
    const { success, categories } = JSON.parse(stdout) as { success: boolean; categories: readonly object[] };
    assert.deepEqual([status, success], [1, false]);
    assert.ok(categories.length > 5);
    assert.equal(packageJson.bin['linkerd-tocsin'], packageJson.bin.tocsin);
  });

  it('writes a long answer to a pipe in full', async () => {
    const file = join(folder, 'long.yml');
    await writeFile(file, `paths:\n${Array.from({ length: 500 }, (_, n) => `  /${n}: {get: {}}\n`).join('')}`);
    const { code, stdout } = await runTocsin(['rules', 'generate', `--open-api=${file}`, '--service=a']);

    assert.equal(code, 0);
    assert.ok(stdout.length > 256 * 1024, `${stdout.length}`);
    assert.equal(stdout.match(/runbook_url: /g)?.length, 500);
  });

  it('finds a good file good', async () => {
    const { code, stdout } = await runTocsin(['check-config', 'examples/tocsin.yml']);

    assert.equal(code, 0);
    assert.match(stdout, /good/);
  });

  it('refuses a bad file, every problem with its place, with 1: when it checks and when it serves', async () => {
    const file = join(folder, 'bad.yml');
    await writeFile(file, 'receiver:\n  max_alert: 7\n  max_body_size: 16MB\ncontroller: {action: anotate}\n');
    const checked = await runTocsin(['check-config', file]);
    const served = await runTocsin([`--config.file=${file}`, '--web.listen-address=127.0.0.1:0']);

    for (const { code, stderr } of [checked, served]) {
      assert.equal(code, 1);
      const problems = stderr.trim().split('\n');
      assert.equal(problems.length, 3, stderr);
      assert.match(problems[0]!, /bad\.yml:2:3: receiver\.max_alert: unknown key, did you mean "max_alerts"\?/);
      assert.match(problems[1]!, /bad\.yml:3:18: receiver\.max_body_size: found "16MB", did you mean "16MiB"\?/);
      assert.match(problems[2]!, /bad\.yml:4:22: controller\.action: found "anotate", did you mean "annotate"/);
    }
  });
});
