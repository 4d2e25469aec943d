import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answerEmpty, answerRefusal, answerString, answerText, BodyError, RefusedError, refuse } from './answer.ts';
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

  it('escapes what the strings of Alertmanager escape', async () => {
    const { body } = await answerOf((response) => answerString(response, 400, '<a>&\u2028\u2029é'));
    assert.equal(body, '"<a>&\\u2028\\u2029é"\n');
  });

  it('counts the length in bytes', async () => {
    const { headers } = await answerOf((response) => answerString(response, 400, '中'));
    assert.equal(headers['content-length'], '6');
  });
});

describe('answerRefusal', () => {
  it('gives an object without a newline, with its own code', async () => {
    const answer = await answerOf((response) => answerRefusal(response, 422, 602, '0.labels in body is required'));
    const body = '{"code":602,"message":"0.labels in body is required"}';
    assert.deepEqual(answer, { status: 422, headers: { ...json, 'content-length': '53' }, body });
  });

  it('escapes what is not safe inside HTML', async () => {
    const { body } = await answerOf((response) => answerRefusal(response, 400, 400, '<&>'));
    assert.equal(body, '{"code":400,"message":"\\u003c\\u0026\\u003e"}');
  });
});

describe('answerText', () => {
  it('gives the text as it is, not to be guessed at', async () => {
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
    new RefusedError(422, '3.labels in body is required', 602),
    422,
    '{"code":602,"message":"3.labels in body is required"}',
  ],
  ['a body that is too large', new BodyError(413, 'too large'), 413, '{"code":413,"message":"too large"}'],
  ['a head that is refused', new RefusedError(415, 'only JSON'), 415, '{"code":415,"message":"only JSON"}'],
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

  it('gives the status, and leaves alone an answer that has begun', async () => {
    const given: number[] = [];
    const answer = await answerOf((response) => {
      response.writeHead(200);
      response.write('begun');
      given.push(refuse(response, new BodyError(413, 'too large')));
      response.end(', ended');
    });
    assert.deepEqual([answer.status, answer.body, given], [200, 'begun, ended', [413]]);
  });

  it('writes nothing to a connection that is gone', async () => {
    const begun: (number | boolean)[] = [];
    const answered = answerOf((response) => {
      response.destroy();
      begun.push(refuse(response, new BodyError(400, 'broken off')), response.headersSent);
    });
    await assert.rejects(answered, { code: 'ECONNRESET' });
    assert.deepEqual(begun, [400, false]);
  });
});

describe('RefusedError', () => {
  it('has a name, a status and a message', () => {
    const { name, status, message } = new RefusedError(411, 'length required');
    assert.deepEqual([name, status, message], ['RefusedError', 411, 'length required']);
  });
});
