import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import type { LabelSet } from '../../alert/labels.ts';
import {
  alertCauses,
  annotateDefaults,
  FakeAlerts,
  FakePipelines,
  kinds,
  metricOf,
  pipelineOf,
  trace,
} from '../controller.fixture.ts';
import { createControllerMetrics } from '../controller-metrics.ts';
import { createAction } from '../create-controller.ts';
import { healthRules } from '../../health/health-rules.ts';
import type { Condition, Pipeline, Result } from '../../reconcile/ports.ts';
import { SnapshotError } from '../../reconcile/errors.ts';
import { VerdictHolder, VerdictMemory, heldLineMs, HeldLine } from './verdict-holder.ts';

const graceMs = 120_000;
const dropped = { alertname: 'TraceGatewayAllDataDropped', pipeline_name: 'cls' };
const someDropped = { alertname: 'TraceGatewaySomeDataDropped', pipeline_name: 'cls' };
const throttling = { alertname: 'TraceGatewayThrottling' };
const ofOther = { alertname: 'TraceGatewayAllDataDropped', pipeline_name: 'other' };

/** One pipeline, an action that looks at it, and helpers that set the answers and the pushed alerts. */
function bench(condition?: Partial<Condition>, action: 'condition' | 'log' = 'condition') {
  const [clock, logger, registry, alerts] = [new FakeClock(), new RecordingLogger(), new Registry(), new FakeAlerts()];
  const first = pipelineOf('TracePipeline', 'cls', condition && { conditions: [conditionOf(condition)] });
  const pipelines = new FakePipelines(first);
  const metrics = createControllerMetrics(registry, kinds, () => new Map());
  const config = { action, requeue_after: 300_000, annotate: annotateDefaults };
  const holder = new VerdictHolder({ clock, logger, metrics, pipelines, alerts });
  const perform = createAction({ clock, logger, metrics, pipelines, alerts, holder, config });
  const pipeline = (): Pipeline => pipelines.get(first)!;
  const present = (): Condition | undefined =>
    pipeline().conditions.find(({ type }) => type === 'TelemetryFlowHealthy');
  /** Looks once, with these answers and these alerts pushed as firing. */
  const look = async (
    answered: readonly LabelSet[] | 'fails',
    pushed: readonly LabelSet[] = [],
  ): Promise<Result | undefined> => {
    alerts.push(graceMs, ...pushed);
    alerts.answer = () => {
      if (answered !== 'fails') return answered;
      throw new SnapshotError('away', clock.now() + 1000, { cause: undefined });
    };
    const run = {
      id: 'run',
      request: first,
      pipeline: pipeline(),
      causes: alertCauses(clock.now()),
      signal: AbortSignal.timeout(60_000),
    };
    const request = { kind: first.kind, name: first.name };
    return perform
      .perform({ ...run, request })
      .catch((error: unknown) => void assert.ok(error instanceof SnapshotError));
  };
  /** Looks, and returns the reason of the condition after it. */
  const reasonAfter = async (...args: Parameters<typeof look>): Promise<string | undefined> => {
    await look(...args);
    return present()?.reason;
  };
  return { clock, logger, registry, pipelines, present, look, reasonAfter };
}

function conditionOf(change: Partial<Condition>): Condition {
  const lastTransitionTime = '2026-11-21T02:00:00Z';
  return {
    type: 'TelemetryFlowHealthy',
    status: 'False',
    reason: '',
    message: 'as it was',
    observedGeneration: 1,
    lastTransitionTime,
    ...change,
  };
}

const all = 'GatewayAllTelemetryDataDropped';
const some = 'GatewaySomeTelemetryDataDropped';
const slow = 'GatewayThrottling';
const healthy = 'FlowHealthy';
const unknown = healthRules.probingFailed.gateway.reason;

describe('a verdict that improves by the answers', () => {
  const cases: readonly (readonly [
    what: string,
    present: string | undefined,
    answered: readonly LabelSet[],
    pushed: readonly LabelSet[],
    after: string,
  ])[] = [
    ['stays while the alert that leads to it is pushed', all, [], [dropped], all],
    ['stays at its severity, too', all, [throttling], [dropped], all],
    ['is taken when nobody pushes', all, [], [], healthy],
    ['is taken when another alert is pushed, such as a test alert', all, [], [throttling, someDropped], healthy],
    ['is taken when a worse alert is pushed that Prometheus never knew', slow, [], [dropped], healthy],
    ['is taken when the alert of another pipeline is pushed', all, [], [ofOther], healthy],
    ['stays for an alert that is about all pipelines', slow, [], [throttling], slow],
    ['is taken as the answers have it, if they still report another', all, [someDropped], [throttling], some],
    ['stays healthy with a test alert', healthy, [], [dropped], healthy],
    ['is decided by the answers alone where there is none yet', undefined, [], [dropped], healthy],
    [
      'is decided by the answers alone after a reason that no alert leads to',
      'ConfigurationNotGenerated',
      [],
      [dropped],
      healthy,
    ],
  ];
  for (const [what, reason, answered, pushed, after] of cases) {
    it(what, async () => {
      const status = reason === healthy ? 'True' : 'False';
      const { reasonAfter } = bench(reason === undefined ? undefined : { status, reason });
      assert.equal(await reasonAfter(answered, pushed), after);
    });
  }

  it('may always get worse', async () => {
    for (const [reason, status] of [
      [healthy, 'True'],
      [slow, 'False'],
      [some, 'False'],
    ] as const) {
      const { reasonAfter, logger } = bench({ status, reason });
      assert.equal(await reasonAfter([dropped], [throttling, someDropped]), all);
      assert.deepEqual(logger.linesOf('condition.held'), []);
    }
  });

  it('is kept for the grace and no longer, looked at again in seconds, and logged once', async () => {
    const { clock, look, present, logger, registry, pipelines } = bench({ reason: all });
    const first = await look([], [dropped]);
    assert.deepEqual([first?.outcome, first?.heldForMs, first?.requeueAfterMs], ['unchanged', 0, 5000]);
    clock.advance(graceMs - 3000);
    const last = await look([], [dropped]);
    assert.deepEqual([last?.heldForMs, last?.requeueAfterMs], [graceMs - 3000, 3000]);
    assert.deepEqual([present()?.reason, present()?.message, pipelines.writes], [all, 'as it was', []]);
    clock.advance(3000);
    const over = await look([], [dropped]);
    assert.deepEqual([over?.outcome, over?.heldForMs, over?.requeueAfterMs], ['changed', undefined, undefined]);
    assert.equal(present()?.status, 'True');
    assert.deepEqual(logger.valuesOf('condition.held', 'name', 'status', 'reason', 'instead_of', 'grace_ms'), [
      ['cls', 'False', all, healthy, graceMs],
    ]);
    assert.deepEqual(logger.fieldsOf('condition.held')[0]?.['decided_by'], {
      alertname: dropped.alertname,
      labels: dropped,
      because: 'still pushed as firing',
    });
    assert.equal(await metricOf(registry, 'tocsin_condition_holds_total', { kind: 'TracePipeline' }), 1);
  });

  it('gets no second grace because it could not be written', async () => {
    const { clock, look, present, pipelines } = bench({ reason: all });
    await look([], [dropped]);
    clock.advance(graceMs);
    pipelines.beforeWrite = () => Promise.reject(new SnapshotError('no space left', 0, {}));
    await look([], [dropped]);
    pipelines.beforeWrite = () => undefined;
    clock.advance(1000);
    await look([], [dropped]);
    assert.equal(present()?.status, 'True');
  });

  it('gets another grace after an answer that reports the alert', async () => {
    const { clock, look, reasonAfter } = bench({ reason: all });
    for (let time = 0; time < 5; time++) {
      await look([], [dropped]);
      clock.advance(graceMs - 1);
      assert.equal(await reasonAfter([], [dropped]), all);
      await look([dropped], [dropped]);
      clock.advance(1000);
    }
  });

  it('is logged once per grace while it is held again and again, and again after it was healthy', async () => {
    const { clock, look, logger, registry } = bench({ reason: all });
    const held = () => logger.linesOf('condition.held').length;
    for (let time = 0; time < 5; time++) {
      await look([], [dropped]);
      clock.advance(1000);
      await look([dropped], [dropped]);
    }
    assert.equal(held(), 1);
    assert.equal(await metricOf(registry, 'tocsin_condition_holds_total', { kind: 'TracePipeline' }), 5);
    clock.advance(graceMs);
    await look([], [dropped]);
    assert.equal(held(), 2);
    await look([], []);
    await look([dropped], [dropped]);
    await look([], [dropped]);
    assert.equal(held(), 3);
  });

  it('improves as soon as the push has ended', async () => {
    const { clock, look, reasonAfter } = bench({ reason: all });
    await look([], [dropped]);
    clock.advance(7000);
    assert.equal(await reasonAfter([], []), healthy);
  });

  it('leaves Unknown with the first answer, for what it was before, while the alert that led to that is pushed', async () => {
    const { look, reasonAfter, present, clock } = bench({ reason: all });
    assert.equal(await reasonAfter('fails', [dropped]), unknown);
    assert.equal(await reasonAfter('fails', [dropped]), unknown);
    const result = await look([], [dropped]);
    assert.deepEqual([present()?.status, present()?.reason, result?.heldForMs], ['False', all, 0]);
    assert.equal(present()?.message, healthRules.alerts.find(({ reason }) => reason === all)?.message);
    clock.advance(graceMs - 1);
    assert.equal(await reasonAfter([], [dropped]), all);
    clock.advance(1);
    assert.equal(await reasonAfter([], [dropped]), healthy);
  });

  it('gets no second grace by being Unknown', async () => {
    const { look, reasonAfter, clock } = bench({ reason: all });
    await look([], [dropped]);
    clock.advance(graceMs - 1);
    await look('fails', [dropped]);
    clock.advance(1);
    assert.equal(await reasonAfter([], [dropped]), healthy);
  });

  it('follows the answers after Unknown, unless the alert that led to the earlier verdict is still pushed', async () => {
    const { look, reasonAfter } = bench({ reason: all });
    await look('fails');
    assert.equal(await reasonAfter([], [throttling]), healthy);
    await look('fails');
    assert.equal(await reasonAfter([], [dropped]), healthy, 'it was True before');
    await look('fails');
    assert.equal(await reasonAfter([throttling], [dropped]), slow);
  });

  it('logs at the end of the grace that the alert is still pushed', async () => {
    const { clock, look, logger, present } = bench({ reason: all });
    await look([], [dropped]);
    clock.advance(graceMs);
    const result = await look([], [dropped]);
    assert.equal(present()?.reason, healthy);
    assert.deepEqual(result?.decision, { by: 'end of grace', labels: dropped });
    assert.deepEqual(logger.fieldsOf('condition.changed').at(-1)?.['decided_by'], {
      alertname: dropped.alertname,
      labels: dropped,
      because: 'still pushed as firing, but Prometheus has not reported it for prometheus.heal_grace',
    });
  });

  for (const [direction, byMs] of [
    ['forward', 3_600_000],
    ['back', -3_600_000],
  ] as const) {
    it(`is kept for exactly the grace when the clock is set ${direction}`, async () => {
      const { clock, look, reasonAfter, logger } = bench({ reason: all });
      await look([], [dropped]);
      clock.set(byMs);
      clock.advance(graceMs - 1);
      const result = await look([], [dropped]);
      assert.deepEqual([result?.heldForMs, result?.requeueAfterMs], [graceMs - 1, 1]);
      clock.advance(1);
      assert.equal(await reasonAfter([], [dropped]), healthy);
      assert.equal(logger.linesOf('condition.held').length, 1);
    });
  }

  it('gets no better than a milder alert that was reported beside it and is still pushed, for at most the grace', async () => {
    const { clock, look, reasonAfter, present, logger } = bench({ status: 'True', reason: healthy });
    await look([dropped, someDropped], [dropped, someDropped]);
    assert.equal(await reasonAfter([], [someDropped]), some);
    assert.equal(present()?.status, 'False');
    assert.deepEqual(logger.fieldsOf('condition.changed').at(-1)?.['decided_by'], {
      alertname: someDropped.alertname,
      labels: someDropped,
      because: 'still pushed as firing',
    });
    clock.advance(graceMs - 1);
    assert.equal(await reasonAfter([], [someDropped]), some);
    clock.advance(1);
    assert.equal(await reasonAfter([], [someDropped]), healthy);
  });

  it('is still kept, in the same grace, after a worse one came and went', async () => {
    const { clock, look, reasonAfter } = bench({ status: 'True', reason: healthy });
    await look([someDropped], [someDropped]);
    assert.equal(await reasonAfter([], [someDropped]), some);
    clock.advance(graceMs / 2);
    assert.equal(await reasonAfter([dropped], [dropped, someDropped]), all);
    assert.equal(await reasonAfter([], [someDropped]), some);
    clock.advance(graceMs / 2);
    assert.equal(await reasonAfter([], [someDropped]), healthy);
  });

  it('is held for one grace, not for several in a row, by several alerts', async () => {
    const { clock, look, reasonAfter } = bench({ status: 'True', reason: healthy });
    await look([dropped, someDropped, throttling], [dropped, someDropped, throttling]);
    assert.equal(await reasonAfter([], [dropped, someDropped, throttling]), all);
    clock.advance(graceMs);
    assert.equal(await reasonAfter([], [dropped, someDropped, throttling]), healthy);
  });

  it('forgets what was reported before it was healthy', async () => {
    const { look, reasonAfter } = bench({ status: 'True', reason: healthy });
    await look([someDropped], [someDropped]);
    assert.equal(await reasonAfter([], []), healthy);
    await look([dropped], [dropped]);
    assert.equal(await reasonAfter([], [someDropped]), healthy);
  });

  it('is kept after a restart, because of the condition in the object', async () => {
    assert.equal(await bench({ reason: all }).reasonAfter([], [dropped]), all);
  });

  it('takes the current generation of the pipeline while it is kept', async () => {
    const { look, present, pipelines } = bench({ reason: all, observedGeneration: 1 });
    pipelines.put({ ...pipelines.get({ kind: 'TracePipeline', name: 'cls' })!, generation: 2 });
    await look([], [dropped]);
    assert.deepEqual([present()?.observedGeneration, present()?.reason], [2, all]);
  });

  it('is only logged with an action that writes nothing', async () => {
    const { look, logger, pipelines } = bench({ reason: all }, 'log');
    await look([], [dropped]);
    await look([], []);
    assert.deepEqual([pipelines.writes, logger.valuesOf('condition.observed', 'reason')], [[], [[healthy]]]);
  });
});

describe('a verdict, with any sequence of pushes and answers', () => {
  const step = fc.record({
    afterMs: fc.integer({ min: 1, max: 90_000 }),
    answered: fc.boolean(),
    pushed: fc.boolean(),
  });

  it('follows the rules', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { clock, reasonAfter } = bench({ status: 'True', reason: healthy });
        let isBroken = false;
        let contradictedSince: number | undefined;
        for (const { afterMs, answered, pushed } of steps) {
          clock.advance(afterMs);
          const isContradicted: boolean = isBroken && !answered && pushed;
          contradictedSince = isContradicted ? (contradictedSince ?? clock.now()) : undefined;
          isBroken = answered || (contradictedSince !== undefined && clock.now() - contradictedSince < graceMs);
          assert.equal(await reasonAfter(answered ? [dropped] : [], pushed ? [dropped] : []), isBroken ? all : healthy);
        }
      }),
    );
  });

  it('never changes while the alert is pushed and one of two replicas reports it, whichever answers', async () => {
    // Whichever replica answers, no gap between answers of the reporting one is as long as the grace.
    const turns = fc.array(fc.record({ afterMs: fc.integer({ min: 1, max: 7000 }), answered: fc.boolean() }), {
      maxLength: 16,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(turns, { maxLength: 4 }), async (rounds) => {
        const { clock, look, logger } = bench({ status: 'True', reason: healthy });
        for (const round of rounds) {
          await look([dropped], [dropped]);
          for (const { afterMs, answered } of round) {
            clock.advance(afterMs);
            await look(answered ? [dropped] : [], [dropped]);
          }
        }
        assert.ok(logger.linesOf('condition.changed').length <= 1);
      }),
    );
  });

  it('is never better than a pushed alert that was reported within the grace, and Unknown only without an answer', async () => {
    const alerts = [dropped, someDropped, throttling];
    const severities = [all, some, slow, healthy];
    const some3 = fc.tuple(fc.boolean(), fc.boolean(), fc.boolean());
    const afterMs = fc.integer({ min: 1, max: 50_000 });
    const fails = fc.integer({ max: 4, min: 0 }).map((chance) => chance === 0);
    const looks3 = fc.array(fc.record({ afterMs, answered: some3, pushed: some3, fails }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(looks3, async (looks) => {
        const { clock, reasonAfter } = bench({ status: 'True', reason: healthy });
        const [reportedAt, present] = [new Map<number, number>(), { reason: healthy }];
        for (const look of looks) {
          const { answered, pushed } = look;
          clock.advance(look.afterMs);
          if (present.reason === healthy) reportedAt.clear();
          if (look.fails) {
            assert.equal((present.reason = (await reasonAfter('fails'))!), unknown);
            continue;
          }
          for (const index of alerts.keys()) {
            if (answered[index] === true) reportedAt.set(index, clock.now());
            else if (pushed[index] !== true) reportedAt.delete(index);
          }
          const known = [...alerts.keys()].filter(
            (index) => clock.now() - (reportedAt.get(index) ?? -Infinity) < graceMs,
          );
          const worstKnown = Math.min(3, ...known);
          const worstAnswered = answered.includes(true) ? answered.indexOf(true) : 3;
          present.reason = (await reasonAfter(
            alerts.filter((_, index) => answered[index]),
            alerts.filter((_, index) => pushed[index]),
          ))!;
          const rank = severities.indexOf(present.reason);
          assert.ok(rank <= worstAnswered && rank <= worstKnown, `${present.reason} at ${clock.now()}`);
        }
      }),
    );
  });

  it('agrees with the answers after the grace, whatever was pushed, even if the end of a push was lost', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 10 }), async (steps) => {
        const { clock, reasonAfter } = bench({ status: 'True', reason: healthy });
        for (const { afterMs, answered, pushed } of steps) {
          clock.advance(afterMs);
          await reasonAfter(answered ? [dropped] : [], pushed ? [dropped] : []);
        }
        await reasonAfter([], [dropped]);
        clock.advance(graceMs);
        assert.equal(await reasonAfter([], [dropped]), healthy);
      }),
    );
  });
});

describe('VerdictMemory', () => {
  it('remembers each fact about a pipeline, and forgets each separately', () => {
    const memory = new VerdictMemory(new FakePipelines());
    const reported = new Map([['a', 1]]);
    memory.change(trace('x'), { reported });
    memory.change(trace('x'), { loggedAt: 2 });
    assert.deepEqual([memory.of(trace('x')).reported, memory.of(trace('x')).loggedAt], [reported, 2]);
    memory.change(trace('x'), { reported: new Map() });
    assert.deepEqual([memory.of(trace('x')).reported?.size, memory.of(trace('x')).loggedAt], [0, 2]);
    memory.change(trace('x'), { loggedAt: undefined });
    assert.deepEqual([memory.of(trace('x')), memory.of(trace('y')), memory.size], [{}, {}, 0]);
  });

  it('does not grow with deleted pipelines', () => {
    const kept = Array.from({ length: 10 }, (_, index) => pipelineOf('TracePipeline', `kept-${index}`));
    const memory = new VerdictMemory(new FakePipelines(...kept));
    for (const { name } of kept) memory.change(trace(name), { loggedAt: 1 });
    for (let index = 0; index < 5000; index++) memory.change(trace(`gone-${index}`), { loggedAt: 1 });
    assert.equal(memory.of(trace('gone-0')).loggedAt, undefined);
    for (const { name } of kept) assert.equal(memory.of(trace(name)).loggedAt, 1);
    assert.ok(memory.size < 1024);
  });
});

describe('HeldLine', () => {
  it('logs once a minute how many wait, how many run and how many may run', () => {
    const [clock, logger] = [new FakeClock(), new RecordingLogger()];
    const line = new HeldLine({ clock, logger });
    for (const waiting of [1, 2]) line.write({ waiting, running: 2, limit: 2 });
    clock.advance(heldLineMs - 1);
    line.write({ waiting: 3, running: 2, limit: 2 });
    clock.advance(1);
    line.write({ waiting: 4, running: 1, limit: 2 });
    assert.deepEqual(logger.valuesOf('requests.held', 'waiting', 'running', 'limit'), [
      [1, 2, 2],
      [4, 1, 2],
    ]);
    assert.equal(logger.linesOf('requests.held')[0]?.level, 'warn');
  });

  it('logs again after the clock was set back far', () => {
    const [clock, logger] = [new FakeClock(), new RecordingLogger()];
    const line = new HeldLine({ clock, logger });
    line.write({ waiting: 1, running: 2, limit: 2 });
    clock.advance(-3_600_000);
    line.write({ waiting: 1, running: 2, limit: 2 });
    assert.equal(logger.linesOf('requests.held').length, 2);
  });
});
