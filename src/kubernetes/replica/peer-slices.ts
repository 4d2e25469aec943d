import { Registry } from 'prom-client';
import type { PeerSource } from '../../replica/peers/peers.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { createApiClient, type ApiClient } from '../api/api-client.ts';
import type { ClusterAccess } from '../api/kube-config.ts';
import type { ApiObject, ServedResource, WatchedResource } from '../api-object.ts';
import { isJsonObject, metadataMembers, ObjectMemory, type CachedObject, type ObjectReader } from '../kept-object.ts';
import { Reflector } from '../watch/reflector.ts';
import { createReflectorMetrics, ReflectorReport } from '../watch/reflector-report.ts';

/** The memory limit for the slices of the one Service, bytes. */
const slicesBytes = 1024 * 1024;

/** For the list and the watch. */
const connections = 2;

interface PeerSlicesOptions extends Pick<Runtime, 'clock' | 'logger' | 'schedule'> {
  readonly client: Pick<ApiClient, 'call' | 'open' | 'close'>;
  /** The namespace of the lease. */
  readonly namespace: string;
  /** `replicas.service`: the headless Service in front of the replicas. */
  readonly service: string;
  /** `http` or `https`: all replicas listen like this one. */
  readonly scheme: () => 'http' | 'https';
  /** The prefix of every path: '' or `/prefix`. */
  readonly routePrefix: string;
}

/** The pods behind the peers' Service, as the API server lists them; this one is among them. */
export class PeerSlices implements PeerSource {
  readonly #options: PeerSlicesOptions;
  readonly #reflector: Reflector<PeerSlice>;
  readonly #listeners = new Set<() => void>();

  constructor(options: PeerSlicesOptions) {
    this.#options = options;
    const watched = slicesOf(options.namespace, options.service);
    // Its counts are not those of a resource with pipelines.
    const metrics = createReflectorMetrics(new Registry());
    metrics.add('endpointslices.discovery.k8s.io');
    this.#reflector = new Reflector<PeerSlice>({
      ...options,
      watched,
      reader: sliceReader,
      report: new ReflectorReport({ ...options, watched, metrics }),
      memory: new ObjectMemory(slicesBytes).share(),
      onChange: () => {
        for (const listener of this.#listeners) listener();
      },
    });
  }

  start(): void {
    this.#reflector.start();
  }

  list(): readonly string[] {
    const { scheme, routePrefix } = this.#options;
    const places = placesOf(this.#reflector.objects.values());
    return places.map((place) => `${scheme()}://${place}${routePrefix}`);
  }

  listed(): Promise<void> {
    return this.#reflector.synced;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    await this.#reflector.close();
    await this.#options.client.close();
  }
}

/** Over connections of their own, which a flood of writes does not delay. */
export function createPeerSlices(
  options: Omit<PeerSlicesOptions, 'client'> & { readonly access: ClusterAccess; readonly version: string },
): PeerSlices {
  // The client's own metrics are those of the calls of the home.
  const client = createApiClient({ ...options, registry: new Registry(), maxConnections: connections });
  return new PeerSlices({ ...options, client });
}

function slicesOf(namespace: string, service: string): WatchedResource {
  const labelSelector = `kubernetes.io/service-name=${service}`;
  return { group: 'discovery.k8s.io', versions: ['v1'], resource: 'endpointslices', namespace, labelSelector };
}

/** One slice. */
interface PeerSlice extends CachedObject {
  /** Each pod that is ready. */
  readonly places: readonly PodPlace[];
}

interface PodPlace {
  /** `ADDRESS:PORT` */
  readonly place: string;
  /** The uid of the pod, or else its place. */
  readonly pod: string;
}

/**
 * One place of each pod: a Service of both families has a slice for each of them, and a pod that was there twice would be a replica that
 * never answers, if it listens on one family alone. IPv4 comes first. Exported for the tests.
 */
export function placesOf(slices: Iterable<Pick<PeerSlice, 'places'>>): readonly string[] {
  const byPod = new Map<string, string>();
  for (const { place, pod } of [...slices].flatMap(({ places }) => places)) {
    const known = byPod.get(pod);
    if (known === undefined || isBefore(place, known)) byPod.set(pod, place);
  }
  return [...new Set(byPod.values())].toSorted();
}

function isBefore(place: string, other: string): boolean {
  const [isSixth, isOtherSixth] = [place.startsWith('['), other.startsWith('[')];
  return isSixth === isOtherSixth ? place < other : isOtherSixth;
}

/** Exported for the tests. */
export const sliceReader: ObjectReader<PeerSlice> = {
  members: { metadata: { members: metadataMembers }, endpoints: 'whole', ports: 'whole' },
  read: toPeerSlice,
};

function toPeerSlice(object: ApiObject, _served: ServedResource): PeerSlice {
  const { name, namespace = '', uid = '', resourceVersion = '' } = object.metadata;
  const { endpoints, ports } = object as ApiObject & { readonly endpoints?: unknown; readonly ports?: unknown };
  const port = portOf(ports);
  const ready = listOf(endpoints).filter(isReady);
  return {
    request: { kind: 'EndpointSlice', namespace, name },
    uid,
    resourceVersion,
    places: port === undefined ? [] : ready.flatMap((endpoint) => placeOf(endpoint, port)),
  };
}

/** The port named `http` or `web`, otherwise the first one. */
function portOf(found: unknown): number | undefined {
  const ports = listOf(found).filter(({ port }) => typeof port === 'number');
  const named = ports.find(({ name }) => name === 'http' || name === 'https' || name === 'web') ?? ports[0];
  return named?.['port'] as number | undefined;
}

/** Unknown means ready, as the API says. */
function isReady({ conditions }: Readonly<Record<string, unknown>>): boolean {
  return !isJsonObject(conditions) || conditions['ready'] !== false;
}

/** Each endpoint is one pod, and all of its addresses are the same. */
function placeOf({ addresses, targetRef }: Readonly<Record<string, unknown>>, port: number): readonly PodPlace[] {
  const [first] = Array.isArray(addresses) ? (addresses as unknown[]) : [];
  if (typeof first !== 'string') return [];
  const place = `${hostOf(first)}:${port}`;
  const { uid } = isJsonObject(targetRef) ? targetRef : {};
  return [{ place, pod: typeof uid === 'string' ? uid : place }];
}

function hostOf(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

function listOf(found: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(found) ? found.filter(isJsonObject) : [];
}
