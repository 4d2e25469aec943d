import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { startAlertmanager } from '../support/alertmanager-server.ts';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { requireServer, skipWithout } from '../support/servers.ts';
import { startTocsinApp, type TocsinApp } from './tocsin-app.ts';

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The alerts for the commands. Their times are far in the past and in the future, so that both servers print them alike. */
const alerts = [
  { labels: { alertname: 'NodeDown', instance: '1' }, annotations: { summary: 'a <summary>' } },
  { labels: { alertname: 'NodeDown', instance: '2', 'ключ x': 'a b' }, generatorURL: 'http://h/graph?a=b&c=d' },
  { labels: { alertname: 'DiskFull', instance: '1' }, annotations: { summary: 'full', runbook: 'http://r/' } },
  { labels: { job: 'none' } },
].map((alert) => ({ ...alert, startsAt: '2020-01-01T00:00:00Z', endsAt: '2999-01-01T00:00:00Z' }));

const commands: readonly string[] = [
  'alert',
  'alert query',
  'alert query -o simple',
  'alert query -o extended',
  'alert query -o json',
  'alert query -a -s -i -u',
  'alert query -s',
  'alert query -i',
  'alert query NodeDown',
  'alert query NodeDown instance=1',
  'alert query alertname=~Node.* -o extended',
  'alert query alertname!=NodeDown',
  'alert query alertname!~Node.*',
  'alert query instance=~[',
  'alert query -r reconcile',
  'alert query -r x',
  'alert query -r [',
  'cluster show',
  'config routes show',
  'config routes',
  'config routes test alertname=NodeDown',
  'config routes test --verify.receivers=reconcile alertname=NodeDown',
  'config routes test --verify.receivers=x alertname=NodeDown',
  'alert add Added instance=9 --annotation=summary=s --generator-url=http://h/ --start=2020-01-01T00:00:00Z --end=2999-01-01T00:00:00Z',
  'alert query Added -o json',
  'alert add Added --start=2020-01-02T00:00:00Z --end=2020-01-01T00:00:00Z',
  'alert add Added =x',
  'alert add Ended instance=9 --start=2020-01-01T00:00:00Z --end=2020-01-02T00:00:00Z',
  'alert query Ended',
];

for (const [name, matchersOnly] of [
  ['amtool', ['alert query "ключ x"="a b"', 'alert query "ключ x"!=""']],
  ['amtool-0.25', []],
] as const) {
  describe(`${name} with Tocsin`, { skip: skipWithout('alertmanager') || skipWithout(name) }, () => {
    let alertmanager: ServerProcess;
    let tocsin: TocsinApp;
    before(async () => {
      [alertmanager, tocsin] = await Promise.all([startAlertmanager(), startTocsinApp()]);
      await postAlerts(alertmanager.url, alerts);
      await postAlerts(tocsin.url, alerts);
    });
    after(async () => {
      await tocsin.stop();
      await alertmanager.stop();
    });
    const amtool = (url: string, args: readonly string[]): Promise<Run> => run(requireServer(name), url, args);

    for (const command of [...commands, ...matchersOnly]) {
      if (name === 'amtool-0.25' && command.startsWith('config routes')) continue;
      it(`prints the same as with Alertmanager for ${command}`, async () => {
        const args = splitCommand(command);
        const [ours, theirs] = await Promise.all([amtool(tocsin.url, args), amtool(alertmanager.url, args)]);
        assert.deepEqual(ours, theirs);
      });
    }

    it('shows a configuration and its routes', async () => {
      const { code, stdout } = await amtool(tocsin.url, ['config', 'show']);
      assert.equal(code, 0);
      assert.match(
        stdout,
        /^ {2}resolve_timeout: 5m$[^]*^route:\n {2}receiver: reconcile\n {2}group_by:\n {4}- alertname\n/m,
      );
      const routes = await amtool(tocsin.url, ['config', 'routes', 'show']);
      assert.match(routes.stdout, /default-route {2}receiver: reconcile\n/);
      const tested = await amtool(tocsin.url, ['config', 'routes', 'test', 'alertname=x']);
      assert.deepEqual([tested.code, tested.stdout], [0, 'reconcile\n']);
    });

    it('understands the version', async () => {
      const { stderr } = await amtool(tocsin.url, ['alert', 'query']);
      const warning = 'Warning: amtool version (0.25.0) and alertmanager version (0.34.2) are different.\n';
      assert.equal(stderr, name === 'amtool' ? '' : warning);
    });
  });
}

/** Splits at blanks outside of quotes; the quotes stay, as they would between a shell's apostrophes. */
function splitCommand(command: string): readonly string[] {
  return command.match(/(?:"[^"]*"|[^\s"])+/g) ?? [];
}

async function run(amtool: string, url: string, args: readonly string[]): Promise<Run> {
  const child = spawn(amtool, [`--alertmanager.url=${url}`, ...args], {
    env: { HOME: '/nonexistent', TZ: 'UTC' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 20_000,
  });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  const same = (output: string): string =>
    output
      .replaceAll(url, 'URL')
      .replaceAll(/"updatedAt":"[^"]*"/g, '"updatedAt":""')
      // Tocsin says which alert is invalid.
      .replaceAll('alert 0: ', '')
      .replaceAll(/^time=\S+ /gm, '');
  return { code: code as number | null, stdout: same(stdout), stderr: same(stderr) };
}
