import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { JsonError } from './json-scanner.ts';
import { Allowance, type Selection } from './json-selection.ts';
import { jsonValue } from './json.fixture.ts';
import { JsonStream } from './json-stream.ts';
import { SliceSchedule, Slices } from '../runtime/slices.ts';

async function* cut(bytes: Uint8Array, lengths: readonly number[]): AsyncGenerator<Uint8Array, void> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = lengths[turn % lengths.length] ?? bytes.length;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

function streamOf(text: string, lengths: readonly number[]): JsonStream {
  const slices = new Slices(new SliceSchedule(new FakeClock()), 'answers of Prometheus');
  return new JsonStream(cut(Buffer.from(text), lengths), 1024 * 1024 * 1024, slices);
}

function readWhole(text: string, lengths: readonly number[]): Promise<unknown> {
  return streamOf(text, lengths).read((reader) => reader.value());
}

/** At least one byte each. */
const chunkLengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 10 });
const plenty = (): Allowance => new Allowance(Number.MAX_SAFE_INTEGER);

async function outcome(work: Promise<unknown>): Promise<unknown> {
  try {
    return { value: await work };
  } catch (error) {
    assert.ok(error instanceof JsonError, String(error));
    return { refused: error.message };
  }
}

describe('JsonStream', () => {
  it('reads any value, wherever its bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(jsonValue, chunkLengths, async ({ text, value }, lengths) => {
        const wellFormed = Buffer.from(text).toString();
        fc.pre(wellFormed === text);
        assert.deepEqual(await readWhole(text, lengths), value);
      }),
    );
  });

  it('refuses the same texts, in the same words, wherever the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(jsonValue, fc.nat(), chunkLengths, async ({ text }, at, lengths) => {
        const broken = text.slice(0, at % (text.length + 1)).toWellFormed();
        const whole = await outcome(readWhole(broken, [1024 * 1024]));
        assert.deepEqual(await outcome(readWhole(broken, lengths)), whole);
        const skipped = await outcome(streamOf(broken, lengths).read((reader) => reader.skip()));
        assert.deepEqual(Object.keys(skipped as object), Object.keys(whole as object));
      }),
      { numRuns: 300 },
    );
  });

  it('selects the same from a text that is read piece by piece and from a short one', async () => {
    const any: Selection[] = ['scalar', 'presence', 'whole'];
    const selection = fc.letrec<{ tree: Selection; leaf: Selection }>((tie) => ({
      leaf: fc.constantFrom(...any),
      tree: fc.oneof(
        { depthSize: 'small' },
        tie('leaf'),
        fc.record({ everyMember: tie('tree') }),
        fc.record({ everyElement: tie('tree') }),
        fc.record({ members: fc.dictionary(fc.constantFrom('', 'a', '__proto__', 'constructor'), tie('tree')) }),
      ),
    })).tree;
    const long = ' '.repeat(500_000);
    await fc.assert(
      fc.asyncProperty(jsonValue, selection, async ({ deduplicated: text }, selected) => {
        const short = await streamOf(text, [65_536]).select(selected, plenty);
        assert.deepEqual(await streamOf(long + text, [65_536]).select(selected, plenty), short);
      }),
      { numRuns: 200 },
    );
  });

  it('keeps no more than it is allowed, and still reads to the end', async () => {
    const text = JSON.stringify({ a: Array.from({ length: 1000 }, (_, i) => `text ${i}`), z: 1 });
    for (const whole of [text, ' '.repeat(500_000) + text]) {
      const allowance = new Allowance(1000);
      const kept = await streamOf(whole, [65_536]).select('whole', () => allowance);
      assert.equal(allowance.isSpent, true);
      assert.ok(JSON.stringify(kept).length < 1000);
    }
  });

  it('keeps no more of a long string than is allowed', async () => {
    const text = `"${'x'.repeat(10_000_000)}"`;
    assert.equal(await streamOf(text, [65_536]).select('scalar', () => new Allowance(1000)), '');
  });

  it('refuses a number that is too long to be one', async () => {
    const digits = '1'.repeat(200_000);
    await assert.rejects(readWhole(`[${digits}]`, [65_536]), /the number at character 1 has more than 1024 characters/);
    assert.deepEqual(await streamOf(`[${digits}]`, [65_536]).read((reader) => reader.skip()), undefined);
  });

  it('remembers how the text began', async () => {
    const stream = streamOf('<html>', [3]);
    await assert.rejects(stream.select('whole', plenty), JsonError);
    assert.equal(stream.head, '<html>');
  });

  it('cancels the stream as soon as it is known to be wrong', async () => {
    const bytes = cut(Buffer.alloc(10_000_000, 'x'), [65_536]);
    const slices = new Slices(new SliceSchedule(new FakeClock()), 'answers of Prometheus');
    await assert.rejects(
      new JsonStream(bytes, Number.MAX_SAFE_INTEGER, slices).read((reader) => reader.value()),
      JsonError,
    );
    assert.deepEqual(await bytes.next(), { done: true, value: undefined });
  });
});
