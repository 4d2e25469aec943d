import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { systemClock } from '../../../src/runtime/clock.ts';
import { createApiClient } from '../../../src/kubernetes/api/api-client.ts';
import type { ApiObject } from '../../../src/kubernetes/api-object.ts';
import { writeCases } from '../../contract/condition-writer.cases.ts';
import { checkWrite, writeCollection as collection, type WriteServer } from '../../contract/condition-writer.check.ts';
import { skipWithoutKube, type KubeApiServer } from '../../support/kube-api-server.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';

function realServer({ kubeconfig }: KubeApiServer): WriteServer & { close(): Promise<void> } {
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
    delete: async (path) => void (await client.call({ method: 'DELETE', path })),
    get: (path) => client.call<ApiObject>({ method: 'GET', path }),
    close: () => client.close(),
  };
}
describe('ConditionWriter on a real API server writes', { skip: skipWithoutKube() }, () => {
  const kube = useSharedKubeApiServer();
  for (const [index, given] of writeCases.entries()) {
    it(given.name, async (t) => {
      const server = realServer(kube());
      t.after(() => server.close());
      await checkWrite(server, `case-${index}`, given);
    });
  }
});
