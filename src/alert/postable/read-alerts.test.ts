import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { alertsBody } from '../alert-json.fixture.ts';
import type { JsonText } from '../../text/json-reader.ts';
import { BatchError } from './postable-alert.ts';
import type { PostableAlert } from '../alert.ts';
import { readAlerts, fieldName, type FieldName } from './read-alerts.ts';

function read(text: string, maxLabels = 64): PostableAlert[] {
  return [...readAlerts(text, maxLabels)].filter((step) => step !== undefined);
}

function readOne(fields: string): PostableAlert {
  const [alert, ...others] = read(`[{"labels":{"alertname":"A"}${fields}}]`);
  assert.ok(alert !== undefined && others.length === 0);
  return alert;
}

const plain: PostableAlert = {
  key: '{"alertname":"A"}',
  labels: { alertname: 'A' },
  annotations: {},
  startsAt: undefined,
  endsAt: undefined,
  generatorURL: '',
  invalid: undefined,
};
const time = '2026-11-21T03:08:54.829Z';
const timeMs = Date.parse(time);

describe('readAlerts, body', () => {
  for (const text of ['[]', 'null', ' \n [ ] ', '[] x', '[][', '[]]', 'null x', 'nullx']) {
    it(`finds no alerts in ${JSON.stringify(text)}`, () => assert.deepEqual(read(text), []));
  }

  for (const text of ['', ' \t\r\n']) {
    it(`does not find the alerts in ${JSON.stringify(text)}`, () => {
      assert.throws(() => read(text), { status: 422, code: 602, message: 'alerts in body is required' });
    });
  }

  it('gives the alerts in order', () => {
    const alerts = read('[{"labels":{"a":"1"}},{"labels":{"a":"2"}},{"labels":{"a":"1"}}]');
    assert.deepEqual(
      alerts.map(({ key }) => key),
      ['{"a":"1"}', '{"a":"2"}', '{"a":"1"}'],
    );
  });

  it('gives each alert before it reads the next', () => {
    const steps = readAlerts('[{"labels":{"a":"1"}},x', 64);
    let alert: PostableAlert | undefined;
    while (alert === undefined) alert = steps.next().value ?? undefined;
    assert.deepEqual(alert.labels, { a: '1' });
    assert.throws(() => [...steps], BatchError);
  });

  it('reads pieces as it reads the whole', () => {
    const outcome = (text: JsonText): unknown => {
      try {
        return [...readAlerts(text, 64)].filter((step) => step !== undefined);
      } catch (error) {
        return error;
      }
    };
    fc.assert(
      fc.property(alertsBody, fc.nat(), fc.integer({ min: 1, max: 40 }), ({ text }, cut, size) => {
        const body = text.slice(0, cut % (2 * text.length + 1)).toWellFormed();
        const pieces = Array.from({ length: Math.ceil(body.length / size) }, (_, index) =>
          body.slice(index * size, (index + 1) * size),
        );
        assert.deepEqual(
          outcome(() => pieces),
          outcome(body),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('gives alerts, or says why not in a BatchError', () => {
    fc.assert(
      fc.property(alertsBody, fc.nat(), ({ text }, cut) => {
        for (const body of [text, text.slice(0, cut % (text.length + 1)).toWellFormed()]) {
          try {
            assert.ok(read(body).every(({ labels }) => typeof labels === 'object'));
          } catch (error) {
            assert.ok(error instanceof BatchError, String(error));
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('readAlerts, fields', () => {
  const rows: readonly (readonly [what: string, fields: string, expected: Partial<PostableAlert>])[] = [
    ['nothing but labels', '', {}],
    [
      'all of them',
      `,"annotations":{"a":"b"},"startsAt":"${time}","endsAt":"${time}","generatorURL":"http://h/"`,
      { annotations: { a: 'b' }, startsAt: timeMs, endsAt: timeMs, generatorURL: 'http://h/' },
    ],
    ['null for absent', ',"annotations":null,"startsAt":null,"endsAt":null,"generatorURL":null', {}],
    ['an empty URL for absent', ',"generatorURL":""', {}],
    ['the zero time for absent', ',"startsAt":"0001-01-01T00:00:00Z","endsAt":"0001-01-01T02:00:00+02:00"', {}],
    ['1970 for an empty time', ',"startsAt":"","endsAt":""', { startsAt: 0, endsAt: 0 }],
    ['times before 1970', ',"startsAt":"1969-12-31T23:59:59Z"', { startsAt: -1000 }],
    ['times in every layout', ',"startsAt":"2026-11-21 03:08:54,829"', { startsAt: timeMs }],
    ['no unknown fields', ',"status":{"state":["active",{}]},"foo":5,"":null,"__proto__":"x","constructor":[]', {}],
    [
      'names in any letter case',
      `,"ANNOTATIONS":{"a":"b"},"startsat":"${time}","GeneratorUrl":"/x"`,
      {
        annotations: { a: 'b' },
        startsAt: timeMs,
        generatorURL: '/x',
      },
    ],
    [
      'names with a long s',
      `,"annotationſ":{"a":"b"},"ſtartſAt":"${time}"`,
      { annotations: { a: 'b' }, startsAt: timeMs },
    ],
    ['names with escapes', `,"\\u0073tartsAt":"${time}"`, { startsAt: timeMs }],
    ['null annotation values as empty', ',"annotations":{"a":null,"b":""}', { annotations: { a: '', b: '' } }],
    ['the last of fields given twice', ',"generatorURL":"/x","generatorURL":"/y"', { generatorURL: '/y' }],
    ['annotations again after null', ',"annotations":{"a":"b"},"annotations":null', {}],
    [
      'a time before null',
      `,"startsAt":"${time}","startsAt":null,"endsAt":"${time}","endsAt":null`,
      {
        startsAt: timeMs,
        endsAt: timeMs,
      },
    ],
    ['no time before the zero time', `,"startsAt":"${time}","startsAt":"0001-01-01T00:00:00Z","startsAt":null`, {}],
    ['a URL that is good at last', ',"generatorURL":"foo","generatorURL":null', {}],
  ];
  for (const [what, fields, expected] of rows) {
    it(`reads ${what}`, () => assert.deepEqual(readOne(fields), { ...plain, ...expected }));
  }

  it('accepts no other letters for those of a field name', () => {
    assert.deepEqual(readOne(`,"ſtartsAt ":"x","startsA\u0442":"x","\u212alabels":"x","generatorURL\u0130":5`), plain);
  });
});

describe('readAlerts, labels', () => {
  const rows: readonly (readonly [what: string, labels: string, expected: PostableAlert['labels'] | string])[] = [
    ['drops empty values', '{"a":"","b":"c"}', { b: 'c' }],
    ['takes null for an empty value', '{"a":null,"b":"c"}', { b: 'c' }],
    ['takes the last of two labels', '{"a":"x","a":"y"}', { a: 'y' }],
    ['drops a label whose last value is null', '{"a":"x","b":"c","a":null}', { b: 'c' }],
    ['takes any text', '{"":"","a-b.ключ":"\\u0000\\n 😀","1":"\\ud800"}', { 'a-b.ключ': '\0\n 😀', '1': '\ufffd' }],
    ['refuses an alert without labels', '{}', 'at least one label pair required'],
    ['refuses an alert with empty values alone', '{"a":"","b":null}', 'at least one label pair required'],
    ['refuses an empty name', '{"":"x"}', 'invalid label set: invalid name ""'],
  ];
  for (const [what, labels, expected] of rows) {
    it(what, () => {
      const [alert] = read(`[{"labels":${labels}}]`);
      if (typeof expected === 'string') assert.equal(alert?.invalid, expected);
      else assert.deepEqual(alert?.labels, expected);
    });
  }

  it('accepts names of object properties', () => {
    const [alert] = read('[{"labels":{"__proto__":"p","constructor":"c","toString":"t"}}]');
    assert.deepEqual(Object.entries(alert!.labels), [
      ['__proto__', 'p'],
      ['constructor', 'c'],
      ['toString', 't'],
    ]);
    assert.equal(alert?.invalid, undefined);
  });

  it('names the limit that an alert exceeds, and keeps no more of it than that takes', () => {
    const labels = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`l${i}`, 'x']));
    const [alert, next] = read(JSON.stringify([{ labels }, { labels: { a: 'b' }, annotations: labels }]), 10);
    assert.equal(alert?.invalid, 'more than 10 labels, the limit receiver.max_labels_per_alert');
    assert.equal(Object.keys(alert.labels).length, 11);
    assert.equal(next?.invalid, 'more than 10 annotations, the limit receiver.max_labels_per_alert');
    assert.equal(Object.keys(next.annotations).length, 11);
  });

  it('counts each name once', () => {
    assert.equal(read('[{"labels":{"a":"1","a":"2","a":"3"}}]', 1)[0]?.invalid, undefined);
  });
});

describe('readAlerts, refusals', () => {
  const unreadable = 'parsing alerts body from "" failed, because ';
  const rows: readonly (readonly [text: string, code: number, message: string])[] = [
    ['{}', 400, 'at character 0 there is "{", expected an array of alerts: the body is a list, as Prometheus sends it'],
    [
      '\ufeff[]',
      400,
      'at character 0 there is "\ufeff", expected an array of alerts: the body is a list, as Prometheus sends it',
    ],
    ['[', 400, 'at character 1 there is the end of the body, expected an object: alert 0 is none'],
    ['[1]', 400, 'at character 1 there is "1", expected an object: alert 0 is none'],
    ['[{"labels":{"a":"b"}},null]', 400, 'at character 22 there is "n", expected an object: alert 1 is none'],
    ['[{"labels":{"a":1}}]', 400, 'at character 16 there is "1", expected a string: 0.labels'],
    ['[{"labels":[]}]', 400, 'at character 11 there is "[", expected an object of strings: 0.labels'],
    ['[{"annotations":{"a":[]}}]', 400, 'at character 21 there is "[", expected a string: 0.annotations'],
    ['[{"startsAt":5}]', 400, 'at character 13 there is "5", expected a string: 0.startsAt'],
    ['[{"startsAt":"now"}]', 400, '0.startsAt is no date-time: "now", expected RFC 3339'],
    ['[{"endsAt":"2026-11-21T03:08:60Z"}]', 400, '0.endsAt is no date-time: "2026-11-21T03:08:60Z", expected RFC 3339'],
    ['[{"generatorURL":5}]', 400, 'at character 17 there is "5", expected a string: 0.generatorURL'],
    ['[{"foo":01}]', 400, 'at character 9 there is "1", expected "," or "}"'],
    ['[{}]', 602, '0.labels in body is required'],
    ['[{"labels":null}]', 602, '0.labels in body is required'],
    ['[{"labels":{"a":"b"},"labels":null}]', 602, '0.labels in body is required'],
    ['[{"labels":{"a":"b"}},{},{"labels":null}]', 602, '1.labels in body is required'],
    ['[{"generatorURL":"foo"}]', 601, '0.generatorURL in body must be of type uri: "foo"'],
    ['[{},{"labels":{"a":"b"},"generatorURL":"foo"}]', 602, '0.labels in body is required'],
    ['[{},{"labels":{"a":1}}]', 400, 'at character 19 there is "1", expected a string: 1.labels'],
    ['[{}', 400, 'at character 3 there is the end of the body, expected "," or "]"'],
  ];
  for (const [text, code, message] of rows) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      const expected = code === 400 ? { status: 400, message: unreadable + message } : { status: 422, message };
      assert.throws(() => read(text), { name: 'BatchError', code, ...expected });
    });
  }

  it('refuses a time that is far too long, at once', () => {
    const text = `[{"startsAt":"2026-11-21T03:08:54.${'1'.repeat(1_000_000)}Z"}]`;
    assert.throws(() => read(text), {
      status: 400,
      message: /0\.startsAt is no date-time: "2026-11-21T03:08:54\.1{40}"/,
    });
  });
});

describe('readAlerts, steps', () => {
  const million = 1_000_000;
  const long: readonly (readonly [what: string, text: string])[] = [
    ['blanks', ' '.repeat(million)],
    ['a label value', `[{"labels":{"a":"${'x'.repeat(million)}"}}]`],
    ['a label name', `[{"labels":{"${'x'.repeat(million)}":"a"}}]`],
    ['many labels', `[{"labels":{${'"a":"b",'.repeat(million / 8)}"a":"b"}}]`],
    ['many fields', `[{${'"endsAt":null,'.repeat(million / 14)}"labels":{}}]`],
    ['many unknown fields', `[{${'"x":[{}],'.repeat(million / 9)}"labels":{}}]`],
    ['the name of a field', `[{"${'x'.repeat(million)}":1}]`],
    ['an unknown field', `[{"x":"${'x'.repeat(million)}"}]`],
    ['a time', `[{"startsAt":"${'1'.repeat(million)}"}]`],
    ['many alerts after one without labels', `[{}${',{}'.repeat(million / 3)}]`],
    ['blanks behind an alert', `[{"labels":{}}${' '.repeat(million)}]`],
  ];
  for (const [what, text] of long) {
    it(`takes many steps for ${what}`, () => {
      let steps = 0;
      try {
        for (const _ of readAlerts(text, 64)) steps++;
      } catch (error) {
        assert.ok(error instanceof BatchError);
      }
      assert.ok(steps >= Math.floor(million / (65_536 + 6)), `${steps} steps`);
    });
  }
});

const fields: readonly FieldName[] = ['labels', 'annotations', 'startsAt', 'endsAt', 'generatorURL'];

describe('fieldName', () => {
  it('finds each field in any letter case, with either form of s', () => {
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.infiniteStream(fc.nat({ max: 2 })), (field, styles) => {
        const name = field.replaceAll(/./g, (letter) => styled(letter, styles.next().value as number));
        assert.equal(fieldName(name), field);
      }),
    );
  });

  it('finds no field in other names', () => {
    const others = [
      '',
      'label',
      'labels ',
      ' labels',
      'starts_at',
      'status',
      'generatorURLs',
      'constructor',
      '__proto__',
    ];
    // A dotted capital I, a Cyrillic a and t, and the Kelvin sign, which Go takes for a k.
    const lookalikes = ['annotat\u0130ons', 'l\u0430bels', 'startsA\u0442', 'labels\u212a'];
    for (const name of [...others, ...lookalikes]) assert.equal(fieldName(name), undefined, name);
  });
});

function styled(letter: string, style: number): string {
  if (style === 2 && letter === 's') return 'ſ';
  return style === 0 ? letter.toLowerCase() : letter.toUpperCase();
}
