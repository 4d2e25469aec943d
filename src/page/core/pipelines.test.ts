import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Alert, Pipeline } from '../../explain/schema.ts';
import { alertState, chosenAlerts } from './alerts.ts';
import { chosenFacts, isStep } from './chosen-facts.ts';
import { defaultLink } from './link.ts';
import { at, backend, changed, ended, fact, start, throttling } from './page.fixture.ts';
import { chosenPipelines, countPipelines, headline, healthOf, healths } from './pipelines.ts';
import { staleAfter } from './stale.ts';

function pipeline(
  name: string,
  status: 'True' | 'False' | 'Unknown' | undefined,
  since = 0,
  more: Partial<Pipeline> = {},
): Pipeline {
  const { condition: _condition, ...rest } = backend;
  const condition = status === undefined ? {} : { condition: { ...backend.condition!, status, since: at(since) } };
  return { ...rest, ...condition, ...more, name };
}

const all = [
  pipeline('fine', 'True'),
  pipeline('new', undefined),
  pipeline('lost', 'Unknown'),
  pipeline('long-bad', 'False', 1),
  pipeline('just-bad', 'False', 2, { kind: 'LogPipeline', firing: [throttling] }),
];
const matching = { matcher: 'm', alerts: new Set([throttling.fingerprint!]), facts: new Set([7]), isCut: false };

function names(link: Partial<typeof defaultLink>): readonly string[] {
  return chosenPipelines(all, { ...defaultLink, ...link }, matching).map(({ name }) => name);
}

describe('the pipelines in the list', () => {
  it('are the worst first, and of those what changed last', () => {
    assert.deepEqual(names({}), ['just-bad', 'long-bad', 'lost', 'new', 'fine']);
  });

  it('pass each filter', () => {
    assert.deepEqual(names({ kind: 'LogPipeline' }), ['just-bad']);
    assert.deepEqual(names({ name: 'BAD' }), ['just-bad', 'long-bad']);
    assert.deepEqual(names({ state: 'unknown' }), ['lost']);
    assert.deepEqual(names({ state: 'paused' }), []);
    assert.deepEqual(names({ alert: 'm' }), ['just-bad']);
  });

  it('are none that match while Tocsin has not said which do', () => {
    assert.deepEqual(chosenPipelines(all, { ...defaultLink, alert: 'm' }, undefined), []);
  });

  it('are in one order, whatever order they come in, and none is lost', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (shuffled) => {
        assert.deepEqual(
          chosenPipelines(shuffled, defaultLink, undefined),
          chosenPipelines(all, defaultLink, undefined),
        );
      }),
    );
  });

  it('are summed up in a few words', () => {
    assert.equal(headline(countPipelines(all)), '2 unhealthy, 1 unknown, 1 without a condition yet, of 5 pipelines');
    assert.equal(headline(countPipelines(all.slice(2))), '2 unhealthy, 1 unknown, of 3 pipelines');
    assert.equal(headline(countPipelines(all.slice(3))), '2 of 2 pipelines unhealthy');
    assert.equal(headline(countPipelines([backend])), 'The pipeline is healthy');
    assert.equal(headline(countPipelines([backend, backend])), 'All 2 pipelines are healthy');
    assert.equal(headline(countPipelines([])), 'There are no pipelines');
    assert.deepEqual(
      healths.map((health) => all.filter((each) => healthOf(each) === health).length),
      [2, 1, 1, 1],
    );
  });
});

describe('the alerts in the list', () => {
  const alert = (fingerprint: string, more: Partial<Alert>): Alert => ({ ...throttling, fingerprint, ...more });
  const { starts_at: _start, ...forgotten } = alert('f', {});
  const alerts = [
    alert('a', { status: 'resolved' }),
    alert('b', { silenced_by: ['s'] }),
    alert('c', { starts_at: at(1) }),
    alert('d', { starts_at: at(2) }),
    alert('e', { status: 'invalid' }),
    forgotten,
  ];

  it('are those that fire first, of those the newest', () => {
    assert.deepEqual(
      chosenAlerts(alerts, { alert: '' }, undefined).map(({ fingerprint }) => fingerprint),
      ['d', 'c', 'b', 'e', 'f', 'a'],
    );
    assert.deepEqual(alerts.map(alertState), ['resolved', 'silenced', 'firing', 'firing', 'invalid', 'past']);
  });

  it('are those that Tocsin says match', () => {
    assert.equal(chosenAlerts([...alerts, throttling], { alert: 'm' }, matching).length, 1);
  });
});

describe('the facts in the list', () => {
  const facts = [
    fact(1, 'event.emitted'),
    changed(2, 'True', 'False'),
    ended(3, 'unchanged', { because: 'unchanged' }),
    fact(7, 'alert.new'),
    fact(9, 'alert.new', { fingerprint: throttling.fingerprint }),
  ];
  const chosen = (link: Partial<typeof defaultLink>, from = start, to = Infinity): readonly number[] =>
    chosenFacts(facts, from, to, { link: { ...defaultLink, ...link }, pipelines: [backend], matching }).map(
      ({ id }) => id,
    );

  it('are the newest first, without the steps on the way', () => {
    assert.deepEqual(chosen({}), [9, 7, 2]);
    assert.deepEqual(chosen({ steps: true }), [9, 7, 3, 2, 1]);
  });

  it('are within the time', () => assert.deepEqual(chosen({}, start + 2000, start + 7000), [7, 2]));

  it('are about the pipelines that the filters choose, or about the alerts that match', () => {
    assert.deepEqual(chosen({ name: 'backend' }), [2]);
    assert.deepEqual(chosen({ alert: 'm' }), [9, 7]);
  });

  it('never hide a warning', () => assert.equal(isStep({ ...fact(1, 'prometheus.queried'), level: 'warn' }), false));
});

describe('what facts make old', () => {
  const nothing = { pipelines: false, alerts: false, silences: false, payloads: false, problems: false };
  for (const [given, expected] of [
    [[], {}],
    [[changed(1, 'True', 'False')], { pipelines: true }],
    [[fact(1, 'alerts.received', { new: 0, resolved: 0 })], { payloads: true }],
    [[fact(1, 'alerts.received', { new: 1, resolved: 0 })], { payloads: true, alerts: true }],
    [[fact(1, 'silence.started')], { pipelines: true, alerts: true, silences: true }],
    [[fact(1, 'problem.found')], { problems: true }],
  ] as const)
    it(`is asked for again: ${Object.keys(expected).join(', ') || 'nothing'}`, () =>
      assert.deepEqual(staleAfter(given), { ...nothing, ...expected }));
});
