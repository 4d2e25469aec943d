import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { alertsBody } from '../alert-json.fixture.ts';
import { BatchError } from './postable-alert.ts';
import type { PostableAlert } from '../alert.ts';
import { readAlerts } from './read-alerts.ts';
import { readAlertsFast } from './read-usual-alerts.ts';

function readCarefully(text: string, maxLabels: number): PostableAlert[] {
  return [...readAlerts(text, maxLabels)].filter((step) => step !== undefined);
}

/** Nothing of an invalid alert is stored, so not all of its labels matter. */
function comparable(alerts: readonly PostableAlert[]): readonly unknown[] {
  return alerts.map((alert) =>
    alert.invalid === undefined ? alert : { ...alert, labels: undefined, annotations: undefined },
  );
}

describe('readAlertsFast', () => {
  it('gives the same alerts as readAlerts, or none', () => {
    let answers = 0;
    let runs = 0;
    fc.assert(
      fc.property(alertsBody, fc.constantFrom(1, 3, 64), ({ text, deduplicated }, maxLabels) => {
        runs++;
        const alerts = readAlertsFast(text, maxLabels);
        if (alerts === undefined) return;
        answers++;
        assert.deepEqual(comparable(alerts), comparable(readCarefully(deduplicated, maxLabels)));
      }),
      { numRuns: 3000 },
    );
    assert.ok(answers > runs / 4, `it gave ${answers} answers to ${runs} bodies`);
    assert.ok(answers < (runs * 3) / 4, `it gave ${answers} answers to ${runs} bodies`);
  });

  it('differs from readAlerts only where members of the same name hide each other', () => {
    fc.assert(
      fc.property(alertsBody, ({ text, deduplicated }) => {
        const alerts = readAlertsFast(text, 64);
        if (alerts === undefined) return;
        try {
          assert.deepEqual(comparable(readCarefully(text, 64)), comparable(alerts));
        } catch (error) {
          assert.ok(error instanceof BatchError, String(error));
          assert.notEqual(text, deduplicated);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('reads what Prometheus sends', () => {
    const alert = {
      labels: { alertname: 'InstanceDown', instance: 'a:9090' },
      annotations: { summary: 'a:9090 <is> down' },
      startsAt: '2026-11-21T03:08:54.829Z',
      endsAt: '2026-11-21T03:12:54.829Z',
      generatorURL: 'http://prometheus:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1',
    };
    const text = JSON.stringify([alert]).replaceAll('<', '\\u003c').replaceAll('&', '\\u0026');
    assert.deepEqual(readAlertsFast(text, 64), [
      {
        ...alert,
        key: '{"alertname":"InstanceDown","instance":"a:9090"}',
        startsAt: Date.parse(alert.startsAt),
        endsAt: Date.parse(alert.endsAt),
        invalid: undefined,
      },
    ]);
    assert.deepEqual(readAlertsFast('[]', 64), []);
  });

  const unusual: readonly (readonly [what: string, text: string])[] = [
    ['what is no JSON', '[{"labels":{"a":"b"}}'],
    ['a body that goes on behind the array', '[] x'],
    ['null', 'null'],
    ['an object', '{"labels":{"a":"b"}}'],
    ['a null alert', '[null]'],
    ['an alert that is no object', '[5]'],
    ['an alert that is an array', '[[]]'],
    ['missing labels', '[{}]'],
    ['null labels', '[{"labels":null}]'],
    ['labels in an array', '[{"labels":[]}]'],
    ['a label that is null', '[{"labels":{"a":null}}]'],
    ['a label that is a number', '[{"labels":{"a":1}}]'],
    ['null annotations', '[{"labels":{"a":"b"},"annotations":null}]'],
    ['a time that is null', '[{"labels":{"a":"b"},"startsAt":null}]'],
    ['an empty time', '[{"labels":{"a":"b"},"startsAt":""}]'],
    ['the zero time', '[{"labels":{"a":"b"},"endsAt":"0001-01-01T00:00:00Z"}]'],
    ['1970', '[{"labels":{"a":"b"},"endsAt":"1970-01-01T00:00:00Z"}]'],
    ['no time', '[{"labels":{"a":"b"},"endsAt":"now"}]'],
    ['a very long time', `[{"labels":{"a":"b"},"endsAt":"2026-11-21T03:08:54.${'0'.repeat(2000)}Z"}]`],
    ['no URL', '[{"labels":{"a":"b"},"generatorURL":"foo"}]'],
    ['a field in another letter case', '[{"labels":{"a":"b"},"StartsAt":"2026-11-21T03:08:54Z"}]'],
    ['a field with a long s', '[{"labels":{"a":"b"},"endſAt":"2026-11-21T03:08:54Z"}]'],
    ['an unknown field that is no text', '[{"labels":{"a":"b"},"status":{}}]'],
    ['a lone surrogate', '[{"labels":{"a":"\\ud83d"}}]'],
    ['a lone surrogate, in capitals', '[{"labels":{"a":"\\uD83D"}}]'],
    ['a backslash in a label name', '[{"labels":{"\\\\":"b"}}]'],
    ['a backslash in the name of a field', '[{"labels":{"a":"b"},"\\\\":"b"}]'],
  ];
  for (const [what, text] of unusual) {
    it(`leaves to readAlerts: ${what}`, () => assert.equal(readAlertsFast(text, 64), undefined));
  }

  it('is not deceived by names that JSON.parse mixes up', () => {
    JSON.parse('{"h":[],"\\\\":0}');
    const text = '[{"labels":{"h":"1","\\"":"2"}}]';
    assert.deepEqual(readCarefully(text, 64)[0]?.labels, { h: '1', '"': '2' });
    const [alert] = readAlertsFast(text, 64) ?? readCarefully(text, 64);
    assert.deepEqual(alert?.labels, { h: '1', '"': '2' });
  });
});
