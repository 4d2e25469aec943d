import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import * as z from 'zod';
import { readTrigger, type TriggerIdentity, type TriggerRules } from './read-trigger.ts';
import { TriggerSpec } from './trigger-spec.ts';
import { anyTargets, defaultRules, newTrigger } from './trigger.fixture.ts';
import { cpuMsOf } from '../runtime/slices.fixture.ts';

const team: TriggerIdentity = { origin: 'AlertTrigger', namespace: 'shop', name: 'orders-db', generation: 3 };
const ofFile: TriggerIdentity = { origin: 'file', name: 'orders-db', generation: 0 };

function problemsOf(
  spec: unknown,
  { identity = team, rules = {} }: { identity?: TriggerIdentity; rules?: Partial<TriggerRules> } = {},
): readonly string[] {
  const read = readTrigger(identity, spec, { ...defaultRules, ...rules });
  return 'problems' in read ? read.problems.map(({ path, message }) => `${path}: ${message}`) : [];
}

const data = { labels: { alertname: 'A', pod: 'orders-1', namespace: 'shop' }, annotations: {}, now: 0 };

/** The example of the documentation. */
const whole = {
  matchers: ['alertname=~"Postgres.*"', 'severity="critical"'],
  inhibitedBy: [{ matchers: ['alertname="NodeDown"'], equal: ['node'] }],
  targets: [
    { apiVersion: 'postgresql.cnpg.io/v1', kind: 'Cluster', name: 'orders-{{ labels.pod }}' },
    { apiVersion: 'apps/v1', kind: 'Deployment', selector: { matchLabels: { app: 'orders' } } },
    { ownerOf: { pod: '{{ labels.pod }}', kind: 'Cluster' } },
  ],
  action: { condition: { type: 'AlertsQuiet' } },
  minInterval: '30s',
  budget: { runs: 6, per: '1h' },
  mode: 'observe',
  suspend: { reason: 'upgrade', until: '2026-12-01T06:00:00Z' },
};

describe('readTrigger', () => {
  it('compiles every field', () => {
    const read = readTrigger(team, whole, defaultRules);
    assert.ok('trigger' in read, JSON.stringify(read));
    const { trigger } = read;
    assert.equal(trigger.key, 'alerttrigger/shop/orders-db');
    assert.equal(trigger.generation, 3);
    assert.deepEqual(trigger.matchers.map(String), [
      'namespace="shop"',
      'alertname=~"Postgres.*"',
      'severity="critical"',
    ]);
    assert.equal(trigger.scope, trigger.matchers[0]);
    assert.deepEqual(trigger.inhibitedBy[0]!.matchers.map(String), ['alertname="NodeDown"']);
    assert.deepEqual(trigger.inhibitedBy[0]!.equal, ['node']);
    const [named, selected, owner] = trigger.targets;
    assert.ok(named?.by === 'name' && selected?.by === 'selector' && owner?.by === 'owner');
    assert.deepEqual([named.apiVersion, named.kind, named.namespace], ['postgresql.cnpg.io/v1', 'Cluster', undefined]);
    assert.equal(named.name.render(data), 'orders-orders-1');
    assert.deepEqual(selected.selector, { matchLabels: { app: 'orders' } });
    assert.deepEqual([owner.pod.render(data), owner.kind, owner.namespace], ['orders-1', 'Cluster', undefined]);
    assert.deepEqual(trigger.action, { do: 'condition', type: 'AlertsQuiet' });
    assert.equal(trigger.minIntervalMs, 30_000);
    assert.deepEqual(trigger.budget, { runs: 6, perMs: 3_600_000 });
    assert.equal(trigger.mode, 'observe');
    assert.deepEqual(trigger.suspend, { reason: 'upgrade', until: Date.UTC(2026, 11, 1, 6) });
    assert.deepEqual(read.notes, []);
  });

  it('needs targets and an action, and nothing else', () => {
    const trigger = newTrigger({}, { namespace: 'shop' });
    assert.equal(trigger.mode, 'enforce');
    assert.deepEqual([trigger.budget, trigger.suspend, trigger.inhibitedBy], [undefined, undefined, []]);
    assert.deepEqual(trigger.matchers.map(String), ['namespace="shop"']);
    assert.deepEqual(problemsOf({}), [
      'spec.targets: missing, allowed: a list of targets',
      'spec.action: missing, allowed: a map with the keys condition, annotate, log',
    ]);
  });

  it('tells every problem at once, each with its place and what is allowed', () => {
    const spec = {
      matchers: ['severity=~"["', '', 5],
      inhibitedBy: [{ matchers: [], equal: [''] }],
      targets: [
        { kind: 'deployment', name: 'Orders' },
        { apiVersion: 'apps', kind: 'Deployment', selector: { matchLabels: { 'a b': 'c' } }, name: 'x' },
        { apiVersion: 'v1', ownerOf: { pod: '{{ pod }}' } },
        {},
      ],
      action: { condition: { type: 'a b' }, log: {} },
      minInterval: '30',
      budget: { runs: 0 },
      mode: 'watch',
      suspend: { reason: '', until: 'tomorrow' },
    };
    const places = problemsOf(spec).map((problem) => problem.split(': ')[0]);
    assert.deepEqual(places, [
      'spec.matchers[0]',
      'spec.matchers[1]',
      'spec.matchers[2]',
      'spec.inhibitedBy[0].matchers',
      'spec.inhibitedBy[0].equal[0]',
      'spec.targets[0].kind',
      'spec.targets[0].name',
      'spec.targets[1].apiVersion',
      'spec.targets[1].selector.matchLabels.a b',
      'spec.targets[2].ownerOf.pod',
      'spec.action.condition.type',
      'spec.minInterval',
      'spec.budget.runs',
      'spec.budget.per',
      'spec.mode',
      'spec.suspend.reason',
      'spec.suspend.until',
      'spec.targets[0].apiVersion',
      'spec.targets[1]',
      'spec.targets[2].apiVersion',
      'spec.targets[3]',
      'spec.targets[3].apiVersion',
      'spec.targets[3].kind',
      'spec.action',
    ]);
  });

  const rows: readonly (readonly [what: string, change: object, problem: string])[] = [
    [
      'a regular expression in the words of Prometheus',
      { matchers: ['severity=~"["'] },
      'spec.matchers[0]: found "severity=~\\"[\\"", allowed: a Prometheus matcher, as in alertname=~"Postgres.*" (error parsing regexp: missing closing ]: `[)$`)',
    ],
    [
      'an empty matcher, which would match everything',
      { matchers: [''] },
      'spec.matchers[0]: found "", allowed: a Prometheus matcher, as in alertname=~"Postgres.*"',
    ],
    [
      'a text for a list',
      { matchers: 'a="b"' },
      `spec.matchers: found "a=\\"b\\"", allowed: a list of matchers, as in ['severity="critical"']`,
    ],
    ['no target', { targets: [] }, 'spec.targets: found none, allowed: at least one target'],
    [
      'a name that no object can have',
      { targets: [{ apiVersion: 'v1', kind: 'Pod', name: '../x' }] },
      'spec.targets[0].name: found "../x", allowed: a DNS-1123 subdomain (lower-case letters, digits, "-" and ".", with a letter or digit at both ends of each part), at most 253 characters, or a template of one, as in {{ labels.name }}',
    ],
    [
      'a template with a fault, and where it is',
      { targets: [{ apiVersion: 'v1', kind: 'Pod', name: 'a-{{ label.pod }}' }] },
      'spec.targets[0].name: found "a-{{ label.pod }}", allowed: a template (character 3: found "label.pod", did you mean "labels.pod"? allowed: labels.NAME, labels["NAME"], annotations.NAME, annotations["NAME"], alertname, now)',
    ],
    [
      'two ways to choose',
      { targets: [{ apiVersion: 'v1', kind: 'Pod', name: 'a', selector: {} }] },
      'spec.targets[0]: found name and selector, allowed: one of name, selector, ownerOf',
    ],
    [
      "one of Tocsin's own objects",
      { targets: [{ apiVersion: 'tocsin.dev/v1alpha1', kind: 'AlertTrigger', selector: {} }] },
      'spec.targets[0].apiVersion: found "tocsin.dev/v1alpha1", allowed: any other group; Tocsin writes the status of its own objects itself',
    ],
    [
      'a kind beside ownerOf',
      { targets: [{ kind: 'Pod', ownerOf: { pod: 'a' } }] },
      'spec.targets[0].kind: found "Pod" beside ownerOf, allowed: ownerOf.kind',
    ],
    [
      'a selector that Kubernetes would refuse',
      {
        targets: [
          { apiVersion: 'v1', kind: 'Pod', selector: { matchExpressions: [{ key: 'a', operator: 'In', values: [] }] } },
        ],
      },
      'spec.targets[0].selector.matchExpressions[0].values: allowed: at least one value with In and NotIn, none with Exists and DoesNotExist',
    ],
    [
      'two actions',
      { action: { log: {}, annotate: { preset: 'flux' } } },
      'spec.action: found annotate and log, allowed: one of condition, annotate, log',
    ],
    ['no action', { action: {} }, 'spec.action: found none, allowed: one of condition, annotate, log'],
    [
      'an unknown preset',
      { action: { annotate: { preset: 'argo' } } },
      'spec.action.annotate.preset: found "argo", allowed: flux, argocd, crossplane, external-secrets, restart',
    ],
    [
      'a preset beside a key',
      { action: { annotate: { preset: 'flux', key: 'a' } } },
      'spec.action.annotate: found preset and key, allowed: one of preset, key',
    ],
    [
      'a value beside a preset',
      { action: { annotate: { preset: 'flux', value: 'a' } } },
      'spec.action.annotate.value: found it beside preset, allowed: beside key',
    ],
    [
      'a key that is none',
      { action: { annotate: { key: 'a b', value: 'c' } } },
      `spec.action.annotate.key: found "a b", allowed: an annotation's key, as example.com/requested-at`,
    ],
    [
      'a key without a value',
      { action: { annotate: { key: 'a' } } },
      'spec.action.annotate.value: missing, allowed: a text of one line, or a template of one, as in {{ now }}',
    ],
    [
      'restarts without a budget',
      { action: { annotate: { preset: 'restart' } } },
      'spec.action.annotate.preset: found "restart" without spec.budget, allowed: with one, as in budget: {runs: 3, per: 1h}',
    ],
    [
      'a condition without a type on what is not of Kyma',
      { action: { condition: {} } },
      'spec.action.condition.type: missing, allowed: the type of a condition, as in AlertsQuiet; only LogPipeline, MetricPipeline, TracePipeline have health rules',
    ],
    [
      'a duration without a unit',
      { minInterval: '30' },
      'spec.minInterval: found "30", did you mean "30s"? allowed: a duration from 0s to 1w (units: y, w, d, h, m, s, ms, as in 1h30m)',
    ],
    [
      'a budget of nothing',
      { budget: { runs: 0, per: '1h' } },
      'spec.budget.runs: found 0, allowed: a whole number from 1 to 1000',
    ],
    [
      'a time that is none',
      { suspend: { reason: 'x', until: '2026-12-01' } },
      'spec.suspend.until: found "2026-12-01", allowed: a time, as in 2026-12-01T06:00:00Z',
    ],
  ];
  for (const [what, change, problem] of rows)
    it(`refuses ${what}`, () =>
      assert.deepEqual(problemsOf({ targets: anyTargets, action: { log: {} }, ...change }), [problem]));

  it("takes a condition without a type where Kyma's health rules apply", () => {
    const targets = [{ apiVersion: 'telemetry.kyma-project.io/v1beta1', kind: 'MetricPipeline', name: 'a' }];
    assert.deepEqual(newTrigger({ targets, action: { condition: {} } }).action, { do: 'condition' });
  });

  it('refuses an unknown field of the file with the nearest known one, and leaves one of a resource to its schema', () => {
    const spec = { matcher: ['a="b"'], targets: [{ ...anyTargets[0], nam: 'x' }], action: { log: {} } };
    assert.deepEqual(problemsOf(spec), []);
    assert.deepEqual(problemsOf(spec, { identity: ofFile }), [
      'spec.matcher: unknown field, did you mean "matchers"? allowed: matchers, inhibitedBy, targets, action, minInterval, budget, mode, suspend',
      'spec.targets[0].nam: unknown field, did you mean "name"? allowed: apiVersion, kind, namespace, name, selector, ownerOf',
    ]);
  });

  it('never throws, whatever it is given', () => {
    const value = fc.anything({ maxDepth: 4 });
    const spec = fc.oneof(
      value,
      fc.record(
        { matchers: value, inhibitedBy: value, targets: value, action: value, budget: value, suspend: value },
        { requiredKeys: [] },
      ),
    );
    fc.assert(
      fc.property(spec, (found) => {
        for (const identity of [team, ofFile])
          for (const problem of problemsOf(found, { identity })) assert.match(problem, /^spec[.[:]?/);
      }),
    );
  });
});

describe('the scope of a trigger', () => {
  const matchersOf = (identity: TriggerIdentity, rules: Partial<TriggerRules> = {}): readonly string[] =>
    newTrigger({ matchers: ['a="b"'] }, { ...identity, rules }).matchers.map(String);

  it('is its namespace, whatever it says itself', () => {
    const trigger = newTrigger({ matchers: ['namespace="other"'] }, { namespace: 'shop' });
    assert.deepEqual(trigger.matchers.map(String), ['namespace="shop"', 'namespace="other"']);
  });

  it('is its namespace for an entry of the file that has one', () =>
    assert.deepEqual(matchersOf({ ...ofFile, namespace: 'shop' }), ['namespace="shop"', 'a="b"']));

  it('is everything without a namespace', () => assert.deepEqual(matchersOf(ofFile), ['a="b"']));

  it('is told by the label that the admin names', () =>
    assert.deepEqual(matchersOf(team, { namespaceLabel: 'exported_namespace' }), [
      'exported_namespace="shop"',
      'a="b"',
    ]));

  it('is everything for the namespace of Tocsin, with OnNamespaceExceptForReceiverNamespace', () => {
    const strategy = 'OnNamespaceExceptForReceiverNamespace';
    assert.deepEqual(matchersOf({ ...team, namespace: 'tocsin-system' }, { strategy }), ['a="b"']);
    assert.deepEqual(matchersOf(team, { strategy }), ['namespace="shop"', 'a="b"']);
    assert.deepEqual(matchersOf({ ...team, namespace: 'tocsin-system' }), ['namespace="tocsin-system"', 'a="b"']);
  });

  it('is everything with None', () => assert.deepEqual(matchersOf(team, { strategy: 'None' }), ['a="b"']));
});

describe('the limits of a trigger', () => {
  const spec = { targets: anyTargets, action: { log: {} } };

  it('raise the interval, also where none is named, and tell it where one is', () => {
    const rules = { ...defaultRules, limits: { ...defaultRules.limits, minIntervalMs: 5000 } };
    const read = (change: object) => {
      const reading = readTrigger(team, { ...spec, ...change }, rules);
      assert.ok('trigger' in reading);
      return [reading.trigger.minIntervalMs, reading.notes];
    };
    assert.deepEqual(read({}), [5000, []]);
    assert.deepEqual(read({ minInterval: '1s' }), [
      5000,
      ['minInterval is raised from 1s to 5s (triggers.limits.min_interval)'],
    ]);
    assert.deepEqual(read({ minInterval: '5s' }), [5000, []]);
    assert.deepEqual(read({ minInterval: '6s' }), [6000, []]);
  });

  it('refuse more matchers, those in one text and those of inhibitions among them', () => {
    const rules = { limits: { ...defaultRules.limits, maxMatchers: 3 } };
    const message = 'spec.matchers: found 4 matchers, allowed: at most 3 (triggers.limits.max_matchers)';
    const inhibitedBy = [{ matchers: ['c="d"', 'e="f"'] }];
    assert.deepEqual(problemsOf({ ...spec, matchers: ['a="b"', 'g="h"'], inhibitedBy }, { rules }), [message]);
    assert.deepEqual(problemsOf({ ...spec, matchers: ['a="b",g="h"'], inhibitedBy }, { rules }), [message]);
    assert.deepEqual(problemsOf({ ...spec, matchers: ['a="b"'], inhibitedBy }, { rules }), []);
  });

  it('refuse more targets', () => {
    const rules = { limits: { ...defaultRules.limits, maxTargets: 1 } };
    assert.deepEqual(problemsOf({ ...spec, targets: [anyTargets[0], anyTargets[0]] }, { rules }), [
      'spec.targets: found 2 targets, allowed: at most 1 (triggers.limits.max_targets)',
    ]);
    assert.deepEqual(problemsOf(spec, { rules }), []);
  });

  it('refuse regular expressions that would take long to match, but no list of names', () => {
    const large = `a=~"(${'.*a'.repeat(100)}){3}"`;
    const [problem = ''] = problemsOf({ ...spec, matchers: [large, large] });
    assert.match(
      problem,
      /^spec\.matchers: found regular expressions of \d+ instructions together, allowed: at most 1000,/,
    );
    const names = Array.from({ length: 300 }, (_, index) => `gateway-${index}-abc`).join('|');
    assert.deepEqual(problemsOf({ ...spec, matchers: [`a=~"${names}"`] }), []);
  });

  it('refuse regular expressions that would take long to compile, before they are compiled', () => {
    const large = `a=~"${'\\pL{300}'.repeat(10)}"`;
    let problems: readonly string[] = [];
    const matchers = Array.from({ length: 20 }, () => large);
    assert.ok(cpuMsOf(() => void (problems = problemsOf({ ...spec, matchers }))) < 2000);
    assert.equal(problems.length, 1);
    assert.match(
      problems[0]!,
      /^spec\.matchers: found matchers of about \d+ instructions together, allowed: at most 8000;/,
    );
  });
});

describe('the targets of a trigger', () => {
  it('of an owner without a namespace of its own are where the alert is', () => {
    const targets = [{ ownerOf: { pod: '{{ labels.pod }}' } }];
    const [owner] = newTrigger({ targets }).targets;
    assert.equal(owner?.namespace?.render(data), 'shop');
    assert.equal(newTrigger({ targets }, { namespace: 'shop' }).targets[0]?.namespace, undefined);
    const named = [{ namespace: 'db', ownerOf: { pod: '{{ labels.pod }}' } }];
    assert.equal(newTrigger({ targets: named }).targets[0]?.namespace?.render(data), 'db');
  });
});

describe('the presets', () => {
  const budget = { runs: 1, per: '1h' };
  const rows = [
    ['flux', 'reconcile.fluxcd.io/requestedAt', '1970-01-01T00:00:00.000Z', 'object'],
    ['argocd', 'argocd.argoproj.io/refresh', 'normal', 'object'],
    ['crossplane', 'crossplane.io/reconcile-requested-at', '1970-01-01T00:00:00.000Z', 'object'],
    ['external-secrets', 'force-sync', '1970-01-01T00:00:00.000Z', 'object'],
    ['restart', 'kubectl.kubernetes.io/restartedAt', '1970-01-01T00:00:00.000Z', 'podTemplate'],
  ] as const;
  for (const [preset, key, value, on] of rows)
    it(`know what ${preset} waits for`, () => {
      const { action } = newTrigger({ action: { annotate: { preset } }, budget });
      assert.ok(action.do === 'annotate');
      assert.deepEqual([action.key, action.value.render(data), action.on], [key, value, on]);
    });

  it("can be replaced by a key and a value of one's own", () => {
    const { action } = newTrigger({ action: { annotate: { key: 'x.org/y', value: '{{ alertname }}!' } } });
    assert.ok(action.do === 'annotate');
    assert.deepEqual([action.key, action.value.render(data), action.on], ['x.org/y', 'A!', 'object']);
  });
});

describe('TriggerSpec', () => {
  it('is a JSON schema of its own: every field with its type and a description', () => {
    const schema = z.toJSONSchema(TriggerSpec, { io: 'input' }) as z.core.JSONSchema.JSONSchema;
    const undescribed: string[] = [];
    const look = (at: z.core.JSONSchema.JSONSchema, path: string): void => {
      if (at.type === undefined || at.description === undefined) undescribed.push(path);
      for (const [key, field] of Object.entries(at.properties ?? {})) look(field as typeof at, `${path}.${key}`);
      if (at.items !== undefined) look(at.items as typeof at, `${path}[]`);
    };
    look(schema, 'spec');
    assert.deepEqual(undescribed, []);
    assert.deepEqual(schema.required, ['targets', 'action']);
  });
});
