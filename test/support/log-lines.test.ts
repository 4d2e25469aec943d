import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LogLines, type LogLine } from './log-lines.ts';

describe('LogLines', () => {
  it('parses JSON objects and passes over everything else', () => {
    const log = new LogLines();
    for (const text of ['', 'listening', '{broken', '[1]', '"text"', line('started', 1)]) log.add(text);
    assert.deepEqual(
      log.all.map(({ event, n }) => [event, n]),
      [['started', 1]],
    );
  });

  it('finds a line that is there already, the first one', async () => {
    const log = new LogLines();
    for (const n of [1, 2, 3]) log.add(line('tick', n));
    assert.equal((await log.waitForLine(isTick))['n'], 1);
    assert.equal((await log.waitForLine(isTick, 100, 1))['n'], 2);
  });

  it('waits for a line that is still to come, for each who asks', async () => {
    const log = new LogLines();
    log.add(line('tick', 1));
    const waiting = [log.waitForLine(isTick, 10_000, log.all.length), log.waitForLine(({ event }) => event === 'tock')];
    for (const [event, n] of [
      ['tock', 2],
      ['tick', 3],
      ['tick', 4],
    ] as const)
      log.add(line(event, n));
    assert.deepEqual(
      (await Promise.all(waiting)).map(({ n }) => n),
      [3, 2],
    );
  });

  it('rejects after the time given, with the last lines', async () => {
    const log = new LogLines();
    log.add(line('started', 1));
    await assert.rejects(
      log.waitForLine(isTick, 1),
      /^Error: no such log line, within 1 ms; .*\n\{.*"event":"started"/,
    );
  });

  it('rejects when the log ends, before or while one waits', async () => {
    const log = new LogLines();
    const waiting = assert.rejects(log.waitForLine(isTick), /no such log line, and it has ended/);
    log.end('and it has ended');
    await waiting;
    await assert.rejects(log.waitForLine(isTick), /no such log line, and it has ended/);
  });
});

const isTick = ({ event }: LogLine): boolean => event === 'tick';

function line(event: string, n: number): string {
  return JSON.stringify({ time: '2026-11-21T03:00:00.000Z', level: 'info', event, msg: event, n });
}
