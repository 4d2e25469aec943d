import { gzipSync } from 'node:zlib';
import { forgedLine, goodBody, lineBreaker, post, type Attack } from './hostile-request.ts';
import type { Random } from './random.ts';

/** The endpoints that accept a body, and how each of them wraps an alert or a similar object. */
const doors: readonly (readonly [path: string, wrap: (labels: string, more: string) => string])[] = [
  ['/api/v2/alerts', (labels, rest) => `[{"labels":${labels}${rest}}]`],
  [
    '/webhook',
    (labels, rest) =>
      `{"version":"4","status":"firing","alerts":[{"status":"firing","labels":${labels},"fingerprint":""${rest}}]}`,
  ],
  [
    '/api/v2/silences',
    (labels, rest) =>
      `{"matchers":[{"name":"never","value":"sent","isRegex":false}],"createdBy":"x","comment":"x","startsAt":"2099-01-01T00:00:00Z","endsAt":"2099-01-01T00:00:01Z","extra":${labels}${rest}}`,
  ],
];

const oddLabels: readonly ((random: Random) => string)[] = [
  (random) => `{"__proto__":"x","constructor":"y","a":"${random.below(500)}"}`,
  () => '{"__proto__":{"polluted":true},"a":"b"}',
  () => '{"constructor":{"prototype":{"polluted":true}}}',
  () => '{"a":"b","a":"c","a":"d"}',
  (random) => `{${Array.from({ length: random.pick([10, 100, 4097]) }, (_, i) => `"l${i}":"v"`).join()}}`,
  (random) => `{"a":"${'v'.repeat(random.pick([100, 5000, 70_000]))}"}`,
  (random) => `{"${'n'.repeat(random.pick([100, 5000, 70_000]))}":"v"}`,
  () => '{"a":"\\ud800","b":"\\udfff\\ud800"}',
  () => '{"a":"\\u0000","":"x","\\u0000":"y"}',
  () => `{"alertname":${JSON.stringify(lineBreaker)},${JSON.stringify(`n\n${forgedLine}`)}:"x"}`,
  () => '{"a":1e999}',
  () => '{"a":null}',
  () => '{"a":["b"]}',
  () => '[]',
  () => 'null',
  () => '1e400',
  () => `-${'9'.repeat(4000)}`,
  () => '"text"',
  (random) => '['.repeat(random.pick([50, 9999, 30_000])),
  (random) => nested('[', ']', random.pick([50, 9000, 10_001])),
  (random) => nested('{"a":', '}', random.pick([50, 9000])),
  () => '{"a":"\\x"}',
  () => '{"a":"unterminated',
  () => "{'a':'b'}",
  () => '{"a":"b",}',
  () => 'NaN',
  () => '{"a":"b"}//',
  () => '{"a":"b"}\u0000',
];

const times = [
  '2026-11-21T03:00:00Z',
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999999Z',
  '2026-02-30T00:00:00Z',
  '2026-11-21T24:00:00Z',
  '2026-11-21T03:00:60Z',
  '2026-11-21 03:00:00',
  '',
  '-1',
  '+275760-09-13T00:00:00.001Z',
  '2026-11-21T03:00:00+99:99',
  '1e9',
  lineBreaker,
];

function more(random: Random): string {
  return random.pick([
    () => '',
    () => `,"startsAt":${JSON.stringify(random.pick(times))},"endsAt":${JSON.stringify(random.pick(times))}`,
    () =>
      `,"generatorURL":${JSON.stringify(random.pick(['http://[', 'javascript:1', lineBreaker, `http://${'a'.repeat(9000)}`, '%zz', 'http://x:99999/']))}`,
    () => `,"annotations":{"a":${JSON.stringify(lineBreaker)}}`,
    () => ',"__proto__":{"labels":{"a":"b"}},"toString":1,"hasOwnProperty":1',
    () => `,"u":${'9'.repeat(400)}e${'9'.repeat(40)}`,
    () => ',"labels":{"second":"x"},"labels":null',
    () => `,"status":"resolved","startsAt":5,"endsAt":{}`,
  ])();
}

function nested(open: string, close: string, depth: number): string {
  return `${open.repeat(depth)}1${close.repeat(depth)}`;
}

/** Bodies that are framed correctly, and hostile. */
export const bodyAttacks: readonly Attack[] = [
  {
    name: 'JSON',
    weight: 30,
    make(random) {
      // Several requests share one connection; each endpoint reads all of them.
      const requests = random.between(1, 8);
      const chunks = Array.from({ length: requests }, (_, index) => {
        const [path, wrap] = random.pick(doors);
        const body = wrap(random.pick(oddLabels)(random), more(random));
        return post(random, path, body, `Connection: ${index === requests - 1 ? 'close' : 'keep-alive'}`);
      });
      return { chunks, requests, maxAnswers: requests, answered: true };
    },
  },
  {
    name: 'broken JSON',
    weight: 12,
    make(random) {
      const [path, wrap] = random.pick(doors);
      const body = Buffer.from(wrap('{"alertname":"a","b":"\\u00e9é"}', more(random)));
      for (let count = random.between(1, 5); count > 0; count--) body[random.below(body.length)] = random.below(256);
      return { chunks: [post(random, path, body)], answered: true };
    },
  },
  {
    name: 'no JSON',
    weight: 4,
    make(random) {
      const body = random.pick([
        () => random.bytes(random.between(0, 3000)),
        () => Buffer.from(`\ufeff${goodBody}`),
        () => Buffer.from(goodBody, 'utf16le'),
        () => Buffer.alloc(random.between(1, 60_000), 0xe2),
        () => Buffer.from(' '.repeat(60_000)),
        () => Buffer.from(''),
        () => Buffer.from(lineBreaker),
      ])();
      return { chunks: [post(random, random.pick(doors)[0], body)], answered: true };
    },
  },
  {
    name: 'compressed',
    weight: 3,
    make(random) {
      const body = gzipSync(random.pick([goodBody, ' '.repeat(2_000_000), lineBreaker]));
      const coding = random.pick(['gzip', 'br', 'deflate', 'gzip, gzip', 'x'.repeat(500)]);
      return { chunks: [post(random, random.pick(doors)[0], body, `Content-Encoding: ${coding}`)], answered: true };
    },
  },
  {
    name: 'regular expression in a silence',
    weight: 4,
    make(random) {
      const value = random.pick([
        '(a+)+$',
        '(x{1000}){1000}',
        '(.*){1,1000}',
        `${'('.repeat(900)}${')'.repeat(900)}`,
        '[',
        '(?=a)',
        'a'.repeat(20_000),
        '\\pL'.repeat(300),
        lineBreaker,
        '(?i)(a|b|ab)*c',
      ]);
      const matchers = [
        { name: 'never', value: 'sent', isRegex: false },
        { name: 'a', value, isRegex: true },
      ];
      // It starts in the future, so that it silences nothing.
      const silence = {
        matchers,
        createdBy: lineBreaker,
        comment: lineBreaker,
        startsAt: '2099-01-01T00:00:00Z',
        endsAt: '2099-01-01T00:00:01Z',
      };
      return { chunks: [post(random, '/api/v2/silences', JSON.stringify(silence))], answered: true };
    },
  },
  {
    name: 'many regular expressions in a silence',
    weight: 0.2,
    make(random) {
      const value = random.pick(['x{1000}'.repeat(6), '\\pL'.repeat(20), '(a|b|c)*'.repeat(5)]);
      const matchers = Array.from({ length: random.pick([10, 100, 700]) }, (_, index) => ({
        name: `n${index}`,
        value: `${value}${index}`,
        isRegex: true,
      }));
      const span = { startsAt: '2099-01-01T00:00:00Z', endsAt: '2099-01-01T00:00:01Z' };
      const silence = { matchers, createdBy: 'x', comment: 'x', ...span };
      return { chunks: [post(random, '/api/v2/silences', JSON.stringify(silence))] };
    },
  },
  {
    name: 'large body',
    weight: 0.03,
    make: (random) => ({ chunks: [post(random, '/api/v2/alerts', largeBody(random))] }),
  },
];

/** Up to 2 MiB; test/integration/hostile-input.test.ts tests larger bodies. */
function largeBody(random: Random): string {
  const size = random.pick([300_000, 1_000_000, 2_000_000]);
  return random.pick([
    () => `[{"labels":{"a":"${'x'.repeat(size)}"}}]`,
    () => `[${'{"labels":{"a":"b"}},'.repeat(size / 21)}{}]`,
    () => `[{"labels":{${Array.from({ length: size / 12 }, (_, i) => `"l${i}":"v"`).join()}}}]`,
    () => '['.repeat(size),
    () => `[{"labels":{"a":"b"},"u":[${'{},'.repeat(size / 3)}1]}]`,
    () => `[{"labels":{"a":"${'\\ud800'.repeat(size / 6)}"}}]`,
  ])();
}
