import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { startTocsinApp } from '../contract/tocsin-app.ts';
import { createAuthority } from '../support/certificates.ts';
import { postAlerts } from '../support/post-alerts.ts';
import { readmeBlock, readmeCommands } from '../support/readme.ts';
import { sendOverTls } from '../support/send-over-tls.ts';
import { requireServer, skipWithout } from '../support/servers.ts';
import { startTocsin } from '../support/tocsin-process.ts';

const run = promisify(execFile);
const given = 'http://127.0.0.1:9093';

describe('what README.md says', () => {
  it('pauses reconciles, and goes on, in two commands', { skip: skipWithout('amtool') }, async (test) => {
    const [tocsin, path] = await Promise.all([startTocsinApp(), mkdtemp(join(tmpdir(), 'tocsin-path-'))]);
    test.after(() => Promise.all([tocsin.stop(), rm(path, { recursive: true })]));
    await symlink(requireServer('amtool'), join(path, 'amtool'));
    const env = { PATH: `${path}:${process.env['PATH']}`, HOME: path };
    const commands = await readmeCommands('Pause reconciles for a maintenance window');
    assert.equal(commands.length, 2);
    const type = async (command: string): Promise<string> =>
      (await run('sh', ['-c', command.replaceAll(given, tocsin.url)], { env })).stdout;
    const stateOf = async (): Promise<unknown> => {
      const listed = (await (await fetch(`${tocsin.url}/api/v2/alerts`)).json()) as { status: { state: string } }[];
      return listed.map(({ status }) => status.state);
    };
    assert.match(await type(commands[0]!), /^[\da-f-]{36}\n$/);
    await postAlerts(tocsin.url, [{ labels: { alertname: 'A' } }]);
    assert.deepEqual(await stateOf(), ['suppressed']);
    assert.deepEqual(tocsin.logger.linesOf('event.emitted'), []);
    await type(commands[1]!);
    assert.deepEqual(await stateOf(), ['active']);
    assert.deepEqual(tocsin.logger.valuesOf('event.emitted', 'causes'), [[['A silence expired']]]);
  });

  it('locks the door in five lines', async (test) => {
    const ca = await createAuthority();
    test.after(() => ca.remove());
    await ca.issue('server');
    const webConfig = await readmeBlock('Lock the door', 'yaml');
    assert.equal(webConfig.trim().split('\n').length, 5);
    const tocsin = await startTocsin({
      scheme: 'https',
      webConfig: webConfig.replaceAll(/server\.(crt|key)/g, (name) => join(ca.folder, name)),
    });
    test.after(() => tocsin.stop());
    const statusWith = async (headers = {}): Promise<number | undefined> =>
      (await sendOverTls(`${tocsin.url}/api/v2/alerts`, ca.caFile, { headers })).status;
    const basic = (text: string) => ({ Authorization: `Basic ${Buffer.from(text).toString('base64')}` });
    assert.deepEqual(
      [await statusWith(), await statusWith(basic('prometheus:x')), await statusWith(basic('prometheus:secret'))],
      [401, 401, 200],
    );
  });
});
