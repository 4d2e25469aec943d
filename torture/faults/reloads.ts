import { setTimeout } from 'node:timers/promises';
import { BrokenPrometheus } from '../broken-prometheus.ts';
import { becomes, push } from '../effects.ts';
import { Tally, type Fault, type FaultOptions, type FaultResult } from '../fault.ts';
import { startVictim } from '../victim.ts';

/** The time between two SIGHUPs. */
const gapMs = 10;
/** The most reloads per second: more would keep Tocsin from its work. */
const mostReloadsPerSecond = 6;

export const reloads: Fault = {
  name: '100 SIGHUPs a second',
  guard: {
    file: 'app/reloader.ts',
    from: 'if (sinceMs < 0 || sinceMs >= minReloadIntervalMs) return;',
    to: 'if (sinceMs >= 0) return;',
  },
  async run({ quick, main }: FaultOptions): Promise<FaultResult> {
    const tally = new Tally();
    const prometheus = await BrokenPrometheus.start();
    const config = `prometheus: {url: '${prometheus.url}'}\n`;
    const victim = await startVictim({ config, ...(main !== undefined && { main }) });
    const stop = new AbortController();
    const startedAt = performance.now();
    const storm = hangUp(() => victim.child.kill('SIGHUP'), stop.signal);
    try {
      for (let times = quick ? 3 : 30; times > 0; times--)
        await tally.try('an alert', async () => {
          prometheus.firing = !prometheus.firing;
          await push(victim.url, prometheus.firing);
          return becomes(victim.storagePath, prometheus.firing ? 'False' : 'True', 10_000);
        });
      stop.abort();
      await storm;
      const seconds = (performance.now() - startedAt) / 1000;
      const count = victim.log.all.filter(({ event }) => event === 'config.reloaded').length;
      if (count === 0) tally.lost('every reload');
      if (count > seconds * mostReloadsPerSecond + 1)
        tally.lost(`the rest of the work: ${count} reloads in ${seconds.toFixed(1)} s`);
      const errors = victim.log.all.filter(({ level }) => level === 'error');
      tally.lost(`errors in the log: ${JSON.stringify(errors[0])}`, errors.length);
    } finally {
      stop.abort();
      await Promise.allSettled([victim.stop(), prometheus.stop()]);
    }
    return tally.result;
  },
};

async function hangUp(kill: () => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    kill();
    await setTimeout(gapMs);
  }
}
