import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PostableAlert } from '../../alert/alert.ts';
import type { Clock } from '../../runtime/clock.ts';
import { slicedBodyBytes } from '../../text/json-stream.ts';
import { SliceSchedule, Slices } from '../../runtime/slices.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { readBatch } from './batch.ts';

const clock = new FakeClock();

function slices(time: Clock = clock): Slices {
  return new Slices(new SliceSchedule(time), 'bodies');
}

async function read(text: string, time: Clock = clock): Promise<PostableAlert[]> {
  const alerts: PostableAlert[] = [];
  const batch = await readBatch(Buffer.from(text), 3, slices(time));
  await batch.forEach((alert) => alerts.push(alert));
  return alerts;
}

/** The JSON of some alerts, one of them with too many labels, padded with spaces to be larger than what is read at once. */
function body(alerts: number, padding = 0): string {
  const list = Array.from({ length: alerts }, (_, n) => ({
    labels: n === 1 ? { a: '1', b: '2', c: '3', d: '4' } : { alertname: `A${n}`, empty: '' },
    annotations: { summary: 'é' },
    startsAt: '2026-11-21T03:00:00.5Z',
  }));
  return JSON.stringify(list) + ' '.repeat(padding);
}

describe('readBatch', () => {
  it('gives the alerts of a usual body in order', async () => {
    const alerts = await read(body(3));
    assert.deepEqual(
      alerts.map(({ labels }) => labels),
      [{ alertname: 'A0' }, { a: '1', b: '2', c: '3', d: '4' }, { alertname: 'A2' }],
    );
    assert.equal(alerts[0]?.startsAt, Date.parse('2026-11-21T03:00:00.500Z'));
    assert.match(alerts[1]?.invalid ?? '', /max_labels_per_alert/);
    assert.deepEqual([alerts[0].invalid, alerts[2]?.invalid], [undefined, undefined]);
  });

  it('gives the same alerts of a large body', async () => {
    assert.deepEqual(await read(body(100, slicedBodyBytes)), await read(body(100)));
  });

  it('can go through a body more than once', async () => {
    for (const padding of [0, slicedBodyBytes]) {
      const batch = await readBatch(Buffer.from(body(2, padding)), 3, slices());
      let count = 0;
      for (let round = 0; round < 2; round++) await batch.forEach(() => count++);
      assert.equal(count, 4);
    }
  });

  it('treats null labels as missing, however large the body is', async () => {
    for (const padding of [0, slicedBodyBytes]) {
      await assert.rejects(read(`[{"labels":null}]${' '.repeat(padding)}`), { name: 'BatchError', status: 422 });
    }
  });

  it('gives no batch of a body whose last alert breaks the schema', async () => {
    for (const alerts of [3, 10_000]) {
      const broken = body(alerts).replace(/\]$/, ',{"labels":{"a":5}}]');
      assert.equal(broken.length > slicedBodyBytes, alerts === 10_000);
      await assert.rejects(read(broken), { name: 'BatchError', status: 400, code: 400 });
    }
  });

  it('reports the width of the characters', async () => {
    const widths = await Promise.all(
      ['[]', '[{"labels":{"a":"é"}}]'].map(async (text) => readBatch(Buffer.from(text), 3, slices())),
    );
    assert.deepEqual(
      widths.map(({ characterBytes }) => characterBytes),
      [1, 2],
    );
  });

  it('yields while it reads a large body, and while it gives the alerts of any', async () => {
    let now = 0;
    const busy: Clock = { now: () => (now += 10), monotonic: () => now, setTimeout: () => () => undefined };
    const large = Buffer.from(body(1000, slicedBodyBytes));
    assert.ok((await turnsDuring(async () => readBatch(large, 3, slices(busy)))) > 20);
    const batch = await readBatch(Buffer.from(body(1000)), 3, slices(busy));
    assert.ok((await turnsDuring(async () => batch.forEach(() => undefined))) > 20);
  });
});

/** The number of turns of the event loop that other work had meanwhile. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let next = setImmediate(function turn() {
    turns++;
    next = setImmediate(turn);
  });
  await work();
  clearImmediate(next);
  return turns;
}
