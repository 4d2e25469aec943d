import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { commands as commandsOf, root } from '../../support/documentation.ts';
import { skipWithoutKube, useKubeApiServer } from '../../support/kube-api-server.ts';
import { NodeForHooks } from '../../support/node-for-hooks.ts';
import { prometheusRuleCrd, serviceMonitorCrd } from '../../support/prometheus-operator-crds.ts';
import { requireServer, skipWithout } from '../../support/servers.ts';
import { startTocsin, type TocsinProcess } from '../../support/tocsin-process.ts';

const installing = commandsOf('README.md', 'Install');
/** The check asks the Tocsin that runs here, which does not get what the upgrade changes. */
const upgrade = installing.findIndex((command) => command.startsWith('npm start -- lint '));
const test = commandsOf('docs/kubernetes.md', 'With Helm').filter((command) => command.startsWith('helm test '));
const commands = [...installing.slice(0, upgrade), ...test, ...installing.slice(upgrade)];
/** They need a node, and none exists here. Tocsin runs beside the API server instead. */
const elsewhere = [/ port-forward /];
const namespace = 'tocsin';

/** The expected output of these commands; the others only have to succeed. */
const expected: [command: RegExp, output: RegExp][] = [
  [/^helm install /, /Send a test alert, and see what it does:/],
  [/^curl /, /^HTTP\/1\.1 200 OK/],
  [/^kubectl wait /, /condition met/],
  [/^npm start -- lint /, /^no problems$/m],
  [/^helm test /, /^Phase: +Succeeded$/m],
  [/^helm upgrade /, /has been upgraded/],
];

describe(
  'README.md, from an empty cluster to a condition with Helm',
  { skip: skipWithout('helm') || skipWithoutKube() },
  () => {
    let node: NodeForHooks | undefined;
    let tocsin: TocsinProcess | undefined;
    after(() => Promise.allSettled([node?.stop(), tocsin?.stop()])); // before the API server stops
    const server = useKubeApiServer();

    before(() => server().apply(serviceMonitorCrd, prometheusRuleCrd));

    /** Starts Tocsin with the configuration and the ServiceAccount of the chart, like the pod, so that a missing right shows. */
    async function startAsPod(): Promise<TocsinProcess> {
      const kubeconfig = await server().kubeconfigFor(await server().createToken('tocsin', namespace));
      const { data } = (await server().get('configmap', 'tocsin-config', `--namespace=${namespace}`)) as {
        data: Record<string, string>;
      };
      return startTocsin({ config: data['tocsin.yml']!, args: [`--kubeconfig=${kubeconfig}`] });
    }

    /** Runs a line like a reader's shell, in which `kubectl` and `helm` belong to the cluster admin. */
    async function run(command: string): Promise<string> {
      const line = command
        .replace('http://127.0.0.1:9093', tocsin?.url ?? '')
        .replace('npm start --', `${process.execPath} src/main.ts`);
      const programs = [requireServer('kubectl'), requireServer('helm')].map((path) => dirname(path));
      const nowhere = '/nonexistent';
      const environment = {
        ...process.env,
        PATH: [...programs, process.env['PATH']].join(':'),
        KUBECONFIG: server().kubeconfig,
        HELM_CACHE_HOME: nowhere,
        HELM_CONFIG_HOME: nowhere,
        HELM_DATA_HOME: nowhere,
      };
      const child = spawn('sh', ['-c', line], { cwd: root, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
      const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
      assert.equal(code, 0, stderr);
      return stdout;
    }

    for (const command of commands.filter((line) => !elsewhere.some((pattern) => pattern.test(line))))
      it(command, async () => {
        const output = await run(command);
        if (command.startsWith('helm install ')) {
          tocsin = await startAsPod();
          await server().apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } });
          node = await NodeForHooks.start(server(), { namespace, here: { 'http://tocsin:9093': tocsin.url } });
        }
        const [, pattern] = expected.find(([start]) => start.test(command)) ?? [];
        if (pattern !== undefined) assert.match(output, pattern, tocsin?.child.recentOutput());
      });

    it('takes five commands to the condition', () => {
      const first = commands.findIndex((command) => command.startsWith('helm install '));
      const last = commands.findIndex((command) => command.startsWith('kubectl wait '));
      assert.equal(last - first + 1, 5);
    });

    it('has every command of which an output is expected', () => {
      for (const [pattern] of expected)
        assert.ok(
          commands.some((command) => pattern.test(command)),
          String(pattern),
        );
    });
  },
);
