import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { streamLines } from './stream-lines.ts';

async function linesOf(chunks: Iterable<Uint8Array>, maxBytes = 1000): Promise<string[]> {
  async function* stream() {
    yield* chunks;
  }
  const lines: string[] = [];
  for await (const line of streamLines(stream(), maxBytes, () => undefined)) lines.push(line);
  return lines;
}

describe('streamLines', () => {
  it('gives the same lines however the bytes are cut into chunks', async () => {
    const line = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((text) => !text.includes('\n') && text.trim() === text);
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.array(fc.nat({ max: 30 })), async (lines, sizes) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
        const chunks: Uint8Array[] = [];
        let at = 0;
        for (const size of sizes) chunks.push(bytes.subarray(at, (at += size)));
        chunks.push(bytes.subarray(at));
        assert.deepEqual(await linesOf(chunks), lines);
      }),
    );
  });

  it('leaves out what has no line feed at the end, and empty lines', async () => {
    assert.deepEqual(await linesOf([Buffer.from('a\n\r\n\nb')]), ['a']);
  });

  it('stops at a line that is too long, in one chunk or in many', async () => {
    const chunk = Buffer.alloc(600, 'x');
    await assert.rejects(linesOf([chunk, chunk]), /longer than 1000 bytes/);
    assert.equal((await linesOf([chunk, Buffer.from('\n'), chunk, Buffer.from('\n')])).length, 2);
  });

  it('tells of every chunk', async () => {
    let chunks = 0;
    async function* stream() {
      yield* [Buffer.from('a'), Buffer.from('b'), Buffer.from('\n')];
    }
    for await (const line of streamLines(stream(), 10, () => chunks++)) assert.equal(line, 'ab');
    assert.equal(chunks, 3);
  });
});
