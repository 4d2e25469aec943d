/** One request of a row. In paths and bodies `@row` stands for the name of the row, so that no row sees another. */
export interface ReadStep {
  /** Default GET. */
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly status: number;
  /** The body of the answer, byte for byte, if it is worth spelling out. */
  readonly answer?: string;
  /** Alertmanager's dispatcher may need a moment before it shows this. */
  readonly soon?: true;
}

/** Requests in order. Tocsin and Alertmanager 0.34.2 must answer each alike: status, type, caching, and body. */
export interface ReadCase {
  readonly name: string;
  readonly steps: readonly ReadStep[];
  /** Where they differ: what Alertmanager answers instead, and why Tocsin does not follow. */
  readonly differs?: { readonly status?: number; readonly body?: true; readonly why: string };
}

/** An alert of a row: `{}` has only its labels. */
interface RowAlert {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly generatorURL?: string;
  readonly startsAt?: string;
  readonly endsAt?: string;
}

const json = { 'Content-Type': 'application/json' };

function post(...alerts: readonly RowAlert[]): ReadStep {
  const body = JSON.stringify(alerts.map(({ labels, ...rest }) => ({ labels: { row: '@row', ...labels }, ...rest })));
  return { method: 'POST', path: '/api/v2/alerts', headers: json, body, status: 200 };
}

/** Minutes from now, filled in when the row runs. */
const at = (minutes: number): string => `@${minutes}m`;

function query(parameters: readonly (readonly [string, string])[]): string {
  const row = `filter=${encodeURIComponent('row="')}@row%22`;
  return [row, ...parameters.map(([name, value]) => `${name}=${encodeURIComponent(value)}`)].join('&');
}

const list = (...parameters: readonly (readonly [string, string])[]): ReadStep => ({
  path: `/api/v2/alerts?${query(parameters)}`,
  status: 200,
});
const groups = (...parameters: readonly (readonly [string, string])[]): ReadStep => ({
  path: `/api/v2/alerts/groups?${query(parameters)}`,
  status: 200,
  soon: true,
});

function listed(name: string, ...posts: readonly (readonly RowAlert[])[]): ReadCase {
  return { name, steps: [...posts.flatMap((alerts) => [post(...alerts), list()]), list()] };
}

/** Alerts that distinguish filters. */
const varied: readonly RowAlert[] = [
  { labels: { alertname: 'a', foo: 'bar' } },
  { labels: { alertname: 'b', foo: 'baz', 'ключ x': 'y' } },
  { labels: { alertname: 'c', 'a.b': 'c d', foo: 'x"y\\z\nn' } },
  { labels: { alertname: 'd', ':c': 'Ünïcödé 😀', _u: '\ufffd' } },
  { labels: { alertname: 'e', foo: '{x},y', 9: ' ' } },
  { labels: { foo: 'bar', job: 'j', instance: 'i' } },
];

const filters: readonly string[] = [
  'foo=bar',
  'foo="bar"',
  ' foo = bar ',
  'foo=',
  'foo=""',
  'foo!=',
  'foo!=""',
  'foo!=bar',
  'foo=~ba.',
  'foo=~"ba.|x.*"',
  'foo!~ba.',
  'foo=~',
  'foo!~',
  'foo=~.*',
  'foo=~.+',
  'foo=~"(?s).*n"',
  'foo=~".*n"',
  'foo="x\\"y\\\\z\\nn"',
  'foo=~b',
  'foo=~(?i)BAR',
  'foo=~a)|(bar',
  'foo=~b)|(xy',
  "foo='bar'",
  'foo={x},y',
  'foo="{x},y"',
  '"ключ x"="y"',
  '"ключ x"=y',
  '"\\u043a\\u043b\\u044e\\u0447 x"!=""',
  'a.b="c d"',
  'a.b=~c.d',
  'a.b=c,',
  ':c=~"Ünïcödé ."',
  ':c=~".*\\U0001f600"',
  '_u="\ufffd"',
  '9=" "',
  '9=~"\\\\s"',
  'alertname!~[a-c]',
  'foo=~\\x{62}ar',
  'foo=~\\pL+',
  'foo=~[[:alpha:]]+',
  'foo=~\\Qbar\\E',
  'foo=~^bar$',
  'foo=~\\bbar\\b',
  'missing=x',
  'missing!=x',
  'missing=~x|',
  'foo=\\n',
  'foo="\\n"',
  'foo=a=b',
  'foo==bar',
  'foo=~~x',
];

const badFilters: readonly (readonly [filter: string, problem: string])[] = [
  ['', 'bad matcher format: '],
  ['foo', 'bad matcher format: foo'],
  ['foo!bar', 'bad matcher format: foo!bar'],
  ['=x', 'bad matcher format: =x'],
  ['{foo="bar"}', 'unexpected open or close brace: {foo="bar"}'],
  ['foo=<&>}', 'unexpected open or close brace: foo=<&>}'],
  ['foo=~[', 'error parsing regexp: missing closing ]: `[)$`'],
  ['foo=~(', 'error parsing regexp: missing closing ): `^(?:()$`'],
  ['foo=~*', 'error parsing regexp: missing argument to repetition operator: `*`'],
  ['foo=~a**', 'error parsing regexp: invalid nested repetition operator: `**`'],
  ['foo=~(?=a)', 'error parsing regexp: invalid or unsupported Perl syntax: `(?=`'],
  ['foo=~(a)\\1', 'error parsing regexp: invalid escape sequence: `\\1`'],
  ['foo=~a{1001}x', 'error parsing regexp: invalid repeat count: `{1001}`'],
  ['foo=~[b-a]', 'error parsing regexp: invalid character class range: `b-a`'],
  ['foo=~\\pX', 'error parsing regexp: invalid character class range: `\\pX`'],
  ['foo="x', 'matcher value contains unescaped double quote: "x'],
  ['foo=x"', 'matcher value contains unescaped double quote: x"'],
  ['foo="a"b"', 'matcher value contains unescaped double quote: "a"b"'],
  ['a.b=~[', 'bad matcher format: a.b=~['],
  ['"a b"="\\xff"', 'bad matcher format: "a b"="\\xff"'],
  ['"a"="\\"', 'bad matcher format: "a"="\\"'],
  ['a.b=c d', 'bad matcher format: a.b=c d'],
  ['foo=a\u2028,b.c=d"', 'matcher value contains unescaped double quote: a\u2028,b.c=d"'],
];

function refused(path: string, problem: string): ReadStep {
  return { path, status: 400, answer: `${JSON.stringify(problem).replaceAll('\u2028', '\\u2028')}\n` };
}

const filterCases: readonly ReadCase[] = [
  {
    name: 'every filter that is good',
    steps: [
      post(...varied),
      list(),
      ...filters.map((filter) => list(['filter', filter])),
      groups(),
      ...filters.map((filter) => groups(['filter', filter])),
      list(['filter', 'foo=bar'], ['filter', 'job=j']),
      list(['filter', 'foo=bar'], ['filter', 'foo=baz']),
    ],
  },
  ...badFilters.map(([filter, problem]): ReadCase => ({
    name: `the filter ${JSON.stringify(filter)}, which is bad`,
    steps: ['alerts', 'alerts/groups'].map((path) =>
      refused(`/api/v2/${path}?filter=${encodeURIComponent(filter)}`, problem),
    ),
  })),
  {
    name: 'a filter that is not UTF-8',
    steps: [
      { path: '/api/v2/alerts?filter=foo=%FF', status: 200, answer: '[]\n' },
      { path: '/api/v2/alerts?filter=foo!=%FF&filter=row=x', status: 200, answer: '[]\n' },
      { path: '/api/v2/alerts?filter=foo=%22%FF', status: 400 },
      { path: '/api/v2/alerts?filter=foo=~%FF', status: 400 },
    ],
  },
  {
    name: 'the first of two bad parameters',
    steps: [
      refused('/api/v2/alerts?filter=x&filter=y', 'bad matcher format: x'),
      refused('/api/v2/alerts?receiver=%5B&filter=y', 'bad matcher format: y'),
      refused(
        '/api/v2/alerts?receiver_matchers=z&receiver=%5B',
        'failed to parse receiver param: error parsing regexp: missing closing ]: `[)$`',
      ),
    ],
  },
  {
    name: 'a regular expression that is very large',
    steps: [{ path: `/api/v2/alerts?filter=foo=~${encodeURIComponent(`${'\\pL{1000}'.repeat(9)}x`)}`, status: 400 }],
    differs: { status: 200, body: true, why: 'it compiles whatever it is sent; that can take half a minute' },
  },
  {
    name: 'a regular expression with two groups of one name',
    steps: [{ path: `/api/v2/alerts?filter=foo=~${encodeURIComponent('(?P<n>a)(?P<n>b)')}`, status: 400 }],
    differs: { status: 200, body: true, why: 'RE2 itself refuses it' },
  },
  {
    name: 'parameters that cannot be read',
    steps: [
      { path: '/api/v2/alerts?filter=%zz&filter=row=x', status: 200, answer: '[]\n' },
      { path: '/api/v2/alerts?filter=a;b&filter=row=x', status: 200, answer: '[]\n' },
      { path: '/api/v2/alerts?Filter=x&foo=bar&filter=row=x', status: 200, answer: '[]\n' },
      { path: '/api/v2/alerts?filter=row+%3D+x', status: 200, answer: '[]\n' },
      { path: '/api/v2/alerts?%66ilter=x', status: 400 },
    ],
  },
];

const truths = ['true', 'TRUE', '1', 'yes', 'on', 't', 'y', 'ok', 'checked', 'selected', 'enabled', ''];
const falsehoods = ['false', '0', 'no', 'off', 'f', 'n', 'maybe', ' true', 'null', '2'];
const flags = ['active', 'silenced', 'inhibited', 'unprocessed', 'muted'];

const parameterCases: readonly ReadCase[] = [
  {
    name: 'every flag, true and false',
    steps: [
      post({ labels: { alertname: 'x' } }),
      ...flags.flatMap((flag) =>
        [...truths, ...falsehoods].flatMap((value) => [list([flag, value]), groups([flag, value])]),
      ),
      list(['active', 'false'], ['active', 'true']),
      list(['active', 'true'], ['active', 'false']),
      list(['active', 'false'], ['active', '']),
    ],
  },
  {
    name: 'receivers',
    steps: [
      post({ labels: { alertname: 'x' } }),
      ...['reconcile', 're.*', 'x', '', 'recon', '.*|x', '(?i)RECONCILE'].flatMap((value) => [
        list(['receiver', value]),
        groups(['receiver', value]),
      ]),
      ...['name=reconcile', 'name!=reconcile', 'name=~re.*', 'x=', 'x=y', 'x!=y'].flatMap((value) => [
        list(['receiver_matchers', value]),
        groups(['receiver_matchers', value]),
        { path: `/api/v2/receivers?receiver_matchers=${encodeURIComponent(value)}`, status: 200 },
      ]),
      list(['receiver', 'x'], ['receiver', 're.*']),
      list(['receiver_matchers', 'name=x'], ['receiver_matchers', 'name=reconcile']),
      { path: '/api/v2/receivers', status: 200, answer: '[{"labels":{"name":"reconcile"},"name":"reconcile"}]\n' },
      refused(
        '/api/v2/receivers?receiver_matchers=x',
        'failed to parse receiver_matchers param: bad matcher format: x',
      ),
      refused('/api/v2/receivers?receiver_matchers=', 'failed to parse receiver_matchers param: bad matcher format: '),
    ],
  },
];

const sequences: readonly ReadCase[] = [
  listed('an alert with everything', [
    {
      labels: { z: '<&>\u2028\u2029', a: '\u0001\b\f\n\r\t\u007f', é: '😀\ufffd', '\uffff': 'x', '😀': 'y' },
      annotations: { z: '', a: '<b>"\\/', '😀': '\u0000' },
      generatorURL: 'http://h/graph?a=b&c=<d>',
      startsAt: '2020-01-02T03:04:05.6789Z',
      endsAt: '2999-12-31T23:59:59.9999Z',
    },
  ]),
  listed('times at the edges', [
    { labels: { n: '1' }, startsAt: '', endsAt: at(10) },
    { labels: { n: '2' }, startsAt: '0001-01-01T00:00:00Z', endsAt: at(10) },
    { labels: { n: '3' }, startsAt: '0000-01-01T00:00:00Z', endsAt: '9999-12-31T23:59:59.999Z' },
    { labels: { n: '4' }, startsAt: at(10), endsAt: at(20) },
    { labels: { n: '5' }, startsAt: '1969-12-31T23:59:59.999Z' },
    { labels: { n: '6' }, startsAt: at(3) },
  ]),
  listed('an alert without times', [{}], [{}]),
  listed(
    'an end that moves',
    [{ startsAt: at(-10), endsAt: at(10) }],
    [{ startsAt: at(-10), endsAt: at(20) }],
    [{ startsAt: at(-10), endsAt: at(15) }],
  ),
  listed(
    'a merge, and the annotations of the younger',
    [{ startsAt: at(-10), endsAt: at(20), annotations: { a: '1', b: '1' }, generatorURL: '/1' }],
    [{ startsAt: at(-5), endsAt: at(10), annotations: { a: '2' } }],
  ),
  listed(
    'a resolve',
    [{ startsAt: at(-10), endsAt: at(10) }],
    [{ startsAt: at(-10), endsAt: at(-1) }],
    [{ startsAt: at(-1), endsAt: at(10) }],
  ),
  listed('a timeout that an end shortens', [{}], [{ endsAt: at(1) }], [{ endsAt: at(-1) }]),
  listed('alerts of one batch with the same labels', [
    { annotations: { a: '1' }, endsAt: at(10) },
    { annotations: { a: '2' }, endsAt: at(20) },
    { labels: { empty: '' }, annotations: { a: '3' }, endsAt: at(15) },
  ]),
  {
    name: 'an offset from UTC',
    steps: [post({ startsAt: '2020-01-01T00:00:00+02:00', endsAt: '2999-01-01T00:00:00-05:30' }), list()],
    differs: { body: true, why: 'it keeps the offset; Tocsin remembers the time alone' },
  },
  {
    name: 'groups, their order and the order in them',
    steps: [
      post(
        { labels: { alertname: 'b', job: 'z' } },
        { labels: { alertname: 'b', job: 'a', instance: '2' } },
        { labels: { alertname: 'b', job: 'a', instance: '10' } },
        { labels: { alertname: 'b', job: 'a' } },
        { labels: { alertname: 'b', instance: '1' } },
        { labels: { alertname: 'b' } },
        { labels: { alertname: 'b', a: '1' } },
        { labels: { alertname: 'b', c: '1' } },
        { labels: { alertname: 'b', z: '0' } },
        { labels: { alertname: 'a', z: '1' } },
        { labels: { alertname: '\uffff' } },
        { labels: { alertname: '😀' } },
        { labels: { n: '1' } },
        { labels: { n: '2' } },
      ),
      groups(),
      groups(['filter', 'job!=""']),
      groups(['filter', 'alertname=""']),
      groups(['active', 'false']),
    ],
  },
];

const paths = ['alerts', 'alerts/', 'alerts/groups', 'alerts/groups/', 'receivers', 'receivers/', 'status', 'status/'];
const accepts: readonly (readonly [accept: string, status: number])[] = [
  ['', 406],
  ['*/*', 200],
  ['application/*', 200],
  ['APPLICATION/JSON', 200],
  ['application/json; charset=latin1', 200],
  ['text/html, application/json;q=0.1', 200],
  ['*/*, application/json;q=0', 200],
  ['text/html', 406],
  ['garbage', 406],
  ['application/json;q=0', 406],
  ['*/*;q=0.0', 406],
  ['text/html, application/json;q=0', 406],
];

const protocol: readonly ReadCase[] = [
  ...['PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH'].map((method): ReadCase => ({
    name: `${method} of everything`,
    steps: paths.map((path) => ({ method, path: `/api/v2/${path}`, status: 405 })),
  })),
  {
    name: 'POST of what can only be read',
    steps: paths
      .slice(2)
      .map((path) => ({ method: 'POST', path: `/api/v2/${path}`, headers: json, body: '{}', status: 405 })),
  },
  ...accepts.map(([accept, status]): ReadCase => ({
    name: `Accept: ${accept}`,
    steps: ['alerts?filter=row=x', 'alerts/groups?filter=row=x', 'receivers'].map((path) => ({
      path: `/api/v2/${path}`,
      headers: { Accept: accept },
      status,
    })),
  })),
  {
    name: '406 before the parameters are looked at',
    steps: [{ path: '/api/v2/alerts?filter=x', headers: { Accept: 'text/html' }, status: 406 }],
  },
  {
    name: 'a GET with a body or headers that say nothing',
    steps: [
      { path: '/api/v2/alerts?filter=row=x', headers: { 'Content-Type': 'garbage' }, status: 200 },
      { path: '/api/v2/alerts?filter=row=x', headers: { ...json, 'If-None-Match': '*' }, body: '{}', status: 200 },
      { path: '/api/v2/alerts?filter=row=x', headers: { Origin: 'http://x', Range: 'bytes=0-1' }, status: 200 },
    ],
  },
  {
    name: 'paths that are none',
    steps: [
      'Alerts',
      'alerts/x',
      'alerts/groups/x',
      'alert',
      'status/x',
      'receivers/x',
      'swagger.json',
      'docs',
      '',
    ].map((path) => ({ path: `/api/v2/${path}`, status: 404 })),
  },
  ...['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'].map((method): ReadCase => ({
    name: `${method} of version 1`,
    steps: ['alerts', 'status', 'receivers', 'silences', 'silence/x', 'alerts/groups', 'x'].map((path) => ({
      method,
      path: `/api/v1/${path}`,
      status: versionOneStatus(method, path),
    })),
  })),
];

function versionOneStatus(method: string, path: string): number {
  if (path === 'x' || path === 'alerts/groups') return 404;
  if (method === 'OPTIONS') return 200;
  if (method === 'GET' || (method === 'POST' && (path === 'alerts' || path === 'silences'))) return 410;
  return method === 'DELETE' && path === 'silence/x' ? 410 : 405;
}

export const readApiCases: readonly ReadCase[] = [...filterCases, ...parameterCases, ...sequences, ...protocol];
