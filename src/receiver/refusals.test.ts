import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BatchError } from '../alert/postable/postable-alert.ts';
import { MatcherError } from '../matcher/anchored-regexp.ts';
import { Refusal } from '../server/request/answer.ts';
import { answerOf } from '../server/request/answer-of.fixture.ts';
import { NotStoredError, SilenceError } from '../silence/silence-rules.ts';
import { refuseRequest, mediaTypeProblem, acceptsJson } from './refusals.ts';

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

const wellFormed: readonly string[] = [
  'application/json',
  'APPLICATION/JSON',
  ' application/json ',
  'application/json;',
  'application/json; charset=utf-8',
  'application/json;charset=UTF-8',
  'application/json; charset="utf-8"',
  'application/json; a="b\\"; c"; d=e',
  'application/json ; charset=utf-8 ;',
];

const malformed: readonly string[] = [
  'garbage',
  'application/',
  '/json',
  'application/json/x',
  'application/json, text/plain',
  'application/json; charset',
  'application/json; charset=',
  'application/json; =utf-8',
  'application/json; charset="utf-8',
  'application/json;;',
  'application/json charset=utf-8',
];

const unsupported: readonly (readonly [header: string | undefined, type: string])[] = [
  [undefined, 'application/octet-stream'],
  ['', 'application/octet-stream'],
  ['  ', 'application/octet-stream'],
  ['text/plain', 'text/plain'],
  ['Text/Plain; charset=utf-8', 'text/plain'],
  ['application/json5', 'application/json5'],
  ['application/x-www-form-urlencoded', 'application/x-www-form-urlencoded'],
];

describe('mediaTypeProblem', () => {
  for (const header of wellFormed) {
    it(`accepts ${JSON.stringify(header)}`, () => assert.equal(mediaTypeProblem(header), undefined));
  }

  for (const header of malformed) {
    it(`answers 400 to ${JSON.stringify(header)}`, () => {
      const message = `parsing Content-Type header from ${JSON.stringify(header)} failed: expected application/json`;
      assert.deepEqual(mediaTypeProblem(header), { status: 400, message });
    });
  }

  for (const [header, type] of unsupported) {
    it(`answers 415 to ${JSON.stringify(header) ?? 'no header'}, and names the option of curl`, () => {
      const refused = `unsupported media type "${type}", only [application/json] are allowed`;
      const message = `${refused}; with curl, add: -H 'Content-Type: application/json'`;
      assert.deepEqual(mediaTypeProblem(header), { status: 415, message });
    });
  }

  it('shows only the beginning of a long header', () => {
    const problem = mediaTypeProblem('x'.repeat(5000));
    assert.equal(problem?.status, 400);
    assert.match(problem.message, /from "x{100}" failed/);
  });

  it('accepts every well-formed parameter', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,9}$/);
    const value = fc.oneof(
      name,
      fc.string({ maxLength: 20 }).map((text) => JSON.stringify(text)),
    );
    fc.assert(
      fc.property(name, value, (key, text) => mediaTypeProblem(`application/json; ${key}=${text}`) === undefined),
    );
  });

  it('never throws, and accepts nothing but JSON', () => {
    const part = fc.constantFrom('application', '/', 'json', ';', ' ', '"', '\\', '=', 'a', '\t', 'JSON', 'é');
    const header = fc.oneof(
      fc.string(),
      fc.array(part, { maxLength: 12 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(header, (given) => {
        const problem = mediaTypeProblem(given);
        const type = given.split(';')[0]!.trim().toLowerCase();
        if (problem === undefined) assert.equal(type, 'application/json');
        else
          assert.match(problem.message, problem.status === 400 ? /^parsing Content-Type/ : /^unsupported media type/);
      }),
      { numRuns: 1000 },
    );
  });

  it('is quick on hostile headers of any length', () => {
    const unit = fc.constantFrom(' ', ';', ';a=b', '; a="', '\\', '"', 'a', '\\"', ' ;', '=', ';a="b" ', 'a/');
    const head = fc.constantFrom('', 'a/b', 'application/json', 'a/b;a="');
    const length = fc.constantFrom(1000, 16_000, 1_000_000);
    fc.assert(
      fc.property(head, unit, length, fc.constantFrom('', '!', '\0'), (start, repeated, characters, end) => {
        const given = start + repeated.repeat(Math.floor((characters - start.length) / repeated.length)) + end;
        const startedAt = performance.now();
        mediaTypeProblem(given);
        // A few milliseconds are normal; a backtracking expression would take minutes.
        assert.ok(performance.now() - startedAt < 500, `${start} and ${characters} of ${repeated}`);
      }),
    );
  });
});

describe('acceptsJson', () => {
  const accepts: readonly (readonly [string | undefined, boolean])[] = [
    [undefined, true],
    ['', false],
    ['*/*', true],
    ['application/*', true],
    ['APPLICATION/JSON', true],
    ['application/json; charset=latin1', true],
    ['text/html, application/json;q=0.1', true],
    ['*/*, application/json;q=0', true],
    ['text/html', false],
    ['garbage', false],
    ['application/json;q=0', false],
    ['*/*; q=0.000', false],
    ['application/yaml, text/*;q=0.3', false],
  ];
  for (const [header, accepted] of accepts)
    it(`says ${accepted} to ${header}`, () => assert.equal(acceptsJson(header), accepted));
});
