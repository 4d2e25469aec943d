import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'node:test';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tools = ['bench/bench.ts', 'bench/soak.ts', 'torture/torture.ts', 'test/mutations/mutate.ts'];

interface Run {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

/** A tool that starts its work although it should not is ended after a while, since that work takes minutes. */
function run(commandLine: string): Promise<Run> {
  return new Promise((resolve) => {
    execFile(process.execPath, commandLine.split(' '), { cwd: root, timeout: 20_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

describe('bench, soak, torture and mutate', () => {
  const mistakes: readonly (readonly [commandLine: string, said: RegExp])[] = [
    ...tools.map((tool) => [`${tool} --plott`, /^Unknown option '--plott': there (?:is|are) /] as const),
    ['bench/bench.ts --quick ingets', /"ingets": there is reaction \| .*ingest/],
    ['bench/soak.ts --minutes x', /^--minutes has to be a number over 0, such as 0\.5, and is "x"/],
    ['bench/soak.ts word', /^Unexpected argument 'word'/],
    ['torture/torture.ts --minutes', /^Option '--minutes <value>' argument missing/],
    ['torture/torture.ts --requests 1k', /^--requests has to be a whole number, 1 or more, and is "1k"/],
    ['torture/torture.ts hostile disc', /"disc": there is hostile \| .*disk full/],
    ['torture/torture.ts --prove hostile', /name a fault/],
    ['test/mutations/mutate.ts mather', /"mather": there is .*matcher/],
  ];
  for (const [commandLine, said] of mistakes) {
    it(`do nothing, and say why in one line: ${commandLine}`, async () => {
      const { code, stdout, stderr } = await run(commandLine);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, said);
      assert.match(stderr, /^[^\n]+; --help tells more\n$/);
    });
  }

  for (const tool of tools) {
    it(`show how they are used: ${tool}`, async () => {
      const { code, stdout, stderr } = await run(`${tool} --help`);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^npm run \w+ -- \[/);
    });
  }
});
