import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { AlertStore } from '../alert/alert-store.ts';
import { posted } from '../alert/alert-store.fixture.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { Problems } from './problems.ts';
import { Watchdog } from './watchdog.ts';

const minute = 60_000;

interface Bench {
  readonly clock: FakeClock;
  readonly logger: RecordingLogger;
  readonly watchdog: Watchdog;
  config: { matcher: string | null; after: number };
  receive(labels?: Readonly<Record<string, string>>, endsInMs?: number): void;
  advance(ms: number): Promise<void>;
  readonly isTold: boolean;
  readonly message: string | undefined;
}

function bench(matcher: string | null = 'alertname="Watchdog"', after = 5 * minute): Bench {
  const [clock, logger, registry] = [new FakeClock(), new RecordingLogger(), new Registry()];
  const problems = new Problems({ clock, logger, registry });
  const store = new AlertStore(() => ({ maxAlerts: 1000, maxBytes: 1e6, resolveTimeoutMs: 5 * minute }));
  const config = { matcher, after };
  const watchdog = new Watchdog({ clock, schedule: new SliceSchedule(clock), store, problems, config: () => config });
  watchdog.start();
  return {
    clock,
    logger,
    watchdog,
    config,
    receive(labels = { alertname: 'Watchdog' }, endsInMs = 4 * minute) {
      const now = clock.now();
      store.put(posted({ labels, startsAt: now - minute, endsAt: now + endsInMs }), now, 1);
    },
    async advance(ms) {
      await clock.advanceAsync(ms);
      store.expire(clock.now());
    },
    get isTold() {
      return problems.list.length > 0;
    },
    get message() {
      return problems.list[0]?.message;
    },
  };
}

describe('Watchdog', () => {
  it('waits for nothing by default', async () => {
    const { clock, isTold, advance } = bench(null);
    await advance(60 * minute);
    assert.deepEqual([clock.pending(), isTold], [0, false]);
  });

  it('tells when the alert has not come since the start, and not before', async () => {
    const dog = bench();
    await dog.advance(5 * minute - 1);
    assert.equal(dog.isTold, false);
    await dog.advance(1);
    assert.equal(
      dog.message,
      'no firing alert that matches alertname="Watchdog" was received for 5m: none has been received yet',
    );
    dog.watchdog.close();
    assert.equal(dog.clock.pending(), 0);
  });

  it('tells when the alert stops coming, although it still counts as firing, and when it is back', async () => {
    const dog = bench();
    dog.receive(undefined, 24 * 60 * minute);
    await dog.advance(4 * minute);
    dog.receive(undefined, 24 * 60 * minute);
    await dog.advance(5 * minute - 1);
    assert.equal(dog.isTold, false);
    await dog.advance(1);
    assert.match(dog.message ?? '', /the last one was received at 2026-11-21T03:04:00\.000Z$/);
    dog.receive();
    await dog.advance(15_000);
    assert.equal(dog.isTold, false);
    assert.deepEqual(dog.logger.events, ['problem.found', 'problem.solved']);
    dog.watchdog.close();
  });

  it('counts an alert that resolves up to its end, and another one not at all', async () => {
    const dog = bench('severity="none"');
    dog.receive({ alertname: 'Watchdog', severity: 'none' });
    await dog.advance(minute);
    for (let told = 0; told < 5; told++) {
      dog.receive({ alertname: 'Watchdog', severity: 'none' }, -told * minute);
      dog.receive({ alertname: 'Watchdog', severity: 'critical' });
      assert.equal(dog.isTold, false);
      await dog.advance(minute);
    }
    assert.match(dog.message ?? '', /severity="none".*2026-11-21T03:01:00/);
    dog.watchdog.close();
  });

  it('begins anew with another matcher, and ends without one', async () => {
    const dog = bench();
    await dog.advance(5 * minute);
    assert.equal(dog.isTold, true);
    dog.config.matcher = 'alertname="DeadMansSwitch"';
    dog.watchdog.reconfigure();
    assert.equal(dog.isTold, false);
    await dog.advance(5 * minute - 1);
    assert.equal(dog.isTold, false);
    dog.watchdog.reconfigure();
    await dog.advance(1);
    assert.equal(dog.isTold, true);
    dog.config.matcher = null;
    dog.watchdog.reconfigure();
    assert.deepEqual([dog.isTold, dog.clock.pending()], [false, 0]);
  });

  it('is not misled by a clock that is set back or forward', async () => {
    const dog = bench();
    dog.receive();
    dog.clock.set(-3_600_000);
    await dog.advance(5 * minute - 1);
    assert.equal(dog.isTold, false);
    dog.receive();
    dog.clock.set(7_200_000);
    await dog.advance(5 * minute);
    dog.receive();
    await dog.advance(15_000);
    assert.equal(dog.isTold, false);
    dog.watchdog.close();
  });

  it('tells exactly the alerts that stayed away for long enough, whatever comes when', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('wait'), ms: fc.integer({ min: 1, max: 400_000 }) }),
      fc.record({ do: fc.constant('receive'), endsInMs: fc.constantFrom(0, 1000, 240_000, 9_000_000) }),
      fc.record({ do: fc.constant('other'), ms: fc.integer({ min: 1, max: 400_000 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const dog = bench();
        let seenAt = dog.clock.now();
        for (const each of steps) {
          if ('endsInMs' in each) {
            dog.receive(undefined, each.endsInMs);
            seenAt = dog.clock.now();
          } else if (each.do === 'wait') await dog.advance(each.ms);
          else dog.receive({ alertname: 'Other' });
          const awayMs = dog.clock.now() - seenAt;
          if (awayMs >= 5 * minute) assert.equal(dog.isTold, true, `away for ${awayMs} ms`);
          else if (each.do === 'wait' && awayMs >= 15_000) assert.equal(dog.isTold, false, `away for ${awayMs} ms`);
        }
        dog.watchdog.close();
        assert.equal(dog.clock.pending(), 0);
      }),
      { numRuns: 200 },
    );
  });
});
