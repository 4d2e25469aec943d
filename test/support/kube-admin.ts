import { Registry } from 'prom-client';
import { systemClock } from '../../src/runtime/clock.ts';
import type { Condition } from '../../src/reconcile/ports.ts';
import { createApiClient, type ApiClient } from '../../src/kubernetes/api/api-client.ts';
import type { ApiObject } from '../../src/kubernetes/api-object.ts';
import { readConditions } from '../../src/kubernetes/pipeline-object.ts';
import type { KubeApiServer } from './kube-api-server.ts';
import { pipelineCrdKinds, pluralOf, type PipelineCrdKind } from './pipeline-crds.ts';

const apiVersion = 'telemetry.kyma-project.io/v1beta1';
/** Where the Events of cluster-scoped objects are. */
const eventsPath = '/apis/events.k8s.io/v1/namespaces/default/events';
const mergePatch = 'application/merge-patch+json';
/** Enough for any number of pipelines. */
const all = { selection: 'whole', bytes: 256 * 1024 * 1024 } as const;
/** The calls that one API server and two cores can serve at once without getting slower. */
const callsAtOnce = 16;

/**
 * Pipelines on the API server as another operator sees them, over separate connections: a call takes milliseconds, whereas kubectl
 * takes tenths of a second.
 */
export class KubeAdmin {
  readonly #client: ApiClient;

  constructor({ kubeconfig }: Pick<KubeApiServer, 'kubeconfig'>) {
    this.#client = createApiClient({
      clock: systemClock,
      registry: new Registry(),
      access: { kubeconfigs: [kubeconfig] },
      qps: 10_000,
      burst: 10_000,
      version: 'test',
    });
  }

  async create(
    kind: PipelineCrdKind,
    names: readonly string[],
    spec: object = { output: { otlp: {} } },
  ): Promise<void> {
    await inParallel(names, (name) =>
      this.#client.call({ method: 'POST', path: pathOf(kind), body: { apiVersion, kind, metadata: { name }, spec } }),
    );
  }

  async setSpec(kind: PipelineCrdKind, name: string, spec: object): Promise<void> {
    await this.#merge(pathOf(kind, name), { spec });
  }

  /** Replaces the whole list of conditions. */
  async setConditions(kind: PipelineCrdKind, name: string, conditions: readonly Condition[]): Promise<void> {
    await this.#merge(`${pathOf(kind, name)}/status`, { status: { conditions } });
  }

  async delete(kind: PipelineCrdKind, name: string): Promise<void> {
    await this.#client.call({ method: 'DELETE', path: pathOf(kind, name), keep: all });
  }

  async list(kind: PipelineCrdKind): Promise<readonly ApiObject[]> {
    const { items } = await this.#client.call<{ items: ApiObject[] }>({ method: 'GET', path: pathOf(kind), keep: all });
    return items;
  }

  async conditions(kind: PipelineCrdKind, name: string): Promise<readonly Condition[]> {
    const { status } = await this.#client.call<ApiObject>({ method: 'GET', path: pathOf(kind, name) });
    return readConditions(status?.conditions);
  }

  /** Removes all pipelines, and all Events about them. */
  async clear(): Promise<void> {
    for (const path of [...pipelineCrdKinds.map((kind) => pathOf(kind)), eventsPath]) {
      await this.#client.call({ method: 'DELETE', path, keep: all });
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #merge(path: string, body: object): Promise<void> {
    await this.#client.call({ method: 'PATCH', path, contentType: mergePatch, body });
  }
}

/** The condition that Tocsin writes; undefined if it has not been written yet. */
export function flowHealthOf({ status }: ApiObject): Condition | undefined {
  return readConditions(status?.conditions).find(({ type }) => type === 'TelemetryFlowHealthy');
}

function pathOf(kind: PipelineCrdKind, name?: string): string {
  return `/apis/${apiVersion}/${pluralOf(kind)}${name === undefined ? '' : `/${name}`}`;
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: callsAtOnce }, worker));
}
