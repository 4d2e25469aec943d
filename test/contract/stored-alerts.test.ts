import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { isResolved, type Alert, type AlertTexts, type AlertTimes } from '../../src/alert/alert.ts';
import { AlertStore } from '../../src/alert/alert-store.ts';
import { formatDateTime } from '../../src/text/go/date-time.ts';
import type { LabelSet } from '../../src/alert/labels.ts';
import { readAlerts } from '../../src/alert/postable/read-alerts.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { startAlertmanager } from '../support/alertmanager-server.ts';
import { postAlerts, type PostedAlert } from '../../src/receiver/post-alerts.fixture.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { skipWithout } from '../support/servers.ts';

const minute = 60_000;

/**
 * Minutes from now; an undefined time is not sent. Never 0, nor 5, the resolve timeout: the servers compare these with the arrival time
 * of a post, which nobody knows.
 */
interface Times {
  readonly starts?: number | undefined;
  readonly ends?: number | undefined;
}

/** What is posted for one alert, in order, and what is stored afterwards: its times, or that it has ended. */
type Row = readonly [name: string, posts: readonly Times[], stored: readonly [number, number] | 'over'];

/** Sections 2.1 and 2.2 of the measured contract. */
const rows: readonly Row[] = [
  ['no times', [{}], [0, 5]],
  ['a start alone', [{ starts: -10 }], [-10, 5]],
  ['a start alone, near in the future', [{ starts: 3 }], [3, 5]],
  ['an end alone, in the future', [{ ends: 10 }], [10, 10]],
  ['an end alone, in the past', [{ ends: -10 }], 'over'],
  ['no times twice', [{}, {}], [0, 5]],
  ['no times, then an end', [{}, { ends: 1 }], [0, 1]],
  [
    'an earlier end',
    [
      { starts: -10, ends: 20 },
      { starts: -10, ends: 10 },
    ],
    [-10, 20],
  ],
  [
    'a later end',
    [
      { starts: -10, ends: 10 },
      { starts: -10, ends: 20 },
    ],
    [-10, 20],
  ],
  [
    'a later start and end',
    [
      { starts: -10, ends: 10 },
      { starts: -5, ends: 20 },
    ],
    [-10, 20],
  ],
  [
    'times within those before',
    [
      { starts: -10, ends: 20 },
      { starts: -5, ends: 10 },
    ],
    [-10, 20],
  ],
  [
    'an earlier start and end',
    [
      { starts: -5, ends: 20 },
      { starts: -10, ends: 10 },
    ],
    [-10, 20],
  ],
  [
    'times around those before',
    [
      { starts: -5, ends: 5 },
      { starts: -10, ends: 10 },
    ],
    [-10, 10],
  ],
  ['no times after an explicit end', [{ starts: -1, ends: 60 }, {}], [-1, 60]],
  ['a start after an explicit end', [{ starts: -1, ends: 60 }, { starts: -20 }], [-20, 60]],
  [
    'a resolve',
    [
      { starts: -10, ends: 10 },
      { starts: -10, ends: -1 },
    ],
    'over',
  ],
  ['a resolve without a start', [{ starts: -10, ends: 10 }, { ends: -1 }], 'over'],
  [
    'a new episode',
    [
      { starts: -30, ends: -20 },
      { starts: -10, ends: 10 },
    ],
    [-10, 10],
  ],
  [
    'times that touch',
    [
      { starts: -30, ends: 10 },
      { starts: 10, ends: 20 },
    ],
    [10, 20],
  ],
  ['a resolve, and it fires again', [{ starts: -10, ends: 10 }, { starts: -10, ends: -5 }, { starts: -8 }], [-10, 5]],
];

const offset = fc.option(
  fc.integer({ min: -12, max: 12 }).filter((minutes) => minutes !== 0 && minutes !== 5),
  { nil: undefined },
);
const timesOfPost: fc.Arbitrary<Times> = fc
  .record({ starts: offset, ends: offset })
  .filter(({ starts, ends }) => (starts ?? ends ?? 0) <= (ends ?? 5));

describe('what is stored of an alert', { skip: skipWithout('alertmanager') }, () => {
  let alertmanager: ServerProcess;
  before(async () => void (alertmanager = await startAlertmanager()));
  after(() => alertmanager.stop());

  for (const [name, posts, stored] of rows) {
    it(`is the same as in Alertmanager after ${name}`, async () => {
      const both = await Both.post(alertmanager.url, [posts]);
      const expected = stored === 'over' ? undefined : stored;
      assert.deepEqual(both.minutesOf(await both.inAlertmanager()), [expected]);
      assert.deepEqual(both.minutesOf(both.inStore()), [expected]);
    });
  }

  it('is the same as in Alertmanager after any posts', async () => {
    const alerts = fc.array(fc.array(timesOfPost, { minLength: 1, maxLength: 4 }), { minLength: 50, maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(alerts, async (posts) => {
        const both = await Both.post(alertmanager.url, posts);
        assert.deepEqual(both.minutesOf(await both.inAlertmanager()), both.minutesOf(both.inStore()));
        assert.deepEqual((await both.inAlertmanager()).map(textsOf), both.inStore().map(textsOf));
      }),
      { numRuns: 10, endOnFailure: true },
    );
  });
});

/** The compared part of a stored alert. */
type Shown = AlertTexts & Pick<AlertTimes, 'startsAt' | 'endsAt'>;

function textsOf(shown: Shown | undefined): unknown {
  return shown && { annotations: shown.annotations, generatorURL: shown.generatorURL };
}

/** An alert as Alertmanager shows it. */
interface GettableAlert {
  readonly labels: LabelSet;
  readonly annotations: LabelSet;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL: string;
}

let batches = 0;

/** The real Alertmanager and the alert store, which receive the same alerts. */
class Both {
  readonly #url: string;
  readonly #store = new AlertStore(() => ({ maxAlerts: 1e6, maxBytes: 1e9, resolveTimeoutMs: 5 * minute }));
  /** By their `alertname`, which is the position of the alert in the post. */
  readonly #stored = new Map<string, Alert>();
  /** A label that no other alert in Alertmanager has. */
  readonly #batch = String(batches++);
  readonly #start = systemClock.now();

  private constructor(url: string) {
    this.#url = url;
  }

  /** Posts the first times of all alerts at once, then the second, and so on. */
  static async post(url: string, alerts: readonly (readonly Times[])[]): Promise<Both> {
    const both = new Both(url);
    const rounds = Math.max(...alerts.map((posts) => posts.length));
    for (let round = 0; round < rounds; round++) {
      const sent = alerts.flatMap((posts, index) => {
        const post = posts[round];
        return post === undefined ? [] : [both.#alert(String(index), String(round), post)];
      });
      both.#put(JSON.stringify(sent));
      await postAlerts(url, sent);
    }
    return both;
  }

  /** Undefined in the place of an alert that has ended. */
  async inAlertmanager(): Promise<readonly (Shown | undefined)[]> {
    const response = await fetch(`${this.#url}/api/v2/alerts?filter=batch%3D%22${this.#batch}%22`);
    const alerts = (await response.json()) as readonly GettableAlert[];
    return [...this.#stored.keys()].map((name) => {
      const alert = alerts.find(({ labels }) => labels['alertname'] === name);
      return alert && { ...alert, startsAt: Date.parse(alert.startsAt), endsAt: Date.parse(alert.endsAt) };
    });
  }

  inStore(): readonly (Shown | undefined)[] {
    const now = systemClock.now();
    return [...this.#stored.values()].map(({ times, annotations, generatorURL }) =>
      isResolved(times, now) ? undefined : { ...times, annotations, generatorURL },
    );
  }

  minutesOf(shown: readonly (Shown | undefined)[]): readonly (readonly [number, number] | undefined)[] {
    const minutes = (at: number): number => Math.round((at - this.#start) / minute) + 0;
    return shown.map((alert) => alert && [minutes(alert.startsAt), minutes(alert.endsAt)]);
  }

  #alert(name: string, round: string, { starts, ends }: Times): PostedAlert & { readonly generatorURL: string } {
    const at = (minutes: number): string => formatDateTime(this.#start + minutes * minute);
    return {
      labels: { alertname: name, batch: this.#batch },
      annotations: { round },
      generatorURL: `/${round}`,
      ...(starts !== undefined && { startsAt: at(starts) }),
      ...(ends !== undefined && { endsAt: at(ends) }),
    };
  }

  #put(body: string): void {
    for (const posted of readAlerts(body, 64)) {
      if (posted === undefined) continue;
      const result = this.#store.put(posted, systemClock.now(), 1);
      if (typeof result === 'string') assert.fail(result);
      this.#stored.set(posted.labels['alertname']!, result.alert);
    }
  }
}
