import { ok, type Category } from './check.ts';

/** One call of the API server; it rejects with an Error whose message is for the user, and whose `status` is that of the answer. */
export interface ClusterCall {
  readonly method: 'GET' | 'POST';
  /** From the root of the API server, its parts encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: unknown;
  readonly signal: AbortSignal;
}

export interface ClusterApi {
  call<T>(call: ClusterCall): Promise<T>;
}

/** The cluster of the pipelines; one without `connect` says why there is none. */
export interface ClusterSource {
  /** Why the checks of a cluster do not apply; undefined if there is one. */
  readonly whyNot: string | undefined;
  /** The client, made at the first call. Rejects if the kubeconfig is unusable. */
  readonly connect: () => Promise<ClusterApi>;
  /** The namespace of Tocsin. */
  readonly namespace: string;
}

/** The first two checks of `linkerd check`, in its words. */
export function kubernetesApi({ whyNot, connect }: ClusterSource): Category {
  return {
    name: 'kubernetes-api',
    needs: [],
    whyNot: () => whyNot,
    checks: [
      {
        id: 'k8s-client',
        description: 'can initialize the client',
        fatal: true,
        run: async () => {
          await connect();
          return ok();
        },
      },
      {
        id: 'k8s-query',
        description: 'can query the Kubernetes API',
        fatal: true,
        run: async ({ signal }) => {
          const { gitVersion } = await (
            await connect()
          ).call<{ gitVersion: string }>({ method: 'GET', path: '/version', signal });
          return ok(`the API server is ${gitVersion}`);
        },
      },
    ],
  };
}
