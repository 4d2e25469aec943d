import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration, suggestDuration } from './duration.ts';

describe('parseDuration', () => {
  const good: [text: string, ms: number][] = [
    ['0', 0],
    ['0s', 0],
    ['1ms', 1],
    ['500ms', 500],
    ['007s', 7000],
    ['1m30s', 90_000],
    ['1h30m', 5_400_000],
    ['1d', 86_400_000],
    ['1w', 604_800_000],
    ['1y', 31_536_000_000],
    ['1y2w3d4h5m6s7ms', 33_019_506_007],
    ['90m', 5_400_000],
    ['9007199254740991ms', Number.MAX_SAFE_INTEGER],
  ];
  for (const [text, ms] of good) it(`reads ${text}`, () => assert.equal(parseDuration(text), ms));

  const bad: [why: string, text: string][] = [
    ['empty', ''],
    ['a number without unit', '5'],
    ['two zeros without unit', '00'],
    ['a fraction', '1.5h'],
    ['negative', '-5m'],
    ['signed', '+5m'],
    ['units in another order', '30m1h'],
    ['a unit twice', '1m1m'],
    ['a blank within', '1h 30m'],
    ['a blank after', '1h '],
    ['a line feed after', '1h\n'],
    ['an unknown unit', '5min'],
    ['upper case', '5M'],
    ['a unit alone', 'ms'],
    ['digits of another script', '٥m'],
    ['2^53 ms', '9007199254740992ms'],
    ['far too long', `${'9'.repeat(400)}y`],
  ];
  for (const [why, text] of bad) it(`refuses ${why}`, () => assert.equal(parseDuration(text), undefined));

  it('never throws, and gives a whole number from 0 up or nothing', () => {
    const durationLike = fc.stringMatching(/^[-+ .0-9ywdhms]{0,30}$/);
    fc.assert(
      fc.property(fc.oneof(fc.string(), durationLike), (text) => {
        const ms = parseDuration(text);
        assert.ok(ms === undefined || (Number.isSafeInteger(ms) && ms >= 0));
      }),
    );
  });
});

describe('formatDuration', () => {
  const rows: [ms: number, text: string][] = [
    [0, '0s'],
    [1, '1ms'],
    [90_000, '1m30s'],
    [300_000, '5m'],
    [691_200_000, '8d'],
    [1_209_600_000, '2w'],
    [31_536_000_000, '1y'],
    [31_536_000_001, '365d1ms'],
  ];
  for (const [ms, text] of rows) it(`writes ${ms} ms as ${text}`, () => assert.equal(formatDuration(ms), text));

  it('is read back as the same duration', () => {
    fc.assert(fc.property(fc.maxSafeNat(), (ms) => assert.equal(parseDuration(formatDuration(ms)), ms)));
    fc.assert(fc.property(fc.nat(100_000), (s) => assert.equal(parseDuration(formatDuration(s * 1000)), s * 1000)));
  });
});

describe('suggestDuration', () => {
  const rows: [text: string, expected: string | undefined][] = [
    ['90', '1m30s'],
    ['1.5h', '1h30m'],
    ['1h 30m', '1h30m'],
    ['30m1h', '1h30m'],
    ['5 minutes', '5m'],
    ['30sec', '30s'],
    ['10S', '10s'],
    ['-5m', undefined],
    ['5 apples', undefined],
    ['1h30', undefined],
    ['1..5h', undefined],
    ['soon', undefined],
    ['', undefined],
  ];
  for (const [text, expected] of rows) {
    it(`takes "${text}" for ${expected}`, () => assert.equal(suggestDuration(text), expected));
  }

  it('never throws, and suggests only what parseDuration reads', () => {
    const durationLike = fc.stringMatching(/^[-+ .0-9ywdhms]{0,30}$/);
    fc.assert(
      fc.property(fc.oneof(fc.string(), durationLike), (text) => {
        const suggestion = suggestDuration(text);
        assert.ok(suggestion === undefined || parseDuration(suggestion) !== undefined);
      }),
    );
  });
});
