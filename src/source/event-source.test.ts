import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import type { Config } from '../config/config.ts';
import { Causes } from '../cause/causes.ts';
import type { Request } from '../reconcile/ports.ts';
import { createEventSource, type Event, type EventSource } from './event-source.ts';
import type { Select } from './request-mapper.ts';

const metric: Request = { kind: 'MetricPipeline', name: 'a' };
const trace: Request = { kind: 'TracePipeline', name: 'a' };

interface Setup {
  readonly clock: FakeClock;
  readonly logger: RecordingLogger;
  readonly source: EventSource;
  /** The requests that were enqueued so far. */
  readonly enqueued: { readonly requests: readonly Request[]; readonly event: Event }[];
  /** Puts an alert, as from a separate POST. */
  put(alertname: string): void;
  /** Changes the configuration. */
  reconfigure(next: Config['source']): void;
  /** Lets everything that is ready run. */
  settle(): Promise<void>;
  /** The metrics of the source, by name and labels. */
  metrics(): Promise<Readonly<Record<string, number>>>;
}

interface SetupOptions {
  readonly capacity?: number;
  readonly wait?: number;
  readonly select?: Select;
}

function setUp(test: TestContext, { capacity = 3, wait = 500, select = 'all' }: SetupOptions = {}): Setup {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const registry = new Registry();
  const enqueued: { requests: readonly Request[]; event: Event }[] = [];
  let events = 0;
  let config: Config['source'] = {
    debounce: { wait, max_wait: 5_000 },
    channel: { capacity },
    select,
    repeats: 'trigger',
  };
  const source = createEventSource({
    config: () => config,
    clock,
    logger,
    registry,
    newEventId: () => `event-${++events}`,
    pipelines: () => [metric, trace],
    enqueue: (requests, event) => Promise.resolve(void enqueued.push({ requests, event })),
  });
  test.after(async () => {
    await source.stop();
    assert.equal(clock.pending(), 0, 'a timer was left');
  });
  return {
    clock,
    logger,
    source,
    enqueued,
    put: (alertname) => source.put(causesOf(alertname, clock.now())),
    reconfigure(next) {
      config = next;
      source.reconfigure();
    },
    settle: () => clock.advanceAsync(0),
    metrics: () => readMetrics(registry),
  };
}

function causesOf(alertname: string, at: number): Causes {
  const causes = new Causes();
  causes.addAlert(alertname, { labels: { alertname } }, 'firing', at);
  causes.addRequestId(`request-${alertname}`);
  return causes;
}

async function readMetrics(registry: Registry): Promise<Record<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => {
      const [name, value] = line.split(' ') as [string, string];
      return [name, Number(value)];
    }),
  );
}

const alertsOf = ({ event }: Setup['enqueued'][number]): string => [...event.causes.alerts.keys()].join(',');

describe('EventSource', () => {
  it('passes the first event after quiet straight through to the queue', async (t) => {
    const { clock, source, enqueued, put, settle } = setUp(t);
    source.start();
    put('A');
    await settle();
    assert.deepEqual(enqueued.map(alertsOf), ['A']);
    assert.deepEqual(enqueued[0]?.requests, [metric, trace]);
    assert.equal(enqueued[0]?.event.id, 'event-1');
    assert.equal(clock.pending(), 0);
  });

  it('merges what follows into one event, which is enqueued after the wait of quiet', async (t) => {
    const { clock, source, enqueued, put } = setUp(t);
    source.start();
    for (const name of ['A', 'B', 'C']) put(name);
    await clock.advanceAsync(499);
    assert.equal(enqueued.length, 1);
    await clock.advanceAsync(1);
    assert.deepEqual(enqueued.map(alertsOf), ['A', 'B,C']);
    const { causes } = enqueued[1]!.event;
    assert.equal(causes.alertCount, 2);
    assert.deepEqual([...causes.requestIds], ['request-B', 'request-C']);
  });

  it('keeps events in the channel until it is started', async (t) => {
    const { clock, source, enqueued, put, settle, metrics } = setUp(t);
    put('A');
    put('B');
    await clock.advanceAsync(500);
    assert.deepEqual(enqueued, []);
    assert.equal((await metrics())['tocsin_channel_depth'], 2);
    source.start();
    await settle();
    assert.deepEqual(enqueued.map(alertsOf), ['A', 'B']);
    assert.equal((await metrics())['tocsin_channel_depth'], 0);
  });

  it('starts once, however often it is called', async (t) => {
    const { source, enqueued, put, settle } = setUp(t);
    source.start();
    source.start();
    put('A');
    await settle();
    assert.equal(enqueued.length, 1);
  });

  it('merges into the newest waiting event when the channel is full, counts it and logs it', async (t) => {
    const { logger, source, enqueued, put, settle, metrics } = setUp(t, { capacity: 2, wait: 0 });
    for (const name of ['A', 'B', 'C', 'D']) put(name);
    assert.deepEqual(
      logger.linesOf('channel.full').map(({ level, fields }) => [level, fields['event_id'], fields['capacity']]),
      [
        ['warn', 'event-3', 2],
        ['warn', 'event-4', 2],
      ],
    );
    assert.equal((await metrics())['tocsin_channel_merged_total'], 2);
    source.start();
    await settle();
    assert.deepEqual(enqueued.map(alertsOf), ['A', 'B,C,D']);
    assert.deepEqual(
      enqueued.map(({ event }) => [event.id, event.causes.alertCount]),
      [
        ['event-1', 1],
        ['event-2', 3],
      ],
    );
  });

  it('turns everything that waits into requests before stop resolves: in the debouncer and in the channel', async (t) => {
    const { clock, source, enqueued, put } = setUp(t);
    put('A');
    put('B');
    await clock.advanceAsync(500);
    put('C');
    put('D');
    source.start();
    await source.stop();
    assert.deepEqual(enqueued.map(alertsOf), ['A', 'B', 'C', 'D']);
    assert.equal(clock.pending(), 0);
  });

  it('turns everything that waits into requests even if it was never started', async (t) => {
    const { source, enqueued, put } = setUp(t);
    put('A');
    put('B');
    await source.stop();
    assert.deepEqual(enqueued.map(alertsOf), ['A', 'B']);
  });

  it('logs an event after stop, and sets no timer for it', async (t) => {
    const { clock, logger, source, enqueued, put, settle, metrics } = setUp(t);
    source.start();
    await source.stop();
    put('A');
    put('B');
    await settle();
    assert.deepEqual(enqueued, []);
    assert.equal(clock.pending(), 0);
    assert.deepEqual(
      logger.linesOf('event.refused').map(({ level, fields }) => [level, fields['request_ids']]),
      [
        ['warn', ['request-A']],
        ['warn', ['request-B']],
      ],
    );
    assert.equal((await metrics())['tocsin_events_emitted_total{edge="leading"}'], 0);
  });

  it('reads the list of pipelines when an event arrives, and selects as configured', async (t) => {
    const { source, enqueued, put, settle } = setUp(t, { select: 'labels' });
    source.start();
    put('TraceGatewayThrottling');
    await settle();
    assert.deepEqual(enqueued[0]?.requests, [trace]);
  });
});

describe('EventSource, log and metrics', () => {
  it('writes a line for each event, and one for its requests', async (t) => {
    const { clock, logger, source, put } = setUp(t);
    source.start();
    put('A');
    put('B');
    clock.advance(100);
    put('C');
    await clock.advanceAsync(500);
    const causes = { causes: ['C firing', 'B firing'], alerts: 2, request_ids: ['request-B', 'request-C'] };
    const lines = logger.lines.filter(({ event }) => event !== 'causes.named');
    assert.deepEqual(lines.slice(2), [
      {
        level: 'info',
        event: 'event.emitted',
        msg: 'alerts became one event',
        fields: { event_id: 'event-2', edge: 'trailing', waited_ms: 600, ...causes },
      },
      {
        level: 'info',
        event: 'requests.enqueued',
        msg: 'an event became reconcile requests',
        fields: { event_id: 'event-2', requests: 2, select: 'all', ...causes },
      },
    ]);
    assert.deepEqual(
      lines.map(({ event, fields }) => [event, fields['event_id'], fields['request_ids']]),
      [
        ['event.emitted', 'event-1', ['request-A']],
        ['requests.enqueued', 'event-1', ['request-A']],
        ['event.emitted', 'event-2', ['request-B', 'request-C']],
        ['requests.enqueued', 'event-2', ['request-B', 'request-C']],
      ],
    );
  });

  it('names the alerts of an event at debug, with everything known about them', async (t) => {
    const { logger, source, put, settle } = setUp(t);
    source.start();
    put('A');
    await settle();
    const { level, fields } = logger.linesOf('causes.named')[0]!;
    const seen = '2026-11-21T03:00:00.000Z';
    assert.deepEqual([level, fields['causes_id']], ['debug', 'event-1']);
    const known = { alertname: 'A', fingerprint: undefined, labels: { alertname: 'A' }, status: 'firing' };
    assert.deepEqual(fields['alerts'], [{ ...known, first_seen: seen, last_seen: seen, count: 1 }]);
  });

  it('logs that an event concerns no pipeline', async (t) => {
    const { source, logger, put, settle } = setUp(t, { select: 'labels' });
    source.start();
    put('LogGatewayThrottling');
    await settle();

    const line = logger.linesOf('requests.enqueued')[0];
    assert.deepEqual([line?.fields['requests'], line?.msg], [0, 'an event concerns no pipeline that there is']);
  });

  it('has every series from the start', async (t) => {
    const { metrics } = setUp(t, { capacity: 7 });
    assert.deepEqual(await metrics(), {
      'tocsin_events_emitted_total{edge="leading"}': 0,
      'tocsin_events_emitted_total{edge="trailing"}': 0,
      'tocsin_events_emitted_total{edge="max_wait"}': 0,
      tocsin_channel_depth: 0,
      tocsin_channel_capacity: 7,
      tocsin_channel_merged_total: 0,
    });
  });

  it('counts events by their edge', async (t) => {
    const { clock, source, put, metrics } = setUp(t);
    source.start();
    for (let count = 0; count < 60; count++) {
      put('A');
      await clock.advanceAsync(100);
    }
    await clock.advanceAsync(500);
    const { 'tocsin_events_emitted_total{edge="leading"}': leading, ...rest } = await metrics();
    assert.equal(leading, 1);
    assert.equal(rest['tocsin_events_emitted_total{edge="max_wait"}'], 1);
    assert.equal(rest['tocsin_events_emitted_total{edge="trailing"}'], 1);
    assert.equal(rest['tocsin_channel_merged_total'], 0);
  });
});

describe('EventSource.reconfigure', () => {
  it('applies at once, also to what waits, and loses nothing', async (test) => {
    const { clock, source, enqueued, put, settle, metrics, reconfigure } = setUp(test, { wait: 5000 });
    source.start();
    put('MetricA');
    put('MetricB');
    await settle();
    assert.equal(enqueued.length, 1);
    reconfigure({
      debounce: { wait: 10, max_wait: 20 },
      channel: { capacity: 7 },
      select: 'labels',
      repeats: 'trigger',
    });
    clock.advance(10);
    await settle();
    assert.deepEqual(
      enqueued.map(({ requests, event }) => [requests.length, [...event.causes.alerts.keys()].length]),
      [
        [2, 1],
        [1, 1],
      ],
    );
    assert.equal((await metrics())['tocsin_channel_capacity'], 7);
  });
});
