import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answerEmpty, answerRefusal, answerString, answerText } from './answer.ts';
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
