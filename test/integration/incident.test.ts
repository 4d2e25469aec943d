import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { stageIncident, type Incident } from '../../docs/incident/stage.ts';
import { blocks, read } from '../support/documentation.ts';
import { runTocsin } from '../support/run-tocsin.ts';
import { skipWithout } from '../support/servers.ts';

const questions = blocks(read('docs/incident.md'), '');

describe(
  'docs/incident.md, on the incident that docs/incident/stage.ts stages',
  { skip: skipWithout('prometheus') },
  () => {
    let incident: Incident;

    before(async () => void (incident = await stageIncident()));
    after(() => incident?.stop());

    for (const [index, block] of questions.entries()) {
      const [command = '', ...shown] = block.trimEnd().split('\n');
      it(`${command} (block ${index + 1}) answers what the page says`, async () => {
        assert.match(command, /^\$ tocsin /);
        const words = command.split(' ').slice(2);
        const { stdout, stderr } = await runTocsin([...words, `--url=${incident.tocsin.url}`]);
        let rest = shapeOf(stdout + stderr);
        for (const part of shown.join('\n').split(/^…$/m)) {
          const expected = shapeOf(part);
          const at = rest.indexOf(expected);
          assert.ok(at >= 0, `not there, or not in this order: ${expected}\n\n${stdout}${stderr}`);
          rest = rest.slice(at + expected.length);
        }
      });
    }

    it('asks ten questions', () => {
      assert.equal(read('docs/incident.md').match(/^## \d+\. .*\?.*$/gm)?.length, 10);
    });
  },
);

/** What does not change from time to time, on one line. */
function shapeOf(text: string): string {
  return text
    .replaceAll(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'UUID')
    .replaceAll(/\b(?:[0-9a-f]{16}|[0-9a-f]{8})\b/g, 'ID')
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, 'TIME')
    .replaceAll(/\b\d+(?:ms|s|m) ago/g, 'AGO')
    .replaceAll(/\b(?:\d+ ms|\d+s) (?=from|after)/g, 'DURATION ')
    .replaceAll(/\+\d+/g, '+N')
    .replaceAll(/127\.0\.0\.1:\d+/g, 'ADDRESS')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
