import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { skipWithout } from '../support/servers.ts';
import { silenceCases } from './silences.cases.ts';
import { assertAsAlertmanager } from './silences.check.ts';
import { startTocsinApp } from './tocsin-app.ts';

// test/integration/kubernetes/silences.suite.ts has the same for silences that are objects of a cluster.
describe('silences of Tocsin and of Alertmanager 0.34.2', { skip: skipWithout('alertmanager') }, () => {
  it('are the same, request by request', async (t) => {
    const tocsin = await startTocsinApp();
    try {
      await assertAsAlertmanager(t, tocsin.url);
    } finally {
      await tocsin.stop();
    }
  });

  it('have a name of its own for each row', () => {
    const names = silenceCases.map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)]);
  });
});
