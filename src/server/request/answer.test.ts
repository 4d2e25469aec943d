import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answerEmpty, answerString, answerText, Refusal, refuse } from './answer.ts';
import { answerOf } from './answer-of.fixture.ts';

const json = { 'content-type': 'application/json', 'cache-control': 'no-store' };

describe('answerEmpty', () => {
  it('gives 200, no Content-Type and no body', async () => {
    const headers = { 'content-length': '0', 'cache-control': 'no-store' };
    assert.deepEqual(await answerOf(answerEmpty), { status: 200, headers, body: '' });
  });
});

describe('answerString', () => {
  it('gives a JSON string and a newline', async () => {
    const answer = await answerOf((response) => answerString(response, 400, 'a "bad" thing'));
    const body = '"a \\"bad\\" thing"\n';
    assert.deepEqual(answer, { status: 400, headers: { ...json, 'content-length': '18' }, body });
  });

  it('escapes the same characters in strings as Alertmanager', async () => {
    const { body } = await answerOf((response) => answerString(response, 400, '<a>&\u2028\u2029é'));
    assert.equal(body, '"<a>&\\u2028\\u2029é"\n');
  });

  it('counts the length in bytes', async () => {
    const { headers } = await answerOf((response) => answerString(response, 400, '中'));
    assert.equal(headers['content-length'], '6');
  });
});

describe('answerText', () => {
  it('gives the text unchanged, and forbids guessing its type', async () => {
    const headers = {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': '6',
      'x-content-type-options': 'nosniff',
    };
    const answer = await answerOf((response) => answerText(response, 404, '<404>\n'));
    assert.deepEqual(answer, { status: 404, headers, body: '<404>\n' });
  });
});

const internal = '"internal error: see the log of Tocsin"\n';

const refusals: readonly (readonly [what: string, error: unknown, status: number, body: string])[] = [
  [
    'a body that lacks something, with a code of its own',
    new Refusal(422, '3.labels in body is required', { code: 602 }),
    422,
    '{"code":602,"message":"3.labels in body is required"}',
  ],
  ['a body that is too large', new Refusal(413, 'too large'), 413, '{"code":413,"message":"too large"}'],
  ['a head that is refused', new Refusal(415, 'only JSON'), 415, '{"code":415,"message":"only JSON"}'],
  ['what is not safe inside HTML', new Refusal(400, '<&>'), 400, '{"code":400,"message":"\\u003c\\u0026\\u003e"}'],
  ['what the handler refuses', new Refusal(400, '<no>', { shape: 'string' }), 400, '"<no>"\n'],
  ['what a status says alone', new Refusal(404, 'not found', { shape: 'empty' }), 404, ''],
  ['a defect, of which it tells nothing', new TypeError('x is not a function'), 500, internal],
  ['what is no error', 'thrown', 500, internal],
  ['an error with a status of its own', Object.assign(new Error('no'), { status: 404 }), 500, internal],
];

describe('refuse', () => {
  for (const [what, error, status, body] of refusals) {
    it(`answers ${what}`, async () => {
      const given: number[] = [];
      const answer = await answerOf((response) => given.push(refuse(response, error)));
      assert.deepEqual([answer.status, answer.body, given], [status, body, [status]]);
    });
  }

  it('gives an object without a newline', async () => {
    const answer = await answerOf((response) => refuse(response, new Refusal(422, '0.labels in body is required')));
    assert.deepEqual(answer.headers, { ...json, 'content-length': '53' });
  });

  it('returns the status, and does not touch an answer that has begun', async () => {
    const given: number[] = [];
    const answer = await answerOf((response) => {
      response.writeHead(200);
      response.write('begun');
      given.push(refuse(response, new Refusal(413, 'too large')));
      response.end(', ended');
    });
    assert.deepEqual([answer.status, answer.body, given], [200, 'begun, ended', [413]]);
  });

  it('writes nothing to a closed connection', async () => {
    const begun: (number | boolean)[] = [];
    const answered = answerOf((response) => {
      response.destroy();
      begun.push(refuse(response, new Refusal(400, 'broken off')), response.headersSent);
    });
    await assert.rejects(answered, { code: 'ECONNRESET' });
    assert.deepEqual(begun, [400, false]);
  });
});
