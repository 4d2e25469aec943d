import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { requireServer, skipWithout } from '../support/servers.ts';

const examples = fileURLToPath(new URL('../../examples', import.meta.url));

describe('examples/alertmanager.yml', () => {
  for (const version of ['amtool', 'amtool-0.25'] as const) {
    it(`is good for ${version}`, { skip: skipWithout(version) }, () => {
      const file = join(examples, 'alertmanager.yml');
      const { status, stdout, stderr } = spawnSync(requireServer(version), ['check-config', file], {
        encoding: 'utf8',
      });
      assert.equal(status, 0, stderr);
      assert.match(stdout, /SUCCESS[^]* 1 receivers/);
    });
  }

  it('sends to where Tocsin listens', async () => {
    assert.match(
      await readFile(join(examples, 'alertmanager.yml'), 'utf8'),
      /url: http:\/\/127\.0\.0\.1:9093\/webhook$/m,
    );
  });
});
