import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import { systemClock } from '../../src/runtime/clock.ts';
import type { Condition } from '../../src/reconcile/ports.ts';
import type { ApiCall } from '../../src/kubernetes/api/api-transport.ts';
import type { ApiClient } from '../../src/kubernetes/api/api-client.ts';
import { Doubts } from '../../src/kubernetes/write/own-writes.ts';
import { ConditionWriter, createConflictMetric } from '../../src/kubernetes/write/condition-writer.ts';
import type { ApiObject } from '../../src/kubernetes/api-object.ts';
import { readConditions } from '../../src/kubernetes/pipeline-object.ts';
import { WriteFailures } from '../../src/kubernetes/write/write-failures.ts';
import { RecordingLogger } from '../../src/runtime/logger.fixture.ts';
import type { WriteCase } from './condition-writer.cases.ts';

/** The path at which both the fake API server and a real one have the objects of the cases. */
export const writeCollection = '/apis/telemetry.kyma-project.io/v1beta1/logpipelines';

/** What a case needs of an API server, real or fake. */
export interface WriteServer {
  readonly client: Pick<ApiClient, 'call'>;
  /** Creates the object, and returns its path. */
  create(name: string, status: object | undefined): Promise<string>;
  get(path: string): Promise<ApiObject>;
  delete(path: string): Promise<void>;
}
/** Runs a case; the fake and the real server must agree on everything that is compared here. */
export async function checkWrite(server: WriteServer, name: string, given: WriteCase): Promise<void> {
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
  const writer = new ConditionWriter({
    doubts: new Doubts(),
    client,
    failures,
    conflicted: createConflictMetric(new Registry()),
  });
  const conditions = given.cached ?? readConditions(before.status?.conditions);
  const known = { conditions, resourceVersion: before.metadata.resourceVersion ?? '' };

  if (given.isReplaced === true) await replace(server, name, given.status);
  const { uid } = before.metadata;
  const written = await writer.write(
    { path, known, ...(uid !== undefined && { uid }) },
    given.change,
    new AbortController().signal,
  );

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
  assertRestStays(after, given);
  assert.deepEqual(logger.lines, []);
}

function assertRestStays({ status = {} }: ApiObject, given: WriteCase): void {
  const { conditions: _, ...rest } = status as Record<string, unknown>;
  assert.deepEqual(rest, given.status?.unsupportedMode === undefined ? {} : { unsupportedMode: true });
}

async function replace(server: WriteServer, name: string, status: object | undefined): Promise<void> {
  await server.delete(`${writeCollection}/${name}`);
  await server.create(name, status);
}

/** Writes like a controller that replaces the whole list, such as one that updates its object. */
async function writeAsAnother(
  { client, get }: WriteServer,
  path: string,
  change: (conditions: readonly Condition[]) => readonly Condition[],
): Promise<void> {
  const conditions = change(readConditions((await get(path)).status?.conditions));
  const contentType = 'application/merge-patch+json';
  await client.call({ method: 'PATCH', path: `${path}/status`, contentType, body: { status: { conditions } } });
}
