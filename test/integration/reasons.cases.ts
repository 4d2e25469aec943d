import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Because, Verdict } from '../../src/explain/schema.ts';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';
import { startAlertmanager } from '../support/alertmanager-server.ts';
import { root } from '../support/documentation.ts';
import { freePort } from '../support/free-port.ts';
import type { KubeApiServer } from '../support/kube-api-server.ts';
import type { LogLine } from '../support/log-lines.ts';
import { startPrometheus } from '../support/prometheus-server.ts';
import type { ServerProcess } from '../support/server-process.ts';
import type { ServerName } from '../support/servers.ts';
import { startTocsin, type TocsinOptions, type TocsinProcess } from '../support/tocsin-process.ts';
import { temporaryFolder } from '../../src/runtime/temporary-folder.fixture.ts';

/** A Tocsin that an alert has reached, or not. */
export interface Staged {
  readonly tocsin: TocsinProcess;
  /** The words for `tocsin what`. */
  readonly alert: readonly string[];
  /** The pipeline whose run gives the reason; by default all runs give it. */
  readonly pipeline?: string;
  /** What else the answer has to contain. */
  readonly tells?: RegExp;
}

interface ReasonCase {
  readonly reason: Verdict | Because;
  readonly how: string;
  readonly needs?: readonly ServerName[];
}

/** Each stages its reason for real. Whatever it starts is stopped with the test. */
export type StandaloneCase = ReasonCase & { readonly stage: (t: TestContext) => Promise<Staged> };
export type ClusterCase = ReasonCase & { readonly stage: (t: TestContext, server: KubeApiServer) => Promise<Staged> };

const throttling = { labels: { alertname: 'TraceGatewayThrottling' } };
const down = { labels: { alertname: 'InstanceDown' } };
const alert = ['TraceGatewayThrottling'];
const patienceMs = 30_000;

/** Every reason that needs no cluster. */
export const standaloneCases: readonly StandaloneCase[] = [
  {
    reason: 'woke',
    how: 'an alert arrives',
    stage: async (t) => ({ tocsin: await afterPosts(t, {}, [throttling]), alert }),
  },
  {
    reason: 'merged',
    how: 'it arrives while others wait',
    stage: async (t) => {
      // The first goes out at once. The others have to arrive within this time, on a machine that others use as well.
      const config = 'source: { debounce: { wait: 3s, max_wait: 3s } }';
      return { tocsin: await afterPosts(t, { config }, [down], [down], [throttling]), alert };
    },
  },
  {
    reason: 'silenced',
    how: 'somebody silences it',
    stage: async (t) => {
      const tocsin = await started(t);
      const id = await silence(tocsin.url, 'TraceGatewayThrottling');
      await postAlerts(tocsin.url, [throttling]);
      return { tocsin, alert, tells: new RegExp(`silence ${id} of ann: a change of the gateway \\(active, ends `) };
    },
  },
  {
    reason: 'repeat_ignored',
    how: 'it is sent again, and source.repeats is ignore',
    stage: async (t) => {
      const tocsin = await afterPosts(t, { config: 'source: { repeats: ignore }' }, [throttling]);
      await postAlerts(tocsin.url, [throttling]);
      return { tocsin, alert };
    },
  },
  {
    reason: 'own_notification',
    how: 'Tocsin sent it to an Alertmanager (notify), whose webhook brings it back',
    needs: ['alertmanager'],
    stage: async (t) => {
      const port = await freePort();
      const config = `
route: { receiver: tocsin, group_by: [alertname], group_wait: 100ms }
receivers: [{ name: tocsin, webhook_configs: [{ url: 'http://127.0.0.1:${port}/webhook' }] }]
`;
      const alertmanager = await startAlertmanager({ config });
      t.after(() => alertmanager.stop());
      const notify = `notify: { alertmanagers: [{ url: '${alertmanager.url}' }] }`;
      const tocsin = await afterPosts(t, { config: notify, port }, [throttling]);
      await tocsin.log.waitForLine(({ event, door }) => event === 'alerts.received' && door === 'webhook', patienceMs);
      return { tocsin, alert: ['PipelineUnhealthy', 'kind=TracePipeline'] };
    },
  },
  {
    reason: 'no_pipeline',
    how: 'it names a pipeline that there is not',
    stage: async (t) => {
      const other = { labels: { ...throttling.labels, pipeline_name: 'other' } };
      return { tocsin: await afterPosts(t, { config: 'source: { select: labels }' }, [other]), alert };
    },
  },
  {
    reason: 'no_pipeline',
    how: 'no trigger matches it, and the default one does not hold',
    stage: async (t) => ({
      tocsin: await afterPosts(t, withTrigger({ matchers: ['alertname="Other"'] }), [throttling]),
      alert,
      tells: /no trigger matches it, and source\.select does not hold/,
    }),
  },
  {
    reason: 'inhibited',
    how: 'another alert inhibits it',
    stage: async (t) => {
      const inhibitedBy = [{ matchers: ['alertname="InstanceDown"'], equal: ['node'] }];
      const tocsin = await afterPosts(t, withTrigger({ inhibitedBy }), [down]);
      await post(tocsin, [throttling]);
      await tocsin.log.waitForLine(({ event }) => event === 'trigger.inhibited', patienceMs);
      return { tocsin, alert, tells: /InstanceDown fired, and inhibited file\/one/ };
    },
  },
  {
    reason: 'suspended',
    how: 'its trigger is suspended',
    stage: async (t) => ({
      tocsin: await afterPosts(t, withTrigger({ suspend: { reason: 'upgrade' } }), [throttling]),
      alert,
    }),
  },
  {
    reason: 'observed',
    how: 'its trigger only observes',
    stage: async (t) => ({ tocsin: await afterPosts(t, withTrigger({ mode: 'observe' }), [throttling]), alert }),
  },
  {
    reason: 'throttled',
    how: 'the first look at the pipeline has spent the budget of its trigger',
    stage: async (t) => ({
      tocsin: await afterPosts(t, withTrigger({ budget: { runs: 1, per: '1h' } }), [throttling]),
      alert,
      pipeline: 'TracePipeline/backend',
      tells: /\)  throttled /,
    }),
  },
  {
    reason: 'invalid',
    how: 'it ends before it starts',
    stage: async (t) => {
      const tocsin = await started(t);
      const alerts = [{ ...throttling, startsAt: '2026-11-22T00:00:00Z', endsAt: '2026-11-21T00:00:00Z' }];
      const headers = { 'Content-Type': 'application/json' };
      await fetch(`${tocsin.url}/api/v2/alerts`, { method: 'POST', headers, body: JSON.stringify(alerts) });
      return { tocsin, alert, tells: /start time must be before end time/ };
    },
  },
  {
    reason: 'over_limit',
    how: 'the store is full',
    stage: async (t) => ({
      tocsin: await afterPosts(t, { config: 'receiver: { max_alerts: 1 }' }, [down], [throttling]),
      alert,
      tells: /receiver\.max_alerts/,
    }),
  },
  {
    reason: 'not_received',
    how: 'nobody sends it',
    stage: async (t) => ({ tocsin: await started(t), alert, tells: /is it the Alertmanager that Prometheus names\?/ }),
  },
  {
    reason: 'not_received',
    how: 'an Alertmanager in front inhibits it',
    needs: ['alertmanager'],
    stage: async (t) => {
      const tocsin = await started(t);
      const config = inhibiting(`${tocsin.url}/webhook`);
      const alertmanager = await stopped(t, startAlertmanager({ config }));
      const endsAt = new Date(Date.now() + 600_000).toISOString();
      await postAlerts(alertmanager.url, [{ ...down, endsAt }]);
      await tocsin.log.waitForLine(({ event }) => event === 'sweep.finished', patienceMs);
      await postAlerts(
        alertmanager.url,
        [throttling, { labels: { alertname: 'Free' } }].map((each) => ({ ...each, endsAt })),
      );
      await tocsin.log.waitForLine((line) => line['alertname'] === 'Free', patienceMs);
      return { tocsin, alert };
    },
  },
  {
    reason: 'unchanged',
    how: 'the condition is as it should be',
    stage: async (t) => ({ tocsin: await afterPosts(t, {}, [down]), alert: ['InstanceDown'] }),
  },
  {
    reason: 'not_in_prometheus',
    how: 'Prometheus has no rule for it',
    needs: ['prometheus'],
    stage: async (t) => {
      const prometheus = await stopped(t, startPrometheus());
      return { tocsin: await afterPosts(t, { args: [`--prometheus.url=${prometheus.url}`] }, [throttling]), alert };
    },
  },
  {
    reason: 'held',
    how: 'Prometheus is replaced, and the alert is still pushed as firing',
    needs: ['prometheus'],
    stage: heldBack,
  },
  {
    reason: 'configuration_not_generated',
    how: 'the controller of the pipeline has not generated its configuration',
    stage: async (t) => {
      const folder = await manifests(t);
      await writeFile(join(folder, 'tracepipeline.yaml'), notGenerated);
      return {
        tocsin: await afterPosts(t, { args: [`--pipelines.folder=${folder}`] }, [throttling]),
        alert,
        pipeline: 'TracePipeline/backend',
      };
    },
  },
  {
    reason: 'foreign_condition',
    how: 'another controller keeps a condition of the type that its trigger writes',
    stage: async (t) => {
      const folder = await manifests(t);
      await writeFile(join(folder, 'tracepipeline.yaml'), withCondition('AlertsQuiet', 'True', 'Quiet'));
      const options = { ...withTrigger({}), args: [`--pipelines.folder=${folder}`] };
      return { tocsin: await afterPosts(t, options, [throttling]), alert, pipeline: 'TracePipeline/backend' };
    },
  },
  { reason: 'pipeline_gone', how: 'it is deleted while its request waits', needs: ['prometheus'], stage: deleted },
  {
    reason: 'prometheus_failed',
    how: 'nobody listens at prometheus.url',
    stage: async (t) => {
      const args = [`--prometheus.url=http://127.0.0.1:${await freePort()}`];
      return { tocsin: await afterPosts(t, { args }, [throttling]), alert };
    },
  },
  {
    reason: 'write_failed',
    how: 'the folder of its status is no folder',
    stage: async (t) => {
      const tocsin = await swept(t);
      const folder = join(tocsin.storagePath, 'status/tracepipeline');
      await rm(folder, { recursive: true });
      await writeFile(folder, '');
      await post(tocsin, [throttling]);
      return { tocsin, alert, pipeline: 'TracePipeline/backend' };
    },
  },
];

/** One trigger, which takes the place of `source.select`. */
function withTrigger(spec: object): TocsinOptions {
  return { config: JSON.stringify({ triggers: { list: [{ name: 'one', ...traceTrigger, ...spec }] } }) };
}

const traceTrigger = {
  matchers: ['alertname="TraceGatewayThrottling"'],
  targets: [{ apiVersion: 'telemetry.kyma-project.io/v1beta1', kind: 'TracePipeline', name: 'backend' }],
  action: { condition: { type: 'AlertsQuiet' } },
};

/** Prometheus reports the alert and pushes it; the next one at its address knows nothing of it. */
async function heldBack(t: TestContext): Promise<Staged> {
  const port = await freePort();
  const tocsin = await started(t, { args: [`--prometheus.url=http://127.0.0.1:${port}`] });
  const rules = 'groups: [{name: test, rules: [{alert: TraceGatewayThrottling, expr: vector(1)}]}]';
  const pushing = { rules, alertmanagers: [new URL(tocsin.url).host] };
  const first = await stopped(t, startPrometheus({ port, ...pushing }));
  await tocsin.log.waitForLine((line) => line.event === 'condition.changed' && line['to'] === 'False', patienceMs);
  await first.stop();
  await stopped(t, startPrometheus({ port }));
  await post(tocsin, [throttling]);
  return { tocsin, alert, pipeline: 'TracePipeline/backend' };
}

/** One pipeline is looked at after the other, so the last one waits while Prometheus does not answer. */
async function deleted(t: TestContext): Promise<Staged> {
  const folder = await manifests(t);
  const prometheus = await stopped(t, startPrometheus());
  const tocsin = await started(t, {
    config: 'controller: { max_concurrent_reconciles: 1 }',
    args: [`--prometheus.url=${prometheus.url}`, `--pipelines.folder=${folder}`],
  });
  await tocsin.log.waitForLine(({ event }) => event === 'sweep.finished');
  process.kill(prometheus.child.pid, 'SIGSTOP');
  try {
    await postAlerts(tocsin.url, [throttling]);
    await tocsin.log.waitForLine((line) => line.event === 'reconcile.started' && line['priority'] === 'alert');
    await rm(join(folder, 'tracepipeline.yaml'));
    await tocsin.log.waitForLine(({ event }) => event === 'pipeline.removed');
  } finally {
    process.kill(prometheus.child.pid, 'SIGCONT');
  }
  await tocsin.log.waitForLine(isSweepOf('TraceGatewayThrottling'));
  return { tocsin, alert, pipeline: 'TracePipeline/backend' };
}

const configMaps = { group: '', version: 'v1', resource: 'configmaps', namespaces: ['reasons'] };
const crd = 'tracepipelines.telemetry.kyma-project.io';
const traces = { group: 'telemetry.kyma-project.io', version: 'v1beta1', resource: 'tracepipelines' };

/** Every reason that only a cluster can give, and those that it gives in another way. */
export const clusterCases: readonly ClusterCase[] = [
  {
    reason: 'opted_out',
    how: 'its namespace opts out of triggers',
    stage: async (t, server) => {
      await server.kubectl(['apply', '--server-side', '-k', 'k8s/crds']);
      await server.kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
      const labels = { 'openshift.io/user-monitoring': 'false' };
      const own = {
        apiVersion: 'tocsin.dev/v1alpha1',
        kind: 'AlertTrigger',
        metadata: { name: 'one', namespace: 'quiet-team' },
      };
      const target = { apiVersion: 'v1', kind: 'ConfigMap', name: 'orders' };
      await server.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'quiet-team', labels } });
      await server.apply({ ...own, spec: { targets: [target], action: { log: {} } } });
      t.after(() => server.kubectl(['delete', 'alerttrigger', 'one', '-n', 'quiet-team']));
      const config = JSON.stringify({
        triggers: { from_namespaces: 'all', default: 'never' },
        pipelines: { kubernetes: { kinds: [traces] } },
      });
      const tocsin = await started(t, { config, args: [`--kubeconfig=${server.kubeconfig}`] });
      await tocsin.log.waitForLine(({ event }) => event === 'trigger.rejected', patienceMs);
      const inTeam = { labels: { ...throttling.labels, namespace: 'quiet-team' } };
      await post(tocsin, [inTeam]);
      return { tocsin, alert, tells: /alerttrigger\/quiet-team\/one has opted out/ };
    },
  },
  {
    reason: 'no_rule',
    how: 'such objects have no health, and their reconciles are only logged',
    stage: async (t, server) => {
      await server.kubectl(['create', 'namespace', 'reasons']);
      const metadata = { name: 'mine', namespace: 'reasons' };
      await server.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
      const tocsin = await watching(t, server.kubeconfig, configMaps, { action: 'log' });
      await post(tocsin, [throttling]);
      return { tocsin, alert, pipeline: 'ConfigMap/reasons/mine' };
    },
  },
  {
    reason: 'write_failed',
    how: 'Tocsin has no right to write it',
    stage: async (t, server) => {
      await server.apply(tracePipeline);
      await server.kubectl(['create', 'serviceaccount', 'reader']);
      await server.kubectl(['create', 'clusterrole', 'reader', '--verb=get,list,watch', '--resource=tracepipelines']);
      await server.kubectl([
        'create',
        'clusterrolebinding',
        'reader',
        '--clusterrole=reader',
        '--serviceaccount=default:reader',
      ]);
      const kubeconfig = await server.kubeconfigFor(await server.createToken('reader', 'default'));
      const tocsin = await watching(t, kubeconfig, traces, {});
      await post(tocsin, [throttling]);
      return { tocsin, alert, pipeline: 'TracePipeline/backend', tells: /forbidden/i };
    },
  },
  {
    reason: 'write_failed',
    how: 'the resource has no status subresource',
    stage: async (t, server) => {
      await server.apply(tracePipeline);
      const kubeconfig = server.kubeconfig;
      const patch = (...changes: readonly object[]): Promise<string> =>
        server.kubectl(['patch', 'crd', crd, '--type=json', '-p', JSON.stringify(changes)]);
      const { spec } = (await server.get('crd', crd)) as { readonly spec: { readonly versions: readonly unknown[] } };
      const paths = spec.versions.map((_, index) => `/spec/versions/${index}/subresources`);
      t.after(() => patch(...paths.map((path) => ({ op: 'add', path, value: { status: {} } }))));
      await patch(...paths.map((path) => ({ op: 'remove', path })));
      const tocsin = await watching(t, kubeconfig, traces, {});
      await tocsin.log.waitForLine((line) => line['result'] === 'terminal_error', patienceMs);
      await post(tocsin, [throttling]);
      return { tocsin, alert, pipeline: 'TracePipeline/backend', tells: /no status subresource/ };
    },
  },
  {
    reason: 'pipeline_gone',
    how: 'it is deleted while its request waits',
    needs: ['prometheus'],
    stage: async (t, server) => {
      await server.apply(tracePipeline, { ...tracePipeline, metadata: { name: 'a' } });
      const prometheus = await stopped(t, startPrometheus());
      const controller = { max_concurrent_reconciles: 1 };
      const tocsin = await watching(t, server.kubeconfig, traces, controller, prometheus.url);
      await tocsin.log.waitForLine(({ event }) => event === 'sweep.finished');
      process.kill(prometheus.child.pid, 'SIGSTOP');
      try {
        await postAlerts(tocsin.url, [throttling]);
        await tocsin.log.waitForLine((line) => line.event === 'reconcile.started' && line['priority'] === 'alert');
        await server.kubectl(['delete', 'tracepipeline', 'backend', '--wait=true']);
        await tocsin.log.waitForLine(({ event }) => event === 'pipeline.removed');
      } finally {
        process.kill(prometheus.child.pid, 'SIGCONT');
      }
      await tocsin.log.waitForLine(isSweepOf('TraceGatewayThrottling'));
      return { tocsin, alert, pipeline: 'TracePipeline/backend' };
    },
  },
];

const tracePipeline = {
  apiVersion: 'telemetry.kyma-project.io/v1beta1',
  kind: 'TracePipeline',
  metadata: { name: 'backend' },
  spec: { output: { otlp: {} } },
};

const notGenerated = withCondition('ConfigurationGenerated', 'False', 'EndpointInvalid');

/** The manifest of the pipeline with a condition that another controller wrote. */
function withCondition(type: string, status: 'True' | 'False', reason: string): string {
  const condition = { type, status, reason, message: '', lastTransitionTime: '2026-11-02T08:15:00Z' };
  return JSON.stringify({ ...tracePipeline, status: { conditions: [condition] } });
}

function watching(
  t: TestContext,
  kubeconfig: string,
  kind: object,
  controller: object,
  prometheusUrl?: string,
): Promise<TocsinProcess> {
  const config = JSON.stringify({ controller, pipelines: { kubernetes: { kinds: [kind] } } });
  const prometheus = prometheusUrl === undefined ? [] : [`--prometheus.url=${prometheusUrl}`];
  return started(t, { config, args: [`--kubeconfig=${kubeconfig}`, ...prometheus] });
}

/** A Tocsin to which these bodies are posted, one right after the other, and which has worked on all of them. */
async function afterPosts(
  t: TestContext,
  options: TocsinOptions,
  ...bodies: readonly (readonly (typeof down)[])[]
): Promise<TocsinProcess> {
  const tocsin = await swept(t, options);
  await post(tocsin, ...bodies);
  return tocsin;
}

async function post(tocsin: TocsinProcess, ...bodies: readonly (readonly (typeof down)[])[]): Promise<void> {
  for (const body of bodies) await postAlerts(tocsin.url, body);
  const { alertname } = bodies.at(-1)![0]!.labels;
  await tocsin.log.waitForLine((line) => isSweepOf(alertname)(line) || line['requests'] === 0, patienceMs);
}

function isSweepOf(alertname: string): (line: LogLine) => boolean {
  return (line) => line.event === 'sweep.finished' && String(line['causes']).includes(alertname);
}

/** A Tocsin that has finished its first sweep: it writes nothing until it is told of an alert. */
async function swept(t: TestContext, options: TocsinOptions = {}): Promise<TocsinProcess> {
  const tocsin = await started(t, options);
  await tocsin.log.waitForLine(({ event }) => event === 'sweep.finished');
  return tocsin;
}

async function started(t: TestContext, options: TocsinOptions = {}): Promise<TocsinProcess> {
  return stopped(t, startTocsin(options));
}

async function stopped<Server extends ServerProcess>(t: TestContext, starting: Promise<Server>): Promise<Server> {
  const server = await starting;
  t.after(() => server.stop());
  return server;
}

/** A copy of the examples. */
async function manifests(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t, 'tocsin-reasons');
  await cp(join(root, 'examples/pipelines'), folder, { recursive: true });
  return folder;
}

async function silence(url: string, alertname: string): Promise<string> {
  const [startsAt, endsAt] = [Date.now() - 1000, Date.now() + 3_600_000].map((ms) => new Date(ms).toISOString());
  const matchers = [{ name: 'alertname', value: alertname, isRegex: false }];
  const body = { matchers, startsAt, endsAt, createdBy: 'ann', comment: 'a change of the gateway' };
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(`${url}/api/v2/silences`, { method: 'POST', headers, body: JSON.stringify(body) });
  return ((await response.json()) as { readonly silenceID: string }).silenceID;
}

function inhibiting(webhook: string): string {
  return JSON.stringify({
    route: { receiver: 'tocsin', group_by: ['...'], group_wait: '100ms', group_interval: '1s' },
    receivers: [{ name: 'tocsin', webhook_configs: [{ url: webhook }] }],
    inhibit_rules: [
      { source_matchers: ['alertname="InstanceDown"'], target_matchers: ['alertname="TraceGatewayThrottling"'] },
    ],
  });
}
