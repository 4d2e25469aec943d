import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AlertStore } from '../alert/alert-store.ts';
import { posted } from '../alert/alert-store.fixture.ts';
import { FiringAlerts } from '../alert/firing-alerts.ts';
import type { LabelSet } from '../alert/labels.ts';
import type { ServerFacts } from '../reconcile/server-facts.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { DriftCheck, type Drift } from './drift-check.ts';

const minute = 60_000;
const down = { alertname: 'InstanceDown', instance: 'a' };
const throttling = { alertname: 'TraceGatewayThrottling' };

function serverOf(changes: Partial<ServerFacts> = {}): ServerFacts {
  return {
    address: 'http://prometheus:9090',
    rules: {
      value: ['InstanceDown', 'TraceGatewayThrottling'].map((name) => ({ name, labels: {}, intervalMs: minute })),
    },
    alertmanagers: { value: [] },
    configuration: { value: 'global:\n  external_labels:\n    cluster: eu\n' },
    resendDelayMs: { value: minute },
    ...changes,
  };
}

function bench(maxAlerts = 1000) {
  const clock = new FakeClock();
  const store = new AlertStore(() => ({ maxAlerts, maxBytes: 1e7, resolveTimeoutMs: 5 * minute }));
  const world = {
    servers: [serverOf()] as readonly ServerFacts[],
    firing: [] as readonly LabelSet[],
    pending: [] as readonly LabelSet[] | undefined,
    isComplete: true,
    isAway: false,
    last: undefined as Drift | undefined,
  };
  const check = new DriftCheck({
    clock,
    schedule: new SliceSchedule(clock),
    store,
    settings: () => ({
      ignoredLabels: ['prometheus_replica'],
      checkIntervalMs: minute,
      resolveTimeoutMs: 5 * minute,
      webhookResolveTimeoutMs: 25 * 60 * minute,
    }),
    firing: async () => {
      if (world.isAway) throw new Error('away');
      return { firing: FiringAlerts.of(world.firing), isComplete: world.isComplete };
    },
    pending: async () => world.pending,
  });
  /** Stores an alert as a Prometheus sends it: for as long as four times its interval. */
  const push = (labels: LabelSet, lastsMs: number | undefined = 4 * minute, resolveTimeoutMs?: number): void => {
    const [now, endsAt] = [clock.now(), lastsMs === Number.POSITIVE_INFINITY ? undefined : clock.now() + lastsMs];
    store.put(posted({ labels, startsAt: now - 10 * minute, endsAt }), now, 1, resolveTimeoutMs);
  };
  return {
    clock,
    world,
    push,
    check,
    /** Looks every minute, or more often; before each look, `meanwhile` happens. */
    async looks(
      count: number,
      meanwhile: () => void = () => undefined,
      stepMs = minute,
    ): Promise<readonly [number, number]> {
      for (let look = 0; look < count; look++) {
        clock.advance(stepMs);
        store.expire(clock.now());
        meanwhile();
        world.last = (await check.look(world.servers)) ?? world.last;
      }
      return [world.last?.notPushed?.count ?? 0, world.last?.notInPrometheus?.count ?? 0];
    },
  };
}

describe('DriftCheck, an alert that fires and is not pushed', () => {
  it('is told after the time in which Prometheus sends it again, and over once it is pushed', async () => {
    const { world, push, looks } = bench();
    world.firing = [down];
    assert.deepEqual(await looks(3), [0, 0]);
    assert.deepEqual(await looks(1), [1, 0]);
    assert.equal(
      world.last?.notPushed?.message,
      '1 alert fires in Prometheus and has not been pushed here for 1m30s or longer: InstanceDown {instance="a"}',
    );
    push(down);
    assert.deepEqual(await looks(1), [0, 0]);
    assert.equal(world.last?.isFed, true);
  });

  it('is told no earlier than its rule is evaluated again', async () => {
    const { world, looks } = bench();
    world.servers = [serverOf({ rules: { value: [{ name: 'InstanceDown', labels: {}, intervalMs: 10 * minute }] } })];
    world.firing = [down];
    assert.deepEqual(await looks(12), [0, 0]);
    assert.deepEqual(await looks(2), [1, 0]);
  });

  it('is told no earlier than Prometheus sends it again, if that is late', async () => {
    const { world, looks } = bench();
    world.servers = [serverOf({ resendDelayMs: { value: 10 * minute } })];
    world.firing = [down];
    assert.deepEqual(await looks(16), [0, 0]);
    assert.deepEqual(await looks(1), [1, 0]);
  });

  it('is told anew when it was pushed once, and then no more', async () => {
    const { world, push, looks } = bench();
    world.firing = [down];
    push(down);
    assert.deepEqual(await looks(6), [0, 0]);
    assert.deepEqual(await looks(2), [1, 0]);
  });

  it('is none while it is only pending, silenced or not, or pushed as something with more labels', async () => {
    const { world, push, looks } = bench();
    world.pending = [throttling];
    world.firing = [down];
    const again = (): void => push({ ...down, cluster: 'eu', prometheus_replica: 'b' });
    assert.deepEqual(await looks(20, again), [0, 0]);
  });

  it('is none if a webhook brings it', async () => {
    const { world, push, looks } = bench();
    world.firing = [down];
    push(down, Number.POSITIVE_INFINITY, 25 * 60 * minute);
    assert.deepEqual(await looks(60), [0, 0]);
    assert.equal(world.last?.isFed, false);
  });

  it('begins anew after Prometheus was away, and stays told if it was', async () => {
    const { world, looks } = bench();
    world.firing = [down];
    await looks(3);
    world.isAway = true;
    await looks(10);
    world.isAway = false;
    assert.deepEqual(await looks(3), [0, 0]);
    assert.deepEqual(await looks(1), [1, 0]);
    world.isAway = true;
    assert.deepEqual(await looks(10), [1, 0]);
  });

  it('cannot be told while the store is full', async () => {
    const { world, push, looks } = bench(1);
    world.firing = [down];
    push(throttling);
    assert.deepEqual(await looks(10, () => (push(throttling), push(down))), [0, 1]);
    assert.match(world.last?.undecided?.message ?? '', /the store of alerts was full/);
  });
});

describe('DriftCheck, an alert that is pushed and does not fire', () => {
  it('is told if it goes on being pushed', async () => {
    const { world, push, looks } = bench();
    assert.deepEqual(await looks(3, () => push(down)), [0, 0]);
    assert.deepEqual(await looks(1, () => push(down)), [0, 1]);
    assert.match(
      world.last?.notInPrometheus?.message ?? '',
      /^1 alert is pushed here and does not fire in Prometheus for 1m30s or longer: InstanceDown \{instance="a"\}$/,
    );
    push(down, 0);
    assert.deepEqual(await looks(1), [0, 0]);
  });

  for (const [what, lastsMs] of [
    ['without an end', Number.POSITIVE_INFINITY],
    ['with a far end', 60 * minute],
  ] as const) {
    it(`is told if it was pushed once, ${what}`, async () => {
      const { push, looks } = bench();
      push(down, lastsMs);
      assert.deepEqual(await looks(3), [0, 0]);
      assert.deepEqual(await looks(1), [0, 1]);
    });
  }

  it('is none if a Prometheus that has lost it sent it last: it ends by itself', async () => {
    const { world, push, looks } = bench();
    world.firing = [down];
    await looks(5, () => push(down));
    world.firing = [];
    for (let look = 0; look < 30; look++) assert.deepEqual(await looks(1, undefined, 10_000), [0, 0]);
  });

  it('is none while it is pending, as in a replica that was just replaced', async () => {
    const { world, push, looks } = bench();
    world.pending = [{ ...down, prometheus_replica: 'a' }];
    assert.deepEqual(await looks(20, () => push({ ...down, cluster: 'eu' })), [0, 0]);
    world.pending = undefined;
    assert.deepEqual(await looks(20, () => push(down)), [0, 0]);
    world.pending = [];
    assert.deepEqual(await looks(4, () => push(down)), [0, 1]);
  });

  it('is none while a replica has not answered', async () => {
    const { world, push, looks } = bench();
    world.isComplete = false;
    assert.deepEqual(await looks(20, () => push(down)), [0, 0]);
  });

  it('is none if it is a test, is from a Tocsin, or came by a webhook', async () => {
    const { push, looks } = bench();
    push({ alertname: 'PipelineUnhealthy', tocsin: 'notify' }, 60 * minute);
    push({ alertname: 'TocsinTest', tocsin_test: 'x' }, 60 * minute);
    push(down, Number.POSITIVE_INFINITY, 25 * 60 * minute);
    assert.deepEqual(await looks(20), [0, 0]);
  });
});

describe('DriftCheck, what it cannot tell', () => {
  for (const [what, configuration, unknown] of [
    [
      'a server that does not tell its configuration',
      { error: new Error('It is a 404.'), isRefused: true },
      /a 404\.$/,
    ],
    ['a rewritten alertname', { value: relabelling('target_label: alertname') }, /rewrite alertname$/],
  ] as const) {
    it(`says so of ${what}, and tells nothing else`, async () => {
      const { world, push, looks } = bench();
      world.servers = [serverOf(), serverOf({ configuration })];
      world.firing = [throttling];
      assert.deepEqual(await looks(20, () => push(down)), [0, 0]);
      assert.match(world.last?.undecided?.message ?? '', unknown);
    });
  }

  it('says so of relabelling that drops alerts, and still tells what is pushed and does not fire', async () => {
    const { world, push, looks } = bench();
    world.servers = [serverOf({ configuration: { value: relabelling('action: drop, regex: x') } })];
    world.firing = [throttling];
    assert.deepEqual(await looks(20, () => push(down)), [0, 1]);
    assert.match(world.last?.undecided?.message ?? '', /the action drop/);
  });
});

function relabelling(step: string): string {
  return `alerting:\n  alert_relabel_configs: [{${step}}]\n`;
}

describe('DriftCheck, any Prometheus that works', () => {
  it('is never told, whatever fires, ends and restarts when, with or without replicas', async () => {
    const names = ['InstanceDown', 'TraceGatewayThrottling', 'Other'];
    const action = fc.record({
      toggle: fc.constantFrom(undefined, ...names),
      restart: fc.constantFrom(false, false, false, 'prometheus', 'tocsin'),
      lost: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { minLength: 5, maxLength: 40 }),
        fc.integer({ min: 0, max: 60 }),
        async (actions, offset) => {
          let made = bench();
          const sentAt = new Map<string, number>();
          const firing = new Set<string>();
          let now = 0;
          for (const { toggle, restart, lost } of actions) {
            if (restart === 'tocsin') made = bench();
            // A Prometheus that was restarted reports what fires after an evaluation, and sends it at once; what ended is forgotten.
            if (restart === 'prometheus') sentAt.clear();
            if (toggle !== undefined && !firing.delete(toggle)) firing.add(toggle);
            const ended = [...sentAt.keys()].filter((name) => !firing.has(name));
            for (const name of ended) {
              // One push in a while is lost, the end too; Prometheus repeats it.
              if (!lost) made.push({ alertname: name, cluster: 'eu' }, 0);
              if (!lost) sentAt.delete(name);
            }
            const send = (): void => {
              now += minute;
              for (const name of firing) {
                if (now - (sentAt.get(name) ?? Number.NEGATIVE_INFINITY) < minute + (offset % 7) * 1000) continue;
                made.push({ alertname: name, cluster: 'eu', prometheus_replica: 'b' });
                sentAt.set(name, now);
              }
            };
            made.world.firing = [...firing].map((alertname) => ({ alertname, prometheus_replica: 'a' }));
            assert.deepEqual(await made.looks(1, send), [0, 0]);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
