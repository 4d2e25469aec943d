/** The answer of a server. */
export interface ExpectedAnswer {
  readonly status: number;
  /**
   * `empty`: no body, no type. `string`: a JSON string and a newline, which is how the handler itself answers. `object`:
   * `{"code", "message"}`, a refusal before the handler. `text`: plain text, outside the API. `head`: the head alone.
   */
  readonly shape: 'empty' | 'string' | 'object' | 'text' | 'head';
  /** `code` of an object; default: the status. */
  readonly code?: number;
  /** The body, byte for byte, if every version and every run gives the same. */
  readonly body?: string;
}

/** How the real Alertmanager 0.34.2 answers differently from Tocsin, and why Tocsin does not follow. */
export interface Difference extends Partial<ExpectedAnswer> {
  /** It closes the connection instead of answering. */
  readonly closes?: true;
  /** It takes in the alerts, but with other labels or times. */
  readonly otherAlerts?: true;
  /** It counts them differently. */
  readonly received?: Received;
  readonly why: string;
}

/** How the alerts are counted: by their ends at the time of arrival, including the invalid ones. */
export interface Received {
  readonly firing?: number;
  readonly resolved?: number;
  readonly invalid?: number;
}

/** One request, and its answer. */
export interface PostAlertsCase extends ExpectedAnswer {
  readonly name: string;
  /** Default POST. */
  readonly method?: string;
  /** Default `/api/v2/alerts`. */
  readonly path?: string;
  /** Default `Content-Type: application/json`. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** The body; undefined for none. */
  readonly sent: string | Buffer | undefined;
  /** Default: no alert was taken in. */
  readonly received?: Received;
  readonly differs?: Difference;
}

const json = { 'Content-Type': 'application/json' };
const oneFires: Received = { firing: 1 };

/** A body with one alert, whose name is that of its case; `rest` holds more fields, as JSON. */
function alert(name: string, rest = ''): string {
  return `[{"labels":{"alertname":${JSON.stringify(name)}}${rest}}]`;
}

/** A body with one alert that has more labels, as JSON. */
function labelled(name: string, labels: string): string {
  return `[{"labels":{"alertname":${JSON.stringify(name)},${labels}}}]`;
}

function accepted(name: string, sent: string | Buffer, received = oneFires): PostAlertsCase {
  return { name, sent, status: 200, shape: 'empty', received };
}

function unreadable(name: string, sent: string | Buffer): PostAlertsCase {
  return { name, sent, status: 400, shape: 'object' };
}

function missing(name: string, sent: string, path: string): PostAlertsCase {
  return { name, sent, ...refusal(422, 602, `${path} in body is required`) };
}

function refusal(status: number, code: number, message: string): ExpectedAnswer {
  return { status, shape: 'object', code, body: JSON.stringify({ code, message }) };
}

/** Some alerts are invalid; the others are stored. */
function invalid(
  name: string,
  sent: string,
  problems: Readonly<Record<number, string>>,
  received: Received,
): PostAlertsCase {
  const quoted = (lines: readonly string[]): string => `${JSON.stringify(lines.join('\n'))}\n`;
  return {
    name,
    sent,
    status: 400,
    shape: 'string',
    body: quoted(Object.entries(problems).map(([index, problem]) => `alert ${index}: ${problem}`)),
    received: { ...received, invalid: Object.keys(problems).length },
    differs: { body: quoted(Object.values(problems)), why: 'it does not say which alert is invalid' },
  };
}

const backwards = '"startsAt":"2020-01-02T00:00:00Z","endsAt":"2020-01-01T00:00:00Z"';
const order = 'start time must be before end time';
const unnamedLabel = 'invalid label set: invalid name ""';
const unnamedAnnotation = 'invalid annotations: invalid name ""';
const noLabels = 'at least one label pair required';

const envelope: readonly PostAlertsCase[] = [
  accepted('an empty array', '[]', {}),
  accepted('null', 'null', {}),
  accepted('blanks around the array', '  \n [] \t\r\n', {}),
  accepted('text behind the array', '[] x', {}),
  accepted('two arrays', `[][${alert('two arrays').slice(1)}`, {}),
  accepted('a comment behind the array', '[] // x', {}),
  accepted('text behind null', 'nullx', {}),
  accepted('an alert and text behind the array', `${alert('an alert and text behind the array')}]]}{`),
  missing('an empty body', '', 'alerts'),
  missing('blanks alone', ' \n', 'alerts'),
  { ...missing('no body', '', 'alerts'), sent: undefined },
  { ...missing('no body and no Content-Type', '', 'alerts'), sent: undefined, headers: {} },
  { ...missing('an empty body of another Content-Type', '', 'alerts'), headers: { 'Content-Type': 'text/plain' } },
  { ...missing('an empty body in chunks', '', 'alerts'), headers: { ...json, 'Transfer-Encoding': 'chunked' } },
  unreadable('an object', '{}'),
  unreadable('a string', '"x"'),
  unreadable('a number', '1'),
  unreadable('true', 'true'),
  unreadable('a number in the array', '[1]'),
  unreadable('an array in the array', '[[]]'),
  unreadable('a broken word', 'nul'),
  unreadable('a broken array', alert('a broken array').slice(0, -1)),
  unreadable('a broken string', alert('a broken string').slice(0, 30)),
  unreadable('single quotes', "[{'labels':{}}]"),
  unreadable('a comma too many in the array', `${alert('a comma too many in the array').slice(0, -1)},]`),
  unreadable('a comma too many in an object', alert('a comma too many in an object', ',')),
  unreadable('a comment', '[/* x */]'),
  unreadable('NaN', alert('NaN', ',"x":NaN')),
  unreadable('a number with a leading zero', alert('a number with a leading zero', ',"x":01')),
  unreadable('a number that ends in a point', alert('a number that ends in a point', ',"x":1.')),
  unreadable('a number with a plus', alert('a number with a plus', ',"x":+1')),
  unreadable('a byte order mark', '\ufeff[]'),
  unreadable('a form feed between tokens', '[\f]'),
  unreadable('a no-break space between tokens', '[\u00a0]'),
  unreadable('a NUL between tokens', '[\0]'),
  unreadable('a line feed in a string', labelled('a line feed in a string', '"a":"\n"')),
  unreadable('a control character in a string', labelled('a control character in a string', '"a":"\u0001"')),
  unreadable('an escape that JSON does not have', labelled('an escape that JSON does not have', '"a":"\\x41"')),
  unreadable('an escaped apostrophe', labelled('an escaped apostrophe', '"a":"\\\'"')),
  unreadable('an escape cut short', labelled('an escape cut short', '"a":"\\u12"')),
  accepted('every number that JSON has', alert('every number that JSON has', ',"x":[1,-0,1e5,1E+5,0.5,-1.5e-3,1e999]')),
  accepted(
    'every escape that JSON has',
    labelled('every escape that JSON has', '"a":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"'),
  ),
  accepted('10,000 levels', nested('10,000 levels', 9998)),
  unreadable('10,001 levels', nested('10,001 levels', 9999)),
  accepted('many levels behind the array', `[]${'['.repeat(20_000)}`, {}),
  {
    ...unreadable('a null alert', '[null]'),
    differs: { closes: true, why: 'a defect: it drops the connection' },
  },
  {
    ...unreadable('a null alert after one without labels', '[{},null]'),
    differs: { ...refusal(422, 602, '0.labels in body is required'), why: 'a null alert is unreadable to Tocsin' },
  },
];

function nested(name: string, levels: number): string {
  return alert(name, `,"x":${'['.repeat(levels)}${']'.repeat(levels)}`);
}

const fields: readonly PostAlertsCase[] = [
  missing('an alert without fields', '[{}]', '0.labels'),
  missing('labels missing', '[{"annotations":{"a":"b"}}]', '0.labels'),
  missing('labels null', '[{"labels":null}]', '0.labels'),
  missing('labels null after labels', '[{"labels":{"a":"b"},"labels":null}]', '0.labels'),
  missing('one alert without labels among good ones', `[${alert('among good ones').slice(1, -1)},{}]`, '1.labels'),
  missing('two alerts without labels', '[{},{}]', '0.labels'),
  unreadable('what is unreadable, after an alert without labels', '[{},{"labels":{"a":1}}]'),
  unreadable('a label that is a number', '[{"labels":{"a":1}}]'),
  unreadable('a label that is true', '[{"labels":{"a":true}}]'),
  unreadable('a label that is an object', '[{"labels":{"a":{}}}]'),
  unreadable('a label that is an array', '[{"labels":{"a":[]}}]'),
  unreadable('labels in an array', '[{"labels":[]}]'),
  unreadable('labels in a string', '[{"labels":"x"}]'),
  unreadable('annotations in an array', alert('annotations in an array', ',"annotations":[]')),
  unreadable('an annotation that is a number', alert('an annotation that is a number', ',"annotations":{"a":1}')),
  unreadable('startsAt a number', alert('startsAt a number', ',"startsAt":1795230534')),
  unreadable('startsAt an object', alert('startsAt an object', ',"startsAt":{}')),
  unreadable('endsAt true', alert('endsAt true', ',"endsAt":true')),
  unreadable('generatorURL a number', alert('generatorURL a number', ',"generatorURL":5')),
  unreadable('generatorURL an array', alert('generatorURL an array', ',"generatorURL":[]')),
  accepted(
    'all that is optional null',
    alert('all that is optional null', ',"annotations":null,"startsAt":null,"endsAt":null,"generatorURL":null'),
  ),
  accepted('an annotation null', alert('an annotation null', ',"annotations":{"a":null}')),
  accepted('annotations empty', alert('annotations empty', ',"annotations":{}')),
  accepted(
    'fields that GET gives',
    alert('fields that GET gives', ',"status":{"state":"active"},"fingerprint":"x","updatedAt":5,"receivers":[null]'),
  ),
  accepted('unknown fields', alert('unknown fields', ',"foo":[{"bar":{}}],"":null,"__proto__":{},"constructor":"x"')),
  accepted('fields in capitals', '[{"LABELS":{"alertname":"fields in capitals"},"ENDSAT":"2020-01-01T00:00:00Z"}]', {
    resolved: 1,
  }),
  accepted('a field in lower case', alert('a field in lower case', ',"endsat":"2020-01-01T00:00:00Z"'), {
    resolved: 1,
  }),
  accepted(
    'fields with a long s',
    '[{"label\u017f":{"alertname":"fields with a long s"},"end\u017fAt":"2020-01-01T00:00:00Z"}]',
    { resolved: 1 },
  ),
  accepted(
    'a field written with an escape',
    alert('a field written with an escape', ',"ends\\u0041t":"2020-01-01T00:00:00Z"'),
    { resolved: 1 },
  ),
  accepted('a field that is no other for a Kelvin sign', alert('Kelvin', ',"\u212aendsAt":"x"')),
];

const duplicates: readonly PostAlertsCase[] = [
  accepted('endsAt twice', alert('endsAt twice', ',"endsAt":"2090-01-01T00:00:00Z","endsAt":"2020-01-01T00:00:00Z"'), {
    resolved: 1,
  }),
  accepted(
    'endsAt null after a time',
    alert('endsAt null after a time', ',"endsAt":"2020-01-01T00:00:00Z","endsAt":null'),
    { resolved: 1 },
  ),
  invalid(
    'startsAt null after a time',
    alert('startsAt null after a time', ',"startsAt":"2090-01-01T00:00:00Z","startsAt":null'),
    { 0: order },
    oneFires,
  ),
  accepted(
    'a bad generatorURL before a good one',
    alert('a bad generatorURL', ',"generatorURL":"foo","generatorURL":"/x"'),
  ),
  accepted('a label twice', labelled('a label twice', '"a":"x","a":"y"')),
  accepted('a label null after a value', labelled('a label null after a value', '"a":"x","a":null')),
  accepted('labels twice, the same names', '[{"labels":{"alertname":"x"},"labels":{"alertname":"labels twice"}}]'),
  {
    ...accepted('labels twice, other names', '[{"labels":{"a":"x"},"labels":{"alertname":"labels twice, others"}}]'),
    differs: { otherAlerts: true, why: 'it merges both, by an accident of its JSON library' },
  },
  {
    ...accepted(
      'a time that is overwritten, and none',
      alert('overwritten time', ',"startsAt":"x","startsAt":"2020-01-01"'),
    ),
    differs: { status: 400, shape: 'object', received: {}, why: 'Tocsin sees the last of two members only' },
  },
  {
    ...accepted(
      'a label that is overwritten, and no text',
      '[{"labels":{"alertname":1,"alertname":"overwritten label"}}]',
    ),
    differs: { status: 400, shape: 'object', received: {}, why: 'Tocsin sees the last of two members only' },
  },
];

/** Each time is in the past, so that an alert that starts then fires. */
const goodTimes = [
  '2020-11-21T03:08:54Z',
  '2020-11-21T03:08:54.8Z',
  '2020-11-21T03:08:54.829Z',
  '2020-11-21T03:08:54.829123Z',
  '2020-11-21T03:08:54.829123456Z',
  '2020-11-21T03:08:54.8291234567891Z',
  '2020-11-21T03:08:54,829Z',
  '2020-11-21T03:08:54+02:00',
  '2020-11-21T03:08:54.829-03:30',
  '2020-11-21T03:08:54.829+0200',
  '2020-11-21T03:08:54.829123-0330',
  '2020-11-21T03:08:54+24:00',
  '2020-11-21T03:08:54',
  '2020-11-21T03:08:54.829',
  '2020-11-21T03:08Z',
  '2020-11-21T03:08',
  '2020-11-21 03:08:54',
  '2020-11-21',
  '2020-11-21T3:08:54Z',
  '0000-01-01T00:00:00Z',
  '0001-01-01T00:00:00Z',
  '0001-01-01T02:00:00.000+02:00',
  '',
];

const badTimes = [
  'now',
  '1795230534',
  '2020-11-21t03:08:54Z',
  '2020-11-21T03:08:54z',
  '2020-11-21T03:08:60Z',
  '2020-11-21T24:00:00Z',
  '2020-02-30T00:00:00Z',
  '10000-01-01T00:00:00Z',
  ' 2020-11-21T03:08:54Z',
  '2020-11-21T03:08:54Z ',
  '2020-11-21T03:08:54+25:00',
  '2020-11-21T03:08:54+0200',
  '2020-11-21T03:08:54.8291+0200',
  '2020-11-21T03:08+02:00',
  '2020-11-21 03:08',
  '2020-11-21 03:08:54Z',
  '2020-11',
  'Sat, 21 Nov 2020 03:08:54 GMT',
];

const goodUris = [
  '',
  '/graph?x=1',
  '//x/y',
  'mailto:x',
  'http://',
  'javascript:alert(1)',
  'prom:9090/graph',
  'http://a/b?c d',
  'http://h:99999/',
  'http://ключ/',
  'http://h/a b',
  'http://[::1]:9090/',
  'http://h/%25',
  '*',
];

const badUris = [
  'foo',
  'not a url',
  '?x',
  '#x',
  'http:// a',
  'http://a b/',
  'http://[::1',
  'http://a/%zz',
  'http://h:abc/',
];

const formats: readonly PostAlertsCase[] = [
  ...goodTimes.map((time) => {
    const name = `startsAt ${JSON.stringify(time)}`;
    return accepted(name, alert(name, `,"startsAt":"${time}"`));
  }),
  ...badTimes.flatMap((time) =>
    ['startsAt', 'endsAt'].map((field) => {
      const name = `${field} ${JSON.stringify(time)}`;
      return unreadable(name, alert(name, `,"${field}":"${time}"`));
    }),
  ),
  ...goodUris.map((uri) => {
    const name = `generatorURL ${JSON.stringify(uri)}`;
    return accepted(name, alert(name, `,"generatorURL":"${uri}"`));
  }),
  ...badUris.map((uri) => {
    const name = `generatorURL ${JSON.stringify(uri)}`;
    const message = `0.generatorURL in body must be of type uri: ${JSON.stringify(uri)}`;
    return { name, sent: alert(name, `,"generatorURL":"${uri}"`), ...refusal(422, 601, message) };
  }),
  {
    name: 'a bad generatorURL and no labels',
    sent: '[{"generatorURL":"foo"}]',
    ...refusal(422, 601, '0.generatorURL in body must be of type uri: "foo"'),
  },
];

const labels: readonly PostAlertsCase[] = [
  accepted('no alertname', '[{"labels":{"foo":"no alertname"}}]'),
  accepted('an empty label value', labelled('an empty label value', '"a":"","b":"c"')),
  accepted('a label value null', labelled('a label value null', '"a":null')),
  accepted('an empty value of a label without a name', labelled('an empty value of a label', '"":""')),
  accepted('an empty annotation value', alert('an empty annotation value', ',"annotations":{"a":""}')),
  accepted(
    'label names that are no identifiers',
    labelled('label names', '"a-b":"1","a.b":"2","ключ":"3","1":"4"," ":"5"'),
  ),
  accepted(
    'annotation names that are no identifiers',
    alert('annotation names', ',"annotations":{"a-b":"1","ключ":"2"}'),
  ),
  accepted('label names with underscores', labelled('label names with underscores', '"__name__":"x","__x":"y"')),
  accepted(
    'label names of JavaScript',
    labelled('label names of JavaScript', '"__proto__":"x","constructor":"y","toString":"z"'),
  ),
  accepted(
    'label names in an odd order',
    labelled('an odd order', '"\uffff":"1","😀":"2","\ue000":"3","10":"4","9":"5","Z":"6","a":"7"'),
  ),
  accepted(
    'label names with escapes',
    labelled('label names with escapes', '"\\\\":"1","\\"":"2","\\n":"3","a\\nb":"4"'),
  ),
  accepted('a label value of blanks', labelled('a label value of blanks', '"a":"   "')),
  accepted(
    'label values with control characters',
    labelled('control characters', '"a":"\\n\\u0001\\u0000\u007f","b":"\\u0000"'),
  ),
  accepted('emoji', labelled('emoji', '"a":"😀","b":"\\ud83d\\ude00"')),
  accepted(
    'lone surrogates',
    labelled('lone surrogates', '"a":"\\ud800","b":"\\udc00x","c":"\\ud83d\\u0041","\\ud83d":"d"'),
  ),
  accepted('bytes that are no UTF-8', broken('bytes that are no UTF-8', '"a":"', '"')),
  accepted('bytes that are no UTF-8 in a name', broken('bytes that are no UTF-8 in a name', '"', '":"a"')),
  invalid('labels empty', '[{"labels":{}}]', { 0: noLabels }, oneFires),
  invalid('label values empty', '[{"labels":{"alertname":"","a":null}}]', { 0: noLabels }, oneFires),
  invalid('a label without a name', labelled('a label without a name', '"":"x"'), { 0: unnamedLabel }, oneFires),
  invalid('an annotation without a name', alert('x', ',"annotations":{"":""}'), { 0: unnamedAnnotation }, oneFires),
  invalid(
    'no labels and an annotation without a name',
    '[{"labels":{},"annotations":{"":"x"}}]',
    { 0: noLabels },
    oneFires,
  ),
];

/** Several kinds of bytes that do not form a character. */
function broken(name: string, before: string, after: string): Buffer {
  const [start = '', end = ''] = labelled(name, '\n').split('\n');
  const bytes = Buffer.from([0xff, 0x61, 0xc3, 0x28, 0xe2, 0x82, 0xed, 0xa0, 0x80, 0xf0, 0x9f, 0x98, 0xc0, 0xaf]);
  return Buffer.concat([Buffer.from(start + before), bytes, Buffer.from(after + end)]);
}

const past = '2020-01-01T00:00:00Z';
const future = '2090-01-01T00:00:00Z';

const times: readonly PostAlertsCase[] = [
  accepted('no times', alert('no times')),
  accepted('startsAt alone, past', alert('startsAt alone, past', `,"startsAt":"${past}"`)),
  accepted('endsAt alone, past', alert('endsAt alone, past', `,"endsAt":"${past}"`), { resolved: 1 }),
  accepted('endsAt alone, future', alert('endsAt alone, future', `,"endsAt":"${future}"`)),
  accepted('endsAt empty, which is 1970', alert('endsAt empty', ',"endsAt":""'), { resolved: 1 }),
  accepted('endsAt zero, which is absent', alert('endsAt zero', ',"endsAt":"0001-01-01T00:00:00Z"')),
  accepted('startsAt empty, which is 1970', alert('startsAt empty', `,"startsAt":"","endsAt":"${future}"`)),
  accepted('startsAt as endsAt, past', alert('startsAt as endsAt, past', `,"startsAt":"${past}","endsAt":"${past}"`), {
    resolved: 1,
  }),
  accepted(
    'startsAt as endsAt, future',
    alert('startsAt as endsAt, future', `,"startsAt":"${future}","endsAt":"${future}"`),
  ),
  accepted(
    'from the past to the future',
    alert('from the past to the future', `,"startsAt":"${past}","endsAt":"${future}"`),
  ),
  accepted('from the future on', alert('from the future on', `,"startsAt":"${future}","endsAt":"2091-01-01"`)),
  accepted('until the end of all time', alert('until the end of all time', ',"endsAt":"9999-12-31T23:59:59.999Z"')),
  invalid('startsAt alone, future', alert('startsAt alone, future', `,"startsAt":"${future}"`), { 0: order }, oneFires),
  invalid(
    'from the future to the past',
    alert('x', `,"startsAt":"${future}","endsAt":"${past}"`),
    { 0: order },
    { resolved: 1 },
  ),
  invalid('from the past to before', alert('x', `,${backwards}`), { 0: order }, { resolved: 1 }),
  invalid('no labels, and from the past to before', `[{"labels":{},${backwards}}]`, { 0: order }, { resolved: 1 }),
];

const batches: readonly PostAlertsCase[] = [
  accepted('three alerts', many('three alerts', 3), { firing: 3 }),
  accepted('firing and resolved', `[${one('one fires')},${one('one is over', `,"endsAt":"${past}"`)}]`, {
    firing: 1,
    resolved: 1,
  }),
  accepted('the same alert twice', `[${one('the same alert twice')},${one('the same alert twice')}]`, { firing: 2 }),
  accepted(
    'an alert and its resolve',
    `[${one('an alert and its resolve', `,"startsAt":"${past}"`)},${one('an alert and its resolve', `,"startsAt":"${past}","endsAt":"2020-01-02"`)}]`,
    { firing: 1, resolved: 1 },
  ),
  invalid(
    'a good alert after a bad one',
    `[{"labels":{}},${one('a good alert after a bad one')}]`,
    { 0: noLabels },
    { firing: 2 },
  ),
  invalid(
    'every kind of problem at once',
    `[{"labels":{"a":""}},${one('every kind of problem at once')},${one('x', `,${backwards}`)},{"labels":{"":"x"}},${one('x', ',"annotations":{"":"x"}')}]`,
    { 0: noLabels, 2: order, 3: unnamedLabel, 4: unnamedAnnotation },
    { firing: 4, resolved: 1 },
  ),
  accepted('256 alerts', many('256 alerts', 256), { firing: 256 }),
];

function one(name: string, rest = ''): string {
  return alert(name, rest).slice(1, -1);
}

function many(name: string, count: number): string {
  return `[${Array.from({ length: count }, (_, i) => one(`${name} ${i}`)).join(',')}]`;
}

/** Includes the hint that Tocsin gives to users of curl. */
function wrongType(type: string, header?: string): PostAlertsCase {
  const allowed = `unsupported media type "${type}", only [application/json] are allowed`;
  return {
    name: header === undefined ? 'no Content-Type' : `Content-Type ${JSON.stringify(header)}`,
    sent: alert('x'),
    headers: header === undefined ? {} : { 'Content-Type': header },
    ...refusal(415, 415, `${allowed}; with curl, add: -H 'Content-Type: application/json'`),
    differs: { ...refusal(415, 415, allowed), why: 'it does not say what to add' },
  };
}

function withType(header: string, expected: ExpectedAnswer = { status: 200, shape: 'empty' }): PostAlertsCase {
  const name = `Content-Type ${JSON.stringify(header)}`;
  const received = expected.status === 200 ? oneFires : {};
  return { name, sent: alert(name), headers: { 'Content-Type': header }, ...expected, received };
}

const malformed: ExpectedAnswer = { status: 400, shape: 'object' };

const contentTypes: readonly PostAlertsCase[] = [
  withType('APPLICATION/JSON'),
  withType('application/json; charset=utf-8'),
  withType('application/json;charset=latin1'),
  withType('application/json ; charset="utf-16"'),
  withType("application/json; charset*=utf-8''x"),
  withType('application/json; a="\\"b"'),
  withType('application/json;'),
  wrongType('application/octet-stream'),
  wrongType('application/octet-stream', ''),
  wrongType('application/octet-stream', 'application/octet-stream'),
  wrongType('application/x-www-form-urlencoded', 'application/x-www-form-urlencoded'),
  wrongType('text/plain', 'text/PLAIN; charset=utf-8'),
  wrongType('text/json', 'text/json'),
  wrongType('application/vnd.api+json', 'application/vnd.api+json'),
  wrongType('multipart/form-data', 'multipart/form-data'),
  withType('garbage', malformed),
  withType('application/', malformed),
  withType('/json', malformed),
  withType('application /json', malformed),
  withType('application/json, text/plain', malformed),
  withType('; charset=utf-8', malformed),
  withType('application/json; x', malformed),
  withType('application/json; =x', malformed),
  withType('application/json; charset=', malformed),
  withType('application/json; charset=utf 8', malformed),
  withType('application/json; charset="utf', malformed),
  withType('application/json;;', malformed),
  ...['*/*', 'application/*'].map((type): PostAlertsCase => ({
    ...wrongType(type, type),
    differs: { ...refusal(500, 500, `no consumer registered for ${type}`), why: 'a mistake of the sender is no 500' },
  })),
  withType('application/json; a=1; A=2', malformed),
  {
    ...accepted('two Content-Types, the first is good', alert('two Content-Types')),
    headers: { 'Content-Type': ['application/json', 'text/plain'] },
  },
  {
    ...wrongType('text/plain', 'text/plain'),
    name: 'two Content-Types, the first is bad',
    headers: { 'Content-Type': ['text/plain', 'application/json'] },
  },
];

/** The bytes of a gzip file that holds `[]`. */
const gzipped = Buffer.from('1f8b08000000000000038b8e050029bb4c0d02000000', 'hex');

const headers: readonly PostAlertsCase[] = [
  { ...unreadable('a body in gzip', gzipped), headers: { ...json, 'Content-Encoding': 'gzip' } },
  ...['gzip', 'identity', 'br'].map((encoding) => {
    const name = `a plain body that is said to be in ${encoding}`;
    return { ...accepted(name, alert(name)), headers: { ...json, 'Content-Encoding': encoding } };
  }),
  ...['text/html', 'application/xml;q=1', 'garbage', ''].map((accept) => {
    const name = `Accept ${JSON.stringify(accept)}`;
    return { ...accepted(name, alert(name)), headers: { ...json, Accept: accept } };
  }),
  {
    ...accepted('a body in chunks', alert('a body in chunks')),
    headers: { ...json, 'Transfer-Encoding': 'chunked' },
  },
  {
    ...accepted('a body that waits for 100 Continue', alert('100 Continue')),
    headers: { ...json, Expect: '100-continue' },
  },
  {
    ...accepted('a method override', alert('a method override')),
    headers: { ...json, 'X-HTTP-Method-Override': 'DELETE' },
  },
  {
    name: 'a request from another origin',
    sent: alert('a request from another origin'),
    headers: { ...json, Origin: 'http://example.org' },
    status: 403,
    shape: 'text',
    differs: {
      status: 200,
      shape: 'empty',
      received: oneFires,
      why: 'Tocsin lets no web page of others change anything',
    },
  },
];

const methods: readonly PostAlertsCase[] = ['/api/v2/alerts', '/api/v2/alerts/'].flatMap((path): PostAlertsCase[] => [
  ...['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND'].map((method): PostAlertsCase => ({
    name: `${method} ${path}`,
    method,
    path,
    headers: {},
    sent: undefined,
    status: 405,
    shape: 'object',
  })),
  { name: `HEAD ${path}`, method: 'HEAD', path, headers: {}, sent: undefined, status: 405, shape: 'head' },
  { name: `PUT ${path} with alerts`, method: 'PUT', path, sent: alert('x'), status: 405, shape: 'object' },
  {
    name: `OPTIONS ${path} before a request from another origin`,
    method: 'OPTIONS',
    path,
    headers: { Origin: 'http://example.org', 'Access-Control-Request-Method': 'POST' },
    sent: undefined,
    status: 405,
    shape: 'object',
  },
]);

function notFound(path: string): PostAlertsCase {
  return { name: `POST ${path}`, path, sent: alert('x'), ...refusal(404, 404, `path ${path} was not found`) };
}

function notFoundOutside(path: string): PostAlertsCase {
  return { name: `POST ${path}`, path, sent: alert('x'), status: 404, shape: 'text', body: '404 page not found\n' };
}

function redirected(expected: PostAlertsCase): PostAlertsCase {
  return { ...expected, differs: { status: 307, shape: 'empty', body: '', why: 'Tocsin never redirects' } };
}

const paths: readonly PostAlertsCase[] = [
  ...[
    '/api/v2/alerts/',
    '/api/v2/alerts?x=1',
    '/api/v2/alerts/?',
    '/api/v2/alerts?%zz',
    'http://127.0.0.1/api/v2/alerts',
  ].map((path) => ({ ...accepted(`POST ${path}`, alert(`POST ${path}`)), path })),
  ...['/api/v2/', '/api/v2/alert', '/api/v2/Alerts', '/api/v2/alerts/x', '/api/v2/alerts.'].map(notFound),
  ...['/api/v2/alerts;a=b', '/api/v2/%61lerts', '/api/v2/alerts%2F', '/api/v2/alerts%20'].map(notFound),
  { ...notFound('/api/v2/alerts#x'), ...refusal(404, 404, 'path /api/v2/alerts%23x was not found') },
  ...['/alerts', '/api/v3/alerts', '/API/v2/alerts', '/api/v2%2Falerts', '/nope'].map(notFoundOutside),
  ...['/api/v2/alerts//', '/api/v2/./alerts', '/api/v2/../v2/alerts', '/api/v2/alerts/..'].map((path) =>
    redirected(notFound(path)),
  ),
  ...['//api/v2/alerts', '/api//v2/alerts', '/api/v2'].map((path) => redirected(notFoundOutside(path))),
];

/** These come last, since they make every later look at the alerts a long one. */
const large: readonly PostAlertsCase[] = [
  accepted('a label value of 2 MB', labelled('a label value of 2 MB', `"a":"${'x'.repeat(2_000_000)}"`)),
];

/** Every row of the contract of `POST /api/v2/alerts`; no row sees the alerts of another. */
export const postAlertsCases: readonly PostAlertsCase[] = [
  ...envelope,
  ...fields,
  ...duplicates,
  ...formats,
  ...labels,
  ...times,
  ...batches,
  ...contentTypes,
  ...headers,
  ...methods,
  ...paths,
  ...large,
];
