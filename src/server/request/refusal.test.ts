import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answerOf } from './answer-of.fixture.ts';
import { BodyError } from './body-error.ts';
import { RefusedError, refuse } from './refusal.ts';

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
