import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { FakeReviews } from '../access/reviews.fixture.ts';
import { fingerprint } from '../alert/labels.ts';
import type { Effect, Run } from '../explain/schema.ts';
import type { Prediction } from '../explain/schema-requests.ts';
import { explainBench, json, type ExplainBench } from './explain.fixture.ts';

type Labels = Readonly<Record<string, string>>;

const apiVersion = 'telemetry.kyma-project.io/v1beta1';
const target = { apiVersion, kind: 'TracePipeline', name: 'backend' };
const condition = { condition: { type: 'AlertsQuiet' } };
const down: Labels = { alertname: 'Down' };
const backend = { kind: 'TracePipeline', name: 'backend' };

function entry(name: string, spec: object = {}): object {
  return { name, matchers: ['alertname="Down"'], targets: [target], action: condition, ...spec };
}

/** After the first conditions are written, and the least interval of their triggers is over. */
async function bench(t: TestContext, list: readonly object[]): Promise<ExplainBench> {
  const app = await explainBench(t, { triggers: { list } });
  await app.settle(3000);
  return app;
}

async function predict({ ask }: ExplainBench, labels: Labels): Promise<Prediction> {
  const { items } = await ask('Explanation', '/explain', json([{ labels }]));
  return items[0]!;
}

async function effectOf({ ask }: ExplainBench, labels: Labels): Promise<Effect> {
  const { effects } = await ask('ExplainedAlert', `/alerts/${fingerprint(labels)}`);
  return effects[0]!;
}

async function runOf({ ask }: ExplainBench, { runs }: Effect): Promise<Run> {
  const { items } = await ask('Runs', '/pipelines/tracepipeline/backend');
  return items.find(({ id }) => runs.includes(id))!;
}

describe('the API of explanations, about an alert that would come', () => {
  it('says which triggers match, with their targets as they are now, and which do not, by which matcher', async (t) => {
    const selecting = {
      targets: [
        { apiVersion, kind: 'TracePipeline', selector: {} },
        { apiVersion, kind: 'TracePipeline', name: '{{ labels.pipeline }}' },
      ],
    };
    const app = await bench(t, [
      entry('other', { matchers: ['alertname="Down"', 'severity="critical"'] }),
      entry('all', selecting),
      entry('far', { namespace: 'shop' }),
    ]);
    const found = await predict(app, down);
    assert.deepEqual([found.wakes, found.default, found.requests, found.more_triggers], [true, false, [], 0]);
    assert.equal(found.because, 'file/all would wake 1 object');
    assert.deepEqual(found.triggers, [
      {
        key: 'file/all',
        name: 'all',
        matches: true,
        action: 'write the condition AlertsQuiet',
        targets: [
          { target: `every TracePipeline (${apiVersion})`, objects: [backend], more_objects: 0 },
          {
            target: found.triggers[0]?.targets[1]?.target,
            objects: [],
            more_objects: 0,
            problem: found.triggers[0]?.targets[1]?.problem,
          },
        ],
      },
      {
        key: 'file/other',
        name: 'other',
        matches: false,
        failed_matcher: 'severity="critical"',
        targets: [],
        action: 'write the condition AlertsQuiet',
      },
      {
        key: 'file/shop/far',
        name: 'far',
        namespace: 'shop',
        matches: false,
        failed_matcher: 'namespace="shop"',
        targets: [],
        action: 'write the condition AlertsQuiet',
      },
    ]);
    assert.match(found.triggers[0]?.targets[1]?.problem ?? '', /gives nothing, which is no name/);
  });

  it('says what keeps a trigger from acting', async (t) => {
    const app = await bench(t, [
      entry('observing', { mode: 'observe' }),
      entry('suspended', { suspend: { reason: 'upgrade' } }),
      entry('inhibited', { inhibitedBy: [{ matchers: ['alertname="NodeDown"'], equal: ['node'] }] }),
    ]);
    await app.post([{ labels: { alertname: 'NodeDown' } }], 'r');
    const { wakes, triggers } = await predict(app, down);
    assert.equal(wakes, false);
    assert.deepEqual(
      triggers.map(({ key, held, because }) => [key, held, because]),
      [
        ['file/inhibited', 'inhibited', 'NodeDown fires, and inhibits it'],
        ['file/observing', 'observed', 'it only observes: the log says what it would do'],
        ['file/suspended', 'suspended', 'it is suspended: upgrade'],
      ],
    );
    assert.equal(triggers[0]?.inhibited_by?.alertname, 'NodeDown');
  });

  it('says that no trigger matches, and that the default one does not hold', async (t) => {
    const { wakes, because } = await predict(await bench(t, [entry('one')]), { alertname: 'Other' });
    assert.equal(wakes, false);
    assert.equal(because, 'no trigger matches, and source.select does not hold (triggers.default)');
  });

  it('wakes nothing, and remembers nothing', async (t) => {
    const app = await bench(t, [entry('one')]);
    const before = app.logger.lines.length;
    await predict(app, down);
    await app.settle(5000);
    assert.deepEqual(
      app.logger.lines.slice(before).filter(({ event }) => /^(?:reconcile|trigger|requests)\./.test(event)),
      [],
    );
  });
});

describe('the API of explanations, about an alert that came', () => {
  it('names the triggers that it woke, and the runs name who chose and who decided', async (t) => {
    const app = await bench(t, [entry('one'), entry('other', { matchers: ['alertname="Other"'] })]);
    await app.post([{ labels: down }, { labels: { alertname: 'Other' } }], 'r');
    const effect = await effectOf(app, down);
    assert.deepEqual([effect.verdict, effect.triggers], ['woke', ['file/one']]);
    assert.equal(effect.runs.length, 1);
    const run = await runOf(app, effect);
    assert.deepEqual(run.chosen_by?.toSorted(), ['file/one', 'file/other']);
    assert.deepEqual(run.decided_by_triggers, ['file/one']);
  });

  it('that no trigger matches says so', async (t) => {
    const app = await bench(t, [entry('one')]);
    await app.post([{ labels: { alertname: 'Other' } }], 'r');
    const { verdict, because, triggers } = await effectOf(app, { alertname: 'Other' });
    assert.deepEqual(
      [verdict, because, triggers],
      ['no_pipeline', 'no trigger matches it, and source.select does not hold (triggers.default)', undefined],
    );
  });

  it('that a suspended trigger matches says so', async (t) => {
    const app = await bench(t, [entry('one', { suspend: { reason: 'upgrade' } })]);
    await app.post([{ labels: down }], 'r');
    const { verdict, because } = await effectOf(app, down);
    assert.deepEqual([verdict, because], ['suspended', 'suspended: file/one']);
  });

  it('that a trigger only observes says what it would have done', async (t) => {
    const app = await bench(t, [entry('one', { mode: 'observe' })]);
    await app.post([{ labels: down }], 'r');
    const effect = await effectOf(app, down);
    assert.equal(effect.verdict, 'observed');
    assert.deepEqual((await runOf(app, effect)).actions, [
      { trigger: 'file/one', action: 'write the condition AlertsQuiet', observed: true },
    ]);
  });

  it('that another alert inhibits names that one', async (t) => {
    const inhibitedBy = [{ matchers: ['alertname="NodeDown"'], equal: ['node'] }];
    const app = await bench(t, [entry('one', { inhibitedBy })]);
    await app.post([{ labels: { alertname: 'NodeDown' } }], 'r1');
    await app.post([{ labels: down }], 'r2');
    const { verdict, because } = await effectOf(app, down);
    assert.deepEqual([verdict, because], ['inhibited', 'NodeDown fired, and inhibited file/one']);
  });

  it('that a least interval has held back names its alert in the run that is made later', async (t) => {
    const app = await bench(t, [entry('one', { minInterval: '30s' })]);
    await app.post([{ labels: down }], 'r');
    await app.settle(40_000);
    const { items } = await app.ask('Runs', '/pipelines/tracepipeline/backend');
    const [run] = items.filter(({ triggers }) => triggers.includes('alert'));
    assert.deepEqual([run?.causes.map(({ alertname }) => alertname), run?.more_causes], [['Down'], 0]);
  });

  it('that a budget holds back says until when', async (t) => {
    const app = await bench(t, [entry('one', { budget: { runs: 2, per: '1h' } })]);
    await app.post([{ labels: down }], 'r1');
    await app.post([{ labels: down, endsAt: new Date(app.clock.now()).toISOString() }], 'r2');
    const effect = await effectOf(app, down);
    assert.equal(effect.verdict, 'throttled');
    assert.match(effect.because ?? '', /^file\/one had done enough to the object; the run waits until \d{4}-/);
    const run = await runOf(app, effect);
    assert.deepEqual(run.throttled_by, ['file/one']);
    assert.equal(run.because, 'throttled');
    const [trigger] = (await predict(app, down)).triggers;
    assert.deepEqual([trigger?.held, trigger?.targets[0]?.throttled], ['throttled', 1]);
    await app.settle(3_600_000);
    const later = await effectOf(app, down);
    assert.deepEqual([later.verdict, later.runs.length], ['woke', 2]);
    assert.match(
      later.because ?? '',
      /^file\/one had done enough to TracePipeline\/backend; the run waited until \d{4}-/,
    );
  });

  it('has the runs of its own triggers alone, whatever others came with it', async (t) => {
    const app = await bench(t, [
      entry('one', { mode: 'observe' }),
      entry('two', { matchers: ['alertname="Other"'], suspend: { reason: 'upgrade' } }),
    ]);
    await app.post([{ labels: down }, { labels: { alertname: 'Other' } }], 'r');
    const [own, other] = [await effectOf(app, down), await effectOf(app, { alertname: 'Other' })];
    assert.deepEqual([own.verdict, own.runs.length], ['observed', 1]);
    assert.deepEqual([other.verdict, other.because, other.runs], ['suspended', 'suspended: file/two', []]);
  });

  it('that woke an object says of every other trigger why it did nothing', async (t) => {
    const app = await bench(t, [
      entry('acting'),
      entry('observing', { mode: 'observe', action: { condition: { type: 'Other' } } }),
      entry('resting', { suspend: { reason: 'upgrade' } }),
      entry('lost', { targets: [{ ...target, name: '{{ labels.pipeline }}' }] }),
    ]);
    await app.post([{ labels: down }], 'r');
    const { verdict, because } = await effectOf(app, down);
    assert.equal(verdict, 'woke');
    assert.deepEqual(because?.split('; '), [
      'suspended: file/resting',
      'file/lost led to no object, or is newer: see tocsin explain',
      'file/observing only observes',
    ]);
  });
});

describe('the API of explanations for a team', () => {
  it('names only triggers of its own namespace', async (t) => {
    const reviews = new FakeReviews();
    reviews.let('ann', 'get alerts shop');
    reviews.let('admin', 'get alerts *', 'create alerts *');
    const app = await explainBench(t, { triggers: { list: [entry('secret')] } }, undefined, reviews);
    await app.settle(3000);
    const labels = { ...down, namespace: 'shop' };
    const ask = async (user: string, path: string, body?: object): Promise<string> => {
      const response = await fetch(app.url + path, {
        ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
        headers: { authorization: `Bearer token-of-${user}`, 'Content-Type': 'application/json' },
      });
      return response.text();
    };
    await ask('admin', '/api/v2/alerts', [{ labels }]);
    await app.settle(2000);
    const path = `/api/tocsin/v1/alerts/${fingerprint(labels)}`;
    assert.match(await ask('admin', path), /file\/secret/);
    const seen = await ask('ann', path);
    assert.match(seen, /"verdict":"woke"/);
    assert.doesNotMatch(seen, /secret/);
  });
});
