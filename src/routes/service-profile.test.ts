import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readServiceProfile } from './read-service-profile.ts';
import { serviceDestination, SpecError, type RequestMatch, type ResponseClass, type Route } from './route.ts';
import { writeServiceProfile } from './write-service-profile.ts';

const destination = serviceDestination('shop', 'market', 'cluster.local');

const routes: readonly Route[] = [
  {
    name: 'POST /shelves/{shelf}',
    condition: { pathRegex: '/shelves/[^/]*', method: 'POST' },
    responseClasses: [
      { min: 200, max: 200, isFailure: false },
      { min: 500, max: 599, isFailure: true },
    ],
    isRetryable: true,
    timeout: '60s',
  },
  {
    name: 'CastBallot',
    condition: { method: 'POST', pathRegex: '/votes\\.v2\\.PollService/CastBallot' },
    rpc: { service: 'votes.v2.PollService', method: 'CastBallot' },
    responseClasses: [],
    isRetryable: false,
  },
];

/** Made with the types of Linkerd's own, and `sigs.k8s.io/yaml`: keys in their order, lists not indented, what is empty left out. */
const asYaml = `apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata:
  name: shop.market.svc.cluster.local
  namespace: market
spec:
  routes:
  - condition:
      method: POST
      pathRegex: /shelves/[^/]*
    isRetryable: true
    name: POST /shelves/{shelf}
    responseClasses:
    - condition:
        status:
          max: 200
          min: 200
    - condition:
        status:
          max: 599
          min: 500
      isFailure: true
    timeout: 60s
  - condition:
      method: POST
      pathRegex: /votes\\.v2\\.PollService/CastBallot
    name: CastBallot
`;

function problemsOf(text: string): readonly string[] {
  try {
    readServiceProfile({ name: 'p.yml', text });
  } catch (error) {
    if (error instanceof SpecError) return error.problems;
    throw error;
  }
  return [];
}

function withRoute(route: string): string {
  return `apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: {name: shop.market.svc.cluster.local}
spec:
  routes:
  - ${route}
`;
}

describe('writeServiceProfile', () => {
  it('writes YAML as linkerd profile does', () => {
    assert.equal(writeServiceProfile({ routes }, destination, 'yaml'), asYaml);
  });

  it('writes JSON as linkerd profile -o json does: one line, with the fields in the order of the type', () => {
    assert.equal(
      writeServiceProfile({ routes: [{ ...routes[1]!, name: 'a<b>&c' }] }, destination, 'json'),
      '{"kind":"ServiceProfile","apiVersion":"linkerd.io/v1alpha2","metadata":{"name":"shop.market.svc.cluster.local",' +
        '"namespace":"market"},"spec":{"routes":[{"name":"a\\u003cb\\u003e\\u0026c","condition":{"pathRegex":' +
        '"/votes\\\\.v2\\\\.PollService/CastBallot","method":"POST"}}]}}\n',
    );
  });
});

describe('readServiceProfile', () => {
  it('reads what was written, in both formats, with the fields that no rule needs', () => {
    const rest = {
      namespace: 'client',
      retryBudget: { retryRatio: 0.2, minRetriesPerSecond: 10, ttl: '10s' },
      dstOverrides: [{ authority: 'a.b.svc.cluster.local:80', weight: '500m' }],
    };
    for (const format of ['yaml', 'json'] as const) {
      const text = writeServiceProfile({ routes, rest }, destination, format);
      assert.deepEqual(readServiceProfile({ name: 'p', text }), { routes, destination, rest, notes: [] });
      assert.equal(writeServiceProfile({ routes, rest }, destination, format), text);
    }
  });

  it('gives back every profile that can be written', () => {
    const plain = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record<T>(model, { noNullPrototype: true });
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
    const { match } = fc.letrec<{ match: RequestMatch }>((tie) => ({
      match: fc.oneof(
        { maxDepth: 3 },
        plain({ pathRegex: fc.constantFrom('/a', '/[^/]*', '/b\\.c'), method: text }),
        plain({ all: fc.array(tie('match'), { maxLength: 2 }) }),
        plain({ any: fc.array(tie('match'), { maxLength: 2 }), method: text }),
        plain({ not: tie('match') }),
      ),
    }));
    const status = fc.integer({ min: 100, max: 599 });
    const responseClass: fc.Arbitrary<ResponseClass> = fc
      .tuple(status, status, fc.boolean())
      .map(([a, b, isFailure]) => ({ min: Math.min(a, b), max: Math.max(a, b), isFailure }));
    const route = plain<Route>({
      name: text,
      condition: match,
      responseClasses: fc.array(responseClass, { maxLength: 3 }),
      isRetryable: fc.boolean(),
    });
    const profiles = fc.array(route, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(profiles, fc.constantFrom('yaml', 'json'), (given, format) => {
        const written = writeServiceProfile({ routes: given }, destination, format);
        assert.deepEqual(readServiceProfile({ name: 'p', text: written }).routes, given);
      }),
      { numRuns: 100 },
    );
  });

  it('takes one bound for both, as the documentation has it, and says that the proxy does not', () => {
    const text = withRoute(
      '{name: a, condition: {pathRegex: /a}, responseClasses: [{condition: {status: {min: 404}}, isFailure: true}]}',
    );
    const { routes: read, notes } = readServiceProfile({ name: 'p.yml', text });
    assert.deepEqual(read[0]?.responseClasses, [{ min: 404, max: 404, isFailure: true }]);
    const other = readServiceProfile({ name: 'p.yml', text: text.replace('min: 404', 'max: 404') });
    assert.deepEqual(other.routes[0]?.responseClasses, read[0]?.responseClasses);
    assert.match(other.notes.join(), /status: only max is given/);
    assert.match(
      notes.join(),
      /^p\.yml:6:74: status: only min is given: the proxy ignores such a class; give both, as --emit=service-profile does$/,
    );
  });

  it('knows an rpc by its path, and no other route', () => {
    const rpcOf = (pathRegex: string, method = 'POST'): string | undefined => {
      const condition = JSON.stringify({ pathRegex, method });
      const { rpc } = readServiceProfile({ name: 'p', text: withRoute(`{name: a, condition: ${condition}}`) })
        .routes[0]!;
      return rpc && `${rpc.service}/${rpc.method}`;
    };
    assert.deepEqual(
      [String.raw`/a\.b\.Svc/Do`, '/Svc/Do', String.raw`/v1\.0/Do`, '/books/new', String.raw`/index\.php/Do`].map(
        (path) => rpcOf(path),
      ),
      ['a.b.Svc/Do', 'Svc/Do', undefined, undefined, undefined],
    );
    assert.equal(rpcOf('/Svc/Do', 'GET'), undefined);
  });

  it('knows the service by the name, and a host that is none', () => {
    const text = asYaml.replace('shop.market.svc.cluster.local', 'example.com');
    assert.deepEqual(readServiceProfile({ name: 'p', text }).destination, { host: 'example.com' });
  });

  const wrong: [what: string, text: string, problem: RegExp][] = [
    ['another kind', 'kind: Service\n', /^p\.yml:1:1: kind: found "Service", allowed: ServiceProfile$/],
    ['an OpenAPI document', 'paths: {}\n', /is an OpenAPI document; give it as --open-api/],
    ['a list of objects', 'kind: List\n', /is a list of objects; give one ServiceProfile/],
    [
      'an older version',
      asYaml.replace('v1alpha2', 'v1alpha1'),
      /^p\.yml:1:1: apiVersion: found "linkerd.io\/v1alpha1"/,
    ],
    [
      'no routes',
      asYaml.replace(/routes:[^]*/, 'routes: []\n'),
      /^p\.yml:7:3: spec\.routes: found \[\], allowed: a list of at least one/,
    ],
    [
      'a wrong name',
      asYaml.replace('shop.market', 'Shop_'),
      /metadata\.name: found "Shop_\.svc\.cluster\.local", allowed: the host/,
    ],
    ['a route without a name', withRoute('{condition: {pathRegex: /a}}'), /^p\.yml:6:5: name: found null/],
    ['a route without a condition', withRoute('{name: a}'), /^p\.yml:6:5: condition: found null/],
    [
      'a condition of nothing',
      withRoute('{name: a, condition: {}}'),
      /condition: found \{\}, allowed: at least one of all, any/,
    ],
    [
      'a wrong expression',
      withRoute('{name: a, condition: {pathRegex: "/a("}}'),
      /pathRegex: error parsing regexp: missing closing \)/,
    ],
    ['a wrong timeout', withRoute('{name: a, timeout: soon, condition: {pathRegex: /a}}'), /timeout: found "soon"/],
    [
      'statuses that are none',
      withRoute(
        '{name: a, condition: {pathRegex: /a}, responseClasses: [{condition: {status: {min: 500, max: 600}}}]}',
      ),
      /status: found \{"min":500,"max":600\}, allowed: min and max, from 100 to 599, min first/,
    ],
    [
      'a class of conditions',
      withRoute('{name: a, condition: {pathRegex: /a}, responseClasses: [{condition: {all: []}}]}'),
      /allowed: status with min and max/,
    ],
    [
      'a nest of conditions',
      withRoute(`{name: a, condition: ${'{not: '.repeat(100)}1${'}'.repeat(101)}`),
      /allowed: 32 levels/,
    ],
    ['an alias of itself', withRoute('{name: a, condition: &a {not: *a}}'), /alias without an anchor before it/],
    [
      'nested aliases',
      withRoute(`{name: a, condition: {all: [&a0 {method: GET}, ${bomb(20)}]}}`),
      /more than 100000 values once aliases are written out/,
    ],
    [
      'aliases in a field that is copied',
      `${asYaml}  retryBudget: [&a0 [1], ${copiedBomb(20)}]\n`,
      /more than 100000 values/,
    ],
  ];
  for (const [what, text, problem] of wrong) {
    it(`refuses ${what} in one line`, () => {
      const problems = problemsOf(text);
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0]!, problem);
    });
  }

  it('tells every problem at once, and no more than 50', () => {
    const bad = Array.from({ length: 60 }, () => '  - {name: a, timeout: soon, condition: {pathRegex: /a}}').join('\n');
    const problems = problemsOf(asYaml.replace(/ {2}- [^]*/, bad));
    assert.equal(problems.length, 51);
    assert.match(problems[50]!, /more problems are not shown/);
  });
});

function bomb(levels: number): string {
  return Array.from({ length: levels }, (_, n) => `&a${n + 1} {all: [${`*a${n}, `.repeat(9)}*a${n}]}`).join(', ');
}

function copiedBomb(levels: number): string {
  return Array.from({ length: levels }, (_, n) => `&a${n + 1} [${`*a${n}, `.repeat(9)}*a${n}]`).join(', ');
}
