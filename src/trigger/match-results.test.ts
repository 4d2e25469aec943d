import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import type { NamedAlert } from '../alert/firing-alerts.ts';
import { labelKey } from '../alert/labels.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { MatchResults } from './match-results.ts';
import { newTrigger } from './trigger.fixture.ts';
import type { Trigger } from './trigger.ts';

const costly = { matchers: ['flood=~"(a|b){1,9}"'] };

interface Scene {
  readonly results: MatchResults;
  readonly logger: RecordingLogger;
  readonly registry: Registry;
  /** How often a trigger was tried. */
  readonly tries: () => number;
}

function setUp(maxBytes?: number): Scene {
  let tries = 0;
  const matches = (_: Trigger, labels: Readonly<Record<string, string>>): boolean => {
    tries++;
    return labels['flood'] === 'a';
  };
  const [clock, logger, registry] = [new FakeClock(), new RecordingLogger(), new Registry()];
  const options = { clock, logger, registry, triggers: { matches }, ...(maxBytes !== undefined && { maxBytes }) };
  return { results: new MatchResults(options), logger, registry, tries: () => tries };
}

function alertOf(flood: string, namespace = 'shop'): NamedAlert {
  return { alertname: 'A', labels: { alertname: 'A', namespace, flood } };
}

describe('MatchResults', () => {
  it('tries a costly trigger once on the same labels, whichever object holds them', () => {
    const { results, tries } = setUp();
    const trigger = newTrigger(costly, { namespace: 'shop' });
    const stored = alertOf('b');
    const answers = [alertOf('a'), alertOf('a'), stored, { ...stored, key: labelKey(stored.labels) }];
    assert.deepEqual(
      answers.map((alert) => results.matches(trigger, alert)),
      [true, true, false, false],
    );
    assert.equal(tries(), 2);
    assert.deepEqual([results.known(trigger, alertOf('a')), results.known(trigger, alertOf('c'))], [true, undefined]);
  });

  it('remembers nothing of a trigger that costs little, nor for one that has changed', () => {
    const { results, tries } = setUp();
    const [cheap, listing] = [['alertname="A"'], ['flood=~"a|b"']].map((matchers) => newTrigger({ matchers }));
    for (const trigger of [cheap!, listing!, cheap!]) results.matches(trigger, alertOf('a'));
    assert.equal(tries(), 3);
    for (const trigger of [newTrigger(costly), newTrigger(costly)]) results.matches(trigger, alertOf('a'));
    assert.equal(tries(), 5);
  });

  it('forgets the team with the most when too much is remembered, and tells it', async () => {
    const { results, logger, registry, tries } = setUp(20_000);
    const [greedy, modest] = ['greedy', 'modest'].map((namespace) => newTrigger(costly, { namespace }));
    results.matches(modest!, alertOf('a', 'modest'));
    for (let at = 0; at < 200; at++) results.matches(greedy!, alertOf(`x${at}`, 'greedy'));
    const before = tries();
    results.matches(modest!, alertOf('a', 'modest'));
    assert.equal(tries(), before);
    const [line] = logger.linesOf('trigger.matches_forgotten');
    assert.deepEqual([line?.fields['team'], line?.fields['limit_bytes']], ['greedy', 20_000]);
    const page = await registry.metrics();
    assert.match(page, /tocsin_trigger_matches_forgotten_total 1\d\d\n/);
    const [, bytes] = /tocsin_trigger_match_memory_bytes (\d+)\n/.exec(page) ?? [];
    assert.ok(Number(bytes) > 0 && Number(bytes) <= 20_000, bytes);
  });
});
