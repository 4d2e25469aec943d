import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { StreamLines } from './stream-lines.ts';

async function* streamOf(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  yield* chunks;
}

async function readText(line: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of line) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function linesOf(chunks: Iterable<Uint8Array>, onChunk = (): void => undefined): Promise<string[]> {
  const stream = new StreamLines(streamOf(chunks), onChunk);
  const lines: string[] = [];
  for (let line = await stream.next(readText); line !== undefined; line = await stream.next(readText))
    lines.push(line.value);
  return lines;
}

describe('StreamLines', () => {
  it('gives the same lines however the bytes are cut into chunks', async () => {
    const line = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((text) => !text.includes('\n') && !/^[ \t\r]/.test(text));
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
    assert.deepEqual(await linesOf([Buffer.from('a\n\r\n\n \nb')]), ['a']);
    assert.deepEqual(await linesOf([]), []);
  });

  it('tells of every chunk', async () => {
    let chunks = 0;
    const lines = await linesOf([Buffer.from('a'), Buffer.from('b'), Buffer.from('\n')], () => chunks++);
    assert.deepEqual([lines, chunks], [['ab'], 3]);
  });

  it('fails with what the reading of a line fails with, but not for half a line', async () => {
    const fail = async (line: AsyncIterable<Uint8Array>): Promise<never> => {
      throw new Error(`cannot read ${await readText(line)}`);
    };
    const stream = new StreamLines(streamOf([Buffer.from('a\nb')]), () => undefined);
    await assert.rejects(stream.next(fail), { message: 'cannot read a' });
    assert.equal(await stream.next(fail), undefined);
  });

  it('fails with what the stream fails with, in the middle of a line as well', async () => {
    async function* broken(): AsyncGenerator<Uint8Array, void> {
      yield Buffer.from('a');
      throw new Error('reset');
    }
    await assert.rejects(new StreamLines(broken(), () => undefined).next(readText), { message: 'reset' });
  });
});
