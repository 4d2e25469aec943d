import { delimiter, join } from 'node:path';

/** The facts of the command line, the file and the environment that decide where pipelines live. */
export interface HomeFacts {
  /** `--kubeconfig`, `--context`, `--pipelines.folder`. */
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly folderFlag: boolean;
  /** True if the file has `pipelines.folder` or `pipelines.kubernetes`; it cannot have both. */
  readonly folderInFile: boolean;
  readonly kubernetesInFile: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whether a file exists at the path. */
  readonly exists: (path: string) => boolean;
}

/** Where pipelines live and why, for the log; or why that cannot be decided. */
export type HomeChoice =
  | { readonly home: 'standalone'; readonly reason: string }
  | {
      readonly home: 'kubernetes';
      readonly reason: string;
      /** Kubeconfig files, of which the first that has an entry wins; none: the ServiceAccount of the pod. */
      readonly kubeconfigs: readonly string[];
      readonly context?: string | undefined;
    }
  | { readonly problem: string };

const tokenFile = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * Chooses Kubernetes if somebody asks for it: by a flag, by the section in the file, or by giving the pod a ServiceAccount. A
 * kubeconfig that merely exists never chooses Kubernetes: a person who tries Tocsin must not write into a cluster by accident.
 */
export function chooseHome(facts: HomeFacts): HomeChoice {
  const flag = kubernetesFlag(facts);
  if (flag !== undefined && facts.folderFlag) {
    return {
      problem: `--pipelines.folder, --${flag}: allowed: one of them; pipelines live in a folder or in a cluster`,
    };
  }
  if (flag !== undefined) return inCluster(facts, `--${flag} is given`);
  if (facts.folderFlag) return { home: 'standalone', reason: '--pipelines.folder is given' };
  if (facts.kubernetesInFile) return inCluster(facts, 'pipelines.kubernetes is in the configuration file');
  if (facts.folderInFile) return { home: 'standalone', reason: 'pipelines.folder is in the configuration file' };
  if (hasServiceAccount(facts)) {
    return { home: 'kubernetes', reason: 'the pod has a ServiceAccount', kubeconfigs: [] };
  }
  return { home: 'standalone', reason: 'no Kubernetes is configured: pipelines are read from a folder' };
}

function kubernetesFlag({ kubeconfig, context }: HomeFacts): string | undefined {
  if (kubeconfig !== undefined) return 'kubeconfig';
  return context === undefined ? undefined : 'context';
}

/** Looks for the cluster as kubectl does: the flag, KUBECONFIG, the home folder, the pod. */
function inCluster(facts: HomeFacts, reason: string): HomeChoice {
  const { kubeconfig, context, environment, exists } = facts;
  const found = { home: 'kubernetes', reason, context } as const;
  if (kubeconfig !== undefined) return { ...found, kubeconfigs: [kubeconfig] };
  const listed = (environment['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '');
  const there = listed.filter(exists);
  if (there.length > 0) return { ...found, kubeconfigs: there };
  const own = environment['HOME'] === undefined ? undefined : join(environment['HOME'], '.kube', 'config');
  if (listed.length === 0 && own !== undefined && exists(own)) return { ...found, kubeconfigs: [own] };
  if (context === undefined && hasServiceAccount(facts)) return { ...found, kubeconfigs: [] };
  const looked =
    listed.length > 0 ? `KUBECONFIG (${listed.join(delimiter)})` : `KUBECONFIG, ${own ?? '~/.kube/config'}`;
  return { problem: `${reason}, but there is no kubeconfig in ${looked}: name one with --kubeconfig=FILE` };
}

function hasServiceAccount({ environment, exists }: HomeFacts): boolean {
  return environment['KUBERNETES_SERVICE_HOST'] !== undefined && exists(tokenFile);
}
