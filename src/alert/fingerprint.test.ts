import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fingerprint } from './fingerprint.ts';
import type { LabelSet } from './labels.ts';

/** The answers of Alertmanager 0.34.2. */
const recorded: readonly (readonly [labels: LabelSet, fingerprint: string])[] = [
  [{ alertname: 'x' }, 'd240efc3896bf266'],
  [{ alertname: 'amt', node: 'bar', team: 'a' }, '86389a1cdfee5f8b'],
  [{ alertname: 't_mix1' }, '0cbab14ed8bb6418'],
  [{ foo: 't_noname' }, '206086d2cbd2957e'],
  [{ alertname: 't_utf8', 'ключ.x': 'c' }, '0f0c89014779e03b'],
  [{ a: '2', alertname: 't_dup' }, '6c13ae663ab8139b'],
  [{ '9': 'b', '10': 'a', a: 'c' }, '5204e2cb5602d64c'],
  [{ '\u007f': '\u0080', '\u07ff': '\u0800' }, 'b2b6e997f4b062a8'],
  [{ '\uffff': 'a', '\u{10000}': 'b' }, 'bbe5e6bec2012269'],
  [{ '\ue000': 'a', '\ud7ff': 'b', '\u{10ffff}': 'c' }, '3e7fd7254fd8fa23'],
  [{ 'a\u{1f600}': '1', 'a\uff61': '2', a: '3' }, '640755e782e40a82'],
  [{ name: '\ufffd\ufeff' }, '92ad6e7960b8ec0c'],
  [{ emoji: '🔥 on 🖥️', text: '中文' }, 'e5db95bb88742793'],
  [{ control: '\u0000\u0001\n\t', blank: ' ' }, 'e7783cea5fd5a708'],
  [{ ['__proto__']: 'p', constructor: 'c', alertname: 'x' }, '0489d01db9d2a35b'],
];

const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string());
const pairs = fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 12 });

describe('fingerprint', () => {
  for (const [labels, expected] of recorded) {
    it(`is Alertmanager's for ${JSON.stringify(labels)}`, () => {
      assert.equal(fingerprint(labels), expected);
    });
  }

  it('is the offset basis for no labels', () => {
    assert.equal(fingerprint({}), 'cbf29ce484222325');
  });

  it('distinguishes the end of a name from the beginning of a value', () => {
    assert.notEqual(fingerprint({ ab: 'c' }), fingerprint({ a: 'bc' }));
    assert.notEqual(fingerprint({ a: 'b', c: 'd' }), fingerprint({ a: 'bcd' }));
  });

  it('sorts names by their bytes, not their code units, two names as well as many', () => {
    // By code units, U+10000 comes before U+FFFF.
    assert.equal(fingerprint({ '\u{10000}': 'b', '\uffff': 'a' }), 'bbe5e6bec2012269');
    assert.equal(fingerprint({ b: '2', a: '1' }), fingerprint({ a: '1', b: '2' }));
  });

  it('is the FNV-1a of the sorted bytes', () => {
    fc.assert(
      fc.property(pairs, (labels) => assert.equal(fingerprint(Object.fromEntries(labels)), naiveFingerprint(labels))),
    );
  });

  it('does not depend on the order of the labels', () => {
    const shuffled = pairs.chain((labels) =>
      fc.tuple(fc.constant(labels), fc.shuffledSubarray(labels, { minLength: labels.length })),
    );
    fc.assert(
      fc.property(shuffled, ([labels, others]) => {
        assert.equal(fingerprint(Object.fromEntries(labels)), fingerprint(Object.fromEntries(others)));
      }),
    );
  });
});

/** The definition, step by step, with 64-bit numbers. */
function naiveFingerprint(labels: readonly (readonly [name: string, value: string])[]): string {
  const sorted = labels.map(([name, value]) => [Buffer.from(name), Buffer.from(value)] as const);
  sorted.sort(([a], [b]) => Buffer.compare(a, b));
  let hash = 0xcbf29ce484222325n;
  for (const [name, value] of sorted) {
    for (const byte of [...name, 0xff, ...value, 0xff])
      hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, '0');
}
