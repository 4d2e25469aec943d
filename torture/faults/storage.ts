import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { BrokenPrometheus } from '../broken-prometheus.ts';
import { addSilence, becomes, brokenStatusFiles, push, silenceIds } from '../effects.ts';
import { Tally, type Fault, type FaultOptions, type FaultResult } from '../fault.ts';
import { startVictim, type Victim } from '../victim.ts';

export const diskFull: Fault = {
  name: 'disk full',
  // The broken guard would answer 200 for what could not be written.
  guard: {
    file: 'storage/record-file.ts',
    from: '      await this.#undo(file);\n      throw error;',
    to: '      await this.#undo(file);',
  },
  run: (options) =>
    breakStorage(options, {
      silencesBefore: true,
      refuse: async (folder) => {
        // Fills it in large pieces first, then to the last byte.
        for (const bytes of [64 * 1024, 4096, 1]) await fill(join(folder, `ballast-${bytes}`), bytes);
      },
      allow: (folder) =>
        Promise.all([65_536, 4096, 1].map((bytes) => rm(join(folder, `ballast-${bytes}`), { force: true }))),
    }),
};

export const readOnly: Fault = {
  name: 'storage read-only',
  guard: {
    file: 'controller/controller.ts',
    from: "error instanceof TerminalError ? 'terminal_error' : 'error'",
    to: "'terminal_error'",
  },
  run: (options) =>
    breakStorage(options, {
      // The log of silences stays open, and what is open can be written to.
      silencesBefore: false,
      refuse: coverReadOnly,
      allow: uncover,
    }),
};

interface Way {
  readonly silencesBefore: boolean;
  refuse(folder: string): Promise<void>;
  allow(folder: string): Promise<unknown>;
}

async function breakStorage({ quick, main }: FaultOptions, way: Way): Promise<FaultResult> {
  const folder = await mkdtemp(join(tmpdir(), 'torture-disk-'));
  if (!mounts(folder)) return { ...new Tally().result, skipped: 'nothing may be mounted here' };
  const unmount = (): void => {
    // What covers it goes first.
    while (unmounts(folder));
  };
  process.once('exit', unmount);
  const tally = new Tally();
  const prometheus = await BrokenPrometheus.start();
  const start = () =>
    startVictim({
      storagePath: folder,
      args: [`--prometheus.url=${prometheus.url}`],
      ...(main !== undefined && { main }),
    });
  let victim = await start();
  try {
    for (let times = quick ? 1 : 10; times > 0; times--)
      await tally.try('no room', async () => {
        const known = way.silencesBefore ? [await addSilence(victim.url, 'before')] : [];
        await way.refuse(folder);
        known.push(await addSilence(victim.url, 'x'.repeat(9000)));
        const recoverMs = await changeMeanwhile(victim, prometheus, folder, way);
        tally.lost('whole status files', (await brokenStatusFiles(folder)).length);
        // What was answered with a 200 must also exist for the next process.
        await victim.stop();
        victim = await start();
        const found = await silenceIds(victim.url);
        tally.lost('silences', known.filter((id) => id !== undefined && !found.has(id)).length);
        if (!way.silencesBefore) await rm(join(folder, 'silences.log'), { force: true });
        return recoverMs;
      });
  } finally {
    await Promise.allSettled([victim.stop(), prometheus.stop()]);
    process.off('exit', unmount);
    unmount();
    await rm(folder, { recursive: true, force: true });
  }
  return tally.result;
}

/** The alert changes while nothing can be written; returns how long the condition takes once writing is possible. */
async function changeMeanwhile(
  victim: Victim,
  prometheus: BrokenPrometheus,
  folder: string,
  way: Way,
): Promise<number> {
  prometheus.firing = !prometheus.firing;
  await push(victim.url, prometheus.firing);
  await victim.log.waitForLine(
    ({ event, level }) => event.startsWith('reconcile.') && (level === 'warn' || level === 'error'),
  );
  // What was waiting in the debouncer has failed as well: from now on only Tocsin itself can wake it.
  await setTimeout(800);
  await way.allow(folder);
  return becomes(folder, prometheus.firing ? 'False' : 'True', 40_000);
}

function mounts(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'torture', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function unmounts(folder: string): boolean {
  try {
    execFileSync('umount', ['--lazy', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Mounts a read-only view of the folder over it. The file system itself cannot be made read-only, because a file of the history is
 * open for writing. Again with another view if somebody opens a file through this one before it is read-only.
 */
export async function coverReadOnly(folder: string): Promise<void> {
  await eventually(
    () => {
      execFileSync('mount', ['--bind', folder, folder], { stdio: 'pipe' });
      try {
        execFileSync('mount', ['-o', 'remount,bind,ro', folder], { stdio: 'pipe' });
      } catch (error) {
        unmounts(folder);
        throw error;
      }
    },
    () => true,
  );
}

/** Tries again while somebody reads there. */
export async function uncover(folder: string): Promise<void> {
  await eventually(
    () => execFileSync('umount', [folder], { stdio: 'pipe' }),
    () => true,
  );
}

/** Writes until there is no room for another piece. */
export async function fill(file: string, pieceBytes: number): Promise<void> {
  try {
    for (;;) await writeFile(file, Buffer.alloc(pieceBytes), { flag: 'a' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
