import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../src/runtime/clock.ts';
import { startAlertmanager } from '../support/alertmanager-server.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import type { PostedAlert } from '../../src/receiver/post-alerts.fixture.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { skipWithout } from '../support/servers.ts';
import { arbitraryFilter, arbitraryLabels } from './arbitrary-labels.ts';
import { sendExactly } from './exact-request.ts';
import { fuzz } from './fuzz.ts';
import { startTocsinApp, type TocsinApp } from './tocsin-app.ts';

const minute = 60_000;

/** Minutes from now. No time is so near to now, or to the resolve timeout, that a run could decide either way. */
const time = fc.option(fc.constantFrom(-100_000, -12, -2, -1, 2, 3, 7, 12, 100_000), { nil: undefined });
const alert = fc.record({ labels: arbitraryLabels, annotations: arbitraryLabels, starts: time, ends: time });

interface Answer {
  readonly status: number;
  readonly body: string;
}

describe('reading alerts', { skip: skipWithout('alertmanager') }, () => {
  let alertmanager: ServerProcess;
  let tocsin: TocsinApp;
  let batches = 0;
  before(async () => {
    [alertmanager, tocsin] = await Promise.all([startAlertmanager(), startTocsinApp()]);
  });
  after(async () => {
    await tocsin.stop();
    await alertmanager.stop();
  });

  it('gives what Alertmanager gives, whatever alerts were posted', async (test) => {
    const posts = fc.array(fc.array(alert, { maxLength: 12 }), { minLength: 1, maxLength: 3 });
    await fuzz(
      test,
      fc.asyncProperty(posts, async (rounds) => {
        const batch = `b${batches++}`;
        const now = systemClock.now();
        for (const round of rounds) await postBoth(round.map((given) => posted(given, batch, now)));
        await assertSame(`/api/v2/alerts?filter=batch=${batch}`, now);
        // An alert that was posted twice can leave a group of Alertmanager stale for good.
        if (rounds.length === 1 && isUnique(rounds[0]!))
          await assertSame(`/api/v2/alerts/groups?filter=batch=${batch}`, now);
      }),
    );
  });

  it('takes every filter as Alertmanager does', async (test) => {
    const now = systemClock.now();
    const all = fc.sample(arbitraryLabels, { seed: 1, numRuns: 300 });
    await postBoth(all.map((set) => posted({ labels: set, annotations: {}, starts: -2, ends: 100_000 }, 'all', now)));
    await fuzz(
      test,
      fc.asyncProperty(fc.array(arbitraryFilter, { minLength: 1, maxLength: 2 }), async (filters) => {
        const query = filters.map((one) => `filter=${escaped(one)}`).join('&');
        await assertSame(`/api/v2/alerts?filter=batch=all&${query}`, now);
      }),
    );
  });

  /** Both may refuse some of the alerts, but must accept the others. */
  async function postBoth(alerts: readonly PostedAlert[]): Promise<void> {
    const headers = { 'Content-Type': 'application/json' };
    const sent = { method: 'POST', path: '/api/v2/alerts', headers, body: JSON.stringify(alerts) };
    const [ours, theirs] = [await sendExactly(tocsin.url, sent), await sendExactly(alertmanager.url, sent)];
    assert.equal(ours?.status, theirs?.status);
  }

  async function assertSame(path: string, now: number): Promise<void> {
    const ours = await ask(tocsin.url, path, now);
    const theirs = (): Promise<Answer> => ask(alertmanager.url, path, now);
    const isSame = ({ status, body }: Answer): boolean => status === ours.status && body === ours.body;
    if (path.includes('groups')) await eventually(theirs, isSame).catch(() => undefined);
    assert.deepEqual(ours, await theirs(), path);
  }
});

function posted(
  given: { labels: object; annotations: object; starts?: number | undefined; ends?: number | undefined },
  batch: string,
  now: number,
): PostedAlert {
  const at = (minutes: number): string => new Date(now + minutes * minute).toISOString();
  return {
    labels: { ...given.labels, batch },
    annotations: given.annotations as Readonly<Record<string, string>>,
    ...(given.starts !== undefined && { startsAt: at(given.starts) }),
    ...(given.ends !== undefined && { endsAt: at(given.ends) }),
  };
}

function isUnique(alerts: readonly { readonly labels: Readonly<Record<string, string>> }[]): boolean {
  const keys = alerts.map(({ labels: set }) =>
    JSON.stringify(
      Object.entries(set)
        .filter(([, value]) => value !== '')
        .toSorted(),
    ),
  );
  return new Set(keys).size === keys.length;
}

function escaped(filterText: string): string {
  return encodeURIComponent(filterText.toWellFormed());
}

/** Gives times near now in minutes from now. */
async function ask(url: string, path: string, now: number): Promise<Answer> {
  const answer = await sendExactly(url, { path });
  assert.ok(answer !== undefined, 'the connection was closed without an answer');
  const body = answer.body
    .toString()
    .replaceAll(
      /"(\d{4}-\d\d-\d\dT[\d:.]+Z)"/g,
      (_, shown: string) => `"${Math.round((Date.parse(shown) - now) / minute)}m"`,
    );
  return { status: answer.status, body };
}
