import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import type { Pipeline } from '../reconcile/ports.ts';
import type { AlertingRule, Answer, ServerFacts } from '../reconcile/server-facts.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import type { Drift } from './drift-check.ts';
import { Problems } from './problems.ts';
import { PrometheusCheck } from './prometheus-check.ts';

const minute = 60_000;
const { signal } = new AbortController();
const waitedFor: AlertingRule = { name: 'TraceGatewayThrottling', labels: {}, intervalMs: minute };
const other: AlertingRule = { name: 'InstanceDown', labels: {}, intervalMs: minute };
const trace: Pipeline = {
  apiVersion: 'telemetry.kyma-project.io/v1beta1',
  kind: 'TracePipeline',
  name: 'backend',
  generation: 1,
  spec: {},
  conditions: [],
};

function refusal(message: string): { readonly error: Error; readonly isRefused: true } {
  return { error: new Error(message), isRefused: true };
}

function failure(message: string): { readonly error: Error; readonly isRefused: false } {
  return { error: new Error(message), isRefused: false };
}

function factsOf(changes: Partial<ServerFacts> = {}): ServerFacts {
  return {
    address: 'http://prometheus:9090',
    rules: { value: [waitedFor] },
    alertmanagers: { value: ['http://10.0.0.7:9093/api/v2/alerts'] },
    configuration: { value: '' },
    resendDelayMs: { value: minute },
    ...changes,
  };
}

function bench() {
  const [clock, logger, registry] = [new FakeClock(), new RecordingLogger(), new Registry()];
  const problems = new Problems({ clock, logger, registry });
  const pipelines: Pipeline[] = [trace];
  const state = {
    facts: [factsOf()] as readonly ServerFacts[] | undefined,
    looks: 0,
    intervalMs: minute,
    changes: 0,
    drift: undefined as Drift | undefined,
  };
  const check = new PrometheusCheck({
    clock,
    logger,
    problems,
    facts: () => {
      state.looks++;
      return state.facts === undefined ? undefined : Promise.resolve(state.facts);
    },
    drift: { look: async () => state.drift, clear: () => undefined },
    pipelines: { list: () => pipelines, get: () => trace, updateConditions: () => Promise.resolve(false) },
    scope: () => ({ action: 'condition', select: 'all' }),
    own: () => ({ advertisedUrls: [], host: undefined, port: 9093, routePrefix: '', machine: ['10.0.0.7'] }),
    intervalMs: () => state.intervalMs,
    onRulesChanged: () => state.changes++,
    random: () => 0.5,
  });
  return {
    clock,
    logger,
    check,
    state,
    pipelines,
    is: (changes: Partial<ServerFacts>, ...more: readonly ServerFacts[]) => (state.facts = [factsOf(changes), ...more]),
    looks: (count = 1) => clock.advanceAsync(count * minute),
    names: () => problems.list.map(({ name }) => name),
    message: () => problems.list[0]?.message,
  };
}

describe('PrometheusCheck', () => {
  it('finds nothing where all is well, looks once a period, and leaves no timer', async () => {
    const { check, looks, names, state, clock, logger } = bench();
    check.start();
    await looks(5);
    assert.deepEqual([state.looks, names(), logger.lines], [5, [], []]);
    check.close();
    assert.equal(clock.pending(), 0);
  });

  it('never looks with a period of 0, and asks nobody without a Prometheus', async () => {
    const never = bench();
    never.state.intervalMs = 0;
    never.check.start();
    await never.looks(60);
    assert.deepEqual([never.state.looks, never.clock.pending()], [0, 0]);
    const standalone = bench();
    standalone.state.facts = undefined;
    standalone.check.start();
    await standalone.looks(5);
    assert.deepEqual(standalone.names(), []);
    standalone.check.close();
  });

  const cases: readonly (readonly [what: string, changes: Partial<ServerFacts>, name: string, message: RegExp])[] = [
    [
      'no rule',
      { rules: { value: [] } },
      'no_alerting_rules',
      /http:\/\/prometheus:9090 has 0 alerting rules, and none/,
    ],
    [
      'no rule that concerns a pipeline',
      { rules: { value: [other] } },
      'no_alerting_rules',
      /has 1 alerting rule, and none/,
    ],
    ['rules that it does not tell', { rules: refusal('It is a 404.') }, 'rules_undecided', /rules\. It is a 404\.$/],
    ['no Alertmanager', { alertmanagers: { value: [] } }, 'not_an_alertmanager', /9090 has no active Alertmanager$/],
    [
      'other Alertmanagers alone',
      { alertmanagers: { value: ['http://user:s3cret@10.0.0.7:1/api/v2/alerts'] } },
      'not_an_alertmanager',
      /^(?!.*s3cret).*are http:\/\/\*\*\*@10\.0\.0\.7:1\/api\/v2\/alerts$/,
    ],
    [
      'Alertmanagers that may be Tocsin',
      { alertmanagers: { value: Array.from({ length: 7 }, (_, index) => `http://am-${index}:9093/api/v2/alerts`) } },
      'alertmanagers_undecided',
      /am-4:9093\/api\/v2\/alerts and 2 more$/,
    ],
    [
      'Alertmanagers that it does not tell',
      { alertmanagers: refusal('A 403.') },
      'alertmanagers_undecided',
      /A 403\.$/,
    ],
  ];
  for (const [what, changes, name, message] of cases) {
    it(`tells of a Prometheus with ${what} when a second look finds it too, and at once when it is over`, async () => {
      const made = bench();
      made.is(changes);
      made.check.start();
      await made.looks();
      assert.deepEqual(made.names(), []);
      await made.looks();
      assert.deepEqual(made.names(), [name]);
      assert.match(made.message() ?? '', message);
      made.is({});
      await made.looks();
      assert.deepEqual(made.names(), []);
      assert.deepEqual(made.logger.events, ['problem.found', 'problem.solved']);
      made.check.close();
    });
  }

  it('takes an alert that has come for proof, for as long as Prometheus has the same Alertmanagers', async () => {
    const { check, is, looks, names, state } = bench();
    const fed = { notPushed: undefined, notInPrometheus: undefined, undecided: undefined, isFed: true };
    const service = { value: ['http://tocsin.svc:9093/api/v2/alerts', 'http://am:9093/api/v2/alerts'] };
    is({ alertmanagers: service });
    check.start();
    await looks(2);
    assert.deepEqual(names(), ['alertmanagers_undecided']);
    state.drift = fed;
    await looks();
    assert.deepEqual(names(), []);
    state.drift = { ...fed, isFed: false };
    is({ alertmanagers: { value: service.value.toReversed() } });
    await looks(5);
    assert.deepEqual(names(), []);
    is({ alertmanagers: { value: service.value.slice(1) } });
    await looks(2);
    assert.deepEqual(names(), ['alertmanagers_undecided']);
    state.drift = fed;
    is({ alertmanagers: service }, factsOf({ address: 'http://b:9090', alertmanagers: { value: ['http://x:1'] } }));
    await looks(2);
    assert.deepEqual(names(), ['alertmanagers_undecided']);
    check.close();
  });

  it('tells at once what the comparison of alerts has found, and keeps it while that cannot look', async () => {
    const { check, looks, names, state } = bench();
    const nothing = { notPushed: undefined, notInPrometheus: undefined, undecided: undefined, isFed: false };
    state.drift = { ...nothing, notPushed: { count: 3, message: 'three' } };
    check.start();
    await looks();
    assert.deepEqual(names(), ['alerts_not_pushed']);
    state.drift = undefined;
    await looks(3);
    assert.deepEqual(names(), ['alerts_not_pushed']);
    state.drift = { ...nothing, notInPrometheus: { count: 1, message: 'one' } };
    await looks();
    assert.deepEqual(names(), ['alerts_not_in_prometheus']);
    check.restart();
    assert.deepEqual(names(), []);
    check.close();
  });

  it('says nothing of what one look finds, as of a Prometheus that has just started', async () => {
    const { is, check, looks, names } = bench();
    check.start();
    for (let round = 0; round < 5; round++) {
      is({ alertmanagers: { value: [] } });
      await looks();
      is({});
      await looks();
    }
    assert.deepEqual(names(), []);
    check.close();
  });

  it('names each of several, and counts them', async () => {
    const { is, check, looks, logger } = bench();
    const none: Answer<readonly AlertingRule[]> = { value: [] };
    is({ rules: none }, factsOf({ address: 'http://b:9090', rules: none }), factsOf({ address: 'http://c:9090' }));
    check.start();
    await looks(2);
    assert.match(
      String(logger.fieldsOf('problem.found')[0]?.['message']),
      /http:\/\/prometheus:9090 has 0 .*http:\/\/b:9090 has 0/,
    );
    check.close();
  });

  it('keeps what it knows while Prometheus does not answer, and learns nothing from its silence', async () => {
    const { is, check, looks, names, state } = bench();
    check.start();
    await looks();
    const down = failure('refused');
    is({ rules: down, alertmanagers: down, configuration: down, resendDelayMs: down });
    await looks(10);
    assert.deepEqual(names(), []);
    assert.equal((await check.asAlerts(signal))?.size, 1);
    assert.equal(state.changes, 0);
    check.close();
  });

  it('says nothing of rules while there are no pipelines', async () => {
    const { is, check, looks, names, pipelines } = bench();
    pipelines.length = 0;
    is({ rules: { value: [] } });
    check.start();
    await looks(3);
    assert.deepEqual(names(), []);
    check.close();
  });

  it('gives the rules to a reconcile, which looks at once if nobody has yet', async () => {
    const { check, state, clock } = bench();
    const [one, two] = await Promise.all([check.asAlerts(signal), check.asAlerts(signal)]);
    assert.deepEqual([one?.size, two?.size, state.looks], [1, 1, 1]);
    check.start();
    await check.asAlerts(signal);
    assert.equal(state.looks, 1);
    check.close();
    await check.asAlerts(signal);
    assert.deepEqual([state.looks, clock.pending()], [1, 0]);
  });

  it('has no rules to give if nobody tells them', async () => {
    const { check, is } = bench();
    is({ rules: failure('it hangs') });
    assert.equal(await check.asAlerts(signal), undefined);
    check.close();
  });

  it('tells when a pipeline gets a rule or loses it', async () => {
    const { check, is, looks, state } = bench();
    check.start();
    await looks();
    is({ rules: { value: [] } });
    await looks();
    assert.equal(state.changes, 1);
    is({ rules: { value: [waitedFor, other] } });
    await looks(3);
    assert.equal(state.changes, 2);
    check.close();
  });

  it('begins anew with another configuration: a look of the earlier one tells nothing', async () => {
    const { check, is, looks, names, state } = bench();
    is({ rules: { value: [] } });
    check.start();
    await looks(2);
    assert.deepEqual(names(), ['no_alerting_rules']);
    const slow = Promise.withResolvers<readonly ServerFacts[]>();
    state.facts = slow.promise as never;
    await looks();
    is({});
    check.restart();
    assert.deepEqual(names(), []);
    slow.resolve([factsOf({ rules: { value: [] } })]);
    await looks(3);
    assert.deepEqual(names(), []);
    check.close();
  });
});
