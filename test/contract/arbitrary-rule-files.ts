import fc from 'fast-check';

const durations = fc.constantFrom(
  '5m',
  '0',
  '0s',
  '1h30m',
  '1.5h',
  '5',
  5,
  0,
  '',
  null,
  '5 minutes',
  '30m1h',
  '1y1w1d1h1m1s1ms',
  '-5m',
  [],
  true,
);
const texts = fc.constantFrom(
  'a',
  'a:b',
  'a-b',
  'a b',
  '',
  null,
  5,
  true,
  1.5,
  '{{ $labels.a }}',
  '{{ $labels',
  'a{b="c"}',
  'é',
  [],
  {},
);
const names = fc.constantFrom('a', 'b_c', 'd-e', '', '__name__', 'a.b', 'é', '9', 'severity');
const expressions = fc.constantFrom(
  'a',
  'a > 1',
  'rate(a[5m])',
  'rate(a)',
  'a >',
  '',
  null,
  1,
  'a[5m]',
  '"a"',
  '{"a.b"}',
  ['a'],
  'histogram_avg(a)',
);
const maps = fc.oneof(fc.dictionary(names, texts, { maxKeys: 2 }), fc.constantFrom(null, [], 'a', ['a']));

const rule = fc.record(
  {
    alert: texts,
    record: texts,
    expr: expressions,
    for: durations,
    keep_firing_for: durations,
    labels: maps,
    annotations: maps,
    alerts: texts,
  },
  { requiredKeys: [] },
);

/** A rule of which nearly everything is right. */
const goodRule = fc
  .tuple(
    fc.oneof(
      fc.record({
        alert: fc.constantFrom('A', 'B', 'C d'),
        expr: fc.constantFrom('a > 1', 'b < 2 or c', 'absent(d)'),
        for: fc.constantFrom('5m', '0s'),
      }),
      fc.record({ record: fc.constantFrom('a:b', 'c', 'd:e'), expr: fc.constantFrom('rate(a[5m])', 'sum(b)') }),
    ),
    rule,
    fc.constantFrom(...'alert record expr for keep_firing_for labels annotations alerts'.split(' '), 'none'),
  )
  .map(([good, bad, key]) => (Object.hasOwn(bad, key) ? { ...good, [key]: bad[key as keyof typeof bad] } : good));

const rules = fc.oneof(
  { weight: 20, arbitrary: fc.array(goodRule, { maxLength: 2 }) },
  { weight: 1, arbitrary: fc.array(fc.oneof(rule, fc.constantFrom(null, 'a', [])), { maxLength: 2 }) },
  { weight: 1, arbitrary: fc.constantFrom(null, {}, 'a', 5) },
);

const group = fc
  .tuple(
    fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'a b', '', 5), rules }),
    fc.record(
      {
        interval: durations,
        query_offset: durations,
        limit: fc.constantFrom(0, 5, -5, '5', 1.5, null, [], true),
        labels: maps,
        intervall: texts,
        partial_response_strategy: fc.constant('warn'),
      },
      { requiredKeys: [] },
    ),
    fc.constantFrom(
      'interval',
      'query_offset',
      'limit',
      'labels',
      'intervall',
      'partial_response_strategy',
      'none',
      'none',
      'none',
      'none',
      'none',
      'none',
    ),
  )
  .map(([good, more, key]) => (Object.hasOwn(more, key) ? { ...good, [key]: more[key as keyof typeof more] } : good));

/** The text of rule files, of which a good part is right, and the rest has one thing wrong or a few. */
export const arbitraryRuleFile: fc.Arbitrary<string> = fc
  .oneof(
    { weight: 20, arbitrary: fc.record({ groups: fc.array(group, { maxLength: 2 }) }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        {},
        { groups: null },
        { groups: {} },
        { group: [] },
        { groups: [null] },
        { groups: ['a'] },
        { groups: [], a: 1 },
      ),
    },
  )
  .map((file) => JSON.stringify(file));
