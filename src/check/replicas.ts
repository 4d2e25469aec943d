import { formatDuration } from '../config/settings/duration.ts';
import type { Status, StatusPeer } from '../explain/schema-status.ts';
import type { Chain } from './chain.ts';
import { ok, problem, skipped, type Category, type Check, type Outcome } from './check.ts';
import type { ClusterSource } from './cluster.ts';
import { listed, podsOf, type Pod } from './pods.ts';
import { skewText } from './prometheus.ts';

/** A lease that nobody holds is taken in seconds, and one whose holder died after its duration, which is 15 s by default. */
const maxLeaderlessSeconds = 60;
/** A kubelet writes a changed ConfigMap into its pods within two minutes, each at its own time; then it is loaded within seconds. */
const maxDriftSeconds = 180;
/** Longer than an update takes that goes on. */
const maxSkewedVersionSeconds = 600;
/** A peer is greeted every few seconds. */
const maxSilentSeconds = 10;
/** What people see of two replicas is then out of order; nothing else is. */
const maxClockSkewMs = 10_000;

type Replica = NonNullable<Status['replica']>;

/** Whether several replicas are one Tocsin: one leads, and each knows the others. */
export function replicas(chain: Chain, cluster: ClusterSource): Category {
  return {
    name: 'replicas',
    needs: ['tocsin'],
    whyNot: () => (chain.source.tocsin === undefined ? 'no Tocsin is asked: give --url' : undefined),
    checks: [...together(chain, cluster), ...alike(chain)],
  };
}

function together(chain: Chain, cluster: ClusterSource): readonly Check[] {
  return [
    {
      id: 'replicas-leader',
      description: 'one replica leads',
      retryable: true,
      surfacesProblem: true,
      run: of(chain, leads),
    },
    {
      id: 'replicas-answer',
      description: 'the replicas answer each other',
      retryable: true,
      surfacesProblem: true,
      run: of(chain, answering),
    },
    {
      id: 'replicas-pods',
      description: 'every pod of Tocsin is one of its replicas, and there are as many as asked for',
      retryable: true,
      needs: ['kubernetes-api'],
      run: ({ signal }) => podsAgree(chain, cluster, signal),
    },
  ];
}

function alike(chain: Chain): readonly Check[] {
  return [
    {
      id: 'replicas-configuration',
      description: 'the replicas have the same configuration',
      warning: true,
      run: of(chain, sameConfiguration),
    },
    {
      id: 'replicas-version',
      description: 'the replicas have the same version',
      warning: true,
      run: of(chain, sameVersion),
    },
    {
      id: 'replicas-clock',
      description: 'the clocks of the replicas agree',
      warning: true,
      run: of(chain, clocksAgree),
    },
  ];
}

function of(chain: Chain, look: (replica: Replica, status: Status) => Outcome): Check['run'] {
  return async () => {
    const status = await chain.status();
    return status.replica === undefined ? ok('it is the only replica') : look(status.replica, status);
  };
}

function leads(replica: Replica): Outcome {
  const { identity, leading, leader, lease, term, waiting_for_leader_seconds: seconds } = replica;
  if (leading) return ok(`${identity} leads in term ${term}, and answers here`);
  if (seconds === undefined) return ok(`${leader} leads in term ${term}; ${identity}, which answers here, follows`);
  if (seconds <= maxLeaderlessSeconds) return ok(`nobody has led for ${shown(seconds)}`);
  return problem(
    `nobody has led for ${shown(seconds)}, so no condition is written: see lease.failed in the log, ` +
      `and what kubectl get lease -o yaml says of ${lease}`,
  );
}

function answering({ peers, identity }: Replica): Outcome {
  if (peers === undefined) return skipped('this Tocsin is of a version that does not tell');
  if (peers.length === 0) return ok('there is no other replica');
  const silent = peers.filter((peer) => !peer.answers && peer.since_seconds > maxSilentSeconds);
  if (silent.length === 0) return ok(...peers.map((peer) => `${nameOf(peer)} at ${peer.address}`));
  return problem([
    ...silent.map(
      (peer) =>
        `${identity} has no answer from ${nameOf(peer)} at ${peer.address} for ${shown(peer.since_seconds)}: ${peer.error ?? 'nothing says why'}`,
    ),
    'what only that one is told waits until it is heard: does a NetworkPolicy let replicas reach each other, do they show the same token, and do they trust their certificates (replicas.http_config)?',
  ]);
}

function sameConfiguration({ peers = [], identity }: Replica, { version }: Status): Outcome {
  // Another version may read more of the same file.
  const drifted = peers.filter(
    (peer) => peer.version === version && (peer.configuration_differs_seconds ?? 0) > maxDriftSeconds,
  );
  if (drifted.length === 0) return ok();
  const each = drifted.map((peer) => `${nameOf(peer)} (for ${shown(peer.configuration_differs_seconds ?? 0)})`);
  return problem(
    `the configuration of ${identity} is not that of ${each.join(', ')}: which of them leads decides what is written. ` +
      'Compare tocsin check --verbose --url of each; config.reload_failed in the log says why one was refused',
  );
}

function sameVersion({ peers = [] }: Replica, { version }: Status): Outcome {
  const others = peers.filter((peer) => peer.version !== undefined && peer.version !== version);
  const told = others.map((peer) => `${nameOf(peer)} is Tocsin ${peer.version}, and this one ${version}`);
  if (!others.some((peer) => peer.since_seconds > maxSkewedVersionSeconds)) return ok(...told);
  return problem([
    ...told,
    `both have run for more than ${shown(maxSkewedVersionSeconds)}: does an update hang (kubectl rollout status), or are two installations of one lease?`,
  ]);
}

function clocksAgree({ peers = [] }: Replica): Outcome {
  const known = peers.filter((peer) => peer.clock_ahead_seconds !== undefined);
  const told = known.map((peer) => `the clock of ${nameOf(peer)} ${skewText((peer.clock_ahead_seconds ?? 0) * 1000)}`);
  const wrong = known.some((peer) => Math.abs(peer.clock_ahead_seconds ?? 0) * 1000 > maxClockSkewMs);
  if (!wrong) return ok(...told);
  return problem([
    ...told,
    'which one leads does not depend on it, but times of their alerts and runs do not fit together, and a run may wait longer for its budget: synchronise the clocks (NTP)',
  ]);
}

interface Deployment {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: { readonly replicas?: number };
}

const instanceLabel = 'app.kubernetes.io/instance';

async function podsAgree(chain: Chain, source: ClusterSource, signal: AbortSignal): Promise<Outcome> {
  if (source.whyNot !== undefined) return skipped(source.whyNot);
  const [api, status] = await Promise.all([source.connect(), chain.status()]);
  const found = await podsOf(api, source, signal);
  if ('outcome' in found) return found.outcome;
  const own = found.pods.find(({ metadata }) => isOf(metadata.name, status));
  if (own === undefined) return skipped('the Tocsin that is asked is none of these pods');
  const release = own.metadata.labels?.[instanceLabel];
  const running = found.pods.filter((pod) => isRunning(pod) && pod.metadata.labels?.[instanceLabel] === release);
  const wrong = strangers(running, status);
  if (wrong !== undefined) return problem(wrong);
  const path = `/apis/apps/v1/namespaces/${encodeURIComponent(source.namespace)}/deployments`;
  const deployments = (await listed<Deployment>(api, path, signal)) ?? [];
  const deployment = deployments.find(({ metadata }) => metadata.labels?.[instanceLabel] === release);
  const wanted = deployment?.spec?.replicas ?? 0;
  const ready = running.filter(isReady);
  if (ready.length >= wanted) return ok(...running.map(({ metadata }) => metadata.name));
  return problem(
    `${ready.length} of ${wanted} pods of ${deployment?.metadata.name ?? 'Tocsin'} are ready (${namesOf(ready)}): ` +
      'if that one ends, nobody takes over; kubectl describe deployment,replicaset,pod says why the others are not',
  );
}

/** Pods that do not know of each other. */
function strangers(running: readonly Pod[], { replica }: Status): string | undefined {
  if (running.length < 2) return undefined;
  if (replica === undefined)
    return (
      `${running.length} pods of Tocsin run (${namesOf(running)}), and replicas.enabled does not hold in the one that is asked, so each writes conditions by itself: ` +
      'let Helm set replicas, or use k8s/components/replicas, which sets POD_NAME and the rights; or scale the Deployment to 1'
    );
  const names = [replica.identity, ...(replica.peers ?? []).map(({ identity = '' }) => identity)];
  const unknown = running
    .filter(isReady)
    .filter(({ metadata }) => !names.some((name) => name.startsWith(`${metadata.name}_`)));
  // One that is silent is a problem of its own.
  if (unknown.length === 0 || replica.peers === undefined || replica.peers.some(({ answers }) => !answers))
    return undefined;
  return (
    `${replica.identity} does not know of ${namesOf(unknown)}: is replicas.enabled false there, has it another lease than ${replica.lease}, ` +
    'or is it none of the endpoints of the Service replicas.service (kubectl get endpointslices)?'
  );
}

/** The name of a pod is that of its machine; the identity of a replica begins with it. */
function isOf(podName: string, { addresses, replica }: Status): boolean {
  return addresses.machine.includes(podName) || replica?.identity.startsWith(`${podName}_`) === true;
}

function isRunning({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp === undefined && status?.phase === 'Running';
}

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
}

function namesOf(pods: readonly Pod[]): string {
  return pods.map(({ metadata }) => metadata.name).join(', ');
}

function nameOf({ identity, address }: StatusPeer): string {
  return identity ?? `the replica at ${address}`;
}

function shown(seconds: number): string {
  return formatDuration(Math.round(seconds) * 1000);
}
