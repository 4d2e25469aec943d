import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { Causes } from '../../cause/causes.ts';
import type { Trigger } from '../trigger.ts';
import { firing, startPacing, testObject, testTrigger } from './guard.fixture.ts';

const triggers = [
  testTrigger('paced', { minIntervalMs: 2000, budget: { runs: 3, perMs: 20_000 } }),
  testTrigger('slow', { minIntervalMs: 5000 }),
  testTrigger('single', { minIntervalMs: 0, budget: { runs: 1, perMs: 9000 } }),
];

type Step =
  /** An alert wakes an object. */
  | { readonly do: 'alert'; readonly trigger: number; readonly object: number; readonly write: Write }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'restart' | 'kill'; readonly setBackMs: number }
  /** The clock is set while the process runs. */
  | { readonly do: 'set'; readonly byMs: number };

/** How a write ends; `lost`: it was made, and nobody knows, and a retry follows. `killed`: it was made, and the process was killed. */
type Write = 'made' | 'lost' | 'refused' | 'killed' | 'unnecessary';

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('alert' as const),
      trigger: fc.nat(triggers.length - 1),
      object: fc.nat(1),
      write: fc.constantFrom<Write>('made', 'made', 'made', 'lost', 'refused', 'killed', 'unnecessary'),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 900, 2000, 4000, 9000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('restart' as const, 'kill' as const),
      setBackMs: fc.constantFrom(0, 0, 3000, 3_600_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('set' as const), byMs: fc.constantFrom(-60_000, 60_000) }) },
);

/** The naive model: what was done to objects, when, and for which alerts. A write and its retry are one effect. */
class Model {
  readonly effects = new Map<string, { first: number; last: number; readonly alerts: Set<string> }[]>();
  readonly owed = new Map<string, Set<string>>();

  owe(key: string, alert: string): void {
    this.owed.set(key, (this.owed.get(key) ?? new Set()).add(alert));
  }

  done(key: string, at: number, alerts: Iterable<string>, isRetry: boolean): void {
    const all = this.effects.get(key) ?? [];
    this.effects.set(key, all);
    if (isRetry) all.at(-1)!.last = at;
    else all.push({ first: at, last: at, alerts: new Set(alerts) });
    for (const alert of alerts) this.owed.get(key)?.delete(alert);
  }

  check(key: string, { minIntervalMs, budget }: Trigger): void {
    const all = this.effects.get(key) ?? [];
    for (const [index, effect] of all.entries()) {
      const previous = all[index - 1];
      if (previous !== undefined)
        assert.ok(effect.first - previous.last >= minIntervalMs, `${key}: ${effect.first - previous.last} ms apart`);
      const before = budget === undefined ? undefined : all[index - budget.runs];
      if (budget !== undefined && before !== undefined)
        assert.ok(effect.first - before.first >= budget.perMs, `${key}: more than ${budget.runs} runs in a window`);
    }
    assert.deepEqual([...(this.owed.get(key) ?? [])], [], `${key}: alerts for which nothing was done`);
  }
}

async function play(t: TestContext, steps: readonly Step[]): Promise<void> {
  const model = new Model();
  let setup = await startPacing(t, triggers);
  const { clock } = setup;
  let alerts = 0;

  const attempt = async (
    trigger: Trigger,
    name: string,
    causes: Causes,
    write: Write,
    isRetry: boolean,
  ): Promise<void> => {
    const key = `${trigger.key} ${name}`;
    const admission = await setup.pacing.admit(trigger, testObject(name), causes);
    if (!admission.allowed) return;
    const { permit } = admission;
    const names = [...permit.causes.alerts.keys()];
    if (write !== 'unnecessary') await permit.spend();
    if (write === 'unnecessary') {
      for (const alert of names) model.owed.get(key)?.delete(alert);
      permit.end('nothing');
    } else if (write === 'refused') {
      permit.end('nothing');
      await attempt(trigger, name, permit.causes, 'made', false);
    } else {
      model.done(key, clock.monotonic(), names, isRetry);
      if (write === 'killed') setup = await setup.killed();
      else permit.end(write === 'lost' ? 'failed' : 'written');
      if (write === 'lost') {
        await clock.advanceAsync(700);
        await attempt(trigger, name, permit.causes, 'made', true);
      }
    }
  };

  const work = async (): Promise<void> => {
    for (let run = setup.released.shift(); run !== undefined; run = setup.released.shift())
      await attempt(setup.triggers.get(run.trigger)!, run.request.name, run.causes, 'made', false);
  };

  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 500) {
      await clock.advanceAsync(Math.min(left, 500));
      await work();
    }
  };

  for (const each of steps) {
    if (each.do === 'alert') {
      const trigger = triggers[each.trigger]!;
      const name = `o${each.object}`;
      const alert = `A${alerts++}`;
      model.owe(`${trigger.key} ${name}`, alert);
      await attempt(trigger, name, firing(clock, alert), each.write, false);
    } else if (each.do === 'wait') await pass(each.ms);
    else if (each.do === 'set') {
      clock.set(each.byMs);
      // What is written next has the new times.
      await setup.pacing.conditions.note({
        trigger: 'T',
        request: testObject('x').request,
        apiVersion: 'v1',
        type: `${clock.monotonic()} ${alerts++}`,
      });
    } else {
      const next = each.do === 'kill' ? setup.killed() : setup.restarted();
      clock.set(-each.setBackMs);
      setup = await next;
    }
  }
  await pass(120_000);
  for (const trigger of triggers) for (const name of ['o0', 'o1']) model.check(`${trigger.key} ${name}`, trigger);
  assert.equal(setup.pacing.throttledBy(triggers[0]!), undefined);
  await setup.pacing.close();
  assert.equal(clock.pending(), 0, 'a timer was left');
}

describe('Pacing', () => {
  it('keeps every interval and budget, and makes every run with all its causes, over restarts and clocks that are set', async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), (steps) => play(t, steps)),
      { numRuns: 60 },
    );
  });
});
