import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { generateFlags } from '../../src/cli/generate-flags.ts';
import type { Flag } from '../../src/config/flags/flag-table.ts';
import { lintFiles } from '../../src/lint/lint-files.ts';
import { metricsForms } from '../../src/routes/route-queries.ts';
import { blocks, codeIn, linesOf, read, section, tableRows } from '../support/documentation.ts';
import { runTocsin, type Run } from '../support/run-tocsin.ts';

const page = 'docs/route-rules.md';

/** What a reader types, without what kubectl does. */
function runShown(command: string): Promise<Run> {
  const [, words = ''] = /^tocsin ([^|]*)/.exec(command) ?? [];
  return runTocsin(words.trim().split(/\s+/));
}

describe(page, () => {
  const [rules = '', profile = '', ofPipe = '', otlp = ''] = blocks(read(page), 'sh').map((block) =>
    linesOf(block).join(' '),
  );
  const [rule, object, alerts] = blocks(read(page), 'yaml').map((text) => parse(text) as unknown);

  it('shows a rule that the first command writes', async () => {
    const { code, stdout, stderr } = await runShown(rules);
    assert.deepEqual([code, stderr], [0, '']);
    const { groups } = parse(stdout) as { readonly groups: readonly { readonly rules: readonly unknown[] }[] };
    const [shown] = rule as readonly { readonly alert: string; readonly labels: { readonly route: string } }[];
    const written = (groups[0]!.rules as (typeof shown)[]).find(
      (each) => each?.alert === shown?.alert && each?.labels.route === shown?.labels.route,
    );
    assert.deepEqual(shown, written);
  });

  it('shows the beginning of the ServiceProfile, from which the same rules come', async () => {
    interface Profile {
      readonly spec: { readonly routes: readonly unknown[] };
    }
    const { code, stdout, stderr } = await runShown(profile);
    assert.deepEqual([code, stderr], [0, '']);
    const written = parse(stdout) as Profile;
    assert.deepEqual(object, { ...written, spec: { routes: written.spec.routes.slice(0, 1) } });
    assert.match(ofPipe, /\| tocsin rules generate --service-profile=-$/);
  });

  it('shows the alerts of OTLP, and what is said of their names', async () => {
    const { code, stdout, stderr } = await runShown(otlp);
    assert.equal(code, 0);
    const names = (alerts as readonly { readonly alert: string }[]).map(({ alert }) => alert);
    assert.deepEqual(
      [...stdout.matchAll(/alert: (\w+)/g)].map(([, name]) => name),
      names,
    );
    assert.equal(stderr, blocks(section(page, 'Names that collide'), '')[0]);
  });

  it('writes nothing that tocsin lint has anything to say about', async () => {
    for (const form of metricsForms)
      for (const output of ['rules', 'configmap', 'prometheusrule']) {
        const { stdout } = await runShown(`${rules} --rps=100 --metrics=${form} -o ${output}`);
        const { problems } = await lintFiles(['-'], { stdin: Readable.from([Buffer.from(stdout)]), recursive: false });
        assert.deepEqual(problems, [], `${form}, ${output}`);
      }
  });

  it('has every flag, with its default where that is one value', () => {
    const rows = tableRows(section(page, 'Flags of the command'));
    const flags = Object.values<Flag>(generateFlags);
    assert.deepEqual(
      rows.map(([name = '']) => codeIn(name)[0]),
      flags.map(({ name }) => `--${name}`),
    );
    for (const [index, flag] of flags.entries())
      if (flag.default !== undefined) assert.equal(rows[index]?.[1], `\`${flag.default}\``, flag.name);
  });
});
