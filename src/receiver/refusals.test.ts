import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BatchError } from '../alert/postable/postable-alert.ts';
import { answerOf } from '../server/request/answer-of.fixture.ts';
import { BodyError } from '../server/request/answer.ts';
import { refuseBatch } from './refusals.ts';

describe('refuseBatch', () => {
  for (const [what, error, status, body] of [
    [
      'a batch that lacks something, with the code of go-openapi',
      BatchError.required('3.labels'),
      422,
      '{"code":602,"message":"3.labels in body is required"}',
    ],
    [
      'an unreadable batch',
      BatchError.unreadable('EOF'),
      400,
      '{"code":400,"message":"parsing alerts body from \\"\\" failed, because EOF"}',
    ],
    ['a body that is too large', new BodyError(413, 'too large'), 413, '{"code":413,"message":"too large"}'],
  ] as const) {
    it(`answers ${what}`, async () => {
      const given: number[] = [];
      const answer = await answerOf((response) => given.push(refuseBatch(response, error)));
      assert.deepEqual([answer.status, answer.body, given], [status, body, [status]]);
    });
  }
});
