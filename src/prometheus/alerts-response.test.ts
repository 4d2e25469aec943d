import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseAlertsResponse, type PrometheusAlerts } from './alerts-response.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { SliceSchedule } from '../slice-schedule.ts';
import { Slices } from '../slices.ts';
import { parseJsonInSlices } from './parse-json.ts';
import { prometheusEndpoint } from './prometheus-endpoint.ts';
import { PrometheusError } from './prometheus-error.ts';

const work = 'answers of Prometheus';

const endpoint = prometheusEndpoint('http://h');

function parse(text: string, contentType: string | null = 'application/json'): Promise<PrometheusAlerts> {
  return parseAlertsResponse({ text, contentType, endpoint }, new Slices(new SliceSchedule(new FakeClock()), work));
}

function success(...alerts: readonly string[]): string {
  return `{"status":"success","data":{"alerts":[${alerts.join(',')}]}}`;
}

async function failureOf(text: string, contentType?: string | null): Promise<PrometheusError> {
  try {
    await parse(text, contentType);
  } catch (error) {
    assert.ok(error instanceof PrometheusError, String(error));
    return error;
  }
  assert.fail('it was accepted');
}

describe('parseAlertsResponse', () => {
  it('counts every alert and keeps the labels of those that fire, in their order', async () => {
    const text = success(
      '{"labels":{"alertname":"B","job":"x"},"annotations":{"a":"b"},"state":"firing","activeAt":"2026-11-21T03:00:00Z","value":"1e+00"}',
      '{"labels":{"alertname":"P"},"annotations":{},"state":"pending"}',
      '{"labels":{"alertname":"A"},"annotations":{},"state":"firing","keepFiringSince":"2026-11-21T03:00:00Z"}',
    );
    assert.deepEqual(await parse(text), { alerts: 3, firing: [{ alertname: 'B', job: 'x' }, { alertname: 'A' }] });
  });

  it('takes a null list as an empty one', async () => {
    assert.deepEqual(await parse('{"status":"success","data":{"alerts":null}}'), { alerts: 0, firing: [] });
  });

  it('does not mind a missing or wrong content type when the answer is right', async () => {
    assert.equal((await parse(success(), null)).alerts, 0);
    assert.equal((await parse(success(), 'text/plain')).alerts, 0);
  });

  it('keeps a label named __proto__ as a label', async () => {
    const [labels] = (await parse(success('{"state":"firing","labels":{"__proto__":"x","empty":"","a":"b"}}'))).firing;
    assert.deepEqual(Object.entries(labels!), [
      ['__proto__', 'x'],
      ['a', 'b'],
    ]);
    assert.equal(Object.getPrototypeOf(labels), Object.prototype);
  });

  it('leaves empty labels out and mends lone surrogates', async () => {
    const text = success('{"state":"firing","labels":{"a":"","b":"\\ud800","\\udc00":"c"}}');
    assert.deepEqual((await parse(text)).firing, [{ b: '\ufffd', '\ufffd': 'c' }]);
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
    it(`refuses ${what} as a whole`, async () => {
      const failure = await failureOf(text);
      assert.equal(failure.kind, 'bad_shape');
      assert.ok(failure.message.includes(`(${expected}`), failure.message);
    });
  }

  it('passes on what Prometheus gives as its error', async () => {
    const failure = await failureOf(
      '{"status":"error","errorType":"internal","error":"no\\u0000 luck","data":{"alerts":[]}}',
    );
    assert.equal(failure.kind, 'error_status');
    assert.match(failure.message, /\(internal: no luck\)/);
    assert.match((await failureOf('{"status":"error"}')).message, /\(no error type: no error text\)/);
  });

  it('does not believe an answer with warnings: what is missing in it may fire all the same', async () => {
    const partial = (warnings: string): string =>
      success('{"state":"firing","labels":{"a":"b"}}').replace('{', `{"warnings":${warnings},`);
    const failure = await failureOf(partial('["rules of\\u0007 10.0.0.7:10901 unavailable","more"]'));
    assert.equal(failure.kind, 'partial');
    assert.match(failure.message, /2 warnings, the first "rules of 10\.0\.0\.7:10901 unavailable"/);
    assert.match((await failureOf(partial('[{"text":"x"}]'))).message, /1 warning, the first an object/);
    assert.equal((await failureOf(partial('"one"'))).kind, 'bad_shape');
    for (const none of ['[]', 'null', '[],"infos":["slow"]'])
      assert.deepEqual((await parse(partial(none))).firing, [{ a: 'b' }], none);
  });

  it('tells broken JSON from something that is not JSON', async () => {
    const broken = await failureOf(success('{'), 'application/json; charset=utf-8');
    assert.equal(broken.kind, 'bad_json');
    assert.match((await failureOf('')).message, /Unexpected end of JSON input/);
    const foreign = await failureOf('<html>\n<title>Sign in', 'text/html');
    assert.equal(foreign.kind, 'not_json');
    assert.match(foreign.message, /answered with text\/html instead of JSON \("<html> <title>Sign in"\)/);
    assert.match((await failureOf('no', null)).message, /answered with no content type instead/);
  });

  it('bears any text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.option(fc.string()), async (text, contentType) => {
        try {
          await parse(text, contentType);
        } catch (error) {
          assert.ok(error instanceof PrometheusError);
        }
      }),
    );
  });

  it('reads a long answer in slices, to the same end', async () => {
    const text = success(
      ...Array.from(
        { length: 20_000 },
        (_, i) => `{"state":"firing","labels":{"alertname":"A","instance":"${i} ${'x'.repeat(40)}"}}`,
      ),
    );
    assert.ok(text.length > 1024 * 1024);
    let breaths = 0;
    const clock = { now: () => (breaths++, breaths * 5), setTimeout: () => () => undefined };
    const slices = new Slices(new SliceSchedule(clock), work);
    const answer = await parseAlertsResponse({ text, contentType: 'application/json', endpoint }, slices);
    assert.equal(answer.firing.length, 20_000);
    assert.deepEqual(answer, await parse(text));
    assert.ok(breaths > 20, `${breaths} looks at the clock`);
  });

  it('reads label names right where JSON.parse takes one name for another', async () => {
    // The first key makes JSON.parse read a later name, written with an escape, as a backslash.
    JSON.parse('{"state":[],"\\\\":0}');
    assert.deepEqual((await parse(success('{"state":"firing","labels":{"state":"1","\\u003c":"v"}}'))).firing, [
      { state: '1', '<': 'v' },
    ]);
  });
});

describe('parseJsonInSlices', () => {
  it('refuses what stands behind the value', async () => {
    await assert.rejects(
      parseJsonInSlices('{} x', new Slices(new SliceSchedule(new FakeClock()), work)),
      /expected the end/,
    );
    assert.deepEqual(await parseJsonInSlices('{} \n', new Slices(new SliceSchedule(new FakeClock()), work)), {});
  });

  it('gives what JSON.parse gives', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ noUnicodeString: false }), fc.nat(3), async (value, indent) => {
        const wellFormed: unknown = JSON.parse(JSON.stringify(value).replaceAll(/\\ud[89a-f][0-9a-f]{2}/g, '?'));
        const text = JSON.stringify(wellFormed, null, indent);
        assert.deepEqual(
          await parseJsonInSlices(text, new Slices(new SliceSchedule(new FakeClock()), work)),
          wellFormed,
        );
      }),
    );
  });
});
