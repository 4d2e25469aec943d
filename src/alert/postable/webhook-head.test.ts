import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { JsonError } from '../../text/json-scanner.ts';
import { readWebhookHead, type WebhookHead } from './webhook-head.ts';

function read(text: string): WebhookHead {
  const steps = readWebhookHead(text);
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
}

describe('readWebhookHead', () => {
  it('reads what is wanted, in any order, and passes over the rest', () => {
    const text =
      '{"receiver":"team\\\\.a","status":"firing","alerts":[{"x":1}],"routeLabels":{},"truncatedAlerts":3,' +
      '"notification_reason":5,"groupKey":"{}:{}","version":"4"}\n';
    assert.deepEqual(read(text), { receiver: 'team\\.a', groupKey: '{}:{}', truncatedAlerts: 3 });
  });

  it('takes what is absent or null for nothing', () => {
    const nothing = { receiver: undefined, groupKey: undefined, truncatedAlerts: 0 };
    assert.deepEqual(read('{"version":"4","alerts":[]}'), nothing);
    const nulls = '{"version":"4","alerts":null,"receiver":null,"groupKey":null,"truncatedAlerts":null}';
    assert.deepEqual(read(nulls), nothing);
  });

  it('keeps no more of a text than a line of the log holds', () => {
    assert.equal(read(`{"version":"4","alerts":[],"groupKey":"${'x'.repeat(1000)}"}`).groupKey?.length, 256);
  });

  for (const version of ['"version":"4",', '"version":"1",', '"version":null,', ''])
    it(`reads a payload with ${version || 'no version'}`, () => {
      assert.equal(read(`{${version}"alerts":[]}`).truncatedAlerts, 0);
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
    it(`refuses ${text}`, () => assert.throws(() => read(text), { name: 'JsonError', message }));
  }

  it('gives a head, or says in a JsonError why not', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), (json, cut) => {
        for (const alerts of [json, json.slice(0, cut % (json.length + 1))]) {
          try {
            assert.equal(read(`{"alerts":${alerts.toWellFormed()},"version":"4"}`).truncatedAlerts, 0);
          } catch (error) {
            assert.ok(error instanceof JsonError, String(error));
          }
        }
      }),
    );
  });
});
