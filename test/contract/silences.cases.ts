/** One request about silences; the cases run in order, on the same server. */
export interface SilenceCase {
  readonly name: string;
  /** Default POST. */
  readonly method?: string;
  /** Default `/api/v2/silences`; `$name` stands for the id in the answer to the case of that name. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body: an object is a silence with these fields besides the usual ones; `$name` in its `id` as above. */
  readonly sent?: string | Readonly<Record<string, unknown>>;
  /** The wait before the request, in milliseconds. */
  readonly waitMs?: number;
  /** Why the real Alertmanager 0.34.2 answers differently, and how. */
  readonly differs?: {
    readonly why: string;
    readonly status?: number;
    readonly closes?: true;
    readonly message?: true;
  };
}

export const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** A time at this distance from the start of the test. */
export class At {
  readonly ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
}
const at = (ms: number): At => new At(ms);
const matcher = (name: unknown, value: unknown, more: object = { isRegex: false }): object => ({
  name,
  value,
  ...more,
});
const regex = (value: string, name = 'a'): object => matcher(name, value, { isRegex: true });
const raw = (rest: string): string =>
  `{"matchers":[{"name":"a","value":"b","isRegex":false}],"startsAt":"2020-01-01T00:00:00Z","endsAt":"2999-01-01T00:00:00Z","createdBy":"me","comment":"c"${rest}}`;
const absent = undefined;

/** Expressions that are invalid as written; inside `^(?:…)$` most of them are valid. */
const unbalanced = [
  'a)(b',
  'a)|(b',
  'a)|b(',
  ')(',
  'a)(?:b',
  'a$)|(^b',
  'x)(?i)(y',
  'a)+(b',
  'a)b',
  '(a',
  'a)[b(]',
  '*)(',
];

const refusedBodies: readonly (readonly [
  string,
  string | Readonly<Record<string, unknown>>,
  SilenceCase['differs']?,
])[] = [
  ['an empty body', ''],
  ['null', 'null'],
  ['an array', '[]'],
  ['an empty object', '{}'],
  ['a text', '"x"'],
  ['a number', '1'],
  ['half of an object', '{"a"'],
  ['NaN', raw(',"x":NaN')],
  ['null matchers', { matchers: null }],
  ['no matchers', { matchers: [] }],
  ['a null matcher', { matchers: [null] }, { why: 'it drops the connection', closes: true }],
  ['an empty matcher', { matchers: [{}] }],
  ['a matcher without isRegex', { matchers: [matcher('a', 'b', {})] }],
  ['a matcher without a name', { matchers: [matcher(absent, 'b')] }],
  ['a matcher without a value', { matchers: [matcher('a', absent)] }],
  ['a null value', { matchers: [matcher('a', null)] }],
  ['a text for isRegex', { matchers: [matcher('a', 'b', { isRegex: 'x' })] }],
  ['a number for a value', { matchers: [matcher('a', 1)] }],
  ['a text for a matcher', { matchers: ['a=b'] }],
  ['an object for the matchers', { matchers: {} }],
  ['two bad matchers', { matchers: [matcher('a', 'b', {}), {}] }],
  ['a matcher without a field and a wrong type behind it', { matchers: [{}, matcher('a', 1)] }],
  ['an empty name', { matchers: [matcher('', 'b')] }],
  ['no comment', { comment: absent }],
  ['a null comment', { comment: null }],
  ['a number for a comment', { comment: 1 }],
  ['no createdBy', { createdBy: absent }],
  ['no startsAt', { startsAt: absent }],
  ['no endsAt', { endsAt: absent }],
  ['a null endsAt', { endsAt: null }],
  ['nothing but a comment', '{"comment":"x"}'],
  ['nothing but empty matchers', '{"matchers":[]}'],
  ['a number for the id', { id: 1 }],
  ['an unknown id', { id: 'xyz' }],
  ['an unknown id that is a UUID', { id: '00000000-0000-4000-8000-000000000000' }],
  ['an end at Go’s zero time', { endsAt: '0001-01-01T00:00:00Z' }],
  ['an end that is empty', { endsAt: '' }],
  ['no time at all', { startsAt: '0001-01-01T00:00:00Z', endsAt: '0001-01-01T00:00:00Z' }],
  ['a start that is no time', { startsAt: 'x' }],
  ['a start that is a number', { startsAt: 1 }],
  ['a start at the end', { startsAt: at(hour), endsAt: at(hour) }],
  ['a start after the end', { startsAt: at(2 * hour), endsAt: at(hour) }],
  ['an end that has passed', { startsAt: at(-2 * hour), endsAt: at(-hour) }],
  ['an unknown id and a bad expression', { id: 'x', matchers: [regex('[')] }],
  ['a bad expression', { matchers: [regex('[')] }],
  ['an expression that ends in a backslash', { matchers: [regex('\\')] }],
  ['a bad expression of many characters', { matchers: [regex('["\n\u00e9<')] }],
  ['a second matcher that is bad', { matchers: [matcher('a', 'b'), regex('*')] }],
  ['a bad negative expression', { matchers: [matcher('a', '(', { isRegex: true, isEqual: false })] }],
  ...unbalanced.map((value) => [`the expression ${value}`, { matchers: [regex(value)] }] as const),
  ['what matches only a missing label', { matchers: [matcher('a', '')] }],
  ['what matches everything', { matchers: [regex('.*')] }],
  ['what matches a missing label, twice', { matchers: [regex('.*'), regex('x|', 'b')] }],
  ['a number for an annotation', { annotations: { a: 1 } }],
  ['an array for the annotations', { annotations: [] }],
  ['a comment twice, then null', raw(',"comment":null')],
  ['a start twice, then null', raw(',"startsAt":null')],
  ['matchers twice, then null', raw(',"matchers":null')],
];

const taken: readonly (readonly [string, string | Readonly<Record<string, unknown>>])[] = [
  ['an ordinary one', {}],
  ['empty texts', { comment: '', createdBy: '' }],
  ['a null id', { id: null }],
  ['a null isEqual', { matchers: [matcher('a', 'b', { isRegex: false, isEqual: null })] }],
  ['a start at Go’s zero time', { startsAt: '0001-01-01T00:00:00Z' }],
  ['a start that is empty', { startsAt: '' }],
  ['a start that has passed', { startsAt: at(-hour) }],
  ['a start to come', { startsAt: at(hour), endsAt: at(2 * hour) }],
  ['times with an offset', { startsAt: '2020-01-01T00:00:00+02:00', endsAt: '2999-01-01T00:00:00.123456+02:00' }],
  ['a negative matcher alone', { matchers: [matcher('a', 'x', { isRegex: false, isEqual: false })] }],
  ['a negative empty matcher', { matchers: [matcher('a', '', { isRegex: false, isEqual: false })] }],
  ['a negative expression', { matchers: [matcher('a', '.*', { isRegex: true, isEqual: false })] }],
  ['several matchers', { matchers: [matcher('b', ''), regex('x|y'), matcher('ключ.x', '<&>')] }],
  ['annotations', { annotations: { b: '1', a: '<x>', c: '', ключ: '\u2028', '10': 'x', '9': 'y' } }],
  ['null annotations', { annotations: null }],
  ['an annotation without a name', { annotations: { '': 'x' } }],
  ['a null annotation', { annotations: { a: null } }],
  ['names in other letters', raw('').replace('"comment"', '"COMMENT"').replace('"name"', '"NAME"')],
  ['a comment twice', raw(',"comment":"d"')],
  ['a name twice', raw('').replace('"name":"a"', '"name":"a","name":"q"')],
  ['what it does not know', raw(',"foo":[{}],"status":{"state":"expired"},"updatedAt":"x"')],
  ['something behind it', `${raw('')} x`],
  ['blanks before it', ` \n${raw('')}`],
  ['lone surrogates', raw('').replace('"c"', String.raw`"\ud800x"`)],
];

const post = (name: string, sent: SilenceCase['sent'], more: Partial<SilenceCase> = {}): SilenceCase => ({
  name,
  ...(sent !== undefined && { sent }),
  ...more,
});
const get = (name: string, path: string, more: Partial<SilenceCase> = {}): SilenceCase => ({
  name,
  method: 'GET',
  path,
  ...more,
});
const list = '/api/v2/silences';

export const silenceCases: readonly SilenceCase[] = [
  get('the empty list', list),
  ...refusedBodies.map(([name, sent, differs]) => post(`refuses ${name}`, sent, differs && { differs })),
  get('the list after nothing was taken', `${list}?filter=a=b`),
  ...taken.flatMap(([name, sent]) => [
    post(`takes ${name}`, sent),
    get(`gives ${name}`, `/api/v2/silence/$takes ${name}`),
  ]),
  post('refuses another media type', {}, { headers: { 'Content-Type': 'text/plain' } }),
  post('refuses no media type', {}, { headers: { 'Content-Type': '' } }),
  ...['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD'].map((method) =>
    post(`refuses ${method} of the list`, undefined, { method }),
  ),
  ...['PUT', 'POST', 'PATCH', 'OPTIONS', 'HEAD'].map((method) =>
    post(`refuses ${method} of one`, undefined, { method, path: '/api/v2/silence/$takes an ordinary one' }),
  ),
  get('a slash behind the list', `${list}/?filter=a!=x`),
  get('a slash behind one', '/api/v2/silence/$takes an ordinary one/'),
  get('one that is not there', '/api/v2/silence/00000000-0000-4000-8000-000000000000'),
  get('no UUID', '/api/v2/silence/xyz'),
  get('no id', '/api/v2/silence/'),
  get('not even a slash', '/api/v2/silence'),
  get('a UUID without hyphens', '/api/v2/silence/00000000000040008000000000000000'),
  get('a UUID in braces', '/api/v2/silence/%7B00000000-0000-4000-8000-000000000000%7D'),
  get('a UUID as a URN', '/api/v2/silence/urn:uuid:00000000-0000-4000-8000-000000000000'),
  get('a UUID in capitals', '/api/v2/silence/ABCDEF00-0000-4000-8000-000000000000'),
  get('HTML of one', '/api/v2/silence/$takes an ordinary one', { headers: { Accept: 'text/html' } }),
  get('HTML of the list', list, { headers: { Accept: 'text/html' } }),
  // A filter is only tried inside `^(?:…)$`.
  ...['foo', '', 'a=~[', '{a=b}', 'a=="b"', ...unbalanced.map((value) => `a=~"${value}"`)].map((filter) =>
    get(`filter ${filter}`, `${list}?filter=${encodeURIComponent(filter)}`),
  ),
  ...[
    'filter=a=b',
    'filter=a%3D%22b%22&filter=a!=x',
    'filter=a!=x',
    'filter=a=~b',
    'filter=a!~.*',
    'active=false',
    'expired=false',
    'pending=false',
    'active=no&pending=no',
    'active=maybe',
    'active=',
    'active=false&active=true',
    'Active=false',
    'filter=b=&filter=a=~x|y',
  ].map((query) => get(`the list with ${query}`, `${list}?${query}`)),
  // Replacing.
  post('an active one', { startsAt: at(-hour) }),
  post('ends it later', { id: '$an active one', startsAt: at(0), endsAt: at(3 * hour) }),
  post('with other words', {
    id: '$an active one',
    startsAt: at(0),
    endsAt: at(3 * hour),
    comment: 'd',
    createdBy: 'you',
    annotations: { x: 'y' },
  }),
  get('reads it again', '/api/v2/silence/$an active one'),
  post('moves its start', { id: '$an active one', startsAt: at(-hour), endsAt: at(3 * hour) }),
  get('reads the one that was replaced', '/api/v2/silence/$an active one'),
  get('reads the one instead', '/api/v2/silence/$moves its start'),
  post('another matcher', { id: '$moves its start', matchers: [matcher('a', 'c')] }),
  post('one more matcher', { id: '$another matcher', matchers: [matcher('a', 'c'), matcher('d', 'e')] }),
  post('another type', { id: '$one more matcher', matchers: [regex('c'), matcher('d', 'e')] }),
  post('one that has ended', { id: '$an active one' }),
  post('one to come', { startsAt: at(hour), endsAt: at(2 * hour) }),
  post('starts it later', { id: '$one to come', startsAt: at(90 * minute), endsAt: at(2 * hour) }),
  post('ends it earlier', { id: '$one to come', startsAt: at(90 * minute), endsAt: at(100 * minute) }),
  get('reads one to come', '/api/v2/silence/$one to come'),
  post('starts it at once', { id: '$one to come', startsAt: at(-minute), endsAt: at(2 * hour) }),
  get('reads one that never started', '/api/v2/silence/$one to come'),
  post('another one to come', { startsAt: at(hour), endsAt: at(2 * hour) }),
  post('starts it now', { id: '$another one to come', startsAt: '0001-01-01T00:00:00Z', endsAt: at(2 * hour) }),
  get('reads one that was started', '/api/v2/silence/$another one to come'),
  // Expiring.
  ...['DELETE'].flatMap((method) => [
    get('ends an active one', '/api/v2/silence/$starts it at once', { method }),
    get('ends it again', '/api/v2/silence/$starts it at once', { method }),
    get('ends it with a slash', '/api/v2/silence/$starts it at once/', { method }),
    get('reads one that was ended', '/api/v2/silence/$starts it at once'),
    post('a third one to come', { startsAt: at(hour), endsAt: at(2 * hour) }),
    get('ends one to come', '/api/v2/silence/$a third one to come', { method }),
    get('reads one that will never start', '/api/v2/silence/$a third one to come'),
    get('ends what is not there', '/api/v2/silence/00000000-0000-4000-8000-000000000000', { method }),
    get('ends no UUID', '/api/v2/silence/xyz', { method }),
  ]),
  post('a short one', { endsAt: at(8 * second), matchers: [matcher('short', '1')] }),
  post('a soon one', { startsAt: at(8 * second), endsAt: at(hour), matchers: [matcher('short', '2')] }),
  get('a short one while it lasts', `${list}?filter=short=1`),
  get('a soon one before it starts', `${list}?filter=short=2`),
  get('a short one after it', `${list}?filter=short=1`, { waitMs: 8 * second }),
  get('a soon one in it', `${list}?filter=short=2`),
  post(
    'refuses an expression that compiles only unanchored',
    { matchers: [regex('\\Qa')] },
    { differs: { why: 'it takes it, and from then on other silences fail', status: 200 } },
  ),
];
