import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startFakePrometheus, type FakePrometheus } from '../../../src/prometheus/fake-prometheus.fixture.ts';
import { postAlerts } from '../../../src/receiver/post-alerts.fixture.ts';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { freePort } from '../../support/free-port.ts';
import { Inspector } from '../../support/inspector.ts';
import { flowHealthOf, KubeAdmin } from '../../support/kube-admin.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { startTocsin, type TocsinProcess } from '../../support/tocsin-process.ts';

/**
 * The most files that a reader opens to follow an alert from its POST to the condition in the cluster. Some 70 are the way itself; the
 * others ask on it whether a trigger, a lane, a right, a fair share or another replica concerns the alert, and go no further.
 */
const mostFiles = 81;

/** What tells of the way, and is no step of it: the log, the metrics, the history and Kubernetes Events. */
const telling = [
  /-(report|metrics|lines)\.ts$/,
  /^runtime\/(clock|log-output|logger)\.ts$/,
  /^history\//,
  /^notify\//,
  /^app\/explain\.ts$/,
  /^kubernetes\/write\/(event-recorder|event-writer|kubernetes-event)\.ts$/,
];

describe('the way from a POST to a condition in a cluster', { skip: skipWithoutKube() }, () => {
  const server = useSharedKubeApiServer();
  let admin: KubeAdmin;
  let prometheus: FakePrometheus;
  let tocsin: TocsinProcess;
  let inspector: Inspector;

  before(async () => {
    admin = new KubeAdmin(server());
    await admin.create('TracePipeline', ['p']);
    const port = await freePort();
    prometheus = await startFakePrometheus();
    tocsin = await startTocsin({
      config: '{pipelines: {kubernetes: {}}, controller: {resync: 0s}}',
      args: [`--kubeconfig=${server().kubeconfig}`, `--prometheus.url=${prometheus.url}`],
      environment: { NODE_OPTIONS: `--inspect=127.0.0.1:${port}` },
    });
    inspector = await Inspector.attach(port);
  });

  after(async () => {
    inspector?.close();
    await Promise.allSettled([tocsin?.stop(), prometheus?.stop(), admin?.close()]);
  });

  /** Posts the alert, and waits for the condition that follows from it, and for the end of the event. */
  async function send(state: 'firing' | 'resolved', reason: string): Promise<void> {
    const seen = tocsin.log.all.length;
    const labels = { alertname: 'TraceGatewayThrottling' };
    prometheus.answer(state === 'firing' ? [{ labels, state }] : []);
    await postAlerts(tocsin.url, [{ labels, ...(state === 'resolved' && { endsAt: new Date().toISOString() }) }]);
    await hasReason(reason);
    await tocsin.log.waitForLine(({ event }) => event === 'sweep.finished', undefined, seen);
  }

  const hasReason = (reason: string): Promise<unknown> =>
    eventually(
      () => admin.list('TracePipeline'),
      ([pipeline]) => flowHealthOf(pipeline!)?.reason === reason,
    );

  it(`opens at most ${mostFiles} files`, async (t) => {
    await hasReason('FlowHealthy');
    await inspector.countCalls();
    // What runs by chance beside one alert, such as a timer, does not run beside most.
    const rounds: ReadonlyMap<string, readonly string[]>[] = [];
    while (rounds.length < 3) {
      await inspector.calledFunctions();
      await send('firing', 'GatewayThrottling');
      rounds.push(filesOf(await inspector.calledFunctions()));
      await send('resolved', 'FlowHealthy');
    }
    const onTheWay = new Map(rounds.flatMap((round) => [...round]));
    const isUsual = (file: string): boolean => rounds.filter((round) => round.has(file)).length > 1;
    const steps = [...onTheWay].filter(([file]) => isUsual(file) && !telling.some((pattern) => pattern.test(file)));
    const list = steps.map(([file, functions]) => `${file}: ${functions.join(' ')}`).toSorted();
    t.diagnostic(`${list.length} files`);
    for (const line of list) t.diagnostic(line);
    assert.ok(list.length > 50, `only ${list.length} files were found`);
    assert.ok(list.length <= mostFiles, `${list.length} files:\n${list.join('\n')}`);
  });
});

/** Only files of `src/`, by their path below it. */
function filesOf(called: ReadonlyMap<string, readonly string[]>): Map<string, readonly string[]> {
  const source = new URL('../../../src/', import.meta.url).href;
  const mine = [...called].filter(([url]) => url.startsWith(source));
  return new Map(mine.map(([url, functions]) => [url.slice(source.length), functions]));
}
