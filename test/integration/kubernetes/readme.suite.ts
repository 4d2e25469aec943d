import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { commands as commandsOf } from '../../support/documentation.ts';
import { requireServer } from '../../support/servers.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { startTocsin, type TocsinProcess } from '../../support/tocsin-process.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const commands = commandsOf('docs/kubernetes.md', 'With kustomize');

/** Commands that need an image, a node or a controller, none of which exists here. Tocsin runs beside the API server instead. */
const elsewhere = [/ rollout status /, / port-forward /, / logs /];

/** The expected output of these commands; the others only have to succeed. */
const expected: [command: RegExp, output: RegExp][] = [
  [/^curl /, /^HTTP\/1\.1 200 OK/],
  [/^kubectl wait /, /condition met/],
  [/^kubectl get tracepipelines$/, /^backend\s.*\bFalse\b/m],
  [/^kubectl get tracepipeline backend /, /^TelemetryFlowHealthy: GatewayThrottling$/m],
  [/^kubectl get events /, /GatewayThrottling.*tracepipeline\/backend/i],
];

describe('docs/kubernetes.md', { skip: skipWithoutKube() }, () => {
  const server = useSharedKubeApiServer();
  let tocsin: TocsinProcess | undefined;

  after(() => tocsin?.stop());

  /** Starts Tocsin with the configuration and the ServiceAccount of the manifests, like the pod, so that a missing right shows. */
  async function startAsPod(): Promise<TocsinProcess> {
    const kubeconfig = await server().kubeconfigFor(await server().createToken('tocsin', 'tocsin'));
    const config = await readFile(new URL('../../../k8s/base/tocsin.yml', import.meta.url), 'utf8');
    return startTocsin({ config, args: [`--kubeconfig=${kubeconfig}`] });
  }

  /** Runs a line like a reader's shell, in which `kubectl` belongs to the cluster admin. */
  async function run(command: string): Promise<string> {
    const line = command
      .replace('http://127.0.0.1:9093', tocsin?.url ?? '')
      .replace(/^kubectl delete -k .*/, '$& --wait=false'); // nobody here ends what a namespace holds
    const PATH = `${dirname(requireServer('kubectl'))}:${process.env['PATH']}`;
    const environment = { ...process.env, PATH, KUBECONFIG: server().kubeconfig };
    const child = spawn('sh', ['-c', line], { cwd: root, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    assert.equal(code, 0, stderr);
    return stdout;
  }

  for (const command of commands.filter((line) => !elsewhere.some((pattern) => pattern.test(line)))) {
    it(command, async () => {
      const output = await run(command);
      if (command === 'kubectl apply -k k8s/') tocsin = await startAsPod();
      const [, pattern] = expected.find(([start]) => start.test(command)) ?? [];
      if (pattern !== undefined) assert.match(output, pattern, tocsin?.child.recentOutput());
    });
  }

  it('has every command of which an output is expected', () => {
    for (const [pattern] of expected)
      assert.ok(
        commands.some((command) => pattern.test(command)),
        String(pattern),
      );
  });
});
