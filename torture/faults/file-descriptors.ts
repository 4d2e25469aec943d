import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { BrokenPrometheus } from '../broken-prometheus.ts';
import { addSilence, becomes, push } from '../effects.ts';
import { Tally, type Fault, type FaultOptions, type FaultResult } from '../fault.ts';
import { startVictim, type Victim } from '../victim.ts';

/** The file descriptors left free when the limit is lowered. */
const spare = 3;

/** The process cannot open more files, and others take the last possible connections. */
export const fileDescriptors: Fault = {
  name: 'file descriptors exhausted',
  guard: {
    file: 'controller/controller.ts',
    from: "error instanceof TerminalError ? 'terminal_error' : 'error'",
    to: "'terminal_error'",
  },
  async run({ quick, main }: FaultOptions): Promise<FaultResult> {
    const tally = new Tally();
    const prometheus = await BrokenPrometheus.start();
    const victim = await startVictim({
      args: [`--prometheus.url=${prometheus.url}`],
      ...(main !== undefined && { main }),
    });
    const { pid } = victim.child;
    try {
      for (let times = quick ? 1 : 10; times > 0; times--)
        await tally.try('exhausted', async () => {
          prometheus.firing = !prometheus.firing;
          await push(victim.url, !prometheus.firing);
          limit(pid, readdirSync(`/proc/${pid}/fd`).length + spare);
          const sockets = Array.from({ length: 100 }, () =>
            connect(victim.port, '127.0.0.1').on('error', () => undefined),
          );
          // Only the connection that was kept still gets through.
          await push(victim.url, prometheus.firing).catch(() => undefined);
          const silence = addSilence(victim.url, 'while there is no file to be had').catch(() => undefined);
          await setTimeout(1500);
          for (const socket of sockets) socket.destroy();
          limit(pid, 20_000);
          const startedAt = performance.now();
          await becomes(victim.storagePath, prometheus.firing ? 'False' : 'True', 40_000);
          const recoverMs = performance.now() - startedAt;
          await silence;
          await isWell(victim, tally);
          return recoverMs;
        });
    } finally {
      await Promise.allSettled([victim.stop(), prometheus.stop()]);
    }
    return tally.result;
  },
};

function limit(pid: number, files: number): void {
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${files}:20000`]);
}

async function isWell(victim: Victim, tally: Tally): Promise<void> {
  const healthy = await fetch(`${victim.url}/-/healthy`);
  await healthy.text();
  if (healthy.status !== 200) tally.lost('its health');
  if ((await addSilence(victim.url, 'afterwards')) === undefined) tally.lost('that a silence can be made');
}
