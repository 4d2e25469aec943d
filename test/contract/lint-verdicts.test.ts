import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { lintFiles } from '../../src/lint/lint-files.ts';
import { read, section, tableRows } from '../support/documentation.ts';
import { requireServer, skipWithout, type ServerName } from '../support/servers.ts';
import { alertmanagerFiles, arbitraryFile, prometheusFiles, type CorpusFile } from './lint-corpus.ts';

interface Program {
  readonly name: ServerName;
  readonly args: readonly string[];
  /** The name of the file tells the kind of a file that is too broken to tell it. */
  readonly file: string;
  readonly files: readonly CorpusFile[];
}

/** The codes of lint's errors, and whether the program refuses the file. */
interface Verdicts {
  readonly codes: readonly string[];
  readonly isRefused: boolean;
}

const programs: readonly Program[] = [
  { name: 'amtool', args: ['check-config'], file: 'alertmanager.yml', files: alertmanagerFiles },
  { name: 'promtool', args: ['check', 'config'], file: 'prometheus.yml', files: prometheusFiles },
];

for (const { name, args, file, files } of programs)
  describe(`tocsin lint, beside ${name}`, { skip: skipWithout(name) }, () => {
    let folder: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'lint-verdicts-'));
    });
    after(() => rm(folder, { recursive: true }));

    const known = new Map<string, Verdicts>();

    /** Each file is given to the program once: its start is what takes time. */
    async function verdicts(text: string): Promise<Verdicts> {
      const found = known.get(text) ?? (await newVerdicts(text));
      known.set(text, found);
      return found;
    }

    async function newVerdicts(text: string): Promise<Verdicts> {
      const path = join(folder, file);
      await writeFile(path, text);
      const { problems } = await lintFiles([path], { stdin: Readable.from([]), recursive: false });
      const { status, error } = spawnSync(requireServer(name), [...args, path]);
      assert.equal(error, undefined);
      return {
        codes: problems.filter(({ severity }) => severity === 'error').map(({ code }) => code),
        isRefused: status !== 0,
      };
    }

    const stricter = new Set(
      tableRows(section('docs/checks.md', 'Beside promtool and amtool')).flatMap(([code = '', where = '']) =>
        where.includes(name) ? [code.replaceAll('`', '')] : [],
      ),
    );

    for (const { name: change, text } of files)
      it(`has its verdict on ${change}, or says why it is stricter`, async () => {
        const { codes, isRefused } = await verdicts(text);
        if (isRefused) assert.notDeepEqual(codes, [], `${name} refuses it`);
        else
          assert.deepEqual(
            codes.filter((code) => !stricter.has(code)),
            [],
            `${name} takes it`,
          );
      });

    it('refuses every file that the program refuses, whatever is changed in it', async () => {
      await fc.assert(
        fc.asyncProperty(arbitraryFile(files), async (text) => {
          const { codes, isRefused } = await verdicts(text);
          if (isRefused) assert.notDeepEqual(codes, [], 'the program refuses it');
          else
            assert.deepEqual(
              codes.filter((code) => !stricter.has(code)),
              [],
              'the program takes it',
            );
        }),
        { numRuns: Number(process.env['FUZZ_RUNS'] ?? 40), seed: Number(process.env['FUZZ_SEED'] ?? 1) },
      );
    });

    it('is stricter only where a file of the corpus shows it', async () => {
      const shown = new Set<string>();
      for (const { text } of files) {
        const { codes, isRefused } = await verdicts(text);
        if (!isRefused) for (const code of codes) shown.add(code);
      }
      assert.deepEqual([...shown].toSorted(), [...stricter].toSorted());
    });
  });

it('docs/checks.md explains each difference', () => {
  assert.match(read('docs/checks.md'), /^## Beside promtool and amtool$/m);
});
