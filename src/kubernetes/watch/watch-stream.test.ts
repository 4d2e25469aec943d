import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { SliceSchedule } from '../../runtime/slices.ts';
import { readWatchEvent, watchStream, StreamLines, type WatchEvent } from './watch-stream.ts';
import { objectMembers } from '../kept-object.ts';
import { ApiError } from '../api/api-error.ts';

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
    members: objectMembers,
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

function watchLine(object: object, type = 'MODIFIED'): string {
  return `${JSON.stringify({ type, object })}\n`;
}

const metadata = { name: 'ä€😀', resourceVersion: '7' };

describe('watchStream', () => {
  it('reads the same events, wherever the bytes are cut, and nothing of a half line at the end', async () => {
    const text = [
      watchLine(
        { metadata: { ...metadata, labels: { a: '\n"' } }, spec: { input: { runtime: {}, otlp: null } } },
        'ADDED',
      ),
      '\n',
      watchLine({ metadata, status: { conditions: [{ type: 'A', status: 'True', message: 'ä€😀' }, 7] } }),
      watchLine({ metadata: { resourceVersion: '9' } }, 'BOOKMARK'),
      watchLine({ metadata }).slice(0, -3),
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
    const reads = await eventsOf([
      Buffer.from(watchLine({ metadata, status: { conditions } }) + watchLine({ metadata })),
    ]);
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

const plainMetadata = { name: 'a', resourceVersion: '5' };

describe('readWatchEvent', () => {
  it('reads the events of an object and bookmarks', () => {
    for (const type of ['ADDED', 'MODIFIED', 'DELETED']) {
      assert.deepEqual(readWatchEvent({ type, object: { metadata: plainMetadata } }, ''), {
        type,
        object: { metadata: plainMetadata },
      });
    }
    const bookmark = { type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } };
    assert.deepEqual(readWatchEvent(bookmark, ''), { type: 'BOOKMARK', resourceVersion: '9' });
  });

  it('throws the status of an ERROR', () => {
    const object = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };
    assert.throws(
      () => readWatchEvent({ type: 'ERROR', object }, ''),
      (error) => error instanceof ApiError && error.status === 410 && /410 Expired: too old/.test(error.message),
    );
  });

  it('throws ApiError, and nothing else, for everything that is no event, and quotes the line', () => {
    const wrong = [null, [], '', { type: 'ADDED' }, { type: 'X', object: {} }, { type: 'ERROR' }];
    const close = [
      { type: 'ADDED', object: { metadata: { name: 'a' } } },
      { type: 'ADDED', object: { metadata: { ...metadata, namespace: {} } } },
      { type: 'BOOKMARK', object: { metadata: {} } },
    ];
    for (const found of [...wrong, ...close]) {
      const isQuoted = (error: unknown): boolean => error instanceof ApiError && error.message.includes('the line');
      assert.throws(() => readWatchEvent(found, 'the line'), isQuoted, JSON.stringify(found));
    }
    fc.assert(fc.property(fc.jsonValue(), (found) => assert.throws(() => readWatchEvent(found, ''), ApiError)));
  });
});
