import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { alwaysLeads, type Leadership } from '../../replica/leadership.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { metric } from '../../runtime/metric.fixture.ts';
import { SliceSchedule } from '../../runtime/slices.ts';
import type { TriggerState } from '../../trigger/ports.ts';
import { newTrigger } from '../../trigger/trigger.fixture.ts';
import type { ApiCall } from '../api/api-transport.ts';
import { failure, withoutRight } from '../api/fake-api-client.fixture.ts';
import { triggerObject } from './trigger-object.fixture.ts';
import { readStatus, type TriggerObject, type TriggerStatus } from './trigger-object.ts';
import { TriggerReport } from './trigger-report.ts';
import type { Verdict } from './trigger-set.ts';
import { TriggerStatuses } from './trigger-statuses.ts';

const resolved: TriggerState = { unavailable: [], isPending: false, notes: [] };
const forbidden = {
  state: 'unavailable',
  reason: 'Forbidden',
  message: 'clusters.postgresql.cnpg.io may not be watched',
  missingRule: { apiGroups: ['postgresql.cnpg.io'], resources: ['clusters'], verbs: ['get', 'list', 'watch'] },
} as const;
const invalid: Verdict = { accepted: false, reason: 'InvalidTrigger', message: 'spec.targets: missing' };

function accepted(spec: object = {}, notes: readonly string[] = []): Verdict {
  return { accepted: true, trigger: newTrigger(spec, { namespace: 'shop' }), notes };
}

/** One trigger of the namespace shop, and what is written into its status. */
function bench(before?: object, leadership: Leadership = alwaysLeads) {
  const [clock, logger, registry] = [new FakeClock(), new RecordingLogger(), new Registry()];
  const calls: ApiCall[] = [];
  const answers: (() => unknown)[] = [];
  let state: TriggerState = resolved;
  let version = 10;
  const client = {
    call: async <T>(call: ApiCall): Promise<T> => {
      calls.push(call);
      const answer = answers.shift();
      return (answer?.() ?? { metadata: { name: 'orders', resourceVersion: String(++version) } }) as T;
    },
  };
  const report: TriggerReport = new TriggerReport({
    clock,
    logger,
    registry,
    counts: () => [],
    statusesWaiting: () => 0,
    unresolved: () => statuses.unresolved(),
  });
  const statuses = new TriggerStatuses({
    clock,
    schedule: new SliceSchedule(clock),
    client,
    states: { stateOf: () => state },
    report,
    leadership,
  });
  const object = (made: Parameters<typeof triggerObject>[1] = {}): TriggerObject =>
    triggerObject('orders', { namespace: 'shop', ...(before !== undefined && { status: before }), ...made });
  const { key } = object();
  statuses.seen(object());
  return {
    clock,
    logger,
    registry,
    calls,
    answers,
    statuses,
    object,
    key,
    setState: (next: Partial<TriggerState>) => {
      state = { ...resolved, ...next };
      statuses.changed(key);
    },
    /** The status in the last write. */
    last: (): TriggerStatus => readStatus((calls.at(-1)?.body as { status?: unknown } | undefined)?.status),
  };
}

/** `Type=Status Reason` of each condition. */
function conditions({ conditions: found }: TriggerStatus): readonly string[] {
  return found.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
}

/** A replica that follows until it is told to lead. */
function follower() {
  let listener = (): void => undefined;
  const leadership = {
    isLeading: false,
    term: 1,
    leader: 'other',
    onChange: (next: () => void) => {
      listener = next;
      return () => undefined;
    },
  };
  const lead = (isLeading: boolean): void => {
    leadership.isLeading = isLeading;
    listener();
  };
  return { leadership, lead };
}

describe('the status of a trigger where several replicas run', () => {
  const counts = { matched: 40, runs: 20, failed: 1, throttled: 2, suppressed: 0 };
  const lastFired = { alert: 'Down', time: '2026-11-21T02:59:00Z', eventId: 'before' };
  const written = { conditions: [], counts, lastFired };

  it('is the leader alone who writes it', async () => {
    const { leadership, lead } = follower();
    const { clock, calls, statuses, object, key, setState } = bench(undefined, leadership);
    statuses.judged(object(), accepted());
    statuses.ran(key, 'done');
    setState({ isPending: true });
    await clock.advanceAsync(60_000);
    assert.deepEqual([calls, statuses.waiting], [[], 0]);
    lead(true);
    await clock.advanceAsync(60_000);
    assert.equal(calls.length, 1);
    lead(false);
    setState({ isPending: false });
    await clock.advanceAsync(60_000);
    assert.equal(calls.length, 1);
  });

  it('goes on from what the former leader wrote last, and does not count the same alerts twice', async () => {
    const { leadership, lead } = follower();
    const { clock, statuses, object, key, last } = bench(undefined, leadership);
    statuses.judged(object(), accepted());
    // Each replica is told of the same alerts; the runs are the leader's.
    statuses.fired(key, { alert: 'Down', at: clock.now() - 3_600_000, eventId: 'old', alerts: 30 });
    statuses.seen(object({ resourceVersion: '20', status: written }));
    lead(true);
    await clock.advanceAsync(20_000);
    assert.deepEqual([last().counts, last().lastFired], [counts, lastFired]);
    statuses.ran(key, 'done');
    statuses.fired(key, { alert: 'Down', at: clock.now(), eventId: 'new', alerts: 1 });
    await clock.advanceAsync(20_000);
    assert.deepEqual(last().counts, { ...counts, matched: 41, runs: 21 });
    assert.equal(last().lastFired?.eventId, 'new');
  });

  it('keeps what a follower knows and the former leader had not written', async () => {
    const { leadership, lead } = follower();
    const { clock, statuses, object, key, last } = bench(undefined, leadership);
    statuses.judged(object(), accepted());
    statuses.seen(object({ resourceVersion: '20', status: written }));
    statuses.fired(key, { alert: 'Down', at: clock.now(), eventId: 'newest', alerts: 50 });
    lead(true);
    await clock.advanceAsync(20_000);
    assert.deepEqual([last().counts?.matched, last().lastFired?.eventId], [50, 'newest']);
  });

  it('does not go back when the lease is lost and won again', async () => {
    const { leadership, lead } = follower();
    const { clock, statuses, object, key, last } = bench(undefined, leadership);
    statuses.judged(object(), accepted());
    lead(true);
    for (let run = 0; run < 5; run++) statuses.ran(key, 'done');
    lead(false);
    statuses.ran(key, 'done');
    lead(true);
    await clock.advanceAsync(20_000);
    assert.equal(last().counts?.runs, 6);
  });
});

describe('the status of a trigger', () => {
  it('is applied as fields of Tocsin alone, to the object that is meant', async () => {
    const { clock, calls, statuses, object } = bench();
    statuses.judged(object(), accepted());
    await clock.advanceAsync(0);
    const [{ path, query, contentType, body } = {} as ApiCall] = calls;
    assert.equal(path, '/apis/tocsin.dev/v1alpha1/namespaces/shop/alerttriggers/orders/status');
    assert.deepEqual([contentType, query], ['application/apply-patch+yaml', { fieldManager: 'tocsin', force: true }]);
    const { metadata, kind, apiVersion } = body as { metadata: object; kind: string; apiVersion: string };
    assert.deepEqual(
      [apiVersion, kind, metadata],
      ['tocsin.dev/v1alpha1', 'AlertTrigger', { name: 'orders', namespace: 'shop', uid: 'uid-orders' }],
    );
  });

  it('says that it is accepted, resolved and ready, of which generation, and what limits changed', async () => {
    const { clock, statuses, object, last } = bench();
    statuses.judged(object({ generation: 3 }), accepted({}, ['minInterval is raised']));
    statuses.seen(object({ generation: 3 }));
    await clock.advanceAsync(0);
    assert.deepEqual(conditions(last()), ['Accepted=True Valid', 'TargetsResolved=True Resolved', 'Ready=True Ready']);
    assert.equal(last().observedGeneration, 3);
    assert.deepEqual(last().clamped, ['minInterval is raised']);
    assert.match(last().conditions[0]?.message ?? '', /minInterval is raised/);
  });

  it('says why it is not accepted', async () => {
    const { clock, statuses, object, last } = bench();
    statuses.judged(object(), invalid);
    await clock.advanceAsync(0);
    assert.deepEqual(conditions(last()), [
      'Accepted=False InvalidTrigger',
      'TargetsResolved=Unknown NotAccepted',
      'Ready=False InvalidTrigger',
    ]);
    assert.equal(last().conditions[0]?.message, 'spec.targets: missing');
  });

  it('names the right that is missing for a target, with the rule to add', async () => {
    const { clock, statuses, object, last, setState, registry } = bench();
    statuses.judged(object(), accepted());
    setState({ unavailable: [forbidden] });
    await clock.advanceAsync(2000);
    assert.deepEqual(conditions(last()).slice(1), ['TargetsResolved=False Forbidden', 'Ready=False Forbidden']);
    assert.equal(
      last().conditions[1]?.message,
      'clusters.postgresql.cnpg.io may not be watched; grant { apiGroups: [postgresql.cnpg.io], resources: [clusters], verbs: [get, list, watch] }',
    );
    assert.equal(await metric(registry, 'tocsin_triggers_unresolved{reason="Forbidden"}'), 1);
  });

  it('is unknown while the targets are looked for', async () => {
    const { clock, statuses, object, last, setState } = bench();
    setState({ isPending: true });
    statuses.judged(object(), accepted());
    await clock.advanceAsync(0);
    assert.deepEqual(conditions(last()).slice(1), ['TargetsResolved=Unknown Pending', 'Ready=Unknown Pending']);
  });

  it('says that it is suspended, observes, is inhibited or throttled, while it is so', async () => {
    const { clock, statuses, object, last, setState } = bench();
    const extra = (): readonly string[] =>
      last()
        .conditions.slice(3)
        .map(({ type, reason, message }) => `${type} ${reason}: ${message}`);
    const until = new Date(clock.now() + 3_600_000).toISOString();
    statuses.judged(object(), accepted({ suspend: { reason: 'upgrade', until }, mode: 'observe' }));
    await clock.advanceAsync(0);
    assert.deepEqual(extra(), ['Suppressed Suspended: it wakes nothing until 2026-11-21T04:00:00Z: upgrade']);
    await clock.advanceAsync(3_600_000);
    setState({ throttled: { runs: 2, until: clock.now() + 1000 } });
    await clock.advanceAsync(10_000);
    assert.deepEqual(extra(), [
      'Suppressed Observing: it decides and tells, and does nothing to any object',
      'Throttled Waiting: 2 runs wait for minInterval or budget, until 2026-11-21T04:00:01Z at the latest',
    ]);
    setState({ inhibitedBy: 'NodeDown' });
    await clock.advanceAsync(10_000);
    assert.deepEqual(extra(), ['Suppressed Inhibited: alerts wake nothing while NodeDown fires']);
  });

  it('tells by itself that a suspension has ended, however long it was', async () => {
    const { clock, statuses, object, last } = bench();
    const days = 40 * 86_400_000;
    const until = new Date(clock.now() + days).toISOString();
    statuses.judged(object(), accepted({ suspend: { reason: 'upgrade', until } }));
    await clock.advanceAsync(days - 1000);
    assert.equal(last().conditions.at(-1)?.reason, 'Suspended');
    await clock.advanceAsync(1000);
    assert.deepEqual(conditions(last()), ['Accepted=True Valid', 'TargetsResolved=True Resolved', 'Ready=True Ready']);
    assert.equal(clock.pending(), 0);
  });

  it('tells within seconds that a suspension has ended because the clock was set forward', async () => {
    const { clock, statuses, object, last } = bench();
    const until = new Date(clock.now() + 3_600_000).toISOString();
    statuses.judged(object(), accepted({ suspend: { reason: 'upgrade', until } }));
    await clock.advanceAsync(20_000);
    clock.set(7_200_000);
    await clock.advanceAsync(20_000);
    assert.deepEqual(conditions(last()), ['Accepted=True Valid', 'TargetsResolved=True Resolved', 'Ready=True Ready']);
  });

  it('keeps the time of a transition while the status of a condition stays', async () => {
    const { clock, statuses, object, last, setState } = bench();
    statuses.judged(object(), accepted());
    await clock.advanceAsync(60_000);
    setState({ unavailable: [forbidden] });
    await clock.advanceAsync(60_000);
    const times = last().conditions.map(({ type, lastTransitionTime }) => `${type} ${lastTransitionTime}`);
    assert.deepEqual(times, [
      'Accepted 2026-11-21T03:00:00Z',
      'TargetsResolved 2026-11-21T03:01:00Z',
      'Ready 2026-11-21T03:01:00Z',
    ]);
  });

  it('counts what becomes of it, and tells it every ten seconds at most', async () => {
    const { clock, calls, statuses, object, key, last } = bench();
    statuses.judged(object(), accepted());
    await clock.advanceAsync(0);
    for (let index = 0; index < 100; index++) {
      statuses.fired(key, { alert: 'Down', at: clock.now(), eventId: `e${index}`, alerts: 2 });
      statuses.ran(key, 'done');
      statuses.ran(key, 'throttled');
      statuses.suppressed(key, 3);
      await clock.advanceAsync(100);
    }
    statuses.ran(key, 'failed');
    assert.equal(calls.length, 2);
    await clock.advanceAsync(10_000);
    assert.equal(calls.length, 3);
    assert.deepEqual(last().counts, { matched: 200, runs: 100, failed: 1, throttled: 100, suppressed: 300 });
    assert.deepEqual(last().lastFired, { alert: 'Down', time: '2026-11-21T03:00:09Z', eventId: 'e99' });
  });

  it('is not written when nothing has changed, and counts on after a restart', async () => {
    const first = bench();
    first.statuses.judged(first.object(), accepted());
    first.statuses.ran(first.key, 'done');
    await first.clock.advanceAsync(20_000);
    const second = bench(first.last());
    second.statuses.judged(second.object(), accepted());
    await second.clock.advanceAsync(60_000);
    assert.deepEqual(second.calls, []);
    second.statuses.ran(second.key, 'done');
    await second.clock.advanceAsync(10_000);
    assert.equal(second.last().counts.runs, 2);
  });

  it('is restored if somebody else changes it, and not because an older version comes late', async () => {
    const { clock, calls, statuses, object } = bench();
    statuses.judged(object(), accepted());
    await clock.advanceAsync(0);
    statuses.seen(object({ resourceVersion: '9' }));
    await clock.advanceAsync(60_000);
    assert.equal(calls.length, 1);
    statuses.seen(object({ resourceVersion: '12', status: { conditions: [] } }));
    await clock.advanceAsync(60_000);
    assert.equal(calls.length, 2);
  });

  it('is not written for an object that is gone or is another one', async () => {
    const { clock, calls, answers, statuses, object } = bench();
    answers.push(() => {
      throw failure(calls[0]!, 404, 'NotFound');
    });
    statuses.judged(object(), accepted());
    await clock.advanceAsync(600_000);
    assert.equal(calls.length, 1);
    statuses.removed(object({ uid: 'another' }));
    statuses.judged(object(), invalid);
    await clock.advanceAsync(0);
    assert.equal(calls.length, 2);
  });

  it('is tried again when it could not be written, and the log names the right and the manifest', async () => {
    const { clock, calls, answers, statuses, object, logger, registry } = bench();
    answers.push(
      () => {
        throw failure(calls[0]!, 500, 'InternalError');
      },
      () => {
        throw withoutRight(calls[0]!, 'patch', 'alerttriggers/status', 'tocsin.dev');
      },
    );
    statuses.judged(object(), accepted());
    await clock.advanceAsync(600_000);
    assert.equal(calls.length, 3);
    assert.equal(await metric(registry, 'tocsin_trigger_status_writes_total{result="failed"}'), 2);
    assert.equal(await metric(registry, 'tocsin_trigger_status_writes_total{result="written"}'), 1);
    const [line] = logger.lines.filter(({ event }) => event === 'trigger.status_failed');
    assert.equal(line?.level, 'warn');
  });

  it('leaves no timer behind', async () => {
    const { clock, statuses, object, key } = bench();
    statuses.judged(object(), accepted());
    statuses.changed(key);
    await clock.advanceAsync(0);
    statuses.ran(key, 'done');
    await statuses.close();
    assert.equal(clock.pending(), 0);
  });
});
