import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { KnownAlerts } from './postable-alert.ts';
import type { PostableAlert } from '../alert.ts';
import { labelKey, labelSetOf, TextHash, type LabelSet } from '../labels.ts';
import { readAlerts } from './read-alerts.ts';
import { readPrometheusAlerts, TextCursor } from './read-prometheus-alerts.ts';

interface SentAlert {
  readonly annotations?: LabelSet;
  readonly endsAt: string;
  readonly startsAt: string;
  readonly generatorURL: string;
  readonly labels: LabelSet;
}

const instanceDown: SentAlert = {
  annotations: { summary: 'a:9090 is down' },
  endsAt: '2026-11-21T03:12:54.829Z',
  startsAt: '2026-11-21T03:08:54.829Z',
  generatorURL: 'http://prometheus:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1',
  labels: { alertname: 'InstanceDown', instance: 'a:9090' },
};

const { generatorURL: _, ...bareAlert } = instanceDown;

/** JSON as Go writes it: no blanks, and characters that are special in HTML are escaped. */
function written(alerts: readonly SentAlert[]): string {
  return JSON.stringify(alerts).replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026');
}

/** A store that has these alerts. */
function stored(...alerts: readonly Pick<SentAlert, 'labels' | 'annotations'>[]): KnownAlerts {
  const known = alerts.map(({ labels, annotations }) => {
    return { key: labelKey(labels), labels, annotations: JSON.stringify(annotations ?? {}) };
  });
  const byKey = new Map(known.map((alert) => [alert.key, alert]));
  return { find: (key, keyHash) => (keyHash === TextHash.of(key) ? byKey.get(key) : undefined) };
}

function readQuickly(json: string, maxLabels: number, known = stored()): PostableAlert[] | undefined {
  return readPrometheusAlerts(Buffer.from(json), json, maxLabels, known);
}

/** In the order in which Prometheus writes them. */
function sorted(set: LabelSet): LabelSet {
  return Object.fromEntries(Object.entries(set).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Characters that look like the end of a piece, or are not allowed in a string. */
const unit = fc.constantFrom(
  'a',
  'b',
  '"',
  '\\',
  '}',
  '}}',
  '},',
  '{',
  ',"endsAt":"',
  '","startsAt":"',
  ',"labels":',
  ']',
  '<',
  '\n',
  '\0',
);
const odd = fc.array(unit, { maxLength: 4 }).map((units) => units.join(''));
const text = fc.oneof({ weight: 3, arbitrary: fc.constantFrom('x', 'y', 'a b') }, odd);
const labelSet = fc.dictionary(fc.oneof(fc.constantFrom('alertname', 'a', '1', '10', '__proto__', ''), text), text, {
  maxKeys: 4,
  noNullPrototype: true,
});
const orderedSet = fc.oneof(labelSet, labelSet.map(sorted));
/** Often equal to that of the alert before. */
const time = fc.oneof(
  fc.constantFrom(instanceDown.startsAt, instanceDown.endsAt),
  fc.date({ min: new Date(1), max: new Date('9999-12-31'), noInvalidDate: true }).map((at) => at.toISOString()),
);
const sentAlert: fc.Arbitrary<SentAlert> = fc.record(
  {
    annotations: orderedSet,
    endsAt: time,
    startsAt: time,
    generatorURL: fc.oneof({ weight: 4, arbitrary: fc.constantFrom('', '/a') }, text),
    labels: orderedSet,
  },
  { requiredKeys: ['endsAt', 'startsAt', 'generatorURL', 'labels'] },
);
const body = fc.array(sentAlert, { minLength: 1, maxLength: 3 });

describe('readPrometheusAlerts', () => {
  it('gives what readAlerts gives, or nothing, whatever is stored', () => {
    let answers = 0;
    fc.assert(
      fc.property(body, fc.array(sentAlert, { maxLength: 2 }), fc.boolean(), (alerts, others, known) => {
        const json = written(alerts);
        const find = stored(...[...others, ...(known ? alerts : [])].filter(isStorable));
        const read = readQuickly(json, 3, find);
        if (read === undefined) return;
        answers++;
        assert.deepEqual(comparable(read), comparable(readCarefully(json, 3)));
      }),
      { numRuns: 5000 },
    );
    assert.ok(answers > 500, `${answers} answers`);
  });

  it('accepts nothing that readAlerts refuses: a character missing, changed or doubled', () => {
    const json = written([instanceDown, { ...instanceDown, labels: { alertname: 'B' } }]);
    const find = stored(instanceDown);
    for (let at = 0; at < json.length; at++) {
      for (const put of ['', '}', '"', ',', 'x', json[at]! + json[at]!]) {
        const broken = json.slice(0, at) + put + json.slice(at + 1);
        const read = readQuickly(broken, 64, find);
        if (read !== undefined) assert.deepEqual(comparable(read), comparable(readCarefully(broken, 64)), broken);
      }
    }
  });

  it('reads what Prometheus sends, with and without annotations', () => {
    const { annotations: _annotations, ...bare } = instanceDown;
    const json = written([instanceDown, bare]);
    assert.deepEqual(comparable(readQuickly(json, 64) ?? []), comparable(readCarefully(json, 64)));
    assert.equal(readQuickly(json, 64)?.length, 2);
  });

  it('takes the labels of a stored alert from the store', () => {
    const labels = { alertname: 'DiskFull', device: 'C:\\' };
    const [alert] = readQuickly(written([{ ...instanceDown, labels }]), 64, stored({ labels })) ?? [];
    assert.equal(alert?.labels, labels);
  });

  it('keeps the text of annotations, even with escapes in values, but not with escapes in a name', () => {
    const annotationsOf = (annotations: LabelSet): unknown =>
      readQuickly(written([{ ...instanceDown, annotations }]), 64)?.[0]?.annotations;
    assert.equal(annotationsOf({ a: 'b', c: '' }), '{"a":"b","c":""}');
    assert.equal(annotationsOf({ a: '"b\n' }), String.raw`{"a":"\"b\n"}`);
    assert.deepEqual(annotationsOf({ 'a"': 'b' }), { 'a"': 'b' });
    assert.deepEqual(annotationsOf({ c: 'd', a: 'b' }), { c: 'd', a: 'b' });
  });

  const unusual: readonly (readonly [what: string, text: string])[] = [
    ['blanks', JSON.stringify([instanceDown], undefined, 1)],
    ['fields in another order', JSON.stringify([{ generatorURL: '/a', ...bareAlert }])],
    ['a field more', written([instanceDown]).replace('"startsAt"', '"x":"y","startsAt"')],
    ['a time in another layout', written([{ ...instanceDown, endsAt: '2026-11-21T03:12:54Z' }])],
    ['1970', written([{ ...instanceDown, startsAt: '1970-01-01T00:00:00.000Z' }])],
    ['no URL', written([{ ...instanceDown, generatorURL: 'foo' }])],
    ['a label that is a number', written([instanceDown]).replace('"a:9090"}', '5,"b":"c"}')],
    ['what follows the list', `${written([instanceDown])} x`],
    ['an empty list', '[]'],
  ];
  for (const [what, json] of unusual) {
    it(`leaves to the other readers: ${what}`, () => assert.equal(readQuickly(json, 64), undefined));
  }
});

function readCarefully(json: string, maxLabels: number): PostableAlert[] {
  return [...readAlerts(json, maxLabels)].filter((step) => step !== undefined);
}

/** An alert without labels, with an empty name or with an empty label value is never stored. */
function isStorable({ labels, annotations = {} }: SentAlert): boolean {
  const names = [...Object.keys(labels), ...Object.keys(annotations)];
  const counts = [labels, annotations].map((set) => Object.keys(set).length);
  return counts[0]! > 0 && Math.max(...counts) <= 3 && !names.includes('') && !Object.values(labels).includes('');
}

/** Nothing of an invalid alert is stored, so its labels do not matter. */
function comparable(alerts: readonly PostableAlert[]): readonly unknown[] {
  return alerts.map(({ key, labels, annotations, startsAt, endsAt, generatorURL, invalid }) => {
    const times = { startsAt, endsAt, generatorURL, invalid };
    return invalid === undefined ? { key, labels, annotations: labelSetOf(annotations), ...times } : { key, ...times };
  });
}

describe('TextCursor', () => {
  it('takes a text apart from beginning to end', () => {
    const cursor = new TextCursor('[{"a":"b"},"2026","url";', 1);
    assert.deepEqual(cursor.objectBefore(',"'), { text: '{"a":"b"}', from: 1, end: 10 });
    assert.equal(cursor.charactersBefore(4, '","'), '2026');
    assert.equal(cursor.upTo('";'), 'url');
    assert.equal(cursor.isAtEnd, true);
  });

  it('passes over a brace that does not end the object, or is not followed by the expected text', () => {
    assert.equal(new TextCursor('{"a":"}","b":"c"}}', 0).objectBefore('}')?.text, '{"a":"}","b":"c"}');
    assert.equal(new TextCursor('{"a":"b"}{"c":"d"};', 0).objectBefore(';')?.text, '{"a":"b"}{"c":"d"}');
  });

  it('stays in place if the expected text does not follow', () => {
    const cursor = new TextCursor('ab"c', 0);
    assert.equal(cursor.pass('b'), false);
    assert.equal(cursor.objectBefore(''), undefined);
    assert.equal(cursor.charactersBefore(1, 'x'), undefined);
    assert.equal(cursor.upTo('"x'), undefined);
    assert.equal(cursor.upTo('"c'), 'ab');
    assert.equal(cursor.upTo('"'), undefined);
  });
});
