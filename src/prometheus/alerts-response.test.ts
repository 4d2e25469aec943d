import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseAlertsResponse, type PrometheusAlerts } from './alerts-response.ts';
import { prometheusEndpoint } from './prometheus-endpoint.ts';
import { PrometheusError } from './prometheus-error.ts';

const endpoint = prometheusEndpoint('http://h');

function parse(text: string, contentType: string | null = 'application/json'): PrometheusAlerts {
  return parseAlertsResponse({ text, contentType, endpoint });
}

function success(...alerts: readonly string[]): string {
  return `{"status":"success","data":{"alerts":[${alerts.join(',')}]}}`;
}

function failureOf(text: string, contentType?: string | null): PrometheusError {
  try {
    parse(text, contentType);
  } catch (error) {
    assert.ok(error instanceof PrometheusError, String(error));
    return error;
  }
  assert.fail('it was accepted');
}

describe('parseAlertsResponse', () => {
  it('counts every alert and keeps the labels of those that fire, in their order', () => {
    const text = success(
      '{"labels":{"alertname":"B","job":"x"},"annotations":{"a":"b"},"state":"firing","activeAt":"2026-11-21T03:00:00Z","value":"1e+00"}',
      '{"labels":{"alertname":"P"},"annotations":{},"state":"pending"}',
      '{"labels":{"alertname":"A"},"annotations":{},"state":"firing","keepFiringSince":"2026-11-21T03:00:00Z"}',
    );
    assert.deepEqual(parse(text), { alerts: 3, firing: [{ alertname: 'B', job: 'x' }, { alertname: 'A' }] });
  });

  it('takes a null list as an empty one', () => {
    assert.deepEqual(parse('{"status":"success","data":{"alerts":null}}'), { alerts: 0, firing: [] });
  });

  it('does not mind a missing or wrong content type when the answer is right', () => {
    assert.equal(parse(success(), null).alerts, 0);
    assert.equal(parse(success(), 'text/plain').alerts, 0);
  });

  it('keeps a label named __proto__ as a label', () => {
    const [labels] = parse(success('{"state":"firing","labels":{"__proto__":"x","empty":"","a":"b"}}')).firing;
    assert.deepEqual(Object.entries(labels!), [
      ['__proto__', 'x'],
      ['a', 'b'],
    ]);
    assert.equal(Object.getPrototypeOf(labels), Object.prototype);
  });

  it('leaves empty labels out and mends lone surrogates', () => {
    const text = success('{"state":"firing","labels":{"a":"","b":"\\ud800","\\udc00":"c"}}');
    assert.deepEqual(parse(text).firing, [{ b: '\ufffd', '\ufffd': 'c' }]);
  });

  const shapes = [
    ['a list', '[]', 'the answer is a list, not an object'],
    ['null', 'null', 'the answer is null'],
    ['an unknown status', '{"status":"ok"}', 'status is "ok", not "success" or "error"'],
    ['no data', '{"status":"success"}', 'data is missing'],
    ['data that is a list', '{"status":"success","data":[]}', 'data is a list'],
    ['no alerts', '{"status":"success","data":{}}', 'data.alerts is missing'],
    ['alerts that are an object', '{"status":"success","data":{"alerts":{}}}', 'data.alerts is an object, not a list'],
    ['a null alert', success('null'), 'data.alerts[0] is null'],
    ['no state', success('{"labels":{}}'), 'data.alerts[0].state is missing'],
    ['no labels', success('{"state":"pending"}'), 'data.alerts[0].labels is missing'],
    ['labels in a list', success('{"state":"firing","labels":[]}'), 'data.alerts[0].labels is a list'],
    [
      'a number as a label after a good alert',
      success('{"state":"firing","labels":{"a":"b"}}', '{"state":"pending","labels":{"a\\n":7}}'),
      'data.alerts[1].labels["a\\n"] is 7, not a string',
    ],
    ['an envelope hidden in __proto__', '{"__proto__":{"status":"success","data":{"alerts":[]}}}', 'status is missing'],
  ] as const;
  for (const [what, text, expected] of shapes) {
    it(`refuses ${what} as a whole`, () => {
      const failure = failureOf(text);
      assert.equal(failure.kind, 'bad_shape');
      assert.ok(failure.message.includes(`(${expected}`), failure.message);
    });
  }

  it('passes on what Prometheus gives as its error', () => {
    const failure = failureOf(
      '{"status":"error","errorType":"internal","error":"no\\u0000 luck","data":{"alerts":[]}}',
    );
    assert.equal(failure.kind, 'error_status');
    assert.match(failure.message, /\(internal: no luck\)/);
    assert.match(failureOf('{"status":"error"}').message, /\(no error type: no error text\)/);
  });

  it('tells broken JSON from something that is not JSON', () => {
    const broken = failureOf(success('{'), 'application/json; charset=utf-8');
    assert.equal(broken.kind, 'bad_json');
    assert.match(failureOf('').message, /Unexpected end of JSON input/);
    const foreign = failureOf('<html>\n<title>Sign in', 'text/html');
    assert.equal(foreign.kind, 'not_json');
    assert.match(foreign.message, /answered with text\/html instead of JSON \("<html> <title>Sign in"\)/);
    assert.match(failureOf('no', null).message, /answered with no content type instead/);
  });

  it('bears any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.option(fc.string()), (text, contentType) => {
        try {
          parse(text, contentType);
        } catch (error) {
          assert.ok(error instanceof PrometheusError);
        }
      }),
    );
  });
});
