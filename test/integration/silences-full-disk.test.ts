import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startTocsinApp, type TocsinApp } from '../contract/tocsin-app.ts';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';

/** More than is free on a disk that is full except for the last page of a file. */
const comment = 'x'.repeat(10_000);
const notAllowed = 'mounting a file system is not allowed here';

describe('silences on a disk of 256 KiB', () => {
  let folder: string;
  let disk: string;
  let isMounted = false;
  let tocsin: TocsinApp | undefined;
  let alerts = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tocsin-disk-'));
    disk = join(folder, 'disk');
    await mkdir(disk);
    isMounted = mount('mount', '-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk);
    // The conditions of the pipelines must be written elsewhere.
    await mkdir(join(folder, 'status'));
    await symlink(join(folder, 'status'), join(disk, 'status'));
  });
  after(async () => {
    await tocsin?.stop();
    if (isMounted) mount('umount', disk);
    await rm(folder, { recursive: true });
  });

  const stop = async (): Promise<void> => {
    await tocsin?.stop();
    tocsin = undefined;
  };
  const start = async (): Promise<TocsinApp> => {
    await stop();
    return (tocsin = await startTocsinApp('', disk));
  };
  const send = async (method: string, path: string, body?: object): Promise<{ status: number; text: string }> => {
    const headers = { 'Content-Type': 'application/json' };
    const sent = body === undefined ? {} : { headers, body: JSON.stringify(body) };
    const response = await fetch(`${tocsin!.url}/api/v2/${path}`, { method, ...sent });
    return { status: response.status, text: await response.text() };
  };
  const post = () =>
    send('POST', 'silences', {
      matchers: [{ name: 'silenced', value: 'yes', isRegex: false }],
      startsAt: '2020-01-01T00:00:00Z',
      endsAt: '2999-01-01T00:00:00Z',
      createdBy: 'me',
      comment,
    });
  const create = async (): Promise<string> => {
    const { status, text } = await post();
    assert.equal(status, 200, text);
    return (JSON.parse(text) as { silenceID: string }).silenceID;
  };
  const states = async (): Promise<unknown> => {
    const listed = JSON.parse((await send('GET', 'silences')).text) as { id: string; status: { state: string } }[];
    return Object.fromEntries(listed.map(({ id, status }) => [id, status.state]));
  };
  /** Two alerts are accepted; the one that is not silenced wakes a reconcile. */
  const assertAlertsGoOn = async (): Promise<void> => {
    const { logger } = tocsin!;
    const n = String(alerts++);
    const woken = logger.linesOf('alert.new').length;
    await postAlerts(tocsin!.url, [{ labels: { n } }, { labels: { n, silenced: 'yes' } }]);
    const filter = `filter=${encodeURIComponent(`n="${n}"`)}`;
    const listed = JSON.parse((await send('GET', `alerts?${filter}`)).text) as { status: { state: string } }[];
    assert.deepEqual(listed.map(({ status }) => status.state).toSorted(), ['active', 'suppressed']);
    assert.equal(logger.linesOf('alert.new').length, woken + 2);
  };
  /** Nothing can be created or expired, everything that existed still applies, on disk too, and the log reports the problem. */
  const assertRefused = async (known: string, reason: string): Promise<void> => {
    const log = join(disk, 'silences.log');
    const held = [await states(), await readFile(log)];
    const answer = { status: 500, text: `"the silence could not be stored: ${reason}; nothing has changed"\n` };
    assert.deepEqual(await post(), answer);
    assert.deepEqual(await send('DELETE', `silence/${known}`), answer);
    assert.deepEqual([await states(), await readFile(log)], held);
    assert.deepEqual(
      tocsin!.logger.linesOf('silence.not_stored').map(({ level }) => level),
      ['error', 'error'],
    );
    await assertAlertsGoOn();
  };

  it('are refused while it is full, by half on it never, and are taken again when there is room', async (test) => {
    if (!isMounted) return test.skip(notAllowed);
    await start();
    const first = await create();
    const ballast = join(disk, 'ballast');
    await assert.rejects(fill(ballast), { code: 'ENOSPC' });
    await assertRefused(first, 'no space is left in the storage folder (ENOSPC)');
    await rm(ballast);
    const second = await create();
    assert.equal((await send('DELETE', `silence/${first}`)).status, 200);
    const { logger } = await start();
    assert.deepEqual(await states(), { [second]: 'active', [first]: 'expired' });
    assert.deepEqual(
      logger.lines.filter(({ level }) => level === 'error' || level === 'warn'),
      [],
    );
  });

  it('are obeyed while it is read-only, and taken again when it is not, without a restart', async (test) => {
    if (!isMounted) return test.skip(notAllowed);
    await start();
    const known = await create();
    await stop();
    assert.ok(mount('mount', '-o', 'remount,ro', disk));
    const { logger } = await start();
    assert.deepEqual(
      logger.lines.filter(({ level }) => level === 'error').map(({ event }) => event),
      ['silences.not_writable'],
    );
    await assertRefused(known, 'the storage folder is read-only (EROFS)');
    assert.ok(mount('mount', '-o', 'remount,rw', disk));
    await create();
    assert.equal((await send('DELETE', `silence/${known}`)).status, 200);
  });
});

async function fill(file: string): Promise<never> {
  for (;;) await appendFile(file, Buffer.alloc(4096));
}

function mount(command: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
