import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatDateTime, isZeroTime, parseDateTime } from './date-time.ts';

/** A startsAt, and how Alertmanager 0.34.2 showed it: cut to milliseconds, with the sender's offset. */
const accepted: readonly (readonly [text: string, shown: string])[] = [
  ['2026-11-21T03:08:54.829Z', '2026-11-21T03:08:54.829Z'],
  ['2026-11-21T03:08:54Z', '2026-11-21T03:08:54.000Z'],
  ['2026-11-21T03:08:54.8Z', '2026-11-21T03:08:54.800Z'],
  ['2026-11-21T03:08:54.829123Z', '2026-11-21T03:08:54.829Z'],
  ['2026-11-21T03:08:54.829999999Z', '2026-11-21T03:08:54.829Z'],
  ['2026-11-21T03:08:54.8291234567891Z', '2026-11-21T03:08:54.829Z'],
  ['2026-11-21T03:08:54,829Z', '2026-11-21T03:08:54.829Z'],
  ['2026-11-21T03:08:54.829+02:00', '2026-11-21T03:08:54.829+02:00'],
  ['2026-11-21T03:08:54-03:30', '2026-11-21T03:08:54.000-03:30'],
  ['2026-11-21T03:08:54.829+0200', '2026-11-21T03:08:54.829+02:00'],
  ['2026-11-21T03:08:54.829123-0330', '2026-11-21T03:08:54.829-03:30'],
  ['2026-11-21T03:08:54', '2026-11-21T03:08:54.000Z'],
  ['2026-11-21T03:08:54.829', '2026-11-21T03:08:54.829Z'],
  ['2026-11-21T03:08Z', '2026-11-21T03:08:00.000Z'],
  ['2026-11-21T03:08', '2026-11-21T03:08:00.000Z'],
  ['2026-11-21 03:08:54', '2026-11-21T03:08:54.000Z'],
  ['2026-11-21 03:08:54,5', '2026-11-21T03:08:54.500Z'],
  ['2026-11-21   03:08:54', '2026-11-21T03:08:54.000Z'],
  ['2026-11-21', '2026-11-21T00:00:00.000Z'],
  ['2026-11-21T3:08:54Z', '2026-11-21T03:08:54.000Z'],
  ['2026-11-21T3:08Z', '2026-11-21T03:08:00.000Z'],
  ['2026-11-21 3:08:54', '2026-11-21T03:08:54.000Z'],
  ['2026-11-21T23:59:59.999Z', '2026-11-21T23:59:59.999Z'],
  ['2024-02-29', '2024-02-29T00:00:00.000Z'],
  ['2000-02-29', '2000-02-29T00:00:00.000Z'],
  ['0000-02-29', '0000-02-29T00:00:00.000Z'],
  ['0000-01-01T00:00:00Z', '0000-01-01T00:00:00.000Z'],
  ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ['9999-12-31T23:59:59.999999999Z', '9999-12-31T23:59:59.999Z'],
  ['2026-11-21T03:08:54+24:00', '2026-11-21T03:08:54.000+24:00'],
  ['2026-11-21T03:08:54-24:60', '2026-11-21T03:08:54.000-25:00'],
  ['2026-11-21T03:08:54.+12Z', '2026-11-21T03:08:54.012Z'],
  ['2026-11-21T03:08:54.+12345+0200', '2026-11-21T03:08:54.012+02:00'],
  ['2026-11-21T03:08:54.-00-02:00', '2026-11-21T03:08:54.000-02:00'],
  ['', '1970-01-01T00:00:00.000Z'],
  ['0001-01-01T00:00:00.000000001Z', '0001-01-01T00:00:00.000Z'],
  ['0001-01-01T00:00:00.001Z', '0001-01-01T00:00:00.001Z'],
  ['0001-01-01T00:00:01Z', '0001-01-01T00:00:01.000Z'],
  ['0001-01-01T00:00:00+02:00', '0001-01-01T00:00:00.000+02:00'],
  ['1969-12-31T23:59:59.9995Z', '1969-12-31T23:59:59.999Z'],
  ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z'],
];

const refused = [
  '2026-11-21T03:08:54.8291+0200',
  '2026-11-21T03:08:54+0200',
  '2026-11-21T03:08:54.829+02',
  '2026-11-21T03:08+02:00',
  '2026-11-21 03:08',
  '2026-11-21 03:08:54Z',
  '2026-11-21 03:08:54+02:00',
  '2026-11-21Z',
  '2026-11-21T',
  '2026-11-21 ',
  '2026-11',
  '2026-11-21T03:8:54Z',
  '2026-1-21',
  '2026-11-21t03:08:54Z',
  '2026-11-21T03:08:54z',
  '2026-11-21T03:08:54.829z',
  '2026-11-21T03:08:60Z',
  '2026-11-21T03:60:54Z',
  '2026-11-21T24:00:00Z',
  '2026-00-21',
  '2026-13-21',
  '2026-11-00',
  '2026-11-31',
  '2026-02-29',
  '2024-02-30',
  '1900-02-29',
  '10000-01-01T00:00:00Z',
  '-001-01-01T00:00:00Z',
  '+2026-11-21T03:08:54Z',
  ' 2026-11-21T03:08:54Z',
  '2026-11-21T03:08:54Z ',
  '2026-11-21T03:08:54.829Z\n',
  '2026-11-21T03:08:54.Z',
  '2026-11-21T03:08:54,',
  '2026-11-21T03:08:54;829Z',
  '2026-11-21T03:08:54.82xZ',
  '202x-11-21T03:08:54.829Z',
  '2026-11-21T03:08:5x.829Z',
  '2026-11-21T03-08:54.829Z',
  '2026/11/21T03:08:54.829Z',
  '2026-11-21T03:08:54.829+',
  '2026-11-21T03:08:54+25:00',
  '2026-11-21T03:08:54+23:61',
  '2026-11-21T03:08:54.-01Z',
  '2026-11-21T03:08:54.+12',
  '2026-11-21T03:08:54.+1234Z',
  '2026-11-21 03:08:54.+12',
  'now',
  '1795230534',
  'Sat, 21 Nov 2026 03:08:54 GMT',
  '２０２６-11-21',
];

/** A startsAt that Alertmanager 0.34.2 treated as absent. */
const absent = [
  '0001-01-01T00:00:00Z',
  '0001-01-01T00:00:00.000Z',
  '0001-01-01T00:00:00',
  '0001-01-01',
  '0001-01-01 00:00:00.000000000',
  '0001-01-01T02:00:00+02:00',
  '0000-12-31T22:00:00.000-0200',
  '0001-01-01T00:00:00.0000000009Z',
];

const anyMs = fc.integer({ min: Date.parse('0000-01-01T00:00:00.000Z'), max: Date.parse('9999-12-31T23:59:59.999Z') });
const recentMs = fc.integer({
  min: Date.parse('1970-01-01T00:00:00.000Z'),
  max: Date.parse('2099-12-31T23:59:59.999Z'),
});

describe('parseDateTime', () => {
  for (const [text, shown] of accepted) {
    it(`takes ${JSON.stringify(text)}`, () => {
      const ms = parseDateTime(text);
      assert.ok(ms !== undefined);
      assert.equal(Math.floor(ms), utcMs(shown));
    });
  }

  for (const text of refused) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseDateTime(text), undefined));
  }

  it('reads what formatDateTime writes', () => {
    fc.assert(fc.property(anyMs, (ms) => assert.equal(parseDateTime(formatDateTime(ms)), ms)));
  });

  it('reads the usual form as it reads the same time in any other form', () => {
    fc.assert(
      fc.property(anyMs, (ms) => {
        const text = formatDateTime(ms);
        for (const other of [
          `${text.slice(0, -1)}+00:00`,
          `${text.slice(0, -1)}000Z`,
          text.replace('.', ','),
          text.replace('Z', ''),
        ]) {
          assert.equal(parseDateTime(other), ms);
        }
      }),
    );
  });

  it('refuses the usual form with any one character changed to a letter', () => {
    fc.assert(
      fc.property(recentMs, fc.nat(23), fc.constantFrom('x', 't', 'z', '/', ':', '\u0660'), (ms, at, character) => {
        const text = formatDateTime(ms);
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        assert.equal(parseDateTime(changed), changed === text ? ms : undefined);
      }),
    );
  });

  it('subtracts the offset', () => {
    fc.assert(
      fc.property(recentMs, fc.integer({ min: -24 * 60, max: 24 * 60 }), (ms, minutes) => {
        const [hh, mm] = [Math.trunc(Math.abs(minutes) / 60), Math.abs(minutes) % 60].map((n) =>
          String(n).padStart(2, '0'),
        );
        const text = `${formatDateTime(ms).slice(0, -1)}${minutes < 0 ? '-' : '+'}${hh}:${mm}`;
        assert.equal(parseDateTime(text), ms - minutes * 60_000);
      }),
    );
  });

  it('keeps microseconds', () => {
    fc.assert(
      fc.property(recentMs, fc.nat(999), (ms, microseconds) => {
        const parsed = parseDateTime(`${formatDateTime(ms).slice(0, -1)}${String(microseconds).padStart(3, '0')}Z`);
        assert.ok(parsed !== undefined);
        assert.equal(Math.round((parsed - ms) * 1000), microseconds);
      }),
    );
  });

  it('never rounds a fraction to a whole millisecond', () => {
    fc.assert(
      fc.property(anyMs, fc.integer({ min: 1, max: 999_999 }), (ms, nanoseconds) => {
        const parsed = parseDateTime(`${formatDateTime(ms).slice(0, -1)}${String(nanoseconds).padStart(6, '0')}Z`);
        assert.ok(parsed !== undefined);
        assert.ok(parsed > ms && parsed < ms + 1, `${parsed} is not between ${ms} and the next`);
      }),
    );
  });

  it('takes the nearest representable fraction in a far year', () => {
    // the distance between two doubles is 1/32 there
    assert.equal(parseDateTime('9999-12-31T23:59:59.998000001Z'), 253402300799998 + 1 / 32);
    assert.equal(parseDateTime('9999-12-31T23:59:59.998999999Z'), 253402300799999 - 1 / 32);
  });

  it('gives a number or undefined for every text', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0129-+:.,TZ ') }), nearlyDateTime());
    fc.assert(
      fc.property(text, (input) => assert.ok(!Number.isNaN(parseDateTime(input)))),
      { numRuns: 1000 },
    );
  });
});

describe('isZeroTime', () => {
  for (const text of absent) {
    it(`is true for ${JSON.stringify(text)}`, () => {
      assert.equal(isZeroTime(text), true);
      assert.equal(isZeroTime(parseDateTime(text)!), true);
    });
  }

  it('is false for every other accepted text, even one a nanosecond later', () => {
    for (const [text] of accepted) assert.equal(isZeroTime(text), false, text);
  });

  it('is false for a text that is not a date-time', () => {
    assert.equal(isZeroTime('0001-01-01T00:00:00z'), false);
  });
});

describe('formatDateTime', () => {
  it('writes three digits, and cuts off the rest', () => {
    assert.equal(formatDateTime(0), '1970-01-01T00:00:00.000Z');
    assert.equal(formatDateTime(1795230534829.9998), '2026-11-21T03:08:54.829Z');
    assert.equal(formatDateTime(-0.5), '1969-12-31T23:59:59.999Z');
  });

  it('stays within the years of four digits', () => {
    assert.equal(formatDateTime(parseDateTime('9999-12-31T23:59:59-01:00')!), '9999-12-31T23:59:59.999Z');
    assert.equal(formatDateTime(parseDateTime('0000-01-01T00:00:00+01:00')!), '0000-01-01T00:00:00.000Z');
  });
});

/** Date-times with a few characters changed. */
function nearlyDateTime(): fc.Arbitrary<string> {
  const change = fc.tuple(fc.nat(30), fc.nat(2), fc.string({ unit: fc.constantFrom(...'0129-+:.,TZ '), maxLength: 2 }));
  return fc
    .tuple(fc.constantFrom(...accepted, ...absent.map((text) => [text])), fc.array(change, { maxLength: 3 }))
    .map(([[text], changes]) =>
      changes.reduce(
        (changed, [at, removed, added]) => changed.slice(0, at) + added + changed.slice(at + removed),
        text,
      ),
    );
}

/** Alertmanager shows an offset of 25 hours where the sender wrote 24 hours and 60 minutes; Date reads neither. */
function utcMs(shown: string): number {
  const [, local, sign, hours, minutes] = /^(.{23})(?:Z|([+-])(\d\d):(\d\d))$/.exec(shown)!;
  const offsetMinutes = Number(hours ?? 0) * 60 + Number(minutes ?? 0);
  return Date.parse(`${local}Z`) - (sign === '-' ? -1 : 1) * offsetMinutes * 60_000;
}
