import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createSilence, endSilence, reconcileNow, sendTestAlert, type ActionTools, type Step } from './actions.ts';
import { ApiFailure, describeFailure, pathOf } from './api-port.ts';
import { findRun } from './find-run.ts';
import { at, changedRun, fact, maintenance, start } from './page.fixture.ts';
import { plain } from './parts.ts';
import { draftProblem, matchersOfLabels, matcherText, readMatchers, silenceBody } from './silence-draft.ts';

/** Gives the answers by "METHOD path", the path without its query; a function may fail. */
function toolsWith(answers: Readonly<Record<string, unknown>>): ActionTools & { readonly asked: unknown[] } {
  let now = start;
  const asked: unknown[] = [];
  const answer = <Answer>(name: string): Promise<Answer> => {
    const given = answers[name];
    if (given instanceof Error) return Promise.reject(given);
    return Promise.resolve((typeof given === 'function' ? (given as () => unknown)() : given) as Answer);
  };
  return {
    asked,
    now: () => now,
    newId: () => 'cafe',
    pause: (ms) => {
      now += ms;
      return Promise.resolve();
    },
    api: {
      get: (path) => answer(`GET ${path.split('?')[0]}`),
      send: (method, path, body, headers) => {
        asked.push(headers === undefined ? [method, path, body] : [method, path, body, headers]);
        return answer(`${method} ${path}`);
      },
    },
  };
}

async function linesOf(action: AsyncGenerator<Step>): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const { sentence, tone } of action) lines.push(`${tone}: ${plain(sentence)}`);
  return lines;
}

const history = 'GET api/tocsin/v1/history';
const swept = {
  items: [fact(1, 'sweep.finished', { requests: 1, changed: 0, unchanged: 1, failed: 0, duration_ms: 3 })],
};
const { pipeline } = changedRun;

describe('"reconcile now"', () => {
  const post = 'POST api/tocsin/v1/reconcile';

  it('waits for the result, and tells it', async () => {
    let looks = 0;
    const tools = toolsWith({
      [post]: { event_id: 'e', pipelines: [pipeline] },
      [history]: () => (++looks < 3 ? { items: [] } : swept),
    });
    assert.deepEqual(await linesOf(reconcileNow(tools, [pipeline])), [
      'plain: Asked for 1 pipeline; waiting for the result…',
      'good: 1 pipeline looked at within 3 ms: 0 changed, 1 unchanged.',
    ]);
    assert.deepEqual(tools.asked, [['POST', 'api/tocsin/v1/reconcile', { pipelines: [pipeline] }]]);
  });

  it('asks for all', async () => {
    const tools = toolsWith({ [post]: { event_id: 'e', pipelines: [] } });
    assert.deepEqual(await linesOf(reconcileNow(tools, undefined)), [
      'warn: There is no such pipeline any more, so nothing was done.',
    ]);
    assert.deepEqual(tools.asked, [['POST', 'api/tocsin/v1/reconcile', { all: true }]]);
  });

  it('gives up waiting, and says where to look', async () => {
    const tools = toolsWith({ [post]: { event_id: 'e', pipelines: [pipeline] }, [history]: { items: [] } });
    assert.equal(
      (await linesOf(reconcileNow(tools, [pipeline])))[1],
      'warn: No result after 30 s: it goes on. See the event.',
    );
  });

  it('tells an error as a sentence', async () => {
    const tools = toolsWith({ [post]: new ApiFailure('Tocsin cannot be reached.') });
    assert.deepEqual(await linesOf(reconcileNow(tools, [pipeline])), ['bad: Tocsin cannot be reached.']);
  });
});

describe('a silence', () => {
  const draft = {
    matchers: matchersOfLabels({ severity: 'warning' }),
    createdBy: ' ann ',
    comment: 'disk',
    lastsMs: 7_200_000,
  };

  it('is created for the labels of the alert', async () => {
    const tools = toolsWith({ 'POST api/v2/silences': { silenceID: maintenance.id } });
    assert.deepEqual(await linesOf(createSilence(tools, draft)), [
      'good: The silence a9c3b169 holds now, and ends in 2 h.',
    ]);
    assert.deepEqual(tools.asked, [['POST', 'api/v2/silences', silenceBody(draft, start)]]);
    assert.deepEqual(silenceBody(draft, start), {
      matchers: [{ name: 'severity', value: 'warning', isRegex: false, isEqual: true }],
      startsAt: at(0),
      endsAt: at(7200),
      createdBy: 'ann',
      comment: 'disk',
    });
  });

  it('is ended', async () => {
    const tools = toolsWith({});
    assert.match((await linesOf(endSilence(tools, maintenance)))[0]!, /^good: The silence has ended\./);
    assert.deepEqual(tools.asked[0], ['DELETE', `api/v2/silence/${maintenance.id}`, undefined]);
  });

  it('needs an author, a reason, and a matcher that does not match everything', () => {
    assert.equal(draftProblem(draft), undefined);
    assert.match(draftProblem({ ...draft, createdBy: ' ' })!, /who you are/);
    assert.match(draftProblem({ ...draft, comment: '' })!, /why/);
    for (const text of ['a=~".*"', 'a!="b"', 'a=""'])
      assert.match(draftProblem({ ...draft, matchers: matchers(text) })!, /every alert/);
  });

  it('is read from lines, with or without quotes', () => {
    assert.deepEqual(matchers('severity="critical"\n\npod=~web-.*\na!="b"\nc!~"d"').map(matcherText), [
      'severity="critical"',
      'pod=~"web-.*"',
      'a!="b"',
      'c!~"d"',
    ]);
    for (const text of ['', 'severity', 'a="b', '="b"']) assert.equal(typeof readMatchers(text), 'string');
  });

  it('has the matchers that its text says, whatever they are', () => {
    const any = fc.record(
      {
        name: fc.stringMatching(/^[A-Za-z_]\w{0,9}$/),
        value: fc.string(),
        isRegex: fc.boolean(),
        isEqual: fc.boolean(),
      },
      { noNullPrototype: true },
    );
    fc.assert(fc.property(any, (matcher) => assert.deepEqual(readMatchers(matcherText(matcher)), [matcher])));
  });
});

function matchers(text: string): readonly { name: string; value: string; isRegex: boolean; isEqual?: boolean }[] {
  const read = readMatchers(text);
  assert.ok(typeof read !== 'string', text);
  return read;
}

describe('a test alert', () => {
  const found = { 'GET api/tocsin/v1/alerts': { items: [{ fingerprint: 'f', alertname: 'TocsinTest', labels: {} }] } };
  const withEffect = (effect: object): object => ({
    ...found,
    'GET api/tocsin/v1/alerts/f': { effects: [{ at: at(1), request_id: 'tocsin-test-cafe', runs: [], ...effect }] },
  });

  it('goes the real way, hop by hop', async () => {
    const tools = toolsWith({ ...withEffect({ verdict: 'woke', event_id: 'e' }), [history]: swept });
    assert.deepEqual(await linesOf(sendTestAlert(tools, { severity: 'none' })), [
      'good: Sent: TocsinTest tocsin_test="cafe", which ends in 5 min.',
      `good: Received at ${at(1)}, and made into an event.`,
      'good: 1 pipeline looked at within 3 ms: 0 changed, 1 unchanged. The way is open.',
    ]);
    const [[method, path, [alert], headers]] = tools.asked as [[string, string, [{ labels: object }], object]];
    assert.deepEqual([method, path, headers], ['POST', 'api/v2/alerts', { 'X-Request-Id': 'tocsin-test-cafe' }]);
    assert.deepEqual(alert.labels, { alertname: 'TocsinTest', tocsin_test: 'cafe', severity: 'none' });
  });

  it('stops at the hop that fails, with the remedy', async () => {
    const silenced = withEffect({ verdict: 'silenced', silences: [maintenance.id] });
    const lines = await linesOf(sendTestAlert(toolsWith({ ...silenced, 'GET api/v2/silences': [maintenance] }), {}));
    assert.match(
      lines.join('\n'),
      /It woke nobody, because silence a9c3b169 holds.*\n.*is of ann.*\n.*What helps: end the silence/,
    );
  });

  it('says so if no trace of it is found', async () => {
    const lines = await linesOf(sendTestAlert(toolsWith({ 'GET api/tocsin/v1/alerts': { items: [] } }), {}));
    assert.match(lines.at(-1)!, /^bad: Tocsin took it, but its history has no trace/);
  });
});

describe('a run', () => {
  it('is searched page by page', async () => {
    let page = 0;
    const runs = (): object => (++page === 2 ? { items: [changedRun] } : { items: [], next: 'n' });
    const { api } = toolsWith({ 'GET api/tocsin/v1/pipelines/TracePipeline/backend': runs });
    assert.deepEqual(await findRun(api, 'TracePipeline/backend', 'run5', start), changedRun);
  });
});

describe('an answer that is an error', () => {
  for (const [status, body, told] of [
    [401, 'Unauthorized', 'Tocsin wants a password or a token: reload the page to give it.'],
    [403, '{"code": 403, "message": "not from here"}', 'Tocsin refuses this to you: not from here'],
    [503, '', 'Tocsin is starting or ending, or is busy.'],
    [400, '"bad matcher"', 'Tocsin answered: bad matcher'],
    [500, '<html>', 'Tocsin answered with the status 500.'],
  ] as const)
    it(`is told as a sentence: ${status} ${body}`, () => assert.equal(describeFailure(status, body), told));

  it('has a path with its query', () => {
    assert.equal(
      pathOf('a', { filter: ['x="y"', 'z'], limit: 1, cursor: undefined }),
      'a?filter=x%3D%22y%22&filter=z&limit=1',
    );
  });
});
