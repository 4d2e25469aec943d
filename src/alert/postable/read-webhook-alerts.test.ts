import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { PostableAlert } from './postable-alert.ts';
import { readAlerts } from './read-alerts.ts';
import { readWebhookAlerts } from './read-webhook-alerts.ts';

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
  it('gives an alert that fires no end, as Alertmanager writes it', () => {
    const { startsAt, endsAt } = readOne({ status: 'firing', startsAt: before, endsAt: zero });
    assert.deepEqual([Math.floor(startsAt!), endsAt], [Date.parse('2026-11-21T02:00:00.123Z'), undefined]);
  });

  it('keeps the end of an alert that is resolved', () => {
    const end = '2026-11-21T02:30:00Z';
    const { startsAt, endsAt } = readOne({ status: 'resolved', startsAt: before, endsAt: end });
    assert.deepEqual([Math.floor(startsAt!), endsAt], [Date.parse('2026-11-21T02:00:00.123Z'), Date.parse(end)]);
  });

  for (const [what, startsAt, endsAt] of [
    ['in the future, by our clock', before, later],
    ['absent', before, zero],
  ] as const) {
    it(`ends an alert that is resolved now, if its end is ${what}`, () => {
      assert.equal(readOne({ status: 'resolved', startsAt, endsAt }).endsAt, now);
    });
  }

  it('lets no alert that is resolved start after its end', () => {
    const { startsAt, endsAt, invalid } = readOne({ status: 'resolved', startsAt: later, endsAt: later });
    assert.deepEqual([startsAt, endsAt, invalid], [now, now, undefined]);
  });

  it('takes the times as they are if there is no status', () => {
    assert.equal(readOne({ endsAt: later }).endsAt, Date.parse(later));
    assert.equal(readOne({ status: null }).endsAt, undefined);
  });

  it('passes over fields and members that it does not know', () => {
    assert.equal(
      read('{"x":[{"alerts":1}],"alerts":[{"labels":{"a":"b"},"fingerprint":7,"y":{}}],"z":null}').length,
      1,
    );
    assert.deepEqual([read('{"alerts":null}'), read('{"alerts":[]}'), read('{}')], [[], [], []]);
  });

  it('leaves out a link that is none, and keeps the alert', () => {
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

  it('makes of labels and annotations what the other door makes of them', () => {
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
