import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { describe, it, type TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { History } from '../history/history.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { LiveFacts, maxLiveReaders } from './live-facts.ts';

const request = { socket: { remoteAddress: '10.0.0.7', remotePort: 38408 } } as unknown as IncomingMessage;
const everything = { needles: [], isWanted: () => true };

/** A client that takes one write at a time, when the test says so. */
class SlowClient extends Writable {
  text = '';
  #taken: (() => void) | undefined;

  writeHead(): void {}

  override _write(chunk: Buffer, _encoding: string, taken: () => void): void {
    this.text += chunk.toString();
    this.#taken = taken;
  }

  /** Reads all that there is, and goes on reading for as long as something comes. */
  async readAll(): Promise<void> {
    for (let idle = 0; idle < 20; await setImmediate()) {
      idle = this.#taken === undefined ? idle + 1 : 0;
      const taken = this.#taken;
      this.#taken = undefined;
      taken?.();
    }
  }
}

async function bench(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-live-'));
  const [clock, logger] = [new FakeClock(), new RecordingLogger()];
  const options = { clock, logger, schedule: new SliceSchedule(clock), registry: new Registry() };
  const config = { retention: 86_400_000, max_size: 1024 ** 2, payloads: 0 };
  const history = new History({ ...options, folder: join(folder, 'history'), config: () => config });
  await history.open();
  const live = new LiveFacts({ ...options, history });
  t.after(async () => {
    live.close();
    await history.close();
    await rm(folder, { recursive: true });
    assert.equal(clock.pending(), 0);
  });
  const follow = (): { readonly client: SlowClient; readonly ended: Promise<void> } => {
    const client = new SlowClient();
    const ended = live.send(request, client as unknown as ServerResponse, everything);
    return { client, ended };
  };
  /** A fact has 200 bytes. */
  const tell = async (facts: number): Promise<void> => {
    for (let index = 0; index < facts; index++) history.keep('info', 'event.emitted', '', { text: 'x'.repeat(100) });
    await history.flush();
    for (let turn = 0; turn < 20; turn++) await setImmediate();
  };
  return { clock, logger, live, history, follow, tell };
}

function idsOf({ text }: SlowClient): readonly number[] {
  return [...text.matchAll(/^id: (\d+)\ndata/gm)].map(([, id]) => Number(id));
}

describe('LiveFacts', () => {
  it('ends a reader that reads nothing while 10,000 facts a second come, and holds next to nothing for it', async (t) => {
    const { clock, logger, live, follow, tell } = await bench(t);
    const readers = Array.from({ length: maxLiveReaders }, follow);
    for (let second = 0; second < 9; second++) {
      await tell(10_000);
      for (const { client } of readers) assert.ok(client.writableLength < 128 * 1024, `${client.writableLength}`);
      await clock.advanceAsync(1000);
    }
    assert.equal(live.readers, maxLiveReaders);
    await clock.advanceAsync(2000);
    await Promise.all(readers.map(({ ended }) => ended));
    assert.deepEqual(logger.valuesOf('live.ended', 'remote', 'limit_ms')[0], ['10.0.0.7:38408', 10_000]);
    assert.equal(live.readers, 0);
  });

  it('tells a reader that was too slow of a gap, for what was forgotten in the meantime', async (t) => {
    const { follow, tell, history } = await bench(t);
    const { client } = follow();
    await tell(0);
    await tell(2000);
    await tell(10_000);
    await client.readAll();
    const ids = idsOf(client);
    const gaps = [...client.text.matchAll(/^event: gap\ndata: (.*)$/gm)].map(
      ([, gap]) => JSON.parse(gap!) as { readonly after: number; readonly before: number },
    );
    assert.equal(ids.at(-1), history.lastId);
    const missing = ids.slice(1).flatMap((id, index) => (id === ids[index]! + 1 ? [] : [[ids[index]!, id]]));
    assert.ok(missing.length > 0);
    for (const [after, before] of missing)
      assert.ok(
        gaps.some((gap) => gap.after >= after! && gap.before <= before!),
        `no gap from ${after} to ${before}: ${JSON.stringify(gaps)}`,
      );
  });
});
