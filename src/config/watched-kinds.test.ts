import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseConfigFile } from './load-config.ts';
import { WatchedKinds, readLabelSelector } from './watched-kinds.ts';

const traces = { group: 'telemetry.kyma-project.io', version: 'v1beta1', resource: 'tracepipelines' };

/** The problems reported for a file with these kinds: one line each, without position. */
function problems(kinds: unknown): string {
  const text = JSON.stringify({ pipelines: { kubernetes: { kinds } } });
  const result = parseConfigFile('f', text);
  return 'problems' in result
    ? result.problems.join('\n').replaceAll(/^f:\d+:\d+: pipelines.kubernetes.kinds/gm, '')
    : '';
}

describe('WatchedKinds', () => {
  it('fills in what may be left out', () => {
    const core = {
      group: '',
      version: 'v1',
      resource: 'configmaps',
      namespaces: ['a', 'b', 'a'],
      label_selector: 'x=y',
    };
    assert.deepEqual(WatchedKinds.parse([traces, core]), [
      { ...traces, namespaces: [], label_selector: null },
      { ...core, namespaces: ['a', 'b'] },
    ]);
  });

  it('takes null for what may be left out', () => {
    const withNull = { ...traces, namespaces: null, label_selector: null };
    assert.deepEqual(WatchedKinds.parse([withNull]), WatchedKinds.parse([traces]));
    assert.equal(WatchedKinds.parse(null), null);
  });

  const wrong: readonly (readonly [found: unknown, what: RegExp])[] = [
    ['tracepipelines', /^: found "tracepipelines", allowed: a list of kinds, or null$/],
    [[], /^: found 0 watches, allowed: 1 to 64/],
    [[traces, 5], /^\.1: found 5, allowed: a map with the keys group, version, resource, namespaces, label_selector$/],
    [[{ ...traces, kind: 'TracePipeline' }], /^\.0\.kind: unknown key, allowed: group, version, resource, namespaces/],
    [[{ group: 'a', version: 'v1' }], /^\.0\.resource: missing, allowed: the plural/],
    [[{ ...traces, resource: 'TracePipeline' }], /^\.0\.resource: found "TracePipeline", allowed: the plural/],
    [[{ ...traces, version: '1' }], /^\.0\.version: found "1", allowed: a version/],
    [[{ ...traces, group: 'a/b' }], /^\.0\.group: found "a\/b"/],
    [[{ ...traces, namespaces: 'a' }], /^\.0\.namespaces: found "a", allowed: a list/],
    [[{ ...traces, namespaces: ['a', 'a/b'] }], /^\.0\.namespaces\.1: found "a\/b", allowed: the name of a namespace$/],
    [[{ ...traces, label_selector: 'x in (1' }], /^\.0\.label_selector: found "x in \(1", allowed: a label selector/],
    [[{ ...traces, namespaces: Array.from({ length: 65 }, (_, index) => `n${index}`) }], /^: found 65 watches/],
  ];
  for (const [found, what] of wrong) {
    it(`refuses ${JSON.stringify(found).slice(0, 100)}`, () => {
      assert.match(problems(found), what);
      assert.equal(problems(found).split('\n').length, 1);
    });
  }

  it('tells every problem, each at its place', () => {
    const text = `pipelines:
  kubernetes:
    kinds:
      - { group: apps, version: 1, resource: deployments }
      - { version: v1, resource: ConfigMaps }
      -
      - group: ""
        version: v1
        resource: pods
        label_selector: x in (1
        namespace: a
`;
    const result = parseConfigFile('f', text);
    assert.ok('problems' in result);
    assert.deepEqual(
      result.problems.map((problem) => problem.replace(/, (did|allowed).*/, '')),
      [
        'f:4:33: pipelines.kubernetes.kinds.0.version: found 1',
        'f:5:9: pipelines.kubernetes.kinds.1.group: missing',
        'f:5:34: pipelines.kubernetes.kinds.1.resource: found "ConfigMaps"',
        ...['group', 'version', 'resource'].map((key) => `f:6:8: pipelines.kubernetes.kinds.2.${key}: missing`),
        'f:10:25: pipelines.kubernetes.kinds.3.label_selector: found "x in (1"',
        'f:11:9: pipelines.kubernetes.kinds.3.namespace: unknown key',
      ],
    );
  });

  it('never throws', () => {
    const entry = fc.oneof(
      fc.anything(),
      fc.record({ group: fc.anything(), version: fc.anything(), resource: fc.anything() }),
    );
    fc.assert(fc.property(fc.oneof(fc.anything(), fc.array(entry)), (found) => void WatchedKinds.safeParse(found)));
  });
});

function isTaken(found: unknown): boolean {
  return 'value' in readLabelSelector(found);
}

describe('readLabelSelector', () => {
  const good = [
    'a',
    '!a',
    '! a',
    'a=b',
    'a==b',
    'a!=b',
    'a =  b , c',
    'a=',
    'a=,b',
    'a!=',
    'in in (in, notin)',
    'x in (a)',
    'x in(a,b)',
    ' x notin ( a , b ) ',
    'x in ()',
    'x in (,a)',
    'x in (a,)',
    'x>5,y < 6',
    'app.kubernetes.io/name=web-1_2.3',
    `${'p'.repeat(253)}/${'n'.repeat(63)}=${'v'.repeat(63)}`,
    'a,b in (c),!d,e!=f',
  ];
  for (const found of good) it(`takes ${found.slice(0, 60)}`, () => assert.ok(isTaken(found)));

  const wrong = [
    '',
    ' ',
    ',',
    'a,',
    ',a',
    'x in (1',
    'x in 1)',
    'x in 1',
    'x in (1))',
    'x in (a b)',
    'xin (a)(b)',
    'x is (a)',
    'a b',
    'a = b c',
    'a===b',
    'a=!b',
    '!a=b',
    '!!a',
    'a>b',
    'a>',
    'a>-5',
    'A/b=c',
    'a/=b',
    '/b',
    'a/b/c',
    '-a',
    'a-',
    'a=-b',
    'a=b/c',
    'a=ü',
    'a\u00a0=b',
    `a=${'v'.repeat(64)}`,
    'n'.repeat(64),
    `${'p'.repeat(254)}/n`,
    5,
    null,
    {},
    'a,'.repeat(500) + 'aa',
  ];
  for (const found of wrong) it(`refuses ${JSON.stringify(found).slice(0, 60)}`, () => assert.ok(!isTaken(found)));

  it('never throws, and is never slow', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', '-', '.', '/', ',', ' ', '(', ')', '=', '!', '<', '5', ' in ', '\n'),
      maxLength: 1100,
    });
    fc.assert(fc.property(fc.oneof(fc.anything(), text), (found) => void readLabelSelector(found)));
    for (const piece of ['a', 'a.', 'a-', 'a,', 'x in (', 'x in (a,', ' ', 'a.a/', 'a=', '!'])
      assert.equal(typeof isTaken(`${piece.repeat(1000 / piece.length - 1)}$`), 'boolean');
  });
});
