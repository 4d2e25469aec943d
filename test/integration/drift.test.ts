import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';
import type { LogLine } from '../support/log-lines.ts';
import { prometheusPrograms, startPrometheus, type PrometheusVersion } from '../support/prometheus-server.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { requireServer, skipWithout } from '../support/servers.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

/** Always firing; the health rules wait for the second. */
const names = ['Watchdog', 'TraceGatewayThrottling'];
const rules = JSON.stringify({
  groups: [
    {
      name: 'test',
      rules: names.map((alert) => ({ alert, expr: 'vector(1)', labels: { team: 'flow', severity: 'page' } })),
    },
  ],
});

/** What makes the labels of a pushed alert differ from those that Prometheus reports. */
const different = {
  externalLabels: { cluster: 'eu', prometheus_replica: 'a' },
  alertRelabelConfigs: [
    { regex: 'prometheus_replica', action: 'labeldrop' },
    { source_labels: ['team'], target_label: 'owner' },
    { target_label: 'severity', replacement: 'rewritten' },
  ],
};

const watchdog = `receiver: {watchdog: {matcher: 'alertname="Watchdog"', after: 5s}}\n`;

async function problems({ url }: TocsinProcess): Promise<readonly string[]> {
  const response = await fetch(`${url}/api/tocsin/v1/problems`);
  const { items } = (await response.json()) as { readonly items: readonly { readonly name: string }[] };
  return items.map(({ name }) => name).toSorted();
}

/** Waits until exactly these problems are there. */
async function haveOnly(tocsin: TocsinProcess, ...expected: readonly string[]): Promise<void> {
  await eventually(
    () => problems(tocsin),
    (found) => found.join() === expected.toSorted().join(),
    30_000,
    100,
  );
}

/** The problems that were ever found. */
function told({ log }: TocsinProcess): ReadonlySet<unknown> {
  return new Set(log.all.filter(({ event }) => event === 'problem.found').map((line) => line['problem']));
}

function changedTo(reason: string): (line: LogLine) => boolean {
  return (line) => line.event === 'condition.changed' && line['kind'] === 'TracePipeline' && line['reason'] === reason;
}

async function reload(prometheus: ServerProcess): Promise<void> {
  assert.equal((await fetch(`${prometheus.url}/-/reload`, { method: 'POST' })).status, 200);
}

const skipPair = skipWithout('prometheus') || skipWithout(prometheusPrograms['2.42']);

// They wait most of the time, and do that side by side.
describe('problems', { concurrency: true }, () => {
  for (const version of ['3.15', '2.42'] as const satisfies readonly PrometheusVersion[]) {
    const skip = skipWithout(prometheusPrograms[version]) || skipWithout('amtool');
    describe(`on the way of the alerts of Prometheus ${version}`, { concurrency: false, skip }, () => {
      let prometheus: ServerProcess;
      let tocsin: TocsinProcess;

      before(async () => {
        prometheus = await startPrometheus({
          ...different,
          version,
          rules,
          resendDelay: '2s',
          alertmanagers: ['127.0.0.1:1'],
        });
        const config = `${watchdog}prometheus: {url: "${prometheus.url}", check_interval: 1s, require_rules: true}\n`;
        tocsin = await startTocsin({ config });
      });

      after(async () => {
        await Promise.all([tocsin?.stop(), prometheus?.stop()]);
      });

      it('are told if its Alertmanager is not Tocsin: it is none of them, what fires does not come, the watchdog neither', async () => {
        await haveOnly(tocsin, 'not_an_alertmanager', 'alerts_not_pushed', 'watchdog_absent');
        const { items } = (await (await fetch(`${tocsin.url}/api/tocsin/v1/problems`)).json()) as {
          items: readonly { name: string; message: string }[];
        };
        const message = (name: string): unknown => items.find((problem) => problem.name === name)?.message;
        assert.match(
          String(message('not_an_alertmanager')),
          /the active Alertmanagers of http:\/\/127\.0\.0\.1:\d+ are http:\/\/127\.0\.0\.1:1\/api\/v2\/alerts$/,
        );
        assert.match(
          String(message('alerts_not_pushed')),
          /^2 alerts fire in Prometheus and have not been pushed here for 3s or longer: TraceGatewayThrottling \{team="flow"\}, Watchdog \{team="flow"\}$/,
        );
        assert.equal((await fetch(`${tocsin.url}/-/ready`)).status, 200);
      });

      it('are over once it is', async () => {
        const file = join(prometheus.folder, 'prometheus.yml');
        await writeFile(file, (await readFile(file, 'utf8')).replace('127.0.0.1:1\n', `${tocsin.address}\n`));
        await reload(prometheus);
        await haveOnly(tocsin);
      });

      it('do not come of external labels and relabelling, nor of a test alert', async () => {
        const test = { alertname: 'TocsinTest', tocsin_test: 'x' };
        const endsAt = new Date(Date.now() + 600_000).toISOString();
        await postAlerts(tocsin.url, [{ labels: test, endsAt }]);
        await new Promise((resolve) => setTimeout(resolve, 10_000));
        assert.deepEqual(await problems(tocsin), []);
      });

      it('are told if somebody else pushes an alert that Prometheus does not know', async () => {
        const add = ['alert', 'add', 'Ghost', 'instance=x'];
        await promisify(execFile)(requireServer('amtool'), [`--alertmanager.url=${tocsin.url}`, ...add]);
        await haveOnly(tocsin, 'alerts_not_in_prometheus');
        const { items } = (await (await fetch(`${tocsin.url}/api/tocsin/v1/problems`)).json()) as {
          items: readonly { message: string }[];
        };
        assert.match(items[0]!.message, /^1 alert is pushed here and does not fire .*: Ghost \{instance="x"\}$/);
        const now = new Date().toISOString();
        await postAlerts(tocsin.url, [{ labels: { alertname: 'Ghost', instance: 'x' }, startsAt: now, endsAt: now }]);
        await haveOnly(tocsin);
      });

      it('are told if it has no rules any more, and the conditions are Unknown', async () => {
        await tocsin.log.waitForLine(changedTo('GatewayThrottling'));
        const seen = tocsin.log.all.length;
        await writeFile(join(prometheus.folder, 'rules.yml'), 'groups: []\n');
        await reload(prometheus);
        await tocsin.log.waitForLine(changedTo('NoAlertingRule'), 30_000, seen);
        // What Prometheus has lost with its rules ends by itself, but the watchdog is away.
        await haveOnly(tocsin, 'no_alerting_rules', 'watchdog_absent');
      });

      it('are over once it has them again', async () => {
        const seen = tocsin.log.all.length;
        await writeFile(join(prometheus.folder, 'rules.yml'), rules);
        await reload(prometheus);
        await haveOnly(tocsin);
        await tocsin.log.waitForLine(changedTo('GatewayThrottling'), 30_000, seen);
      });

      it('were no others', () => {
        assert.deepEqual([...told(tocsin)].toSorted(), [
          'alerts_not_in_prometheus',
          'alerts_not_pushed',
          'no_alerting_rules',
          'not_an_alertmanager',
          'watchdog_absent',
        ]);
      });
    });
  }

  describe('of a pair of Prometheus that works', { skip: skipPair }, () => {
    it('are none, with a label of its own each, and while one of them or Tocsin is restarted', async () => {
      const start = (version: PrometheusVersion, replica: string, alertmanager: string, port?: number) =>
        startPrometheus({
          version,
          rules,
          resendDelay: '6s',
          externalLabels: { prometheus_replica: replica },
          alertmanagers: [alertmanager],
          ...(port !== undefined && { port }),
        });
      let tocsin = await startTocsin();
      const { port, address } = tocsin;
      await tocsin.stop();
      const [one, other] = await Promise.all([start('3.15', 'a', address), start('2.42', 'b', address)]);
      const config = `${watchdog.replace('5s', '20s')}prometheus: {url: ["${one.url}", "${other.url}"], check_interval: 1s}\n`;
      const servers: ServerProcess[] = [one, other];
      try {
        tocsin = await startTocsin({ config, port });
        const wait = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 14_000));
        await wait();
        assert.deepEqual([...told(tocsin)], []);
        await other.stop();
        servers[1] = await start('2.42', 'b', address, other.port);
        await wait();
        assert.deepEqual([...told(tocsin)], []);
        await tocsin.stop();
        tocsin = await startTocsin({ config, port });
        await wait();
        assert.deepEqual([...told(tocsin)], []);
        const health = await fetch(`${tocsin.url}/metrics`);
        assert.match(await health.text(), /^tocsin_problems\{problem="alerts_not_pushed"\} 0$/m);
      } finally {
        await Promise.all([tocsin, ...servers].map((server) => server.stop()));
      }
    });
  });
});
