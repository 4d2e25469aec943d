import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { Routes } from '../routes.ts';
import {
  readTarget,
  remoteOf,
  senderOf,
  readRequestId,
  type Sender,
  mediaTypeProblem,
  acceptsJson,
} from './request-head.ts';
import { cpuMsOf } from '../../runtime/slices.fixture.ts';

const api = '/api/v2/';
const routes = new Routes([
  { path: '/metrics', methods: {} },
  ...['alerts', 'alerts/groups', 'silence/:id'].map((path) => ({ path: api + path, methods: {}, api })),
]);

describe('readTarget', () => {
  const rows: readonly (readonly [prefix: string, target: string, path: string, url: string])[] = [
    ['', '/x', '/x', '/x'],
    ['', '/x?a=1?b', '/x', '/x?a=1?b'],
    ['', '/metrics#x', '/metrics%23x', '/metrics%23x'],
    ['', '/x?a#b', '/x', '/x?a%23b'],
    ['', '/x\xa0?\t', '/x%A0', '/x%A0?%09'],
    ['', 'http://host/x?y', '/x', '/x?y'],
    ['', 'FTP://u:p@[::1]:1/x', '/x', '/x'],
    ['', 'http://host', '/', '/'],
    ['', 'http://host?x', '/', '/?x'],
    ['', 'http://host/http://other/x', '/http://other/x', '/http://other/x'],
    ['', '//host/x', '//host/x', '//host/x'],
    ['', '*', '', '*'],
    ['', '/api/v2/alerts/', '/api/v2/alerts', '/api/v2/alerts'],
    ['', '/api/v2/alerts/groups/?x', '/api/v2/alerts/groups', '/api/v2/alerts/groups?x'],
    ['', '/api/v2/alerts//', '/api/v2/alerts//', '/api/v2/alerts//'],
    ['', '/api/v2/%61lerts', '/api/v2/%61lerts', '/api/v2/%61lerts'],
    ['', '/api/v2/nope/', '/api/v2/nope/', '/api/v2/nope/'],
    ['', '/api/v2/silence/', '/api/v2/silence/', '/api/v2/silence/'],
    ['', '/api/v2/silence/%61-%2f/', '/api/v2/silence/a-%2F', '/api/v2/silence/a-%2F'],
    ['', '/api/v2/silence/%e9', '/api/v2/silence/%25e9', '/api/v2/silence/%25e9'],
    ['', '/metrics/', '/metrics/', '/metrics/'],
    ['/am', '/am/api?x=1', '/api', '/api?x=1'],
    ['/am', 'http://host/am/api', '/api', '/api'],
    ['/am', '/am/', '/', '/'],
    ['/am', '/am//x', '//x', '//x'],
    ['/am', '/am', '', '/am'],
    ['/am', '/am?x', '', '/am?x'],
    ['/am', '/amx/api', '', '/amx/api'],
    ['/am', '/AM/api', '', '/AM/api'],
    ['/am', '//am/api', '', '//am/api'],
    ['/am', '*', '', '*'],
  ];
  for (const [prefix, target, path, url] of rows) {
    it(`reads ${JSON.stringify(target)} below ${prefix || 'no prefix'} as ${url}`, () => {
      const read = readTarget(prefix, target, routes);
      assert.deepEqual([read.path, read.url], [path, url]);
    });
  }

  it('distinguishes the routes', () => {
    const targets = ['/metrics?x', '/api/v2/silence/x', '/api/v2/silence/x/', '/api/v2/silence/x/y', '/metrics/', '/'];
    assert.deepEqual(
      targets.map((target) => readTarget('', target, routes).route),
      ['/metrics', '/api/v2/silence/:id', '/api/v2/silence/:id', 'other', 'other', 'other'],
    );
  });

  it('removes the prefix, and leaves a good target unchanged', () => {
    fc.assert(
      fc.property(fc.webPath(), (path) => assert.equal(readTarget('/a/b', `/a/b/x/${path}`, routes).url, `/x/${path}`)),
    );
  });

  it('gives a URL that every parser splits in the same places', () => {
    const target = fc.string({ unit: fc.constantFrom(...'/?#%:@\\.;&=aZ9~ \t\xa0é') }).map((text) => `/${text}`);
    fc.assert(
      fc.property(target, (text) => {
        const { path, url } = readTarget('', text, routes);
        assert.match(url, /^\/[!"$-~]*$/);
        assert.equal(url.split('?', 1)[0], path);
      }),
    );
  });
});

interface Peer {
  readonly remoteAddress?: string;
  readonly remotePort?: number;
}

function sender(socket: Peer, headers: IncomingHttpHeaders = {}): Sender {
  return senderOf({ socket, headers } as unknown as IncomingMessage);
}

describe('senderOf', () => {
  it('gives the id of the request, the address and the user agent', () => {
    const headers = { 'x-request-id': 'r1', 'user-agent': 'Prometheus/3.5.0' };
    assert.deepEqual(sender({ remoteAddress: '10.0.0.7', remotePort: 40_000 }, headers), {
      requestId: 'r1',
      remote: '10.0.0.7:40000',
      userAgent: 'Prometheus/3.5.0',
    });
  });

  it('puts brackets around an IPv6 address', () => {
    assert.equal(sender({ remoteAddress: '::1', remotePort: 40_000 }).remote, '[::1]:40000');
  });

  it('shows an IPv4 sender on a socket for both families by its IPv4 address', () => {
    assert.equal(sender({ remoteAddress: '::ffff:10.0.0.7', remotePort: 38_408 }).remote, '10.0.0.7:38408');
    assert.equal(remoteOf({ remoteAddress: '::FFFF:10.0.0.7', remotePort: 38_408 }), '10.0.0.7:38408');
    assert.equal(remoteOf({ remoteAddress: 'fd00::7', remotePort: 38_408 }), '[fd00::7]:38408');
  });

  it('reports that the connection is gone already', () => {
    assert.equal(sender({}).remote, 'unknown:0');
  });

  it('makes an id and has no user agent if neither was sent', () => {
    const { requestId, userAgent } = sender({});
    assert.match(requestId, /^[0-9a-f]{16}$/);
    assert.equal(userAgent, undefined);
  });

  it('keeps 100 characters of a user agent', () => {
    assert.equal(sender({}, { 'user-agent': `${'a'.repeat(100)}b` }).userAgent, 'a'.repeat(100));
  });
});

function requestWith(id: string | undefined): IncomingMessage {
  return { headers: id === undefined ? {} : { 'x-request-id': id } } as unknown as IncomingMessage;
}

const made = /^[0-9a-f]{16}$/;

describe('readRequestId', () => {
  for (const id of ['a', 'x'.repeat(128), '7f3c-41.2_a', 'Root=1-67:ab/c+d@e']) {
    it(`keeps ${id.slice(0, 30)}`, () => assert.equal(readRequestId(requestWith(id)), id));
  }

  for (const id of [undefined, '', 'x'.repeat(129), 'two words', 'a, b', 'a\nb', 'a\n', '"quoted"', 'é', '{}']) {
    it(`makes a new one for ${JSON.stringify(id)?.slice(0, 30) ?? 'no header'}`, () => {
      assert.match(readRequestId(requestWith(id)), made);
    });
  }

  it('makes a different one each time', () => {
    const ids = Array.from({ length: 100 }, () => readRequestId(requestWith(undefined)));
    assert.equal(new Set(ids).size, 100);
  });

  it('gives nothing that could disturb a log line, whatever is sent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (id) => {
        const given = readRequestId(requestWith(id));
        assert.ok(given === id || made.test(given));
        assert.match(given, /^[\w.:/+=@-]{1,128}$/);
      }),
    );
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
        // A few milliseconds are normal; a backtracking expression would take minutes.
        assert.ok(cpuMsOf(() => mediaTypeProblem(given)) < 500, `${start} and ${characters} of ${repeated}`);
      }),
    );
  });
});

describe('acceptsJson', () => {
  const rows: readonly (readonly [string | undefined, boolean])[] = [
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
  for (const [header, accepted] of rows)
    it(`says ${accepted} to ${header}`, () => assert.equal(acceptsJson(header), accepted));
});
