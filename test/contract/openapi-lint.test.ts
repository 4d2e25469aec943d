import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { openApi } from '../../src/explain/openapi.ts';

interface Problem {
  readonly severity: string;
  readonly ruleId: string;
  readonly message: string;
  readonly location: readonly { readonly pointer?: string }[];
}

/** The part of Redocly's linter that is used here. */
interface Linter {
  createConfig(config: object): Promise<object>;
  lintFromString(options: { source: string; absoluteRef: string; config: object }): Promise<readonly Problem[]>;
}

const linter = createRequire(import.meta.url)('@redocly/openapi-core') as Linter;

async function problemsOf(document: object): Promise<readonly string[]> {
  const config = await linter.createConfig({ extends: ['recommended'] });
  const source = JSON.stringify(document);
  const problems = await linter.lintFromString({ source, absoluteRef: 'openapi.json', config });
  return problems.map(({ ruleId, message, location }) => `${ruleId} ${location[0]?.pointer}: ${message}`);
}

describe('the OpenAPI document', () => {
  it('is without a problem for a public linter', async () => {
    assert.deepEqual(await problemsOf(openApi('0.1.0', '/api/tocsin/v1')), []);
  });

  it('would not be with a call that has no answer', async () => {
    const document = openApi('0.1.0', '/api/tocsin/v1');
    const problems = await problemsOf({ ...document, paths: { '/pipelines': { get: { operationId: 'x' } } } });
    assert.ok(problems.length > 0);
  });
});
