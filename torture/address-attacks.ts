import { head, lineBreaker, secret, type Attack } from './hostile-request.ts';

const paths = [
  '//api/v2/alerts',
  '/api//v2/alerts',
  '/api/v2/alerts//',
  '/API/v2/alerts',
  '/api/v2/./alerts',
  '/api/v2/../../-/healthy',
  '/api/v2/%2e%2e/%2e%2e/etc/passwd',
  '/%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  '/api/v2/alerts%00',
  '/api/v2/alerts%0a%0dX: y',
  '/-/healthy%20',
  '/%',
  '/%zz',
  '/%c0%af',
  '/%ff%fe',
  '/api/v2/silence/..%2f..%2fx',
  '/api/v2/silence/%00',
  '/api/v2/silence/__proto__',
  '/api/v2/silence/',
  '/api/v2/silence',
  '/api/v2/silence/00000000-0000-4000-8000-000000000000',
  '/api/v1/alerts',
  '/api/v9/alerts',
  '/\\api\\v2\\alerts',
  '/api/v2/alerts;x=y',
  '/api/v2/alerts#f',
  '/api/v2/alerts?',
  '/api/v2/alerts??',
  '/constructor',
  '/__proto__',
  '/favicon.ico',
  `http://admin:${secret}@x/api/v2/alerts`,
  'http://',
  '//',
  '/debug/pprof/',
  '?',
  `/${encodeURIComponent(lineBreaker)}`,
];

const filters = [
  'a=~"(a+)+$"',
  'a=~"(x{1000}){1000}"',
  'a=~"((((((.*)*)*)*)*)*)*"',
  'a=~"["',
  'a=~"(?=a)"',
  `a="${'v'.repeat(7000)}"`,
  '{',
  '}',
  '{}',
  '',
  '=',
  'a',
  'a=',
  '"a"="b"',
  'a=~"\\\\"',
  'a="\\ud800"',
  '{a="b",c=~"d",}',
  `{${'a="b",'.repeat(800)}}`,
  'é=x',
  '__proto__="x"',
  lineBreaker,
  '\0',
  'a!=b',
  'a!~b',
  '🙂="x"',
];

const lists = ['/api/v2/alerts', '/api/v2/alerts/groups', '/api/v2/silences'];

function encodedFilter(text: string): string {
  return `filter=${encodeURIComponent(text)}`.replaceAll('%EF%BF%BD', '%ff');
}

/** Hostile request targets, and what they ask for. */
export const addressAttacks: readonly Attack[] = [
  {
    name: 'path',
    weight: 10,
    make(random) {
      const method = random.pick(['GET', 'GET', 'HEAD', 'POST', 'DELETE']);
      return { chunks: [head(random, { method, path: random.pick(paths) })], end: 'half-close' };
    },
  },
  {
    name: 'filter',
    weight: 12,
    make(random) {
      const given = Array.from({ length: random.pick([1, 1, 2, 5]) }, () => encodedFilter(random.pick(filters)));
      if (random.once(12))
        given.push(...Array.from({ length: 200 }, (_, i) => encodedFilter(`a=~"${'x{1000}'.repeat(6)}${i}"`)));
      if (random.once(6)) given.push(...Array.from({ length: 800 }, () => 'filter=a'));
      const query = given.join('&').slice(0, random.pick([15_000, 15_000, 40_000]));
      return { chunks: [head(random, { method: 'GET', path: `${random.pick(lists)}?${query}` })], end: 'half-close' };
    },
  },
  {
    name: 'query',
    weight: 6,
    make(random) {
      const query = random.pick([
        'active=maybe',
        'active',
        'silenced=&inhibited=',
        'active=true&active=false',
        'receiver=(a%2B)%2B%24',
        'receiver=%5B',
        'receiver=x{1000}{1000}',
        'filter',
        'filter=%',
        'filter=%ff',
        `x=${'y'.repeat(9000)}`,
        '&'.repeat(5000),
        '__proto__=x',
        'filter[]=a',
        'receiver[__proto__]=a',
        '%00=1',
        'unprocessed=2',
      ]);
      return { chunks: [head(random, { method: 'GET', path: `${random.pick(lists)}?${query}` })], end: 'half-close' };
    },
  },
];
