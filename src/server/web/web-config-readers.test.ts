import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readGoDuration } from './web-config-readers.ts';

describe('readGoDuration', () => {
  const rows: readonly (readonly [unknown, number | undefined])[] = [
    [0, 0],
    ['0', 0],
    ['1s', 1000],
    ['100ms', 100],
    ['1.5s', 1500],
    ['.5s', 500],
    ['1m30s', 90_000],
    ['1h', 3_600_000],
    ['500us', 0.5],
    ['500µs', 0.5],
    ['5', undefined],
    [5, undefined],
    ['1d', undefined],
    ['-1s', undefined],
    ['1 s', undefined],
    ['', undefined],
    [null, undefined],
    [`${'9'.repeat(90)}h`, undefined],
  ];
  for (const [found, ms] of rows) {
    it(`reads ${JSON.stringify(found)} as ${ms}`, () => {
      const reading = readGoDuration(found);
      assert.equal('value' in reading ? reading.value : undefined, ms);
    });
  }

  it('adds up hours, minutes and seconds', () => {
    const count = fc.integer({ min: 0, max: 1000 });
    fc.assert(
      fc.property(count, count, count, (h, m, s) =>
        assert.deepEqual(readGoDuration(`${h}h${m}m${s}s`), { value: ((h * 60 + m) * 60 + s) * 1000 }),
      ),
    );
  });
});
