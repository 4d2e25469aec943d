import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FactRing, linesWith } from './fact-ring.ts';

const none: readonly Buffer[] = [];

function linesOf(ring: FactRing): readonly string[] {
  return ring.chunks.flatMap((chunk) => [...linesWith(chunk, none)]);
}

describe('FactRing', () => {
  it('keeps the newest lines within its bound, and returns the lines that it dropped', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '😀', ' '), maxLength: 40 }), { maxLength: 200 }),
        fc.integer({ min: 64, max: 4096 }),
        (texts, maxBytes) => {
          const ring = new FactRing(maxBytes);
          const gone: string[] = [];
          for (const [index, text] of texts.entries()) {
            gone.push(...ring.append(index, index, text).flatMap((chunk) => [...linesWith(chunk, none)]));
            assert.ok(ring.bytes <= Math.max(maxBytes, Buffer.byteLength(text) + 1), `${ring.bytes} of ${maxBytes}`);
          }
          assert.deepEqual([...gone, ...linesOf(ring)], texts);
          assert.equal(ring.lastId, texts.length === 0 ? undefined : texts.length - 1);
          assert.equal(ring.firstId, linesOf(ring).length === 0 ? undefined : texts.length - linesOf(ring).length);
        },
      ),
    );
  });

  it('takes the memory of what went again, unless its bytes are still to be written', () => {
    const ring = new FactRing(800);
    for (let id = 1; id <= 8; id++) ring.append(id, id, `${id}`.repeat(90));
    const [first, second] = ring.chunks;
    const firstBytes = first!.bytes;
    const unsaved = first!.bytes.subarray(0, first!.used).toString();
    ring.append(9, 9, '9'.repeat(90), 1);
    assert.equal(firstBytes.subarray(0, unsaved.length).toString(), unsaved);
    ring.append(10, 10, 'a'.repeat(90), 10);
    assert.equal(ring.chunks.at(-1)!.bytes, second!.bytes);
    assert.deepEqual([...linesWith(second!, none)], []);
    assert.deepEqual(
      linesOf(ring).map((line) => line[0]),
      ['3', '4', '5', '6', '7', '8', '9', 'a'],
    );
  });

  it('finds the lines that contain all needles', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'é'), maxLength: 6 });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 50 }), fc.array(text, { maxLength: 3 }), (texts, needles) => {
        const ring = new FactRing(100_000);
        for (const [index, line] of texts.entries()) ring.append(index, index, line);
        const wanted = needles.filter((needle) => needle !== '').map((needle) => Buffer.from(needle));
        const expected = texts.filter((line) => needles.every((needle) => line.includes(needle)));
        const found = ring.chunks.flatMap((chunk) => [...linesWith(chunk, wanted)]);
        assert.deepEqual(found, expected);
        const newestFirst = ring.chunks.toReversed().flatMap((chunk) => [...linesWith(chunk, wanted, true)]);
        assert.deepEqual(newestFirst, expected.toReversed());
      }),
    );
  });

  it('gives a line at a time, and none after the memory of the chunk was used again', () => {
    for (const newestFirst of [false, true]) {
      const ring = new FactRing(800);
      for (let id = 1; id <= 24; id++) ring.append(id, id, `${id}`.padEnd(30, '.'));
      const [chunk] = ring.chunks;
      const read = linesWith(chunk!, none, newestFirst)[Symbol.iterator]();
      assert.match(String(read.next().value), newestFirst ? /^3\./ : /^1\./);
      for (let id = 25; id <= 30; id++) ring.append(id, id, `${id}`.padEnd(30, '.'), id);
      assert.deepEqual(read.next(), { done: true, value: undefined });
    }
  });

  it('forgets old lines, a chunk at a time', () => {
    const ring = new FactRing(800);
    for (let id = 1; id <= 8; id++) ring.append(id, id * 1000, 'x'.repeat(90));
    ring.forgetBefore(4000);
    assert.equal(ring.firstId, 4);
    ring.forgetBefore(100_000);
    assert.deepEqual([ring.firstId, ring.bytes], [undefined, 0]);
  });

  it('adds older lines in front while there is room', () => {
    const ring = new FactRing(1000);
    ring.append(10, 10, 'new');
    const old = { bytes: Buffer.from('old\n'), used: 4, lines: 1, firstId: 1, lastId: 1, lastTime: 1 };
    assert.ok(ring.prepend(old));
    assert.deepEqual(linesOf(ring), ['old', 'new']);
    assert.ok(!ring.prepend({ ...old, bytes: Buffer.alloc(1000) }));
  });

  it('frees room when its bound gets smaller', () => {
    const ring = new FactRing(10_000);
    for (let id = 1; id <= 100; id++) ring.append(id, id, 'x'.repeat(90));
    ring.resize(2500);
    assert.ok(ring.bytes <= 2500);
    assert.equal(ring.lastId, 100);
    ring.resize(0);
    assert.equal(ring.bytes, 0);
  });
});
