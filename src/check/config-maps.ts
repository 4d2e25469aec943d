import { basename, dirname, resolve } from 'node:path';
import { showText } from '../config/settings/show-value.ts';
import { orAbsent, statusOf, type ClusterApi, type ClusterSource } from './cluster.ts';
import type { ConfigurationSource } from './configuration.ts';
import { ok, problem, skipped, unsettled, type Category, type Outcome } from './check.ts';
import { sha256Of } from './loaded-files.ts';
import { listed, podsOf, type Container, type Pod } from './pods.ts';

interface ConfigMapSource {
  readonly cluster: ClusterSource;
  readonly configuration: Pick<ConfigurationSource, 'running'>;
}

interface ConfigMap {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
}

/** Which text of a ConfigMap the pod has as its configuration. */
interface Mounted {
  readonly name: string;
  readonly key: string;
}

/** Whether the file that somebody has edited is the one that runs. */
export function configMaps({ cluster, configuration }: ConfigMapSource): Category {
  return {
    name: 'tocsin-config-maps',
    needs: ['kubernetes-api'],
    whyNot: () => cluster.whyNot,
    checks: [
      {
        id: 'configmap-runs',
        description: 'the running Tocsin has the ConfigMap of its pod',
        retryable: true,
        surfacesProblem: true,
        run: ({ signal }) => runs(cluster, configuration.running, signal),
      },
      {
        id: 'configmap-owner',
        description: 'each ConfigMap that has the label of Helm is of a release',
        warning: true,
        run: ({ signal }) => owned(cluster, signal),
      },
    ],
  };
}

async function runs(
  source: ClusterSource,
  running: ConfigurationSource['running'],
  signal: AbortSignal,
): Promise<Outcome> {
  if (running === undefined) return skipped('no running Tocsin is asked: give --url');
  const api = await source.connect();
  const found = await podsOf(api, source, signal);
  if ('outcome' in found) return found.outcome;
  const mounted = found.pods.map(mountedIn).find((each) => each !== undefined);
  if (mounted === undefined) return skipped('no pod of Tocsin has a --config.file from a ConfigMap');
  const text = await textOf(api, source.namespace, mounted, signal);
  if (typeof text !== 'string') return text;
  const state = await running(signal).catch(() => undefined);
  if (state === undefined) return unsettled('Tocsin does not answer');
  const own = sha256Of(text);
  const { sha256, loaded_at: since } = state.configuration;
  const place = `ConfigMap ${source.namespace}/${mounted.name}`;
  if (own === sha256) return ok(`${place} has SHA-256 ${own}, loaded ${since}`);
  return problem(
    `Tocsin runs SHA-256 ${sha256.slice(0, 12)}…, loaded ${since}, but ${place} has ${own.slice(0, 12)}…: ` +
      'a change takes about a minute to the pod; then see whether the log says config.reload_failed, or restart the pod',
  );
}

async function textOf(
  api: ClusterApi,
  namespace: string,
  { name, key }: Mounted,
  signal: AbortSignal,
): Promise<string | Outcome> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps/${encodeURIComponent(name)}`;
  try {
    const found = await orAbsent(api.call<ConfigMap>({ method: 'GET', path, signal }));
    if (found === undefined)
      return problem(`there is no ConfigMap ${namespace}/${name}, which the pod mounts: create it`);
    const text = found.data?.[key];
    return text ?? problem(`ConfigMap ${namespace}/${name} has no key ${showText(key)}, which the pod reads: add it`);
  } catch (error) {
    if (statusOf(error) === 403) return skipped(`whoever the kubeconfig names may not read ConfigMaps in ${namespace}`);
    throw error;
  }
}

/** From `--config.file`, the mount of its folder, and the volume behind that. */
function mountedIn({ spec }: Pod): Mounted | undefined {
  const { containers = [], volumes = [] } = spec ?? {};
  for (const container of containers) {
    const mount = mountOf(container);
    const map = volumes.find(({ name }) => name === mount?.name)?.configMap;
    if (mount === undefined || map?.name === undefined) continue;
    const item = map.items?.find(({ path }) => path === mount.file);
    return { name: map.name, key: item?.key ?? mount.file };
  }
  return undefined;
}

/** The name of the volume, and the file in it. */
function mountOf({
  args = [],
  volumeMounts = [],
}: Container): { readonly name: string; readonly file: string } | undefined {
  const flag = '--config.file=';
  const file = args.find((arg) => arg.startsWith(flag))?.slice(flag.length);
  if (file === undefined) return undefined;
  const mount = volumeMounts.find(({ mountPath }) => mountPath === file || resolve(mountPath) === dirname(file));
  return mount && { name: mount.name, file: mount.subPath ?? basename(file) };
}

/** A copy of an object of Helm, labels included, is edited in the belief that it is the one that runs. */
async function owned(source: ClusterSource, signal: AbortSignal): Promise<Outcome> {
  const api = await source.connect();
  const { namespace } = source;
  const found = await listed<ConfigMap>(api, `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps`, signal);
  if (found === undefined) return skipped(`whoever the kubeconfig names may not list ConfigMaps in ${namespace}`);
  const made = found.filter(
    ({ metadata: { labels, annotations } }) =>
      labels?.['app.kubernetes.io/managed-by'] === 'Helm' && annotations?.['meta.helm.sh/release-name'] === undefined,
  );
  if (made.length === 0) return ok(...found.map(({ metadata }) => metadata.name));
  const names = made.map(({ metadata }) => `${namespace}/${metadata.name}`).join(', ');
  return problem(
    `ConfigMap ${names}: made by hand with the labels of Helm: no release knows it, so it is probably not what runs; delete it, or remove the label`,
  );
}
