import fc, { type Arbitrary } from 'fast-check';
import { jsonArray, jsonObject, jsonString, jsonValue, written, type JsonText } from '../text/json.fixture.ts';

/** How much of a body is unusual. With `none`, the fast reader finds nothing to refuse. */
export type Oddity = 'none' | 'some';

type Member = readonly [JsonText, JsonText];

function text(value: unknown): JsonText {
  const json = JSON.stringify(value);
  return { text: json, value, deduplicated: json };
}

function oneOf(values: readonly unknown[]): Arbitrary<JsonText> {
  return fc.constantFrom(...values).map(text);
}

function withOdd(oddity: Oddity, usual: Arbitrary<JsonText>, odd: Arbitrary<JsonText>): Arbitrary<JsonText> {
  if (oddity === 'none') return usual;
  return fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: odd });
}

/** Names that mean something to JavaScript or Tocsin, come twice, sort oddly, or are mixed up by V8's JSON.parse. */
const labelNames = ['alertname', 'a', 'b', 'é', '\ue000', '😀', '1', '10', '9', '', '__proto__', 'constructor', 'a\0'];
const escapedNames = ['\\', '\n', 'a\n', '"', 'a"', '\\u', '\t'];

function labelSet(oddity: Oddity): Arbitrary<JsonText> {
  const name = fc.oneof(
    { weight: 8, arbitrary: oneOf(labelNames) },
    { weight: 1, arbitrary: fc.constantFrom(...labelNames, ...escapedNames).chain(written) },
    { weight: 1, arbitrary: jsonString },
  );
  const usual = fc.oneof(oneOf(['', 'x', 'y', '\0', 'a\0b', '😀', '\u2028']), jsonString);
  const value = withOdd(oddity, usual, oneOf([null, null, 5, true, {}, []]));
  return withOdd(
    oddity,
    jsonObject(fc.array(fc.tuple(name, value), { maxLength: 5 })),
    oneOf([null, null, [], 'labels', 5]),
  );
}

function time(oddity: Oddity): Arbitrary<JsonText> {
  const date = fc.date({ min: new Date('1970-01-01T00:00:00.001Z'), max: new Date('9999-12-31'), noInvalidDate: true });
  const usual = fc.oneof(
    date.map((at) => text(at.toISOString())),
    oneOf(['2026-11-21T03:08:54.829123456+02:00', '2026-11-21 03:08:54', '2026-11-21']),
  );
  const odd = [
    '',
    '0001-01-01T00:00:00Z',
    '1969-12-31T23:59:59.999Z',
    null,
    'now',
    5,
    `2026-11-21T03:08:54.${'0'.repeat(30)}Z`,
  ];
  return withOdd(oddity, usual, oneOf(odd));
}

function generatorURL(oddity: Oddity): Arbitrary<JsonText> {
  const usual = oneOf(['http://prometheus:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1', '', '/graph', 'mailto:x']);
  return withOdd(oddity, usual, oneOf(['foo', 'http://h/%zz', null, 5, {}]));
}

/** The field's name in any form that counts as it. */
function fieldNamed(name: string, oddity: Oddity): Arbitrary<JsonText> {
  const variants = fc.oneof(
    oneOf([name.toUpperCase(), name.toLowerCase(), name.replace('s', 'ſ'), `${name} `]),
    written(name),
  );
  return withOdd(oddity, oneOf([name]), variants);
}

function members(oddity: Oddity): Arbitrary<readonly Member[]> {
  const field = (name: string, value: Arbitrary<JsonText>): Arbitrary<Member> =>
    fc.tuple(fieldNamed(name, oddity), value);
  const unknownName = fc.oneof(
    oneOf(['status', 'fingerprint', '__proto__', 'constructor', 'label']),
    fc.constantFrom(...escapedNames).chain(written),
    jsonString,
  );
  const optional = fc.oneof(
    field('labels', labelSet(oddity)),
    field('annotations', labelSet(oddity)),
    field('startsAt', time(oddity)),
    field('endsAt', time(oddity)),
    field('generatorURL', generatorURL(oddity)),
    fc.tuple(unknownName, withOdd(oddity, jsonString, jsonValue)),
  );
  const labels = field('labels', labelSet(oddity)).map((member) => [member]);
  const first = oddity === 'none' ? labels : fc.oneof({ weight: 12, arbitrary: labels }, fc.constant([]));
  return fc
    .tuple(first, fc.array(optional, { maxLength: 5 }))
    .chain(([some, others]) => fc.shuffledSubarray([...some, ...others], { minLength: some.length + others.length }));
}

/** Bodies of `POST /api/v2/alerts`: usual ones, and some that are slightly unusual in any way. */
export const alertsBody: Arbitrary<JsonText> = fc.constantFrom<Oddity>('none', 'some').chain((oddity) => {
  const alert = withOdd(oddity, jsonObject(members(oddity)), oneOf([null, 5, [], 'x']));
  return withOdd(oddity, jsonArray(fc.array(alert, { maxLength: 4 })), oneOf([null, {}, 'x', 5, [[]]]));
});
