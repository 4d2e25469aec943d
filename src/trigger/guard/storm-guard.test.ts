import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { Causes } from '../../cause/causes.ts';
import { requestKey, type Choice, type ChosenBy, type Request } from '../../reconcile/ports.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { metric } from '../../runtime/metric.fixture.ts';
import { AlertOrder } from '../firing-condition.ts';
import { eventIdsOf } from '../matched-alerts.ts';
import { defaultTrigger } from '../trigger.ts';
import { testTrigger } from './guard.fixture.ts';
import { StormGuard } from './storm-guard.ts';

function requests(count: number, from = 0): readonly Request[] {
  return Array.from({ length: count }, (_, index) => ({ kind: 'Cluster', name: `o${from + index}` }));
}

function causesOf(alertname: string, severity = 'warning'): Causes {
  const causes = new Causes();
  causes.addAlert(alertname, { labels: { alertname, severity } }, 'firing', 0);
  return causes;
}

function choice(chosen: readonly Request[], chosenBy: ChosenBy): Choice {
  return { requests: chosen, chosenBy, causes: [...chosenBy.values()].reduce((a, b) => Causes.union(a, b)) };
}

function start({ objects = 100, config = { share: 0.5, objects: 10, rate: 10 } } = {}) {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const registry = new Registry();
  /** Each run that went out: `object alerts event`. */
  const out: string[] = [];
  /** By key; a changed one still chooses if it is of the second generation. */
  const triggers = new Map(['T', 'S'].map((key) => [key, testTrigger(key)]));
  const calls: { readonly choices: readonly Choice[]; readonly id: string; readonly ids: readonly string[] }[] = [];
  const guard = new StormGuard({
    clock,
    logger,
    registry,
    config: () => config,
    objectCount: () => objects,
    trigger: (key) => triggers.get(key),
    redecide: async ({ generation }) => generation === 2,
    order: () => new AlertOrder(),
    enqueue: async (choices, queued) => {
      const { id } = queued;
      calls.push({ choices, id, ids: eventIdsOf(queued) });
      for (const { requests: all, chosenBy } of choices)
        for (const { name } of all)
          out.push(
            `${name} ${[...chosenBy].map(([key, { texts }]) => `${key}: ${texts.join(', ')}`).join('; ')} ${id}`,
          );
    },
  });
  return { clock, logger, registry, out, calls, guard, triggers };
}

const causes = causesOf('A');
const event = { id: 'e1', causes };

describe('StormGuard', () => {
  it('passes on untouched what concerns few objects, few there are, or only the default trigger', async () => {
    for (const [count, objects, key] of [
      [50, 100, 'T'],
      [10, 10, 'T'],
      [100, 100, defaultTrigger],
    ] as const) {
      const { guard, calls, logger } = start({ objects });
      const choices = [choice(requests(count), new Map([[key, causes]]))];
      await guard.enqueue(choices, event);
      assert.equal(calls.length, 1);
      assert.equal(calls[0]!.choices, choices);
      assert.deepEqual([guard.state, logger.lines], [undefined, []]);
    }
  });

  it('takes names that only an alert gives for known, once it has given them', async () => {
    const { guard, logger } = start({ objects: 0 });
    await guard.enqueue([choice(requests(20), new Map([['T', causes]]))], event);
    assert.deepEqual(
      logger.fieldsOf('trigger.storm').map(({ requests: all, objects }) => [all, objects]),
      [[20, 20]],
    );
    guard.stop();
  });

  it('lets the runs of a storm out at the rate, says so, and ends by itself', async () => {
    const { clock, logger, registry, out, guard } = start();
    await guard.enqueue([choice(requests(51), new Map([['T', causes]]))], event);
    assert.deepEqual(out, []);
    assert.deepEqual(logger.fieldsOf('trigger.storm'), [
      {
        event_id: 'e1',
        requests: 51,
        objects: 100,
        namespaces: ['(none)'],
        share: 0.51,
        limit_share: 0.5,
        limit_objects: 10,
        runs_per_second: 10,
        waiting: 0,
        seconds: 6,
      },
    ]);
    assert.equal(await metric(registry, 'tocsin_trigger_storm_waiting'), 51);
    await clock.advanceAsync(2000);
    assert.equal(out.length, 20);
    assert.deepEqual(out.slice(0, 2), ['o0 T: A firing e1', 'o1 T: A firing e1']);
    const { since, released, waiting, until } = guard.state!;
    assert.deepEqual([clock.now() - since, released, waiting, until - clock.now()], [2000, 20, 31, 3100]);
    await clock.advanceAsync(3100);
    assert.equal(new Set(out).size, 51);
    assert.equal(guard.state, undefined);
    assert.deepEqual(logger.valuesOf('trigger.storm_ended', 'because', 'released', 'merged', 'duration_ms'), [
      ['all_out', 51, 0, 5100],
    ]);
    assert.equal(await metric(registry, 'tocsin_trigger_storm_runs_total'), 51);
    assert.equal(await metric(registry, 'tocsin_trigger_storms_total'), 1);
    assert.equal(clock.pending(), 0);
  });

  it('lets the worst go first, also if it came last', async () => {
    const { clock, out, guard } = start();
    const info = choice(requests(20), new Map([['T', causesOf('A', 'info')]]));
    const warning = choice(requests(40, 20), new Map([['T', causesOf('B', 'warning')]]));
    await guard.enqueue([info, warning], event);
    await guard.enqueue([choice(requests(1, 5), new Map([['U', causesOf('C', 'critical')]]))], { id: 'e2', causes });
    await clock.advanceAsync(200);
    assert.deepEqual(out, ['o5 T: A firing; U: C firing e1', 'o20 T: B firing e1']);
    guard.stop();
  });

  it('passes on, during a storm, what concerns objects that do not wait, and merges the rest', async () => {
    const { clock, out, guard, logger } = start();
    await guard.enqueue([choice(requests(60), new Map([['T', causes]]))], event);
    const later = causesOf('B');
    await guard.enqueue([choice(requests(2, 59), new Map([['T', later]]))], { id: 'e2', causes: later });
    assert.deepEqual(out, ['o60 T: B firing e2']);
    await clock.advanceAsync(6000);
    assert.deepEqual(
      out.filter((line) => line.startsWith('o59')),
      ['o59 T: B firing, A firing e1'],
    );
    assert.equal(out.length, 61);
    assert.deepEqual(logger.valuesOf('trigger.storm_ended', 'released', 'merged'), [[60, 1]]);
  });

  it('keeps no alert of the platform waiting for what others have set off', async () => {
    const { out, guard } = start();
    await guard.enqueue([choice(requests(60), new Map([['T', causes]]))], event);
    const platform = new Causes('platform');
    platform.absorb(causesOf('P'));
    await guard.enqueue([choice(requests(2), new Map([['T', platform]]))], { id: 'e2', causes: platform });
    assert.deepEqual(out, ['o0 T: P firing e2', 'o1 T: P firing e2']);
    assert.equal(guard.state?.waiting, 60);
    guard.stop();
  });

  it('lets the platform go first, whatever the severity', async () => {
    const { clock, out, guard } = start();
    const platform = new Causes('platform');
    platform.absorb(causesOf('P', 'info'));
    const users = choice(requests(60), new Map([['T', causesOf('A', 'critical')]]));
    await guard.enqueue([users, choice(requests(20, 60), new Map([['T', platform]]))], event);
    await clock.advanceAsync(100);
    assert.deepEqual(out, ['o60 T: P firing e1']);
    guard.stop();
  });

  it('does not keep what the default trigger chose', async () => {
    const { out, guard } = start();
    const both = new Map([
      [defaultTrigger, causesOf('D')],
      ['T', causes],
    ]);
    await guard.enqueue([choice(requests(60), both)], event);
    assert.equal(out.length, 60);
    assert.equal(out[0], 'o0 default: D firing e1');
    assert.equal(guard.state?.waiting, 60);
    guard.stop();
  });

  it('lets everything out by hand', async () => {
    const { clock, out, guard, logger } = start();
    assert.equal(await guard.resume(), 0);
    await guard.enqueue([choice(requests(60), new Map([['T', causes]]))], event);
    await clock.advanceAsync(1000);
    assert.equal(await guard.resume(), 50);
    assert.equal(new Set(out).size, 60);
    assert.deepEqual(logger.valuesOf('trigger.storm_ended', 'because', 'released'), [['resumed', 60]]);
    assert.equal(clock.pending(), 0);
  });

  it('gives up at the shutdown what waits, says so, and keeps nothing after it', async () => {
    const { clock, out, guard, logger } = start();
    const storm = [choice(requests(60), new Map([['T', causes]]))];
    await guard.enqueue(storm, event);
    guard.stop();
    assert.equal(clock.pending(), 0);
    assert.deepEqual(logger.valuesOf('trigger.storm_ended', 'because', 'given_up'), [['shutdown', 60]]);
    await guard.enqueue(storm, event);
    assert.equal(out.length, 60);
  });

  it('tells of a growing storm once a minute', async () => {
    const { guard, logger } = start();
    for (let times = 0; times < 5; times++)
      await guard.enqueue([choice(requests(60, times * 60), new Map([['T', causes]]))], event);
    assert.equal(logger.linesOf('trigger.storm').length, 2);
    guard.stop();
  });

  it('keeps any rate', async () => {
    for (const rate of [1, 3, 10, 25, 50, 1000]) {
      const { clock, out, guard } = start({ config: { share: 0.5, objects: 10, rate } });
      await guard.enqueue([choice(requests(5000), new Map([['T', causes]]))], event);
      await clock.advanceAsync(4000);
      assert.ok(Math.abs(out.length - 4 * rate) <= 1 + rate / 10, `${rate}: ${out.length}`);
      guard.stop();
    }
  });

  it('makes no run of a trigger that has gone, or has changed and no longer chooses the object', async () => {
    for (const isResumed of [false, true]) {
      const { clock, guard, logger, out, registry, triggers } = start();
      await guard.enqueue([choice(requests(60), new Map([['T', causes]]))], event);
      await clock.advanceAsync(1000);
      assert.equal(out.length, 10);
      const both = new Map([
        ['T', causesOf('B')],
        ['S', causesOf('C')],
      ]);
      await guard.enqueue([choice(requests(1, 59), both)], event);
      triggers.set('T', testTrigger('T', { generation: 2 }));
      await clock.advanceAsync(1000);
      assert.equal(out.length, 20);
      triggers.set('T', testTrigger('T', { generation: 3 }));
      if (isResumed) await guard.resume();
      else await clock.advanceAsync(60_000);
      assert.deepEqual(out.slice(20), ['o59 S: C firing e1']);
      const told = logger.fieldsOf('trigger.storm_dropped').map(({ dropped }) => Number(dropped));
      assert.equal(
        told.reduce((sum, dropped) => sum + dropped, 0),
        39,
      );
      assert.equal(await metric(registry, 'tocsin_trigger_storm_dropped_total'), 39);
      assert.equal(guard.state, undefined);
    }
  });

  it('loses no run and no cause, and makes no run twice', async () => {
    const events = fc.array(
      fc.record({
        from: fc.nat(30),
        count: fc.integer({ min: 1, max: 30 }),
        key: fc.constantFrom('T', 'U', defaultTrigger),
        waitMs: fc.constantFrom(0, 100, 1500),
        resume: fc.boolean(),
      }),
      { maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(events, async (all) => {
        const { clock, calls, guard } = start({ objects: 30 });
        const owed = new Set<string>();
        for (const [index, { from, count, key, waitMs, resume }] of all.entries()) {
          const cause = causesOf(`A${index}`);
          const chosen = requests(count, from);
          for (const request of chosen) owed.add(`${requestKey(request)} ${key} A${index}`);
          await guard.enqueue([choice(chosen, new Map([[key, cause]]))], { id: `e${index}`, causes: cause });
          await clock.advanceAsync(waitMs);
          if (resume && index % 5 === 0) await guard.resume();
        }
        await clock.advanceAsync(60_000);
        const made = calls.flatMap(({ choices }) =>
          choices.flatMap(({ requests: chosen, chosenBy }) =>
            chosen.flatMap((request) =>
              [...chosenBy].flatMap(([key, { alerts }]) =>
                [...alerts.keys()].map((alert) => `${requestKey(request)} ${key} ${alert}`),
              ),
            ),
          ),
        );
        assert.equal(made.length, new Set(made).size);
        assert.deepEqual(new Set(made), owed);
        assert.equal(guard.state, undefined);
        assert.equal(clock.pending(), 0);
      }),
      { numRuns: 60 },
    );
  });

  it('names every event for a run that waited for several, and no other event', async () => {
    const { calls, guard, logger } = start();
    await guard.enqueue([choice(requests(60), new Map([['T', causes]]))], event);
    await guard.enqueue([choice(requests(1), new Map([['S', causes]]))], { id: 'e2', joined: ['e3'], causes });
    await guard.resume();
    const named = calls.flatMap(({ choices, ids }) =>
      choices.flatMap(({ requests: all }) => all.map(({ name }) => `${name} ${ids.join()}`)),
    );
    assert.deepEqual(named.toSorted().slice(0, 2), ['o0 e1,e2,e3', 'o1 e1']);
    assert.equal(named.length, 60);
    assert.deepEqual(logger.fieldsOf('trigger.storm')[0]?.['event_ids'], undefined);
  });

  it('holds no run of a namespace that has no part in the storm, neither of the same event nor of a later one', async () => {
    const { guard, logger, out } = start();
    const stormy = choice(inNamespace('greedy', 60), new Map([['T', causes]]));
    await guard.enqueue([stormy, choice(inNamespace('modest', 2), new Map([['M', causes]]))], event);
    assert.deepEqual(
      out.map((line) => line.split(' ')[0]),
      ['modest-0', 'modest-1'],
    );
    assert.deepEqual(logger.fieldsOf('trigger.storm')[0]?.['namespaces'], ['greedy']);
    await guard.enqueue([choice(inNamespace('modest', 3), new Map([['M', causes]]))], { id: 'e2', causes });
    assert.equal(out.length, 5);
    assert.equal(guard.state?.waiting, 60);
  });

  it('lets the namespaces of several storms out in turn, each with its worst alert first', async () => {
    const { clock, guard, out } = start();
    const worst = causesOf('B', 'critical');
    await guard.enqueue([choice(inNamespace('greedy', 60), new Map([['T', worst]]))], event);
    await guard.enqueue([choice(inNamespace('other', 60), new Map([['T', causes]]))], { id: 'e2', causes });
    await clock.advanceAsync(400);
    assert.deepEqual(
      out.map((line) => line.split(' ')[0]),
      ['greedy-0', 'other-0', 'greedy-1', 'other-1'],
    );
  });
});

function inNamespace(namespace: string, count: number): readonly Request[] {
  return Array.from({ length: count }, (_, at) => ({ kind: 'Cluster', namespace, name: `${namespace}-${at}` }));
}
