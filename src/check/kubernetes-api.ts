import type { ClusterSource } from './cluster.ts';
import { ok, problem, type Category, type Outcome } from './check.ts';

/** The oldest Kubernetes that Tocsin is meant for: `events.k8s.io/v1` and all fields of the manifests are older. */
const oldestMinor = 27;

interface Version {
  readonly gitVersion: string;
  readonly major: string;
  readonly minor: string;
}

/** The first two checks of `linkerd check`, in its words. */
export function kubernetesApi({ whyNot, connect }: ClusterSource): Category {
  return {
    name: 'kubernetes-api',
    needs: ['configuration'],
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
          const { gitVersion } = await versionOf(connect, signal);
          return ok(`the API server is ${gitVersion}`);
        },
      },
    ],
  };
}

export function kubernetesVersion({ whyNot, connect }: ClusterSource): Category {
  return {
    name: 'kubernetes-version',
    needs: ['kubernetes-api'],
    whyNot: () => whyNot,
    checks: [
      {
        id: 'k8s-version',
        description: 'is running the minimum Kubernetes API version',
        run: async ({ signal }) => recentEnough(await versionOf(connect, signal)),
      },
    ],
  };
}

async function versionOf(connect: ClusterSource['connect'], signal: AbortSignal): Promise<Version> {
  const api = await connect();
  const found = await api.call<Partial<Version> | undefined>({ method: 'GET', path: '/version', signal });
  const { gitVersion, major, minor } = found ?? {};
  if (typeof gitVersion === 'string' && typeof major === 'string' && typeof minor === 'string')
    return { gitVersion, major, minor };
  throw new Error(
    'what answers GET /version is no Kubernetes API server: correct the server of the cluster in the kubeconfig, or choose another --context',
  );
}

/** A provider may write the minor version as `27+`. */
function recentEnough({ gitVersion, major, minor }: Version): Outcome {
  if (Number(major) > 1 || Number.parseInt(minor, 10) >= oldestMinor) return ok(gitVersion);
  return problem(`the API server is ${gitVersion}, but Tocsin needs 1.${oldestMinor} or newer: upgrade the cluster`);
}
