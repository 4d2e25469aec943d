import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readEvents, type ServerEvent } from './events.ts';

async function eventsIn(pieces: readonly (Buffer | string)[]): Promise<ServerEvent[]> {
  async function* source(): AsyncGenerator<Buffer | string, void> {
    for (const piece of pieces) yield await Promise.resolve(piece);
  }
  const events: ServerEvent[] = [];
  for await (const event of readEvents(source())) events.push(event);
  return events;
}

describe('readEvents', () => {
  it('reads id, event and data, and passes over comments', async () => {
    const text = 'retry: 1000\nid: 7\n\n: still here\n\nid: 8\nevent: gap\ndata: {"a":\ndata: 1}\n\nid: 9\ndata: cut';
    assert.deepEqual(await eventsIn([text]), [
      { id: '7', event: undefined, data: '' },
      { id: '8', event: 'gap', data: '{"a":\n1}' },
    ]);
  });

  it('reads the same however the bytes are cut', async () => {
    const bytes = Buffer.from('id: 1\ndata: {"x":"é🔥"}\n\n: beat\n\nid: 2\ndata: →\n\n');
    const whole = await eventsIn([bytes]);
    assert.equal(whole.length, 2);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length)), async (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const pieces = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        assert.deepEqual(await eventsIn(pieces), whole);
      }),
    );
  });
});
