import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startChild } from '../../test/support/child-process.ts';
import { BrokenPrometheus } from '../broken-prometheus.ts';
import { becomes, brokenStatusFiles, flowHealthy, push } from '../effects.ts';
import { Tally, type Fault, type FaultOptions, type FaultResult } from '../fault.ts';
import { startVictim, type Victim } from '../victim.ts';

const drainSeconds = 3;

interface Scene {
  readonly victim: Victim;
  readonly prometheus: BrokenPrometheus;
}

/** What Tocsin is doing when it is told to stop. Returns what the condition must be after the end; undefined: anything. */
const phases: Readonly<Record<string, (scene: Scene) => Promise<string | undefined>>> = {
  'at rest': async () => undefined,
  'an alert was just answered': async ({ victim, prometheus }) => {
    prometheus.firing = true;
    await push(victim.url, true);
    return 'False';
  },
  'an event waits in the debouncer': async ({ victim, prometheus }) => {
    prometheus.firing = true;
    await push(victim.url, true);
    await becomes(victim.storagePath, 'False');
    await setTimeout(600);
    await push(victim.url, true);
    await setTimeout(100);
    prometheus.firing = false;
    await push(victim.url, false);
    return 'True';
  },
  'a reload is under way': async ({ victim }) => {
    victim.child.kill('SIGHUP');
    return undefined;
  },
  'Prometheus hangs': async ({ victim, prometheus }) => {
    await prometheus.become('hanging');
    await push(victim.url, true);
    return undefined;
  },
  'a body is half sent': async ({ victim }) => {
    const socket = connect(victim.port, '127.0.0.1').on('error', () => undefined);
    socket.write(
      'POST /api/v2/alerts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n[{',
    );
    await setTimeout(50);
    return undefined;
  },
  'connections are idle': async ({ victim }) => {
    for (let count = 0; count < 50; count++) connect(victim.port, '127.0.0.1').on('error', () => undefined);
    await setTimeout(50);
    return undefined;
  },
  'the process is paused': async ({ victim, prometheus }) => {
    prometheus.firing = true;
    await push(victim.url, true);
    victim.child.kill('SIGSTOP');
    void setTimeout(300).then(() => victim.child.kill('SIGCONT'));
    return 'False';
  },
};

export const terminated: Fault = {
  name: 'SIGTERM in every phase of life',
  guard: { file: 'source/event-source.ts', from: 'this.#debouncer.flush();', to: '' },
  async run(options: FaultOptions): Promise<FaultResult> {
    const tally = new Tally();
    const stepMs = options.quick ? 250 : 50;
    for (let afterMs = 0; afterMs <= 1000; afterMs += stepMs)
      await tally.try(`${afterMs} ms after its start`, () => endAtStart(options, afterMs));
    for (let times = options.quick ? 1 : 5; times > 0; times--)
      for (const [name, begin] of Object.entries(phases))
        await tally.try(name, () => endIn(options, name, begin, tally));
    await tally.try('a second SIGTERM', () => endTwice(options));
    return tally.result;
  },
};

async function endIn(
  { main }: FaultOptions,
  name: string,
  begin: (scene: Scene) => Promise<string | undefined>,
  tally: Tally,
): Promise<number> {
  const prometheus = await BrokenPrometheus.start();
  const config = `prometheus: {url: '${prometheus.url}'}\ncontroller: {drain_timeout: ${drainSeconds}s}\n`;
  const storagePath = await mkdtemp(join(tmpdir(), 'torture-end-'));
  const victim = await startVictim({ config, storagePath, ...(main !== undefined && { main }) });
  try {
    await victim.log.waitForLine(({ event }) => event === 'sweep.finished');
    const wanted = await begin({ victim, prometheus });
    const startedAt = performance.now();
    const { code, signal } = await victim.child.stop((drainSeconds + 5) * 1000);
    if (code !== 0) throw new Error(`it ended with ${code ?? signal}\n${victim.child.recentOutput()}`);
    const broken = await brokenStatusFiles(storagePath);
    tally.lost(`${name}: ${broken.join()}`, broken.length);
    if (wanted !== undefined && (await flowHealthy(storagePath)) !== wanted)
      tally.lost(`${name}: the condition is not ${wanted}`);
    return performance.now() - startedAt;
  } finally {
    await Promise.allSettled([victim.stop(), prometheus.stop()]);
    await rm(storagePath, { recursive: true, force: true });
  }
}

/** It may not yet listen for signals; then the system ends it. The next process must not mind. */
async function endAtStart({ main = 'src/main.ts' }: FaultOptions, afterMs: number): Promise<void> {
  const storagePath = await mkdtemp(join(tmpdir(), 'torture-start-'));
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  try {
    const args = [main, '--web.listen-address=127.0.0.1:0', `--storage.path=${storagePath}`];
    const child = await startChild({ name: 'tocsin', command: process.execPath, cwd, args });
    await setTimeout(afterMs);
    const { code, signal } = await child.stop(10_000);
    if (code !== 0 && signal !== 'SIGTERM') throw new Error(`it ended with ${code ?? signal}\n${child.recentOutput()}`);
    const next = await startVictim({ storagePath, main });
    await next.stop();
  } finally {
    await rm(storagePath, { recursive: true, force: true });
  }
}

async function endTwice({ main }: FaultOptions): Promise<void> {
  const victim = await startVictim({ ...(main !== undefined && { main }) });
  const socket = connect(victim.port, '127.0.0.1').on('error', () => undefined);
  socket.write(
    'POST /api/v2/alerts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n[{',
  );
  await setTimeout(100);
  victim.child.kill('SIGTERM');
  await setTimeout(200);
  victim.child.kill('SIGTERM');
  const { code } = await victim.child.exited;
  await victim.stop();
  if (code !== 143) throw new Error(`it ended with ${code} instead of 143`);
}
