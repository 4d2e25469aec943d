import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { answers } from '../../src/explain/schema-requests.ts';
import { startTocsin } from '../support/tocsin-process.ts';

const run = promisify(execFile);
const main = join(import.meta.dirname, '../../src/main.ts');
const document = readFileSync(join(import.meta.dirname, '../../docs/explain.md'), 'utf8');
const [commands = '', calls = ''] = [...document.matchAll(/```sh\n([^`]+)```/g)].map(([, block]) => block!);
const [shown = ''] = [...document.matchAll(/```json\n([^`]+)```/g)].map(([, text]) => text!);

describe('docs/explain.md', () => {
  it('begins with commands, and then has calls, that do what it says', async (t) => {
    const tocsin = await startTocsin();
    t.after(() => tocsin.stop());
    const inShell = async (block: string): Promise<string> => {
      const script = block.replaceAll('http://127.0.0.1:9093', tocsin.url).replaceAll(/\bcurl\b/g, 'curl -sS');
      const program = `tocsin() { '${process.execPath}' '${main}' "$@"; }`;
      const { stdout } = await run('bash', ['-ec', `${program}\n${script}`], {
        env: { ...process.env, TOCSIN_URL: tocsin.url },
      });
      return stdout;
    };
    const told = await inShell(commands);
    for (const words of ['woke  request my-test', 'TracePipeline/backend  False GatewayThrottling', 'decided by'])
      assert.ok(told.includes(words), `no ${words} in:\n${told}`);
    const [alerts, alert, runs] = (await inShell(calls)).trim().split('\n');
    const { items } = answers.Alerts.parse(JSON.parse(alerts!));
    const { effects } = answers.ExplainedAlert.parse(JSON.parse(alert!));
    const [last] = answers.Runs.parse(JSON.parse(runs!)).items;
    assert.deepEqual(
      items.map(({ fingerprint }) => fingerprint),
      [/alerts\/([0-9a-f]{16})/.exec(calls)?.[1]],
    );
    assert.deepEqual(
      effects.map(({ request_id, verdict }) => [request_id, verdict]),
      [['my-test', 'woke']],
    );
    assert.ok(effects[0]?.runs.includes(last!.id));
    // The answer in the documentation has the fields of this answer, and no others.
    assert.deepEqual(Object.keys(JSON.parse(shown) as object).toSorted(), Object.keys(last!).toSorted());
    assert.equal(last?.transition?.reason, 'GatewayThrottling');
  });

  it('shows a shape that a run has', () => {
    const page = { items: [JSON.parse(shown)] as unknown[] };
    assert.ok(answers.Runs.safeParse(page).success, answers.Runs.safeParse(page).error?.message);
  });
});
