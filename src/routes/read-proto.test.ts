import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readProto } from './read-proto.ts';
import { SpecError } from './route.ts';

function read(text: string) {
  return readProto({ name: 'vote.proto', text }).routes;
}

function problemOf(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (error instanceof SpecError) return error.message;
    throw error;
  }
  return '';
}

describe('readProto', () => {
  it('reads an rpc as Linkerd does: its name alone, and its path', () => {
    const [route] = read(`syntax = "proto3";
package votes.v2;
message Ballot { string party = 1; map<string, int32> marks = 2; oneof how { bool post = 3; } }
service PollService { rpc CastBallot (Ballot) returns (Ballot); }`);
    assert.deepEqual(route, {
      name: 'CastBallot',
      condition: { method: 'POST', pathRegex: '/votes\\.v2\\.PollService/CastBallot' },
      responseClasses: [],
      isRetryable: false,
      rpc: { service: 'votes.v2.PollService', method: 'CastBallot' },
    });
  });

  it('keeps the order of services and rpcs, and ignores what stands in comments and options', () => {
    const routes = read(`// package wrong;
/* service Hidden { rpc Hidden (M) returns (M); } /* not nested */
import public "other.proto";
option go_package = "a;b";
service Zebra {
  option deprecated = true;
  rpc Second (stream .a.M) returns (stream M) { option (google.api.http) = { post: "/v1/{x}" body: "*" additional { get: "}" } }; };
  // rpc Commented (M) returns (M);
  rpc First (M) returns (M) {}
  rpc rpc (M) returns (M) { option (text) = 'it\\'s } "'; }
}
message M { message Rpc {} reserved 5, 6 to max; }
extend google.protobuf.MethodOptions { optional bool mine = 5000; }
service Aardvark { ; rpc First (M) returns (M); }
`);
    assert.deepEqual(
      routes.map(({ condition }) => condition.pathRegex),
      ['/Zebra/Second', '/Zebra/First', '/Zebra/rpc', '/Aardvark/First'],
    );
  });

  const levels: [option: string, isRetryable: boolean][] = [
    ['option idempotency_level = IDEMPOTENT;', true],
    ['option idempotency_level = NO_SIDE_EFFECTS;', true],
    ['option (idempotency_level) = NO_SIDE_EFFECTS;', true],
    ['option idempotency_level = IDEMPOTENCY_UNKNOWN;', false],
    ['option deprecated = true; option idempotency_level = IDEMPOTENT;', true],
    ['option deprecated = true;', false],
  ];
  for (const [option, isRetryable] of levels) {
    it(`takes an rpc with ${option} for ${isRetryable ? '' : 'not '}retryable`, () => {
      assert.equal(read(`service S { rpc A (M) returns (M) { ${option} } }`)[0]?.isRetryable, isRetryable);
    });
  }

  it('reads editions, and a file that begins with a byte order mark', () => {
    const text =
      '\uFEFFedition = "2023"; package e; option features.field_presence = EXPLICIT; service S { rpc A (M) returns (M); }';
    assert.equal(read(text)[0]?.rpc?.service, 'e.S');
  });

  const wrong: [what: string, text: string, problem: RegExp][] = [
    ['an empty file', '', /^vote\.proto: has no rpc; give the file that holds/],
    ['a file of messages', 'syntax = "proto3"; message M {}', /has no rpc/],
    ['a text', 'hello\nworld', /^vote\.proto:1: not a \.proto file: illegal token 'hello'/],
    ['a compiled descriptor', '\n\0\x01service', /is no text, but binary/],
    ['an unclosed comment', 'service S {\n/* ', /^vote\.proto:\d: not a \.proto file/],
    ['an unclosed service', 'service S { rpc A (M) returns (M);', /not a \.proto file/],
    ['an rpc given twice', 'service S { rpc A (M) returns (M); rpc A (M) returns (M); }', /duplicate name 'A'/],
    ['a nest of messages', 'message M {'.repeat(50_000), /max depth exceeded/],
    ['a nest of options', `option (a) = ${'{b:'.repeat(50_000)}`, /max depth exceeded/],
    ['more rpcs than a ServiceProfile can hold', `service S {${rpcs(5001)}}`, /more than 5000 routes/],
  ];
  for (const [what, text, problem] of wrong) {
    it(`refuses ${what} in one line`, () => {
      assert.match(problemOf(text), problem);
      assert.doesNotMatch(problemOf(text), /\p{Cc}/u);
    });
  }

  it('never throws anything but a SpecError, whatever the file holds', () => {
    const word = fc.constantFrom(
      'service',
      'rpc',
      'S',
      '{',
      '}',
      '(',
      ')',
      'returns',
      ';',
      'option',
      '=',
      '"',
      '/*',
      '*/',
      '//',
      '\n',
      '.',
      '<',
      '1',
    );
    const text = fc.oneof(
      fc.array(word, { maxLength: 30 }).map((words) => words.join(' ')),
      fc.array(fc.nat(0xffff), { maxLength: 10 }).map((codes) => String.fromCharCode(...codes)),
    );
    fc.assert(
      fc.property(text, (each) => void problemOf(each)),
      { numRuns: 100 },
    );
  });
});

function rpcs(count: number): string {
  return Array.from({ length: count }, (_, index) => `rpc A${index} (M) returns (M);`).join('');
}
