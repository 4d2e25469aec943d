import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { runAsk } from '../../src/cli/fake-api.fixture.ts';
import { Config } from '../../src/config/config.ts';
import { newTrigger } from '../../src/trigger/trigger.fixture.ts';
import { presetNames, TriggerSpec } from '../../src/trigger/trigger-spec.ts';
import { block, blocks, codeIn, read, root, section, tableRows } from '../support/documentation.ts';

const page = 'docs/triggers.md';
const examples = section(page, 'Five examples');

/** What `tocsin trigger test` says of each example with an alert. */
const tested: readonly (readonly [file: string, alert: string, ...said: readonly string[]])[] = [
  [
    'flux',
    'alertname=HelmReleaseNotReady,namespace=shop,release=web',
    'would set the annotation reconcile.fluxcd.io/requestedAt: ',
    'HelmRelease web in namespace shop (helm.toolkit.fluxcd.io/v2)',
  ],
  [
    'argocd',
    'alertname=KubePodNotReady,severity=warning,namespace=shop',
    'would set the annotation argocd.argoproj.io/refresh: normal',
    'Application shop in namespace argocd (argoproj.io/v1alpha1)',
  ],
  [
    'database',
    'alertname=PostgresDown,namespace=shop,cluster=orders',
    'would write the condition AlertsQuiet',
    'Cluster orders in namespace shop (postgresql.cnpg.io/v1)',
  ],
  [
    'pod-owner',
    'alertname=ContainerMemoryNearLimit,namespace=shop,pod=web-1',
    'would set the annotation kubectl.kubernetes.io/restartedAt: ',
    'Deployment owner of pod web-1 in namespace shop',
  ],
  [
    'kyma',
    'alertname=TraceGatewayThrottling',
    'would write the condition of the health rules',
    'every TracePipeline (telemetry.kyma-project.io/v1beta1)',
  ],
];

const test = (file: string, alert: string): Promise<{ code: number; stdout: string }> =>
  runAsk('trigger', ['test', '-f', join(root, file), '--alert', alert], {});

describe('docs/triggers.md', () => {
  it('shows the files of examples/triggers as they stand, each of them', () => {
    const withoutComment = (file: string): string => read(`examples/triggers/${file}.yaml`).replaceAll(/^# .*\n/gm, '');
    assert.deepEqual(
      blocks(examples, 'yaml'),
      tested.map(([file]) => withoutComment(file)),
    );
    const files = globSync('*.yaml', { cwd: join(root, 'examples/triggers') }).map((file) => file.replace('.yaml', ''));
    assert.deepEqual(files.toSorted(), tested.map(([file]) => file).toSorted());
  });

  for (const [file, alert, ...said] of tested)
    it(`shows ${file}.yaml, which does for an alert what the page says`, async () => {
      const { code, stdout } = await test(`examples/triggers/${file}.yaml`, alert);
      assert.equal(code, 0, stdout);
      assert.match(stdout, /: good\n/);
      for (const text of said) assert.ok(stdout.includes(text), `${text} is not in\n${stdout}`);
    });

  it('shows what the command on the page says', async () => {
    const [, file = '', alert = ''] = /^tocsin trigger test -f (\S+) --alert '(.+)'$/m.exec(examples) ?? [];
    const { code, stdout } = await test(file, alert);
    assert.equal(code, 0, stdout);
    assert.equal(stdout.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/, '2026-11-30T09:00:00.000Z'), blocks(examples, '')[0]);
  });

  it('shows an entry of the configuration that is good', () => {
    const { triggers } = Config.parse(parse(block(page, 'yaml', 'Put triggers to use')));
    assert.deepEqual(
      triggers.list.map(({ name, namespace }) => `${namespace}/${name}`),
      ['shop/orders-db'],
    );
  });

  it('has every field of a trigger', () =>
    assert.deepEqual(
      tableRows(section(page, 'The fields')).flatMap(([field = '']) => codeIn(field)),
      Object.keys(TriggerSpec.unwrap().shape),
    ));

  it('has every preset, with what it writes', () => {
    const rows = tableRows(section(page, 'What is done'));
    assert.deepEqual(
      rows.flatMap(([name = '']) => codeIn(name)),
      [...presetNames],
    );
    for (const [name = '', annotation = '', value = ''] of rows) {
      const { action } = newTrigger({
        action: { annotate: { preset: codeIn(name)[0] } },
        budget: { runs: 1, per: '1h' },
      });
      assert.ok(action.do === 'annotate');
      assert.deepEqual([codeIn(annotation)[0], codeIn(value)[0]], [action.key, action.value.text]);
      assert.equal(annotation.includes('pod template'), action.on === 'podTemplate');
    }
  });
});
