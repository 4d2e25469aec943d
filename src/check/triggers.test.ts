import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Config } from '../config/config.ts';
import { triggerRules } from '../config/triggers-section.ts';
import { specFields } from '../trigger/read-trigger.ts';
import { resultsOf } from './chain.fixture.ts';
import type { ClusterApi, ClusterCall } from './cluster.ts';
import { triggers } from './triggers.ts';

const group = '/apis/tocsin.dev';
const base = `${group}/v1alpha1`;
const webhook = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/tocsin';
const spec = {
  matchers: ['alertname="Down"'],
  targets: [{ apiVersion: 'postgresql.cnpg.io/v1', kind: 'Cluster', name: 'orders' }],
  action: { condition: { type: 'Quiet' } },
};
const good = [
  { type: 'Accepted', status: 'True' },
  { type: 'Ready', status: 'True' },
];

function trigger(name: string, more: object = {}): object {
  const status = { observedGeneration: 1, conditions: good };
  return { metadata: { name, namespace: 'shop', generation: 1 }, spec, status, ...more };
}

function schemasWith(fields: readonly string[]): object {
  const properties = Object.fromEntries(fields.map((field) => [field, {}]));
  const schema = { properties: { spec: { properties } } };
  return {
    components: {
      schemas: { 'dev.tocsin.v1alpha1.AlertTrigger': schema, 'dev.tocsin.v1alpha1.ClusterAlertTrigger': schema },
    },
  };
}

interface Cluster {
  /** By path; an Error is thrown. Absent: a 404. */
  readonly answers?: Readonly<Record<string, unknown>>;
  /** As `verb resource.group`; none of the others is missing. */
  readonly missing?: readonly string[];
  readonly onCreate?: () => unknown;
}

const whole = {
  [group]: { versions: [{ version: 'v1alpha1' }] },
  [`/openapi/v3${base}`]: schemasWith(specFields()),
  [`${base}/alerttriggers`]: { items: [trigger('db')] },
  [`${base}/clusteralerttriggers`]: { items: [] },
};

/** The results by id, each as `result: text`. */
async function of({ answers = {}, missing = [], onCreate }: Cluster): Promise<Readonly<Record<string, string>>> {
  const all: Readonly<Record<string, unknown>> = { ...whole, ...answers };
  const answer = ({ method, path, body }: ClusterCall): unknown => {
    if (path.endsWith('/selfsubjectreviews')) return { status: { userInfo: { username: 'ann' } } };
    if (path.endsWith('/selfsubjectaccessreviews')) {
      const { resourceAttributes: right } = (body as { spec: { resourceAttributes: Record<string, string> } }).spec;
      return { status: { allowed: !missing.includes(`${right['verb']} ${right['resource']}.${right['group']}`) } };
    }
    if (method === 'POST') return onCreate?.();
    if (all[path] === undefined) throw Object.assign(new Error(`${path}: 404`), { status: 404 });
    if (all[path] instanceof Error) throw all[path];
    return all[path];
  };
  const api = { call: async (call: ClusterCall) => Promise.resolve(answer(call)) } as ClusterApi;
  const cluster = {
    whyNot: undefined,
    connect: () => Promise.resolve(api),
    namespace: 'tocsin',
    isNamespaceGiven: false,
    settings: () => Promise.resolve({ action: 'condition' as const, kinds: null }),
  };
  const rules = triggerRules(Config.parse({}).triggers, 'tocsin');
  const results = await resultsOf(triggers({ cluster, rules: () => rules }));
  return Object.fromEntries(results.map(({ check, result, text = '' }) => [check.id, `${result}: ${text}`]));
}

describe('the checks of triggers', () => {
  it('are good where everything is there', async () => {
    const found = await of({});
    for (const id of ['kinds', 'rights', 'targets', 'ready', 'reviews'])
      assert.equal(found[`triggers-${id}`], 'success: ', id);
    assert.match(found['triggers-admission'] ?? '', /^skipped: there is no ValidatingWebhookConfiguration/);
  });

  it('are skipped where there are no kinds of triggers', async () => {
    const found = await of({ answers: { [group]: undefined, [`${base}/alerttriggers`]: undefined } });
    for (const id of ['kinds', 'rights', 'targets', 'ready'])
      assert.match(found[`triggers-${id}`] ?? '', /^skipped: /, id);
  });

  it('say which fields an older definition lacks', async () => {
    const fields = specFields().filter((field) => field !== 'budget');
    const found = await of({ answers: { [`/openapi/v3${base}`]: schemasWith(fields) } });
    assert.match(found['triggers-kinds'] ?? '', /^warning: AlertTrigger is older .* does not know budget\n/);
    const other = await of({ answers: { [group]: { versions: [{ version: 'v1' }] } } });
    assert.match(
      other['triggers-kinds'] ?? '',
      /^warning: tocsin.dev is served as v1, and this program reads v1alpha1/,
    );
  });

  it('say which trigger is not ready, and why', async () => {
    const items = [
      trigger('bad', { status: { conditions: [{ type: 'Accepted', status: 'False', reason: 'R', message: 'm' }] } }),
      trigger('fresh', { status: undefined }),
      trigger('changed', { metadata: { name: 'changed', namespace: 'shop', generation: 2 } }),
      trigger('good'),
    ];
    const { 'triggers-ready': found } = await of({ answers: { [`${base}/alerttriggers`]: { items } } });
    assert.deepEqual(found?.split('\n'), [
      'warning: alerttrigger/shop/bad: Accepted is False, R: m',
      'alerttrigger/shop/fresh: it has no status: does a Tocsin run that may read it (triggers-rights)?',
      'alerttrigger/shop/changed: its status is about an older spec: Tocsin has not read the new one yet',
    ]);
  });

  it('give the rule of RBAC that a target lacks', async () => {
    const { 'triggers-targets': found } = await of({ missing: ['patch clusters.postgresql.cnpg.io'] });
    assert.match(
      found ?? '',
      /^warning: ann lacks the rule \{apiGroups: \[postgresql\.cnpg\.io\], resources: \[clusters\/status\], verbs: \[patch\]\}\n/,
    );
    assert.match(found ?? '', /tocsin trigger rbac/);
  });

  it('say which right of a review is missing, and leave those alone who have neither', async () => {
    const one = await of({ missing: ['create tokenreviews.authentication.k8s.io'] });
    assert.match(one['triggers-reviews'] ?? '', /^warning: ann may not: create tokenreviews/);
    const none = await of({
      missing: ['create tokenreviews.authentication.k8s.io', 'create subjectaccessreviews.authorization.k8s.io'],
    });
    assert.match(none['triggers-reviews'] ?? '', /^skipped: .*kubernetes.enabled/);
  });

  const service = { namespace: 'tocsin', name: 'tocsin-admission', port: 443 };
  const servicePath = '/api/v1/namespaces/tocsin/services/tocsin-admission';
  for (const [what, clientConfig, ports, wanted] of [
    ['no Service', { service }, undefined, /the Service tocsin\/tocsin-admission, which is not there/],
    ['another port', { service }, [{ port: 8443 }], /asks the port 443 of the Service .* has 8443/],
    ['no authority', { service }, [{ port: 443 }], /has no caBundle/],
    ['an authority that is none', { service, caBundle: 'eA==' }, [{ port: 443 }], /is no certificate/],
  ] as const)
    it(`say what is wrong with the webhook: ${what}`, async () => {
      const answers = {
        [webhook]: { webhooks: [{ clientConfig }] },
        ...(ports !== undefined && { [servicePath]: { spec: { ports } } }),
      };
      assert.match((await of({ answers }))['triggers-admission'] ?? '', wanted);
    });

  it('try the webhook with a trigger that nobody stores', async () => {
    const answers = { [webhook]: { webhooks: [{ clientConfig: { url: 'https://x' } }] } };
    const taken = await of({ answers, onCreate: () => ({}) });
    assert.match(taken['triggers-admission'] ?? '', /^warning: the API server took a trigger that Tocsin would refuse/);
    const refusedWith = (message: string, status: number) => () => {
      throw Object.assign(new Error(message), { status });
    };
    const denied = await of({ answers, onCreate: refusedWith('denied the request: spec.matchers[0]: found', 422) });
    assert.equal(denied['triggers-admission'], 'success: ');
    const forbidden = await of({ answers, onCreate: refusedWith('ann cannot create', 403) });
    assert.match(forbidden['triggers-admission'] ?? '', /^skipped: it cannot be tried: ann cannot create/);
  });
});
