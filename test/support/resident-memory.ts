import { readFileSync } from 'node:fs';

/** The resident memory of a process now, in bytes; Linux only. */
export function residentBytes(pid: number): number {
  return field(pid, 'VmRSS');
}

/** The largest resident memory of a process so far, in bytes; Linux only. */
export function peakResidentBytes(pid: number): number {
  return field(pid, 'VmHWM');
}

function field(pid: number, name: string): number {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (match === null) throw new Error(`/proc/${pid}/status has no ${name}`);
  return Number(match[1]) * 1024;
}
