import { statusOf, type ClusterSource } from './cluster.ts';
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
  const found = await api.call<Partial<Version> | undefined>({ method: 'GET', path: '/version', signal }).catch(advise);
  const { gitVersion, major, minor } = found ?? {};
  if (typeof gitVersion === 'string' && typeof major === 'string' && typeof minor === 'string')
    return { gitVersion, major, minor };
  throw new Error(
    'what answers GET /version is no Kubernetes API server: correct the server of the cluster in the kubeconfig, or choose another --context',
  );
}

/** What to do, where the network or the API server says only what was wrong. */
function advise(error: Error): never {
  throw new Error(`${error.message}; ${queryRemedy(error.message, statusOf(error))}`, { cause: error });
}

function queryRemedy(text: string, status: number | undefined): string {
  if (status === 401) return 'renew the credentials of the kubeconfig';
  if (status === 403)
    return 'whoever the kubeconfig names may ask nothing: give another one with --kubeconfig or --context';
  if (/CERT|SELF_SIGNED|ISSUER/.test(text))
    return 'set certificate-authority-data of the cluster in the kubeconfig to the authority of this API server, or correct its server';
  return 'is the API server up, is the server of the cluster in the kubeconfig right, and does a proxy or a firewall stand in between?';
}

/** A provider may write the minor version as `27+`. */
function recentEnough({ gitVersion, major, minor }: Version): Outcome {
  if (Number(major) > 1 || Number.parseInt(minor, 10) >= oldestMinor) return ok(gitVersion);
  return problem(`the API server is ${gitVersion}, but Tocsin needs 1.${oldestMinor} or newer: upgrade the cluster`);
}
