import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';
import { peakResidentBytes } from '../../test/support/resident-memory.ts';
import { BrokenPrometheus } from '../broken-prometheus.ts';
import { becomes, push } from '../effects.ts';
import { Tally, type Fault, type FaultOptions, type FaultResult } from '../fault.ts';
import { podHeap, startVictim, type Victim } from '../victim.ts';

/** The promise in README, in bytes. */
const promisedBytes = 512 * 1024 * 1024;

/** Each POST writes some 600 KiB of log at debug: all together far more than the pod's memory. */
const posts = 1000;
const alertsPerPost = 500;

/** Nobody reads standard output while a storm of alerts is logged at debug. */
export const unreadLog: Fault = {
  name: 'log that nobody reads',
  guard: {
    file: 'runtime/log-output.ts',
    from: 'maxUnreadBytes = 4 * 1024 * 1024',
    to: 'maxUnreadBytes = 4 * 1024 ** 3',
  },
  async run({ quick, main }: FaultOptions): Promise<FaultResult> {
    const tally = new Tally();
    const prometheus = await BrokenPrometheus.start();
    const victim = await startVictim({
      nodeArgs: [podHeap],
      args: [`--prometheus.url=${prometheus.url}`, '--log.level=debug'],
      ...(main !== undefined && { main }),
    });
    try {
      for (let times = quick ? 1 : 3; times > 0; times--)
        await tally.try('unread', async () => {
          victim.child.readOutput(false);
          await storm(victim.url);
          const recoverMs = await hasEffect(victim, prometheus);
          isSmall(victim);
          victim.child.readOutput(true);
          await eventually(
            () => victim.log.all.filter(({ event }) => event === 'log.dropped'),
            (told) => told.length > 0,
          );
          return recoverMs;
        });
    } finally {
      await Promise.allSettled([victim.stop(), prometheus.stop()]);
    }
    return tally.result;
  },
};

async function storm(url: string): Promise<void> {
  const pad = 'x'.repeat(900);
  for (let round = 0; round < posts; round++) {
    const endsAt = new Date(Date.now() + (round % 2 === 0 ? 240_000 : -1)).toISOString();
    const startsAt = new Date(Date.now() - 60_000).toISOString();
    const labels = (index: number): Record<string, string> => ({ alertname: 'Storm', index: String(index), pad });
    await postAlerts(
      url,
      Array.from({ length: alertsPerPost }, (_, index) => ({ labels: labels(index), startsAt, endsAt })),
    );
  }
}

async function hasEffect(victim: Victim, prometheus: BrokenPrometheus): Promise<number> {
  prometheus.firing = !prometheus.firing;
  await push(victim.url, prometheus.firing);
  return becomes(victim.storagePath, prometheus.firing ? 'False' : 'True', 10_000);
}

function isSmall({ child }: Victim): void {
  const peak = peakResidentBytes(child.pid);
  if (peak > promisedBytes) throw new Error(`it took ${(peak / 1024 / 1024).toFixed()} MiB`);
}
