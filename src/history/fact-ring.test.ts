import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FactRing, linesWith } from './fact-ring.ts';

const none: readonly Buffer[] = [];

function linesOf(ring: FactRing): readonly string[] {
  return ring.chunks.flatMap((chunk) => [...linesWith(chunk, none)]);
}

describe('FactRing', () => {
  it('keeps the newest lines within its bound, and returns how many it dropped', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '😀', ' '), maxLength: 40 }), { maxLength: 200 }),
        fc.integer({ min: 64, max: 4096 }),
        (texts, maxBytes) => {
          const ring = new FactRing(maxBytes);
          let gone = 0;
          for (const [index, text] of texts.entries()) {
            for (const chunk of ring.append(index, index, text)) gone += chunk.lines;
            assert.ok(ring.bytes <= Math.max(maxBytes, Buffer.byteLength(text) + 1), `${ring.bytes} of ${maxBytes}`);
          }
          assert.deepEqual(linesOf(ring), texts.slice(gone));
          assert.equal(ring.lastId, texts.length === 0 ? undefined : texts.length - 1);
          assert.equal(ring.firstId, linesOf(ring).length === 0 ? undefined : texts.length - linesOf(ring).length);
        },
      ),
    );
  });

  it('reuses the memory of what went, unless its bytes are being written', () => {
    const ring = new FactRing(800);
    for (let id = 1; id <= 8; id++) ring.append(id, id, `${id}`.repeat(90));
    const [first, second] = ring.chunks;
    const lent = ring.lend()!.pieces[0]!;
    ring.append(9, 9, '9'.repeat(90));
    assert.equal(lent.toString(), `${'1'.repeat(90)}\n`);
    ring.giveBack();
    ring.append(10, 10, 'a'.repeat(90));
    ring.append(11, 11, 'b'.repeat(90));
    assert.ok(ring.chunks.every(({ bytes }) => bytes !== first!.bytes));
    assert.equal(ring.chunks.at(-2)!.bytes, second!.bytes);
    assert.deepEqual([...linesWith(second!, none)], []);
    assert.deepEqual(
      linesOf(ring).map((line) => line[0]),
      ['4', '5', '6', '7', '8', '9', 'a', 'b'],
    );
  });

  it('lends each line once, the oldest first, unless it was dropped before', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '😀'), maxLength: 40 });
    const step = fc.oneof({ weight: 5, arbitrary: text }, { weight: 1, arbitrary: fc.constant('lend' as const) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 64, max: 4096 }), (steps, maxBytes) => {
        const ring = new FactRing(maxBytes);
        const lent: string[] = [];
        let lastLent: number | undefined;
        const lend = (): void => {
          const before = ring.unsavedBytes;
          const { pieces = [], firstId = 0, lastId = 0 } = ring.lend() ?? {};
          assert.equal(before, Buffer.concat([...pieces]).length);
          const lines = pieces.flatMap((piece) => piece.toString().split('\n').slice(0, -1));
          const ids = lines.map((line) => Number.parseInt(line));
          // The number of an id that another step took may be the first.
          if (ids.length > 0) assert.ok(firstId > (lastLent ?? -1) && firstId <= ids[0]! && lastId === ids.at(-1));
          lastLent = ids.at(-1) ?? lastLent;
          lent.push(...lines);
          assert.equal(ring.unsavedBytes, 0);
          ring.giveBack();
        };
        let dropped = 0;
        for (const [index, one] of steps.entries()) {
          const id = index + 1;
          if (one === 'lend') lend();
          else for (const { lines } of ring.append(id, id, `${id} ${one}`)) dropped += lines;
        }
        lend();
        const all = steps.flatMap((one, index) => (one === 'lend' ? [] : [`${index + 1} ${one}`]));
        const lost = all.filter((line) => !lent.includes(line));
        assert.deepEqual(
          lent,
          all.filter((line) => lent.includes(line)),
        );
        assert.ok(lost.length <= dropped);
      }),
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
      for (let id = 25; id <= 30; id++) ring.append(id, id, `${id}`.padEnd(30, '.'));
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
    const old = { bytes: Buffer.from('old\n'), used: 4, saved: 4, lines: 1, firstId: 1, lastId: 1, lastTime: 1 };
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
