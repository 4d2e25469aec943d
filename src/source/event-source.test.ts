import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Registry } from 'prom-client';
import fc from 'fast-check';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import type { Config } from '../config/config.ts';
import { Causes } from '../cause/causes.ts';
import type { Choice, Request } from '../reconcile/ports.ts';
import { createEventSource, EventChannel, type Event, type LanedSource } from './event-source.ts';
import { chooseByDefault, type Select } from './request-mapper.ts';
import type { Lane } from '../cause/causes.ts';

const metric: Request = { kind: 'MetricPipeline', name: 'a' };
const trace: Request = { kind: 'TracePipeline', name: 'a' };

interface Setup {
  readonly clock: FakeClock;
  readonly logger: RecordingLogger;
  readonly source: LanedSource;
  /** The requests that were enqueued so far. */
  readonly enqueued: { readonly choices: readonly Choice[]; readonly event: Event }[];
  /** Puts an alert, as from a separate POST. */
  put(alertname: string, lane?: Lane): void;
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
  readonly enqueue?: (event: Event) => Promise<void>;
}

function setUp(
  test: TestContext,
  { capacity = 3, wait = 500, select = 'all', enqueue = async () => undefined }: SetupOptions = {},
): Setup {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const registry = new Registry();
  const enqueued: { choices: readonly Choice[]; event: Event }[] = [];
  let events = 0;
  let config: Config['source'] = {
    debounce: { wait, max_wait: 5_000 },
    channel: { capacity },
    select,
    repeats: 'trigger',
  };
  const source = createEventSource({
    schedule: { hurry: () => undefined },
    config: () => config,
    clock,
    logger,
    registry,
    newEventId: () => `event-${++events}`,
    choose: ({ causes }) => Promise.resolve([chooseByDefault(config.select, causes, [metric, trace])]),
    enqueue: (choices, event) => {
      enqueued.push({ choices, event });
      return enqueue(event);
    },
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
    put: (alertname, lane) => source.put(causesOf(alertname, clock.now(), lane)),
    reconfigure(next) {
      config = next;
      source.reconfigure();
    },
    settle: () => clock.advanceAsync(0),
    metrics: () => readMetrics(registry),
  };
}

function causesOf(alertname: string, at: number, lane?: Lane): Causes {
  const causes = new Causes(lane);
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
    assert.deepEqual(enqueued[0]?.choices[0]?.requests, [metric, trace]);
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
    assert.equal((await metrics())['tocsin_channel_depth{lane="user"}'], 2);
    source.start();
    await settle();
    assert.deepEqual(enqueued.map(alertsOf), ['A', 'B']);
    assert.equal((await metrics())['tocsin_channel_depth{lane="user"}'], 0);
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
    assert.equal((await metrics())['tocsin_channel_merged_total{lane="user"}'], 2);
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
    assert.equal((await metrics())['tocsin_events_emitted_total{lane="user",edge="leading"}'], 0);
  });

  it('says when everything that was put so far has become requests, whatever comes later', async (t) => {
    const enqueuing: PromiseWithResolvers<void>[] = [];
    const { clock, source, put, settle } = setUp(t, {
      capacity: 1,
      enqueue: () => enqueuing[enqueuing.push(Promise.withResolvers<void>()) - 1]!.promise,
    });
    source.start();
    assert.equal(source.barrier()(), true);
    put('A');
    put('B');
    const isOver = source.barrier();
    await settle();
    enqueuing[0]!.resolve();
    await settle();
    assert.equal(isOver(), false);
    clock.advance(500);
    put('C');
    await settle();
    assert.equal(isOver(), false);
    enqueuing[1]!.resolve();
    await settle();
    assert.equal(isOver(), true);
    clock.advance(500);
    await settle();
    for (const each of enqueuing) each.resolve();
  });

  it('reads the list of pipelines when an event arrives, and selects as configured', async (t) => {
    const { source, enqueued, put, settle } = setUp(t, { select: 'labels' });
    source.start();
    put('TraceGatewayThrottling');
    await settle();
    assert.deepEqual(enqueued[0]?.choices[0]?.requests, [trace]);
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
    assert.deepEqual([line?.fields['requests'], line?.msg], [0, 'an event concerns no object that there is']);
  });

  it('has every series from the start', async (t) => {
    const { metrics } = setUp(t, { capacity: 7 });
    assert.deepEqual(await metrics(), {
      'tocsin_events_emitted_total{lane="platform",edge="leading"}': 0,
      'tocsin_events_emitted_total{lane="user",edge="leading"}': 0,
      'tocsin_events_emitted_total{lane="platform",edge="trailing"}': 0,
      'tocsin_events_emitted_total{lane="user",edge="trailing"}': 0,
      'tocsin_events_emitted_total{lane="platform",edge="max_wait"}': 0,
      'tocsin_events_emitted_total{lane="user",edge="max_wait"}': 0,
      'tocsin_channel_depth{lane="platform"}': 0,
      'tocsin_channel_depth{lane="user"}': 0,
      'tocsin_channel_capacity{lane="platform"}': 7,
      'tocsin_channel_capacity{lane="user"}': 7,
      'tocsin_channel_merged_total{lane="platform"}': 0,
      'tocsin_channel_merged_total{lane="user"}': 0,
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
    const { 'tocsin_events_emitted_total{lane="user",edge="leading"}': leading, ...rest } = await metrics();
    assert.equal(leading, 1);
    assert.equal(rest['tocsin_events_emitted_total{lane="user",edge="max_wait"}'], 1);
    assert.equal(rest['tocsin_events_emitted_total{lane="user",edge="trailing"}'], 1);
    assert.equal(rest['tocsin_channel_merged_total{lane="user"}'], 0);
  });
});

describe('LanedSource', () => {
  it('lets an alert of the platform out at once while others are merged, and in an event of its own', async (t) => {
    const { source, put, settle, enqueued, clock, logger } = setUp(t);
    source.start();
    for (const alertname of ['A', 'B', 'C']) put(alertname);
    put('P', 'platform');
    await settle();
    assert.deepEqual(
      enqueued.map(({ event: { causes } }) => [causes.lane, ...causes.texts]),
      [
        ['user', 'A firing'],
        ['platform', 'P firing'],
      ],
    );
    await clock.advanceAsync(500);
    assert.deepEqual(enqueued[2]?.event.causes.texts, ['C firing', 'B firing']);
    assert.deepEqual(logger.valuesOf('event.emitted', 'lane', 'edge'), [
      [undefined, 'leading'],
      ['platform', 'leading'],
      [undefined, 'trailing'],
    ]);
  });

  it('does not wait for events that fill the channel, nor for one that is being put into the queue', async (t) => {
    const gate = Promise.withResolvers<void>();
    const { source, put, settle, enqueued } = setUp(t, {
      wait: 0,
      capacity: 1,
      enqueue: ({ causes }) => (causes.lane === 'user' ? gate.promise : Promise.resolve()),
    });
    source.start();
    for (const alertname of ['A', 'B', 'C', 'D']) put(alertname);
    put('P', 'platform');
    await settle();
    assert.deepEqual(
      enqueued.map(({ event: { causes } }) => causes.texts),
      [['A firing'], ['P firing']],
    );
    gate.resolve();
    await settle();
    assert.deepEqual(enqueued[2]?.event.causes.texts, ['D firing', 'C firing', 'B firing']);
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
      enqueued.map(({ choices, event }) => [choices[0]?.requests.length, [...event.causes.alerts.keys()].length]),
      [
        [2, 1],
        [1, 1],
      ],
    );
    assert.equal((await metrics())['tocsin_channel_capacity{lane="user"}'], 7);
  });
});

const joined = (earlier: string, later: string): string => `${earlier}+${later}`;

/** The result of a promise that has to settle before the next turn of the event loop. */
async function soon<T>(promise: Promise<T>): Promise<T> {
  const nextTurn = new Promise<never>((_, reject) => setImmediate(() => reject(new Error('nothing was given out'))));
  return Promise.race([promise, nextTurn]);
}

describe('EventChannel', () => {
  it('gives out events in the order of their puts', async () => {
    const channel = new EventChannel<string>(() => 3, joined);
    assert.deepEqual(
      ['a', 'b', 'c'].map((event) => channel.put(event)),
      ['waiting', 'waiting', 'waiting'],
    );
    assert.deepEqual(
      [await soon(channel.take()), await soon(channel.take()), await soon(channel.take())],
      ['a', 'b', 'c'],
    );
  });

  it('hands an event straight to the receiver that waits', async () => {
    const channel = new EventChannel<string>(() => 1, joined);
    const taken = channel.take();
    assert.equal(channel.put('a'), 'delivered');
    assert.equal(channel.depth, 0);
    assert.equal(channel.put('b'), 'waiting');
    assert.deepEqual([await soon(taken), await soon(channel.take())], ['a', 'b']);
  });

  it('merges into the newest waiting event when it is full', async () => {
    const channel = new EventChannel<string>(() => 2, joined);
    channel.put('a');
    channel.put('b');
    assert.equal(channel.put('c'), 'merged');
    assert.equal(channel.put('d'), 'merged');
    assert.equal(channel.depth, 2);
    assert.deepEqual([await soon(channel.take()), await soon(channel.take())], ['a', 'b+c+d']);
    assert.equal(channel.put('e'), 'waiting');
  });

  it('reports how many events wait and how many may wait', async () => {
    const channel = new EventChannel<string>(() => 2, joined);
    assert.equal(channel.capacity, 2);
    const depths = [channel.depth];
    for (const event of ['a', 'b', 'c']) {
      channel.put(event);
      depths.push(channel.depth);
    }
    await soon(channel.take());
    assert.deepEqual([...depths, channel.depth], [0, 1, 2, 2, 1]);
  });

  it('can be emptied after it is closed, and then reports its end again and again', async () => {
    const channel = new EventChannel<string>(() => 2, joined);
    channel.put('a');
    channel.put('b');
    channel.close();
    assert.deepEqual([await soon(channel.take()), await soon(channel.take())], ['a', 'b']);
    assert.deepEqual([await soon(channel.take()), await soon(channel.take())], [undefined, undefined]);
  });

  it('accepts nothing once it is closed', async () => {
    const channel = new EventChannel<string>(() => 2, joined);
    channel.close();
    assert.equal(channel.put('a'), 'closed');
    assert.equal(channel.depth, 0);
    assert.equal(await soon(channel.take()), undefined);
  });

  it('ends the wait of the receiver when it is closed', async () => {
    const channel = new EventChannel<string>(() => 2, joined);
    const taken = channel.take();
    channel.close();
    channel.close();
    assert.equal(await soon(taken), undefined);
  });

  it('refuses a second receiver while one waits, and goes on serving the first', async () => {
    const channel = new EventChannel<string>(() => 2, joined);
    const taken = channel.take();
    assert.throws(() => channel.take(), /has a receiver that waits already/);
    channel.put('a');
    assert.equal(await soon(taken), 'a');
    const next = channel.take();
    channel.put('b');
    assert.equal(await soon(next), 'b');
  });

  it('loses nothing, and keeps the order and its bound, however puts and takes alternate', async () => {
    const steps = fc.array(fc.constantFrom('put', 'put', 'take'), { maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), steps, async (capacity, sequence) => {
        const channel = new EventChannel<number[]>(
          () => capacity,
          (earlier, later) => [...earlier, ...later],
        );
        const taken: Promise<number[] | undefined>[] = [];
        const waiting: number[][] = [];
        let [puts, receivers] = [0, 0];
        for (const step of sequence) {
          if (step === 'put') {
            const event = [puts++];
            const full = waiting.length === capacity;
            const expected = receivers > 0 ? 'delivered' : full ? 'merged' : 'waiting';
            assert.equal(channel.put(event), expected);
            if (expected === 'delivered') receivers = 0;
            else if (expected === 'waiting') waiting.push(event);
            else waiting.at(-1)!.push(...event);
          } else if (receivers === 0) {
            taken.push(channel.take());
            if (waiting.length > 0) assert.deepEqual(await soon(taken.at(-1)!), waiting.shift());
            else receivers = 1;
          }
          assert.equal(channel.depth, waiting.length);
          assert.ok(channel.depth <= capacity);
        }
        channel.close();
        while (channel.depth > 0) taken.push(channel.take());
        const events = await soon(Promise.all(taken));
        assert.deepEqual(
          events.flatMap((event) => event ?? []),
          Array.from({ length: puts }, (_, id) => id),
        );
      }),
    );
  });
});
