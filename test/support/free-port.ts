import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Below the ports that a system gives to clients and to those who listen on port 0 (Linux: from 32768 on, others: from 49152 on). One of
 * these would be taken by somebody else before the program listens there, in one of some thousand cases.
 */
const ports = { from: 20_000, end: 32_000 };
/** Attempts for one port, before it says that there is none. */
const mostAttempts = 1000;

const claimed: string[] = [];

/**
 * A loopback port for programs that do not report the port they were given. Until this process ends, no other test gets it: each port
 * has a file that names the process which claimed it. Rejects when no port is free.
 */
export async function freePort(folder = join(tmpdir(), 'tocsin-test-ports'), { from, end } = ports): Promise<number> {
  mkdirSync(folder, { recursive: true });
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const port = randomInt(from, end);
    if (claim(join(folder, String(port))) && (await isFree(port))) return port;
  }
  throw new Error(`no free port from ${from} to ${end - 1} in ${mostAttempts} attempts; see ${folder}`);
}

function claim(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    forgetDead(file);
    return false;
  }
  if (claimed.push(file) === 1) process.once('exit', () => claimed.forEach((each) => rmSync(each, { force: true })));
  return true;
}

/** A process that was killed leaves its claims behind; the next attempt may have them. */
function forgetDead(file: string): void {
  try {
    process.kill(Number(readFileSync(file, 'utf8')) || process.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') rmSync(file, { force: true });
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false; // a program that no test started listens there
  }
  server.close();
  await once(server, 'close');
  return true;
}
