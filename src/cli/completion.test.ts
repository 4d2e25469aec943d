import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { askCommandNames } from '../config/flags/command-table.ts';
import { runAsk } from './fake-api.fixture.ts';
import { temporaryFolder } from '../runtime/temporary-folder.fixture.ts';

/** What a shell offers, or makes of the line, for a line that ends here. */
type Complete = (script: string, line: string) => Promise<readonly string[]>;

async function bash(script: string, line: string): Promise<readonly string[]> {
  const words = line.split(' ');
  const call = `COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _tocsin; echo "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', `${script}\n${call}`], { encoding: 'utf8' });
  assert.equal(stderr, '');
  return stdout.trim().split(' ');
}

/** fish makes its folders in the home that it is given. */
async function fish(script: string, line: string): Promise<readonly string[]> {
  const call = `${script}\ncomplete -C ${JSON.stringify(line)}`;
  await using home = await mkdtempDisposable(join(tmpdir(), 'tocsin-fish-'));
  const env = { ...away, HOME: home.path };
  const { stdout, stderr } = spawnSync('fish', ['--no-config', '-c', call], { encoding: 'utf8', env });
  assert.equal(stderr, '');
  return stdout
    .trim()
    .split('\n')
    .map((offer) => offer.split('\t')[0]!);
}

/** A shell without the settings of whoever runs the test. */
const away = { PATH: process.env['PATH'], HOME: '/nonexistent', TERM: 'dumb' };

/** Only a shell on a terminal completes: this types the line and a tab, and reads the line from the shell. */
function zshIn(folder: string): Complete {
  return async (script, line) => {
    const [completion, typed] = [join(folder, 'completion'), join(folder, 'typed')];
    await writeFile(completion, script);
    await writeFile(typed, '');
    const report = `report() { print -r -- $BUFFER > ${typed}; exit }; zle -N report; bindkey '^X' report`;
    const driver = [
      'zmodload zsh/zpty',
      'zpty shell zsh -f -i',
      `zpty -w shell ${JSON.stringify(`source ${completion}; ${report}`).replaceAll('$', String.raw`\$`)}`,
      `zpty -w -n shell $'${line}\\t\\x18'`,
      `for i in {1..100}; do [[ -s ${typed} ]] && break; sleep 0.1; zpty -r -t shell out; done`,
    ].join('\n');
    const { stderr } = spawnSync('zsh', ['-f', '-c', driver], { encoding: 'utf8', env: { ...away, ZDOTDIR: folder } });
    assert.equal(stderr, '');
    return [(await readFile(typed, 'utf8')).trim()];
  };
}

async function zsh(t: TestContext): Promise<Complete> {
  const folder = await temporaryFolder(t, 'tocsin-zsh');
  return zshIn(folder);
}

/** With CI=true the shell has to be there. */
function skipWithoutShell(name: string): string | false {
  const isThere = spawnSync(name, ['--version']).status === 0 || process.env['CI'] === 'true';
  return isThere ? false : `${name} is not installed: apt-get install ${name}`;
}

const script = async (shell: string): Promise<string> => (await runAsk('completion', [shell], {})).stdout;

describe('tocsin completion', () => {
  it('completes commands, their flags and their words in bash', async () => {
    const text = await script('bash');
    assert.deepEqual(await bash(text, 'tocsin te'), ['test-alert']);
    assert.deepEqual(await bash(text, 'tocsin why --s'), ['--since=']);
    assert.deepEqual(await bash(text, 'tocsin --log.f'), ['--log.format=']);
    assert.deepEqual(await bash(text, 'tocsin completion z'), ['zsh']);
    assert.deepEqual(await bash(text, 'tocsin rules pr'), ['print']);
    assert.deepEqual(await bash(text, 'tocsin rules print --gr'), ['--group=']);
  });

  it('completes them in fish', { skip: skipWithoutShell('fish') }, async () => {
    const text = await script('fish');
    assert.deepEqual(await fish(text, 'tocsin te'), ['test-alert']);
    assert.deepEqual(await fish(text, 'tocsin why --s'), ['--since']);
    assert.deepEqual(await fish(text, 'tocsin --log.f'), ['--log.format']);
    assert.deepEqual(await fish(text, 'tocsin completion '), ['bash', 'fish', 'zsh']);
  });

  it(
    'completes them in zsh, even one that has not read its completions',
    { skip: skipWithoutShell('zsh') },
    async (t) => {
      const [text, complete] = [await script('zsh'), await zsh(t)];
      assert.deepEqual(await complete(text, 'tocsin te'), ['tocsin test-alert']);
      assert.deepEqual(await complete(text, 'tocsin why --s'), ['tocsin why --since=']);
      assert.deepEqual(await complete(text, 'tocsin completion z'), ['tocsin completion zsh']);
    },
  );

  for (const shell of ['bash', 'zsh', 'fish'])
    it(`has every command and its flags in ${shell}`, async () => {
      const text = await script(shell);
      for (const name of askCommandNames) assert.ok(text.includes(name), name);
      for (const flag of ['since', 'filter', 'resolve', 'http.config.file']) assert.ok(text.includes(flag), flag);
    });

  it('refuses another shell with 2', async () => {
    const { code, stderr } = await runAsk('completion', ['tcsh'], {});
    assert.equal(code, 2);
    assert.match(stderr, /no such shell, allowed: tocsin completion bash \| zsh \| fish/);
  });
});
