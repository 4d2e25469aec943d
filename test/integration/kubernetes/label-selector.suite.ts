import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { systemClock } from '../../../src/runtime/clock.ts';
import { readLabelSelector } from '../../../src/config/watched-kinds.ts';
import { createApiClient, type ApiClient } from '../../../src/kubernetes/api/api-client.ts';
import { ApiError } from '../../../src/kubernetes/api/api-error.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';

const pieces = [
  'a',
  'b.c/d',
  'in',
  ' in ',
  'notin',
  ' ',
  '(',
  ')',
  '(a)',
  ',',
  '=',
  '==',
  '!=',
  '!',
  '>5',
  '<',
  '-',
  '_',
  'é',
];

describe('a label selector in the configuration', { skip: skipWithoutKube() }, () => {
  const server = useSharedKubeApiServer();
  let client: ApiClient;

  before(() => {
    const access = { kubeconfigs: [server().kubeconfig] };
    client = createApiClient({
      clock: systemClock,
      registry: new Registry(),
      access,
      qps: 1e4,
      burst: 1e4,
      version: 't',
    });
  });
  after(() => client.close());

  it('is taken if the API server takes it, and else refused', async () => {
    const selector = fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 8 }).map((all) => all.join(''));
    await fc.assert(
      fc.asyncProperty(selector, async (text) => {
        // Blanks alone select everything, which nobody intends.
        fc.pre(text.trim() !== '');
        assert.equal('value' in readLabelSelector(text), await isTaken(text), JSON.stringify(text));
      }),
      { numRuns: 1000 },
    );
  });

  async function isTaken(labelSelector: string): Promise<boolean> {
    const query = { labelSelector, limit: 1 };
    try {
      await client.call({ method: 'GET', path: '/api/v1/namespaces', query });
      return true;
    } catch (error) {
      assert.ok(error instanceof ApiError && error.status === 400, String(error));
      return false;
    }
  }
});
