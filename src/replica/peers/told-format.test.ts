import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AlertStore } from '../../alert/alert-store.ts';
import { posted } from '../../alert/alert-store.fixture.ts';
import type { AlertTimes, PostableAlert } from '../../alert/alert.ts';
import { nothingKnown } from '../../alert/postable/postable-alert.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { Slices, SliceSchedule } from '../../runtime/slices.ts';
import { isNews, sameReceptionMs, toldFormat } from './told-format.ts';

const now = 1_000_000;
const minute = 60_000;

function stored(times: Partial<AlertTimes>): AlertTimes {
  return { startsAt: now - 5 * minute, endsAt: now + 4 * minute, updatedAt: now - minute, timeout: false, ...times };
}

describe('isNews', () => {
  const firing = { startsAt: now - 5 * minute, endsAt: now + 4 * minute };

  it('takes what nobody here knows', () => {
    assert.equal(isNews(undefined, firing, now, false), true);
    assert.equal(isNews(undefined, firing, now, true), true);
    assert.equal(isNews(undefined, { ...firing, endsAt: now - 1 }, now, false), true);
  });

  it('leaves what is stored just so, whoever sent it, to the millisecond', () => {
    assert.equal(isNews(stored({}), firing, now, false), false);
    assert.equal(isNews(stored({ endsAt: firing.endsAt + 0.25 }), firing, now, true), false);
    assert.equal(isNews(stored({}), { ...firing, endsAt: firing.endsAt + 1 }, now, false), true);
  });

  it('compares no times of an alert without an end: two replicas gave them by two clocks', () => {
    const told = { startsAt: now + 10 * minute, endsAt: undefined };
    assert.equal(isNews(stored({ timeout: true, updatedAt: now - 1000 }), told, now, false), false);
    assert.equal(isNews(stored({ timeout: true, updatedAt: now - sameReceptionMs }), told, now, false), true);
    assert.equal(isNews(stored({ timeout: true, endsAt: now, updatedAt: now - 1000 }), told, now, false), true);
    assert.equal(isNews(stored({}), told, now, false), true);
  });

  describe('of something late', () => {
    it('takes the end of what nobody here knows, since somebody may tell later that it fires', () => {
      assert.equal(isNews(undefined, { startsAt: 1, endsAt: now - 1 }, now, true), true);
    });

    it('takes the end of what fires here', () => {
      assert.equal(isNews(stored({}), { startsAt: now - 5 * minute, endsAt: now - 1 }, now, true), true);
    });

    it('leaves the end of an earlier episode', () => {
      const earlier = { startsAt: now - 20 * minute, endsAt: now - 10 * minute };
      assert.equal(isNews(stored({}), earlier, now, true), false);
    });

    it('leaves what fired before an end that is known here', () => {
      assert.equal(isNews(stored({ endsAt: now - minute }), firing, now, true), false);
      assert.equal(isNews(stored({ endsAt: now - minute }), firing, now, false), true);
    });

    it('takes what has begun after that end', () => {
      assert.equal(isNews(stored({ endsAt: now - minute }), { ...firing, startsAt: now - 1 }, now, true), true);
    });

    it('takes what fires if the end here was only a timeout', () => {
      assert.equal(isNews(stored({ endsAt: now - minute, timeout: true }), firing, now, true), true);
    });
  });
});

describe('toldFormat', () => {
  function takeIn(store: AlertStore, alerts: readonly PostableAlert[], at: number, isLate = false): Promise<number> {
    const clock = new FakeClock(at);
    const format = toldFormat({ find: (key, hash) => store.find(key, hash), timeoutMs: 60_000, isLate });
    const body = alerts.map(({ labels, annotations, startsAt, endsAt }) => ({
      labels,
      annotations,
      startsAt: startsAt === undefined ? undefined : new Date(startsAt).toISOString(),
      endsAt: endsAt === undefined ? undefined : new Date(endsAt).toISOString(),
    }));
    const bytes = Buffer.from(JSON.stringify(body));
    return (async () => {
      const batch = await format.read(bytes, 64, new Slices(new SliceSchedule(clock), 'bodies'), nothingKnown, at);
      let taken = 0;
      await batch.forEach((alert) => {
        taken++;
        assert.equal(typeof store.put(alert, at, 1, format.resolveTimeoutMs), 'object');
      });
      return taken;
    })();
  }

  const store = (): AlertStore =>
    new AlertStore(() => ({ maxAlerts: 100, maxBytes: 1_000_000, resolveTimeoutMs: 300_000 }));

  it('takes in an alert of a replica whose clock is ten minutes ahead, if nobody gave an end', async () => {
    const alerts = store();
    assert.equal(await takeIn(alerts, [posted({ startsAt: now + 10 * minute })], now), 1);
    const [alert] = alerts.all();
    assert.deepEqual([alert?.times.startsAt, alert?.times.endsAt], [now, now + minute]);
  });

  it('takes in nothing twice', async () => {
    const time = fc.integer({ min: now - 10 * minute, max: now + 10 * minute });
    const alert = fc
      .record({ name: fc.constantFrom('A', 'B', 'C'), startsAt: time, length: fc.option(fc.nat(10 * minute)) })
      .map(({ name, startsAt, length }) =>
        posted({
          labels: { alertname: name },
          startsAt,
          ...(length !== null && { endsAt: startsAt + length }),
        }),
      );
    const alerts = fc.uniqueArray(alert, { selector: ({ key }) => key, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(alerts, alerts, fc.boolean(), async (before, told, isLate) => {
        const known = store();
        for (const each of before) known.put(each, now - 1000, 1);
        await takeIn(known, told, now, isLate);
        const again = told.filter(({ startsAt, endsAt }) => endsAt === undefined || (startsAt ?? 0) <= endsAt);
        const size = known.size;
        for (const each of again) {
          const { times } = known.find(each.key) ?? {};
          if (times !== undefined && times.endsAt === each.endsAt && times.startsAt === each.startsAt)
            assert.equal(await takeIn(known, [each], now, isLate), 0);
        }
        assert.equal(known.size, size);
      }),
      { numRuns: 100 },
    );
  });
});
