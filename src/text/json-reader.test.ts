import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { JsonError } from './json-scanner.ts';
import { JsonReader } from './json-reader.ts';
import { blanks, jsonString, jsonValue } from './json.fixture.ts';
import type { Sliced } from '../runtime/slices.ts';

/** Runs all steps at once. */
function run<T>(steps: Sliced<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

function countSteps(steps: Sliced<unknown>): number {
  let count = 1;
  while (steps.next().done !== true) count++;
  return count;
}

/** The position of the reader, from the message with which it fails. */
function positionOf(reader: JsonReader): number {
  try {
    reader.fail('nothing');
  } catch (error) {
    return Number(/at character (\d+)/.exec((error as JsonError).message)?.[1]);
  }
}

/** True if the reader accepts a text as one JSON value with nothing but blanks around it. */
function accepts(text: string, read: (reader: JsonReader) => Sliced<unknown>): boolean {
  const reader = new JsonReader(text);
  try {
    run(read(reader));
    run(reader.start());
    return reader.peek() === undefined;
  } catch (error) {
    assert.ok(error instanceof JsonError, String(error));
    return false;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const ways: readonly (readonly [name: string, read: (reader: JsonReader) => Sliced<unknown>])[] = [
  ['skip', (reader) => reader.skip()],
  ['value', (reader) => reader.value()],
];

describe('JsonReader', () => {
  for (const [name, read] of ways) {
    it(`goes to the end of any value by ${name}, and not further`, () => {
      fc.assert(
        fc.property(blanks, jsonValue, fc.constantFrom('', ',', ']', ' x', '"'), (before, { text }, after) => {
          const reader = new JsonReader(before + text + after);
          run(read(reader));
          assert.equal(positionOf(reader), before.length + text.length);
        }),
      );
    });

    it(`refuses by ${name} exactly what JSON.parse refuses`, () => {
      const change = fc.record({
        at: fc.nat(),
        removed: fc.constantFrom(0, 1, 1, 2, 1000),
        inserted: fc.oneof(
          fc.constantFrom(
            '',
            '',
            ',',
            ':',
            '"',
            '\\',
            '[',
            ']',
            '{',
            '}',
            '0',
            '-',
            '.',
            'e',
            'u',
            'null',
            '\0',
            '\n',
            '\f',
            '\u00a0',
          ),
          fc.string({ unit: 'binary', maxLength: 2 }),
        ),
      });
      fc.assert(
        fc.property(jsonValue, change, ({ text }, { at, removed, inserted }) => {
          const start = at % (text.length + 1);
          const changed = (text.slice(0, start) + inserted + text.slice(start + removed)).toWellFormed();
          assert.equal(accepts(changed, read), isJson(changed), changed);
        }),
        { numRuns: 2000 },
      );
    });
  }

  it('gives any value as it is written', () => {
    fc.assert(
      fc.property(jsonValue, ({ text, value }) => assert.deepEqual(run(new JsonReader(text).value()), value)),
      { numRuns: 1000 },
    );
  });

  it('gives a string as JSON.parse does, with U+FFFD for each lone surrogate', () => {
    fc.assert(
      fc.property(jsonString, ({ text }) => {
        const reader = new JsonReader(text);
        assert.equal(reader.peek(), 'string');
        assert.equal(run(reader.string()), (JSON.parse(text) as string).toWellFormed());
        assert.equal(reader.peek(), undefined);
      }),
      { numRuns: 1000 },
    );
  });

  it('walks through arrays and objects as its caller asks', () => {
    const reader = new JsonReader(' [ { "a" : null , "b" : [ ] } , { } , 1 ] ');
    run(reader.start());
    assert.equal(reader.peek(), 'array');
    assert.equal(run(reader.nextElement(true)), true);
    assert.equal(reader.peek(), 'object');
    assert.equal(run(reader.nextMember(true)), true);
    assert.equal(run(reader.name()), 'a');
    assert.equal(reader.peek(), 'null');
    reader.null();
    assert.equal(run(reader.nextMember(false)), true);
    assert.equal(run(reader.name()), 'b');
    assert.equal(run(reader.nextElement(true)), false);
    assert.equal(run(reader.nextMember(false)), false);
    assert.equal(run(reader.nextElement(false)), true);
    assert.equal(run(reader.nextMember(true)), false);
    assert.equal(run(reader.nextElement(false)), true);
    assert.equal(reader.peek(), 'other');
    run(reader.skip());
    assert.equal(run(reader.nextElement(false)), false);
    run(reader.start());
    assert.equal(reader.peek(), undefined);
  });

  const refusals: readonly (readonly [text: string, message: string])[] = [
    ['', 'at character 0 there is the end of the body, expected a value'],
    ['nul', 'at character 0 there is "n", expected a value'],
    ['[1 2]', 'at character 3 there is "2", expected "," or "]"'],
    ['{"a":1 "b"', 'at character 7 there is "\\"", expected "," or "}"'],
    ['{"a" 1}', 'at character 5 there is "1", expected ":"'],
    ['{a:1}', 'at character 1 there is "a", expected a member name in double quotes'],
    ['[-x]', 'at character 2 there is "x", expected a digit'],
    ['[1.]', 'at character 3 there is "]", expected a digit'],
    ['[1e+]', 'at character 4 there is "]", expected a digit'],
    ['[😀]', 'at character 1 there is "😀", expected a value'],
    ['"abc', 'at character 4 there is the end of the body, expected the closing double quote of a string'],
    ['["a\\x"]', 'the string at character 2 has an invalid escape or a control character'],
    ['["a\n"]', 'the string at character 2 has an invalid escape or a control character'],
  ];
  for (const [text, message] of refusals) {
    it(`says what is wrong with ${JSON.stringify(text)}`, () => {
      assert.throws(() => run(new JsonReader(text).skip()), { name: 'JsonError', message });
    });
  }
});

describe('JsonReader, nesting', () => {
  const deep = (levels: number, open: string, close: string): string => open.repeat(levels) + close.repeat(levels);
  for (const [name, read] of ways) {
    it(`takes 10,000 levels and not one more by ${name}`, () => {
      assert.equal(accepts(deep(10_000, '[', ']'), read), true);
      assert.equal(accepts(deep(10_001, '[', ']'), read), false);
      assert.equal(accepts(`${'{"a":'.repeat(9_999)}{}${'}'.repeat(9_999)}`, read), true);
      assert.equal(accepts(`${'{"a":'.repeat(10_000)}{}${'}'.repeat(10_000)}`, read), false);
    });
  }

  it('counts the levels that its caller has entered and not yet closed', () => {
    const text = (levels: number): string => `[${deep(9_999, '[', ']')},${deep(levels, '[', ']')}]`;
    const skipBoth = (levels: number): void => {
      const reader = new JsonReader(text(levels));
      assert.equal(run(reader.nextElement(true)), true);
      run(reader.skip());
      assert.equal(run(reader.nextElement(false)), true);
      run(reader.skip());
      assert.equal(run(reader.nextElement(false)), false);
    };
    skipBoth(9_999);
    assert.throws(() => skipBoth(10_000), { name: 'JsonError', message: 'it nests deeper than 10000 levels' });
  });
});

describe('JsonReader, steps', () => {
  /** The size of a step, plus the longest token that may overrun it: an escape. */
  const mostPerStep = 65_536 + 6;
  const million = 1_000_000;
  const long: readonly (readonly [what: string, text: string])[] = [
    ['a string', `"${'x'.repeat(million)}"`],
    ['a string of escapes', `"${'\\u00e9'.repeat(million / 6)}"`],
    ['a string of quotes', `"${'\\"'.repeat(million / 2)}"`],
    ['a name', `{"${'x'.repeat(million)}":1}`],
    ['a number', '1'.repeat(million)],
    ['a fraction', `1.${'0'.repeat(million)}`],
    ['an exponent', `1e${'0'.repeat(million)}`],
    ['blanks before a value', `${' \n\r\t'.repeat(million / 4)}1`],
    ['blanks in an array', `[${' '.repeat(million)}]`],
    ['blanks after an element', `[1${' '.repeat(million)}]`],
    ['blanks around a colon', `{"a"${' '.repeat(million / 2)}:${' '.repeat(million / 2)}1}`],
    ['small elements', `[${'1,'.repeat(million / 2)}1]`],
    ['small members', `{${'"a":1,'.repeat(million / 6)}"a":1}`],
    ['small arrays', `[${'[],'.repeat(million / 3)}1]`],
    ['small strings', `[${'"x",'.repeat(million / 4)}1]`],
    ['strings as long as a step', `[${`"${'x'.repeat(65_000)}",`.repeat(15)}1]`],
    ['deep arrays', `[${`${'['.repeat(9_000)}${']'.repeat(9_000)},`.repeat(50)}1]`],
  ];
  for (const [name, read] of ways) {
    for (const [what, text] of long) {
      it(`reads ${what} in many steps by ${name}`, () => {
        const least = Math.floor(text.length / mostPerStep);
        assert.ok(least >= 12);
        const steps = countSteps(read(new JsonReader(text)));
        assert.ok(steps >= least, `${steps} steps for ${text.length} characters`);
        assert.ok(steps <= 3 * least, `${steps} steps for ${text.length} characters`);
      });
    }
  }

  it('reads a long string in many steps, and correctly', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 20 }),
        fc.constantFrom('\\ud83d\\ude00', '😀', '\\"', '\\\\', 'é'),
        (shift, character) => {
          // The shift moves the end of a step through every place of the character.
          const text = `"${'-'.repeat(shift)}${character.repeat(30_000)}"`;
          assert.equal(run(new JsonReader(text).string()), JSON.parse(text));
        },
      ),
      { numRuns: 60 },
    );
  });
});
