import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { labelKey, TextHash, fingerprint, type LabelSet } from './labels.ts';

/** Few characters, so that texts are often equal or prefixes of each other; some of them are special in a key. */
const character = fc.constantFrom('a', '\0', '"', '\\', '1', '\ufffd', '\ue000', '😀');
const someText = fc.string({ unit: character, maxLength: 3 });
const someName = fc.oneof(someText, fc.constantFrom('__proto__', 'constructor', '10', '9', 'alertname'));
const someLabels = fc.array(fc.tuple(someName, someText), { maxLength: 4 });

/** Makes every label an own property, even `__proto__`. */
function labelSet(pairs: readonly (readonly [string, string])[]): LabelSet {
  return Object.fromEntries(pairs);
}

function sameLabels(a: LabelSet, b: LabelSet): boolean {
  const left = new Map(Object.entries(a));
  const right = new Map(Object.entries(b));
  return left.size === right.size && [...left].every(([label, value]) => right.get(label) === value);
}

describe('labelKey', () => {
  it('is equal for equal label sets only', () => {
    fc.assert(
      fc.property(someLabels, someLabels, (a, b) => {
        const [left, right] = [labelSet(a), labelSet(b)];
        assert.equal(labelKey(left) === labelKey(right), sameLabels(left, right));
      }),
      { numRuns: 20_000 },
    );
  });

  it('changes with every single character', () => {
    fc.assert(
      fc.property(someLabels, character, character, (list, from, to) => {
        const changed = list.map(([label, value]) => [label, value.replace(from, to)] as const);
        const [left, right] = [labelSet(list), labelSet(changed)];
        assert.equal(labelKey(left) === labelKey(right), sameLabels(left, right));
      }),
      { numRuns: 5000 },
    );
  });

  it('does not depend on the order of the labels', () => {
    fc.assert(
      fc.property(
        someLabels.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        ([list, shuffled]) => {
          const [left, right] = [labelSet(list), labelSet(shuffled)];
          fc.pre(sameLabels(left, right));
          assert.equal(labelKey(left), labelKey(right));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('distinguishes labels that are alike when written one after the other', () => {
    const alike = [
      { a: 'b\0c\0d' },
      { a: 'b', c: 'd' },
      { a: 'b\0', c: 'd' },
      { a: 'b', '\0c': 'd' },
      { 'a\0b': 'c', d: '' },
      { ab: 'cd' },
      { a: 'bcd' },
    ];
    assert.equal(new Set(alike.map(labelKey)).size, alike.length);
  });

  it('is the text of the labels in a POST of Prometheus', () => {
    const sent = '{"alertname":"InstanceDown","instance":"a:9090","job":"app"}';
    assert.equal(labelKey(JSON.parse(sent) as LabelSet), sent);
  });

  it('sorts names that are numbers, which objects put before all other names', () => {
    assert.equal(labelKey({ b: '1', 10: '2', 9: '3', a: '4' }), '{"10":"2","9":"3","a":"4","b":"1"}');
  });
});

function hashOf(text: string, before = ''): number {
  const bytes = Buffer.from(`${before}${text}...`);
  return new TextHash(bytes).of(before.length, before.length + text.length);
}

describe('TextHash', () => {
  it('is the same for the same text, wherever it stands', () => {
    const text = fc.string({ unit: 'grapheme-ascii', minLength: 4 });
    fc.assert(
      fc.property(text, fc.string({ unit: 'grapheme-ascii' }), (piece, before) => {
        assert.equal(hashOf(piece, before), hashOf(piece));
      }),
    );
  });

  it('is the same for a separate text', () => {
    const text = fc.string({ unit: 'grapheme-ascii', minLength: 4 });
    fc.assert(fc.property(text, (piece) => assert.equal(TextHash.of(piece), hashOf(piece))));
    const long = 'x'.repeat(9000);
    assert.equal(TextHash.of(long), hashOf(long, 'before'));
  });

  it('covers the first kilobytes of a long text, and its length', () => {
    const long = 'x'.repeat(100_000);
    assert.equal(TextHash.of(`${long}y`), TextHash.of(`${long}z`));
    assert.notEqual(TextHash.of(`${long}y`), TextHash.of(`${long}zz`));
  });

  it('accepts any text', () => {
    fc.assert(fc.property(fc.string(), (text) => assert.equal(TextHash.of(text), TextHash.of(text) | 0)));
  });

  it('distinguishes texts that differ in one character, at every place', () => {
    const text = '{"alertname":"InstanceDown"}';
    const hashes = Array.from(text, (_, at) => hashOf(`${text.slice(0, at)}~${text.slice(at + 1)}`));
    assert.equal(new Set([hashOf(text), ...hashes]).size, text.length + 1);
  });

  it('has hardly a collision among similar labels', () => {
    const hashes = Array.from({ length: 50_000 }, (_, n) =>
      hashOf(`{"alertname":"A","instance":"10.1.${n}:8080","pod":"p-${n}"}`),
    );
    assert.ok(new Set(hashes).size > 49_990);
  });
});

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

const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string());
const pairs = fc.uniqueArray(fc.tuple(anyText, anyText), {
  selector: ([name]) => name,
  maxLength: 12,
});

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
