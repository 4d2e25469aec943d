import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { BrokenPrometheus } from '../broken-prometheus.ts';
import { becomes, push } from '../effects.ts';
import { Tally, type Fault, type FaultOptions, type FaultResult } from '../fault.ts';
import { startVictim } from '../victim.ts';

const minute = 60_000;
const day = 24 * 60 * minute;

/** The offsets of the clock from the true time, one after the other. */
const offsets = [10 * minute, 0, -10 * minute, 0, day, 0, -day, 0] as const;

/** The machine's clock jumps; Prometheus runs elsewhere and keeps the time. */
export const clockJumps: Fault = {
  name: 'clock jumps, ±10 min and ±1 d',
  guard: {
    file: 'prometheus/shared-snapshot.ts',
    from: 'return startedAt >= notBefore && startedAt <= now;',
    to: 'return startedAt >= notBefore;',
  },
  run: (options) => jump(options, true),
};

/** The same when the received alerts are the source of truth, and their sender's clock jumps too. */
export const clockJumpsStandalone: Fault = {
  name: 'clock jumps without a Prometheus',
  guard: {
    file: 'standalone/stored-alert-source.ts',
    from: 'return takenAt > notBefore && takenAt <= now;',
    to: 'return takenAt > notBefore;',
  },
  run: (options) => jump(options, false),
};

async function jump({ quick, main }: FaultOptions, asksPrometheus: boolean): Promise<FaultResult> {
  const tally = new Tally();
  const prometheus = await BrokenPrometheus.start();
  const folder = await mkdtemp(join(tmpdir(), 'torture-clock-'));
  const file = join(folder, 'offset');
  const victim = await startVictim({
    nodeArgs: ['--import', new URL('../shift-clock.ts', import.meta.url).href],
    environment: { TORTURE_CLOCK: file },
    args: asksPrometheus ? [`--prometheus.url=${prometheus.url}`] : [],
    // By a clock that is behind the sender's, an ended alert is pushed as firing, which delays a recovery by the grace.
    config: 'prometheus: {heal_grace: 2s}\n',
    ...(main !== undefined && { main }),
  });
  let firing = false;
  let sendersOffsetMs = 0;
  const change = async (): Promise<void> => {
    firing = !firing;
    prometheus.firing = firing;
    await push(victim.url, firing, Date.now() + sendersOffsetMs);
  };
  try {
    for (let times = quick ? 1 : 5; times > 0; times--)
      for (const offsetMs of offsets)
        await tally.try(`the clock ${offsetMs / minute} min off`, async () => {
          // Another change is on its way through the debouncer when the clock jumps.
          await change();
          await writeFile(file, String(offsetMs));
          victim.child.kill('SIGUSR2');
          if (!asksPrometheus) sendersOffsetMs = offsetMs;
          await setTimeout(20);
          const startedAt = performance.now();
          await change();
          await becomes(victim.storagePath, firing ? 'False' : 'True', 8000);
          const recoverMs = performance.now() - startedAt;
          await change();
          await becomes(victim.storagePath, firing ? 'False' : 'True', 8000);
          return recoverMs;
        });
  } finally {
    await Promise.allSettled([victim.stop(), prometheus.stop()]);
    await rm(folder, { recursive: true, force: true });
  }
  return tally.result;
}
