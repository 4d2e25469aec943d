import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Status } from '../explain/schema-status.ts';
import { runAsk, FakeApi, type Told } from './fake-api.fixture.ts';
import { temporaryFolder } from '../runtime/temporary-folder.fixture.ts';

async function folderOf(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t, 'tocsin-check');
  return folder;
}

/** Without a cluster, whatever the machine has. */
function check(...args: readonly string[]): Promise<Told> {
  return runAsk('check', ['--wait=0s', ...args], {});
}

function status(sha256: string): Partial<Status> {
  return { configuration: { sha256, loaded_at: '2026-01-01T00:00:00.000Z', refused: false }, action: 'condition' };
}

describe('tocsin check', () => {
  it('refuses an unknown output, and names those that there are', async () => {
    const { code, stderr } = await check('-o', 'xml');
    assert.equal(code, 2);
    assert.match(stderr, /--output: found "xml", allowed: json, table, short\n/);
  });

  it('refuses words, unknown flags and wrong times', async () => {
    for (const [arg, complaint] of [
      ['tracepipelines', /check: no arguments/],
      ['--prometheus.ulr=x', /--prometheus\.ulr: unknown flag, did you mean "--prometheus\.url"/],
      ['--wait=later', /--wait: found "later", allowed: a duration|--wait: given twice/],
    ] as const) {
      const { code, stderr } = await runAsk('check', [arg], {});
      assert.equal(code, 2);
      assert.match(stderr, complaint);
    }
  });

  it('says of each category that does not apply why not', async () => {
    const { stdout } = await check();
    assert.match(stdout, /^configuration\n-{13}\n- does not apply: no --config\.file is given$/m);
    assert.match(stdout, /^kinds\n-{5}\n- does not apply: no cluster: no Kubernetes is configured/m);
    assert.match(stdout, /^pipelines\n-{9}\n- does not apply: .*and no folder is named$/m);
  });

  it('does not take a kubeconfig that merely exists for a cluster', async (t) => {
    const kubeconfig = join(await folderOf(t), 'config');
    await writeFile(kubeconfig, 'x: [');
    const { stdout } = await runAsk('check', ['--wait=0s'], { KUBECONFIG: kubeconfig });
    assert.match(stdout, /^kinds\n-{5}\n- does not apply/m);
    const pre = await runAsk('check', ['--wait=0s', '--pre'], { KUBECONFIG: kubeconfig });
    assert.match(pre.stdout, /^× can initialize the client\n {4}kubeconfig .*config:1:/m);
    assert.equal(pre.code, 1);
  });

  it('fails for a configuration that names no cluster that can be found', async (t) => {
    const file = join(await folderOf(t), 'tocsin.yml');
    await writeFile(file, 'pipelines: {kubernetes: {}}\n');
    const { code, stdout } = await check(`--config.file=${file}`);
    assert.equal(code, 1);
    assert.match(
      stdout,
      /^× can initialize the client\n {4}pipelines\.kubernetes is in the configuration file, but there is no kubeconfig/m,
    );
  });

  it('reads a folder of pipelines as Tocsin does', async (t) => {
    const folder = await folderOf(t);
    const empty = await check(`--pipelines.folder=${folder}`, '-o', 'short');
    assert.match(empty.stdout, /^‼ there are pipelines\n {4}no manifest in .* has a pipeline/m);
    const head = 'apiVersion: telemetry.kyma-project.io/v1beta1\nkind: TracePipeline\nmetadata:\n';
    for (const name of ['one', 'two']) await writeFile(join(folder, `${name}.yaml`), `${head}  name: a\nspec: {}\n`);
    await writeFile(join(folder, 'three.yaml'), `${head}  nam: b\n`);
    const { stdout } = await check(`--pipelines.folder=${folder}`);
    assert.match(
      stdout,
      /^× every manifest can be read\n {4}.*three\.yaml:4:\d+: .*name.*\n {4}.*two\.yaml: TracePipeline\/a is in .*one\.yaml too/m,
    );
    assert.match(stdout, /^√ there are pipelines$/m);
    const missing = await check(`--pipelines.folder=${join(folder, 'none')}`);
    assert.match(
      missing.stdout,
      /^× every manifest can be read\n {4}cannot read the pipelines folder .*none: it does not exist/m,
    );
  });

  it('compares the configuration with the one that runs', async (t) => {
    const api = await FakeApi.start(t);
    const file = join(await folderOf(t), 'tocsin.yml');
    const text = 'controller: {action: log}\n';
    await writeFile(file, text);
    const url = `--url=${api.url}`;
    api.reply('GET /api/tocsin/v1/status', () => ({
      ...fullStatus,
      ...status(createHash('sha256').update(text).digest('hex')),
    }));
    const same = await check(`--config.file=${file}`, url);
    assert.match(same.stdout, /^√ the running Tocsin has this configuration$/m);
    api.reply('GET /api/tocsin/v1/status', () => ({ ...fullStatus, ...status('0'.repeat(64)) }));
    const other = await check(`--config.file=${file}`, url);
    assert.match(
      other.stdout,
      /^× the running Tocsin has this configuration\n {4}Tocsin runs without a file with SHA-256 0{12}…, but .*tocsin\.yml has [\da-f]{12}…: is it the same file/m,
    );
    assert.match(other.stdout, /see docs\/checks\.md#config-runs for hints/);
  });
});

const fullStatus: Status = {
  version: 'test',
  instance: '0123456789abcdef',
  started_at: '2026-01-01T00:00:00.000Z',
  time: '2026-01-01T00:00:00.000Z',
  addresses: { port: 9093, route_prefix: '', advertised_urls: [], machine: [] },
  configuration: { sha256: '', loaded_at: '2026-01-01T00:00:00.000Z', refused: false },
  prometheus: [],
  action: 'condition',
  select: 'all',
  storage: { path: '/data' },
  history: { retention_seconds: 0, lost: 0 },
  received: {},
  queue: { waiting: 0, running: 0 },
  limits: [],
};
