import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { startTocsinApp } from '../contract/tocsin-app.ts';
import { createAuthority } from '../../src/server/certificates.fixture.ts';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';
import { block, blocks, commands as commandsOf, linesOf, read, root, section } from '../support/documentation.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { temporaryFolder } from '../../src/runtime/temporary-folder.fixture.ts';
import { sendOverTls } from '../support/send-over-tls.ts';
import { requireServer, skipWithout } from '../support/servers.ts';
import { sweepOf } from '../support/sweep-lines.ts';
import { startTocsin } from '../support/tocsin-process.ts';

const run = promisify(execFile);
const given = 'http://127.0.0.1:9093';

/** Without what differs from run to run: times and identities. */
function withoutFigures(text: string): string {
  return text
    .replaceAll(/\b[\da-f]{8}\b/g, 'ID')
    .replaceAll(/\(\d+m?s ago\)/g, '(now)')
    .replaceAll(/\d+/g, '0');
}

describe('what README.md says', () => {
  it('shows one alert and its effect, its log, and its end', { skip: skipWithout('amtool') }, async (test) => {
    const path = await temporaryFolder(test, 'tocsin-path');
    const tocsin = await startTocsin();
    test.after(() => tocsin.stop());
    await symlink(requireServer('amtool'), join(path, 'amtool'));
    const env = { PATH: `${path}:${process.env['PATH']}`, HOME: path };
    const type = async (command = ''): Promise<string> =>
      (
        await run('sh', ['-c', command.replaceAll(given, tocsin.url).replaceAll(' data/', ` ${tocsin.storagePath}/`)], {
          env,
        })
      ).stdout;
    const [firstScreen = ''] = read('README.md').split('\n## ');
    const [, curl, tail] = blocks(firstScreen, 'sh').flatMap((text) => [linesOf(text)]);
    const withoutTime = (status: string) => status.trimEnd().replace(/(lastTransitionTime: )"[^"]+"/, '$1');

    await type(curl?.join('\n'));
    const shown = withoutTime(block('README.md', 'yaml'));
    await eventually(
      () => type(tail?.join('\n')),
      (status) => withoutTime(status) === shown,
    );

    const { request_id: id } = await tocsin.log.waitForLine(({ event }) => event === 'alerts.received');
    await tocsin.log.waitForLine(sweepOf(String(id)));
    const [, why = ''] = /`npm start -- (why [^`]+)`/.exec(firstScreen) ?? [];
    const said = withoutFigures(await type(`${process.execPath} ${root}/src/main.ts ${why} --url=${tocsin.url}`));
    const [answer = ''] = blocks(firstScreen, '');
    assert.ok(linesOf(answer).length > 3);
    // A line with longer figures is broken.
    const flat = (text: string): string => text.replaceAll(/\s+/g, ' ');
    for (const line of linesOf(withoutFigures(answer)))
      assert.ok(flat(said).includes(flat(line)), `why does not say: ${line}`);

    const logged = tocsin.log.all.filter((line) => JSON.stringify(line).includes(String(id))).map(({ event }) => event);
    const events = [...section('README.md', 'See it work').matchAll(/^event=(\S+)/gm)].map(([, event]) => event!);
    assert.ok(events.length > 4);
    let from = 0;
    for (const event of events) {
      assert.ok(logged.includes(event, from), `${event} comes in the log where README shows it`);
      from = logged.indexOf(event, from);
    }

    await type(commandsOf('README.md', 'See it work')[0]);
    await eventually(
      () => type(tail?.join('\n')),
      (status) => status.includes('reason: FlowHealthy'),
    );
  });

  it('pauses reconciles, and goes on, in two commands', { skip: skipWithout('amtool') }, async (test) => {
    const [tocsin, path] = await Promise.all([startTocsinApp(), temporaryFolder(test, 'tocsin-path')]);
    test.after(() => tocsin.stop());
    await symlink(requireServer('amtool'), join(path, 'amtool'));
    const env = { PATH: `${path}:${process.env['PATH']}`, HOME: path };
    const commands = commandsOf('README.md', 'Pause');
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
    const webConfig = block('README.md', 'yaml', 'Lock the door');
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
