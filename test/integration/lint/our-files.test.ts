import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { lintFiles } from '../../../src/lint/lint-files.ts';

const ours = [
  'examples',
  'k8s',
  'networkpolicy',
  'rules',
  'charts/tocsin/values.yaml',
  'charts/tocsin/values-kyma.yaml',
];

describe('tocsin lint, on the files of this repository', () => {
  for (const name of ours)
    it(`has nothing to say about ${name}`, async () => {
      const { problems } = await lintFiles([name], { stdin: Readable.from([]), recursive: true });
      assert.deepEqual(
        problems.filter(({ severity }) => severity !== 'info').map(({ file, line, code }) => `${file}:${line} ${code}`),
        [],
      );
    });
});
