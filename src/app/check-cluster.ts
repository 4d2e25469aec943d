import { Registry } from 'prom-client';
import type { ClusterApi } from '../check/kubernetes-api.ts';
import type { Clock } from '../runtime/clock.ts';

interface ClusterOptions {
  /** As found by `chooseHome`. */
  readonly access: { readonly kubeconfigs: readonly string[]; readonly context?: string | undefined };
  readonly clock: Clock;
  readonly version: string;
}

/** The cluster of `tocsin check`, with the client that serves. Rejects if the kubeconfig is unusable; nothing is connected yet. */
export async function connectCluster({ access, clock, version }: ClusterOptions): Promise<ClusterApi> {
  const { createApiClient } = await import('../kubernetes/api/api-client.ts');
  const { loadKubeConfig } = await import('../kubernetes/api/kube-config.ts');
  await loadKubeConfig(access);
  return createApiClient({ access, clock, version, registry: new Registry() });
}
