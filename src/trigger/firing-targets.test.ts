import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { describe, it, type TestContext } from 'node:test';
import { FiringAlerts } from '../alert/firing-alerts.ts';
import { labelKey, type LabelSet } from '../alert/labels.ts';
import { Matcher } from '../matcher/matcher.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { AlertOrder } from './firing-condition.ts';
import { FiringMatches } from './firing-matches.ts';
import { FiringTargets } from './firing-targets.ts';
import { MatchResults } from './match-results.ts';
import { TeamTurns } from './team-turns.ts';
import { newTrigger } from './trigger.fixture.ts';
import { TriggerIndex } from './trigger-index.ts';
import { TriggerTargets } from './trigger-targets.ts';
import type { TargetObjects } from './ports.ts';
import type { Trigger } from './trigger.ts';

const condition = { action: { condition: { type: 'AlertsQuiet' } } };

/** Objects about which nothing is known but their names. */
const objects: TargetObjects = {
  require: () => undefined,
  stateOf: () => ({ state: 'known' }),
  onChange: () => undefined,
  requestOf: (_, kind, namespace, name) => ({ kind, ...(namespace !== undefined && { namespace }), name }),
  select: () => [],
  get: () => undefined,
  ownerOf: async () => ({ owner: undefined, reason: 'nobody owns it' }),
};

interface Scene {
  readonly triggers: TriggerIndex;
  readonly firing: FiringTargets;
}

function sceneOf(...all: readonly Trigger[]): Scene {
  const triggers = new TriggerIndex('namespace');
  const targets = new TriggerTargets({ objects, allowed: () => [] });
  for (const trigger of all) {
    triggers.set(trigger);
    targets.set(trigger);
  }
  const clock = new FakeClock();
  const turns = new TeamTurns(new SliceSchedule(clock));
  const results = new MatchResults({ triggers, clock, logger: new RecordingLogger(), registry: new Registry() });
  const matches = new FiringMatches({ triggers, results, turns });
  const given = { clock, logger: new RecordingLogger(), registry: new Registry(), onProblem: () => undefined };
  const order = (): AlertOrder => new AlertOrder();
  const firing = new FiringTargets({ ...given, triggers, targets, matches, turns, order });
  return { triggers, firing };
}

/** Counts how often an expression on a label is tried. */
function countTries(t: TestContext, label: string): () => number {
  let tried = 0;
  const { matchesValue } = Matcher.prototype;
  t.mock.method(
    Matcher.prototype,
    'matchesValue',
    function count(this: Matcher, ...given: Parameters<typeof matchesValue>) {
      if (this.name === label) tried++;
      return matchesValue.apply(this, given);
    },
  );
  return () => tried;
}

const { signal } = new AbortController();
const costly = 'flood=~"(a?b?){0,20}x*"';
const templated = { targets: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: '{{ labels.app }}' }] };

function floodIn(namespace: string, count = 64): readonly LabelSet[] {
  return Array.from({ length: count }, (_, at) => ({
    alertname: `Down${at}`,
    namespace,
    app: `app-${at % 3}`,
    flood: 'ab'.repeat(1 + (at % 2)),
  }));
}

describe('FiringTargets', () => {
  it('tries no trigger without a condition, however many alerts fire', async (t) => {
    const greedy = Array.from({ length: 40 }, (_, at) =>
      newTrigger({ matchers: [costly] }, { namespace: 'shop', name: `greedy-${at}` }),
    );
    const quiet = newTrigger({ ...condition, matchers: ['alertname=~"Down.*"'] }, { namespace: 'shop' });
    const { firing } = sceneOf(...greedy, quiet);
    const tries = countTries(t, 'flood');
    const moment = firing.at(FiringAlerts.of(floodIn('shop')));
    assert.equal((await moment.worstOf(quiet, signal))?.labels['alertname'], 'Down0');
    assert.equal(tries(), 0);
  });

  it('tries no trigger of another team for an object that it may not wake', async (t) => {
    const greedy = newTrigger({ ...condition, ...templated, matchers: [costly] }, { namespace: 'shop' });
    const modest = newTrigger({ ...condition, ...templated }, { namespace: 'bank' });
    const { firing } = sceneOf(greedy, modest);
    const tries = countTries(t, 'flood');
    const moment = firing.at(FiringAlerts.of([...floodIn('shop'), ...floodIn('bank', 1)]));
    const object = { kind: 'Deployment', namespace: 'bank', name: 'app-0' };
    assert.deepEqual(await moment.namersOf(object, signal), [modest.key]);
    assert.equal((await moment.worstFor(modest, object, signal))?.labels['namespace'], 'bank');
    assert.equal(tries(), 0);
    assert.deepEqual(await moment.namersOf({ ...object, namespace: 'shop' }, signal), [greedy.key]);
    assert.equal(tries(), 64);
  });

  it('tries an expression once on an alert that goes on firing', async (t) => {
    const trigger = newTrigger({ ...condition, ...templated, matchers: [costly] }, { namespace: 'shop' });
    const { firing } = sceneOf(trigger);
    const tries = countTries(t, 'flood');
    const objectsAt = async (alerts: readonly LabelSet[]): Promise<number> =>
      (await firing.at(FiringAlerts.of(alerts)).objectsOf(trigger, signal)).length;
    assert.equal(await objectsAt(floodIn('shop', 10)), 3);
    assert.equal(await objectsAt(floodIn('shop', 10)), 3);
    assert.equal(tries(), 10);
    firing.forget();
    assert.equal(await objectsAt(floodIn('shop', 12)), 3);
    assert.equal(tries(), 12);
  });

  it('begins anew what was given up when nobody waited any more', async () => {
    const trigger = newTrigger({ ...condition, ...templated, matchers: [costly] }, { namespace: 'shop' });
    const { firing } = sceneOf(trigger);
    const moment = firing.at(FiringAlerts.of(floodIn('shop')));
    const reason = new Error('the run has ended');
    await assert.rejects(moment.objectsOf(trigger, AbortSignal.abort(reason)), reason);
    assert.equal((await moment.objectsOf(trigger, signal)).length, 3);
  });

  it('finds by place what a search through everything finds', async () => {
    const namespaces = fc.constantFrom('shop', 'bank');
    const matcher = fc.constantFrom(
      'alertname="A"',
      'app="x"',
      'flood=~"(a|b){1,9}"',
      'alertname=~"A|B"',
      'flood!~"b.*"',
    );
    const arbitraryTrigger = fc.record({
      namespace: fc.option(namespaces, { nil: undefined }),
      matchers: fc.uniqueArray(matcher, { maxLength: 2 }),
      to: fc.option(namespaces, { nil: undefined }),
      kind: fc.constantFrom('Deployment', 'Cluster'),
    });
    const label = (...values: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...values);
    const arbitraryAlert = fc.record(
      { alertname: label('A', 'B'), namespace: namespaces, app: label('x', 'y'), flood: label('a', 'ab', 'b') },
      { requiredKeys: [] },
    ) as fc.Arbitrary<LabelSet>;
    const check = async (specs: readonly object[], alerts: readonly LabelSet[]): Promise<void> => {
      const all = specs.map((spec, at) => {
        const { namespace, matchers, to, kind } = spec as {
          namespace?: string;
          matchers: string[];
          to?: string;
          kind: string;
        };
        const target = {
          apiVersion: 'apps/v1',
          kind,
          name: '{{ labels.app }}',
          ...(to !== undefined && { namespace: to }),
        };
        const made = { name: `t${at}`, ...(namespace !== undefined && { namespace }) };
        return newTrigger({ ...condition, matchers, targets: [target] }, made);
      });
      const { firing, triggers } = sceneOf(...all);
      const moment = firing.at(FiringAlerts.of(alerts));
      for (const kind of ['Deployment', 'Cluster'])
        for (const namespace of ['shop', 'bank'])
          for (const name of ['x', 'y']) {
            const leads = (trigger: Trigger): boolean =>
              alerts.some((labels) => labels['app'] === name && triggers.matching(labels).includes(trigger)) &&
              trigger.targets.some((target) => target.kind === kind) &&
              (trigger.targets[0]!.namespace?.text ?? trigger.namespace) === namespace &&
              (trigger.namespace ?? namespace) === namespace;
            const found = await moment.namersOf({ kind, namespace, name }, signal);
            assert.deepEqual(
              [...found].toSorted(),
              all
                .filter(leads)
                .map(({ key }) => key)
                .toSorted(),
            );
          }
    };
    const arbitraryAlerts = fc.uniqueArray(arbitraryAlert, { maxLength: 8, selector: (labels) => labelKey(labels) });
    await fc.assert(fc.asyncProperty(fc.array(arbitraryTrigger, { maxLength: 6 }), arbitraryAlerts, check), {
      numRuns: 100,
    });
  });
});
