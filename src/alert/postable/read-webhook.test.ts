import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { PostableAlert } from '../alert.ts';
import { readAlerts } from './read-alerts.ts';
import { readWebhookAlerts, readWebhookHead, type WebhookHead } from './read-webhook.ts';
import { JsonError } from '../../text/json-scanner.ts';

const now = Date.parse('2026-11-21T03:00:00Z');
const zero = '0001-01-01T00:00:00Z';
const before = '2026-11-21T02:00:00.123456789Z';
const later = '2026-11-21T04:00:00Z';

function read(text: string): PostableAlert[] {
  return [...readWebhookAlerts(text, 64, now)].filter((step) => step !== undefined);
}

function readOne(fields: object): PostableAlert {
  return read(JSON.stringify({ version: '4', alerts: [{ labels: { alertname: 'A' }, ...fields }], status: 'x' }))[0]!;
}

describe('readWebhookAlerts', () => {
  it('gives a firing alert no end, as Alertmanager writes it', () => {
    const { startsAt, endsAt } = readOne({ status: 'firing', startsAt: before, endsAt: zero });
    assert.deepEqual([Math.floor(startsAt!), endsAt], [Date.parse('2026-11-21T02:00:00.123Z'), undefined]);
  });

  it('keeps the end of a resolved alert', () => {
    const end = '2026-11-21T02:30:00Z';
    const { startsAt, endsAt } = readOne({ status: 'resolved', startsAt: before, endsAt: end });
    assert.deepEqual([Math.floor(startsAt!), endsAt], [Date.parse('2026-11-21T02:00:00.123Z'), Date.parse(end)]);
  });

  for (const [what, startsAt, endsAt] of [
    ['in the future, by our clock', before, later],
    ['absent', before, zero],
  ] as const) {
    it(`ends a resolved alert now if its end is ${what}`, () => {
      assert.equal(readOne({ status: 'resolved', startsAt, endsAt }).endsAt, now);
    });
  }

  it('lets no resolved alert start after its end', () => {
    const { startsAt, endsAt, invalid } = readOne({ status: 'resolved', startsAt: later, endsAt: later });
    assert.deepEqual([startsAt, endsAt, invalid], [now, now, undefined]);
  });

  it('takes the times as they are if there is no status', () => {
    assert.equal(readOne({ endsAt: later }).endsAt, Date.parse(later));
    assert.equal(readOne({ status: null }).endsAt, undefined);
  });

  it('passes over unknown fields and members', () => {
    assert.equal(
      read('{"x":[{"alerts":1}],"alerts":[{"labels":{"a":"b"},"fingerprint":7,"y":{}}],"z":null}').length,
      1,
    );
    assert.deepEqual([read('{"alerts":null}'), read('{"alerts":[]}'), read('{}')], [[], [], []]);
  });

  it('leaves out a link that is not a URI, and keeps the alert', () => {
    const urlsOf = (url: string): readonly unknown[] =>
      read(JSON.stringify({ alerts: [{ labels: { a: '1' }, generatorURL: url }] })).map(
        ({ generatorURL }) => generatorURL,
      );
    assert.deepEqual([urlsOf('?orgId=1'), urlsOf('foo'), urlsOf('/view?orgId=1')], [[''], [''], ['/view?orgId=1']]);
  });

  for (const [alerts, message] of [
    ['{}', 'at character 10 there is "{", expected a list: alerts'],
    ['[1]', 'at character 11 there is "1", expected an object: alerts[0]'],
    ['[{"labels":{}},null]', 'at character 25 there is "n", expected an object: alerts[1]'],
    ['[{}]', 'alerts[0].labels is missing'],
    ['[{"labels":null}]', 'alerts[0].labels is missing'],
    ['[{"labels":{"a":1}}]', 'at character 26 there is "1", expected a string: alerts[0].labels'],
    [
      '[{"labels":{}},{"annotations":[]}]',
      'at character 40 there is "[", expected an object of strings: alerts[1].annotations',
    ],
    ['[{"labels":{},"startsAt":"now"}]', 'alerts[0].startsAt is no date-time: "now", expected RFC 3339'],
    ['[{"labels":{},"endsAt":5}]', 'at character 33 there is "5", expected a string: alerts[0].endsAt'],
    ['[{"labels":{},"status":"ok"}]', 'alerts[0].status is "ok", expected "firing" or "resolved"'],
    ['[{"labels":{},"status":1}]', 'at character 33 there is "1", expected a string: alerts[0].status'],
  ] as const) {
    it(`refuses alerts: ${alerts}`, () => {
      assert.throws(() => read(`{"alerts":${alerts}}`), { name: 'JsonError', message });
    });
  }

  it('reads labels and annotations as the other format does', () => {
    const set = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }));
    fc.assert(
      fc.property(fc.array(fc.record({ labels: set, annotations: set })), (alerts) => {
        const other = [...readAlerts(JSON.stringify(alerts), 64)];
        const firing = alerts.map((alert) => ({ status: 'firing', ...alert, startsAt: zero, endsAt: zero }));
        assert.deepEqual(
          read(JSON.stringify({ alerts: firing })),
          other.filter((step) => step !== undefined),
        );
      }),
    );
  });
});

function readHead(text: string): WebhookHead {
  const steps = readWebhookHead(text);
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
}

describe('readWebhookHead', () => {
  it('reads the fields that it needs, in any order, and passes over the rest', () => {
    const text =
      '{"receiver":"team\\\\.a","status":"firing","alerts":[{"x":1}],"routeLabels":{},"truncatedAlerts":3,' +
      '"notification_reason":5,"groupKey":"{}:{}","version":"4"}\n';
    assert.deepEqual(readHead(text), { receiver: 'team\\.a', groupKey: '{}:{}', truncatedAlerts: 3 });
  });

  it('treats null as absent', () => {
    const nothing = { receiver: undefined, groupKey: undefined, truncatedAlerts: 0 };
    assert.deepEqual(readHead('{"version":"4","alerts":[]}'), nothing);
    const nulls = '{"version":"4","alerts":null,"receiver":null,"groupKey":null,"truncatedAlerts":null}';
    assert.deepEqual(readHead(nulls), nothing);
  });

  it('keeps no more of a text than a line of the log holds', () => {
    assert.equal(readHead(`{"version":"4","alerts":[],"groupKey":"${'x'.repeat(1000)}"}`).groupKey?.length, 256);
  });

  for (const version of ['"version":"4",', '"version":"1",', '"version":null,', ''])
    it(`reads a payload with ${version || 'no version'}`, () => {
      assert.equal(readHead(`{${version}"alerts":[]}`).truncatedAlerts, 0);
    });

  const which = 'expected "4", which every Alertmanager sends, or "1", which Grafana sends';
  for (const [text, message] of [
    ['', 'at character 0 there is the end of the body, expected an object: the payload of a webhook of Alertmanager'],
    ['[]', 'at character 0 there is "[", expected an object: the payload of a webhook of Alertmanager'],
    ['{"version":"","alerts":[]}', `version is "", ${which}`],
    ['{"version":"3","alerts":[]}', `version is "3", ${which}`],
    ['{"version":"5","alerts":{"a":1}}', `version is "5", ${which}`],
    ['{"version":4}', 'at character 11 there is "4", expected a string: version'],
    ['{"version":"4"}', 'alerts is missing'],
    ['{"truncatedAlerts":-1}', 'truncatedAlerts is no whole number from 0 up'],
    ['{"truncatedAlerts":1.5}', 'truncatedAlerts is no whole number from 0 up'],
    ['{"truncatedAlerts":true}', 'truncatedAlerts is no whole number from 0 up'],
    ['{"truncatedAlerts":"1"}', 'at character 19 there is "\\"", expected a whole number: truncatedAlerts'],
    ['{"version":"4","alerts":[]}{', 'at character 27 there is "{", expected the end'],
    ['{"version":"4","alerts":[01]}', 'at character 26 there is "1", expected "," or "]"'],
  ] as const) {
    it(`refuses ${text}`, () => assert.throws(() => readHead(text), { name: 'JsonError', message }));
  }

  it('gives a head, or says why not in a JsonError', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), (json, cut) => {
        for (const alerts of [json, json.slice(0, cut % (json.length + 1))]) {
          try {
            assert.equal(readHead(`{"alerts":${alerts.toWellFormed()},"version":"4"}`).truncatedAlerts, 0);
          } catch (error) {
            assert.ok(error instanceof JsonError, String(error));
          }
        }
      }),
    );
  });
});
