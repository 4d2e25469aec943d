import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { requestKey, type Request } from '../reconcile/ports.ts';
import { VerdictAlerts, type Batch, type Trouble } from './verdict-alerts.ts';

const backend = { kind: 'TracePipeline', name: 'backend' };
const shop = { kind: 'LogPipeline', namespace: 'shop', name: 'logs' };
const everything = 1000;
const repeatMs = 60_000;

function trouble(reason: string, decidedBy = 'A'): Trouble {
  return { status: 'False', reason, message: `it is ${reason}`, decidedBy };
}

function alertsWith(maxBytes = 1 << 20): { readonly alerts: VerdictAlerts; readonly slot: number } {
  const alerts = new VerdictAlerts(() => maxBytes);
  return { alerts, slot: alerts.join()! };
}

/** What an Alertmanager is told, and that it got it. */
function tell(alerts: VerdictAlerts, slot: number, now: number): readonly string[] {
  const batch = alerts.take(slot, everything, now, repeatMs);
  if (batch === undefined) return [];
  alerts.settle(batch, true);
  return shown(batch);
}

function shown({ notifications }: Batch): readonly string[] {
  return notifications.map(
    ({ request, reason, firing }) => `${requestKey(request)} ${reason} ${firing ? 'fires' : 'ended'}`,
  );
}

describe('VerdictAlerts', () => {
  it('tells once that an alert fires, with an end four repetitions away, and once that it has ended', () => {
    const { alerts, slot } = alertsWith();
    assert.equal(alerts.begin(backend, trouble('Throttling'), 5), 'news');
    const batch = alerts.take(slot, everything, 10, repeatMs)!;
    assert.deepEqual(batch.notifications, [
      { request: backend, ...trouble('Throttling'), startsAt: 5, endsAt: 10 + 4 * repeatMs, firing: true },
    ]);
    alerts.settle(batch, true);
    assert.deepEqual(tell(alerts, slot, 11), []);
    assert.equal(alerts.begin(backend, trouble('Throttling'), 12), 'known');
    assert.deepEqual(tell(alerts, slot, 13), []);
    assert.equal(alerts.end(backend, 20), true);
    assert.equal(alerts.end(backend, 21), false);
    const end = alerts.take(slot, everything, 30, repeatMs)!;
    assert.deepEqual(
      end.notifications.map(({ startsAt, endsAt, firing }) => [startsAt, endsAt, firing]),
      [[5, 20, false]],
    );
  });

  it('repeats what fires, with its newest texts, and an end until the alert would have ended by itself', () => {
    const { alerts, slot } = alertsWith();
    alerts.begin(backend, trouble('Throttling', 'A'), 0);
    tell(alerts, slot, 0);
    alerts.begin(backend, trouble('Throttling', 'another'), 1);
    alerts.repeat(repeatMs);
    const again = alerts.take(slot, everything, repeatMs, repeatMs)!;
    assert.deepEqual([again.news, again.notifications[0]?.decidedBy], [0, 'another']);
    alerts.settle(again, true);
    alerts.end(backend, repeatMs + 1);
    assert.deepEqual(tell(alerts, slot, repeatMs + 1), ['TracePipeline/backend Throttling ended']);
    for (let period = 2; period < 5; period++) {
      alerts.repeat(period * repeatMs);
      assert.deepEqual(tell(alerts, slot, period * repeatMs), ['TracePipeline/backend Throttling ended']);
    }
    alerts.repeat(5 * repeatMs);
    assert.deepEqual([tell(alerts, slot, 5 * repeatMs), alerts.bytes], [[], 0]);
  });

  it('repeats all alerts to an Alertmanager that is too slow for one repetition, not the first ones twice', () => {
    const { alerts, slot } = alertsWith();
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) alerts.begin({ kind: 'K', name }, trouble('Throttling'), 0);
    tell(alerts, slot, 0);
    const heard: string[] = [];
    for (let period = 1; period <= 3; period++) {
      alerts.repeat(period * repeatMs);
      const batch = alerts.take(slot, 2, period * repeatMs, repeatMs)!;
      alerts.settle(batch, true);
      heard.push(...batch.notifications.map(({ request }) => request.name));
    }
    assert.deepEqual(heard, names);
  });

  it('repeats what fires although there are always more changes than a batch has room for', () => {
    const { alerts, slot } = alertsWith();
    const flap = (now: number): void => {
      for (let index = 0; index < 8; index++)
        alerts.begin({ kind: 'K', name: `flaps${index}` }, trouble(`r${now % 2}`), now);
    };
    alerts.begin(backend, trouble('Throttling'), 0);
    tell(alerts, slot, 0);
    alerts.repeat(repeatMs);
    const heard = [1, 2].flatMap((now) => {
      flap(now);
      const batch = alerts.take(slot, 4, now, repeatMs)!;
      alerts.settle(batch, true);
      return shown(batch);
    });
    assert.ok(heard.includes('TracePipeline/backend Throttling fires'), heard.join());
  });

  it('tells what was refused again with the next repetition, not before', () => {
    const { alerts, slot } = alertsWith();
    alerts.begin(backend, trouble('Throttling'), 0);
    alerts.settle(alerts.take(slot, everything, 0, repeatMs)!, 'refused');
    assert.deepEqual([tell(alerts, slot, 1), alerts.hasRefused(slot)], [[], true]);
    alerts.repeat(repeatMs);
    assert.deepEqual(tell(alerts, slot, repeatMs), ['TracePipeline/backend Throttling fires']);
    assert.equal(alerts.hasRefused(slot), false);
  });

  it('ends an alert when the reason is another, which is another alert', () => {
    const { alerts, slot } = alertsWith();
    alerts.begin(shop, trouble('Throttling'), 0);
    tell(alerts, slot, 0);
    assert.equal(alerts.begin(shop, trouble('AllDropped'), 1), 'news');
    assert.deepEqual(tell(alerts, slot, 1), [
      'LogPipeline/shop/logs AllDropped fires',
      'LogPipeline/shop/logs Throttling ended',
    ]);
  });

  it('tells nobody of an alert that nobody has heard of when it ends', () => {
    const { alerts, slot } = alertsWith();
    alerts.begin(backend, trouble('Throttling'), 0);
    alerts.end(backend, 1);
    assert.deepEqual([tell(alerts, slot, 1), alerts.bytes], [[], 0]);
  });

  it('tells the end only to those who may have heard of the alert', () => {
    const { alerts, slot } = alertsWith();
    const other = alerts.join()!;
    alerts.begin(backend, trouble('Throttling'), 0);
    tell(alerts, slot, 0);
    alerts.end(backend, 1);
    assert.deepEqual(tell(alerts, other, 2), []);
    assert.deepEqual(tell(alerts, slot, 2), ['TracePipeline/backend Throttling ended']);
  });

  it('tells a former Alertmanager the end although the alert begins again for others', () => {
    const { alerts, slot } = alertsWith();
    const other = alerts.join()!;
    alerts.begin(backend, trouble('Throttling'), 0);
    tell(alerts, slot, 0);
    alerts.end(backend, 1);
    alerts.retire(slot);
    alerts.begin(backend, trouble('Throttling'), 2);
    assert.deepEqual(tell(alerts, slot, 3), ['TracePipeline/backend Throttling ended']);
    assert.deepEqual(tell(alerts, other, 3), ['TracePipeline/backend Throttling fires']);
  });

  it('tells again what was not got, in its newest state', () => {
    const { alerts, slot } = alertsWith();
    alerts.begin(backend, trouble('Throttling'), 0);
    const lost = alerts.take(slot, everything, 0, repeatMs)!;
    alerts.end(backend, 1);
    alerts.settle(lost, false);
    assert.deepEqual(tell(alerts, slot, 2), ['TracePipeline/backend Throttling ended']);
    alerts.begin(backend, trouble('Throttling'), 3);
    const [again] = alerts.take(slot, everything, 3, repeatMs)!.notifications;
    assert.deepEqual([again?.startsAt, again?.firing], [3, true]);
  });

  it('tells changes before repetitions, and each alert once', () => {
    const { alerts, slot } = alertsWith();
    for (const name of ['a', 'b', 'c']) alerts.begin({ kind: 'K', name }, trouble('X'), 0);
    tell(alerts, slot, 0);
    alerts.repeat(repeatMs);
    alerts.begin({ kind: 'K', name: 'd' }, trouble('X'), repeatMs);
    alerts.begin({ kind: 'K', name: 'b' }, trouble('Y'), repeatMs);
    const first = alerts.take(slot, 3, repeatMs, repeatMs)!;
    assert.deepEqual(shown(first), ['K/d X fires', 'K/b Y fires', 'K/b X ended']);
    assert.equal(first.news, 3);
    assert.deepEqual(shown(alerts.take(slot, 3, repeatMs, repeatMs)!), ['K/a X fires', 'K/c X fires']);
    assert.equal(alerts.take(slot, 3, repeatMs, repeatMs), undefined);
  });

  it('tells a new Alertmanager everything, and a former one that all has ended', () => {
    const { alerts, slot } = alertsWith();
    alerts.begin(backend, trouble('Throttling'), 0);
    tell(alerts, slot, 0);
    const other = alerts.join()!;
    assert.deepEqual(tell(alerts, other, 1), ['TracePipeline/backend Throttling fires']);
    alerts.retire(slot);
    alerts.begin(shop, trouble('AllDropped'), 2);
    assert.deepEqual(tell(alerts, slot, 3), ['TracePipeline/backend Throttling ended']);
    assert.deepEqual(tell(alerts, slot, 4), []);
    alerts.leave(slot);
    assert.deepEqual(tell(alerts, other, 5), ['LogPipeline/shop/logs AllDropped fires']);
    assert.equal(alerts.join(), slot);
  });

  it('keeps at most so many bytes: what has ended makes room, and what fires does not', () => {
    const { alerts, slot } = alertsWith(1000);
    const pipelines = ['a', 'b', 'c'].map((name) => ({ kind: 'K', name }));
    for (const pipeline of pipelines) alerts.begin(pipeline, trouble('X'), 0);
    assert.equal(alerts.begin({ kind: 'K', name: 'd' }, trouble('X'), 0), 'limited');
    tell(alerts, slot, 0);
    alerts.end(pipelines[0]!, 1);
    assert.equal(alerts.ended, 1);
    assert.equal(alerts.begin({ kind: 'K', name: 'd' }, trouble('X'), 1), 'news');
    assert.deepEqual([alerts.firing, alerts.ended], [3, 0]);
    assert.ok(alerts.bytes <= 1000);
  });

  it('says that an alert starts in no future, and not after its end, where the clock was set back', () => {
    const { alerts, slot } = alertsWith();
    alerts.begin(backend, trouble('Throttling'), 1000);
    tell(alerts, slot, 1000);
    alerts.repeat(9);
    const again = alerts.take(slot, everything, 9, repeatMs)!;
    assert.equal(again.notifications[0]?.startsAt, 9);
    alerts.settle(again, true);
    alerts.end(backend, 10);
    const [ended] = alerts.take(slot, everything, 10, repeatMs)!.notifications;
    assert.deepEqual([ended?.startsAt, ended?.endsAt], [10, 10]);
  });
});

/** What one Alertmanager believes, as a real one does: an alert fires until the end that it was told of last. */
class NaiveAlertmanager {
  readonly #ends = new Map<string, number>();

  hear({ notifications }: Batch): void {
    for (const { request, reason, endsAt } of notifications) this.#ends.set(`${requestKey(request)} ${reason}`, endsAt);
  }

  firing(now: number): readonly string[] {
    return [...this.#ends].flatMap(([id, endsAt]) => (endsAt > now ? [id] : [])).toSorted();
  }
}

type Step =
  | { readonly do: 'verdict'; readonly pipeline: number; readonly reason: number }
  | { readonly do: 'take'; readonly slot: number; readonly limit: number }
  | { readonly do: 'settle'; readonly slot: number; readonly told: boolean; readonly heard: boolean }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'retire'; readonly slot: number };

const slotOf = fc.integer({ min: 0, max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('verdict' as const),
      pipeline: fc.integer({ min: 0, max: 1 }),
      reason: fc.integer({ min: 0, max: 2 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('take' as const), slot: slotOf, limit: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('settle' as const), slot: slotOf, told: fc.boolean(), heard: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 30_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('retire' as const), slot: slotOf }) },
);

/** Three Alertmanagers, each with at most one batch on its way, that may be heard although the answer is lost. */
class Stage {
  readonly alerts = new VerdictAlerts(() => 1 << 20);
  readonly slots = [0, 1, 2].map(() => this.alerts.join()!);
  readonly alertmanagers = this.slots.map(() => new NaiveAlertmanager());
  readonly unhealthy = new Map<string, string>();
  readonly retired = new Set<number>();
  readonly #onTheWay = new Map<number, Batch>();
  now = 1_000_000;
  #repeatAt = this.now + repeatMs;

  do(next: Step): void {
    switch (next.do) {
      case 'verdict':
        return this.#verdict({ kind: 'K', name: String(next.pipeline) }, next.reason);
      case 'take':
        return this.#take(next.slot, next.limit);
      case 'settle':
        return this.#settle(next.slot, next.told, next.heard);
      case 'wait':
        return this.#wait(next.ms);
      case 'retire':
        return this.retired.has(next.slot) ? this.#comeBack(next.slot) : this.#retire(next.slot);
    }
  }

  /** All that is owed arrives. */
  settleAll(): void {
    for (const slot of this.slots.keys()) this.#tellAll(slot);
  }

  #tellAll(slot: number): void {
    this.#settle(slot, false, false);
    for (let rounds = 0; ; rounds++) {
      this.#take(slot, 2);
      if (!this.#onTheWay.has(slot)) return;
      assert.ok(rounds < 100, 'there is no end of it');
      this.#settle(slot, true, true);
    }
  }

  #retire(slot: number): void {
    this.alerts.retire(this.slots[slot]!);
    this.retired.add(slot);
  }

  /** It has been told the end of everything, and is configured again. */
  #comeBack(slot: number): void {
    this.#tellAll(slot);
    this.alerts.leave(this.slots[slot]!);
    this.slots[slot] = this.alerts.join()!;
    this.retired.delete(slot);
  }

  #verdict(request: Request, reason: number): void {
    const key = requestKey(request);
    if (reason === 0) {
      this.alerts.end(request, this.now);
      this.unhealthy.delete(key);
    } else {
      this.alerts.begin(request, trouble(`r${reason}`), this.now);
      this.unhealthy.set(key, `r${reason}`);
    }
  }

  #take(slot: number, limit: number): void {
    if (this.#onTheWay.has(slot)) return;
    const batch = this.alerts.take(this.slots[slot]!, limit, this.now, repeatMs);
    if (batch === undefined) return;
    const ids = batch.notifications.map(({ request, reason }) => `${requestKey(request)} ${reason}`);
    assert.ok(ids.length <= limit && new Set(ids).size === ids.length);
    this.#onTheWay.set(slot, batch);
  }

  #settle(slot: number, told: boolean, heard: boolean): void {
    const batch = this.#onTheWay.get(slot);
    if (batch === undefined) return;
    this.#onTheWay.delete(slot);
    if (told || heard) this.alertmanagers[slot]!.hear(batch);
    this.alerts.settle(batch, told);
  }

  #wait(ms: number): void {
    this.now += ms;
    if (this.now < this.#repeatAt) return;
    this.#repeatAt = this.now + repeatMs;
    this.alerts.repeat(this.now);
  }
}

describe('VerdictAlerts, whatever happens', () => {
  it('leaves each Alertmanager with what is unhealthy, and a former one with nothing', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const stage = new Stage();
        for (const each of steps) stage.do(each);
        stage.settleAll();
        const expected = [...stage.unhealthy].map(([key, reason]) => `${key} ${reason}`).toSorted();
        for (const [slot, alertmanager] of stage.alertmanagers.entries())
          assert.deepEqual(alertmanager.firing(stage.now), stage.retired.has(slot) ? [] : expected, `${slot}`);
        assert.equal(stage.alerts.firing, expected.length);
      }),
      { numRuns: 600 },
    );
  });

  it('ends by itself in every Alertmanager when nothing more is heard of it, and not before it is due for repetition', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const stage = new Stage();
        for (const each of steps) stage.do(each);
        stage.settleAll();
        const lastTold = stage.now;
        const still = stage.alertmanagers[0]!.firing(lastTold + repeatMs);
        assert.deepEqual(still, stage.alertmanagers[0]!.firing(lastTold));
        for (const alertmanager of stage.alertmanagers)
          assert.deepEqual(alertmanager.firing(lastTold + 4 * repeatMs), []);
      }),
      { numRuns: 100 },
    );
  });

  it('keeps nothing once all is healthy and the last end has been repeated for long enough', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const stage = new Stage();
        for (const each of steps) stage.do(each);
        for (let pipeline = 0; pipeline < 2; pipeline++) stage.do({ do: 'verdict', pipeline, reason: 0 });
        stage.settleAll();
        for (let period = 0; period < 5; period++) stage.do({ do: 'wait', ms: repeatMs });
        stage.settleAll();
        assert.deepEqual([stage.alerts.firing, stage.alerts.ended, stage.alerts.bytes], [0, 0, 0]);
      }),
      { numRuns: 100 },
    );
  });
});
