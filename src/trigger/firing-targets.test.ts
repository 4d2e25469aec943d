import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { FiringAlerts } from '../alert/firing-alerts.ts';
import { Matcher } from '../matcher/matcher.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { AlertOrder } from './firing-condition.ts';
import { FiringTargets } from './firing-targets.ts';
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

function targetsOf(...all: readonly Trigger[]): FiringTargets {
  const triggers = new TriggerIndex('namespace');
  const targets = new TriggerTargets({ objects, allowed: () => [] });
  for (const trigger of all) {
    triggers.set(trigger);
    targets.set(trigger);
  }
  return new FiringTargets({
    triggers,
    targets,
    order: () => new AlertOrder(),
    schedule: new SliceSchedule(new FakeClock()),
  });
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

describe('FiringTargets', () => {
  it('tries no trigger without a condition, however many alerts fire', async (t) => {
    const greedy = Array.from({ length: 40 }, (_, at) =>
      newTrigger({ matchers: ['flood=~"(a?b?){0,20}x*"'] }, { namespace: 'shop', name: `greedy-${at}` }),
    );
    const quiet = newTrigger({ ...condition, matchers: ['alertname=~"Down.*"'] }, { namespace: 'shop' });
    const firing = targetsOf(...greedy, quiet);
    const tries = countTries(t, 'flood');
    const alerts = Array.from({ length: 64 }, (_, at) => ({ alertname: `Down${at}`, namespace: 'shop', flood: 'ab' }));
    const moment = await firing.at(FiringAlerts.of(alerts));
    assert.equal(moment.worstOf(quiet.key)?.labels['alertname'], 'Down0');
    assert.equal(tries(), 0);
  });
});
