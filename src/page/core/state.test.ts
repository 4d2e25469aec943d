import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { currentAlerts, currentPipelines } from './current.ts';
import { at, backend, changed, ended, fact, start, throttling } from './page.fixture.ts';
import { maxFacts } from './facts.ts';
import { emptyState, reduce, type Action, type State } from './state.ts';

function after(actions: readonly Action[], state: State = emptyState(start)): State {
  return actions.reduce(reduce, state);
}

function facts(...items: readonly ReturnType<typeof fact>[]): Action {
  return { type: 'facts', items };
}

const listed: Action = { type: 'pipelines', items: [backend], isCut: false, asOf: 10 };
const noAlerts: Action = { type: 'alerts', items: [], isCut: false, asOf: 0 };
const alertFields = { fingerprint: throttling.fingerprint, alertname: throttling.alertname, labels: throttling.labels };

const anyFact = fc
  .integer({ min: 1, max: 40 })
  .chain((id) =>
    fc.constantFrom(
      changed(id, 'True', 'False'),
      changed(id, 'False', 'True'),
      changed(id, 'False', 'False', { reason: `Other${id}` }),
      ended(id, 'unchanged', { requeue_after_ms: id }),
      ended(id, 'error', { retry_in_ms: id }),
      fact(id, 'alert.new', alertFields),
      fact(id, 'alert.resolved', alertFields),
      fact(id, 'causes.named', {}),
    ),
  );
/** Each id once, as the server gives them. */
const history = fc.uniqueArray(anyFact, { selector: ({ id }) => id, maxLength: 30 });

describe('the state of the page', () => {
  it('is the same in whatever order, and however often, the facts come', () => {
    fc.assert(
      fc.property(
        history.chain((all) =>
          fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }), fc.subarray(all)),
        ),
        ([all, shuffled, again]) => {
          const sorted = all.toSorted((a, b) => a.id - b.id);
          const one = after([listed, noAlerts, facts(...sorted)]);
          const other = after([listed, noAlerts, ...shuffled.map((each) => facts(each)), facts(...again)]);
          assert.deepEqual(other.facts, one.facts);
          assert.deepEqual(other.changes, one.changes);
          assert.deepEqual(currentPipelines(other), currentPipelines(one));
          assert.deepEqual(currentAlerts(other), currentAlerts(one));
        },
      ),
    );
  });

  it('is the same whether a fact comes before or after the list that does not have it', () => {
    fc.assert(
      fc.property(history, fc.nat(30), (all, cut) => {
        const one = after([listed, facts(...all)]);
        const other = after([facts(...all.slice(0, cut)), listed, facts(...all.slice(cut))]);
        assert.deepEqual(currentPipelines(other), currentPipelines(one));
      }),
    );
  });

  it('takes a change of a condition from the facts at once', () => {
    const state = after([listed, facts(changed(11, 'True', 'False', { message: 'slow' }))]);
    const expected = { status: 'False', reason: 'GatewayThrottling', message: 'slow', since: at(11) };
    assert.deepEqual(currentPipelines(state)[0]!.condition, expected);
  });

  it('keeps "since" if the reason alone changes', () => {
    const state = after([
      listed,
      facts(changed(11, 'True', 'False'), changed(12, 'False', 'False', { reason: 'Other' })),
    ]);
    assert.deepEqual(currentPipelines(state)[0]!.condition, {
      status: 'False',
      reason: 'Other',
      message: 'm',
      since: at(11),
    });
  });

  it('does not take a fact for news that the list has already', () => {
    const state = after([listed, facts(changed(9, 'True', 'False'))]);
    assert.equal(currentPipelines(state)[0]!.condition!.status, 'True');
    assert.equal(state.changes.length, 1);
  });

  it('forgets news that a later list has', () => {
    const news = after([listed, facts(changed(11, 'True', 'False'))]);
    const state = after([{ type: 'pipelines', items: [backend], isCut: false, asOf: 11 }], news);
    assert.equal(currentPipelines(state)[0]!.condition!.status, 'True');
    assert.equal(state.news.size, 0);
  });

  it('says when a pipeline is looked at next', () => {
    const state = after([listed, facts(ended(11, 'error', { retry_in_ms: 5000 }))]);
    assert.deepEqual(currentPipelines(state)[0]!.next_look, { at: at(16), why: 'retry' });
    assert.equal(currentPipelines(state)[0]!.last_run!.outcome, 'failed');
  });

  it('knows an alert from the facts alone, and that it ended', () => {
    assert.deepEqual(currentAlerts(after([facts(fact(1, 'alert.new', alertFields))])), []);
    const news = after([facts(fact(1, 'alert.new', alertFields)), noAlerts]);
    assert.deepEqual(
      currentAlerts(news).map(({ alertname, status }) => [alertname, status]),
      [[throttling.alertname, 'firing']],
    );
    const gone = after([facts(fact(2, 'alert.expired', alertFields))], news);
    assert.equal(currentAlerts(gone)[0]!.status, 'expired');
  });

  it('keeps what was read before if it cannot be read again', () => {
    const state = after([listed, { type: 'failed', what: 'pipelines', failure: { message: 'gone' } }]);
    assert.deepEqual(state.pipelines.value, [backend]);
    assert.deepEqual(state.pipelines.failure, { message: 'gone' });
    assert.equal(after([listed], state).pipelines.failure, undefined);
  });

  it('keeps a bounded number of facts, the newest, and changes of conditions for longer', () => {
    const many = Array.from({ length: maxFacts + 10 }, (_, index) => fact(index + 2, 'alerts.received'));
    const state = after([facts(changed(1, 'True', 'False'), ...many)]);
    assert.equal(state.facts.value.length, maxFacts);
    assert.equal(state.facts.isCut, true);
    assert.equal(state.facts.value.at(-1)!.id, maxFacts + 11);
    assert.deepEqual(
      state.changes.map(({ id }) => id),
      [1],
    );
  });

  it('keeps what belongs to a time that is over, whatever comes meanwhile, and still takes the news', () => {
    const until = Date.parse(at(20));
    const many = Array.from({ length: maxFacts }, (_, index) => fact(index + 100, 'alerts.received'));
    const state = after([
      listed,
      { type: 'facts of', until },
      facts(fact(15, 'alerts.received')),
      facts(...many, changed(99, 'True', 'False')),
    ]);
    assert.deepEqual(
      state.facts.value.map(({ id }) => id),
      [15],
    );
    assert.equal(currentPipelines(state)[0]!.condition!.status, 'False');
  });

  it('leaves out what is long and never shown', () => {
    const received = fact(1, 'alerts.received', {
      verdicts: { woke: 'AAAA' },
      alerts: 1,
      problems: Array(50).fill('p'),
    });
    const [kept] = after([facts(received)]).facts.value;
    assert.deepEqual([kept!['verdicts'], kept!['alerts'], (kept!['problems'] as string[]).length], [undefined, 1, 20]);
  });
});
