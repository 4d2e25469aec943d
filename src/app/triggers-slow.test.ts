import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Request } from '../reconcile/ports.ts';
import { Matcher } from '../matcher/matcher.ts';
import { newTrigger } from '../trigger/trigger.fixture.ts';
import { triggersBench, type TriggersBench } from './triggers.fixture.ts';

const costly = ['flood=~"(a?b?){0,20}x*"'];
const templated = { targets: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: '{{ labels.app }}' }] };
const nudge = { action: { annotate: { key: 'example.com/at', value: '{{ alertname }}' } } };
const quiet = { action: { condition: { type: 'AlertsQuiet' } } };
const objects = Array.from({ length: 150 }, (_, n): Request => ({
  kind: 'Deployment',
  namespace: 'greedy',
  name: `app-${n}`,
}));
const other: Request = { kind: 'Deployment', namespace: 'modest', name: 'orders' };

/** Every try of a large expression takes a third of a slice. */
async function setUp(t: TestContext, ...specs: readonly object[]): Promise<TriggersBench> {
  const bench = await triggersBench(t);
  const { matchesValue } = Matcher.prototype;
  t.mock.method(
    Matcher.prototype,
    'matchesValue',
    function slow(this: Matcher, ...given: Parameters<typeof matchesValue>) {
      if (this.name === 'flood') bench.clock.set(4);
      return matchesValue.apply(this, given);
    },
  );
  for (const request of [...objects, other]) bench.home.put(request);
  for (const [index, spec] of specs.entries()) {
    const trigger = newTrigger(spec, { namespace: 'greedy', name: `t${index}` });
    bench.reconciling.triggers.setCluster(trigger.key, trigger);
  }
  const modest = newTrigger({ ...templated, ...quiet }, { namespace: 'modest', name: 'modest' });
  bench.reconciling.triggers.setCluster(modest.key, modest);
  await bench.settle();
  return bench;
}

function flood(bench: TriggersBench, count: number): void {
  for (const { name } of objects.slice(0, count))
    bench.alert({ alertname: 'Flood', namespace: 'greedy', app: name, flood: 'ab' });
  bench.alert({ alertname: 'Late', namespace: 'modest', app: 'orders' });
}

function annotated(bench: TriggersBench): readonly string[] {
  return bench.home.annotations.map(({ name }) => name).toSorted();
}

const names = (count: number): readonly string[] =>
  objects
    .slice(0, count)
    .map(({ name }) => name)
    .toSorted();

describe('a trigger with a large expression', () => {
  it('wakes the objects of all alerts of an event, each once, however long it takes to try it', async (t) => {
    const bench = await setUp(t, { matchers: costly, ...templated, ...nudge });
    flood(bench, 60);
    await bench.settle();
    assert.deepEqual(annotated(bench), names(60));
    assert.deepEqual(
      bench.home.conditionsOf(other).map(({ reason }) => reason),
      ['Late'],
    );
    const firings = bench.logger.linesOf('requests.enqueued').map(({ fields }) => fields['event_id']);
    assert.ok(firings.length > new Set(firings).size, 'a part of the event comes later');
  });

  it('wakes the objects of the alerts that an event does not name', async (t) => {
    const bench = await setUp(
      t,
      { matchers: costly, ...templated, ...nudge },
      { matchers: costly, ...templated, ...quiet },
    );
    flood(bench, 150);
    await bench.settle();
    assert.deepEqual([...new Set(annotated(bench))], names(150));
    const reasons = objects.map((request) => bench.home.conditionsOf(request)[0]?.reason);
    assert.deepEqual(new Set(reasons), new Set(['Flood']));
  });

  it('is inhibited, and wakes what fires still when that ends', async (t) => {
    const inhibitedBy = [{ matchers: ['alertname="NodeDown"'] }];
    const bench = await setUp(t, { matchers: costly, ...templated, ...nudge, inhibitedBy });
    const node = { alertname: 'NodeDown', namespace: 'greedy' };
    bench.alert(node);
    flood(bench, 20);
    await bench.settle();
    assert.deepEqual(annotated(bench), []);
    bench.alert(node, 'resolved');
    await bench.settle();
    assert.deepEqual(annotated(bench), names(20));
  });
});
