import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { flagTable, helpText, type Flag } from './flag-table.ts';

const flags: readonly Flag[] = Object.values(flagTable);

describe('helpText', () => {
  it('fits into 100 columns and ends with where the keys of the file are explained', () => {
    const lines = helpText().split('\n');
    assert.deepEqual(
      lines.filter((line) => line.length > 100),
      [],
    );
    assert.match(lines.at(-2) ?? '', /docs\/configuration\.md/);
    assert.equal(lines.at(-1), '');
  });

  it('shows the commands', () => {
    assert.match(helpText(), /^ {2}tocsin check-config FILE +check a configuration file/m);
  });

  for (const flag of flags.filter((candidate) => candidate.placeholder !== undefined)) {
    it(`shows --${flag.name} with its unit and default`, () => {
      const block = `  --${flag.name}=${flag.placeholder}`;
      const lines = helpText().slice(helpText().indexOf(block)).split('\n');
      // What is too long for the column of names has a line of its own.
      const [line, next] = lines[0] === block ? [`${block}${lines[1]}`, lines[2]] : lines;
      assert.ok(line?.startsWith(block) && line.endsWith(flag.help));
      assert.ok(flag.unit !== undefined && next?.includes(flag.unit));
      assert.match(next ?? '', /; default: \S/);
      assert.doesNotMatch(next ?? '', /undefined/);
    });
  }

  it('aligns what the flags mean', () => {
    const starts = flags.map((flag) => {
      const line = helpText()
        .split('\n')
        .find((candidate) => candidate.endsWith(`  ${flag.help}`));
      return line?.indexOf(flag.help);
    });
    assert.equal(new Set(starts).size, 1);
    assert.ok(starts[0] !== undefined);
  });
});
