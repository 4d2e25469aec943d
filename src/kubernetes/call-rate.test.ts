import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import {
  eventBurst,
  eventQps,
  unfairMemoryMs,
  CallRate,
  writeRateLine,
  TokenBucket,
  type RateInForce,
} from './call-rate.ts';

const never = new AbortController().signal;
const fair = { 'x-kubernetes-pf-flowschema-uid': 'schema', 'x-kubernetes-pf-prioritylevel-uid': 'level' };

function bench(limits: { readonly qps?: number; readonly burst?: number } = {}) {
  const clock = new FakeClock();
  const told: RateInForce[] = [];
  const rate = new CallRate({ clock, ...limits, onChange: (change) => told.push(change) });
  return { clock, told, rate };
}

/** How many of so many calls at once are let through within so long. */
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

describe('TokenBucket', () => {
  it('lets a burst through at once, then one call after the other', async () => {
    const clock = new FakeClock();
    const limiter = new TokenBucket({ clock, qps: 10, burst: 3 });
    const granted: number[] = [];
    const start = clock.now();
    for (let call = 0; call < 6; call++) void limiter.acquire(never).then(() => granted.push(clock.now() - start));
    await clock.advanceAsync(1000);
    assert.deepEqual(granted, [0, 0, 0, 100, 200, 300]);
    assert.equal(clock.pending(), 0);
  });

  it('fills up again while it rests, up to the burst', async () => {
    const clock = new FakeClock();
    const limiter = new TokenBucket({ clock, qps: 10, burst: 2 });
    assert.deepEqual(await Promise.all([limiter.acquire(never), limiter.acquire(never)]), [0, 0]);
    clock.advance(10_000);
    assert.deepEqual(await Promise.all([limiter.acquire(never), limiter.acquire(never)]), [0, 0]);
    const third = limiter.acquire(never);
    clock.advance(100);
    assert.equal(await third, 100);
  });

  it('makes nobody wait longer when the clock is set back', async () => {
    const clock = new FakeClock();
    const limiter = new TokenBucket({ clock, qps: 10, burst: 1 });
    await limiter.acquire(never);
    clock.advance(-24 * 3_600_000);
    const waits: number[] = [];
    void limiter.acquire(never).then((waitedMs) => waits.push(waitedMs));
    await clock.advanceAsync(100);
    assert.deepEqual(waits, [100]);
  });

  it('gives the place of one who goes away to the next who comes, and leaves nothing behind', async () => {
    const clock = new FakeClock();
    const limiter = new TokenBucket({ clock, qps: 10, burst: 1 });
    await limiter.acquire(never);
    const { signal, abort } = controller();
    const gone = assert.rejects(limiter.acquire(signal), { message: 'gone' });
    abort();
    await gone;
    assert.deepEqual([clock.pending(), getEventListeners(signal, 'abort').length], [0, 0]);
    const next = limiter.acquire(never);
    clock.advance(100);
    assert.equal(await next, 100);
  });

  it('refuses a signal that is aborted already without taking a place', async () => {
    const clock = new FakeClock();
    const limiter = new TokenBucket({ clock, qps: 10, burst: 1 });
    const { signal, abort } = controller();
    abort();
    await assert.rejects(limiter.acquire(signal), { message: 'gone' });
    assert.equal(await limiter.acquire(never), 0);
  });

  it('never lets more through than the burst and the rate allow, whenever the calls come', async () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(
        pauses,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 5 }),
        async (gaps, qps, burst) => {
          const clock = new FakeClock(0);
          const limiter = new TokenBucket({ clock, qps, burst });
          const granted: number[] = [];
          for (const gap of gaps) {
            await clock.advanceAsync(gap);
            void limiter.acquire(never).then(() => granted.push(clock.now()));
          }
          await clock.advanceAsync(60_000);
          assert.equal(granted.length, gaps.length);
          for (const [first, from] of granted.entries()) {
            for (const [last, to] of granted.entries()) {
              if (last < first) continue;
              assert.ok(last - first + 1 <= burst + (qps * (to - from)) / 1000 + 1e-6, granted.join());
            }
          }
        },
      ),
      { numRuns: 15 },
    );
  });
});

function controller() {
  const abort = new AbortController();
  return { signal: abort.signal, abort: () => abort.abort(new Error('gone')) };
}
