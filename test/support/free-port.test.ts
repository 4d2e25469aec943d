import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { freePort } from './free-port.ts';

/** As many as make it certain that two who choose at random meet: there are 12,000 ports. */
const ports = 500;

/** A program that takes this many ports, prints them, and ends when its stdin does. */
function taker(folder: string): string {
  const module = JSON.stringify(new URL('free-port.ts', import.meta.url));
  return `const { freePort } = await import(${module});
    for (let i = 0; i < ${ports}; i++) console.log(await freePort(${JSON.stringify(folder)}));
    process.stdin.resume();`;
}

describe('freePort', () => {
  let folder = '';
  before(async () => void (folder = await mkdtemp(join(tmpdir(), 'tocsin-ports-'))));
  after(() => rm(folder, { recursive: true, force: true }));

  it('gives no port twice, nor one that the system gives away', async () => {
    const taken: number[] = [];
    for (let i = 0; i < ports; i++) taken.push(await freePort(folder));
    assert.equal(new Set(taken).size, ports);
    assert.ok(taken.every((port) => port >= 20_000 && port < 32_000));
  });

  it('gives none that a process beside it has, and frees those of one that has ended', async () => {
    const beside = spawn(process.execPath, ['--input-type=module', '-e', taker(folder)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const own: number[] = [];
    const read = text(beside.stdout);
    for (let i = 0; i < ports; i++) own.push(await freePort(folder));
    beside.stdin.end();
    const theirs = (await read).trim().split('\n').map(Number);
    assert.equal(theirs.length, ports);
    assert.deepEqual(
      theirs.filter((port) => own.includes(port)),
      [],
    );
    const kept = new Set(await readdir(folder));
    assert.ok(own.every((port) => kept.has(String(port))));
    assert.ok(!theirs.some((port) => kept.has(String(port))));
  });

  it('gives the ports of a process that was killed, and says when there are none', async () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    const dead = await mkdtemp(join(folder, 'dead-'));
    const few = { from: 31_000, end: 31_002 };
    for (let port = few.from; port < few.end; port++) writeFileSync(join(dead, String(port)), String(pid));
    await freePort(dead, few);
    await assert.rejects(async () => {
      for (let i = 0; i < 2; i++) await freePort(dead, few);
    }, /no free port from 31000 to 31001 in 1000 attempts; see /);
  });
});
