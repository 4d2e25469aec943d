import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { labelKey, type LabelSet } from '../alert/labels.ts';
import { Causes } from '../cause/causes.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { EventMatches } from './event-matches.ts';
import type { Matched } from './matched-alerts.ts';
import { MatchResults } from './match-results.ts';
import { TeamTurns } from './team-turns.ts';
import { newTrigger } from './trigger.fixture.ts';
import { TriggerIndex } from './trigger-index.ts';
import type { Trigger } from './trigger.ts';

interface Scene {
  readonly index: TriggerIndex;
  readonly matches: EventMatches;
  readonly turns: TeamTurns;
  readonly clock: FakeClock;
  /** How long the loop was held at most, milliseconds, and how often a large expression was tried. */
  readonly measured: { longestMs: number; tries: number };
}

/** @param costMs how long it takes to try a large expression */
function setUp(all: readonly Trigger[], costMs = 0): Scene {
  const clock = new FakeClock();
  const index = new TriggerIndex('namespace');
  for (const trigger of all) index.set(trigger);
  const measured = { longestMs: 0, tries: 0 };
  let startedAt = clock.now();
  const schedule = new SliceSchedule(clock, (run) =>
    setImmediate(() => {
      measured.longestMs = Math.max(measured.longestMs, clock.now() - startedAt);
      startedAt = clock.now();
      run();
    }),
  );
  const triggers = {
    candidates: (labels: LabelSet) => index.candidates(labels),
    matches: (trigger: Trigger, labels: LabelSet): boolean => {
      if (trigger.matchers.some(({ name }) => name === 'flood')) {
        clock.set(costMs);
        measured.tries++;
      }
      return index.matches(trigger, labels);
    },
  };
  const results = new MatchResults({ triggers, clock, logger: new RecordingLogger(), registry: new Registry() });
  const turns = new TeamTurns(schedule);
  return { index, matches: new EventMatches({ triggers, results, turns, schedule }), turns, clock, measured };
}

function causesOf(alerts: readonly LabelSet[]): Causes {
  const causes = new Causes();
  for (const labels of alerts) causes.addAlert(labelKey(labels), { labels }, 'firing', 1);
  return causes;
}

function namesOf(matched: Matched): Readonly<Record<string, number>> {
  return Object.fromEntries([...matched].map(([{ key }, { all }]) => [key, all.size]));
}

const costly = (name: string, namespace = 'greedy'): Trigger =>
  newTrigger({ matchers: ['flood=~"(a?b?){0,20}x*"'] }, { namespace, name });
const flood = Array.from({ length: 60 }, (_, at) => ({
  alertname: 'Flood',
  at: `${at}`,
  flood: 'ab',
  namespace: 'greedy',
}));
const late = { alertname: 'Late', namespace: 'modest' };
const modest = newTrigger({ matchers: ['alertname="Late"'] }, { namespace: 'modest' });
const cheap = newTrigger({ matchers: ['alertname="Flood"'] }, { namespace: 'greedy', name: 'cheap' });

describe('EventMatches', () => {
  it('matches everything at once while that takes no time', async () => {
    const { matches } = setUp([costly('one'), cheap, modest]);
    const { matched, behind } = await matches.first(causesOf([...flood, late]));
    assert.deepEqual(namesOf(matched), {
      'alerttrigger/greedy/cheap': 60,
      [modest.key]: 1,
      'alerttrigger/greedy/one': 60,
    });
    assert.equal(behind.size, 0);
  });

  it('leaves what takes long to the turns of the team, and holds the loop for a slice and a try', async () => {
    const { matches, measured } = setUp([costly('one'), costly('two'), cheap, modest], 4);
    const event = { id: 'e', causes: causesOf([...flood, late]) };
    const { matched, behind } = await matches.first(event.causes);
    assert.deepEqual(namesOf(matched), { 'alerttrigger/greedy/cheap': 60, [modest.key]: 1 });
    assert.deepEqual([...behind.keys()], ['greedy']);
    const causes = behind.get('greedy')!;
    assert.equal(causes.alerts.size, 60);
    const { matched: rest } = await matches.ofTeam('greedy', () => ({ ...event, causes }));
    assert.deepEqual(namesOf(rest), { 'alerttrigger/greedy/one': 60, 'alerttrigger/greedy/two': 60 });
    assert.equal(measured.tries, 120);
    assert.ok(measured.longestMs <= 14, `${measured.longestMs} ms`);
  });

  it('tries nothing for a team that has work already, and no alert twice', async () => {
    const { matches, turns, measured } = setUp([costly('one'), costly('other', 'bank')], 4);
    const working = turns.run('greedy', async () => undefined);
    const few = flood.slice(0, 2);
    const { behind } = await matches.first(causesOf([...few, { ...few[0], namespace: 'bank' }]));
    assert.deepEqual([...behind.keys()], ['greedy']);
    assert.equal(measured.tries, 1);
    await working;
    await matches.ofTeam('greedy', () => ({ id: 'e', causes: behind.get('greedy')! }));
    const again = await matches.first(causesOf(few));
    assert.deepEqual(namesOf(again.matched), { 'alerttrigger/greedy/one': 2 });
    assert.equal(measured.tries, 3);
  });

  it('finds, first and later together, what every trigger tried on every alert finds, and nothing twice', async () => {
    const matcher = fc.constantFrom('alertname="A"', 'flood=~"(a|b){1,9}"', 'flood=~"a?b"', 'severity=~"x|y"');
    const namespace = fc.constantFrom('shop', 'bank');
    const trigger = fc.record({ namespace: fc.option(namespace), matchers: fc.uniqueArray(matcher, { maxLength: 2 }) });
    const labels = fc.record(
      { alertname: fc.constantFrom('A', 'B'), namespace, flood: fc.constantFrom('a', 'ab', 'c') },
      { requiredKeys: [] },
    ) as fc.Arbitrary<LabelSet>;
    const check = async (
      specs: readonly { namespace: string | null; matchers: string[] }[],
      alerts: LabelSet[],
      costMs: number,
    ): Promise<void> => {
      const all = specs.map(({ namespace: own, matchers }, at) =>
        newTrigger({ matchers }, own === null ? { name: `t${at}` } : { name: `t${at}`, namespace: own }),
      );
      const { index, matches } = setUp(all, costMs);
      const causes = causesOf(alerts);
      const { matched, behind } = await matches.first(causes);
      const found: string[] = [];
      const keep = (some: Matched): void => {
        for (const [{ key }, { all: own }] of some) for (const alert of own.keys()) found.push(`${key} ${alert}`);
      };
      keep(matched);
      for (const [team, own] of behind) keep((await matches.ofTeam(team, () => ({ id: 'e', causes: own }))).matched);
      const wanted = [...causes.alerts].flatMap(([alert, cause]) =>
        index.matching(cause.labels).map(({ key }) => `${key} ${alert}`),
      );
      assert.deepEqual(found.toSorted(), wanted.toSorted());
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(trigger, { maxLength: 6 }),
        fc.array(labels, { maxLength: 8 }),
        fc.nat({ max: 12 }),
        check,
      ),
      { numRuns: 100 },
    );
  });
});
