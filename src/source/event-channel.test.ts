import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { EventChannel } from './event-channel.ts';

const joined = (earlier: string, later: string): string => `${earlier}+${later}`;

/** The result of a promise that has to settle before the next turn of the event loop. */
async function soon<T>(promise: Promise<T>): Promise<T> {
  const nextTurn = new Promise<never>((_, reject) => setImmediate(() => reject(new Error('nothing was given out'))));
  return Promise.race([promise, nextTurn]);
}

describe('EventChannel', () => {
  it('gives out events in the order of their puts', async () => {
    const channel = new EventChannel<string>(() => 3, joined);
    assert.deepEqual(
      ['a', 'b', 'c'].map((event) => channel.put(event)),
      ['waiting', 'waiting', 'waiting'],
    );
    assert.deepEqual(
      [await soon(channel.take()), await soon(channel.take()), await soon(channel.take())],
      ['a', 'b', 'c'],
    );
  });

  it('hands an event straight to the receiver that waits', async () => {
    const channel = new EventChannel<string>(() => 1, joined);
    const taken = channel.take();
    assert.equal(channel.put('a'), 'delivered');
    assert.equal(channel.depth, 0);
    assert.equal(channel.put('b'), 'waiting');
    assert.deepEqual([await soon(taken), await soon(channel.take())], ['a', 'b']);
  });

  it('merges into the newest waiting event when it is full', async () => {
    const channel = new EventChannel<string>(() => 2, joined);
    channel.put('a');
    channel.put('b');
    assert.equal(channel.put('c'), 'merged');
    assert.equal(channel.put('d'), 'merged');
    assert.equal(channel.depth, 2);
    assert.deepEqual([await soon(channel.take()), await soon(channel.take())], ['a', 'b+c+d']);
    assert.equal(channel.put('e'), 'waiting');
  });

  it('reports how many events wait and how many may wait', async () => {
    const channel = new EventChannel<string>(() => 2, joined);
    assert.equal(channel.capacity, 2);
    const depths = [channel.depth];
    for (const event of ['a', 'b', 'c']) {
      channel.put(event);
      depths.push(channel.depth);
    }
    await soon(channel.take());
    assert.deepEqual([...depths, channel.depth], [0, 1, 2, 2, 1]);
  });

  it('can be emptied after it is closed, and then reports its end again and again', async () => {
    const channel = new EventChannel<string>(() => 2, joined);
    channel.put('a');
    channel.put('b');
    channel.close();
    assert.deepEqual([await soon(channel.take()), await soon(channel.take())], ['a', 'b']);
    assert.deepEqual([await soon(channel.take()), await soon(channel.take())], [undefined, undefined]);
  });

  it('accepts nothing once it is closed', async () => {
    const channel = new EventChannel<string>(() => 2, joined);
    channel.close();
    assert.equal(channel.put('a'), 'closed');
    assert.equal(channel.depth, 0);
    assert.equal(await soon(channel.take()), undefined);
  });

  it('ends the wait of the receiver when it is closed', async () => {
    const channel = new EventChannel<string>(() => 2, joined);
    const taken = channel.take();
    channel.close();
    channel.close();
    assert.equal(await soon(taken), undefined);
  });

  it('refuses a second receiver while one waits, and goes on serving the first', async () => {
    const channel = new EventChannel<string>(() => 2, joined);
    const taken = channel.take();
    assert.throws(() => channel.take(), /has a receiver that waits already/);
    channel.put('a');
    assert.equal(await soon(taken), 'a');
    const next = channel.take();
    channel.put('b');
    assert.equal(await soon(next), 'b');
  });

  it('loses nothing, and keeps the order and its bound, however puts and takes alternate', async () => {
    const steps = fc.array(fc.constantFrom('put', 'put', 'take'), { maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), steps, async (capacity, sequence) => {
        const channel = new EventChannel<number[]>(
          () => capacity,
          (earlier, later) => [...earlier, ...later],
        );
        const taken: Promise<number[] | undefined>[] = [];
        const waiting: number[][] = [];
        let [puts, receivers] = [0, 0];
        for (const step of sequence) {
          if (step === 'put') {
            const event = [puts++];
            const full = waiting.length === capacity;
            const expected = receivers > 0 ? 'delivered' : full ? 'merged' : 'waiting';
            assert.equal(channel.put(event), expected);
            if (expected === 'delivered') receivers = 0;
            else if (expected === 'waiting') waiting.push(event);
            else waiting.at(-1)!.push(...event);
          } else if (receivers === 0) {
            taken.push(channel.take());
            if (waiting.length > 0) assert.deepEqual(await soon(taken.at(-1)!), waiting.shift());
            else receivers = 1;
          }
          assert.equal(channel.depth, waiting.length);
          assert.ok(channel.depth <= capacity);
        }
        channel.close();
        while (channel.depth > 0) taken.push(channel.take());
        const events = await soon(Promise.all(taken));
        assert.deepEqual(
          events.flatMap((event) => event ?? []),
          Array.from({ length: puts }, (_, id) => id),
        );
      }),
    );
  });
});
