import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { BrokenPrometheus } from '../broken-prometheus.ts';
import { addSilence, becomes, brokenStatusFiles, push, silenceIds } from '../effects.ts';
import { Tally, type Fault, type FaultOptions, type FaultResult } from '../fault.ts';
import { Random } from '../random.ts';
import { startVictim } from '../victim.ts';

/** This many kills on one storage folder, then on a new one. */
const timesPerStorage = 10;

export const killed: Fault = {
  name: 'kill -9 under load',
  // The broken guard answers before the silence is on the disk.
  guard: {
    file: 'storage/record-file.ts',
    from: 'await writeAt(file, bytes, this.#bytes);',
    to: 'setTimeout(() => void writeAt(file, bytes, this.#bytes - bytes.length), 100);',
  },
  async run(options) {
    const tally = new Tally();
    const times = options.quick ? 4 : 200;
    for (let done = 0; done < times; done += timesPerStorage)
      await killAgainAndAgain(options, Math.min(timesPerStorage, times - done), new Random(done), tally);
    return tally.result satisfies FaultResult;
  },
};

async function killAgainAndAgain({ main }: FaultOptions, times: number, random: Random, tally: Tally): Promise<void> {
  const prometheus = await BrokenPrometheus.start();
  const storagePath = await mkdtemp(join(tmpdir(), 'torture-killed-'));
  const known = new Set<string>();
  const start = () =>
    startVictim({ storagePath, args: [`--prometheus.url=${prometheus.url}`], ...(main !== undefined && { main }) });
  let victim = await start();
  try {
    for (let time = 0; time < times; time++)
      await tally.try(`time ${time}`, async () => {
        const load = loadUntilDead(victim.url, prometheus, known);
        await setTimeout(random.between(20, 300));
        victim.child.kill('SIGKILL');
        await victim.child.exited;
        await load;
        const broken = await brokenStatusFiles(storagePath);
        tally.lost(`half files: ${broken.join()}`, broken.length);
        prometheus.firing = random.once(2);
        const startedAt = performance.now();
        await victim.stop();
        victim = await start();
        await becomes(storagePath, prometheus.firing ? 'False' : 'True', 10_000);
        const recoverMs = performance.now() - startedAt;
        const found = await silenceIds(victim.url);
        tally.lost('silences that were answered 200', [...known].filter((id) => !found.has(id)).length);
        const damaged = victim.log.all.filter(({ level }) => level === 'error');
        tally.lost(`errors after the restart: ${JSON.stringify(damaged[0])}`, damaged.length);
        return recoverMs;
      });
  } finally {
    await Promise.allSettled([victim.stop(), prometheus.stop()]);
    await rm(storagePath, { recursive: true, force: true });
  }
}

/** Sends alerts that come and go, and silences; silences that were answered with a 200 are added to `known`. */
async function loadUntilDead(url: string, prometheus: BrokenPrometheus, known: Set<string>): Promise<void> {
  const repeat = async (act: (count: number) => Promise<void>): Promise<void> => {
    try {
      for (let count = 0; ; count++) await act(count);
    } catch {
      // The process is dead.
    }
  };
  const silence = async (count: number): Promise<void> => {
    const id = await addSilence(url, `silence ${count}`);
    if (id !== undefined) known.add(id);
  };
  await Promise.all([
    repeat((count) => push(url, (prometheus.firing = count % 2 === 0))),
    repeat(silence),
    repeat(silence),
  ]);
}
