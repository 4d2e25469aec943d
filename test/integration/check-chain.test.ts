import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CheckedChain, traceRules, watchdogRule } from '../support/checked-chain.ts';
import { prometheusPrograms, type PrometheusVersion } from '../support/prometheus-server.ts';
import { quickly } from '../support/run-check.ts';
import { runTocsin } from '../support/run-tocsin.ts';
import { skipWithout } from '../support/servers.ts';

/** The time that a check of a chain that is whole may take, milliseconds. */
const longestCheckMs = 2000;

/** A Prometheus whose clock is a minute ahead. */
async function startAhead(url: string): Promise<Server> {
  const server = createServer((request, response) => {
    void (async () => {
      const answer = await fetch(`${url}${request.url}`);
      const text = await answer.text();
      const isTime = request.url?.endsWith('query=time%28%29') === true;
      const json = answer.headers.get('content-type') ?? '';
      response.writeHead(answer.status, { 'Content-Type': json });
      response.end(isTime ? text.replaceAll(/\d{10}(?=\.)/g, (seconds) => String(Number(seconds) + 60)) : text);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** From Prometheus to the right Tocsin. */
function delivery(chain: CheckedChain, good: () => Promise<void>): void {
  it('finds every hop good', async () => {
    await good();
    const run = await chain.check();
    assert.deepEqual(run.bad, [], run.said);
    const names = run.categories.map(({ categoryName }) => categoryName);
    assert.deepEqual(names.slice(-6), ['prometheus', 'rules', 'delivery', 'tocsin', 'replicas', 'watchdog']);
    for (const { checks } of run.categories) for (const { result } of checks) assert.equal(result, 'success');
  });

  it('names the target if Tocsin is no Alertmanager of Prometheus', async () => {
    await chain.configure(({ alerting }) => (alerting.alertmanagers[0]!.static_configs[0]!.targets = []));
    await chain.becomes('delivery-target', /has no active Alertmanager: name Tocsin in alerting.alertmanagers/);
  });

  it('names the target if its port is that of Prometheus itself', async () => {
    const { address } = chain.prometheus;
    await chain.configure(({ alerting }) => (alerting.alertmanagers[0]!.static_configs[0]!.targets = [address]));
    await chain.becomes(
      'delivery-target',
      /sends its alerts elsewhere: http:\S+ is a Prometheus: is the port that of Prometheus itself\?/,
    );
  });

  it('names the target if its namespace is another', async () => {
    const wrong = 'telemetry-manager-alerts-webhook.kyma-system.invalid:9090';
    await chain.configure(({ alerting }) => (alerting.alertmanagers[0]!.static_configs[0]!.targets = [wrong]));
    await chain.becomes('delivery-target', /kyma-system\.invalid:9090\S+ is not found: the name does not resolve here/);
  });

  it('is good again with the right target', async () => {
    const { address } = chain.tocsin;
    await chain.configure(({ alerting }) => (alerting.alertmanagers[0]!.static_configs[0]!.targets = [address]));
    await good();
  });

  it('names relabelling that drops the labels by which Tocsin chooses', async () => {
    const drop = { action: 'labeldrop', regex: 'pipeline_.*' };
    await chain.configure(({ alerting }) => (alerting.alert_relabel_configs = [drop]));
    await chain.becomes(
      'delivery-labels',
      /write or drop pipeline_name, pipeline_type, by which Tocsin chooses pipelines/,
    );
    await chain.configure(({ alerting }) => (alerting.alert_relabel_configs = []));
    await good();
  });
}

/** Whether Prometheus has the rules, and can evaluate them. */
function ruleFiles(chain: CheckedChain, good: () => Promise<void>): void {
  it('names the files of the rules if one is empty, or a pattern matches none', async () => {
    await chain.setRules();
    await chain.becomes(
      'rules-files',
      /has no group of rules from \S+rules\.yml: is the file mounted there, and not empty\?/,
    );
    await chain.setRules(...traceRules, watchdogRule);
    await good();
    await chain.configure(({ rule_files: files }) => files.push('nothing-*.yml'));
    await chain.becomes('rules-files', /from \S+nothing-\*\.yml/);
    await chain.configure((configuration) => (configuration.rule_files = ['rules.yml']));
    await good();
  });

  it('names a reload that was refused', async () => {
    await writeFile(join(chain.prometheus.folder, 'rules.yml'), 'groups: [{name: x, rules: [{alert: A, expr: "(("}]}]');
    await chain.reload();
    await chain.becomes('rules-reload', /refused its configuration at the last reload and runs with that of 20/);
    await chain.setRules(...traceRules, watchdogRule);
    await good();
  });

  it('names a rule that cannot be evaluated', async () => {
    const sick = { alert: 'Sick', expr: 'up + on() {__name__=~"up|scrape_duration_seconds"}' };
    await chain.setRules(...traceRules, watchdogRule, sick);
    await chain.becomes('rules-healthy', /cannot evaluate Sick of the group checked: found duplicate series/);
  });
}

/** Whether the rules are those that a pipeline needs. */
function rulesOfPipelines(chain: CheckedChain, good: () => Promise<void>): void {
  it('names a pipeline without a rule, alerts that are missing, and alerts that would wake nothing', async () => {
    await chain.setRules(watchdogRule, { alert: 'Always', expr: 'vector(1)' });
    await chain.becomes('rules-required');
    await chain.setRules(
      watchdogRule,
      traceRules.find(({ expr }) => expr === 'vector(1)')!,
    );
    await chain.becomes('rules-complete');
    const lost = { alert: 'TraceGatewayThrottling', expr: 'vector(1)', labels: { pipeline_name: 'nobody' } };
    await chain.setRules(...traceRules, watchdogRule, lost);
    await chain.becomes('rules-wake', /the labels of TraceGatewayThrottling .* name no pipeline that there is/);
  });

  it('takes what is pending for good, and says until when it waits', async () => {
    const slow = { alert: 'TraceSlow', expr: 'vector(1)', for: '10m' };
    await chain.setRules(...traceRules, watchdogRule, slow);
    await good();
    const { stdout } = await runTocsin(['check', '--wait=0s', '--verbose', '--url', chain.tocsin.url]);
    assert.match(
      stdout,
      /^ {4}TraceSlow is pending: waiting until 20\S+Z, in at most (?:10m1|9m\d+|10m)s? \(its for of 10m, and/m,
    );
  });
}

/** Tocsin, its watchdog and the processes. */
function tocsinItself(chain: CheckedChain, good: () => Promise<void>): void {
  it('names the watchdog if it alone is silent', async () => {
    await chain.setRules(...traceRules);
    await chain.becomes(
      'watchdog-heard',
      /no alert that matches alertname="Watchdog" was received for 4s: the last one came at /,
    );
    await chain.setRules(...traceRules, watchdogRule);
    await good();
  });

  it('names a silence on everything', async () => {
    const startsAt = new Date().toISOString();
    const endsAt = new Date(Date.now() + 3_600_000).toISOString();
    const matchers = [{ name: 'alertname', value: '.+', isRegex: true }];
    const response = await fetch(`${chain.tocsin.url}/api/v2/silences`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ matchers, startsAt, endsAt, createdBy: 'ada', comment: 'upgrade' }),
    });
    const { silenceID: id } = (await response.json()) as { readonly silenceID: string };
    await chain.becomes(
      'tocsin-silences',
      new RegExp(`^silence ${id} \\(alertname=~"\\.\\+"\\), by ada until .*: "upgrade", pauses everything`),
    );
    await fetch(`${chain.tocsin.url}/api/v2/silence/${id}`, { method: 'DELETE' });
    await good();
  });

  it('names a clock that is ahead', async () => {
    const ahead = await startAhead(chain.prometheus.url);
    try {
      const url = `http://127.0.0.1:${(ahead.address() as AddressInfo).port}`;
      const { bad, said } = await chain.check('--prometheus.url', url);
      assert.deepEqual(bad, ['prom-clock']);
      assert.match(said, /is (59|60)\.\d s ahead; allowed are 10s: synchronise/);
    } finally {
      ahead.close();
    }
  });

  it('names a configuration file that has changed since it was loaded', async () => {
    const file = join(chain.tocsin.folder, 'tocsin.yml');
    const text = await readFile(file, 'utf8');
    await writeFile(file, `${text}# edited\n`);
    await chain.becomes(
      'tocsin-configuration',
      /tocsin\.yml has changed \(SHA-256 [0-9a-f]{12}…\), and Tocsin runs with what it loaded at /,
    );
    await fetch(`${chain.tocsin.url}/-/reload`, { method: 'POST' });
    await good();
  });

  it('names Tocsin if its process was killed, and Prometheus if that was', async () => {
    chain.tocsin.child.kill('SIGKILL');
    await chain.tocsin.child.exited;
    await chain.becomes('tocsin-healthy', /^cannot reach Tocsin at http:\S+: nobody listens there/);
    await chain.tocsin.stop();
    await chain.startTocsin();
    await good();
    chain.prometheus.child.kill('SIGKILL');
    await chain.prometheus.child.exited;
    await chain.becomes('prom-reachable');
    await chain.prometheus.stop();
    await chain.startPrometheus();
    await good();
  });
}

const parts = {
  delivery,
  'rule files': ruleFiles,
  'rules of pipelines': rulesOfPipelines,
  'Tocsin itself': tocsinItself,
};

// Each part has its own chain, so that they wait side by side: Prometheus 2.42 takes five seconds to notice each change.
describe('tocsin check', { concurrency: true }, () => {
  for (const version of ['2.42', '3.15'] as const satisfies readonly PrometheusVersion[])
    for (const [part, cases] of Object.entries(parts))
      describe(
        `from Prometheus ${version} to Tocsin: ${part}`,
        { concurrency: false, skip: skipWithout(prometheusPrograms[version]) },
        () => {
          const chain = new CheckedChain(version);
          const good = async (): Promise<void> => void (await chain.becomes());
          before(() => chain.start().then(good));
          after(() => chain.stop());
          cases(chain, good);
        },
      );
});

describe('tocsin check, while no other check runs', () => {
  for (const version of ['2.42', '3.15'] as const satisfies readonly PrometheusVersion[])
    it(
      `says in under two seconds that a chain from Prometheus ${version} is good`,
      { skip: skipWithout(prometheusPrograms[version]) },
      async (t) => {
        const chain = new CheckedChain(version);
        t.after(() => chain.stop());
        await chain.start();
        await chain.becomes();
        await quickly(longestCheckMs, async () => {
          const { bad, said, tookMs } = await chain.check();
          assert.deepEqual(bad, [], said);
          return tookMs;
        });
      },
    );
});
