import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runTocsin } from '../support/run-tocsin.ts';
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

describe('examples/notify', () => {
  const channels = globSync('notify/*.alertmanager.yml', { cwd: examples }).toSorted();

  it('has a configuration for each channel that docs/notify.md names', () => {
    assert.deepEqual(
      channels.map((file) => file.replace(/^notify\/|\.alertmanager\.yml$/g, '')),
      ['email', 'pagerduty', 'slack'],
    );
  });

  for (const version of ['amtool', 'amtool-0.25'] as const)
    for (const file of channels)
      it(`has ${file}, which is good for ${version}`, { skip: skipWithout(version) }, () => {
        const program = requireServer(version);
        const { status, stdout, stderr } = spawnSync(program, ['check-config', join(examples, file)], {
          encoding: 'utf8',
        });
        assert.equal(status, 0, stderr);
        assert.match(stdout, /SUCCESS/);
      });

  it('has nothing of which tocsin lint warns', async () => {
    const files = globSync('notify/*.yml', { cwd: examples }).map((file) => join(examples, file));
    const { code, stdout } = await runTocsin(['lint', '--fail-on=warning', ...files]);
    assert.equal(code, 0, stdout);
  });

  it('has a Prometheus that sends to both, which is good for promtool', { skip: skipWithout('promtool') }, async () => {
    const file = join(examples, 'notify/prometheus.yml');
    const { status, stdout, stderr } = spawnSync(requireServer('promtool'), ['check', 'config', '--lint=all', file], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /SUCCESS/);
    assert.match(await readFile(file, 'utf8'), /127\.0\.0\.1:9094[^]*127\.0\.0\.1:9093/);
  });

  it('shows in docs/notify.md what the file for Slack has', async () => {
    const shown = await readFile(join(examples, '../docs/notify.md'), 'utf8');
    const whole = await readFile(join(examples, 'notify/slack.alertmanager.yml'), 'utf8');
    const [, lines = ''] = /# examples\/notify\/slack\.alertmanager\.yml\n([^]*?)```/.exec(shown) ?? [];
    assert.ok(lines.split('\n').length > 5);
    for (const line of lines.split('\n')) assert.ok(whole.includes(line), line);
  });
});
