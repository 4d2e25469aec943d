import { reach, type OwnAddresses } from '../drift/own-addresses.ts';
import type { Status } from '../explain/schema-status.ts';
import type { AlertmanagerUrls, InspectedServer, ServerFlags } from '../reconcile/server-inspection.ts';
import type { Chain } from './chain.ts';
import { probed, type Probe } from './probe.ts';
import { comesByWebhook } from './received.ts';

/** The most addresses in one problem; the rest are counted. */
const maxNamed = 5;

/** The active Alertmanagers of a Prometheus, with what answers at each. */
export interface Targets extends AlertmanagerUrls {
  readonly probes: ReadonlyMap<string, Probe>;
}

export async function targetsOf(chain: Chain, server: InspectedServer, signal: AbortSignal): Promise<Targets> {
  const urls = await server.alertmanagers(signal);
  const probes = await Promise.all(urls.active.map(async (url) => [url, await chain.probe(url, signal)] as const));
  return { ...urls, probes: new Map(probes) };
}

/** The processes that are this Tocsin: it, and the other replicas. None: nobody has told. */
export function instancesOf(status: Status | undefined): readonly string[] {
  if (status === undefined) return [];
  return [status.instance, ...(status.replica?.peers ?? []).flatMap(({ instance }) => instance ?? [])];
}

/** The URL by which this Tocsin is among the targets; undefined if none is known to be it. */
export function ownTarget(
  { active, probes }: Targets,
  prometheusUrl: string,
  own: OwnAddresses,
  instances: readonly string[],
): string | undefined {
  const isSame = (url: string): boolean => {
    const found = probes.get(url);
    return found?.is === 'tocsin' && instances.includes(found.instance);
  };
  return active.find(isSame) ?? active.find((url) => reach([url], prometheusUrl, own) === 'yes');
}

/** If none is asked at a URL of its own, the Tocsin to which Prometheus sends is the one that is meant. */
export function anyTocsin({ source }: Chain, { active, probes }: Targets): string | undefined {
  return source.tocsin === undefined ? active.find((url) => probes.get(url)?.is === 'tocsin') : undefined;
}

/** True if one of the targets may be this Tocsin under a name that nobody knows here. */
export function couldLeadHere({ active, probes }: Targets, prometheusUrl: string, own: OwnAddresses): boolean {
  return active.some((url) => {
    const answers = probes.get(url)?.is;
    const isSilent = answers === 'unreachable' || answers === 'other' || answers === 'tocsin';
    return isSilent && reach([url], prometheusUrl, own) !== 'no';
  });
}

/** True if an Alertmanager stands between, which forwards to `POST /webhook`. */
export function forwardedBy({ probes }: Targets, status: Status): boolean {
  return comesByWebhook(status) && [...probes.values()].some(({ is }) => is === 'alertmanager');
}

/** The port on which Prometheus itself listens, '' if it does not tell. */
export function ownPort({ 'web.listen-address': address = '' }: ServerFlags): string {
  return /:(\d+)$/.exec(address)?.[1] ?? '';
}

export function targetProblem(address: string, { active, dropped, probes }: Targets, prometheusPort: string): string {
  const remedy =
    'name Tocsin in alerting.alertmanagers of prometheus.yml; if it is there under another name, list that URL in receiver.advertised_urls';
  const left = dropped.length === 0 ? '' : `; relabelling drops ${few(dropped, ', ')}`;
  if (active.length === 0) return `Prometheus at ${address} has no active Alertmanager${left}: ${remedy}`;
  const each = active.map((url) => {
    const found = probes.get(url);
    const isOwnPort = found?.is === 'unreachable' && URL.parse(url)?.port === prometheusPort;
    const hint = isOwnPort ? `; ${prometheusPort} is the port of Prometheus itself` : '';
    return found === undefined ? url : `${url} is ${probed(found)}${hint}`;
  });
  return `Prometheus at ${address} sends its alerts elsewhere: ${few(each, '; ')}${left}. To mend it, ${remedy}`;
}

function few(all: readonly string[], separator: string): string {
  const more = all.length - maxNamed;
  return more > 0 ? `${all.slice(0, maxNamed).join(separator)} and ${more} more` : all.join(separator);
}

export function ownAddresses({ addresses }: Status): OwnAddresses {
  return {
    advertisedUrls: addresses.advertised_urls,
    externalUrl: addresses.external_url,
    host: addresses.host,
    port: addresses.port,
    routePrefix: addresses.route_prefix,
    machine: addresses.machine,
  };
}

/** While Tocsin does not answer, it is where it is asked. */
export function addressesOf({ source }: Chain): OwnAddresses {
  const { hostname, port, protocol, pathname } = new URL(source.tocsinUrl);
  return {
    advertisedUrls: source.config?.receiver.advertised_urls ?? [],
    externalUrl: source.tocsinUrl,
    host: hostname,
    port: Number(port || (protocol === 'https:' ? 443 : 80)),
    routePrefix: pathname.replace(/\/+$/, ''),
    machine: [],
  };
}
