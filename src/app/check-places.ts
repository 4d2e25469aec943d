import { Registry } from 'prom-client';
import type { ClusterApi } from '../check/cluster.ts';
import type { FolderContent } from '../check/pipelines.ts';
import { Config } from '../config/config.ts';
import type { TenantHome } from '../config/tenant-configs.ts';
import type { InspectedServer } from '../reconcile/server-inspection.ts';
import type { Clock } from '../runtime/clock.ts';
import type { LogFields, Logger } from '../runtime/logger.ts';
import { SliceSchedule } from '../runtime/slices.ts';

interface ClusterOptions {
  /** As found by `chooseHome`. */
  readonly access: {
    readonly kubeconfigs: readonly string[];
    readonly context?: string | undefined;
    /** `--as` */
    readonly as: string | undefined;
  };
  readonly clock: Clock;
  readonly version: string;
}

/** A cluster for `tocsin check`, through the client that serves. */
export interface ConnectedCluster extends ClusterApi {
  close(): Promise<void>;
}

/** Rejects if the kubeconfig is unusable; nothing is connected yet. */
export async function connectCluster({ access, clock, version }: ClusterOptions): Promise<ConnectedCluster> {
  const { createApiClient } = await import('../kubernetes/api/api-client.ts');
  const { loadKubeConfig } = await import('../kubernetes/api/kube-config.ts');
  await loadKubeConfig(access);
  return createApiClient({ access, clock, version, registry: new Registry() });
}

/** Reads a folder of manifests once, as Tocsin does. Rejects with a FolderError if it cannot be listed. */
export async function readPipelinesFolder(folder: string, clock: Clock): Promise<FolderContent> {
  const { ManifestScan } = await import('../standalone/manifest-scan.ts');
  const { ManifestThread } = await import('../standalone/manifest-thread.ts');
  const problems: string[] = [];
  const thread = new ManifestThread(clock);
  const logger = problemLogger((fields) => problems.push(problemIn(fields)));
  const schedule = new SliceSchedule(clock);
  const scan = new ManifestScan({ folder, logger, schedule, parse: thread.parse, registry: new Registry() });
  try {
    const manifests = await scan.next();
    const pipelines = [...manifests.values()].map(({ pipeline: { kind, name } }) => `${kind}/${name}`);
    return { pipelines, problems };
  } finally {
    await thread.close();
  }
}

/** Why the home of a tenant's pipelines cannot be used; undefined if it can, or is that of the file. Never rejects. */
export async function tenantHomeProblem(
  home: TenantHome,
  { clock, version }: Omit<ClusterOptions, 'access'>,
): Promise<string | undefined> {
  try {
    if (home.home === 'folder') await readPipelinesFolder(home.folder, clock);
    if (home.home !== 'kubernetes' || home.kubeconfig === null) return undefined;
    const { kubeconfig, context, servers } = home;
    const access = { kubeconfigs: [kubeconfig], ...(context !== null && { context }), as: undefined, servers };
    const cluster = await connectCluster({ access, clock, version });
    await cluster.close();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

interface InspectOptions {
  readonly urls: readonly string[];
  /** The section `prometheus`, which says how they are asked; default: the defaults. */
  readonly config: Config['prometheus'] | undefined;
  readonly clock: Clock;
  readonly version: string;
}

/** The Prometheus servers at these URLs, through the client that serves. Nothing is connected yet. */
export async function inspectServers({ urls, config, ...rest }: InspectOptions): Promise<readonly InspectedServer[]> {
  const { createPrometheusClient } = await import('../prometheus/prometheus-client.ts');
  const { ServerInspection } = await import('../prometheus/inspect-server.ts');
  const section = config ?? Config.parse({}).prometheus;
  const common = {
    ...rest,
    urls,
    params: section.params,
    timeoutMs: section.timeout,
    maxResponseBytes: section.max_response_size,
    maxFiringBytes: section.max_firing_size,
    httpConfig: section.http_config,
    schedule: new SliceSchedule(rest.clock),
  };
  return urls.map((url) => new ServerInspection(createPrometheusClient({ ...common, url })));
}

const ignore = (): void => undefined;

/** The scan tells its problems as lines of the log. */
function problemLogger(onProblem: (fields: LogFields) => void): Logger {
  return {
    debug: ignore,
    info: ignore,
    warn: (_event, _msg, fields = {}) => onProblem(fields),
    error: ignore,
    enables: () => true,
    atEnd: new Set(),
  };
}

function problemIn(fields: LogFields): string {
  if (fields['used_file'] !== undefined)
    return `${textOf(fields['ignored_file'])}: ${textOf(fields['kind'])}/${textOf(fields['name'])} is in ${textOf(fields['used_file'])} too, which is used: remove one of them`;
  if (fields['more'] !== undefined) return `${textOf(fields['file'])}: ${textOf(fields['more'])} more problems`;
  const place = ['file', 'line', 'column'].map((name) => textOf(fields[name])).join(':');
  return `${place}: ${textOf(fields['problem'])}`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
