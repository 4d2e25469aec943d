import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { describe, it, type TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { Config } from '../config/config.ts';
import { readLink } from '../page/core/link.ts';
import type { Decision } from '../reconcile/ports.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { eventually } from '../runtime/eventually.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { metric } from '../runtime/metric.fixture.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { FakeAlertmanager } from './fake-alertmanager.fixture.ts';
import { Notifier } from './notifier.ts';

const backend = { kind: 'TracePipeline', name: 'backend' };
const troubleshooting = 'https://kyma-project.io/troubleshooting.html#gateway-throttling';
const throttling = {
  status: 'False',
  reason: 'GatewayThrottling',
  message: `OTLP Gateway is unable to receive spans. See troubleshooting: ${troubleshooting}`,
} as const;
const healthy = { status: 'True', reason: 'FlowHealthy', message: 'No problems' } as const;
const failed = { status: 'Unknown', reason: 'GatewayProbingFailed', message: 'Could not ask' } as const;
const byAlert: Decision = { by: 'alert', labels: { alertname: 'TraceGatewayThrottling', pipeline_name: 'backend' } };
const byNone: Decision = { by: 'no alert' };

class Stage {
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly registry = new Registry();
  readonly notifier: Notifier;
  /** What was said to fail, each time that it changed. */
  readonly failing: (readonly string[])[] = [];
  #config: Config['notify'];

  constructor(test: TestContext, notify: object, listens = true) {
    this.#config = Config.parse({ notify }).notify;
    const { clock, logger, registry } = this;
    this.notifier = new Notifier({
      clock,
      logger,
      registry,
      schedule: new SliceSchedule(clock),
      config: () => this.#config,
      web: { externalUrl: listens ? 'https://tocsin.example.com/bell/' : undefined, routePrefix: '/bell' },
      version: '1.2.3',
      onFailing: (messages) => this.failing.push(messages),
    });
    if (listens) this.notifier.start(9093);
    test.after(async () => {
      await this.notifier.close();
      assert.equal(clock.pending(), 0);
    });
  }

  reload(notify: object): void {
    this.#config = Config.parse({ notify }).notify;
    this.notifier.reconfigure(['notify.alertmanagers']);
  }

  async logged(event: string, count = 1): Promise<void> {
    await eventually(
      () => this.logger.linesOf(event).length,
      (lines) => lines >= count,
    );
  }
}

function told(alertmanager: FakeAlertmanager, clock: FakeClock): readonly string[] {
  return alertmanager.alerts.map(
    ({ labels, endsAt }) => `${labels['reason']} ${Date.parse(endsAt) > clock.now() ? 'fires' : 'ended'}`,
  );
}

describe('Notifier', () => {
  it('posts an alert with the pipeline, the reason, what decided, and where to see why', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    const stage = new Stage(t, { alertmanagers: [{ url: alertmanager.url }], labels: { severity: 'critical' } });
    const now = new Date(stage.clock.now()).toISOString();
    stage.notifier.reached(backend, throttling, byAlert);
    const [batch] = await alertmanager.posted(1);
    assert.equal(batch?.path, '/api/v2/alerts');
    assert.deepEqual(
      [batch.headers['content-type'], batch.headers['user-agent']],
      ['application/json', 'tocsin/1.2.3'],
    );
    const why = 'https://tocsin.example.com/bell/?open=pipeline%3ATracePipeline%2Fbackend';
    assert.deepEqual(batch.alerts, [
      {
        labels: {
          severity: 'critical',
          alertname: 'PipelineUnhealthy',
          kind: 'TracePipeline',
          name: 'backend',
          reason: 'GatewayThrottling',
          tocsin: 'notify',
        },
        annotations: {
          summary: 'TracePipeline backend is not healthy: GatewayThrottling',
          description: throttling.message,
          decided_by: 'TraceGatewayThrottling{pipeline_name="backend"}',
          runbook_url: troubleshooting,
          why_url: why,
        },
        startsAt: now,
        endsAt: new Date(stage.clock.now() + 4 * 60_000).toISOString(),
        generatorURL: why,
      },
    ]);
    const { selected } = readLink(new URL(why).search);
    assert.deepEqual(selected, { of: 'pipeline', pipeline: 'TracePipeline/backend' });
  });

  it('repeats it every notify.resend_delay, and tells its end when the pipeline is healthy', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    const stage = new Stage(t, { alertmanagers: [{ url: alertmanager.url }] });
    stage.notifier.reached(backend, throttling, byAlert);
    await stage.logged('notify.sent');
    stage.clock.advance(59_999);
    stage.notifier.reached(backend, throttling, byAlert);
    assert.equal(alertmanager.batches.length, 1);
    stage.clock.advance(1);
    await stage.logged('notify.sent', 2);
    stage.notifier.reached(backend, healthy, byNone);
    await stage.logged('notify.sent', 3);
    assert.deepEqual(told(alertmanager, stage.clock), [
      'GatewayThrottling fires',
      'GatewayThrottling fires',
      'GatewayThrottling ended',
    ]);
    assert.deepEqual(
      stage.logger.linesOf('notify.sent').map(({ level, fields }) => [level, fields['firing'], fields['news']]),
      [
        ['info', 1, 1],
        ['debug', 1, 0],
        ['info', 0, 1],
      ],
    );
  });

  it('tells the end of an alert when its pipeline is gone', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    const stage = new Stage(t, { alertmanagers: [{ url: alertmanager.url }] });
    stage.notifier.reached(backend, throttling, byAlert);
    await stage.logged('notify.sent');
    stage.notifier.gone(backend);
    await alertmanager.posted(2);
    assert.equal(told(alertmanager, stage.clock).at(-1), 'GatewayThrottling ended');
  });

  it('neither begins nor ends an alert with an Unknown condition, unless notify.unknown is true', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    const alertmanagers = [{ url: alertmanager.url }];
    const stage = new Stage(t, { alertmanagers });
    stage.notifier.reached(backend, failed, byNone);
    stage.notifier.reached(backend, throttling, byAlert);
    await stage.logged('notify.sent');
    stage.notifier.reached(backend, failed, byNone);
    stage.clock.advance(60_000);
    await stage.logged('notify.sent', 2);
    assert.deepEqual(told(alertmanager, stage.clock), ['GatewayThrottling fires', 'GatewayThrottling fires']);

    stage.reload({ alertmanagers, unknown: true });
    stage.notifier.reached(backend, failed, byNone);
    await stage.logged('notify.sent', 3);
    assert.deepEqual(told(alertmanager, stage.clock).slice(2), [
      'GatewayProbingFailed fires',
      'GatewayThrottling ended',
    ]);
    assert.equal(
      alertmanager.batches[2]?.alerts[0]?.annotations['summary'],
      'TracePipeline backend may not be healthy: GatewayProbingFailed',
    );
    stage.reload({ alertmanagers, unknown: false });
    stage.notifier.reached(backend, failed, byNone);
    await stage.logged('notify.sent', 4);
    assert.equal(told(alertmanager, stage.clock).at(-1), 'GatewayProbingFailed ended');
  });

  it('waits for no Alertmanager: the others are told at once, and nothing grows', async (t) => {
    const [hanging, other] = [await FakeAlertmanager.start(t), await FakeAlertmanager.start(t)];
    hanging.status = undefined;
    const stage = new Stage(t, { alertmanagers: [{ url: hanging.url }, { url: other.url }] });
    for (let round = 0; round < 12; round++) {
      stage.notifier.reached(backend, round % 2 === 0 ? throttling : healthy, byAlert);
      await other.posted(round + 1);
    }
    assert.equal(hanging.batches.length, 1);
    assert.equal(await metric(stage.registry, 'tocsin_notify_alerts{state="resolved"}'), 1);
    assert.ok((await metric(stage.registry, 'tocsin_notify_size_bytes'))! < 1000);
  });

  it('says and counts what cannot be sent, tries again within 10 s, and says when it works again', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    const stage = new Stage(t, { alertmanagers: [{ url: alertmanager.url }] });
    alertmanager.status = 503;
    stage.notifier.reached(backend, throttling, byAlert);
    for (let tries = 1; tries < 4; tries++) {
      await eventually(
        () => metric(stage.registry, 'tocsin_notify_requests_total{result="http_error"}'),
        (count) => count === tries,
      );
      // A change meanwhile is no reason to try earlier.
      stage.notifier.reached(backend, tries % 2 === 0 ? throttling : healthy, byAlert);
      assert.equal(alertmanager.batches.length, tries);
      stage.clock.advance(10_000);
    }
    await alertmanager.posted(4);
    const lines = stage.logger.linesOf('notify.failed');
    assert.deepEqual([lines.length, lines[0]?.level], [1, 'warn']);
    assert.match(String(lines[0]?.fields['error']), /answered 503 without a reason: is it starting/);
    await eventually(
      () => metric(stage.registry, 'tocsin_notify_requests_total{result="http_error"}'),
      (count) => count === 4,
    );
    alertmanager.status = 200;
    stage.clock.advance(10_000);
    await stage.logged('notify.recovered');
    assert.equal(stage.failing.length, 2);
    assert.match(stage.failing[0]!.join(), /^Alertmanager at .* answered 503/);
    assert.deepEqual(stage.failing[1], []);
    assert.equal(await metric(stage.registry, 'tocsin_notify_alerts_sent_total'), 1);
  });

  /** As many pipelines, all of them unhealthy. */
  function manyUnhealthy(stage: Stage, count: number): readonly string[] {
    const names = Array.from({ length: count }, (_, index) => `p${index}`);
    for (const name of names) stage.notifier.reached({ kind: 'TracePipeline', name }, throttling, byAlert);
    return names;
  }

  function namesOf(alerts: FakeAlertmanager['alerts']): readonly string[] {
    return alerts.map(({ labels }) => labels['name']!);
  }

  it('tells all the others when an Alertmanager refuses one alert, names that one, and tries it again', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    const taken = new Set<string>();
    let poison = 'p3';
    alertmanager.refuses = (alerts) => {
      if (namesOf(alerts).includes(poison)) return 400;
      for (const name of namesOf(alerts)) taken.add(name);
      return undefined;
    };
    const stage = new Stage(t, { alertmanagers: [{ url: alertmanager.url }] });
    const names = manyUnhealthy(stage, 200);
    await eventually(
      () => taken.size,
      (size) => size === names.length - 1,
    );
    assert.ok(alertmanager.batches.length < 30, `${alertmanager.batches.length} requests`);
    const [line, ...others] = stage.logger.linesOf('notify.refused');
    assert.deepEqual([line?.fields['pipeline'], others.length], ['TracePipeline/p3', 0]);
    assert.equal(stage.failing.length, 1);
    assert.deepEqual(stage.logger.linesOf('notify.recovered'), []);
    poison = '';
    stage.clock.advance(60_000);
    await stage.logged('notify.recovered');
    assert.ok(taken.has('p3'));
    assert.deepEqual(stage.failing[1], []);
  });

  it('sends less at a time where a request was too long, and stays at that', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    let tooLong = 0;
    alertmanager.refuses = (alerts) => (alerts.length > 10 ? (tooLong++, 413) : undefined);
    const stage = new Stage(t, { alertmanagers: [{ url: alertmanager.url }] });
    manyUnhealthy(stage, 100);
    await stage.logged('notify.recovered');
    const [problem] = stage.failing[0]!;
    assert.match(problem!, /answered 413 .*: lower notify\.batch_size/);
    assert.equal(tooLong, 3);
    assert.equal(new Set(namesOf(alertmanager.batches.slice(tooLong).flatMap(({ alerts }) => alerts))).size, 100);
    stage.clock.advance(60_000);
    await alertmanager.posted(3 + 13 + 13);
    assert.equal(tooLong, 3);
  });

  it('asks seldom an Alertmanager that refuses everything', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    alertmanager.status = 400;
    const stage = new Stage(t, { alertmanagers: [{ url: alertmanager.url }] });
    manyUnhealthy(stage, 1000);
    const inOneTry = 6 + 8;
    await alertmanager.posted(inOneTry);
    await eventually(
      () => stage.clock.pending(),
      (timers) => timers === 2,
    );
    assert.equal(alertmanager.batches.length, inOneTry);
    assert.equal(stage.logger.linesOf('notify.refused').length, 1);
  });

  for (const [status, what] of [
    [503, 'fails'],
    [400, 'refuses an alert'],
  ] as const)
    it(`finds out that an Alertmanager that ${what} works again, although there is nothing more to tell`, async (t) => {
      const alertmanager = await FakeAlertmanager.start(t);
      const stage = new Stage(t, { alertmanagers: [{ url: alertmanager.url }] });
      alertmanager.status = status;
      stage.notifier.reached(backend, throttling, byAlert);
      await eventually(
        () => stage.failing.length,
        (length) => length === 1,
      );
      stage.notifier.reached(backend, healthy, byNone);
      await eventually(
        () => {
          stage.clock.advance(10_000);
          return metric(stage.registry, 'tocsin_notify_size_bytes');
        },
        (bytes) => bytes === 0,
      );
      // It may have been told again meanwhile, but never that all is well.
      assert.ok(stage.failing.every((failing) => failing.length > 0));
      alertmanager.status = 200;
      await eventually(
        () => {
          stage.clock.advance(10_000);
          return stage.failing.at(-1)?.length;
        },
        (length) => length === 0,
      );
      assert.deepEqual(alertmanager.batches.at(-1)?.alerts, []);
      const { length } = alertmanager.batches;
      stage.clock.advance(300_000);
      assert.equal(alertmanager.batches.length, length);
    });

  it('says what is wrong now if that changes', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    const stage = new Stage(t, { alertmanagers: [{ url: alertmanager.url }] });
    alertmanager.status = 503;
    stage.notifier.reached(backend, throttling, byAlert);
    await stage.logged('notify.failed');
    alertmanager.status = 401;
    stage.clock.advance(10_000);
    await eventually(
      () => stage.failing.length,
      (length) => length === 2,
    );
    assert.match(stage.failing[1]!.join(), /answered 401/);
  });

  it('says and counts what has no room', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    const stage = new Stage(t, { alertmanagers: [{ url: alertmanager.url }], max_size: '1KiB' });
    for (let index = 0; index < 10; index++)
      stage.notifier.reached({ kind: 'TracePipeline', name: `p${index}` }, throttling, byAlert);
    await stage.logged('notify.limited');
    const [firing, dropped] = [
      (await metric(stage.registry, 'tocsin_notify_alerts{state="firing"}'))!,
      (await metric(stage.registry, 'tocsin_notify_alerts_dropped_total'))!,
    ];
    assert.deepEqual([firing > 0, dropped > 0, firing + dropped], [true, true, 10]);
    assert.equal(stage.logger.linesOf('notify.limited').length, 1);
  });

  it('tells the end of everything to an Alertmanager that a reload removes', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    const stage = new Stage(t, { alertmanagers: [{ url: alertmanager.url }] });
    stage.notifier.reached(backend, throttling, byAlert);
    await stage.logged('notify.sent');
    stage.reload({});
    await alertmanager.posted(2);
    assert.deepEqual(told(alertmanager, stage.clock), ['GatewayThrottling fires', 'GatewayThrottling ended']);
    stage.notifier.reached(backend, throttling, byAlert);
    await eventually(
      () => metric(stage.registry, 'tocsin_notify_size_bytes'),
      (bytes) => bytes === 0,
    );
    assert.equal(stage.clock.pending(), 0);
  });

  it('ends an alert under its former labels, and begins it under the new ones', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    const alertmanagers = [{ url: alertmanager.url }];
    const stage = new Stage(t, { alertmanagers, labels: { severity: 'warning' } });
    stage.notifier.reached(backend, throttling, byAlert);
    await stage.logged('notify.sent');
    stage.reload({ alertmanagers, labels: { severity: 'critical' } });
    await alertmanager.posted(3);
    assert.deepEqual(
      alertmanager.alerts
        .map(
          ({ labels, endsAt }) => `${labels['severity']} ${Date.parse(endsAt) > stage.clock.now() ? 'fires' : 'ended'}`,
        )
        .toSorted(),
      ['critical fires', 'warning ended', 'warning fires'],
    );
  });

  it('uses new credentials at once, without a change for the alert', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    const entry = (password: string): object => ({
      alertmanagers: [{ url: alertmanager.url, http_config: { basic_auth: { username: 'ann', password } } }],
    });
    const stage = new Stage(t, entry('one'));
    stage.notifier.reached(backend, throttling, byAlert);
    await stage.logged('notify.sent');
    stage.reload(entry('two'));
    stage.clock.advance(60_000);
    const batches = await alertmanager.posted(2);
    assert.deepEqual(
      batches.map(({ headers }) => Buffer.from(headers.authorization!.slice(6), 'base64').toString()),
      ['ann:one', 'ann:two'],
    );
    assert.deepEqual(told(alertmanager, stage.clock), ['GatewayThrottling fires', 'GatewayThrottling fires']);
  });

  it('tells the end first where an Alertmanager is removed and comes back', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    const on = { alertmanagers: [{ url: alertmanager.url }] };
    const stage = new Stage(t, on);
    stage.notifier.reached(backend, throttling, byAlert);
    await stage.logged('notify.sent');
    stage.reload({});
    stage.reload(on);
    stage.notifier.reached(backend, throttling, byAlert);
    await alertmanager.posted(3);
    assert.deepEqual(told(alertmanager, stage.clock), [
      'GatewayThrottling fires',
      'GatewayThrottling ended',
      'GatewayThrottling fires',
    ]);
  });

  it('takes every reload, however many former Alertmanagers hang', async (t) => {
    const [hanging, other] = [await FakeAlertmanager.start(t), await FakeAlertmanager.start(t)];
    hanging.status = undefined;
    const stage = new Stage(t, { alertmanagers: [{ url: other.url }] });
    for (let reload = 0; reload < 36; reload++) {
      const labels = { reload: String(reload) };
      stage.reload({ alertmanagers: [{ url: hanging.url }], labels });
      stage.notifier.reached(backend, throttling, byAlert);
      await hanging.posted(Math.min(reload + 1, 20));
    }
    stage.reload({ alertmanagers: [{ url: other.url }] });
    await eventually(
      () => told(other, stage.clock).at(-1),
      (last) => last === 'GatewayThrottling fires',
    );
  });

  it('sends nothing before it listens, and then links to where it does', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    const stage = new Stage(t, { alertmanagers: [{ url: alertmanager.url }] }, false);
    stage.notifier.reached(backend, throttling, byAlert);
    await stage.clock.advanceAsync(1000);
    assert.equal(alertmanager.batches.length, 0);
    stage.notifier.start(1234);
    const [batch] = await alertmanager.posted(1);
    assert.equal(new URL(batch!.alerts[0]!.generatorURL).host, `${hostname().toLowerCase()}:1234`);
    assert.equal(new URL(batch!.alerts[0]!.generatorURL).pathname, '/bell/');
  });

  it('ends although it never listened', async (t) => {
    const alertmanager = await FakeAlertmanager.start(t);
    const stage = new Stage(t, { alertmanagers: [{ url: alertmanager.url }] }, false);
    stage.notifier.reached(backend, throttling, byAlert);
    await stage.notifier.close();
    assert.equal(alertmanager.batches.length, 0);
  });

  it('keeps and sends nothing without an Alertmanager', async (t) => {
    const stage = new Stage(t, {});
    stage.notifier.reached(backend, throttling, byAlert);
    assert.equal(await metric(stage.registry, 'tocsin_notify_size_bytes'), 0);
    assert.deepEqual([stage.clock.pending(), stage.logger.events], [0, []]);
  });
});
