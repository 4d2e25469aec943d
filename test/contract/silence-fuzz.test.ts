import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../src/runtime/clock.ts';
import { startAlertmanager } from '../support/alertmanager-server.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { skipWithout } from '../support/servers.ts';
import { arbitrarySteps, type SilenceStep } from './arbitrary-silences.ts';
import { fuzz } from './fuzz.ts';
import { SilenceClient } from './silence-client.ts';
import { startTocsinApp, type TocsinApp } from './tocsin-app.ts';

describe('silences of whatever kind', { skip: skipWithout('alertmanager') }, () => {
  let alertmanager: ServerProcess;
  let tocsin: TocsinApp;
  let batches = 0;
  before(async () => {
    [alertmanager, tocsin] = await Promise.all([
      startAlertmanager(),
      startTocsinApp('receiver: { max_silences: 1000000 }'),
    ]);
  });
  after(async () => {
    await tocsin.stop();
    await alertmanager.stop();
  });

  it('are answered, listed and obeyed as Alertmanager does', async (test) => {
    await fuzz(
      test,
      fc.asyncProperty(arbitrarySteps, async (steps) => {
        const batch = `b${batches++}`;
        const now = systemClock.now();
        const [ours, theirs] = [tocsin, alertmanager].map(({ url }) => new SilenceClient(url, batch, now));
        try {
          for (const step of steps) await assertSame(step, ours!, theirs!);
        } finally {
          await Promise.all([ours!.expireAll(), theirs!.expireAll()]);
        }
      }),
    );
  });
});

async function assertSame(step: SilenceStep, ours: SilenceClient, theirs: SilenceClient): Promise<void> {
  const [actual, expected] = await Promise.all([ours.take(step), theirs.take(step)]);
  assert.deepEqual(actual, expected);
}
