import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { stringify } from 'yaml';
import { ruleFile, traceRules, watchdogRule } from '../support/checked-chain.ts';
import { freePort } from '../support/free-port.ts';
import { skipWithoutKube, useKubeApiServer } from '../support/kube-api-server.ts';
import { startPrometheus } from '../support/prometheus-server.ts';
import { checkBecomes, quickly, runCheck, type CheckRun } from '../support/run-check.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { skipWithout } from '../support/servers.ts';
import { kubeconfigWith } from '../support/service-account.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

/** The promise is two seconds on a quiet machine; a shared one is slower. */
const longestCheckMs = 4000;

/** From Prometheus over Tocsin to the status of a pipeline in a cluster, with every flag that names a part of it. */
describe('tocsin check of the whole way', { skip: skipWithoutKube() || skipWithout('prometheus') }, () => {
  const kube = useKubeApiServer();
  let prometheus: ServerProcess;
  let tocsin: TocsinProcess;
  let kubeconfig: string;

  before(async () => {
    kubeconfig = await kubeconfigWith(kube(), 'whole-way', [
      'base/cluster-role-reader.yaml',
      'base/cluster-role-writer.yaml',
    ]);
    await kube().apply({
      apiVersion: 'telemetry.kyma-project.io/v1beta1',
      kind: 'TracePipeline',
      metadata: { name: 'backend' },
      spec: { output: { otlp: {} } },
    });
    const ports = { prometheus: await freePort(), tocsin: await freePort() };
    const receiver = { watchdog: { matcher: 'alertname="Watchdog"', after: '4s' } };
    const url = `http://127.0.0.1:${ports.prometheus}`;
    [prometheus, tocsin] = await Promise.all([
      startPrometheus({
        port: ports.prometheus,
        rules: ruleFile(...traceRules, watchdogRule),
        resendDelay: '1s',
        scrapeTargets: [`127.0.0.1:${ports.prometheus}`],
        alertmanagers: [`127.0.0.1:${ports.tocsin}`],
      }),
      startTocsin({
        port: ports.tocsin,
        args: [`--kubeconfig=${kubeconfig}`],
        config: stringify({ receiver, prometheus: { url, check_interval: '1s' } }),
      }),
    ]);
  });
  after(async () => void (await Promise.all([prometheus?.stop(), tocsin?.stop()])));

  const flags = (): readonly string[] => [
    `--url=${tocsin.url}`,
    `--config.file=${join(tocsin.folder, 'tocsin.yml')}`,
    `--storage.path=${tocsin.storagePath}`,
    `--prometheus.url=${prometheus.url}`,
    `--kubeconfig=${kubeconfig}`,
  ];
  const check = (): Promise<CheckRun> => runCheck(...flags());

  it('is all good within two seconds, and no category but those of pods is left out', async (t) => {
    await checkBecomes(flags(), ({ bad }) => bad.length === 0, 40_000);
    const runs = [await check(), await check()];
    for (const { categories, said } of runs) {
      const checks = categories.flatMap((category) => category.checks);
      assert.ok(checks.length > 30, `${checks.length}`);
      assert.ok(
        checks.every(({ result }) => result === 'success'),
        said,
      );
      assert.deepEqual(
        categories.filter((category) => category.checks.some(({ description }) => description.startsWith('does not'))),
        [],
      );
    }
    const tookMs = await quickly(longestCheckMs, async () => (await check()).tookMs);
    t.diagnostic(
      `${runs[0]!.categories.flatMap(({ checks }) => checks).length} checks in ${tookMs.map(Math.round).join()} ms`,
    );
  });

  it('names the API server alone if that is gone', async () => {
    process.kill(kube().pid('apiserver'), 'SIGSTOP');
    try {
      const { bad, said } = await check();
      assert.deepEqual(bad, ['k8s-query']);
      assert.match(said, /^GET \/version: no answer/);
    } finally {
      process.kill(kube().pid('apiserver'), 'SIGCONT');
    }
  });
});
