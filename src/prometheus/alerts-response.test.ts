import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readAlertsResponse, type AlertsResponse, type PrometheusAlerts } from './alerts-response.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { SliceSchedule, Slices } from '../runtime/slices.ts';
import { prometheusEndpoint } from './prometheus-endpoint.ts';
import { PrometheusError } from './prometheus-error.ts';

const work = 'answers of Prometheus';

const endpoint = prometheusEndpoint('http://h');

const limits = { maxResponseBytes: 128 * 1024 * 1024, maxFiringBytes: 64 * 1024 * 1024 };

function response(text: string, contentType: string | null = 'application/json'): AlertsResponse {
  return { body: inChunks(text), contentType, endpoint, ...limits };
}

async function* inChunks(text: string, length = 65_000): AsyncGenerator<Uint8Array, void> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

function newSlices(): Slices {
  return new Slices(new SliceSchedule(new FakeClock()), work);
}

function parse(text: string, contentType?: string | null): Promise<PrometheusAlerts> {
  return readAlertsResponse(response(text, contentType), newSlices());
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

describe('readAlertsResponse', () => {
  it('counts every alert and keeps the labels of those that fire, in their order', async () => {
    const text = success(
      '{"labels":{"alertname":"B","job":"x"},"annotations":{"a":"b"},"state":"firing","activeAt":"2026-11-21T03:00:00Z","value":"1e+00"}',
      '{"labels":{"alertname":"P"},"annotations":{},"state":"pending"}',
      '{"labels":{"alertname":"A"},"annotations":{},"state":"firing","keepFiringSince":"2026-11-21T03:00:00Z"}',
    );
    assert.deepEqual(await parse(text), { alerts: 3, firing: [{ alertname: 'B', job: 'x' }, { alertname: 'A' }] });
  });

  it('keeps annotations only if they are asked for, and leaves out what has no room in a quarter of the limit', async () => {
    const alert = (name: string, summary: unknown): string =>
      JSON.stringify({ labels: { alertname: name }, annotations: { summary }, state: 'firing' });
    const text = success(alert('A', 'is down'), alert('B', 'x'.repeat(300)), alert('C', 7));
    const asked = { ...response(text), maxFiringBytes: 2000, annotations: true };
    const { firing, annotations, withoutAnnotations } = await readAlertsResponse(asked, newSlices());
    assert.deepEqual(
      firing.map((labels) => annotations?.get(labels)),
      [{ summary: 'is down' }, undefined, undefined],
    );
    assert.equal(withoutAnnotations, 1);
    assert.equal((await parse(text)).annotations, undefined);
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
    assert.match((await failureOf('')).message, /there is the end of the body, expected a value/);
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
    const clock = { now: () => (breaths++, breaths * 5), monotonic: () => 0, setTimeout: () => () => undefined };
    const slices = new Slices(new SliceSchedule(clock), work);
    const answer = await readAlertsResponse(response(text), slices);
    assert.equal(answer.firing.length, 20_000);
    assert.deepEqual(answer, await parse(text));
    assert.ok(breaths > 20, `${breaths} looks at the clock`);
  });

  it('reads label names right where JSON.parse takes one name for another', async () => {
    // After the first key, JSON.parse reads a later name that is written with an escape as a backslash.
    JSON.parse('{"state":[],"\\\\":0}');
    assert.deepEqual((await parse(success('{"state":"firing","labels":{"state":"1","\\u003c":"v"}}'))).firing, [
      { state: '1', '<': 'v' },
    ]);
  });

  const longEnough = ' '.repeat(1024 * 1024);

  it('reads a long answer as it reads a short one', async () => {
    const label = fc.oneof(fc.constantFrom('a', 'state', '__proto__', 'é', '<', '\\'), fc.string({ unit: 'binary' }));
    const labels = fc.dictionary(label, fc.string({ unit: 'binary' }));
    const state = fc.constantFrom('firing', 'pending', 'inactive');
    const alert = fc.record({ labels, annotations: labels, state, value: fc.string() });
    await fc.assert(
      fc.asyncProperty(fc.array(alert), async (alerts) => {
        const text = JSON.stringify({ status: 'success', data: { groups: [[], {}], alerts }, other: alerts });
        assert.deepEqual(await parse(text + longEnough), await parse(text));
      }),
    );
  });

  it('takes an answer of nothing but what nobody reads, and keeps nothing of it', async () => {
    const text = `{"status":"success","x":[${'[],'.repeat(1_000_000)}{}],"data":{"x":{"y":"z"},"alerts":[]}}`;
    assert.deepEqual(await parse(text), { alerts: 0, firing: [] });
  });

  it('takes the last one of two lists of alerts', async () => {
    const list = (name: string): string => `"alerts":[{"state":"firing","labels":{"alertname":"${name}"}}]`;
    const text = `{"status":"success","data":{${list('A')},${list('B')}}}`;
    for (const answer of [text, text + longEnough])
      assert.deepEqual(await parse(answer), { alerts: 1, firing: [{ alertname: 'B' }] });
  });

  it('refuses an answer that is longer than it may be, as soon as it is, and lets go of it', async () => {
    let sent = 0;
    let isClosed = false;
    async function* body(): AsyncGenerator<Uint8Array, void> {
      try {
        for (; ; sent++) yield Buffer.alloc(64 * 1024, ' ');
      } finally {
        isClosed = true;
      }
    }
    const endless = { ...response(''), body: body(), maxResponseBytes: 1024 * 1024 };
    await assert.rejects(readAlertsResponse(endless, newSlices()), { kind: 'too_large', message: /max_response_size/ });
    assert.deepEqual([sent, isClosed], [16, true]);
  });

  it('refuses more alerts that fire than may be kept, and counts no others', async () => {
    const alert = (state: string, i: number): string => `{"state":"${state}","labels":{"a":"${i}"},"annotations":{}}`;
    const many = (state: string): string => success(...Array.from({ length: 2000 }, (_, i) => alert(state, i)));
    const read = (text: string): Promise<PrometheusAlerts> =>
      readAlertsResponse({ ...response(text), maxFiringBytes: 200_000 }, newSlices());
    assert.equal((await read(many('pending'))).alerts, 2000);
    for (const text of [many('firing'), many('firing') + longEnough])
      await assert.rejects(read(text), { kind: 'too_large', message: /prometheus\.max_firing_size/ });
  });

  it('counts a text for what it takes: one byte a character, or two if one of them is wide', async () => {
    const most = async (text: string): Promise<number> => {
      const alert = (i: number): string => `{"state":"firing","labels":{"alertname":"A","i":"${i}","text":"${text}"}}`;
      const fits = async (count: number): Promise<boolean> => {
        const body = success(...Array.from({ length: count }, (_, i) => alert(i)));
        const read = readAlertsResponse({ ...response(body), maxFiringBytes: 1024 * 1024 }, newSlices());
        return read.then(
          () => true,
          () => false,
        );
      };
      let count = 0;
      for (let step = 1024; step >= 1; step /= 2) if (await fits(count + step)) count += step;
      return count;
    };
    const [narrow, wide] = [await most('é'.repeat(4000)), await most(`${'é'.repeat(3999)}ė`)];
    assert.ok(narrow > 245 && narrow < 262, `${narrow}`);
    assert.ok(wide > 122 && wide < 131, `${wide}`);
  });

  it('counts names that no alert had before for what they cost', async () => {
    const names = (i: number): string => Array.from({ length: 100 }, (_, n) => `"l${i}_${n}":""`).join(',');
    const text = success(...Array.from({ length: 100 }, (_, i) => `{"state":"firing","labels":{${names(i)}}}`));
    const read = readAlertsResponse({ ...response(text), maxFiringBytes: 1024 * 1024 }, newSlices());
    await assert.rejects(read, { kind: 'too_large' });
  });

  it('fails with what the body fails with', async () => {
    async function* body(): AsyncGenerator<Uint8Array, void> {
      yield Buffer.from('{"status":');
      throw new Error('reset');
    }
    await assert.rejects(readAlertsResponse({ ...response(''), body: body() }, newSlices()), { message: 'reset' });
  });
});
