import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { temporaryFolder } from '../../src/runtime/temporary-folder.fixture.ts';
import { block, blocks, linesOf, read } from '../support/documentation.ts';
import { requireServer, skipWithout } from '../support/servers.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

const run = promisify(execFile);
const page = 'docs/tenants.md';

describe('docs/tenants.md', () => {
  let tocsin: TocsinProcess;

  before(async () => {
    tocsin = await startTocsin({ args: ['--config.file=examples/tenants/tocsin.yml'] });
  });

  after(() => tocsin?.stop());

  it('shows the file of its example as it stands', () => {
    const shown = block(page, 'yaml').replace(/^# .*\n/, '');
    assert.equal(
      shown.trim(),
      read('examples/tenants/tocsin.yml')
        .replaceAll(/^# .*\n/gm, '')
        .trim(),
    );
  });

  it('shows commands of amtool that keep the tenants apart', { skip: skipWithout('amtool') }, async (t) => {
    const home = await temporaryFolder(t, 'tocsin-tenants');
    await symlink(requireServer('amtool'), join(home, 'amtool'));
    const [, commands = ''] = blocks(read(page), 'sh');
    const type = async (line: string): Promise<string> => {
      const command = line
        .replaceAll('http://127.0.0.1:9093', tocsin.url)
        .replaceAll(' data/', ` ${tocsin.storagePath}/`);
      return (await run('sh', ['-c', command], { env: { PATH: `${home}:${process.env['PATH']}`, HOME: home } })).stdout;
    };
    const [add, silence, ofA, ofB, status] = linesOf(commands);
    await type(add!);
    await type(silence!);
    assert.match(await type(ofA!), /TraceGatewayThrottling/);
    assert.doesNotMatch(await type(ofB!), /TraceGatewayThrottling/);
    await eventually(
      () => type(status!),
      (text) => text.includes('GatewayThrottling'),
    );
  });
});
