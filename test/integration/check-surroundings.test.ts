import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { hashSync } from 'bcryptjs';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';
import { alertmanagerPrograms, startAlertmanager } from '../support/alertmanager-server.ts';
import { CheckedChain, ruleFile, traceRules, watchdogRule } from '../support/checked-chain.ts';
import { prometheusPrograms, startPrometheus, type PrometheusVersion } from '../support/prometheus-server.ts';
import { checkBecomes, runCheck, type CheckRun } from '../support/run-check.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';
import { requireServer, skipWithout } from '../support/servers.ts';
import { startTocsin } from '../support/tocsin-process.ts';
import { temporaryFolder } from '../../src/runtime/temporary-folder.fixture.ts';

const versions = ['3.15', '2.42'] as const satisfies readonly PrometheusVersion[];
const nobody = 'http://127.0.0.1:2';

/** The defaults of Prometheus itself, which the packages of a distribution change. */
const upstreamDefaults = ['--config.file=prometheus.yml', '--storage.tsdb.path=data/'];

/** What a check of this Prometheus says without a Tocsin. */
async function checkPrometheus(url: string, ...args: readonly string[]): Promise<CheckRun & { found: string[] }> {
  const run = await runCheck('--url', nobody, '--prometheus.url', url, ...args);
  return { ...run, found: run.bad.filter((id) => id.startsWith('prom-')) };
}

/** A Prometheus with these flags and no others, in a folder of its own. */
async function startBare(
  t: TestContext,
  version: PrometheusVersion,
  configuration: string,
  ...flags: readonly string[]
): Promise<ServerProcess> {
  const cwd = await mkdtemp(join(tmpdir(), 'tocsin-bare-'));
  await writeFile(join(cwd, 'prometheus.yml'), configuration);
  const server = await startServerProcess({
    name: 'prometheus',
    command: requireServer(prometheusPrograms[version]),
    cwd,
    args: (_, address) => [`--web.listen-address=${address}`, ...flags],
  });
  t.after(async () => {
    await server.stop();
    await rm(cwd, { recursive: true });
  });
  return server;
}

// They wait most of the time, and do that side by side.
describe('tocsin check', { concurrency: 3 }, () => {
  for (const version of versions) {
    describe(
      `and a Prometheus ${version}`,
      { concurrency: false, skip: skipWithout(prometheusPrograms[version]) },
      () => {
        it('warns of paths that nobody chose', async (t) => {
          const { url } = await startBare(t, version, 'global: {}\n', ...upstreamDefaults);
          const { found, said } = await checkPrometheus(url);
          assert.deepEqual(found, ['prom-flags']);
          assert.match(said, /the default --config\.file=prometheus\.yml and the default --storage\.tsdb\.path=data\//);
        });

        it('names a Prometheus in agent mode', async (t) => {
          const flag = version === '2.42' ? '--enable-feature=agent' : '--agent';
          const configuration = 'remote_write: [{url: "http://127.0.0.1:2"}]\n';
          const { url } = await startBare(
            t,
            version,
            configuration,
            flag,
            '--config.file=prometheus.yml',
            '--storage.agent.path=agent',
          );
          const { found, said } = await checkPrometheus(url);
          assert.deepEqual(found, ['prom-kind']);
          assert.match(said, /is a Prometheus in agent mode, which has no rules and sends no alerts/);
        });

        it('names credentials that are missing, and is good with them', async (t) => {
          const webConfig = `basic_auth_users: {me: "${hashSync('secret', 4)}"}\n`;
          const isReady = async (at: string): Promise<boolean> =>
            (await fetch(`${at}/-/ready`).catch(() => undefined))?.status === 401;
          const prometheus = await startPrometheus({ version, webConfig, isReady });
          t.after(() => prometheus.stop());
          const { bad, said } = await checkPrometheus(prometheus.url);
          assert.deepEqual(bad.slice(0, 1), ['prom-reachable']);
          assert.match(said, /answered 401 "Unauthorized": it wants credentials: set basic_auth or authorization/);
          const access = `{url: "${prometheus.url}", http_config: {basic_auth: {username: me, password: secret}}}`;
          const file = join(prometheus.folder, 'tocsin.yml');
          await writeFile(file, `prometheus: ${access}\n`);
          const { bad: left } = await runCheck('--url', nobody, '--config.file', file);
          assert.deepEqual(
            left.filter((id) => id.startsWith('prom-')),
            [],
          );
          const { said: tls } = await checkPrometheus(prometheus.url.replace('http:', 'https:'));
          assert.match(tls, /cannot be reached over TLS .*: it does not speak TLS there: is it http/);
        });
      },
    );
  }

  it('names a Prometheus whose name does not resolve, and one that is not there', async () => {
    const { bad, said } = await checkPrometheus('http://prometheus-server.default.invalid:80');
    assert.deepEqual(bad.slice(0, 1), ['prom-reachable']);
    assert.match(said, /^The host name of Prometheus at http:\/\/prometheus-server\.default\.invalid does not resolve/);
    const { said: gone } = await checkPrometheus(nobody);
    assert.match(gone, /^Prometheus at http:\/\/127\.0\.0\.1:2 refused the connection/);
  });

  it('names errors of Prometheus if Tocsin refuses its alerts', { skip: skipWithout('prometheus') }, async (t) => {
    const tocsin = await startTocsin({
      webConfig: `basic_auth_users: {me: "${hashSync('secret', 4)}"}\n`,
      isReady: async (url) => (await fetch(`${url}/-/ready`).catch(() => undefined))?.status === 401,
    });
    t.after(() => tocsin.stop());
    const access = join(tocsin.folder, 'http.yml');
    await writeFile(access, 'basic_auth: {username: me, password: secret}\n');
    const rules = ruleFile(...traceRules, watchdogRule);
    const entry = { static_configs: [{ targets: [tocsin.address] }] };
    const findings = async (entries: object, accept: (bad: readonly string[]) => boolean): Promise<CheckRun> => {
      const prometheus = await startPrometheus({ rules, resendDelay: '1s', alertmanagerEntries: [entries] });
      const flags = ['--url', tocsin.url, '--http.config.file', access, '--prometheus.url', prometheus.url];
      return checkBecomes(flags, ({ bad }) => accept(bad)).finally(() => prometheus.stop());
    };
    const { said, bad } = await findings(entry, (found) => found.includes('delivery-errors'));
    assert.match(
      said,
      /fails to send to http:\S+ \(since it started, \d+ failed and \d+ were dropped\): its log says why/,
    );
    assert.ok(!bad.includes('tocsin-received'), said);
    const withPassword = { ...entry, basic_auth: { username: 'me', password: 'secret' } };
    await findings(withPassword, (found) => !found.some((id) => id.startsWith('delivery') || id === 'tocsin-received'));
  });

  const skipAlertmanager = skipWithout('prometheus') || skipWithout(alertmanagerPrograms['0.34']);
  describe('and a real Alertmanager beside Tocsin', { concurrency: false, skip: skipAlertmanager }, () => {
    let slack: Server;
    let answer = 403;
    let alertmanager: ServerProcess;
    let chain: CheckedChain;

    before(async () => {
      slack = createServer((request, response) => {
        request.resume().once('end', () => response.writeHead(answer).end(answer === 200 ? 'ok' : 'invalid_token'));
      });
      await new Promise<void>((resolve) => slack.listen(0, '127.0.0.1', resolve));
      const { port } = slack.address() as AddressInfo;
      const config = `
route: {receiver: people, group_wait: 0s, group_interval: 1s, repeat_interval: 1s}
receivers: [{name: people, slack_configs: [{api_url: "http://127.0.0.1:${port}/services/x", channel: "#alerts"}]}]
`;
      alertmanager = await startAlertmanager({ config });
      chain = new CheckedChain('3.15', { alertmanagers: [alertmanager.address] });
      await chain.start();
    });
    after(async () => {
      await Promise.all([chain?.stop(), alertmanager?.stop()]);
      slack.close();
      slack.closeAllConnections();
    });

    it('warns that its notifications fail, with the integration and the reason', async () => {
      const { success } = await chain.becomes(
        'delivery-alertmanagers',
        /notifications of the Alertmanager at http:\S+ have failed since it started: \d+ of slack \(authError\)/,
      );
      assert.equal(success, true);
    });

    it('is good if they succeed', async () => {
      answer = 200;
      const { port } = alertmanager;
      await alertmanager.stop();
      const { port: slackPort } = slack.address() as AddressInfo;
      const config = `
route: {receiver: people, group_wait: 0s}
receivers: [{name: people, slack_configs: [{api_url: "http://127.0.0.1:${slackPort}/services/x", channel: "#alerts"}]}]
`;
      alertmanager = await startAlertmanager({ config, port });
      await chain.becomes();
    });
  });

  const skip = skipWithout('prometheus');
  describe('and what keeps Tocsin from its work', { concurrency: false, skip }, () => {
    const chain = new CheckedChain('3.15', {}, {});
    before(() => chain.start());
    after(() => chain.stop());

    it('names another process that Prometheus sends to', async () => {
      const other = await startTocsin({ config: `prometheus: {url: "${chain.prometheus.url}"}\n` });
      try {
        const run = await checkBecomes(['--url', other.url, '--prometheus.url', chain.prometheus.url], ({ bad }) =>
          bad.includes('delivery-target'),
        );
        assert.match(run.said, /sends its alerts elsewhere: http:\S+ is a Tocsin \(instance [0-9a-f]{16}\)/);
      } finally {
        await other.stop();
      }
    });

    it('names another process at the address of Tocsin', async () => {
      const config = `receiver: {advertised_urls: ["${chain.tocsin.url}"]}\nprometheus: {url: "${chain.prometheus.url}"}\n`;
      const other = await startTocsin({ config });
      try {
        const run = await checkBecomes(['--url', other.url, '--prometheus.url', chain.prometheus.url], ({ bad }) =>
          bad.includes('tocsin-process'),
        );
        assert.match(run.said, /Prometheus sends to another Tocsin, http:\S+, than the one at http:/);
      } finally {
        await other.stop();
      }
    });

    it('warns of an alert that somebody else pushes', async () => {
      const endsAt = new Date(Date.now() + 3_600_000).toISOString();
      const ghost = { labels: { alertname: 'Ghost' } };
      await postAlerts(chain.tocsin.url, [{ ...ghost, endsAt }]);
      await chain.becomes(
        'delivery-foreign',
        /1 alert is pushed here and does not fire in Prometheus .*: Ghost: see who pushes/,
      );
      const now = new Date().toISOString();
      await postAlerts(chain.tocsin.url, [{ ...ghost, startsAt: now, endsAt: now }]);
      await chain.becomes();
    });

    it('names a limit that was reached', async () => {
      await chain.becomes();
      const labels = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`l${index}`, 'x']));
      await assert.rejects(postAlerts(chain.tocsin.url, [{ labels: { alertname: 'Long', ...labels } }]));
      const { success } = await chain.becomes(
        'tocsin-limits',
        /limits were reached: max_labels_per_alert \(1 times, last at /,
      );
      assert.equal(success, true);
    });

    it('names a storage that cannot be written, and is good again', async (t) => {
      await chain.tocsin.stop();
      const folder = await temporaryFolder(t, 'tocsin-storage');
      await chain.startTocsin(folder);
      t.after(() => chain.tocsin.stop());
      await chain.becomes();
      // Not even root can write over a folder that is not empty.
      await mkdir(join(folder, 'tocsin.probe', 'x'), { recursive: true });
      await chain.becomes('tocsin-storage', /^nothing can be written to \/\S+ \(\w+\): /);
      await rm(join(folder, 'tocsin.probe'), { recursive: true });
      await chain.becomes();
    });

    it('names a disk that is full', async (t) => {
      const disk = await mkdtemp(join(tmpdir(), 'tocsin-disk-'));
      if (!mount('mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk)) {
        await rm(disk, { recursive: true });
        return t.skip('mounting a file system is not allowed here');
      }
      await chain.tocsin.stop();
      try {
        await chain.startTocsin(disk);
        await chain.becomes();
        await writeFile(join(disk, 'full'), Buffer.alloc(2 ** 20)).catch(() => undefined);
        await chain.becomes(
          'tocsin-storage',
          /\(ENOSPC\): the disk is full: free space there, or give it a larger volume$/,
        );
        await rm(join(disk, 'full'));
        await chain.becomes();
      } finally {
        await chain.tocsin.stop();
        mount('umount', disk);
        await rm(disk, { recursive: true });
      }
    });
  });

  /** False if it is not allowed. */
  function mount(command: 'mount' | 'umount', ...args: readonly string[]): boolean {
    try {
      execFileSync(command, args, { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  }
});
