import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { eventBurst, eventQps, unfairMemoryMs, CallRate, writeRateLine, type RateInForce } from './call-rate.ts';

const never = new AbortController().signal;
const fair = { 'x-kubernetes-pf-flowschema-uid': 'schema', 'x-kubernetes-pf-prioritylevel-uid': 'level' };

function bench(limits: { readonly qps?: number; readonly burst?: number } = {}) {
  const clock = new FakeClock();
  const told: RateInForce[] = [];
  const rate = new CallRate({ clock, ...limits, onChange: (change) => told.push(change) });
  return { clock, told, rate };
}

/** How many of this many simultaneous calls are admitted within this time. */
async function within(
  { clock, rate }: Pick<ReturnType<typeof bench>, 'clock' | 'rate'>,
  calls: number,
  ms: number,
): Promise<number> {
  let through = 0;
  const gone = new AbortController();
  for (let call = 0; call < calls; call++)
    rate.acquire(gone.signal).then(
      () => through++,
      () => undefined,
    );
  await clock.advanceAsync(ms);
  gone.abort();
  await clock.advanceAsync(0);
  return through;
}

describe('CallRate', () => {
  it('lets 30 calls through at once and 20 a second before anything is known of the server', async () => {
    const setup = bench();
    assert.equal(setup.rate.qps, 20);
    assert.equal(await within(setup, 1000, 1000), 50);
    assert.deepEqual(setup.told, []);
  });

  it('leaves it to a server whose answers show that it shares fairly', async () => {
    const setup = bench();
    setup.rate.observe(200, fair);
    assert.equal(setup.rate.qps, 0);
    assert.equal(await within(setup, 1000, 0), 1000);
    assert.deepEqual(setup.told, [{ by: 'server', flowSchema: 'schema', priorityLevel: 'level' }]);
  });

  it('limits calls of a server whose answers do not show it', async () => {
    for (const headers of [{}, { ...fair, 'x-kubernetes-pf-prioritylevel-uid': undefined }]) {
      const setup = bench();
      setup.rate.observe(200, headers);
      assert.equal(await within(setup, 1000, 1000), 50);
      assert.deepEqual(setup.told, [{ by: 'client', qps: 20, burst: 30 }]);
    }
  });

  it('keeps to a configured rate whatever the server shows', async () => {
    const setup = bench({ qps: 5, burst: 7 });
    setup.rate.observe(200, fair);
    assert.equal(setup.rate.qps, 5);
    assert.equal(await within(setup, 1000, 1000), 12);
    assert.deepEqual(setup.told, [{ by: 'configuration', qps: 5, burst: 7 }]);
  });

  it('takes half as much again for the burst of a configured rate, 30 at least', async () => {
    assert.equal(await within(bench({ qps: 5 }), 1000, 0), 30);
    assert.equal(await within(bench({ qps: 100 }), 1000, 0), 150);
  });

  it('learns nothing from a refusal: it may come from before the place where the server shares', () => {
    const { rate, told } = bench();
    rate.observe(200, fair);
    for (const status of [401, 429, 503]) rate.observe(status, {});
    assert.equal(rate.qps, 0);
    assert.equal(told.length, 1);
  });

  it('goes back to its own limit when an answer does not show it, and trusts it again a minute after the last such answer', () => {
    const { clock, rate, told } = bench();
    rate.observe(200, fair);
    rate.observe(200, {});
    rate.observe(200, fair);
    clock.advance(unfairMemoryMs - 1);
    rate.observe(200, fair);
    assert.equal(rate.qps, 20);
    clock.advance(1);
    rate.observe(200, fair);
    assert.equal(rate.qps, 0);
    assert.deepEqual(
      told.map(({ by }) => by),
      ['server', 'client', 'server'],
    );
  });

  it('rejects with the reason of a signal, whoever limits', async () => {
    const { rate } = bench();
    rate.observe(200, fair);
    const gone = AbortSignal.abort(new Error('gone'));
    await assert.rejects(rate.acquire(gone), { message: 'gone' });
    await assert.rejects(rate.acquireForEvent(gone), { message: 'gone' });
  });
});

describe('CallRate, Events', () => {
  it('has a limit of their own where the server shares fairly', async () => {
    const { clock, rate } = bench();
    rate.observe(200, fair);
    let written = 0;
    void (async () => {
      for (;;) {
        await rate.acquireForEvent(never);
        written++;
      }
    })();
    await clock.advanceAsync(0);
    assert.equal(written, eventBurst);
    await clock.advanceAsync(1000);
    assert.equal(written, eventBurst + eventQps);
  });

  it('delay no other call by more than one of theirs, and get what those leave', async () => {
    const clock = new FakeClock();
    const step = fc.record({ ms: fc.nat(2000), calls: fc.nat(40), isEvent: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const [alone, beside] = [
          { clock, qps: 20, burst: 30 },
          { clock, qps: 20, burst: 30 },
        ].map((options) => new CallRate(options));
        const at = { alone: [] as number[], beside: [] as number[] };
        let [events, begun] = [0, 0];
        const start = clock.now();
        let event = Promise.resolve();
        for (const { ms, calls, isEvent } of steps) {
          for (let call = 0; call < calls; call++) {
            void alone!.acquire(never).then(() => at.alone.push(clock.now() - start));
            void beside!.acquire(never).then(() => at.beside.push(clock.now() - start));
          }
          if (isEvent) {
            begun++;
            event = event.then(() => beside!.acquireForEvent(never)).then(() => void events++);
          }
          await clock.advanceAsync(ms);
        }
        await clock.advanceAsync(120_000);
        assert.equal(events, begun, 'an Event waits for ever');
        const late = at.beside.filter((ms, index) => ms > at.alone[index]! + 50);
        assert.deepEqual(late, []);
        const total = at.beside.length + events;
        assert.ok(total <= 30 + 20 * ((clock.now() - start) / 1000));
        assert.equal(at.alone.length, at.beside.length);
      }),
      { numRuns: 50 },
    );
  });

  it('wait while conditions wait', async () => {
    const { clock, rate } = bench({ qps: 10, burst: 10 });
    const order: string[] = [];
    for (let call = 0; call < 30; call++) void rate.acquire(never).then(() => order.push('condition'));
    void rate.acquireForEvent(never).then(() => order.push('event'));
    await clock.advanceAsync(10_000);
    assert.equal(order.indexOf('event'), 30);
  });
});

describe('api.rate', () => {
  it('says in one line which limit holds, and why', () => {
    const logger = new RecordingLogger();
    const { rate, told } = bench();
    rate.observe(200, fair);
    rate.observe(200, {});
    const configured = bench({ qps: 5, burst: 7 });
    configured.rate.observe(201, {});
    for (const change of [...told, ...configured.told]) writeRateLine(logger, change);
    assert.deepEqual(logger.valuesOf('api.rate', 'by', 'qps', 'burst', 'flow_schema_uid'), [
      ['server', undefined, undefined, 'schema'],
      ['client', 20, 30, undefined],
      ['configuration', 5, 7, undefined],
    ]);
  });
});
