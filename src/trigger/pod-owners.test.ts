import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import type { Request } from '../reconcile/ports.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { metric } from '../runtime/metric.fixture.ts';
import type { ResolvedOwner } from './choose.ts';
import { manyPods, maxRememberedPods, PodOwners } from './pod-owners.ts';
import { newTrigger } from './trigger.fixture.ts';

const trigger = newTrigger({ action: { condition: { type: 'AlertsQuiet' } } }, { namespace: 'shop' });

function podsOf(count: number): ReadonlyMap<string, ResolvedOwner> {
  return new Map(
    Array.from({ length: count }, (_, at) => [`p${at}`, { by: 'owner', namespace: 'shop', pod: `p${at}` }]),
  );
}

/** @param atMost a run ends after so many answers */
function setUp(atMost = Infinity) {
  const clock = new FakeClock();
  const [logger, registry] = [new RecordingLogger(), new Registry()];
  const asked: string[] = [];
  const problems = new Set<string>();
  const scene = { atMost, run: new AbortController() };
  const owners = new PodOwners({
    clock,
    logger,
    registry,
    onProblem: (_, problem) => problems.add(problem),
    targets: {
      ownerOf: async (_, { pod }, signal) => {
        if (asked.length >= scene.atMost) scene.run.abort(new Error('the run has ended'));
        signal.throwIfAborted();
        asked.push(pod);
        if (pod === 'p3') return { problem: 'nobody owns it' };
        return { requests: [{ kind: 'Deployment', namespace: 'shop', name: `of-${pod}` }] };
      },
    },
  });
  const find = async (pods: ReadonlyMap<string, ResolvedOwner>, of = trigger): Promise<readonly string[]> => {
    const found: string[] = [];
    const keep = (_: string, requests: readonly Request[]): void => {
      found.push(...requests.map(({ name }) => name));
    };
    await owners.each(of, pods, keep, scene.run.signal);
    return found;
  };
  return { clock, logger, registry, asked, problems, scene, owners, find };
}

describe('PodOwners', () => {
  it('goes on where a run has ended that had not the time for all pods', async () => {
    const { scene, find, asked, registry } = setUp(40);
    await assert.rejects(find(podsOf(100)), /the run has ended/);
    for (const more of [80, Infinity]) {
      [scene.atMost, scene.run] = [more, new AbortController()];
      await find(podsOf(100)).catch(() => undefined);
    }
    assert.equal(asked.length, 100);
    assert.equal(new Set(asked).size, 100);
    assert.equal((await find(podsOf(100))).length, 99);
    assert.equal(asked.length, 100);
    assert.equal(await metric(registry, 'tocsin_trigger_condition_pods_waiting'), 0);
  });

  it('asks again after a minute, or after as long as it takes to ask for all pods three times', async () => {
    const { clock, find, asked } = setUp();
    await find(podsOf(10));
    clock.advance(59_999);
    await find(podsOf(10));
    assert.equal(asked.length, 10);
    clock.advance(1);
    await find(podsOf(10));
    assert.equal(asked.length, 20);
    await find(podsOf(1000));
    clock.advance(149_999);
    await find(podsOf(1000));
    assert.equal(asked.length, 1010);
  });

  it('asks again for another form of the trigger, and for one whose reach has changed', async () => {
    const { owners, find, asked } = setUp();
    await find(podsOf(10));
    await find(podsOf(10), { ...trigger });
    assert.equal(asked.length, 20);
    owners.forget(trigger.key);
    await find(podsOf(10), { ...trigger });
    assert.equal(asked.length, 30);
  });

  it('tells the owner of the trigger when it takes minutes, and when not all can be remembered', async () => {
    const { find, problems, logger, registry } = setUp();
    await find(podsOf(manyPods));
    assert.equal(problems.size, 0);
    await find(podsOf(maxRememberedPods + 1));
    assert.deepEqual(
      [...problems].map((problem) => /^[\w ]*\d+ pods/.test(problem)),
      [true, true],
    );
    assert.equal(logger.linesOf('trigger.owners_not_remembered').length, 1);
    assert.equal(await metric(registry, 'tocsin_trigger_condition_pods_not_remembered_total'), 1);
  });
});
