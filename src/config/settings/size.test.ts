import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatSize, parseSize, suggestSize } from './size.ts';
import { cpuMsOf } from '../../runtime/slices.fixture.ts';

const sizeLike = fc.stringMatching(/^[-+ .0-9KMGTkmgiBb]{0,20}$/);

describe('parseSize', () => {
  const good: [text: string, bytes: number][] = [
    ['0B', 0],
    ['512B', 512],
    ['64KiB', 65_536],
    ['16MiB', 16_777_216],
    ['1GiB', 1_073_741_824],
    ['9007199254740991B', Number.MAX_SAFE_INTEGER],
  ];
  for (const [text, bytes] of good) it(`reads ${text}`, () => assert.equal(parseSize(text), bytes));

  const bad = [
    '',
    '16',
    '16MB',
    '16M',
    '16Mi',
    '16mib',
    '16 MiB',
    '1.5GiB',
    '-1B',
    '1TiB',
    'MiB',
    '16MiB\n',
    '8388608GiB',
  ];
  for (const text of bad) it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseSize(text), undefined));

  it('never throws, and gives a whole number from 0 up or nothing', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), sizeLike), (text) => {
        const bytes = parseSize(text);
        assert.ok(bytes === undefined || (Number.isSafeInteger(bytes) && bytes >= 0));
      }),
    );
  });
});

describe('formatSize', () => {
  const rows: [bytes: number, text: string][] = [
    [0, '0B'],
    [1000, '1000B'],
    [1536, '1536B'],
    [65_536, '64KiB'],
    [16_777_216, '16MiB'],
    [1_099_511_627_776, '1024GiB'],
  ];
  for (const [bytes, text] of rows) it(`writes ${bytes} as ${text}`, () => assert.equal(formatSize(bytes), text));

  it('is read back as the same size', () => {
    fc.assert(fc.property(fc.maxSafeNat(), (bytes) => assert.equal(parseSize(formatSize(bytes)), bytes)));
    fc.assert(fc.property(fc.nat(), (n) => assert.equal(parseSize(formatSize(n * 1024)), n * 1024)));
  });
});

describe('suggestSize', () => {
  const rows: [text: string, expected: string | undefined][] = [
    ['16MB', '16MiB'],
    ['16M', '16MiB'],
    ['16Mi', '16MiB'],
    ['16mib', '16MiB'],
    ['16 MiB', '16MiB'],
    ['1.5GiB', '1536MiB'],
    ['2TiB', '2048GiB'],
    ['512 bytes', '512B'],
    ['16777216', '16MiB'],
    ['-1B', undefined],
    ['16MX', undefined],
    ['', undefined],
  ];
  for (const [text, expected] of rows) {
    it(`takes "${text}" for ${expected}`, () => assert.equal(suggestSize(text), expected));
  }

  it('is done at once with a text of any length', () => {
    const text = `1${' '.repeat(1_000_000)}x`;
    assert.ok(cpuMsOf(() => assert.equal(suggestSize(text), undefined)) < 2000);
  });

  it('never throws, and suggests only what parseSize reads', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), sizeLike), (text) => {
        const suggestion = suggestSize(text);
        assert.ok(suggestion === undefined || parseSize(suggestion) !== undefined);
      }),
    );
  });
});
