import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runAsk } from '../../src/cli/fake-api.fixture.ts';
import { newTrigger } from '../../src/trigger/trigger.fixture.ts';
import { presetNames, TriggerSpec } from '../../src/trigger/trigger-spec.ts';
import { block, codeIn, read, section, tableRows } from '../support/documentation.ts';

const page = 'docs/triggers.md';
const [start = ''] = read(page).split('\n## ');

describe('docs/triggers.md', () => {
  it('has every field of a trigger', () =>
    assert.deepEqual(
      tableRows(start).flatMap(([field = '']) => codeIn(field)),
      Object.keys(TriggerSpec.shape),
    ));

  it('has every preset, with what it writes', () => {
    const rows = tableRows(section(page, 'What is done'));
    assert.deepEqual(
      rows.flatMap(([name = '']) => codeIn(name)),
      [...presetNames],
    );
    for (const [name = '', annotation = '', value = ''] of rows) {
      const { action } = newTrigger({
        action: { annotate: { preset: codeIn(name)[0] } },
        budget: { runs: 1, per: '1h' },
      });
      assert.ok(action.do === 'annotate');
      assert.deepEqual([codeIn(annotation)[0], codeIn(value)[0]], [action.key, action.value.text]);
      assert.equal(annotation.includes('pod template'), action.on === 'podTemplate');
    }
  });

  it('shows a trigger that the command on the page finds good, and that does what the page says', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tocsin-triggers-page-'));
    try {
      const file = join(folder, 'orders-db.yaml');
      writeFileSync(file, block(page, 'yaml'));
      const [, words = ''] = /^tocsin trigger test -f orders-db\.yaml --alert '(.+)'$/m.exec(read(page)) ?? [];
      const { code, stdout } = await runAsk('trigger', ['test', '-f', file, '--alert', words], {});
      assert.equal(code, 0, stdout);
      assert.match(
        stdout,
        /orders-db: matches, and would write the condition AlertsQuiet\n {4}Cluster orders in namespace shop/,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
