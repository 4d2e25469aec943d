import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import { BatchError } from '../alert/postable/postable-alert.ts';
import { MatcherError } from '../matcher/anchored-regexp.ts';
import { Refusal } from '../server/request/answer.ts';
import { answerOf } from '../server/request/answer-of.fixture.ts';
import { NotStoredError, SilenceError } from '../silence/silence-rules.ts';
import { refuseRequest } from './refusals.ts';

type Row = readonly [what: string, error: unknown, status: number, body: string, limit?: string];

const rows: Readonly<Record<string, readonly Row[]>> = {
  POST: [
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
    [
      'a body that is too large',
      new Refusal(413, 'too large', { limit: 'max_body_size' }),
      413,
      '{"code":413,"message":"too large"}',
      'max_body_size',
    ],
    ['a silence that breaks a rule', SilenceError.invalid('no'), 400, '"no"\n'],
    ['a silence that is not there to be changed', SilenceError.notFound(), 404, '"silence not found"\n'],
    [
      'a silence without matchers',
      SilenceError.noMatchers(),
      422,
      '{"code":612,"message":"matchers in body should have at least 1 items"}',
    ],
    [
      'one silence too many',
      SilenceError.tooMany(2, 1),
      400,
      '"exceeded maximum number of silences: 2 (limit: 1)"\n',
      'max_silences',
    ],
    ['a silence that cannot be stored', new NotStoredError(new Error('ENOSPC')), 500, '"ENOSPC"\n'],
    ['a defect', new Error('secret'), 500, '"internal error: see the log of Tocsin"\n'],
  ],
  GET: [
    ['a silence that is not there', SilenceError.notFound(), 404, ''],
    ['a bad filter', new MatcherError('bad matcher format: n'), 400, '"bad matcher format: n"\n'],
    ['a filter that is too large', new MatcherError('n', 'filter_instructions'), 400, '"n"\n', 'filter_instructions'],
  ],
};

describe('refuseRequest', () => {
  for (const [method, errors] of Object.entries(rows))
    for (const [what, error, status, body, limit] of errors)
      it(`answers ${method} for ${what}, and counts the limit`, async () => {
        const given: unknown[] = [];
        const limits: string[] = [];
        const metrics = { limitReached: (name: string) => void limits.push(name) };
        const answer = await answerOf((response) =>
          given.push(refuseRequest({ method } as IncomingMessage, response, error, metrics)),
        );
        assert.deepEqual([answer.status, answer.body, given], [status, body, [status]]);
        assert.deepEqual(limits, limit === undefined ? [] : [limit]);
      });
});
