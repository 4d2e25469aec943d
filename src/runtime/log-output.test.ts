import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from './clock.fixture.ts';
import { maxUnreadBytes, paced } from './log-output.ts';
import { createLogger, type DeferringLogger, type LogFields } from './logger.ts';

/** A pipe: what is written waits for a reader. */
class UnreadPipe extends Writable {
  readonly #read: string[] = [];
  #done: (() => void) | undefined;
  isRead = false;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#read.push(chunk.toString());
    if (this.isRead) done();
    else this.#done = done;
  }

  /** Resolves when nothing waits any longer. */
  async readAll(): Promise<readonly LogFields[]> {
    this.isRead = true;
    const drained = new Promise<void>((resolve) => this.once('drain', resolve));
    this.#done?.();
    await drained;
    return this.#read.flatMap((chunk) => chunk.trimEnd().split('\n')).map((line) => JSON.parse(line) as LogFields);
  }
}

const kibibyte = 'x'.repeat(1024);

function newLog(defer?: (write: () => void) => void): { pipe: UnreadPipe; logger: DeferringLogger } {
  const pipe = new UnreadPipe();
  const logger = createLogger({
    level: 'info',
    format: 'json',
    clock: new FakeClock(),
    stream: pipe,
    ...(defer !== undefined && { defer }),
  });
  return { pipe, logger };
}

function write(logger: DeferringLogger, lines: number): void {
  for (let line = 0; line < lines; line++) logger.info('e', 'm', { line, text: kibibyte });
}

describe('LogOutput', () => {
  it('holds no more than its bound for a reader that does not read', () => {
    const { pipe, logger } = newLog();
    write(logger, 10_000);
    assert.ok(pipe.writableLength <= maxUnreadBytes + 2 * kibibyte.length, `${pipe.writableLength} bytes wait`);
    assert.ok(logger.droppedLines > 5000);
  });

  it('drops nothing while the reader reads', () => {
    const { pipe, logger } = newLog();
    pipe.isRead = true;
    write(logger, 10_000);
    assert.equal(logger.droppedLines, 0);
  });

  it('reports the number of dropped lines once the reader has caught up, and goes on', async () => {
    const { pipe, logger } = newLog();
    write(logger, 10_000);
    const read = await pipe.readAll();
    const told = read.at(-1)!;
    assert.deepEqual(
      [told['event'], told['level'], told['lines'], told['max_unread_bytes']],
      ['log.dropped', 'warn', logger.droppedLines, maxUnreadBytes],
    );
    assert.equal(read.length - 1 + logger.droppedLines, 10_000);
    logger.info('e', 'again');
    assert.equal(pipe.writableLength, 0);
  });

  it('counts every line of a deferred write', () => {
    const writes: (() => void)[] = [];
    const { logger } = newLog((flush) => writes.push(flush));
    write(logger, 5000);
    for (const flush of writes) flush();
    const dropped = logger.droppedLines;
    write(logger, 7);
    logger.flush();
    assert.equal(logger.droppedLines, dropped + 7);
  });

  it('loses no line without counting it, whenever the reader reads', async () => {
    const steps = fc.array(fc.oneof(fc.nat({ max: 6000 }), fc.constant('read' as const)), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(steps, async (actions) => {
        const { pipe, logger } = newLog();
        let written = 0;
        for (const action of actions) {
          if (action !== 'read') {
            write(logger, action);
            written += action;
          } else if (pipe.writableLength > pipe.writableHighWaterMark) {
            await pipe.readAll();
            pipe.isRead = false;
          }
        }
        if (pipe.writableLength <= pipe.writableHighWaterMark) return;
        const read = await pipe.readAll();
        assert.equal(read.filter((line) => line['event'] === 'e').length + logger.droppedLines, written);
      }),
      { numRuns: 20 },
    );
  });
});

describe('paced', () => {
  function bench() {
    const clock = new FakeClock();
    const soon: (() => void)[] = [];
    const ran: string[] = [];
    const defer = paced(clock, { calls: 2, windowMs: 20 }, (run) => soon.push(run));
    const call = (name: string): void => defer(() => ran.push(name));
    const endTurn = (): void => soon.splice(0).forEach((run) => run());
    return { clock, ran, call, endTurn };
  }

  it('calls at the end of the turn if it was quiet', () => {
    const { clock, ran, call, endTurn } = bench();
    for (const name of ['a', 'b', 'c']) {
      call(name);
      assert.ok(!ran.includes(name));
      endTurn();
      assert.ok(ran.includes(name));
      clock.advance(20);
    }
  });

  it('defers a call beyond the limit to the end of the window', () => {
    const { clock, ran, call, endTurn } = bench();
    for (const name of ['a', 'b', 'c']) {
      call(name);
      endTurn();
      clock.advance(1);
    }
    assert.deepEqual(ran, ['a', 'b']);
    clock.advance(16);
    assert.deepEqual(ran, ['a', 'b']);
    clock.advance(1);
    assert.deepEqual(ran, ['a', 'b', 'c']);
    assert.equal(clock.pending(), 0);
  });

  it('waits for nothing after the clock was set back', () => {
    const { clock, ran, call, endTurn } = bench();
    for (const name of ['a', 'b', 'c']) {
      call(name);
      endTurn();
      clock.advance(-1);
    }
    assert.deepEqual(ran, ['a', 'b', 'c']);
  });
});
