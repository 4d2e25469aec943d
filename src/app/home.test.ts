import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { Readiness } from './home.ts';

describe('Readiness', () => {
  it('counts as reached once every pipeline is known, until the shutdown begins', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const registry = new Registry();
    const readiness = new Readiness({ synced: () => promise, trouble: () => 'the cluster does not answer' }, registry);
    const metric = (): Promise<string> => registry.getSingleMetricAsString('tocsin_ready');

    assert.equal(readiness.whyNot, 'starting up: the cluster does not answer');
    assert.match(await metric(), /^tocsin_ready 0$/m);
    resolve();
    assert.equal(await readiness.isReached(), true);
    assert.equal(readiness.whyNot, undefined);
    assert.match(await metric(), /^tocsin_ready 1$/m);
    readiness.end();
    assert.equal(readiness.whyNot, 'shutting down');
    assert.match(await metric(), /^tocsin_ready 0$/m);
  });
});
