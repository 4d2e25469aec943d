/** A spec with every field. */
export const exampleSpec = {
  matchers: ['alertname=~"Postgres.*"', 'severity="critical"'],
  inhibitedBy: [{ matchers: ['alertname="NodeDown"'], equal: ['node'] }],
  targets: [
    { apiVersion: 'postgresql.cnpg.io/v1', kind: 'Cluster', name: 'orders' },
    { apiVersion: 'apps/v1', kind: 'Deployment', selector: { matchLabels: { app: 'orders' } } },
    { ownerOf: { pod: '{{ labels.pod }}' } },
  ],
  action: { condition: { type: 'AlertsQuiet' } },
  minInterval: '30s',
  budget: { runs: 6, per: '1h' },
  mode: 'enforce',
  suspend: { reason: 'upgrade', until: '2026-12-01T06:00:00Z' },
};
/** A target. */
export const service = { apiVersion: 'v1', kind: 'Service', name: 'orders' };
const selecting = (expression: object): object => ({
  targets: [{ apiVersion: 'v1', kind: 'Service', selector: { matchExpressions: [expression] } }],
});

/** Changes of the example that are refused, and the part of the API server's message that says why. */
export const refusedSpecs: readonly (readonly [what: string, change: object, message: RegExp])[] = [
  ['no targets', { targets: undefined }, /spec\.targets: Required value/],
  ['an empty list of targets', { targets: [] }, /spec\.targets: Invalid value/],
  ['no action', { action: undefined }, /spec\.action: Required value/],
  ['a target without a form', { targets: [{ apiVersion: 'v1', kind: 'Service' }] }, oneForm()],
  ['a target of two forms', { targets: [{ ...service, selector: {} }] }, oneForm()],
  ['an ownerOf with a name', { targets: [{ name: 'x', ownerOf: { pod: 'x' } }] }, oneForm()],
  ['a name without a kind', { targets: [{ apiVersion: 'v1', name: 'x' }] }, /needs apiVersion and kind/],
  ['a selector without an apiVersion', { targets: [{ kind: 'Service', selector: {} }] }, /needs apiVersion and kind/],
  [
    'an ownerOf with a kind beside it',
    { targets: [{ kind: 'Service', ownerOf: { pod: 'x' } }] },
    /neither apiVersion nor kind: ownerOf\.kind says where to stop/,
  ],
  ['an ownerOf without a pod', { targets: [{ ownerOf: {} }] }, /spec\.targets\[0\]\.ownerOf\.pod: Required value/],
  [
    'an apiVersion without a version',
    { targets: [{ ...service, apiVersion: 'apps' }] },
    /spec\.targets\[0\]\.apiVersion/,
  ],
  ['no action inside', { action: {} }, oneAction()],
  ['two actions', { action: { log: {}, condition: { type: 'Quiet' } } }, oneAction()],
  ['an annotation of nothing', { action: { annotate: {} } }, annotation()],
  ['a preset and a key', { action: { annotate: { preset: 'flux', key: 'a', value: 'b' } } }, annotation()],
  ['a key without a value', { action: { annotate: { key: 'a' } } }, annotation()],
  ['an unknown preset', { action: { annotate: { preset: 'helm' } } }, /supported values: "flux", "argocd"/],
  [
    'a restart without a budget',
    { action: { annotate: { preset: 'restart' } }, budget: undefined },
    /spec\.budget: Required value: action\.annotate\.preset restart needs a budget, such as/,
  ],
  [
    'a condition without a type',
    { action: { condition: {} } },
    /spec\.action\.condition: Required value: action\.condition needs a type, such as AlertsQuiet/,
  ],
  ['a duration without a unit', { minInterval: '30' }, /spec\.minInterval: Invalid value/],
  ['a budget without a window', { budget: { runs: 1 } }, /spec\.budget\.per: Required value/],
  ['a budget of nothing', { budget: { runs: 0, per: '1h' } }, /spec\.budget\.runs: Invalid value: 0/],
  ['an unknown mode', { mode: 'dry' }, /supported values: "enforce", "observe"/],
  ['a suspension without a reason', { suspend: {} }, /spec\.suspend\.reason: Required value/],
  ['a time that is none', { suspend: { reason: 'x', until: 'tomorrow' } }, /spec\.suspend\.until: Invalid value/],
  ['In without values', selecting({ key: 'app', operator: 'In' }), /In and NotIn need values/],
  [
    'Exists with values',
    selecting({ key: 'app', operator: 'Exists', values: ['a'] }),
    /Exists and DoesNotExist have none/,
  ],
  [
    'an inhibition without matchers',
    { inhibitedBy: [{ equal: ['node'] }] },
    /inhibitedBy\[0\]\.matchers: Required value/,
  ],
  ['an unknown field', { matcher: ['a="b"'] }, /unknown field "spec\.matcher"/],
];

/** Changes of the example that are taken. */
export const takenSpecs: readonly (readonly [what: string, change: object])[] = [
  ['as in the documentation', {}],
  ['with targets and action alone', { ...without(), targets: [service], action: { log: {} } }],
  ['with a preset', { action: { annotate: { preset: 'flux' } } }],
  ['that restarts, with a budget', { action: { annotate: { preset: 'restart' } } }],
  ['with a key and a value', { action: { annotate: { key: 'force-sync', value: '{{ now }}' } } }],
  [
    "with Kyma's own condition",
    {
      targets: [{ apiVersion: 'telemetry.kyma-project.io/v1beta1', kind: 'TracePipeline', name: 'x' }],
      action: { condition: {} },
    },
  ],
  ['with an object of another namespace, which the status judges', { targets: [{ ...service, namespace: 'other' }] }],
];

function oneForm(): RegExp {
  return /spec\.targets\[0\]: Invalid value: a target has exactly one of name, selector and ownerOf/;
}

function oneAction(): RegExp {
  return /spec\.action: Invalid value: action has exactly one of condition, annotate and log/;
}

function annotation(): RegExp {
  return /spec\.action\.annotate: Invalid value: annotate has either preset, or key and value/;
}

function without(): object {
  return Object.fromEntries(Object.keys(exampleSpec).map((key) => [key, undefined]));
}
