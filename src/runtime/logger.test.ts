import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from './clock.fixture.ts';
import { createLogger, type LogFields, type LogFormat, type Logger, type LogLevel } from './logger.ts';

const levels = ['debug', 'info', 'warn', 'error'] as const;

/** The characters that some reader takes for a line end, and those that a terminal obeys. */
// eslint-disable-next-line no-control-regex -- they are what it is about
const dangerous = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]|\p{Cf}/u;

/** The real logger with its output in memory, one chunk for each write to the stream. */
function openLog({ level = 'debug', format = 'json' }: { level?: LogLevel; format?: LogFormat } = {}): {
  readonly logger: Logger;
  readonly chunks: readonly string[];
} {
  const chunks: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { logger: createLogger({ level, format, clock: new FakeClock(), stream }), chunks };
}

/** One line, without its line feed. */
function lineOf(format: LogFormat, fields: LogFields, event = 'e', msg = 'a message'): string {
  const { logger, chunks } = openLog({ format });
  logger.info(event, msg, fields);
  assert.equal(chunks.length, 1);
  assert.ok(chunks[0]!.endsWith('\n'));
  return chunks[0]!.slice(0, -1);
}

/** The fields of a logfmt line as text. */
function logfmtOf(fields: LogFields): string {
  const start = 'time=2026-11-21T03:00:00.000Z level=info event=e msg="a message"';
  const line = lineOf('logfmt', fields);
  assert.ok(line.startsWith(start), line);
  return line.slice(start.length + 1);
}

/** A reader of logfmt like go-logfmt: `key=value`, the value bare or in JSON's quotes. */
function parseLogfmt(line: string): Record<string, string> {
  const pairs: Record<string, string> = {};
  let rest = line;
  while (rest !== '') {
    const pair = /^([^\s="]+)=("(?:[^"\\]|\\.)*"|[^\s="]*)(?: |$)/.exec(rest);
    assert.ok(pair, `no logfmt at ${rest}`);
    const [whole, key, value] = pair as unknown as [string, string, string];
    assert.ok(!Object.hasOwn(pairs, key), `${key} is there twice`);
    pairs[key] = value.startsWith('"') ? (JSON.parse(value) as string) : value;
    rest = rest.slice(whole.length);
  }
  return pairs;
}

describe('logger, json', () => {
  it('writes time, level, event and msg first, then the fields in their order', () => {
    assert.equal(
      lineOf('json', { b: 1, a: 'two', list: ['x', 1], labels: { alertname: 'A' }, none: null }),
      '{"time":"2026-11-21T03:00:00.000Z","level":"info","event":"e","msg":"a message",' +
        '"b":1,"a":"two","list":["x",1],"labels":{"alertname":"A"},"none":null}',
    );
  });

  it('leaves out what is undefined', () => {
    assert.match(lineOf('json', { a: undefined, b: 1 }), /"msg":"a message","b":1\}$/);
  });

  it('writes an error as its message, at any depth', () => {
    const line = lineOf('json', { error: new TypeError('no\nway'), all: [new Error('a')], in: { it: new Error('b') } });
    assert.match(line, /"error":"no\\nway","all":\["a"\],"in":\{"it":"b"\}/);
  });

  it('escapes characters that end a line for some readers or steer a terminal, in values and in keys', () => {
    const nasty = 'a\r\n\u001b[31m\u007f\u0085\u009b\u2028\u2029\u202e\u2066"\\';
    const line = lineOf('json', { text: nasty, labels: { [nasty]: 'x' } });
    assert.doesNotMatch(line, dangerous);
    assert.match(line, /\\r\\n\\u001b\[31m\\u007f\\u0085\\u009b\\u2028\\u2029\\u202e\\u2066\\"\\\\/);
    const read = JSON.parse(line) as Record<string, unknown>;
    assert.equal(read['text'], nasty);
    assert.deepEqual(read['labels'], { [nasty]: 'x' });
  });

  it('escapes every invisible format character, even beyond the first plane', () => {
    const invisible = '\u00ad\u061c\u200b\u200e\u200f\u2060\ufeff\u{e0041}\u{1d173}';
    const line = lineOf('json', { text: invisible });
    assert.match(line, /"\\u00ad\\u061c\\u200b\\u200e\\u200f\\u2060\\ufeff\\udb40\\udc41\\ud834\\udd73"/);
    assert.equal((JSON.parse(line) as Record<string, unknown>)['text'], invisible);
  });

  it('keeps a label with the name of an object property', () => {
    const labels = JSON.parse('{"__proto__": "p", "constructor": "c"}') as object;
    assert.match(lineOf('json', { labels }), /"labels":\{"__proto__":"p","constructor":"c"\}/);
  });
});

describe('logger, logfmt', () => {
  const rows: readonly (readonly [name: string, fields: LogFields, expected: string])[] = [
    ['plain words bare', { a: 'b-c_d.e:f/g@h+i,j' }, 'a=b-c_d.e:f/g@h+i,j'],
    ['numbers, booleans and null bare', { a: 1.5, b: true, c: null, d: -3 }, 'a=1.5 b=true c=null d=-3'],
    ['a text with blanks in quotes', { a: 'b c' }, 'a="b c"'],
    ['the empty text in quotes', { a: '' }, 'a=""'],
    ['an equals sign in quotes', { a: 'b=c' }, 'a="b=c"'],
    ['quotes and backslashes escaped', { a: 'say "\\o/"' }, 'a="say \\"\\\\o/\\""'],
    ['a line feed escaped', { a: 'b\nc' }, 'a="b\\nc"'],
    ['a line feed at the end escaped', { a: 'b\n' }, 'a="b\\n"'],
    ['a terminal sequence escaped', { a: '\u001b[2J\u009b2J' }, 'a="\\u001b[2J\\u009b2J"'],
    ['exotic ends of line escaped', { a: '\u0085\u2028\u2029' }, 'a="\\u0085\\u2028\\u2029"'],
    ['what turns the direction of text escaped', { a: '\u202ex\u2069' }, 'a="\\u202ex\\u2069"'],
    ['marks of direction escaped', { a: '\u200e\u200f\u061c\ufeff' }, 'a="\\u200e\\u200f\\u061c\\ufeff"'],
    ['other letters as they are, in quotes', { a: 'größe 警' }, 'a="größe 警"'],
    [
      'the keys of a nested object behind a dot',
      { labels: { alertname: 'A', job: 'b c' } },
      'labels.alertname=A labels.job="b c"',
    ],
    ['a list of words joined by commas', { a: ['b', 'c'] }, 'a=b,c'],
    ['a list of texts joined by commas and blanks', { a: ['b c', 'd'] }, 'a="b c, d"'],
    ['a list of label sets in braces', { a: [{ b: 'c d', e: 'f' }, { g: 1 }] }, 'a="{b=c d,e=f} {g=1}"'],
    ['any other list as JSON', { a: [1, { b: 2 }] }, 'a="[1,{\\"b\\":2}]"'],
    ['the empty list in quotes', { a: [] }, 'a=""'],
    ['an error as its message', { error: new Error('it is\nbroken') }, 'error="it is\\nbroken"'],
    ['errors in a list as their messages', { a: [new Error('b'), 1] }, 'a="[\\"b\\",1]"'],
    ['an error in an object as its message', { a: { b: new Error('c') } }, 'a.b=c'],
    ['nothing for what is undefined', { a: undefined, b: 1 }, 'b=1'],
    ['an underscore for what no key can hold', { 'a b="c"\n\u2028': 1 }, 'a_b__c___=1'],
    ['letters and digits of every script in keys', { größe: 1 }, 'größe=1'],
  ];
  for (const [name, fields, expected] of rows) {
    it(`writes ${name}`, () => assert.equal(logfmtOf(fields), expected));
  }
});

describe('logger', () => {
  it('writes the lines of its level and above', () => {
    for (const [index, level] of levels.entries()) {
      const { logger, chunks } = openLog({ level });
      for (const lineLevel of levels) logger[lineLevel]('e', 'm');
      assert.deepEqual(
        chunks.map((line) => (JSON.parse(line) as LogFields)['level']),
        levels.slice(index),
      );
    }
  });

  it('reports which levels it writes', () => {
    const { logger } = openLog({ level: 'warn' });
    const enabled = levels.filter((level: LogLevel) => logger.enables(level));
    assert.deepEqual(enabled, ['warn', 'error']);
  });

  it('works as a detached function, and without fields', () => {
    const { logger, chunks } = openLog();
    const { warn } = logger;
    warn('e', 'm');
    assert.deepEqual(chunks, ['{"time":"2026-11-21T03:00:00.000Z","level":"warn","event":"e","msg":"m"}\n']);
  });

  it('writes one line per call, whatever the texts', () => {
    const text = fc.string({ unit: 'binary', maxLength: 12 });
    const nasty = fc.constantFrom(
      '\n',
      '\r',
      '\u001b[1m',
      '\u2028',
      '\u200f',
      '\u{e0041}',
      '\u0085',
      '"',
      '\\',
      '=',
      ' ',
      '%s',
      '\ud800',
      '__proto__',
    );
    const word = fc.oneof(
      text,
      nasty,
      fc.array(fc.oneof(text, nasty), { maxLength: 4 }).map((parts) => parts.join('')),
    );
    const value = fc.oneof(
      word,
      fc.integer(),
      fc.array(word, { maxLength: 3 }),
      fc.dictionary(word, word, { maxKeys: 3 }),
      word.map((message) => new Error(message)),
    );
    const format = fc.constantFrom<LogFormat>('json', 'logfmt');
    fc.assert(
      fc.property(format, word, word, fc.dictionary(word, value, { maxKeys: 4 }), (chosen, event, msg, fields) => {
        const line = lineOf(chosen, fields, event, msg);
        assert.doesNotMatch(line, dangerous);
        if (chosen === 'json') JSON.parse(line);
      }),
      { numRuns: 500 },
    );
  });

  it('writes JSON that reads back as what was logged', () => {
    const key = fc.string({ unit: 'grapheme' }).filter((name) => !['time', 'level', 'event', 'msg'].includes(name));
    const fieldsOf = fc.dictionary(key, fc.jsonValue({ maxDepth: 2 }), { noNullPrototype: true });
    fc.assert(
      fc.property(fieldsOf, (fields) => {
        const {
          time: _time,
          level: _level,
          event: _event,
          msg: _msg,
          ...read
        } = JSON.parse(lineOf('json', fields)) as LogFields;
        assert.deepEqual(read, JSON.parse(JSON.stringify(fields)));
      }),
      { examples: [[JSON.parse('{"__proto__":null}') as LogFields]] },
    );
  });

  it('writes logfmt that reads back, for texts and numbers', () => {
    const key = fc
      .stringMatching(/^[a-z][a-z_.]{0,7}$/)
      .filter((name) => !['time', 'level', 'event', 'msg'].includes(name));
    const value = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string(), fc.integer());
    fc.assert(
      fc.property(fc.dictionary(key, value, { noNullPrototype: true }), (fields) => {
        const expected = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, String(field)]));
        const { time, level, event, msg, ...read } = parseLogfmt(lineOf('logfmt', fields));
        assert.deepEqual(read, expected);
        assert.deepEqual([time, level, event, msg], ['2026-11-21T03:00:00.000Z', 'info', 'e', 'a message']);
      }),
    );
  });
});
