import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import type { Problem } from '../../../src/lint/problem.ts';
import { lintFiles } from '../../../src/lint/lint-files.ts';

const folder = join(import.meta.dirname, 'rows');

/** Misconfigurations of real installations: what is found in `red`, as `FILE:LINE code` with a part of the hint. Nothing is found in `green`. */
const rows: Readonly<Record<string, readonly (readonly [place: string, hint: RegExp])[]>> = {
  '01-placeholder-url': [['alertmanager.yml:2 placeholder', /\*_file/]],
  '02-null-channel': [['alertmanager.yml:6 null-comment', /quote it.*"#monitoring"/]],
  '03-secret-in-config-map': [['config-map.yaml:7 secret-in-clear', /Secret.*\*_file/]],
  '04-misplaced-key': [['alertmanager.yml:2 misplaced-key', /move it there/]],
  '05-pattern-without-files': [['prometheus.yml:2 no-matching-file', /starts without these files/]],
  '06-file-name-as-content': [['values.yaml:2 file-name-as-content', /--set-file/]],
  '07-ignored-values': [
    ['values.yaml:2 misplaced-value', /persistentVolume\.mountPath/],
    ['values.yaml:5 misplaced-value', /server\.persistentVolume/],
  ],
  '07-unknown-value-of-ours': [['values.yaml:3 unknown-value', /persistence/]],
  '10-overridden-values': [['values.yaml:2 overridden-values', /remove configMapOverrideName/]],
  '11-empty-receiver': [['alertmanager.yml:3 empty-receiver', /webhook_configs/]],
  '11-undefined-receiver': [['alertmanager.yml:1 undefined-receiver', /defined are: tocsin/]],
  '13-order-of-routes': [
    ['alertmanager.yml:10 unreachable-route', /order of routes counts, that of top-level keys does not/],
  ],
  '17-guarded': [['service.yaml:5 exposed-service', /--web\.config\.file/]],
  '17-load-balancer': [['service.yaml:5 exposed-service', /ClusterIP/]],
  '17-network-policy': [['network-policy.yaml:9 open-network-policy', /podSelector/]],
  '17-network-policy-without-from': [
    ['network-policy.yaml:7 open-network-policy', /podSelector/],
    ['network-policy.yaml:15 open-network-policy', /podSelector/],
  ],
  '19-copied-defaults': [['values.yaml:1 large-values', /helm get values/]],
  '20-vanished-target': [['rules/app.yml:5 up-is-zero', /absent\(up\{job="app"\}\)/]],
  'alert-without-pipeline': [['rules.yaml:10 alert-pipeline', /did you mean backend\?/]],
  'dropped-label': [['rules.yml:8 template-label', /by \(instance\)/]],
  'kyma-service-name': [
    ['prometheus.yml:4 alerting-own-port', /9093/],
    ['prometheus.yml:4 unknown-service', /manager-alerts-webhook\.system/],
  ],
  'never-fires': [
    ['rules.yml:5 never-fires', /absent\(\)/],
    ['rules.yml:10 always-fires', /remove bool/],
  ],
  'promql-in-a-block': [
    ['config-map.yaml:13 promql-syntax', /did you mean rate\?/],
    ['config-map.yaml:20 template-syntax', /did you mean \$value\?/],
  ],
  'silent-at-total-failure': [['rules.yml:6 silent-at-total-failure', /failed \/ total > 0\.1/]],
};

async function problemsIn(path: string): Promise<readonly Problem[]> {
  const { problems } = await lintFiles([path], { stdin: Readable.from([]), recursive: true });
  return problems;
}

describe('tocsin lint, on the mistakes of real installations', () => {
  it('has a fixture for each, and a row for each fixture', () => {
    assert.deepEqual(readdirSync(folder).toSorted(), Object.keys(rows).toSorted());
  });

  for (const [name, expected] of Object.entries(rows)) {
    it(`${name}: is found, with what to do`, async () => {
      const red = join(folder, name, 'red');
      const problems = await problemsIn(red);
      assert.deepEqual(
        problems.map(({ file, line, code }) => `${relative(red, file)}:${line} ${code}`),
        expected.map(([place]) => place),
      );
      for (const [index, { hint }] of problems.entries()) assert.match(hint, expected[index]![1]);
    });

    it(`${name}: is no longer told when it is mended`, async () => {
      assert.deepEqual(await problemsIn(join(folder, name, 'green')), []);
    });
  }
});
