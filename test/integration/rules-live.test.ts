import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ruleGroups } from '../../src/rules/rule-files.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { freePort } from '../support/free-port.ts';
import { prometheusPrograms, startPrometheus } from '../support/prometheus-server.ts';
import { runTocsin } from '../support/run-tocsin.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { skipWithout } from '../support/servers.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

interface Rule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
  readonly state: string;
}

// They wait most of the time, and do that side by side.
describe('the rules in', { concurrency: true }, () => {
  for (const version of ['3.15', '2.42'] as const)
    describe(`Prometheus ${version}`, { concurrency: false, skip: skipWithout(prometheusPrograms[version]) }, () => {
      let tocsin: TocsinProcess;
      let prometheus: ServerProcess;

      before(async () => {
        const all = ruleGroups.map((group) => `--group=${group}`);
        const { stdout: rules } = await runTocsin(['rules', 'print', ...all]);
        const port = await freePort();
        tocsin = await startTocsin({ args: [`--prometheus.url=http://127.0.0.1:${port}`, '--log.level=warn'] });
        prometheus = await startPrometheus({
          version,
          port,
          rules,
          scrapeTargets: [`127.0.0.1:${port}`, tocsin.address],
          alertmanagers: [tocsin.address],
          resendDelay: '1s',
        });
      });

      after(() => Promise.all([prometheus?.stop(), tocsin?.stop()]));

      async function rulesOf(): Promise<readonly Rule[]> {
        const response = await fetch(`${prometheus.url}/api/v1/rules`);
        const { data } = (await response.json()) as { data: { groups: readonly { rules: readonly Rule[] }[] } };
        return data.groups.flatMap(({ rules }) => rules);
      }

      const active = (rules: readonly Rule[]): string[] =>
        rules.filter(({ state }) => state !== 'inactive').map(({ name }) => name);

      it('are all evaluated, and where all is well only the watchdog fires', async () => {
        const rules = await eventually(rulesOf, (all) => all.every(({ health }) => health === 'ok'));
        assert.ok(rules.length >= 40, `${rules.length}`);
        // Before the first scrape there is no Tocsin.
        assert.deepEqual(active(await eventually(rulesOf, (all) => active(all).length === 1)), ['Watchdog']);
      });

      it('let the watchdog reach Tocsin', async () => {
        const received = async (): Promise<readonly { labels: { alertname: string } }[]> =>
          (await (await fetch(`${tocsin.url}/api/v2/alerts`)).json()) as { labels: { alertname: string } }[];
        const [alert] = await eventually(received, ({ length }) => length === 1);
        assert.equal(alert?.labels.alertname, 'Watchdog');
      });

      it('tell that Tocsin is gone: as a target, as an Alertmanager and for good', async () => {
        await tocsin.stop();
        const expected = ['InstanceDown', 'PrometheusNotificationErrors', 'TocsinAbsent', 'Watchdog'];
        await eventually(rulesOf, (all) => expected.every((name) => active(all).includes(name)), 30_000);
      });
    });
});
