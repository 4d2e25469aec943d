import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { admit, type AdmissionAnswer } from './admission.ts';
import { anyTargets, defaultRules } from './trigger.fixture.ts';

const good = { matchers: ['severity="critical"'], targets: anyTargets, action: { log: {} } };

interface Wanted {
  readonly spec?: unknown;
  readonly oldSpec?: unknown;
  readonly kind?: string;
  readonly group?: string;
  readonly operation?: string;
  readonly more?: object;
  readonly metadata?: object;
}

/** A review as the API server sends it. */
function review({ spec = good, oldSpec, kind = 'AlertTrigger', group = 'tocsin.dev', ...wanted }: Wanted = {}): object {
  const { operation = oldSpec === undefined ? 'CREATE' : 'UPDATE', more = {}, metadata = {} } = wanted;
  const meta = { name: 'orders-db', namespace: 'shop', uid: 'u1', generation: 3, ...metadata };
  const object = (of: unknown): object => ({ apiVersion: `${group}/v1alpha1`, kind, metadata: meta, spec: of });
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: { group, version: 'v1alpha1', kind },
      resource: { group, version: 'v1alpha1', resource: `${kind.toLowerCase()}s` },
      name: 'orders-db',
      namespace: 'shop',
      operation,
      userInfo: { username: 'ann' },
      object: operation === 'DELETE' ? null : object(spec),
      oldObject: oldSpec === undefined ? null : object(oldSpec),
      dryRun: false,
      ...more,
    },
  };
}

function judge(wanted?: Wanted): AdmissionAnswer['response'] {
  const { apiVersion, kind, response } = admit(review(wanted), defaultRules);
  assert.deepEqual([apiVersion, kind], ['admission.k8s.io/v1', 'AdmissionReview']);
  assert.equal(response.uid, '705ab4f5-6393-11e8-b7cc-42010a800002');
  return response;
}

const bad = { ...good, matchers: ['severity="critical"', 'pod=~"("'], targets: [], mode: 'maybe' };

describe('admit', () => {
  it('allows a good trigger, in a namespace and in the cluster', () => {
    for (const kind of ['AlertTrigger', 'ClusterAlertTrigger'])
      assert.deepEqual(judge({ kind }), { uid: '705ab4f5-6393-11e8-b7cc-42010a800002', allowed: true });
  });

  it('refuses one with every problem, at its path', () => {
    const { allowed, status } = judge({ spec: bad });
    assert.equal(allowed, false);
    assert.deepEqual([status?.status, status?.reason, status?.code], ['Failure', 'Invalid', 422]);
    assert.deepEqual(
      status?.details?.causes.map(({ reason, field }) => [reason, field]),
      [
        ['FieldValueInvalid', 'spec.matchers[1]'],
        ['FieldValueInvalid', 'spec.targets'],
        ['FieldValueInvalid', 'spec.mode'],
      ],
    );
    const { group, kind, name } = status.details;
    assert.deepEqual([group, kind, name], ['tocsin.dev', 'AlertTrigger', 'orders-db']);
    assert.match(
      status.message,
      /^AlertTrigger\.tocsin\.dev "orders-db" is invalid: \[spec\.matchers\[1\]: found .*, spec\.targets: .*, spec\.mode: .*\]$/,
    );
  });

  it('names a field that is missing as Kubernetes does', () => {
    const { status } = judge({ spec: { targets: anyTargets } });
    assert.deepEqual(
      status?.details?.causes.map(({ reason, field }) => [reason, field]),
      [['FieldValueRequired', 'spec.action']],
    );
    assert.match(status.message, /is invalid: spec\.action: missing/);
    assert.equal(judge({ spec: null }).allowed, false);
  });

  it('warns of what is clamped', () => {
    const { allowed, warnings } = judge({ spec: { ...good, minInterval: '10ms' } });
    assert.deepEqual(
      [allowed, warnings],
      [true, ['minInterval is raised from 10ms to 1s (triggers.limits.min_interval)']],
    );
  });

  it('keeps to the limits of the admin', () => {
    const limits = { ...defaultRules.limits, maxMatchers: 1 };
    const two = review({ spec: { ...good, matchers: ['a="1"', 'b="2"'] } });
    const { allowed, status } = admit(two, { ...defaultRules, limits }).response;
    assert.equal(allowed, false);
    assert.match(status!.message, /max_matchers/);
  });

  it('judges no deletion, no status, no object that is being deleted, and no other kind', () => {
    for (const wanted of [
      { operation: 'DELETE' },
      { operation: 'CONNECT', spec: bad },
      { spec: bad, more: { subResource: 'status' } },
      { spec: bad, metadata: { deletionTimestamp: '2026-12-01T06:00:00Z' } },
      { spec: bad, group: 'example.com' },
      { spec: bad, kind: 'Other' },
    ])
      assert.equal(judge(wanted).allowed, true, JSON.stringify(wanted));
  });

  it('lets a spec that is not good keep its place while other fields change, but not while it changes itself', () => {
    assert.equal(judge({ spec: bad, oldSpec: bad }).allowed, true);
    assert.equal(judge({ spec: bad, oldSpec: good }).allowed, false);
    assert.equal(judge({ spec: { ...bad, mode: 'observe' }, oldSpec: bad }).allowed, false);
  });

  it('says what it was sent instead of a review', () => {
    for (const other of [null, [], 'x', {}, { ...review(), apiVersion: 'admission.k8s.io/v1beta1' }]) {
      const { response } = admit(other, defaultRules);
      assert.deepEqual([response.uid, response.allowed, response.status?.code], ['', false, 400]);
      assert.match(response.status!.message, /no AdmissionReview of admission\.k8s\.io\/v1/);
    }
  });

  it('answers any JSON in the form of a review, and never fails', () => {
    const any = fc.jsonValue({ maxDepth: 4 });
    const spec = fc.record(
      {
        matchers: fc.oneof(any, fc.array(fc.oneof(any, fc.constantFrom('a="b"', 'a=~"("', '{}')))),
        targets: fc.oneof(any, fc.constant(anyTargets)),
        action: fc.oneof(any, fc.constant({ log: {} })),
        inhibitedBy: any,
        minInterval: fc.oneof(any, fc.constantFrom('1ms', '1h')),
        budget: any,
        suspend: any,
      },
      { requiredKeys: [] },
    );
    const reviews = fc.oneof(
      any,
      fc.record({ spec: fc.oneof(any, spec), oldSpec: fc.oneof(any, spec) }).map((wanted) => review(wanted)),
      fc
        .record({
          more: fc.dictionary(fc.constantFrom('uid', 'kind', 'object', 'oldObject', 'name', 'namespace'), any),
        })
        .map((wanted) => review(wanted)),
    );
    let refused = 0;
    fc.assert(
      fc.property(reviews, (each) => {
        const { apiVersion, kind, response } = admit(each, defaultRules);
        assert.deepEqual([apiVersion, kind, typeof response.uid], ['admission.k8s.io/v1', 'AdmissionReview', 'string']);
        assert.equal(response.allowed, response.status === undefined);
        if (response.status?.code !== 422) return;
        refused++;
        assert.ok(response.status.details!.causes.length > 0);
        for (const { field, message } of response.status.details!.causes) {
          assert.match(field, /^spec/);
          assert.notEqual(message, '');
        }
      }),
      { numRuns: 1000 },
    );
    assert.ok(refused > 100, `only ${refused} specs were refused`);
  });

  it('refuses a spec of a million values, each of them wrong, at once and with few words', () => {
    const wrong = Array.from({ length: 1_000_000 }, () => 1);
    const action = { log: {} };
    const targets = [{ apiVersion: 'v1', kind: 'Service', selector: { matchExpressions: wrong } }];
    for (const spec of [
      { targets: wrong, action },
      { targets, action },
      { inhibitedBy: wrong, targets: [], action },
    ]) {
      const { response } = admit(review({ spec }), defaultRules);
      assert.deepEqual([response.allowed, response.status?.code], [false, 422]);
      assert.match(response.status?.message ?? '', /is invalid: spec: found over 5000 values/);
      assert.ok(JSON.stringify(response).length < 2000);
    }
    const many = admit(review({ spec: { targets: wrong.slice(0, 1000), action } }), defaultRules);
    assert.ok(JSON.stringify(many).length < 100_000);
    const text = { targets: [], action, suspend: { reason: 'x'.repeat(1024 ** 2) } };
    assert.match(admit(review({ spec: text }), defaultRules).response.status?.message ?? '', /spec: found over/);
  });

  it('bears a spec that is nested very deeply', () => {
    let deep: unknown = 'x';
    for (let depth = 0; depth < 100_000; depth++) deep = [deep];
    assert.equal(judge({ spec: { ...good, matchers: deep }, oldSpec: { ...good, matchers: [deep] } }).allowed, false);
  });
});
