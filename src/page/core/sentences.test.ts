import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Because, Effect, Run, Verdict } from '../../explain/schema.ts';
import { reasons } from '../../explain/words.ts';
import { tellAlert, tellEffect } from './alert-story.ts';
import { changesOf, tellEvent } from './event-story.ts';
import { tellFact } from './fact-sentence.ts';
import { at, changed, changedRun, ended, fact, maintenance, start, throttling } from './page.fixture.ts';
import { listed, plain } from './parts.ts';
import { briefRun, tellRun } from './run-story.ts';
import { factSelection } from './selection.ts';

describe('a run as a story', () => {
  const story = tellRun(changedRun, start + 66_000);

  it('says in one sentence what happened and why', () => {
    assert.equal(
      plain(story.summary),
      'TracePipeline/backend was looked at because of TraceGatewayThrottling, and it went from True FlowHealthy to False GatewayThrottling.',
    );
  });

  it('answers each question', () => {
    assert.deepEqual(
      story.rows.map(({ question, answers }) => [question, ...answers.map(plain)]),
      [
        [
          'Woken by',
          `TraceGatewayThrottling {severity="warning"} fires, received 2 times at ${at(4)}, 3 s after it began`,
        ],
        ['Told by', 'request my-test', 'event fe190949'],
        ['Prometheus said', '3 alerts fire'],
        ['Decided by', 'TraceGatewayThrottling {severity="warning"}'],
        ['Written', 'False GatewayThrottling', '“OTLP Gateway is unable to receive spans”'],
        ['What comes next', `The next look: in 4 min, at ${at(306)}`],
      ],
    );
  });

  it('says how long each hop took', () => {
    assert.deepEqual(
      story.hops.map(({ name, afterMs }) => [name, afterMs]),
      [
        ['Alert received', 0],
        ['Event made of it', 0],
        ['Run started', 1000],
        ['Run finished', 2000],
      ],
    );
  });

  it('has the hops in the order of their times: an answer of Prometheus may be older than the run', () => {
    const run: Run = { ...changedRun, hops: { started: at(3), queried: at(1), answered: at(2), finished: at(4) } };
    const names = ['Prometheus asked', 'Prometheus answered', 'Run started', 'Run finished'];
    assert.deepEqual(
      tellRun(run, start).hops.map(({ name }) => name),
      names,
    );
  });

  for (const because of Object.keys(reasons) as Because[])
    it(`says why no condition changed: ${because}`, () => {
      const { transition: _transition, ...rest } = changedRun;
      const run: Run = { ...rest, outcome: 'unchanged', because };
      const written = tellRun(run, start).rows.find(({ question }) => question === 'Written')!;
      assert.equal(plain(written.answers[0]!), `Nothing, because ${reasons[because]}`);
      assert.ok(plain(tellRun(run, start).summary).includes(reasons[because]));
    });

  it('says who asked, if no alert did', () => {
    const run: Run = { ...changedRun, causes: [], triggers: ['manual'] };
    assert.match(plain(tellRun(run, start).summary), /because of somebody who asked for it/);
  });

  it('says what failed, what helps, and when it is tried again', () => {
    const { transition: _transition, look_again_at: _again, ...rest } = changedRun;
    const run: Run = {
      ...rest,
      outcome: 'failed',
      because: 'prometheus_failed',
      error: 'connection refused',
      retry_at: at(10),
    };
    const text = tellRun(run, start + 5000)
      .rows.flatMap(({ answers }) => answers.map(plain))
      .join('\n');
    assert.match(plain(tellRun(run, start).summary), /but that failed: connection refused\.$/);
    assert.match(text, /What helps: see prometheus\.url/);
    assert.match(text, /The next try: in 5 s/);
  });

  it('is brief in a list', () => {
    assert.equal(briefRun(changedRun), 'changed to False GatewayThrottling in 2 s');
  });

  const { transition: _condition, look_again_at: _look, ...plainRun } = changedRun;
  const flux = 'alerttrigger/shop/flux';
  const acted: Run = {
    ...plainRun,
    pipeline: { kind: 'HelmRelease', group: 'helm.toolkit.fluxcd.io', namespace: 'shop', name: 'web' },
    chosen_by: ['default', flux],
    decided_by: [],
    actions: [{ trigger: flux, action: 'set the annotation a: b' }],
    outcome: 'changed',
  };
  const answersTo = (run: Run, question: string): readonly string[] | undefined =>
    tellRun(run, start)
      .rows.find((row) => row.question === question)
      ?.answers.map(plain);

  it('says which trigger chose the object, and what it did', () => {
    assert.equal(
      plain(tellRun(acted, start).summary),
      `HelmRelease.helm.toolkit.fluxcd.io/shop/web was looked at because of TraceGatewayThrottling, chosen by ${flux}, and ${flux} set the annotation a: b.`,
    );
    assert.deepEqual(answersTo(acted, 'Chosen by'), [`source.select and ${flux}`]);
    assert.deepEqual(answersTo(acted, 'Done'), [`${flux} set the annotation a: b`]);
    assert.equal(answersTo(acted, 'Written'), undefined);
    assert.equal(briefRun(acted), `${flux} set the annotation a: b in 2 s`);
  });

  it('says what a trigger would have done that only observes, and that nothing was', () => {
    const run: Run = {
      ...acted,
      actions: [{ trigger: flux, action: 'set the annotation a: b', observed: true }],
      outcome: 'unchanged',
      because: 'unchanged',
    };
    assert.deepEqual(answersTo(run, 'Done'), [`${flux} only observes; it would set the annotation a: b`]);
    assert.deepEqual(answersTo(run, 'Written'), ['Nothing, because its triggers only observe']);
    assert.match(plain(tellRun(run, start).summary), /and nothing changed: its triggers only observe\.$/);
  });

  it('says until when a run waits, and for which trigger', () => {
    const { actions: _actions, ...rest } = acted;
    const run: Run = {
      ...rest,
      outcome: 'unchanged',
      because: 'throttled',
      throttled_by: [flux],
      throttled_until: at(60),
    };
    assert.deepEqual(answersTo(run, 'Done'), [`${flux} had done enough to it; the run waits until ${at(60)}`]);
    assert.match(plain(tellRun(run, start).summary), /and it waits until .*: a trigger has done enough/);
  });

  it('says that a message alone was written', () => {
    const { actions: _actions, ...rest } = acted;
    assert.deepEqual(answersTo(rest, 'Written'), ['Its message was written; status and reason are as before']);
  });
});

describe('what an alert did', () => {
  const effect = (verdict: Verdict, more: Partial<Effect> = {}): Effect => ({
    at: at(1),
    verdict,
    request_id: 'r',
    runs: [],
    ...more,
  });
  const verdicts = {
    woke: [effect('woke', { event_id: 'e', runs: ['a', 'b'] }), 'It woke 2 runs (request r)'],
    merged: [
      effect('merged', { event_id: 'e', runs: ['a'], because: 'they waited' }),
      'It woke 1 run, together with others: they waited (request r)',
    ],
    silenced: [
      effect('silenced', { silences: [maintenance.id] }),
      'It woke nobody, because silence a9c3b169 holds (request r)',
    ],
    repeat_ignored: [effect('repeat_ignored'), 'It woke nobody, because it told nothing new (request r)'],
    own_notification: [
      effect('own_notification'),
      'It woke nobody, because a Tocsin sent it about a pipeline (request r)',
    ],
    no_pipeline: [effect('no_pipeline'), 'It woke nobody, because it concerns no pipeline (request r)'],
    inhibited: [
      effect('inhibited', { because: 'NodeDown fired, and inhibited file/db' }),
      'It woke nobody, because NodeDown fired, and inhibited file/db (request r)',
    ],
    throttled: [effect('throttled'), 'It waits, because its triggers have done enough for now (request r)'],
    observed: [effect('observed'), 'It did nothing, because its triggers only observe (request r)'],
    suspended: [effect('suspended'), 'It woke nobody, because its triggers are suspended (request r)'],
    opted_out: [effect('opted_out'), 'It woke nobody, because its namespace has opted out of triggers (request r)'],
    invalid: [
      effect('invalid', { because: 'no labels' }),
      'It was not stored, because it is invalid: no labels (request r)',
    ],
    over_limit: [
      effect('over_limit', { event_id: 'e', runs: ['a'] }),
      'It was not stored, but woke 1 run: the store is full (request r)',
    ],
    not_received: [{ at: at(1), verdict: 'not_received', runs: [] }, 'It did nothing here: no request told of it'],
  } as const satisfies Record<Verdict, readonly [Effect, string]>;
  for (const [verdict, [given, told]] of Object.entries(verdicts))
    it(`is one sentence: ${verdict}`, () => assert.equal(plain(tellEffect(given, []).sentence), told));

  it('names who silenced it, why, and until when', () => {
    const { silences } = tellEffect(verdicts.silenced[0], [maintenance]);
    assert.equal(plain(silences[0]!), `silence a9c3b169 is of ann: “the disk is replaced”; it ends at ${at(3600)}`);
  });

  it('says that it waits while its event is not made yet', () => {
    assert.match(
      plain(tellEffect(effect('woke', { because: 'it waits for source.debounce to end' }), []).sentence),
      /^It waits: it waits for/,
    );
  });

  it('is told of an alert that nobody knows, too', () => {
    assert.match(plain(tellAlert(undefined, [], [])), /knows no alert/);
    assert.equal(plain(tellAlert(throttling, [verdicts.woke[0]], [])), 'It woke 2 runs (request r).');
  });
});

describe('a fact as a sentence', () => {
  const alert = { fingerprint: throttling.fingerprint, alertname: throttling.alertname, labels: throttling.labels };
  const silence = { silence: maintenance.id, created_by: 'ann', comment: 'disk', matchers: ['severity="warning"'] };
  for (const [given, told] of [
    [fact(1, 'alert.new', alert), 'TraceGatewayThrottling {severity="warning"} fires'],
    [
      fact(1, 'alert.expired', alert),
      'TraceGatewayThrottling {severity="warning"} ended, because nobody sent it again',
    ],
    [
      fact(1, 'alerts.received', { user_agent: 'curl', alerts: 2, firing: 2, resolved: 0, new: 1 }),
      'curl sent 2 alerts: 2 firing, 1 new',
    ],
    [changed(1, 'True', 'False'), 'TracePipeline/backend went from True FlowHealthy to False GatewayThrottling'],
    [changed(1, '', 'True'), 'TracePipeline/backend went from no condition to True FlowHealthy'],
    [
      ended(1, 'unchanged', { because: 'held' }),
      'TracePipeline/backend was looked at, and nothing changed: the change waits until it has held long enough',
    ],
    [
      ended(1, 'error', { error: 'refused', retry_in_ms: 5000 }),
      'TracePipeline/backend could not be looked at: refused; the next try is after 5 s',
    ],
    [
      fact(1, 'prometheus.queried', { status: 'success', firing: 1, duration_ms: 7 }),
      'Prometheus said within 7 ms that 1 alert fires',
    ],
    [
      fact(1, 'prometheus.queried', { status: 'timeout', error: 'no answer' }),
      'Prometheus could not say what fires: no answer',
    ],
    [fact(1, 'silence.started', silence), 'The silence of ann started: severity="warning" “disk”'],
    [
      fact(1, 'alerts.suppressed', { alertnames: ['A'], silences: [maintenance.id] }),
      'A woke nobody, because of silence a9c3b169',
    ],
    [
      fact(1, 'sweep.finished', { requests: 4, changed: 1, unchanged: 3, failed: 0, duration_ms: 12 }),
      '4 pipelines looked at within 12 ms: 1 changed, 3 unchanged',
    ],
    [fact(1, 'history.damaged', { error: 'line 3' }), 'The history.damaged: line 3'],
  ] as const)
    it(told, () => assert.equal(plain(tellFact(given).sentence), told));

  it('is told, and opens something or nothing, whatever its fields are', () => {
    const events = fc.constantFrom(
      'alert.new',
      'alerts.received',
      'condition.changed',
      'reconcile.failed',
      'sweep.finished',
      'silence.ended',
      'other',
    );
    const names = [
      'kind',
      'name',
      'run',
      'labels',
      'from',
      'to',
      'decided_by',
      'error',
      'silences',
      'request_id',
      'retry_in_ms',
      'matchers',
    ];
    const fields = fc.dictionary(fc.constantFrom(...names), fc.anything());
    fc.assert(
      fc.property(events, fields, (event, more) => {
        const given = fact(1, event, more);
        assert.equal(typeof plain(tellFact(given).sentence), 'string');
        factSelection(given);
      }),
    );
  });
});

describe('an event as a story', () => {
  const swept = { requests: 4, changed: 1, unchanged: 3, failed: 0, duration_ms: 17 };

  it('says what it was, and what it led to', () => {
    const facts = [
      fact(1, 'requests.enqueued', { causes: ['A firing', 'B firing'] }),
      fact(2, 'sweep.finished', swept),
    ];
    const told = 'A firing, B firing: 4 pipelines looked at within 17 ms: 1 changed, 3 unchanged.';
    assert.equal(plain(tellEvent(facts)!), told);
    assert.equal(plain(tellEvent(facts.slice(0, 1))!), 'A firing, B firing: its runs are not done yet.');
  });

  it('says who asked for it, if no alert did', () => {
    const told = 'Somebody who asked for it: its runs are not done yet.';
    assert.equal(plain(tellEvent([fact(1, 'requests.enqueued', { trigger: 'manual' })])!), told);
    assert.equal(tellEvent([]), undefined);
  });

  it('has the changes that its runs made', () => {
    const [own, other] = [changed(3, 'True', 'False'), changed(4, 'True', 'False')];
    assert.deepEqual(changesOf([ended(3)], [own, other]), [own]);
  });
});

describe('a list in a sentence', () => {
  for (const [parts, told] of [
    [[], ''],
    [['a'], 'a'],
    [['a', 'b'], 'a and b'],
    [['a', 'b', 'c'], 'a, b and c'],
    [['a', 'b', 'c', 'd', 'e'], 'a, b, c and 2 more'],
  ] as const)
    it(told === '' ? 'of nothing is empty' : told, () => assert.equal(plain(listed(parts)), told));
});
