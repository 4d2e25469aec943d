import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { systemClock } from '../../src/clock.ts';
import type { Condition } from '../../src/controller/ports.ts';
import type { ApiCall } from '../../src/kubernetes/api-call.ts';
import type { ApiClient } from '../../src/kubernetes/api-client.ts';
import { ConditionWriter } from '../../src/kubernetes/condition-writer.ts';
import { createApiClient } from '../../src/kubernetes/create-api-client.ts';
import { FakeApiClient } from '../../src/kubernetes/fake-api-client.fixture.ts';
import { readConditions, type ApiObject } from '../../src/kubernetes/pipeline-object.ts';
import { WriteFailures } from '../../src/kubernetes/write-failures.ts';
import { createWriteMetrics } from '../../src/kubernetes/write-metrics.ts';
import { skipWithoutKube, useKubeApiServer, type KubeApiServer } from '../support/kube-api-server.ts';
import { RecordingLogger } from '../support/recording-logger.ts';
import { writeCases, type WriteCase } from './condition-writer.cases.ts';

const collection = '/apis/telemetry.kyma-project.io/v1beta1/logpipelines';

/** What a case needs of an API server, be it real or not. */
interface Server {
  readonly client: Pick<ApiClient, 'call'>;
  /** Makes the object, and gives its path. */
  create(name: string, status: object | undefined): Promise<string>;
  get(path: string): Promise<ApiObject>;
}

function fakeServer(): Server {
  const client = new FakeApiClient();
  return {
    client,
    create: async (name, status) => {
      client.put(`${collection}/${name}`, { metadata: { name }, ...(status !== undefined && { status }) });
      return `${collection}/${name}`;
    },
    get: async (path) => client.get(path) as unknown as ApiObject,
  };
}

function realServer({ kubeconfig }: KubeApiServer): Server & { close(): Promise<void> } {
  const access = { kubeconfigs: [kubeconfig] };
  const registry = new Registry();
  const client = createApiClient({ clock: systemClock, registry, access, version: 'test', qps: 1000, burst: 1000 });
  return {
    client,
    create: async (name, status) => {
      const path = `${collection}/${name}`;
      const [group, kind] = ['telemetry.kyma-project.io/v1beta1', 'LogPipeline'];
      const object = { apiVersion: group, kind, metadata: { name }, spec: { output: { otlp: {} } } };
      await client.call({ method: 'POST', path: collection, body: object });
      const contentType = 'application/merge-patch+json';
      if (status !== undefined) {
        await client.call({ method: 'PATCH', path: `${path}/status`, contentType, body: { status } });
      }
      return path;
    },
    get: (path) => client.call<ApiObject>({ method: 'GET', path }),
    close: () => client.close(),
  };
}

/** Runs a case; the fake and the real one must not differ in anything that is compared here. */
async function check(server: Server, name: string, given: WriteCase): Promise<void> {
  const path = await server.create(name, given.status);
  const before = await server.get(path);
  const seen: string[] = [];
  let pending = given.meanwhile;
  const client = {
    call: async <T>(call: ApiCall): Promise<T> => {
      seen.push(`${call.method}${call.path.endsWith('/status') ? ' /status' : ''}`);
      const meanwhile = call.method === 'PATCH' ? pending : undefined;
      if (meanwhile !== undefined) {
        pending = undefined;
        await writeAsAnother(server, path, meanwhile);
      }
      return server.client.call<T>(call);
    },
  };
  const logger = new RecordingLogger();
  const failures = new WriteFailures({ clock: systemClock, logger });
  const writer = new ConditionWriter({ client, failures, metrics: createWriteMetrics(new Registry()) });
  const conditions = given.cached ?? readConditions(before.status?.conditions);
  const known = { conditions, resourceVersion: before.metadata.resourceVersion ?? '' };

  const written = await writer.write({ path, known }, given.change, new AbortController().signal);

  const after = await server.get(path);
  const found = readConditions(after.status?.conditions);
  assert.deepEqual(
    found.map(({ type, reason }) => `${type}=${reason}`),
    given.expected,
  );
  assert.deepEqual(seen, given.calls);
  assert.equal(written !== undefined, given.written ?? true);
  const answered = written && [written.metadata.resourceVersion, written.status?.conditions];
  if (answered !== undefined) assert.deepEqual(answered, [after.metadata.resourceVersion, after.status?.conditions]);
  const { conditions: _, ...rest } = (after.status ?? {}) as Record<string, unknown>;
  assert.deepEqual(rest, given.status?.unsupportedMode === undefined ? {} : { unsupportedMode: true });
  assert.deepEqual(logger.lines, []);
}

/** As a controller that replaces the whole list, such as one that updates its object. */
async function writeAsAnother(
  { client, get }: Server,
  path: string,
  change: (conditions: readonly Condition[]) => readonly Condition[],
): Promise<void> {
  const conditions = change(readConditions((await get(path)).status?.conditions));
  const contentType = 'application/merge-patch+json';
  await client.call({ method: 'PATCH', path: `${path}/status`, contentType, body: { status: { conditions } } });
}

describe('ConditionWriter on the fake API server writes', () => {
  for (const [index, given] of writeCases.entries()) {
    it(given.name, () => check(fakeServer(), `case-${index}`, given));
  }
});

describe('ConditionWriter on a real API server writes', { skip: skipWithoutKube() }, () => {
  const kube = useKubeApiServer();
  for (const [index, given] of writeCases.entries()) {
    it(given.name, async (t) => {
      const server = realServer(kube());
      t.after(() => server.close());
      await check(server, `case-${index}`, given);
    });
  }
});
