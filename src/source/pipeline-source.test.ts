import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { Resync } from './pipeline-source.ts';

interface Bench {
  readonly clock: FakeClock;
  readonly resync: Resync;
  readonly reconfigure: (periodMs: number) => void;
  /** The times of its sweeps, milliseconds after the start. */
  readonly sweeps: readonly number[];
}

function bench(initialMs: number, random?: () => number): Bench {
  const clock = new FakeClock();
  const start = clock.now();
  const sweeps: number[] = [];
  const sweep = (): void => void sweeps.push(clock.now() - start);
  let periodMs = initialMs;
  const resync = new Resync({ clock, periodMs: () => periodMs, sweep, ...(random && { random }) });
  const reconfigure = (nextMs: number): void => {
    periodMs = nextMs;
    resync.reconfigure();
  };
  return { clock, sweeps, resync, reconfigure };
}

describe('resync', () => {
  it('sweeps once a period, again and again', () => {
    const { clock, resync, sweeps } = bench(600_000, () => 0.5);
    resync.start();
    clock.advance(599_999);
    assert.deepEqual(sweeps, []);
    clock.advance(1_200_001);
    assert.deepEqual(sweeps, [600_000, 1_200_000, 1_800_000]);
    resync.close();
  });

  it('makes each period up to a tenth shorter or longer', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1, maxLength: 10 }),
        (randoms) => {
          let next = 0;
          const { clock, resync, sweeps } = bench(600_000, () => randoms[next++ % randoms.length]!);
          resync.start();
          clock.advance(6_600_000);
          resync.close();
          const periods = sweeps.map((at, index) => at - (sweeps[index - 1] ?? 0));
          for (const period of periods) assert.ok(period >= 539_999 && period <= 660_001, `${period}`);
          assert.ok(periods.length >= 9);
        },
      ),
    );
  });

  it('reaches from a tenth shorter to a tenth longer', () => {
    const randoms = [0, 1 - Number.EPSILON];
    const { clock, resync, sweeps } = bench(600_000, () => randoms.shift() ?? 0.5);
    resync.start();
    clock.advance(1_300_000);
    assert.deepEqual(sweeps.map(Math.round), [540_000, 1_200_000]);
    resync.close();
  });

  it('does not sweep at the same time everywhere: by default the periods differ', () => {
    const firsts = Array.from({ length: 20 }, () => {
      const { clock, resync, sweeps } = bench(600_000);
      resync.start();
      clock.advance(700_000);
      resync.close();
      return sweeps[0];
    });
    assert.ok(new Set(firsts).size > 1);
  });

  it('never sweeps if the period is 0', () => {
    const { clock, resync, sweeps } = bench(0);
    resync.start();
    assert.equal(clock.pending(), 0);
    clock.advance(1_000_000_000);
    assert.deepEqual(sweeps, []);
    resync.close();
  });

  it('leaves no timer when it is closed, started or not, during a sweep or twice', () => {
    const { clock, resync } = bench(600_000);
    resync.close();
    resync.start();
    clock.advance(3_000_000);
    resync.close();
    resync.close();
    assert.equal(clock.pending(), 0);

    const inner = new Resync({ clock, periodMs: () => 1000, sweep: () => inner.close() });
    inner.start();
    clock.advance(10_000);
    assert.equal(clock.pending(), 0);
  });
});

describe('Resync.reconfigure', () => {
  it('begins a period of another length at once; before the start, and with the same length, it does nothing', () => {
    const { clock, resync, sweeps, reconfigure } = bench(1000, () => 0.5);
    reconfigure(600_000);
    assert.equal(clock.pending(), 0);
    resync.start();
    clock.advance(599_999);
    reconfigure(600_000);
    clock.advance(1);
    reconfigure(60_000);
    clock.advance(120_000);
    reconfigure(0);
    clock.advance(6_000_000);
    assert.deepEqual(sweeps, [600_000, 660_000, 720_000]);
    reconfigure(1000);
    clock.advance(1000);
    assert.equal(sweeps.length, 4);
    resync.close();
    assert.equal(clock.pending(), 0);
  });
});
