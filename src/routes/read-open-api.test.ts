import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AnchoredRegexp } from '../matcher/anchored-regexp.ts';
import { readOpenApi } from './read-open-api.ts';
import { pathToRegex, SpecError } from './route.ts';

function read(text: string, basePath?: string) {
  return readOpenApi({ name: 'api.yml', text }, { basePath });
}

function problemsOf(text: string): readonly string[] {
  try {
    read(text);
  } catch (error) {
    if (error instanceof SpecError) return error.problems;
    throw error;
  }
  return [];
}

const empty = { responseClasses: [], isRetryable: false };

describe('readOpenApi', () => {
  it('reads routes, retries, timeouts and statuses as Linkerd does', () => {
    const { routes, notes } = read(`
swagger: '2.0'
paths:
  /shelves/{shelf}:
    post:
      x-linkerd-retryable: true
      x-linkerd-timeout: 60s
      responses: {500: {description: broken}, '200': {description: good}, default: {}, 5XX: {}}
  /books/recent/:
    get: {}
`);
    assert.deepEqual(notes, []);
    assert.deepEqual(routes, [
      { name: 'GET /books/recent/', condition: { pathRegex: '/books/recent/', method: 'GET' }, ...empty },
      {
        name: 'POST /shelves/{shelf}',
        condition: { pathRegex: '/shelves/[^/]*', method: 'POST' },
        responseClasses: [
          { min: 200, max: 200, isFailure: false },
          { min: 500, max: 500, isFailure: true },
        ],
        isRetryable: true,
        timeout: '60s',
      },
    ]);
  });

  it('sorts paths by their bytes, and operations of a path in the order of Linkerd', () => {
    const { routes } = read(`{"openapi": "3.1.0", "paths": {
      "/\u{1f600}": {"get": {}}, "/\uffee": {"get": {}}, "/b": {"put": {}, "post": {}, "patch": {}, "options": {},
      "head": {}, "get": {}, "delete": {}}, "/B": {"get": {}}, "x-paths": {"get": {}}, "b": {"get": {}}}}`);
    assert.deepEqual(
      routes.map(({ name }) => name),
      [
        'GET /B',
        ...['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'].map((method) => `${method} /b`),
        'GET /\uffee',
        'GET /\u{1f600}',
      ],
    );
  });

  it('joins basePath and path with one slash, and lets --base-path win', () => {
    const text = 'swagger: "2.0"\nbasePath: /v1/\npaths: {"//books/{id}.json": {get: {}}}\n';
    assert.deepEqual(read(text).routes[0]?.condition, { pathRegex: '/v1/books/[^/]*\\.json', method: 'GET' });
    assert.equal(read(text, '/v2').routes[0]?.name, 'GET /v2/books/{id}.json');
    assert.equal(read(text, '').routes[0]?.name, 'GET /books/{id}.json');
  });

  it('follows merge keys: what a map has itself wins, then the first of a list', () => {
    const { routes } = read(`
x-a: &a {get: {operationId: a}, put: {operationId: a}}
x-b: &b {get: {operationId: b}, post: {operationId: b}}
x-c: &c {<<: [*a, *b], put: {operationId: c}}
paths:
  /c: *c
  /d: {<<: *c, get: {operationId: d, <<: {x-linkerd-retryable: true}}}
`);
    assert.deepEqual(
      routes.map(({ name, operation, isRetryable }) => [name, operation, isRetryable]),
      [
        ['GET /c', 'a', false],
        ['POST /c', 'b', false],
        ['PUT /c', 'c', false],
        ['GET /d', 'd', true],
        ['POST /d', 'b', false],
        ['PUT /d', 'c', false],
      ],
    );
  });

  it('says what it leaves out, where, and what to do', () => {
    const { notes } = read(`openapi: 3.0.0
servers: [{url: 'https://example.com/v1/'}]
paths:
  /a: {$ref: '#/components/pathItems/A', trace: {}, get: {responses: {777: {}}}}
components: {pathItems: {A: {$ref: '#/components/pathItems/A'}}}
`);
    assert.deepEqual(notes, [
      'api.yml:2:12: servers are not read, as in Linkerd; if requests carry "/v1", add --base-path="/v1"',
      'api.yml:4:3: path "/a": $ref is not followed, as in Linkerd; write the operations out here',
      'api.yml:4:42: path "/a": TRACE gets no route, as in Linkerd',
      'api.yml:4:71: status 777: gets no response class, allowed: 100 to 599',
    ]);
  });

  const wrong: [what: string, text: string, problem: RegExp][] = [
    ['an empty file', ' \n', /^api\.yml: is empty/],
    ['a binary file', 'PK\0\x01', /^api\.yml: is no text, but binary/],
    ['a file that is no YAML', 'paths:\n  /a: {get: {}\n', /^api\.yml:3:1: not valid YAML/],
    ['a text', 'hello', /^api\.yml:1:1: is no OpenAPI document/],
    ['a list', '[]', /^api\.yml:1:1: is no OpenAPI document/],
    ['an API without paths', 'openapi: 3.0.0', /has no map "paths"; an API without paths has no routes/],
    ['an API without operations', 'openapi: 3.0.0\npaths: {/a: {}}', /^api\.yml:2:1: no operation below paths/],
    ['a ServiceProfile', 'kind: ServiceProfile\n', /is a ServiceProfile; give it as --service-profile/],
    ['a path given twice', 'paths:\n  /a: {get: {}}\n  /a: {get: {}}\n', /^api\.yml:3:3: given twice, first at 2:3/],
    ['a wrong basePath', 'basePath: 7\npaths: {/a: {get: {}}}', /^api\.yml:1:1: basePath: found 7, allowed: a path/],
    [
      'a timeout of another notation',
      'paths: {/a: {get: {x-linkerd-timeout: 1d}}}',
      /^api\.yml:1:20: x-linkerd-timeout: found "1d", allowed: a duration of Go, such as 300ms or 1m30s$/,
    ],
    ['a word for a boolean', 'paths: {/a: {get: {x-linkerd-retryable: yes}}}', /found "yes", allowed: true or false/],
    ['half of a surrogate pair', '{"paths": {"/\\ud800": {"get": {}}}}', /^api\.yml:1:12: path .*surrogate/],
    ['a nest of lists', `paths: ${'['.repeat(100_000)}`, /nested too deeply/],
    ['a nest of keys', '- '.repeat(100_000), /nested too deeply/],
    ['a nest of JSON', `{"paths": ${'{"/a":'.repeat(100_000)}1${'}'.repeat(100_001)}`, /no operation/],
    [
      'nested aliases',
      `paths:\n  /a: &a {get: {responses: &r {${Array.from({ length: 900 }, (_, n) => `x${n}: 1`).join()}}}}\n${Array.from(
        { length: 200 },
        (_, n) => `  /b${n}: *a\n`,
      ).join('')}`,
      /more than 100000 values once aliases are written out/,
    ],
    [
      'merges of merges',
      `x0: &m0 {a: 1}\n${Array.from({ length: 400 }, (_, n) => `x${n + 1}: &m${n + 1} {<<: [*m${n}, *m${n}], k${n}: 1}\n`).join('')}paths: {}`,
      /its merge keys \(<<\) stand for more than 100000 members/,
    ],
    [
      'too many routes',
      `{"paths": {${Array.from({ length: 5001 }, (_, n) => `"/${n}": {"get": {}}`).join()}}}`,
      /5000 routes/,
    ],
  ];
  for (const [what, text, problem] of wrong) {
    it(`refuses ${what} in one line`, () => {
      const problems = problemsOf(text);
      assert.equal(problems.length, 1);
      assert.match(problems[0]!, problem);
      assert.doesNotMatch(problems[0]!, /[\n\p{Cc}]/u);
    });
  }

  /** Any UTF-16 units, halves of surrogate pairs among them. */
  const units = fc.array(fc.nat(0xffff), { maxLength: 5 }).map((codes) => String.fromCharCode(...codes));

  it('tells of a path without a slash, which gets no route', () => {
    const { routes, notes } = read('swagger: "2.0"\npaths:\n  /a: {get: {}}\n  b: {get: {}}\n  x-c: {}\n');
    assert.equal(routes.length, 1);
    assert.deepEqual(notes, ['api.yml:4:3: "b" gets no route, as in Linkerd: a path begins with "/"']);
  });

  it('says of maps in maps that the parser falls into that they are nested too deeply', () => {
    const text = Array.from({ length: 2000 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join('');
    assert.match(problemsOf(text).join(), /^api\.yml:1:1: .*nested too deeply/);
  });

  it('tells at most 50 problems of one file', () => {
    const problems = problemsOf(`paths:\n${'  /a: {get: {}}\n'.repeat(70)}`);
    assert.equal(problems.length, 51);
    assert.equal(problems[50], 'api.yml: 19 more problems are not shown');
  });

  it('never throws anything but a SpecError, whatever the file holds', () => {
    const value = fc.constantFrom<unknown>(null, true, 0, '', '$ref', [], {}, [{ url: 'http://a/b' }], {
      200: {},
      x: 1,
    });
    const operation = fc.dictionary(
      fc.constantFrom('responses', 'x-linkerd-timeout', 'x-linkerd-retryable', 'operationId'),
      value,
    );
    const item = fc.dictionary(
      fc.constantFrom('get', 'post', 'trace', '$ref', '__proto__'),
      fc.oneof(operation, value),
    );
    const paths = fc.dictionary(
      units.map((text) => `/${text}`),
      fc.oneof(item, value),
    );
    const key = fc.constantFrom('paths', 'basePath', 'servers', 'kind');
    fc.assert(
      fc.property(fc.dictionary(key, fc.oneof(paths, value)), fc.boolean(), (document, isCut) => {
        const text = JSON.stringify(document);
        problemsOf(isCut ? text.slice(0, -1) : text);
      }),
      { numRuns: 100 },
    );
  });
});

describe('pathToRegex', () => {
  const literal = fc.stringMatching(/^[\w.+*?()|[\]^$\\~-]{1,8}$/);
  const piece = fc.oneof(
    literal,
    fc.constant('{id}'),
    fc.tuple(literal, literal).map(([a, b]) => `${a}{x}${b}`),
  );
  const template = fc.array(piece, { minLength: 1, maxLength: 4 });

  it('matches what the template stands for, and nothing with one slash more', () => {
    fc.assert(
      fc.property(template, fc.stringMatching(/^[^/{}]{0,8}$/), (pieces, value) => {
        const regex = new AnchoredRegexp(pathToRegex(`/${pieces.join('/')}`));
        const path = `/${pieces.map((each) => each.replaceAll(/\{\w+\}/g, () => value)).join('/')}`;
        assert.equal(regex.test(path), true);
        assert.equal(regex.test(`${path}/`), false);
        assert.equal(regex.test(`/x${path}`), false);
      }),
      { numRuns: 200 },
    );
  });

  it('leaves an unclosed brace as it is', () => {
    assert.equal(new AnchoredRegexp(pathToRegex('/a{b/c}d')).test('/ad'), true);
    assert.equal(pathToRegex('/a{b'), '/a\\{b');
    assert.equal(pathToRegex('/a-b/{}'), '/a-b/[^/]*');
  });
});
