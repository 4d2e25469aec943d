import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { FakeAlertmanager } from '../../src/notify/fake-alertmanager.fixture.ts';
import type { PostableAlert } from '../../src/notify/postable.ts';
import { postAlerts, type PostedAlert } from '../../src/receiver/post-alerts.fixture.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { alertmanagerPrograms, startAlertmanager, type AlertmanagerVersion } from '../support/alertmanager-server.ts';
import { freePort } from '../support/free-port.ts';
import type { LogLine } from '../support/log-lines.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { runTocsin } from '../support/run-tocsin.ts';
import { skipWithout } from '../support/servers.ts';
import { startTocsin, type TocsinOptions, type TocsinProcess } from '../support/tocsin-process.ts';
import { temporaryFolder } from '../../src/runtime/temporary-folder.fixture.ts';

const patienceMs = 30_000;
const throttling = { labels: { alertname: 'TraceGatewayThrottling' } };

/** What an Alertmanager gives a person. */
interface Message {
  readonly status: 'firing' | 'resolved';
  readonly alerts: readonly (PostableAlert & { readonly status: string })[];
}

/** Where people read: the webhook of an Alertmanager leads here. */
class Mailbox {
  readonly messages: Message[] = [];
  url = '';

  static async open(t: TestContext): Promise<Mailbox> {
    const mailbox = new Mailbox();
    const server: Server = createServer((request, response) => {
      void mailbox.#take(request, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    mailbox.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    t.after(async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    });
    return mailbox;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.messages.push(JSON.parse(await text(request)) as Message);
    response.end();
  }

  async receives(status: Message['status'], count = 1): Promise<Message> {
    const found = (): readonly Message[] => this.messages.filter((message) => message.status === status);
    await eventually(found, (messages) => messages.length >= count, patienceMs);
    return found()[count - 1]!;
  }
}

/** Each notification goes to the mailbox at once. */
function telling(mailbox: Mailbox): string {
  return `
route: { receiver: people, group_by: [alertname, name], group_wait: 100ms, group_interval: 500ms, repeat_interval: 4h }
receivers: [{ name: people, webhook_configs: [{ url: '${mailbox.url}', send_resolved: true }] }]
`;
}

/** The alert ends two seconds after it was sent last. */
const briskly = 'resend_delay: 500ms, timeout: 1s';

function notifying(...urls: readonly string[]): string {
  return `notify: { alertmanagers: [${urls.map((url) => `{ url: '${url}' }`).join(', ')}], ${briskly} }\n`;
}

async function started(t: TestContext, config: string, options: TocsinOptions = {}): Promise<TocsinProcess> {
  const tocsin = await startTocsin({ ...options, config });
  t.after(() => tocsin.stop());
  await tocsin.log.waitForLine(isEvent('app.ready'), patienceMs);
  return tocsin;
}

async function startedAlertmanager(
  t: TestContext,
  config: string,
  version: AlertmanagerVersion,
  port?: number,
): Promise<ServerProcess> {
  const alertmanager = await startAlertmanager({ config, version, ...(port !== undefined && { port }) });
  t.after(() => alertmanager.stop());
  return alertmanager;
}

function lasting(alert: PostedAlert): PostedAlert {
  return { ...alert, endsAt: new Date(Date.now() + 3_600_000).toISOString() };
}

function over(alert: PostedAlert): PostedAlert {
  return { ...alert, startsAt: '2026-01-01T00:00:00Z', endsAt: new Date(Date.now() - 1).toISOString() };
}

function isEvent(name: string): (line: LogLine) => boolean {
  return ({ event }) => event === name;
}

async function listed({ url }: ServerProcess): Promise<readonly (PostableAlert & { readonly updatedAt: string })[]> {
  return (await (await fetch(`${url}/api/v2/alerts`)).json()) as readonly (PostableAlert & {
    readonly updatedAt: string;
  })[];
}

function linesOf(tocsin: TocsinProcess, name: string): readonly LogLine[] {
  return tocsin.log.all.filter(isEvent(name));
}

async function value(tocsin: TocsinProcess, series: string): Promise<number> {
  const page = await (await fetch(`${tocsin.url}/metrics`)).text();
  const line = page.split('\n').find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}

// They wait most of the time, and do that side by side.
describe('a person behind Alertmanager', { concurrency: true }, () => {
  for (const version of ['0.34', '0.25'] as const) {
    const skip = skipWithout(alertmanagerPrograms[version]);
    describe(version, { concurrency: false, skip }, () => scenarios(version));
  }
});

function scenarios(version: AlertmanagerVersion): void {
  it('is told which pipeline is not healthy and why, not that it has ended while it has not, and then that it has', async (t) => {
    const mailbox = await Mailbox.open(t);
    const alertmanager = await startedAlertmanager(t, telling(mailbox), version);
    const tocsin = await started(t, notifying(alertmanager.url));
    await postAlerts(tocsin.url, [lasting(throttling)]);
    const { alerts } = await mailbox.receives('firing');
    const [alert] = alerts;
    assert.deepEqual(alert?.labels, {
      alertname: 'PipelineUnhealthy',
      kind: 'TracePipeline',
      name: 'backend',
      reason: 'GatewayThrottling',
      tocsin: 'notify',
    });
    assert.equal(alert.annotations['decided_by'], 'TraceGatewayThrottling');
    assert.match(alert.annotations['description'] ?? '', /unable to receive spans/);
    const { pathname, searchParams } = new URL(alert.annotations['why_url'] ?? '');
    assert.deepEqual([pathname, searchParams.get('open')], ['/', 'pipeline:TracePipeline/backend']);
    assert.equal(alert.generatorURL, alert.annotations['why_url']);

    // More than twice as long as the alert lasts without a repetition.
    const [before] = await listed(alertmanager);
    for (const until = Date.now() + 5000; Date.now() < until;) {
      const [listedNow] = await listed(alertmanager);
      assert.equal(listedNow?.startsAt, before?.startsAt);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const [later] = await listed(alertmanager);
    assert.ok(Date.parse(later!.endsAt) > Date.parse(before!.endsAt));
    assert.deepEqual(
      mailbox.messages.map(({ status }) => status),
      ['firing'],
    );

    await postAlerts(tocsin.url, [over(throttling)]);
    const end = await mailbox.receives('resolved');
    assert.deepEqual(end.alerts[0]?.labels, alert.labels);
    assert.deepEqual(await listed(alertmanager), []);
  });

  it('is told that it has ended after Tocsin was killed', async (t) => {
    const mailbox = await Mailbox.open(t);
    const alertmanager = await startedAlertmanager(t, telling(mailbox), version);
    const tocsin = await started(t, notifying(alertmanager.url));
    await postAlerts(tocsin.url, [lasting(throttling)]);
    await mailbox.receives('firing');
    const [last] = await listed(alertmanager);
    assert.equal(process.kill(tocsin.child.pid, 'SIGKILL'), true);
    await mailbox.receives('resolved');
    assert.ok(Date.now() >= Date.parse(last!.endsAt), 'not before its time');
    assert.deepEqual(await listed(alertmanager), []);
  });

  it('is told what happened while the Alertmanager was away', async (t) => {
    const mailbox = await Mailbox.open(t);
    const port = await freePort();
    const first = await startedAlertmanager(t, telling(mailbox), version, port);
    const tocsin = await started(t, notifying(first.url));
    await first.stop();
    await postAlerts(tocsin.url, [lasting(throttling), lasting({ labels: { alertname: 'MetricGatewayThrottling' } })]);
    const failure = await tocsin.log.waitForLine(isEvent('notify.failed'), patienceMs);
    assert.match(String(failure['error']), /Alertmanager at http:\/\/127\.0\.0\.1:\d+ refused the connection/);
    await eventually(
      () => value(tocsin, 'tocsin_notify_requests_total{result="refused"}'),
      (count) => count > 1,
      patienceMs,
    );
    await postAlerts(tocsin.url, [over({ labels: { alertname: 'MetricGatewayThrottling' } })]);
    await tocsin.log.waitForLine(
      ({ event, kind, to }) => event === 'condition.changed' && kind === 'MetricPipeline' && to === 'True',
      patienceMs,
      tocsin.log.all.findIndex(isEvent('notify.failed')),
    );
    assert.equal(linesOf(tocsin, 'notify.failed').length, 1);
    const problems = await (await fetch(`${tocsin.url}/api/tocsin/v1/problems`)).text();
    assert.match(problems, /"alertmanager_not_told".*refused the connection/);

    await startedAlertmanager(t, telling(mailbox), version, port);
    await tocsin.log.waitForLine(isEvent('notify.recovered'), patienceMs);
    assert.equal(await value(tocsin, 'tocsin_problems{problem="alertmanager_not_told"}'), 0);
    await mailbox.receives('firing');
    // Nobody is told that what began and ended meanwhile fires.
    const fires = mailbox.messages.flatMap(({ alerts }) => alerts).filter(({ status }) => status === 'firing');
    assert.deepEqual([...new Set(fires.map(({ labels }) => labels['kind']))], ['TracePipeline']);
  });

  it('is told that it has ended when notify is turned off', async (t) => {
    const mailbox = await Mailbox.open(t);
    const alertmanager = await startedAlertmanager(t, telling(mailbox), version);
    // It would not end by itself for an hour.
    const notify = notifying(alertmanager.url).replace('500ms', '15m');
    const tocsin = await started(t, notify);
    await postAlerts(tocsin.url, [lasting(throttling)]);
    await mailbox.receives('firing');
    await writeFile(join(tocsin.folder, 'tocsin.yml'), '');
    assert.equal((await fetch(`${tocsin.url}/-/reload`, { method: 'POST' })).status, 200);
    await mailbox.receives('resolved');

    await writeFile(join(tocsin.folder, 'tocsin.yml'), notify);
    assert.equal((await fetch(`${tocsin.url}/-/reload`, { method: 'POST' })).status, 200);
    await mailbox.receives('firing', 2);
  });
}

const skip = skipWithout('alertmanager');

describe('an Alertmanager that forwards to Tocsin what Tocsin sent', { skip }, () => {
  it('wakes nothing, neither with the alert, nor with its repetitions, nor with its end', async (t) => {
    const port = await freePort();
    const config = `
route: { receiver: tocsin, group_by: [alertname], group_wait: 100ms, group_interval: 500ms, repeat_interval: 1s }
receivers: [{ name: tocsin, webhook_configs: [{ url: 'http://127.0.0.1:${port}/webhook', send_resolved: true }] }]
`;
    const alertmanager = await startedAlertmanager(t, config, '0.34');
    const tocsin = await started(t, `${notifying(alertmanager.url)}receiver: { webhook_resolve_timeout: 1s }\n`, {
      port,
    });
    const brought = (): number => linesOf(tocsin, 'alerts.received').filter(({ door }) => door === 'webhook').length;
    const woken = (): number => linesOf(tocsin, 'event.emitted').length;
    await postAlerts(tocsin.url, [lasting(throttling)]);
    await eventually(brought, (count) => count >= 3, patienceMs);
    // Silence it, and end the silence: that wakes others.
    const silence = await postSilence(tocsin.url);
    await fetch(`${tocsin.url}/api/v2/silence/${silence}`, { method: 'DELETE' });
    await eventually(brought, (count) => count >= 5, patienceMs);
    assert.equal(woken(), 1);
    await postAlerts(tocsin.url, [over(throttling)]);
    await tocsin.log.waitForLine(
      ({ event, alertname }) => event === 'alert.resolved' && alertname === 'PipelineUnhealthy',
      patienceMs,
    );
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.equal(woken(), 2);
  });
});

async function postSilence(url: string, alertname = 'PipelineUnhealthy'): Promise<string> {
  const body = {
    matchers: [{ name: 'alertname', value: alertname, isRegex: false, isEqual: true }],
    startsAt: new Date().toISOString(),
    endsAt: new Date(Date.now() + 3_600_000).toISOString(),
    createdBy: 'ann',
    comment: 'a test',
  };
  const answer = await fetch(`${url}/api/v2/silences`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  return ((await answer.json()) as { readonly silenceID: string }).silenceID;
}

describe('an Alertmanager that hangs', { skip }, () => {
  it('delays neither another one nor a reconcile', async (t) => {
    const mailbox = await Mailbox.open(t);
    const alertmanager = await startedAlertmanager(t, telling(mailbox), '0.34');
    const hanging = await FakeAlertmanager.start(t);
    hanging.status = undefined;
    const config = notifying(hanging.url, alertmanager.url).replace('timeout: 1s', 'timeout: 10s');
    const tocsin = await started(t, config);
    for (let round = 0; round < 5; round++) {
      await postAlerts(tocsin.url, [lasting(throttling)]);
      await mailbox.receives('firing', round + 1);
      await postAlerts(tocsin.url, [over(throttling)]);
      await mailbox.receives('resolved', round + 1);
    }
    assert.ok(hanging.batches.length >= 1);
    const durations = linesOf(tocsin, 'reconcile.finished').map((line) => Number(line['duration_ms']));
    assert.ok(durations.length >= 10);
    // To wait for the one that hangs would take ten seconds.
    assert.ok(Math.max(...durations) < 5000, `${Math.max(...durations)} ms`);
    assert.ok((await value(tocsin, 'tocsin_notify_size_bytes')) < 10_000);
  });
});

describe('ten thousand pipelines that are not healthy', { skip }, () => {
  const count = 10_000;

  it('are told in batches, all of them, within notify.max_size, and their end too', async (t) => {
    const folder = await temporaryFolder(t, 'tocsin-notify');
    const manifest = (index: number): string =>
      `apiVersion: telemetry.kyma-project.io/v1beta1\nkind: TracePipeline\nmetadata: {name: p${index}}\nspec: {output: {otlp: {}}}\n`;
    for (let file = 0; file < 4; file++) {
      const manifests = Array.from({ length: count / 4 }, (_, index) => manifest(file * (count / 4) + index));
      await writeFile(join(folder, `${file}.yaml`), manifests.join('---\n'));
    }
    const quiet = 'route: { receiver: nobody, group_wait: 1h }\nreceivers: [{ name: nobody }]\n';
    const alertmanager = await startedAlertmanager(t, quiet, '0.34');
    const config = `${notifying(alertmanager.url).replace('500ms', '10s')}controller: { action: log }\n`;
    const args = [`--pipelines.folder=${folder}`, '--log.level=warn'];
    const tocsin = await startTocsin({ config, args });
    t.after(() => tocsin.stop());
    await postAlerts(tocsin.url, [lasting(throttling)]);
    await eventually(
      () => value(tocsin, 'tocsin_notify_alerts{state="firing"}'),
      (firing) => firing === count,
      60_000,
    );
    await eventually(
      async () => (await listed(alertmanager)).length,
      (length) => length === count,
      60_000,
    );
    const bytes = await value(tocsin, 'tocsin_notify_size_bytes');
    assert.ok(bytes < 4 * 1024 * 1024, `${bytes} bytes`);
    assert.equal(await value(tocsin, 'tocsin_notify_alerts_dropped_total'), 0);
    const requests = await value(tocsin, 'tocsin_notify_requests_total{result="success"}');
    const sent = await value(tocsin, 'tocsin_notify_alerts_sent_total');
    assert.ok(sent / requests > 20 && sent / requests <= 64, `${sent} alerts in ${requests} requests`);
    t.diagnostic(`${bytes} bytes, ${sent} alerts in ${requests} requests`);

    await postAlerts(tocsin.url, [over(throttling)]);
    await eventually(
      async () => (await listed(alertmanager)).length,
      (length) => length === 0,
      60_000,
    );
  });
});

describe('tocsin check --notify', { skip }, () => {
  async function checked(
    config: string,
  ): Promise<{ readonly code: number | null; readonly checks: readonly Checked[] }> {
    const folder = await mkdtemp(join(tmpdir(), 'tocsin-notify-'));
    try {
      const file = join(folder, 'tocsin.yml');
      await writeFile(file, config);
      const flags = ['--notify', `--config.file=${file}`, '--wait=0s', '--output=json'];
      const { code, stdout } = await runTocsin(['check', ...flags]);
      const { categories } = JSON.parse(stdout) as { categories: { categoryName: string; checks: Checked[] }[] };
      const category = categories.find(({ categoryName }) => categoryName === 'notify');
      return { code, checks: category?.checks ?? [] };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  it('sends a test alert to the end, and says which Alertmanager does not take it, or silences it', async (t) => {
    const mailbox = await Mailbox.open(t);
    const alertmanager = await startedAlertmanager(t, telling(mailbox), '0.34');
    const good = await checked(notifying(alertmanager.url));
    assert.deepEqual(
      good.checks.map(({ result }) => result),
      ['success', 'success'],
    );
    const { alerts } = await mailbox.receives('firing');
    assert.deepEqual([alerts[0]?.labels['alertname'], alerts[0]?.labels['tocsin']], ['TocsinNotifyTest', 'notify']);

    await postSilence(alertmanager.url, 'TocsinNotifyTest');
    const silenced = await checked(notifying(alertmanager.url));
    assert.deepEqual(
      silenced.checks.map(({ result }) => result),
      ['success', 'warning'],
    );

    await alertmanager.stop();
    const broken = await checked(notifying(alertmanager.url));
    assert.equal(broken.code, 1);
    assert.equal(broken.checks[0]?.result, 'error');
    assert.match(broken.checks[0].error ?? '', /refused the connection.* is notify\.alertmanagers\.0\.url right\?/);
    assert.match(broken.checks[0].hint ?? '', /docs\/checks\.md#notify-test-alert$/);
  });
});

interface Checked {
  readonly result: string;
  readonly error?: string;
  readonly hint?: string;
}
