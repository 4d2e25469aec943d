import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks per second in /proc, on every Linux that Node runs on. */
const ticksPerSecond = 100;

/**
 * User and system time of a process so far, all its threads together, in seconds. Linux only. It is the scheduler's own figure if
 * the kernel shows it; otherwise that of /proc/PID/stat, which is the same in steps of 10 ms.
 */
export function cpuSeconds(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.reduce((sum, thread) => sum + threadSeconds(`/proc/${pid}/task/${thread}/sched`), 0);
  } catch {
    return inTicks(readFileSync(`/proc/${pid}/stat`, 'utf8')) / ticksPerSecond;
  }
}

function threadSeconds(file: string): number {
  const match = /se\.sum_exec_runtime\s*:\s*([\d.]+)/.exec(readFileSync(file, 'utf8'));
  if (match === null) throw new Error(`${file} has no se.sum_exec_runtime`);
  return Number(match[1]) / 1000;
}

function inTicks(stat: string): number {
  // The name of the program may hold any character, so the fields are counted from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
