import { setTimeout } from 'node:timers/promises';
import { BrokenPrometheus } from '../broken-prometheus.ts';
import { becomes, push } from '../effects.ts';
import { Tally, type Fault, type FaultOptions, type FaultResult } from '../fault.ts';
import { startVictim } from '../victim.ts';

const blockLoop = new URL('../block-loop.ts', import.meta.url).href;

/** The duration in block-loop.ts, which only the victim may load. */
const blockMs = 2000;

/** The event loop is blocked while one POST is half sent and others arrive. */
export const blocked: Fault = {
  name: 'event loop blocked for 2 s',
  // Without the guard, a sender that had to wait for Tocsin would be refused.
  guard: {
    file: 'server/connection-server.ts',
    from: 'Math.min(headerTimeoutMs, requestTimeoutMs);\n    this.#server.requestTimeout = requestTimeoutMs;',
    to: '1000;\n    this.#server.requestTimeout = 1000;',
  },
  async run({ quick, main }: FaultOptions): Promise<FaultResult> {
    const tally = new Tally();
    const prometheus = await BrokenPrometheus.start();
    const victim = await startVictim({
      nodeArgs: ['--import', blockLoop],
      args: [`--prometheus.url=${prometheus.url}`],
      ...(main !== undefined && { main }),
    });
    try {
      for (let times = quick ? 1 : 20; times > 0; times--)
        await tally.try('blocked', async () => {
          prometheus.firing = !prometheus.firing;
          // Its rest comes just after: everything that has arrived is read before anyone is refused for being late.
          const slow = pushSlowly(victim.url, prometheus.firing, blockMs + 300);
          await setTimeout(100);
          victim.child.kill('SIGUSR2');
          const pushed = Promise.allSettled([
            slow,
            ...Array.from({ length: 20 }, () => push(victim.url, prometheus.firing)),
          ]);
          await setTimeout(blockMs);
          const startedAt = performance.now();
          await becomes(victim.storagePath, prometheus.firing ? 'False' : 'True', 10_000);
          const recoverMs = performance.now() - startedAt;
          tally.lost(
            'POSTs that were not answered 200',
            (await pushed).filter(({ status }) => status === 'rejected').length,
          );
          return recoverMs;
        });
    } finally {
      await Promise.allSettled([victim.stop(), prometheus.stop()]);
    }
    return tally.result;
  },
};

/** A POST whose body comes in two parts, so that its request is running when the event loop is blocked. */
async function pushSlowly(url: string, firing: boolean, pause: number): Promise<void> {
  const alert = [{ labels: { alertname: 'Slow', firing: String(firing) } }];
  const text = JSON.stringify(alert);
  const body = new ReadableStream({
    async start(controller) {
      controller.enqueue(Buffer.from(text.slice(0, 5)));
      await setTimeout(pause);
      controller.enqueue(Buffer.from(text.slice(5)));
      controller.close();
    },
  });
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(`${url}/api/v2/alerts`, { method: 'POST', headers, body, duplex: 'half' });
  if (response.status !== 200) throw new Error(`a slow POST was answered ${response.status}`);
}
