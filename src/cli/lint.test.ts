import assert from 'node:assert/strict';
import { chown, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Problem } from '../lint/problem.ts';
import { systemClock } from '../runtime/clock.ts';
import { ask } from './ask.ts';

interface Told {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('tocsin lint', () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tocsin-lint-'));
    await mkdir(join(folder, 'below'));
    const group = 'groups:\n- name: a\n  rules:\n  - record: b\n    expr: c\n    labels:\n      channel: #monitoring\n';
    await writeFile(join(folder, 'null.yml'), group);
    await writeFile(join(folder, 'twice.yaml'), 'groups: []\ngroups: []\n');
    await writeFile(join(folder, 'other.txt'), 'a: 1\na: 2\n');
    await writeFile(join(folder, 'below/twice.json'), '{"groups": [], "groups": []}');
    await writeFile(join(folder, 'binary.yml'), Buffer.from([0x61, 0x0a, 0x62, 0xff, 0x00]));
  });

  after(() => rm(folder, { recursive: true, force: true }));

  async function lint(...args: readonly string[]): Promise<Told> {
    let [stdout, stderr] = ['', ''];
    const code = await ask('lint', args, {
      environment: {},
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
      clock: systemClock,
      packageFolder: folder,
    });
    return { code, stdout, stderr };
  }

  it('tells file, line, column, severity, code and what to do, with 0 if there is no error', async () => {
    const { code, stdout } = await lint(join(folder, 'null.yml'));
    assert.equal(code, 0);
    assert.match(
      stdout,
      /null\.yml:7:16: warning: channel is null: .+ \[null-comment\]\n {4}quote it, .+\n1 warning\n$/,
    );
  });

  it('ends with 1 for an error, or for what --fail-on says', async () => {
    assert.equal((await lint(join(folder, 'twice.yaml'))).code, 1);
    assert.equal((await lint(join(folder, 'null.yml'), '--fail-on', 'warning')).code, 1);
  });

  it('ends with 2 for a call without a file, and for a wrong flag', async () => {
    for (const args of [[], ['a.yml', '-o', 'xml'], ['a.yml', '--fail-on=never'], ['a.yml', '--fxi']]) {
      const { code, stdout, stderr } = await lint(...args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, /allowed: .+\ntocsin: try: tocsin lint --help\n$/);
    }
  });

  it('reads the YAML and JSON files of a folder, and with -R those of the folders in it', async () => {
    const files = async (...args: readonly string[]): Promise<readonly string[]> => {
      const problems = JSON.parse((await lint(folder, '-o', 'json', ...args)).stdout) as readonly Problem[];
      return problems.map(({ file, code }) => `${file.slice(folder.length + 1)} ${code}`);
    };
    const above = ['binary.yml file-not-text', 'null.yml null-comment', 'twice.yaml duplicate-key'];
    assert.deepEqual(await files(), above);
    assert.deepEqual(await files('-R'), ['below/twice.json duplicate-key', ...above].toSorted());
  });

  it('follows no link to a folder, and reads the files of a mounted ConfigMap once', async () => {
    const mounted = join(folder, 'mounted');
    await mkdir(join(mounted, '..2026'), { recursive: true });
    await writeFile(join(mounted, '..2026/a.yml'), 'groups: []\ngroups: []\n');
    await symlink('..2026', join(mounted, '..data'));
    await symlink('..data/a.yml', join(mounted, 'a.yml'));
    for (const name of ['self', 'other', 'folder.yml']) await symlink('.', join(mounted, name));
    const problems = JSON.parse((await lint(mounted, '-R', '-o', 'json')).stdout) as readonly Problem[];
    await rm(mounted, { recursive: true });
    assert.deepEqual(
      problems.map(({ file, code }) => `${file.slice(mounted.length + 1)} ${code}`),
      ['a.yml duplicate-key'],
    );
  });

  it('tells of what cannot be read, with a position, and goes on', async () => {
    const { code, stdout } = await lint(
      join(folder, 'none.yml'),
      '/dev/null',
      join(folder, 'below'),
      join(folder, 'binary.yml'),
    );
    assert.equal(code, 1);
    assert.match(stdout, /none\.yml:1:1: error: no such file \[file-unreadable\]/);
    assert.match(stdout, /null:1:1: error: is a device, .+ \[file-unreadable\]/);
    assert.match(stdout, /twice\.json:1:16: error: groups: given twice \[duplicate-key\]/);
    assert.match(stdout, /binary\.yml:2:2: error: .+ \[file-not-text\]/);
  });

  it('mends files in place with --fix, and has nothing to mend the next time', async () => {
    const [path, link] = [join(folder, 'mended.yml'), join(folder, 'link.yml')];
    await writeFile(
      path,
      '# all\nroute: { receiver: a } # first\nglobal:\n  smtp_from: #ops\nreceivers: [{ name: a }]\n',
      { mode: 0o640 },
    );
    await symlink(path, link);
    const first = await lint(link, '--fix');
    assert.match(first.stdout, /link\.yml:4:14: fixed: quotes "#ops" \[null-comment\]\n/);
    const text = await readFile(path, 'utf8');
    assert.equal(
      text,
      '# all\nroute: { receiver: a } # first\nglobal:\n  smtp_from: "#ops"\nreceivers: [{ name: a }]\n',
    );
    assert.deepEqual([(await stat(path)).mode & 0o777, (await lstat(link)).isSymbolicLink()], [0o640, true]);
    const second = await lint(link, '--fix');
    assert.doesNotMatch(second.stdout, /fixed/);
    assert.equal(await readFile(path, 'utf8'), text);
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.includes('tocsin-')),
      [],
    );
  });

  it('leaves a mended file with its owner', { skip: process.geteuid?.() !== 0 }, async () => {
    const path = join(folder, 'owned.yml');
    await writeFile(path, 'route: {receiver: a, routs: []}\nreceivers: [{name: a}]\n');
    await chown(path, 4711, 4712);
    await lint(path, '--fix');
    const { uid, gid } = await stat(path);
    assert.deepEqual([(await readFile(path, 'utf8')).includes('routes'), uid, gid], [true, 4711, 4712]);
    await rm(path);
  });

  it('knows the pipelines of --pipelines.folder, and does not check what is in it', async () => {
    const pipelines = join(folder, 'pipelines');
    await mkdir(pipelines);
    const manifest =
      'apiVersion: telemetry.kyma-project.io/v1beta1\nkind: LogPipeline\nmetadata: {name: loki, a: #b\n  }\n';
    await writeFile(join(pipelines, 'loki.yaml'), manifest);
    const rule = (name: string): string =>
      `groups:\n- name: g\n  rules:\n  - alert: LogAgentX\n    expr: a > 1\n    labels: {severity: a, pipeline_name: ${name}}\n    annotations: {runbook_url: a}\n`;
    await writeFile(join(folder, 'known.yml'), rule('loki'));
    await writeFile(join(folder, 'unknown.yml'), rule('lokki'));
    const flag = `--pipelines.folder=${pipelines}`;
    assert.deepEqual(await lint(join(folder, 'known.yml'), flag), { code: 0, stdout: 'no problems\n', stderr: '' });
    const { code, stdout } = await lint(join(folder, 'unknown.yml'), flag);
    assert.equal(code, 1);
    assert.match(stdout, /unknown\.yml:6:42: error: .+ \[alert-pipeline\]\n {4}did you mean loki\?\n1 error\n$/);
    assert.equal((await lint(join(folder, 'unknown.yml'))).code, 0);
    assert.match(
      (await lint(join(folder, 'known.yml'), '--pipelines.folder=nowhere')).stdout,
      /nowhere:1:1: error: .+ \[file-unreadable\]/,
    );
    await rm(pipelines, { recursive: true });
    await Promise.all([rm(join(folder, 'known.yml')), rm(join(folder, 'unknown.yml'))]);
  });

  it('refuses to mend standard input', async () => {
    const { code, stderr } = await lint('-', '--fix');
    assert.equal(code, 2);
    assert.match(stderr, /--fix: not for standard input/);
  });

  it('writes SARIF', async () => {
    const { stdout } = await lint(join(folder, 'null.yml'), '-o', 'sarif', '--docs-url=https://example.org');
    const { version, runs } = JSON.parse(stdout) as { version: string; runs: { results: { ruleId: string }[] }[] };
    assert.deepEqual([version, runs[0]!.results.map(({ ruleId }) => ruleId)], ['2.1.0', ['null-comment']]);
  });
});
