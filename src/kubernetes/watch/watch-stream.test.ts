import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { SliceSchedule } from '../../runtime/slice-schedule.ts';
import type { WatchEvent } from './watch-event.ts';
import { watchStream } from './watch-stream.ts';

interface Read {
  readonly event: WatchEvent;
  readonly isCut: boolean;
}

async function eventsOf(chunks: readonly Uint8Array[]): Promise<readonly Read[]> {
  const clock = new FakeClock();
  const read: Read[] = [];
  const events = watchStream({
    client: { open: async () => Readable.from(chunks) },
    clock,
    schedule: new SliceSchedule(clock),
    idleMs: 1000,
    call: { method: 'GET', path: '/widgets' },
    signal: new AbortController().signal,
    onOpen: () => undefined,
  });
  for await (const { event, allowance } of events) read.push({ event, isCut: allowance.isSpent });
  return read;
}

function cut(bytes: Buffer, sizes: readonly number[]): readonly Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    chunks.push(bytes.subarray(at, (at += size)));
  }
  return chunks;
}

function line(object: object, type = 'MODIFIED'): string {
  return `${JSON.stringify({ type, object })}\n`;
}

const metadata = { name: 'ä€😀', resourceVersion: '7' };

describe('watchStream', () => {
  it('reads the same events, wherever the bytes are cut, and nothing of a half line at the end', async () => {
    const text = [
      line({ metadata: { ...metadata, labels: { a: '\n"' } }, spec: { input: { runtime: {}, otlp: null } } }, 'ADDED'),
      '\n',
      line({ metadata, status: { conditions: [{ type: 'A', status: 'True', message: 'ä€😀' }, 7] } }),
      line({ metadata: { resourceVersion: '9' } }, 'BOOKMARK'),
      line({ metadata }).slice(0, -3),
    ].join('');
    const bytes = Buffer.from(text);
    const whole = await eventsOf([bytes]);
    assert.deepEqual(
      whole.map(({ event }) => event),
      [
        { type: 'ADDED', object: { metadata, spec: { input: { runtime: true, otlp: null } } } },
        {
          type: 'MODIFIED',
          object: { metadata, status: { conditions: [{ type: 'A', status: 'True', message: 'ä€😀' }, 7] } },
        },
        { type: 'BOOKMARK', resourceVersion: '9' },
      ],
    );
    const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(sizes, async (lengths) => assert.deepEqual(await eventsOf(cut(bytes, lengths)), whole)),
    );
  });

  it('makes nothing of members that nobody needs, however long they are', async () => {
    const empties = `${'[],'.repeat(1_000_000)}[]`;
    const text = `{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"7"},"other":[${empties}]}}\n`;
    const [read] = await eventsOf(cut(Buffer.from(text), [65_536]));
    const object = { metadata: { name: 'a', resourceVersion: '7' } };
    assert.deepEqual(read, { event: { type: 'ADDED', object }, isCut: false });
  });

  it('says that an object is cut of which more is needed than may be kept, and goes on', async () => {
    const conditions = Array.from({ length: 3000 }, () => ({ type: 'A', status: 'True' }));
    const reads = await eventsOf([Buffer.from(line({ metadata, status: { conditions } }) + line({ metadata }))]);
    assert.deepEqual(
      reads.map(({ isCut }) => isCut),
      [true, false],
    );
  });

  it('ends with an ApiError at a line that is no JSON', async () => {
    await assert.rejects(eventsOf([Buffer.from('{"no event"\n')]), {
      reason: 'NotJson',
      message: 'a line of the watch is no event: {"no event"',
    });
  });
});
