import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { labelKey } from '../alert/labels.ts';
import { Causes } from '../cause/causes.ts';
import type { Request } from '../reconcile/ports.ts';
import { SnapshotError } from '../reconcile/errors.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { TokenBucket } from '../runtime/token-bucket.ts';
import { newTrigger } from '../trigger/trigger.fixture.ts';
import { metric } from '../runtime/metric.fixture.ts';
import { triggersBench, type TriggersBench } from './triggers.fixture.ts';

const orders: Request = { kind: 'Deployment', namespace: 'shop', name: 'orders' };
const carts: Request = { kind: 'Deployment', namespace: 'shop', name: 'carts' };
const down = { alertname: 'DbDown', namespace: 'shop', severity: 'critical', app: 'orders' };
const slow = { alertname: 'DbSlow', namespace: 'shop', severity: 'warning', app: 'orders' };

const named = { targets: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'orders' }] };
const selected = {
  targets: [{ apiVersion: 'apps/v1', kind: 'Deployment', selector: { matchLabels: { app: 'orders' } } }],
};
const templated = { targets: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: '{{ labels.app }}' }] };
const owner = { targets: [{ ownerOf: { pod: '{{ labels.pod }}' } }] };
const quiet = { action: { condition: { type: 'AlertsQuiet' } } };
const nudge = { action: { annotate: { key: 'example.com/at', value: '{{ alertname }} {{ now }}' } } };

function conditions(bench: TriggersBench, request = orders): readonly string[] {
  return bench.home.conditionsOf(request).map(({ type, status, reason }) => `${type} ${status} ${reason}`);
}

async function setUp(
  t: TestContext,
  ...specs: readonly object[]
): Promise<TriggersBench & { readonly folder: string }> {
  const bench = await triggersBench(t);
  bench.home.put(orders, { app: 'orders' });
  bench.home.put(carts, { app: 'carts' });
  for (const [index, spec] of specs.entries()) apply(bench, spec, `t${index}`);
  await bench.settle();
  return bench;
}

function apply(bench: TriggersBench, spec: object, name = 't0'): void {
  const trigger = newTrigger(spec, { namespace: 'shop', name });
  bench.reconciling.triggers.setCluster(trigger.key, trigger);
}

function forget(bench: TriggersBench, name = 't0'): void {
  bench.reconciling.triggers.setCluster(`alerttrigger/shop/${name}`, undefined);
}

describe('a change of a trigger', () => {
  it('is counted with the time from when it was seen until it is in force', async (t) => {
    const bench = await setUp(t);
    const count = (): Promise<number | undefined> => metric(bench.registry, 'tocsin_trigger_propagation_seconds_count');
    const sum = (): Promise<number | undefined> => metric(bench.registry, 'tocsin_trigger_propagation_seconds_sum');
    assert.equal(await count(), 0);
    const trigger = newTrigger({ ...named, ...quiet }, { namespace: 'shop', name: 'late' });
    bench.reconciling.triggers.setCluster(trigger.key, trigger, bench.clock.now() - 700);
    await bench.settle();
    assert.deepEqual([await count(), await sum()], [1, 0.75]);
    forget(bench, 'late');
    await bench.settle();
    assert.deepEqual([await count(), await sum()], [2, 0.8]);
  });
});

describe('a trigger with a condition', () => {
  for (const [how, spec] of Object.entries({ named, selected }))
    it(`is True at once on what is ${how}, False with the worst alert, and True again`, async (t) => {
      const bench = await setUp(t, { ...spec, ...quiet });
      assert.deepEqual(conditions(bench), ['AlertsQuiet True NoAlerts']);
      bench.alert(slow);
      bench.alert(down);
      await bench.settle();
      assert.deepEqual(conditions(bench), ['AlertsQuiet False DbDown']);
      bench.alert(down, 'resolved');
      await bench.settle();
      assert.deepEqual(conditions(bench), ['AlertsQuiet False DbSlow']);
      bench.alert(slow, 'resolved');
      await bench.settle();
      assert.deepEqual(conditions(bench), ['AlertsQuiet True NoAlerts']);
      assert.deepEqual(conditions(bench, carts), []);
      assert.equal(bench.home.writes, 4);
    });

  it('is nothing before an alert leads to the object, and True afterwards', async (t) => {
    const bench = await setUp(t, { ...templated, ...quiet });
    assert.deepEqual(conditions(bench), []);
    bench.alert(down);
    await bench.settle();
    assert.deepEqual(conditions(bench), ['AlertsQuiet False DbDown']);
    bench.alert(down, 'resolved');
    await bench.settle();
    assert.deepEqual(conditions(bench), ['AlertsQuiet True NoAlerts']);
  });

  it('is written into what owns the pod', async (t) => {
    const bench = await setUp(t, { ...owner, ...quiet });
    bench.home.owners.set('shop/orders-1', orders);
    bench.alert({ ...down, pod: 'orders-1' });
    bench.alert({ ...down, pod: 'other' });
    await bench.settle();
    assert.deepEqual(conditions(bench), ['AlertsQuiet False DbDown']);
    assert.deepEqual(bench.reconciling.triggers.stateOf('alerttrigger/shop/t0').notes, ['nobody owns it']);
    bench.alert({ ...down, pod: 'orders-1' }, 'resolved');
    await bench.settle();
    assert.deepEqual(conditions(bench), ['AlertsQuiet True NoAlerts']);
  });

  it('finds what fires already when it is applied', async (t) => {
    const bench = await setUp(t);
    bench.alert(down);
    await bench.settle();
    apply(bench, { ...templated, ...quiet });
    await bench.settle();
    assert.deepEqual(conditions(bench), ['AlertsQuiet False DbDown']);
  });

  it('shares its entry with another trigger: the worst of both decides', async (t) => {
    const of = (alertname: string): object => ({ ...named, ...quiet, matchers: [`alertname="${alertname}"`] });
    const bench = await setUp(t, of('DbSlow'), of('DbDown'));
    bench.alert(slow);
    bench.alert(down);
    await bench.settle();
    assert.deepEqual(conditions(bench), ['AlertsQuiet False DbDown']);
    forget(bench, 't1');
    await bench.settle();
    assert.deepEqual(conditions(bench), ['AlertsQuiet False DbSlow']);
    forget(bench, 't0');
    await bench.settle();
    assert.deepEqual(conditions(bench), []);
    assert.equal(bench.logger.linesOf('condition.removed').length, 1);
  });

  it('is removed when the trigger names another object, or another type', async (t) => {
    const bench = await setUp(t, { ...named, ...quiet });
    apply(bench, { ...named, action: { condition: { type: 'Other' } } });
    await bench.settle();
    assert.deepEqual(conditions(bench), ['Other True NoAlerts']);
    apply(bench, { targets: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'carts' }], ...quiet });
    await bench.settle();
    assert.deepEqual([conditions(bench), conditions(bench, carts)], [[], ['AlertsQuiet True NoAlerts']]);
  });

  it('is removed when the labels of the object no longer match', async (t) => {
    const bench = await setUp(t, { ...selected, ...quiet });
    bench.home.put(orders, { app: 'x' });
    await bench.settle();
    assert.deepEqual(conditions(bench), []);
    bench.home.put(carts, { app: 'orders' });
    await bench.settle();
    assert.deepEqual(conditions(bench, carts), ['AlertsQuiet True NoAlerts']);
  });

  it('is removed after a restart if the trigger was deleted meanwhile', async (t) => {
    const bench = await setUp(t, { ...named, ...quiet });
    await bench.stop();
    const again = await triggersBench(t, {}, bench);
    void again.reconciling.pipelines.sweep('start');
    await again.settle();
    assert.deepEqual(conditions(again), []);
  });

  it('stays as it is while the trigger is suspended or observes', async (t) => {
    for (const change of [{ suspend: { reason: 'upgrade' } }, { mode: 'observe' }]) {
      const bench = await setUp(t, { ...named, ...quiet });
      apply(bench, { ...named, ...quiet, ...change });
      bench.alert(down);
      await bench.settle();
      assert.deepEqual(conditions(bench), ['AlertsQuiet True NoAlerts']);
      await bench.stop();
    }
  });

  it('is Unknown while Prometheus cannot be asked, but not for a failure that may be over in a moment', async (t) => {
    const bench = await setUp(t, { ...named, ...quiet });
    const failure = (isLasting: boolean): Error => new SnapshotError('503', bench.clock.now() + 60_000, { isLasting });
    bench.failure = failure(false);
    bench.alert(down);
    await bench.settle();
    assert.deepEqual(conditions(bench), ['AlertsQuiet True NoAlerts']);
    bench.failure = failure(true);
    bench.alert(down);
    await bench.settle();
    assert.deepEqual(conditions(bench), ['AlertsQuiet Unknown AlertsUnknown']);
    bench.failure = undefined;
    bench.alert(down);
    await bench.settle();
    assert.deepEqual(conditions(bench), ['AlertsQuiet False DbDown']);
  });

  it('stays for heal_grace while the alert is still pushed, and not for an alert that Prometheus has never reported', async (t) => {
    const bench = await setUp(t, { ...named, ...quiet });
    bench.pushed = [slow];
    bench.reconciling.pipelines.manual([orders], 'r');
    await bench.settle();
    assert.deepEqual(conditions(bench), ['AlertsQuiet True NoAlerts']);
    bench.alert(down);
    await bench.settle();
    bench.pushed = [down, slow];
    bench.firing.clear();
    bench.reconciling.pipelines.manual([orders], 'r');
    await bench.settle();
    assert.deepEqual(conditions(bench), ['AlertsQuiet False DbDown']);
    assert.equal(bench.logger.linesOf('condition.held').length, 1);
    await bench.clock.advanceAsync(60_000);
    await bench.settle();
    assert.deepEqual(conditions(bench), ['AlertsQuiet True NoAlerts']);
  });

  it('names no alert of another team, whatever woke the run', async (t) => {
    const bench = await setUp(t, { ...named, ...quiet }, { ...named, ...nudge, matchers: ['alertname="DbSlow"'] });
    const secret = { alertname: 'Secret', namespace: 'other' };
    bench.alert(secret);
    bench.alert(slow);
    bench.alert(down);
    await bench.settle();
    const said = JSON.stringify([
      bench.home.conditionsOf(orders),
      bench.home.annotations,
      bench.logger.linesOf('condition.changed'),
      bench.logger.linesOf('object.annotated'),
      bench.logger.linesOf('reconcile.started'),
    ]);
    assert.doesNotMatch(said, /Secret/);
    assert.match(bench.home.annotations.at(-1)?.annotations['example.com/at'] ?? '', /^DbSlow /);
  });
});

describe('after a restart, a trigger with a condition', () => {
  it('removes nothing while the labels of objects are not known', async (t) => {
    const bench = await setUp(t, { ...selected, ...quiet });
    bench.alert(down);
    await bench.settle();
    await bench.stop();
    bench.home.lags = true;
    const again = await triggersBench(t, {}, bench);
    again.alert(down);
    apply(again, { ...selected, ...quiet });
    void again.reconciling.pipelines.sweep('start');
    await again.settle();
    assert.deepEqual(again.logger.fieldsOf('condition.removed'), []);
    assert.deepEqual(conditions(again), ['AlertsQuiet False DbDown']);
    again.home.put(orders, { app: 'another' });
    again.home.catchUp();
    await again.settle();
    assert.deepEqual(conditions(again), []);
  });
});

describe('a condition of another controller', () => {
  const available = { action: { condition: { type: 'Available' } } };
  const problem = 'Deployment orders already has a condition Available from another controller: choose another type';
  const notesOf = (bench: TriggersBench, name = 't0'): readonly string[] =>
    bench.reconciling.triggers.stateOf(`alerttrigger/shop/${name}`).notes;
  const foreign = (
    status: 'True' | 'False',
    reason = 'MinimumReplicas',
  ): { status: 'True' | 'False'; reason: string } => ({
    status,
    reason,
  });

  for (const status of ['True', 'False'] as const)
    it(`that is ${status} is neither overwritten nor removed, and told once`, async (t) => {
      const bench = await setUp(t);
      bench.home.setForeign(orders, 'Available', foreign(status));
      apply(bench, { ...named, ...available });
      await bench.settle();
      for (const state of ['firing', 'resolved', 'firing'] as const) {
        bench.alert(down, state);
        await bench.settle();
        assert.deepEqual(conditions(bench), [`Available ${status} MinimumReplicas`]);
      }
      assert.deepEqual(notesOf(bench), [problem]);
      assert.equal(bench.logger.linesOf('trigger.condition_taken').length, 1);
      const last = bench.logger.fieldsOf('reconcile.finished').at(-1);
      assert.deepEqual([last?.['because'], last?.['foreign_conditions']], ['foreign_condition', ['Available']]);
      forget(bench);
      await bench.settle();
      assert.deepEqual(conditions(bench), [`Available ${status} MinimumReplicas`]);
      assert.equal(bench.home.writes, 0);
    });

  it('gives way when it goes, for what fires then', async (t) => {
    for (const spec of [named, templated]) {
      const bench = await setUp(t, { ...spec, ...available });
      bench.home.setForeign(orders, 'Available', foreign('True'));
      bench.alert(down);
      await bench.settle();
      assert.deepEqual(notesOf(bench), [problem]);
      bench.home.setForeign(orders, 'Available');
      await bench.settle();
      assert.deepEqual([conditions(bench), notesOf(bench)], [['Available False DbDown'], []]);
      await bench.stop();
    }
  });

  for (const status of ['True', 'False'] as const)
    it(`takes the entry of triggers over (${status}), and none of them fights for it`, async (t) => {
      const bench = await setUp(t, { ...named, ...available }, { ...selected, ...available });
      bench.alert(down);
      await bench.settle();
      bench.home.setForeign(orders, 'Available', foreign(status));
      await bench.settle();
      bench.alert(slow);
      await bench.settle();
      const { writes } = bench.home;
      assert.deepEqual([notesOf(bench), notesOf(bench, 't1')], [[problem], [problem]]);
      await bench.stop();
      const again = await triggersBench(t, {}, bench);
      void again.reconciling.pipelines.sweep('start');
      await again.settle();
      assert.deepEqual(conditions(again), [`Available ${status} MinimumReplicas`]);
      assert.equal(again.home.writes, writes);
    });

  it('is not overwritten if it comes after the look and before the write', async (t) => {
    const bench = await setUp(t);
    bench.home.beforeWrite = () => {
      bench.home.beforeWrite = () => undefined;
      bench.home.setForeign(orders, 'Available', foreign('False'));
    };
    apply(bench, { ...named, ...available });
    await bench.settle();
    assert.deepEqual([conditions(bench), notesOf(bench)], [['Available False MinimumReplicas'], [problem]]);
    forget(bench);
    await bench.settle();
    assert.deepEqual(conditions(bench), ['Available False MinimumReplicas']);
  });

  it('is told from what triggers wrote before a restart, whatever they match now, and before the objects are listed', async (t) => {
    for (const lags of [false, true])
      for (const isForeign of [false, true]) {
        const bench = await setUp(t, { ...named, ...available });
        bench.alert(down);
        await bench.settle();
        assert.deepEqual(conditions(bench), ['Available False DbDown']);
        await bench.stop();
        if (isForeign) bench.home.setForeign(orders, 'Available', foreign('False'));
        bench.home.lags = lags;
        const again = await triggersBench(t, {}, bench);
        apply(again, { ...named, ...available, matchers: ['alertname="DbSlow"'] });
        void again.reconciling.pipelines.sweep('start');
        await again.settle();
        const wanted = isForeign ? 'Available False MinimumReplicas' : 'Available True NoAlerts';
        assert.deepEqual([conditions(again), notesOf(again)], [[wanted], isForeign ? [problem] : []]);
      }
  });

  it('is not what a trigger that observes would change', async (t) => {
    const bench = await setUp(t);
    bench.home.setForeign(orders, 'Available', foreign('True'));
    apply(bench, { ...named, ...available, mode: 'observe' });
    bench.alert(down);
    await bench.settle();
    const told = bench.logger
      .fieldsOf('trigger.observed')
      .map((fields) => [fields['would_change'], fields['foreign_condition']]);
    assert.deepEqual(told, [[false, true]]);
  });

  it('stays when the trigger ends that was in its place before', async (t) => {
    const bench = await setUp(t, { ...named, ...available });
    await bench.stop();
    bench.home.setForeign(orders, 'Available', foreign('True'));
    const again = await triggersBench(t, {}, bench);
    void again.reconciling.pipelines.sweep('start');
    await again.settle();
    assert.deepEqual(conditions(again), ['Available True MinimumReplicas']);
    assert.equal(again.logger.linesOf('condition.left').length, 1);
  });

  const lost: readonly (readonly [
    what: string,
    entry: object,
    spec: object,
    expected: string,
    author?: 'own' | 'other',
  ])[] = [
    ['True', { status: 'True', reason: 'NoAlerts' }, {}, 'False DbDown'],
    ['Unknown', { status: 'Unknown', reason: 'AlertsUnknown' }, {}, 'False DbDown'],
    ['of an alert that fires', foreign('False', 'DbDown'), {}, 'False DbDown'],
    ['of an alert that it names', foreign('False', 'DbGone'), { matchers: ['alertname=~"Db.*"'] }, 'False DbDown'],
    ['of any alert', foreign('False', 'DbGone'), {}, 'False DbGone'],
    ['of any alert, by an expression', foreign('False', 'DbGone'), { matchers: ['alertname=~".+"'] }, 'False DbGone'],
    ['of any alert, as the API server knows', foreign('False', 'DbGone'), {}, 'False DbDown', 'own'],
    ['like an alert that fires, of somebody else', foreign('False', 'DbDown'), {}, 'False DbDown', 'other'],
  ];
  for (const [what, entry, spec, expected, author] of lost)
    it(`is told from the triggers' own after the storage was lost: ${what}`, async (t) => {
      const bench = await setUp(t);
      bench.home.setForeign(orders, 'Available', entry as Parameters<typeof bench.home.setForeign>[2]);
      if (author !== undefined) bench.home.authors.set('Available', author);
      bench.alert(down);
      await bench.settle();
      apply(bench, { ...named, ...available, ...spec });
      await bench.settle();
      assert.deepEqual(conditions(bench), [`Available ${expected}`]);
      if (author !== 'other') return;
      bench.alert(down, 'resolved');
      await bench.settle();
      assert.deepEqual(conditions(bench), [`Available ${expected}`]);
    });

  it('is not what a trigger wrote that has ended, while another one that is suspended names the object', async (t) => {
    const bench = await setUp(t, { ...named, ...available }, { ...named, ...available, suspend: { reason: 'x' } });
    bench.alert(down);
    await bench.settle();
    forget(bench);
    bench.alert(down, 'resolved');
    await bench.settle();
    apply(bench, { ...named, ...available }, 't1');
    await bench.settle();
    assert.deepEqual([conditions(bench), notesOf(bench, 't1')], [['Available True NoAlerts'], []]);
    forget(bench, 't1');
    await bench.settle();
    assert.deepEqual(conditions(bench), []);
  });
});

describe('a trigger that annotates', () => {
  it('does so for its own alerts alone, and for no look without an alert', async (t) => {
    const bench = await setUp(t, { ...named, ...nudge, matchers: ['severity="critical"'] });
    void bench.reconciling.pipelines.sweep('start');
    bench.alert(slow);
    await bench.settle();
    assert.equal(bench.home.annotations.length, 0);
    bench.alert(down);
    await bench.settle();
    assert.equal(bench.home.annotations.length, 1);
  });

  it('names all of its alerts that led to the object', async (t) => {
    const bench = await setUp(t, { ...templated, ...nudge, matchers: ['alertname=~"Db.*"'] });
    bench.alert({ alertname: 'First', namespace: 'shop' });
    bench.alert(slow);
    bench.alert(down);
    await bench.settle();
    assert.deepEqual(bench.logger.fieldsOf('object.annotated')[0]?.['causes'], ['DbDown firing', 'DbSlow firing']);
  });

  it('keeps its causes over a write that fails', async (t) => {
    const bench = await setUp(t, { ...named, ...nudge });
    let failures = 1;
    bench.home.beforeWrite = () => {
      if (failures-- > 0) throw new Error('no');
    };
    bench.alert(down);
    await bench.settle();
    assert.equal(bench.home.annotations.length, 1);
  });

  it('loses no alert that came while Prometheus could not say what inhibits', async (t) => {
    const inhibitedBy = [{ matchers: ['alertname="NodeDown"'], equal: ['namespace'] }];
    const bench = await setUp(t, { ...templated, ...nudge, inhibitedBy });
    bench.failure = new Error('away');
    for (const app of ['orders', 'carts']) {
      bench.alert({ ...down, app });
      // The debouncer makes two events of them.
      await bench.clock.advanceAsync(1000);
    }
    bench.failure = undefined;
    for (let round = 0; round < 4; round++) await bench.settle();
    assert.deepEqual(bench.home.annotations.map(({ name }) => name).toSorted(), ['carts', 'orders']);
  });

  it('does nothing while another alert inhibits its own, and acts when that ends', async (t) => {
    const node = { alertname: 'NodeDown', namespace: 'shop' };
    const inhibitedBy = [{ matchers: ['alertname="NodeDown"'], equal: ['namespace'] }];
    const bench = await setUp(t, { ...named, ...nudge, inhibitedBy, matchers: ['alertname="DbDown"'] });
    bench.alert(node);
    await bench.settle();
    bench.alert(down);
    await bench.settle();
    assert.equal(bench.home.annotations.length, 0);
    assert.equal(bench.reconciling.triggers.stateOf('alerttrigger/shop/t0').inhibitedBy, 'NodeDown');
    bench.alert(node, 'resolved');
    await bench.settle();
    assert.equal(bench.home.annotations.length, 1);
    assert.deepEqual(bench.logger.fieldsOf('object.annotated')[0]?.['causes'], ['DbDown inhibition ended']);
  });

  it('does nothing while it is suspended, and acts on what fires when that ends', async (t) => {
    const bench = await setUp(t);
    const until = new Date(bench.clock.now() + 60_000).toISOString();
    apply(bench, { ...named, ...nudge, suspend: { reason: 'upgrade', until } });
    await bench.settle();
    bench.alert(down);
    await bench.settle();
    assert.equal(bench.home.annotations.length, 0);
    assert.deepEqual(
      bench.logger.fieldsOf('requests.enqueued').flatMap(({ triggers }) => triggers ?? []),
      [],
    );
    await bench.clock.advanceAsync(60_000);
    await bench.settle();
    assert.equal(bench.home.annotations.length, 1);
    assert.deepEqual(bench.logger.fieldsOf('object.annotated')[0]?.['causes'], ['DbDown suspension ended']);
  });
});

describe('the end of a suspension', () => {
  const untilOf = (bench: TriggersBench): string => new Date(bench.clock.now() + 3_600_000).toISOString();

  async function suspended(t: TestContext): Promise<TriggersBench> {
    const bench = await setUp(t);
    apply(bench, { ...named, ...nudge, suspend: { reason: 'upgrade', until: untilOf(bench) } });
    await bench.settle();
    bench.alert(down);
    await bench.settle();
    assert.equal(bench.home.annotations.length, 0);
    return bench;
  }

  it('is noticed within ten seconds when the clock is set forward', async (t) => {
    const bench = await suspended(t);
    bench.clock.set(7_200_000);
    await bench.clock.advanceAsync(10_000);
    await bench.settle();
    assert.equal(bench.home.annotations.length, 1);
  });

  it('is noticed when another trigger changes first', async (t) => {
    const bench = await suspended(t);
    bench.clock.set(7_200_000);
    apply(bench, { ...named, ...quiet }, 't1');
    await bench.settle();
    assert.equal(bench.home.annotations.length, 1);
  });

  it('does not come before its time when the clock is set back', async (t) => {
    const bench = await suspended(t);
    bench.clock.set(-7_200_000);
    await bench.clock.advanceAsync(3_660_000);
    assert.equal(bench.home.annotations.length, 0);
    await bench.clock.advanceAsync(7_200_000);
    await bench.settle();
    assert.equal(bench.home.annotations.length, 1);
  });

  it('is an event by hand, too', async (t) => {
    for (const suspend of [{ reason: 'upgrade' }, { reason: 'upgrade', until: '2100-01-01T00:00:00Z' }]) {
      const bench = await setUp(t);
      apply(bench, { ...named, ...nudge, suspend });
      await bench.settle();
      bench.alert(down);
      await bench.settle();
      apply(bench, { ...named, ...nudge });
      await bench.settle();
      assert.deepEqual(bench.logger.fieldsOf('object.annotated')[0]?.['causes'], ['DbDown suspension ended']);
    }
  });
});

describe('a trigger that comes while alerts fire', () => {
  it('wakes for them once, and not again after a change', async (t) => {
    const bench = await setUp(t);
    bench.alert(down);
    bench.alert({ ...down, namespace: 'bank' });
    await bench.settle();
    apply(bench, { ...templated, ...nudge });
    await bench.settle();
    assert.deepEqual(
      bench.home.annotations.map(({ name }) => name),
      ['orders'],
    );
    apply(bench, { ...templated, ...nudge, minInterval: '2s' });
    await bench.settle();
    assert.equal(bench.home.annotations.length, 1);
  });

  it('wakes nothing while it is suspended, and observes if it only does that', async (t) => {
    const bench = await setUp(t);
    bench.alert(down);
    await bench.settle();
    apply(bench, { ...templated, ...nudge, suspend: { reason: 'upgrade' } }, 't0');
    apply(bench, { ...templated, ...nudge, mode: 'observe' }, 't1');
    await bench.settle();
    assert.deepEqual(bench.home.annotations, []);
    assert.equal(bench.logger.linesOf('trigger.observed').length, 1);
  });
});

describe('an alert that comes before the kind of a target is known', () => {
  const both = { targets: [...templated.targets, { apiVersion: 'apps/v1', kind: 'Deployment', name: 'carts' }] };

  for (const [how, spec] of Object.entries({ named, selected, templated }))
    it(`leads to what is ${how} as soon as it is, once, with the event that it came with`, async (t) => {
      const bench = await setUp(t);
      bench.home.hideKinds();
      apply(bench, { ...spec, ...nudge });
      bench.alert(slow);
      bench.alert(down);
      await bench.settle();
      assert.deepEqual(bench.home.annotations, []);
      bench.alert(down, 'resolved');
      bench.home.discover?.();
      await bench.settle();
      assert.deepEqual(new Set(bench.home.annotations.map(({ name }) => name)), new Set(['orders']));
      const enqueued = bench.logger.fieldsOf('requests.enqueued').map(({ event_id: id }) => id);
      assert.equal(new Set(enqueued).size < enqueued.length, true, 'the log follows the event');
      assert.deepEqual(bench.reconciling.triggers.stateOf('alerttrigger/shop/t0').notes, []);
    });

  it('waits while the API server cannot be asked, and is told and counted', async (t) => {
    const bench = await setUp(t);
    bench.home.hideKinds({ state: 'unavailable', reason: 'Failed', message: 'no answer' });
    apply(bench, { ...templated, ...nudge });
    await bench.settle();
    bench.alert(down);
    await bench.settle();
    assert.deepEqual(bench.home.annotations, []);
    const waiting = 'tocsin_trigger_choices_waiting';
    assert.equal(await metric(bench.registry, waiting), 1);
    const lines = bench.logger.fieldsOf('trigger.choice_waits').map(({ trigger, kinds }) => [trigger, kinds]);
    assert.deepEqual(lines, [['alerttrigger/shop/t0', ['Deployment']]]);
    bench.home.discover?.();
    await bench.settle();
    assert.deepEqual(
      bench.home.annotations.map(({ name }) => name),
      ['orders'],
    );
    assert.equal(await metric(bench.registry, waiting), 0);
  });

  it('leads to nothing for a trigger that is gone, or does not match it any more', async (t) => {
    const bench = await setUp(t);
    bench.home.hideKinds();
    for (const name of ['t0', 't1', 't2']) apply(bench, { ...templated, ...nudge }, name);
    bench.alert(down);
    await bench.settle();
    forget(bench, 't0');
    apply(bench, { ...templated, ...nudge, matchers: ['alertname="Other"'] }, 't1');
    apply(bench, { ...both, ...nudge }, 't2');
    bench.home.discover?.();
    await bench.settle();
    assert.deepEqual(bench.home.annotations.map(({ name }) => name).toSorted(), ['carts', 'orders']);
  });

  it('is found again if more alerts came than an event names', async (t) => {
    const bench = await setUp(t);
    bench.home.hideKinds();
    apply(bench, { ...templated, ...nudge });
    bench.alert({ ...down, app: 'carts' });
    for (let n = 0; n < 300; n++) bench.alert({ ...down, pod: `orders-${n}` });
    await bench.settle();
    bench.home.discover?.();
    await bench.settle();
    assert.deepEqual([...new Set(bench.home.annotations.map(({ name }) => name))].toSorted(), ['carts', 'orders']);
  });
});

describe('an event of more alerts than it names', () => {
  const unlimited = { limits: { minIntervalMs: 0, maxMatchers: 20, maxTargets: 20 } };

  for (const [how, { spec, count }] of Object.entries({
    'by its name': { spec: templated, count: 1000 },
    'by its pod': { spec: owner, count: 150 },
  }))
    it(`leads to the object of each of ${count} alerts, ${how}, for a condition and for one annotation`, async (t) => {
      const bench = await setUp(t);
      const alerts = Array.from({ length: count }, (_, n) => ({
        alertname: 'Down',
        namespace: 'shop',
        pod: `p${n}`,
        app: `a${n}`,
      }));
      const requests = alerts.map(({ app }): Request => ({ kind: 'Deployment', namespace: 'shop', name: app }));
      for (const [n, request] of requests.entries()) {
        bench.home.put(request);
        bench.home.owners.set(`shop/p${n}`, request);
      }
      for (const [name, action] of Object.entries({ condition: quiet, annotation: nudge })) {
        const trigger = newTrigger({ ...spec, ...action }, { namespace: 'shop', name, rules: unlimited });
        bench.reconciling.triggers.setCluster(trigger.key, trigger);
      }
      await bench.settle();
      for (const alert of alerts) bench.alert(alert);
      const isFalse = (request: Request): boolean => conditions(bench, request).join() === 'AlertsQuiet False Down';
      // A thousand notes go to the disk first.
      for (let turn = 0; turn < 100 && !requests.every(isFalse); turn++) await bench.settle();
      assert.equal(requests.filter(isFalse).length, count);
      const annotated = new Set(bench.home.annotations.map(({ name }) => name));
      assert.equal(annotated.size, count);
      // The first alert is an event of its own; the next event no longer names it, and takes it for one of the others.
      assert.equal(bench.home.annotations.length, count + 1);
    });

  const names = Array.from({ length: 250 }, (_, n) => `a${n}`);

  async function many(t: TestContext, spec: object): Promise<TriggersBench> {
    const bench = await setUp(t, { ...templated, ...nudge, ...spec, matchers: ['alertname="AppDown"'] });
    bench.alert({ alertname: 'NodeDown', namespace: 'shop' });
    for (const name of names) bench.home.put({ ...orders, name });
    for (const app of names) bench.alert({ alertname: 'AppDown', namespace: 'shop', app });
    for (let turn = 0; turn < 3; turn++) await bench.settle();
    assert.deepEqual(wokenNames(bench), []);
    return bench;
  }

  function wokenNames({ home }: TriggersBench): readonly string[] {
    return [...new Set(home.annotations.map(({ name }) => name))].toSorted();
  }

  it('wakes the objects of all of them when the alert that inhibits them ends', async (t) => {
    const bench = await many(t, { inhibitedBy: [{ matchers: ['alertname="NodeDown"'] }] });
    bench.alert({ alertname: 'NodeDown', namespace: 'shop' }, 'resolved');
    for (let turn = 0; turn < 10; turn++) await bench.settle();
    assert.deepEqual(wokenNames(bench), names.toSorted());
  });

  it('wakes the objects of all of them when a suspension ends', async (t) => {
    const until = new Date(new FakeClock().now() + 60_000).toISOString();
    const bench = await many(t, { suspend: { reason: 'upgrade', until } });
    for (let turn = 0; turn < 30; turn++) await bench.settle();
    assert.deepEqual(wokenNames(bench), names.toSorted());
  });
});

describe('a run of a condition that had to wait', () => {
  const dead = { ...down, alertname: 'DbDead' };
  const of = (alertname: string, seconds: number): object => ({
    ...selected,
    ...quiet,
    matchers: [`alertname=~"${alertname}"`],
    budget: { runs: 1, per: `${seconds}s` },
  });
  const throttled = ({ reconciling: { triggers } }: TriggersBench): readonly string[] =>
    ['t0', 't1'].filter((name) => triggers.stateOf(`alerttrigger/shop/${name}`).throttled !== undefined);

  it('waits no longer once another trigger has written the condition', async (t) => {
    const bench = await setUp(t, of('DbSlow', 60), of('DbDown|DbDead', 150));
    for (const step of [() => bench.alert(down), () => bench.alert(slow), () => bench.alert(down, 'resolved')]) {
      step();
      await bench.settle();
    }
    bench.alert(dead);
    await bench.settle();
    assert.deepEqual([conditions(bench), throttled(bench)], [['AlertsQuiet False DbDown'], ['t0', 't1']]);
    for (let turn = 0; turn < 55; turn++) await bench.settle();
    assert.deepEqual([conditions(bench), throttled(bench)], [['AlertsQuiet False DbDead'], []]);
  });

  it('waits no longer once its trigger does not name the object any more', async (t) => {
    const bench = await setUp(t, of('DbSlow', 10));
    bench.alert(slow);
    await bench.settle();
    assert.deepEqual(throttled(bench), ['t0']);
    bench.home.put(orders, { app: 'other' });
    for (let turn = 0; turn < 5; turn++) await bench.settle();
    assert.deepEqual([conditions(bench), throttled(bench)], [[], []]);
  });
});

describe('an event that joins one that waits', () => {
  /** The events of the alerts, in their order, and those of them that no run names. */
  function events({ logger }: TriggersBench): Readonly<Record<'emitted' | 'unnamed', readonly unknown[]>> {
    const emitted = logger.fieldsOf('event.emitted').map((fields) => fields['event_id']);
    const told = new Set(logger.fieldsOf('reconcile.finished').flatMap((run) => run['event_ids']));
    return { emitted, unnamed: emitted.filter((id) => !told.has(id)) };
  }

  it('is named by the run, and by all lines of the event that it became, while Prometheus is asked', async (t) => {
    const bench = await setUp(t, { ...selected, ...nudge, inhibitedBy: [{ matchers: ['alertname="NodeDown"'] }] });
    const open = Promise.withResolvers<void>();
    bench.held = open.promise;
    for (const pod of ['a', 'b', 'c']) {
      bench.alert({ ...down, pod });
      await bench.settle();
    }
    const { emitted } = events(bench);
    assert.equal(emitted.length, 3);
    bench.held = undefined;
    open.resolve();
    await bench.settle();
    assert.deepEqual(events(bench).unnamed, []);
    for (const line of ['requests.enqueued', 'sweep.finished']) {
      const told = bench.logger.fieldsOf(line).filter((fields) => fields['event_ids'] !== undefined);
      assert.deepEqual(
        told.map((fields) => [fields['event_id'], fields['event_ids']]),
        [[emitted[1], emitted.slice(1)]],
        line,
      );
    }
  });

  it('is named by the run while the objects of a target are not known', async (t) => {
    const bench = await setUp(t);
    bench.home.hideKinds({ state: 'unavailable', reason: 'Failed', message: 'no answer' });
    apply(bench, { ...templated, ...nudge });
    await bench.settle();
    for (const pod of ['a', 'b']) {
      bench.alert({ ...down, pod });
      await bench.settle();
    }
    assert.equal(events(bench).unnamed.length, 2);
    bench.home.discover?.();
    await bench.settle();
    assert.deepEqual(events(bench).unnamed, []);
  });

  it('is named by the run while the pod of its alert waits to be asked for its owner', async (t) => {
    const bench = await setUp(t, { ...owner, ...nudge });
    const open = Promise.withResolvers<void>();
    bench.home.beforeOwner = () => open.promise;
    for (let n = 0; n < 40; n++) bench.alert({ alertname: 'Down', namespace: 'shop', pod: `p${n}` });
    await bench.settle();
    bench.home.owners.set('shop/p39', orders);
    bench.alert({ alertname: 'Down', namespace: 'shop', pod: 'p39' });
    await bench.settle();
    assert.ok(events(bench).emitted.length >= 2);
    open.resolve();
    for (let turn = 0; turn < 2; turn++) await bench.settle();
    const { emitted, unnamed } = events(bench);
    assert.deepEqual(
      emitted.slice(-2).filter((id) => unnamed.includes(id)),
      [],
    );
  });
});

describe('a search for the owners of many pods', () => {
  const wakesOwner = newTrigger(
    { ...owner, ...nudge },
    { namespace: 'shop', name: 'owner', rules: { limits: { minIntervalMs: 0, maxMatchers: 20, maxTargets: 20 } } },
  );

  /** One Deployment with so many pods, each with an alert; 20 of them can be asked a second. */
  async function search(t: TestContext, pods: number): Promise<TriggersBench & { asked: () => number }> {
    const bench = await setUp(t);
    const bucket = new TokenBucket({ clock: bench.clock, intervalMs: 50, burst: 1 });
    let asked = 0;
    bench.home.beforeOwner = async (signal) => {
      await bucket.acquire(signal);
      asked++;
    };
    bench.reconciling.triggers.setCluster(wakesOwner.key, wakesOwner);
    await bench.settle();
    for (let n = 0; n < pods; n++) {
      bench.home.owners.set(`shop/p${n}`, orders);
      bench.alert({ alertname: 'Down', namespace: 'shop', pod: `p${n}` });
    }
    return Object.assign(bench, { asked: () => asked });
  }

  it('delays none for an alert of the platform, not even of the same team', async (t) => {
    const bench = await setUp(t);
    const open = Promise.withResolvers<void>();
    const { urgent } = bench;
    bench.home.beforeOwner = (signal) => (urgent.has(signal) ? Promise.resolve() : open.promise);
    bench.reconciling.triggers.setCluster(wakesOwner.key, wakesOwner);
    await bench.settle();
    for (let n = 0; n < 200; n++) bench.alert({ alertname: 'Down', namespace: 'shop', pod: `p${n}` });
    await bench.settle();
    bench.home.owners.set('shop/node', carts);
    const labels = { alertname: 'NodeDown', namespace: 'shop', pod: 'node' };
    const causes = new Causes('platform');
    causes.addAlert(labelKey(labels), { labels }, 'firing', bench.clock.now());
    bench.reconciling.source.put(causes);
    await bench.settle();
    assert.deepEqual(
      bench.home.annotations.map(({ name }) => name),
      ['carts'],
    );
    open.resolve();
    await bench.settle();
  });

  it('delays no trigger that waits for what inhibits it, and no search of another team', async (t) => {
    const bench = await search(t, 1000);
    const [web, api] = ['web', 'api'].map((name): Request => ({ kind: 'Deployment', namespace: 'bar', name })) as [
      Request,
      Request,
    ];
    for (const request of [web, api]) bench.home.put(request);
    bench.home.owners.set('bar/p', api);
    const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
    const inhibitedBy = [{ matchers: ['alertname="NodeDown"'] }];
    const specs = { inhibited: { targets: [target], ...nudge, inhibitedBy }, owner: { ...owner, ...nudge } };
    for (const [name, spec] of Object.entries(specs)) {
      const trigger = newTrigger(spec, { namespace: 'bar', name });
      bench.reconciling.triggers.setCluster(trigger.key, trigger);
    }
    await bench.settle();
    bench.alert({ alertname: 'Late', namespace: 'bar', pod: 'p' });
    // The debouncer waits for up to a second.
    await bench.clock.advanceAsync(2000);
    assert.ok(bench.home.annotations.some(({ name }) => name === 'web'));
    // The reads that were asked for before are made first.
    await bench.settle();
    assert.ok(bench.home.annotations.some(({ name }) => name === 'api'));
    assert.ok(bench.asked() < 500, `${bench.asked()} were asked`);
  });

  it('ends, asks each pod once, and wakes the owner in portions', async (t) => {
    const count = 5000;
    const bench = await search(t, count);
    await bench.settle();
    const { length: soon } = bench.home.annotations;
    assert.ok(soon === 1 || soon === 2, `it was woken ${soon} times in the first seconds`);
    for (let seconds = 0; seconds < 1.2 * (count / 20); seconds += 3) await bench.settle();
    // The first alert is an event of its own; the next event takes it for one of the others.
    assert.ok(bench.asked() >= count && bench.asked() <= count + 1, `${bench.asked()} were asked`);
    const { length } = bench.home.annotations;
    assert.ok(length > 1 && length <= 10, `it was woken ${length} times`);
    assert.equal(bench.clock.pending(), 0);
  });
});

describe('a trigger of the health rules', () => {
  it('writes the condition of Kyma while the default trigger is not in force, and takes it away with itself', async (t) => {
    const bench = await triggersBench(t, { default: 'never' });
    const backend: Request = { kind: 'TracePipeline', name: 'backend' };
    bench.home.put(backend, {}, 'telemetry.kyma-project.io/v1beta1');
    const targets = [{ apiVersion: 'telemetry.kyma-project.io/v1beta1', kind: 'TracePipeline', name: 'backend' }];
    const trigger = newTrigger({ targets, action: { condition: {} } }, { origin: 'ClusterAlertTrigger', name: 'kyma' });
    bench.reconciling.triggers.setCluster(trigger.key, trigger);
    await bench.settle();
    assert.deepEqual(conditions(bench, backend), ['TelemetryFlowHealthy True FlowHealthy']);
    bench.alert({ alertname: 'TraceGatewayThrottling' });
    await bench.settle();
    assert.deepEqual(conditions(bench, backend), ['TelemetryFlowHealthy False GatewayThrottling']);
    bench.reconciling.triggers.setCluster(trigger.key, undefined);
    await bench.settle();
    assert.deepEqual(conditions(bench, backend), []);
  });
});

describe('the default trigger', () => {
  it('is in force until the admin declares a trigger; a team never switches it off', async (t) => {
    const bench = await setUp(t, { ...named, ...quiet });
    const { triggers } = bench.reconciling;
    assert.equal(triggers.isDefault, true);
    const admins = newTrigger({ ...named, ...quiet }, { origin: 'ClusterAlertTrigger', name: 'x' });
    triggers.setCluster(admins.key, admins);
    assert.equal(triggers.isDefault, false);
    triggers.setCluster(admins.key, undefined);
    assert.equal(triggers.isDefault, true);
    assert.equal((await triggersBench(t, { default: 'never' })).reconciling.triggers.isDefault, false);
    const list = [{ name: 'x', ...named, ...quiet }];
    assert.equal((await triggersBench(t, { list })).reconciling.triggers.isDefault, false);
    assert.equal((await triggersBench(t, { default: 'always', list })).reconciling.triggers.isDefault, true);
  });
});

describe('a target that a trigger may not wake', () => {
  const db = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'db' };
  const refused: readonly (readonly [what: string, target: object, reason: RegExp])[] = [
    ['a name', { ...db, name: 'orders' }, /^Deployment orders is in the namespace db, and a trigger of shop may not/],
    ['a selector', { ...db, selector: {} }, /^the selector is for objects of the kind Deployment in the namespace db/],
    ['a pod', { namespace: 'db', ownerOf: { pod: 'a' } }, /^the pod is in the namespace db/],
  ];
  for (const [what, target, reason] of refused)
    it(`is in the state of the trigger before any alert, and says the same whether it exists: ${what}`, async (t) => {
      const bench = await setUp(t, { targets: [target], ...nudge });
      const { triggers } = bench.reconciling;
      const before = triggers.stateOf('alerttrigger/shop/t0').refused;
      assert.match(before?.join() ?? '', reason);
      const foreign: Request = { kind: 'Deployment', namespace: 'db', name: 'orders' };
      bench.home.put(foreign, {});
      bench.home.owners.set('db/a', foreign);
      bench.alert(down);
      await bench.settle();
      assert.deepEqual(triggers.stateOf('alerttrigger/shop/t0').refused, before);
      assert.deepEqual(bench.home.annotations, []);
    });

  it('is none of those of its own namespace', async (t) => {
    const bench = await setUp(t, { ...selected, ...nudge });
    assert.deepEqual(bench.reconciling.triggers.stateOf('alerttrigger/shop/t0').refused, []);
  });
});
