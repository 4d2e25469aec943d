import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startAlertmanager } from '../support/alertmanager-server.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { skipWithout } from '../support/servers.ts';
import { startTocsin } from '../support/tocsin-process.ts';

const methods = ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'POST'];

describe('/-/reload', { skip: skipWithout('alertmanager') }, () => {
  it('answers as the one of Alertmanager, whether the configuration is good or not', async (test) => {
    const [tocsin, alertmanager] = await Promise.all([startTocsin({ config: '{}\n' }), startAlertmanager()]);
    test.after(() => Promise.all([tocsin.stop(), alertmanager.stop()]));
    assert.deepEqual(await answers(tocsin, methods), await answers(alertmanager, methods));
    await writeFile(join(tocsin.folder, 'tocsin.yml'), 'broken\n');
    await writeFile(join(alertmanager.folder, 'alertmanager.yml'), 'broken\n');
    assert.deepEqual(await answers(tocsin, ['POST']), await answers(alertmanager, ['POST']));
  });
});

/** What a client distinguishes; of a reason, only its beginning. */
async function answers({ url }: ServerProcess, asked: readonly string[]): Promise<unknown> {
  const given: unknown[] = [];
  for (const method of asked) {
    const response = await fetch(`${url}/-/reload`, { method });
    const { status, headers } = response;
    const allow = headers.get('allow')?.split(', ').toSorted();
    const [said] = (await response.text()).split(': ');
    given.push([method, status, headers.get('content-type'), headers.get('x-content-type-options'), allow, said]);
  }
  return given;
}
