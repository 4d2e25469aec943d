import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { askCommandNames } from '../config/flags/command-table.ts';
import { runAsk } from './fake-api.fixture.ts';

function completed(script: string, ...words: readonly string[]): readonly string[] {
  const call = `COMP_WORDS=(tocsin ${words.join(' ')}); COMP_CWORD=${words.length}; _tocsin; echo "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', `${script}\n${call}`], { encoding: 'utf8' });
  assert.equal(stderr, '');
  return stdout.trim().split(' ');
}

describe('tocsin completion', () => {
  it('completes commands and their flags in bash', async () => {
    const { code, stdout } = await runAsk('completion', ['bash'], {});
    assert.equal(code, 0);
    assert.deepEqual(completed(stdout, 'te'), ['test-alert']);
    assert.deepEqual(completed(stdout, 'why', '--s'), ['--since=']);
    assert.deepEqual(completed(stdout, '--log.f'), ['--log.format=']);
  });

  for (const shell of ['bash', 'zsh', 'fish'])
    it(`has every command and its flags in ${shell}`, async () => {
      const { stdout } = await runAsk('completion', [shell], {});
      for (const name of askCommandNames) assert.ok(stdout.includes(name), name);
      for (const flag of ['since', 'filter', 'resolve', 'http.config.file']) assert.ok(stdout.includes(flag), flag);
    });

  it('refuses another shell with 2', async () => {
    const { code, stderr } = await runAsk('completion', ['tcsh'], {});
    assert.equal(code, 2);
    assert.match(stderr, /no such shell, allowed: tocsin completion bash \| zsh \| fish/);
  });
});
