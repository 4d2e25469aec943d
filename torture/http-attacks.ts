import { goodBody, head, post, type Attack } from './hostile-request.ts';
import type { Random } from './random.ts';

const inner = 'GET /-/healthy HTTP/1.1\r\nHost: smuggled\r\nConnection: close\r\n\r\n';

function good(random: Random): Buffer {
  return post(random, random.pick(['/api/v2/alerts', '/webhook', '/api/v2/silences']), goodBody);
}

/** A length that disagrees with the body, or two ways of giving the length. */
const framings: readonly (readonly string[])[] = [
  ['Content-Length: 6', 'Transfer-Encoding: chunked'],
  ['Transfer-Encoding: chunked', 'Content-Length: 6'],
  ['Content-Length: 6', 'Content-Length: 60'],
  ['Content-Length: 6', 'Content-Length: 6'],
  ['Content-Length: 6, 6'],
  ['Content-Length: +6'],
  ['Content-Length: 0x6'],
  ['Content-Length: -6'],
  ['Content-Length: 6e0'],
  ['Content-Length:'],
  ['Content-Length: 99999999999999999999999'],
  ['Content-Length : 6'],
  ['Content-Length:\u000b6'],
  ['Transfer-Encoding: xchunked'],
  ['Transfer-Encoding: identity'],
  ['Transfer-Encoding: chunked, identity'],
  ['Transfer-Encoding: identity, chunked'],
  ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
  ['Transfer-Encoding : chunked'],
  ['Transfer-Encoding:\u000bchunked'],
  ['Transfer-Encoding:\r\n chunked'],
  ['X: y\nTransfer-Encoding: chunked'],
  ['X: y\rTransfer-Encoding: chunked'],
  ['Transfer-Encoding: CHUNKED', 'Content-Length: 6'],
];

const badChunks = [
  'zz\r\nabc\r\n0\r\n\r\n',
  '-1\r\n[]\r\n0\r\n\r\n',
  'ffffffffffffffff1\r\n[]\r\n0\r\n\r\n',
  'ffffffff\r\n[]\r\n0\r\n\r\n',
  '2\r\n[]0\r\n\r\n',
  '2\n[]\n0\n\n',
  '2 \r\n[]\r\n0\r\n\r\n',
  `2;${'x'.repeat(20_000)}\r\n[]\r\n0\r\n\r\n`,
  `${'2;a=b\r\n[]\r\n'.repeat(3000)}0\r\n\r\n`,
  `2\r\n[]\r\n0\r\nTrailer: ${'y'.repeat(20_000)}\r\n\r\n`,
  '2\r\n[]\r\n0\r\nContent-Length: 5\r\n\r\n',
  '2\r\n[]\r\n00000000000000000000\r\n\r\n',
  '0x2\r\n[]\r\n0\r\n\r\n',
  '2\r[]\r0\r\r',
  `${'1\r\n \r\n'.repeat(5000)}2\r\n[]\r\n0\r\n\r\n`,
];

const oddHeaders = [
  'Expect: 100-continue',
  'Expect: 200-ok',
  'Upgrade: websocket\r\nConnection: Upgrade',
  'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__',
  'Connection: close, keep-alive, te, trailers',
  'Bad Name: x',
  ': empty',
  'X-Null: a\0b',
  'X-Return: a\rb',
  'X-Fold: a\r\n b',
  'X-High: \u00ff\u00fe\u0080',
  'Host: y',
  'Content-Type: application/json; charset=utf-16',
  'Content-Type: application/json\r\nContent-Type: text/plain',
  'Content-Type: text/plain',
  `Content-Type: ${'a/'.repeat(4000)}`,
  `Accept: ${'*/*,'.repeat(3000)}`,
  `Accept-Encoding: ${'gzip;q=0.1,'.repeat(1000)}`,
  `X-Request-Id: ${'i'.repeat(8000)}`,
  'Range: bytes=0-18446744073709551615',
];

const methods = [
  'GET',
  'HEAD',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'PRI',
  'M-SEARCH',
  'get',
  'POST',
  'QUERY',
  'X'.repeat(500),
];

/** Violations of HTTP itself. */
export const httpAttacks: readonly Attack[] = [
  {
    name: 'half a request',
    weight: 10,
    make(random) {
      const bytes = good(random);
      return {
        chunks: [bytes.subarray(0, random.below(bytes.length))],
        end: random.pick(['half-close', 'reset'] as const),
      };
    },
  },
  {
    name: 'slow head',
    weight: 1,
    make: (random) => ({ chunks: dripped(good(random).subarray(0, 150), 30, random.between(5, 40)), end: 'reset' }),
  },
  {
    name: 'slow body',
    weight: 1,
    make: (random) => ({ chunks: dripped(good(random), 40, random.between(5, 30)), answered: true }),
  },
  {
    name: 'pipelined',
    weight: 4,
    make(random) {
      const requests = random.between(2, 16);
      const kept = head(random, { method: 'GET', path: '/-/healthy', headers: ['Connection: keep-alive'] });
      return { chunks: [kept.repeat(requests - 1), good(random)], requests, maxAnswers: requests, answered: true };
    },
  },
  {
    name: 'pipelined past the limit',
    weight: 1,
    make(random) {
      const requests = random.between(17, 300);
      const kept = head(random, { method: 'GET', path: '/api/v2/alerts', headers: ['Connection: keep-alive'] });
      return { chunks: [kept.repeat(requests)], requests, maxAnswers: requests, end: 'half-close' };
    },
  },
  {
    name: 'smuggling',
    weight: 8,
    make(random) {
      const headers = [...random.pick(framings), 'Content-Type: application/json', 'Connection: keep-alive'];
      const body = random.pick([`0\r\n\r\n${inner}`, `[]    ${inner}`, `2\r\n[]\r\n0\r\n\r\n${inner}`]);
      // If the length is given once and correctly, what follows is rightly the next request.
      return { chunks: [head(random, { headers }), body], end: 'half-close', maxAnswers: 2 };
    },
  },
  {
    name: 'two lengths',
    weight: 4,
    make(random) {
      const headers = [
        ...random.pick(framings.slice(0, 3)),
        'Content-Type: application/json',
        'Connection: keep-alive',
      ];
      return { chunks: [head(random, { headers }), `0\r\n\r\n${inner}`], end: 'half-close' };
    },
  },
  {
    name: 'bad chunks',
    weight: 6,
    make(random) {
      const headers = ['Transfer-Encoding: chunked', 'Content-Type: application/json'];
      return { chunks: [head(random, { headers }), random.pick(badChunks)], end: 'half-close', maxAnswers: 2 };
    },
  },
  {
    name: 'large head',
    weight: 1,
    make(random) {
      const size = random.pick([16_000, 17_000, 100_000, 1_048_576]);
      const header = random.pick([() => `X: ${'y'.repeat(size)}`, () => 'X: y\r\n'.repeat(size / 6).trimEnd()]);
      return { chunks: [head(random, { method: 'GET', headers: [header()] })], end: 'half-close' };
    },
  },
  {
    name: 'long address',
    weight: 1,
    make: (random) => ({
      chunks: [head(random, { method: 'GET', path: `/${'a%2f'.repeat(random.pick([100, 3000, 200_000]))}` })],
      end: 'half-close',
    }),
  },
  {
    name: 'odd header',
    weight: 8,
    make: (random) => ({
      chunks: [post(random, '/api/v2/alerts', goodBody, random.pick(oddHeaders))],
      end: 'half-close',
      maxAnswers: 2,
    }),
  },
  {
    name: 'method',
    weight: 4,
    make(random) {
      const path = random.pick([
        '/api/v2/alerts',
        '/-/healthy',
        '/-/ready',
        '/metrics',
        '/webhook',
        '/api/v2/silences',
        '*',
        'x:443',
      ]);
      return {
        chunks: [head(random, { method: random.pick(methods), path, headers: ['Content-Length: 2'] }), '[]'],
        end: 'half-close',
      };
    },
  },
  {
    name: 'version',
    weight: 3,
    make(random) {
      const version = random.pick(['1.0', '0.9', '2.0', '9.9', '1.10', '1.', '', '1.1 ', '1.0\r\nHost: z']);
      const headers = random.pick([[], ['Connection: keep-alive'], ['Transfer-Encoding: chunked']]);
      const chunks = [head(random, { method: 'GET', path: '/-/healthy', version, headers })];
      // The end of a body that never began may be a broken request of its own.
      return { chunks, end: 'half-close', maxAnswers: 2 };
    },
  },
  {
    name: 'no HTTP at all',
    weight: 3,
    make: (random) => ({
      chunks: [
        random.pick([
          () => random.bytes(random.between(1, 2000)),
          () => 'GET /\r\n\r\n',
          () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0',
          () => Buffer.from('16030100c8010000c40303', 'hex'),
          () => '\r\n'.repeat(500),
          () => '\0'.repeat(500),
        ])(),
      ],
      end: 'half-close',
    }),
  },
  {
    name: 'broken byte',
    weight: 8,
    make(random) {
      const bytes = good(random);
      for (let times = random.between(1, 4); times > 0; times--) bytes[random.below(bytes.length)] = random.below(256);
      return { chunks: [bytes], end: 'half-close', maxAnswers: 2 };
    },
  },
];

/** The bytes in small pieces, with pauses that add up to about `totalMs`. */
function dripped(bytes: Buffer, totalMs: number, pieces: number): (Buffer | number)[] {
  const size = Math.ceil(bytes.length / pieces);
  const chunks: (Buffer | number)[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size), totalMs / pieces);
  return chunks;
}
