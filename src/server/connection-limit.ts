import { readFileSync } from 'node:fs';
import { reservedFileDescriptors } from '../limits.ts';

/** `max_connections`, or what the process's file descriptors allow, if that is less. */
export function connectionLimit(maxConnections: number, fileDescriptors = openFilesLimit()): number {
  return Math.max(1, Math.min(maxConnections, fileDescriptors - reservedFileDescriptors));
}

/** The soft limit on open files as Linux tells it; no limit where it cannot be had. */
function openFilesLimit(): number {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return line === null ? Number.POSITIVE_INFINITY : Number(line[1]);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
