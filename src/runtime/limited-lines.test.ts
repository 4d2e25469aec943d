import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from './clock.fixture.ts';
import { RecordingLogger } from './logger.fixture.ts';
import { LimitedLines, LineOnceAWhile } from './limited-lines.ts';

function setUp(perSecond: number) {
  const clock = new FakeClock();
  const overflows: number[] = [];
  const logger = new RecordingLogger();
  const limiter = new LimitedLines({
    clock,
    logger,
    perSecond: () => perSecond,
    onOverflow: ({ lines }) => overflows.push(lines),
  });
  const end = (): void => logger.atEnd.forEach((write) => write());
  const ask = (times: number): boolean[] => Array.from({ length: times }, () => limiter.allows());
  return { clock, overflows, end, ask };
}

describe('LimitedLines', () => {
  it('allows this many lines a second, and reports the number of the others at its end', () => {
    const { clock, overflows, ask } = setUp(2);
    assert.deepEqual(ask(5), [true, true, false, false, false]);
    clock.advance(999);
    assert.deepEqual(ask(1), [false]);
    assert.deepEqual(overflows, []);
    clock.advance(1);
    assert.deepEqual(overflows, [4]);
    assert.deepEqual(ask(3), [true, true, false]);
    clock.advance(1000);
    assert.deepEqual(overflows, [4, 1]);
    assert.equal(clock.pending(), 0);
  });

  it('sets no timer and reports nothing while the limit is not exceeded', () => {
    const { clock, overflows, end, ask } = setUp(2);
    assert.deepEqual(ask(2), [true, true]);
    assert.equal(clock.pending(), 0);
    clock.advance(1000);
    assert.deepEqual(ask(2), [true, true]);
    end();
    assert.deepEqual(overflows, []);
  });

  it('counts a second from its first line, not from its first refusal', () => {
    const { clock, overflows, ask } = setUp(1);
    ask(1);
    clock.advance(600);
    assert.deepEqual(ask(1), [false]);
    clock.advance(399);
    assert.deepEqual(overflows, []);
    clock.advance(1);
    assert.deepEqual(overflows, [1]);
  });

  it('allows no line with a limit of 0', () => {
    const { clock, overflows, ask } = setUp(0);
    assert.deepEqual(ask(2), [false, false]);
    clock.advance(1000);
    assert.deepEqual(overflows, [2]);
  });

  it('begins a new second when the clock is set back', () => {
    const { clock, ask } = setUp(1);
    assert.deepEqual(ask(1), [true]);
    clock.advance(-60_000);
    assert.deepEqual(ask(1), [true]);
  });

  it('reports when the app ends what it has not reported, once, and leaves no timer', () => {
    const { clock, overflows, end, ask } = setUp(1);
    ask(3);
    end();
    assert.deepEqual(overflows, [2]);
    assert.equal(clock.pending(), 0);
    end();
    clock.advance(5000);
    assert.deepEqual(overflows, [2]);
  });

  it('never allows more in a second, and reports every refusal exactly once', () => {
    const step = fc.record({ afterMs: fc.constantFrom(0, 1, 300, 999, 1000, 1001, 2500), lines: fc.nat(6) });
    fc.assert(
      fc.property(fc.nat(4), fc.array(step, { maxLength: 40, size: 'max' }), (perSecond, steps) => {
        const { clock, overflows, end, ask } = setUp(perSecond);
        let secondStartedAt = Number.NEGATIVE_INFINITY;
        let inSecond = 0;
        const expected: number[] = [];
        const endSecond = (): void => {
          if (inSecond > perSecond) expected.push(inSecond - perSecond);
          inSecond = 0;
        };
        for (const { afterMs, lines } of steps) {
          clock.advance(afterMs);
          if (clock.now() - secondStartedAt >= 1000) endSecond();
          assert.deepEqual(overflows, expected);
          for (const allowed of ask(lines)) {
            if (inSecond === 0 && clock.now() - secondStartedAt >= 1000) secondStartedAt = clock.now();
            assert.equal(allowed, ++inSecond <= perSecond);
          }
        }
        endSecond();
        end();
        assert.deepEqual(overflows, expected);
        assert.equal(clock.pending(), 0);
      }),
      { numRuns: 500 },
    );
  });
});

describe('LineOnceAWhile', () => {
  it('allows a line, and the next one when the period is over', () => {
    const clock = new FakeClock();
    const line = new LineOnceAWhile(clock, 1000);
    assert.deepEqual([line.allows(), line.allows()], [true, false]);
    clock.advance(999);
    assert.equal(line.allows(), false);
    clock.advance(1);
    assert.deepEqual([line.allows(), line.allows()], [true, false]);
  });

  it('is not silent for long after the clock was set back', () => {
    const clock = new FakeClock();
    const line = new LineOnceAWhile(clock, 1000);
    assert.equal(line.allows(), true);
    clock.set(-1_000_000);
    assert.deepEqual([line.allows(), line.allows()], [true, false]);
  });
});
