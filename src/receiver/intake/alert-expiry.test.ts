import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AlertStore } from '../../alert/alert-store.ts';
import { posted } from '../../alert/alert-store.fixture.ts';
import type { Causes } from '../../cause/causes.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { AlertExpiry } from './alert-expiry.ts';
import { AlertLines } from './alert-lines.ts';
import { PlatformAlerts } from '../../cause/platform-alerts.ts';
import { parseMatcher } from '../../matcher/parse-matcher.ts';

const minute = 60_000;
const platform = new PlatformAlerts([parseMatcher('source="platform"')]);

function setUp() {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const store = new AlertStore(() => ({ maxAlerts: 10_000, maxBytes: 100_000_000, resolveTimeoutMs: minute }));
  const lines = new AlertLines({ clock, logger, perSecond: () => 10_000 });
  const sunk: Causes[] = [];
  const expiry = new AlertExpiry({
    silencing: () => [],
    platform: () => platform,
    onSuppressed: () => undefined,
    clock,
    store,
    lines,
    sink: (causes) => sunk.push(causes),
  });
  const put = (labels: Readonly<Record<string, string>>, endsAt?: number): void => {
    assert.equal(typeof store.put(posted({ labels, endsAt }), clock.now(), 1), 'object');
  };
  return { clock, logger, store, sunk, expiry, put };
}

describe('AlertExpiry', () => {
  it('sets no timer for an empty store', () => {
    const { clock, expiry } = setUp();
    expiry.run();
    assert.equal(clock.pending(), 0);
  });

  it('makes one event, and a line each, of the alerts that end together, with one timer', () => {
    const { clock, logger, store, sunk, expiry, put } = setUp();
    for (const alertname of ['A', 'B', 'C']) {
      put({ alertname });
      expiry.run();
      assert.equal(clock.pending(), 1);
    }
    clock.advance(minute - 1);
    assert.equal(sunk.length, 0);
    clock.advance(1);
    assert.equal(sunk.length, 1);
    assert.deepEqual(
      [...sunk[0]!.alerts.values()]
        .map(({ labels, status, lastSeen }) => [labels['alertname'], status, lastSeen])
        .sort(),
      ['A', 'B', 'C'].map((alertname) => [alertname, 'expired', clock.now()]),
    );
    assert.deepEqual([sunk[0]!.alertCount, sunk[0]!.requestIds.size, store.firing], [3, 0, 0]);
    assert.deepEqual(
      logger
        .linesOf('alert.expired')
        .map(({ level, fields }) => [level, fields['alertname'], fields['request_id']])
        .sort(),
      ['A', 'B', 'C'].map((alertname) => ['info', alertname, undefined]),
    );
    assert.equal(clock.pending(), 1);
  });

  it('forgets alerts without an event, and then has no timer', () => {
    const { clock, store, sunk, expiry, put } = setUp();
    put({ alertname: 'A' }, clock.now());
    expiry.run();
    clock.advance(30 * minute - 1);
    assert.equal(store.size, 1);
    clock.advance(1);
    assert.deepEqual([store.size, sunk.length, clock.pending()], [0, 0, 0]);
  });

  it('goes on waiting for an alert that was sent again', () => {
    const { clock, sunk, expiry, put } = setUp();
    put({ alertname: 'A' });
    expiry.run();
    clock.advance(minute / 2);
    put({ alertname: 'A' });
    expiry.run();
    clock.advance(minute - 1);
    assert.equal(sunk.length, 0);
    clock.advance(1);
    assert.equal(sunk.length, 1);
  });

  it('sets its timer again for an alert that ends sooner', () => {
    const { clock, sunk, expiry, put } = setUp();
    put({ alertname: 'A' });
    expiry.run();
    put({ alertname: 'B' }, clock.now() + 1000);
    expiry.run();
    assert.equal(clock.pending(), 1);
    clock.advance(1000);
    assert.deepEqual(
      sunk.map(({ alerts }) => [...alerts.values()].map(({ labels }) => labels['alertname'])),
      [['B']],
    );
  });

  it('processes at once what is due when it is run', () => {
    const { clock, sunk, expiry, put } = setUp();
    put({ alertname: 'A' });
    clock.advance(minute);
    assert.equal(sunk.length, 0);
    expiry.run();
    assert.equal(sunk.length, 1);
  });

  it('takes a mass expiry in turns', () => {
    const { clock, logger, store, sunk, expiry, put } = setUp();
    for (let n = 0; n < 2500; n++) put({ alertname: `A${n}` });
    clock.advance(minute);
    expiry.run();
    assert.deepEqual([sunk.map(({ alertCount }) => alertCount), store.firing], [[1000], 1500]);
    assert.equal(clock.pending(), 1);
    clock.advance(0);
    assert.deepEqual(
      sunk.map(({ alertCount }) => alertCount),
      [1000, 1000, 500],
    );
    assert.equal(logger.linesOf('alert.expired').length, 2500);
  });

  it('keeps the alerts of the platform apart, and names their lane', () => {
    const { clock, logger, sunk, expiry, put } = setUp();
    put({ alertname: 'A' });
    put({ alertname: 'P', source: 'platform' });
    clock.advance(minute);
    expiry.run();
    assert.deepEqual(
      sunk.map(({ lane, texts }) => [lane, ...texts]),
      [
        ['platform', 'P expired'],
        ['user', 'A expired'],
      ],
    );
    assert.deepEqual(logger.valuesOf('alert.expired', 'alertname', 'lane').toSorted(), [
      ['A', undefined],
      ['P', 'platform'],
    ]);
  });

  it('handles fewer alerts in a turn if their labels are large', () => {
    const { clock, sunk, expiry, put } = setUp();
    for (let n = 0; n < 5; n++) put({ alertname: `A${n}`, long: 'x'.repeat(600 * 1024) });
    clock.advance(minute);
    expiry.run();
    clock.advance(0);
    assert.deepEqual(
      sunk.map(({ alertCount }) => alertCount),
      [2, 2, 1],
    );
  });

  it('leaves no timer when it is closed, even if it is run once more', () => {
    const { clock, sunk, expiry, put } = setUp();
    put({ alertname: 'A' });
    expiry.run();
    expiry.close();
    assert.equal(clock.pending(), 0);
    put({ alertname: 'B' }, clock.now() + 1);
    expiry.run();
    assert.equal(clock.pending(), 0);
    clock.advance(minute);
    assert.equal(sunk.length, 0);
  });
});
