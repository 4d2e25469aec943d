import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import fc from 'fast-check';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { setCondition } from '../../health/flow-health.ts';
import { metricOf } from '../../controller/controller.fixture.ts';
import { ForbiddenError, PostponedError, TerminalError } from '../../reconcile/errors.ts';
import type { Condition, ConditionChange } from '../../reconcile/ports.ts';
import { ConditionWriter, conditionPatch, resourceOf, createConflictMetric } from './condition-writer.ts';
import { FakeApiClient, failure, forbidden, withoutRight } from '../api/fake-api-client.fixture.ts';
import { Doubts } from './own-writes.ts';
import { WriteFailures } from './write-failures.ts';

const path = '/apis/telemetry.kyma-project.io/v1beta1/tracepipelines/cls';
const group = 'telemetry.kyma-project.io';
const never = new AbortController().signal;
const old: Condition = {
  type: 'TelemetryFlowHealthy',
  status: 'True',
  reason: 'Old',
  message: '',
  lastTransitionTime: '2026-11-20T00:00:00Z',
  observedGeneration: 1,
};

const toNew: ConditionChange = (current) =>
  setCondition(current, { ...old, reason: 'New', observedGeneration: 1 }, 0)?.conditions;

function bench(conditions: unknown = [old]) {
  const [clock, logger, registry, client] = [
    new FakeClock(),
    new RecordingLogger(),
    new Registry(),
    new FakeApiClient(),
  ];
  client.put(path, { metadata: { name: 'cls' }, status: { conditions } });
  const failures = new WriteFailures({ clock, logger });
  const writer = new ConditionWriter({
    doubts: new Doubts(),
    client,
    failures,
    conflicted: createConflictMetric(registry),
  });
  return { clock, logger, registry, client, writer };
}

/** Another client that changes our entry whenever we are about to write it. */
function hammer(client: FakeApiClient): void {
  let times = 0;
  client.before = ({ method }) => {
    if (method !== 'PATCH') return;
    const message = `written by another, ${++times}`;
    client.put(path, { metadata: { name: 'cls' }, status: { conditions: [{ ...old, message }] } });
  };
}

describe('ConditionWriter', () => {
  it('reads first where nothing is known, and finds out that there is nothing to write', async () => {
    const { writer, client } = bench();
    assert.equal(await writer.write({ path }, () => undefined, never), undefined);
    assert.notEqual(await writer.write({ path }, toNew, never), undefined);
    assert.deepEqual(client.verbs(), ['GET', 'GET', 'PATCH /status']);
  });

  it('tries again five times, then rejects so that the queue backs off', async () => {
    const { writer, client, registry, logger } = bench();
    hammer(client);
    await assert.rejects(writer.write({ path }, toNew, never), { name: 'ApiError', status: 422 });
    assert.equal(client.verbs().filter((verb) => verb === 'PATCH /status').length, 6);
    assert.equal(await metricOf(registry, 'tocsin_condition_write_conflicts_total'), 5);
    assert.deepEqual(logger.lines, []);
  });

  it('writes at the fifth try', async () => {
    const { writer, client } = bench();
    hammer(client);
    const answer = client.before;
    let patches = 0;
    client.before = (call) => (call.method === 'PATCH' && ++patches > 5 ? undefined : answer(call));
    assert.notEqual(await writer.write({ path }, toNew, never), undefined);
    assert.equal(patches, 6);
  });

  it('does not try again what the server holds for invalid', async () => {
    const { writer, client } = bench();
    client.before = (call) => {
      if (call.method === 'PATCH') throw failure(call, 422, 'Invalid');
    };
    await assert.rejects(writer.write({ path }, toNew, never), { status: 422 });
    assert.deepEqual(client.verbs(), ['GET', 'PATCH /status', 'GET']);
  });

  for (const when of ['GET', 'PATCH'] as const) {
    it(`forgets an object that is gone at the ${when}`, async () => {
      const { writer, client } = bench();
      client.before = ({ method }) => {
        if (method === when) client.delete(path);
      };
      assert.equal(await writer.write({ path }, toNew, never), undefined);
    });
  }

  it('says that the CRD has no status subresource, rather than that the object is gone', async () => {
    const { writer, client } = bench();
    client.before = (call) => {
      if (call.method === 'PATCH') throw failure(call, 404, 'NotFound');
    };
    await assert.rejects(writer.write({ path }, toNew, never), {
      name: 'TerminalError',
      message: /tracepipelines\.telemetry\.kyma-project\.io.* no status subresource/,
    });
  });

  it('leaves the successor of the same name alone: what was decided is not about it', async () => {
    const { writer, client } = bench();
    client.put(path, { metadata: { name: 'cls', uid: 'new' }, status: { conditions: [] } });
    const known = { conditions: [old], resourceVersion: '1' };
    for (const target of [
      { path, uid: 'old', known },
      { path, uid: 'old' },
    ]) {
      assert.equal(await writer.write(target, toNew, never), undefined);
    }
    assert.deepEqual(client.get(path)!['status'], { conditions: [] });
    assert.notEqual(await writer.write({ path, uid: 'new', known }, toNew, never), undefined);
  });

  it('says once for all objects which right is missing, and tries again', async () => {
    const { writer, client, logger, clock } = bench();
    client.before = (call) => {
      if (call.method === 'PATCH') throw withoutRight(call, 'patch', 'tracepipelines/status', group);
    };
    const known = { conditions: [old], resourceVersion: '1' };
    const other = { path: path.replace('cls', 'other'), known };
    const rejection = await writer.write({ path, known }, toNew, never).catch((error: unknown) => error);
    await assert.rejects(writer.write(other, toNew, never), ForbiddenError);
    assert.ok(rejection instanceof ForbiddenError);
    assert.equal(rejection.retryAt, clock.now() + 2000);
    const resource = 'tracepipelines/status.telemetry.kyma-project.io';
    const manifest = 'k8s/base/cluster-role-writer.yaml';
    assert.deepEqual(logger.valuesOf('write.forbidden', 'verb', 'resource', 'manifest'), [
      ['patch', resource, manifest],
    ]);
    assert.equal(logger.lines.length, 1);
    assert.match(rejection.message, /the right to patch tracepipelines\/status.* is missing, which k8s\/base.* grants/);

    await clock.advanceAsync(120_000);
    await assert.rejects(writer.write(other, toNew, never), ForbiddenError);
    assert.equal(logger.lines.length, 2);
  });

  it('names the right to read, and its manifest, when that is the one that is missing', async () => {
    const { writer, client, logger } = bench();
    client.before = (call) => {
      if (call.method === 'GET') throw withoutRight(call, 'get', 'tracepipelines', group);
    };
    await assert.rejects(writer.write({ path }, toNew, never), ForbiddenError);
    assert.deepEqual(logger.valuesOf('write.forbidden', 'verb', 'resource', 'manifest'), [
      ['get', 'tracepipelines.telemetry.kyma-project.io', 'k8s/base/cluster-role-reader.yaml'],
    ]);
  });

  it('quotes the server where something else than a right is in the way, for each object', async () => {
    const { writer, client, logger } = bench();
    const sentence = "ValidatingAdmissionPolicy 'freeze' with binding 'freeze' denied request: no change on Fridays";
    client.before = (call) => {
      throw forbidden(call, `tracepipelines.x "cls" is forbidden: ${sentence}`);
    };
    const known = { conditions: [old], resourceVersion: '1' };
    const other = path.replace('cls', 'other');
    for (const target of [path, path, other])
      await assert.rejects(
        writer.write({ path: target, known }, toNew, never),
        (error) => error instanceof ForbiddenError && error.message.endsWith(sentence),
      );
    assert.deepEqual(logger.linesOf('write.forbidden'), []);
    assert.deepEqual(logger.valuesOf('write.refused', 'object', 'manifest'), [
      [path, undefined],
      [other, undefined],
    ]);
  });

  it('hands on when the server wants to be asked again', async () => {
    const { writer, client, clock } = bench();
    client.before = (call) => {
      throw failure(call, 429, 'TooManyRequests', 45_000);
    };
    const rejection = await writer.write({ path }, toNew, never).catch((error: unknown) => error);
    assert.ok(rejection instanceof PostponedError && rejection.retryAt === clock.now() + 45_000);
  });

  it('rejects with any other failure as it is, after one call', async () => {
    const { writer, client } = bench();
    client.before = (call) => {
      throw failure(call, 500, 'InternalError');
    };
    await assert.rejects(writer.write({ path }, toNew, never), { name: 'ApiError', status: 500 });
    assert.equal(client.calls.length, 1);
  });

  it('leaves what is no list of conditions as it is', async () => {
    for (const found of ['text', { a: 1 }, [null], [1]]) {
      const { writer, client } = bench(found);
      await assert.rejects(writer.write({ path }, toNew, never), TerminalError);
      assert.deepEqual(client.verbs(), ['GET']);
    }
  });

  it('keeps fields of other conditions that it does not know', async () => {
    const strange = { type: 'Strange', status: 'True', severity: 'High' };
    const { writer, client } = bench([strange]);
    const known = { conditions: [{ ...old, type: 'Strange' }], resourceVersion: 'of another time' };
    await writer.write({ path, known }, toNew, never);
    const { conditions } = client.get(path)!['status'] as { readonly conditions: readonly unknown[] };
    assert.deepEqual([conditions.length, conditions[0]], [2, strange]);
  });

  it('rejects with the reason of its signal', async () => {
    const { writer } = bench();
    await assert.rejects(writer.write({ path }, toNew, AbortSignal.abort(new Error('the deadline'))), /the deadline/);
  });
});

const statusPath = '/apis/g/v1/things/a';

function condition(type: string, reason: string): Condition {
  return { type, status: 'True', reason, message: '', lastTransitionTime: '' };
}

describe('conditionPatch', () => {
  it('names only the entry that differs', () => {
    const before = [condition('A', 'x'), condition('B', 'x')];
    const after = [before[0]!, condition('B', 'y')];
    assert.deepEqual(conditionPatch({ conditions: before, resourceVersion: '7' }, after).body, [
      { op: 'test', path: '/status/conditions/1', value: before[1] },
      { op: 'replace', path: '/status/conditions/1', value: after[1] },
    ]);
  });

  it('makes of any list any other, and nothing at all if the list was changed meanwhile', async () => {
    const entry = fc.record({ type: fc.constantFrom('A', 'B', 'C'), reason: fc.constantFrom('x', 'y') });
    const list = fc.uniqueArray(entry, { maxLength: 4, selector: ({ type }) => type });
    await fc.assert(
      fc.asyncProperty(list, list, fc.boolean(), async (from, to, isChanged) => {
        const client = new FakeApiClient();
        const before = from.map(({ type, reason }) => condition(type, reason));
        // Unchanged entries are the same objects, as setCondition leaves them.
        const after = to.map((wanted, index) => {
          const kept = before[index];
          return kept?.type === wanted.type && kept.reason === wanted.reason
            ? kept
            : condition(wanted.type, wanted.reason);
        });
        client.put(statusPath, { metadata: {}, status: { conditions: before } });
        const { resourceVersion } = client.get(statusPath)!['metadata'] as { readonly resourceVersion: string };
        const patch = conditionPatch({ conditions: before, resourceVersion }, after);
        const moved = [condition('Other', 'z'), ...before];
        if (isChanged) client.put(statusPath, { metadata: {}, status: { conditions: moved } });
        const call = client.call({ method: 'PATCH', path: `${statusPath}/status`, ...patch });
        if (isChanged) await assert.rejects(call);
        else await call;
        assert.deepEqual(client.get(statusPath)!['status'], { conditions: isChanged ? moved : after });
      }),
    );
  });
});

describe('resourceOf', () => {
  it('names a resource as RBAC does', () => {
    const kyma = { path: '/apis/telemetry.kyma-project.io/v1beta1/tracepipelines/a' };
    assert.equal(resourceOf(kyma), 'tracepipelines.telemetry.kyma-project.io');
    assert.equal(resourceOf(kyma, '/status'), 'tracepipelines/status.telemetry.kyma-project.io');
    const flux = { path: '/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/apps' };
    assert.equal(resourceOf(flux), 'kustomizations.kustomize.toolkit.fluxcd.io');
    assert.equal(resourceOf({ path: '/api/v1/namespaces/default/configmaps/c' }), 'configmaps');
  });
});
