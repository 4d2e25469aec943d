import { quoteWithout, urlAccess, type UrlAccess } from '../outbound/http-access.ts';

/** The URL to ask, taken apart so that the credentials are in one place only. */
export interface PrometheusEndpoint {
  /** The URL to fetch, without credentials, which fetch refuses. */
  readonly url: string;
  /** The path of the API that is asked, such as `/api/v1/alerts`. */
  readonly path: string;
  /** The URL to show people, without credentials and query; what distinguishes several replicas is in brackets. */
  readonly address: string;
  /** The value of the Authorization header; undefined without credentials. */
  readonly authorization: string | undefined;
  /** The values that {@link quote} masks. */
  readonly secrets: readonly string[];
  /** The beginning of what the server said, fit for a message: a server that echoes the request reveals nothing. */
  quote(text: string): string;
}

type Access = Omit<UrlAccess, 'base'>;

export interface EndpointOptions {
  /** `prometheus.params`, sent with every query: some proxies choose a tenant by these parameters. */
  readonly params?: ReadonlyMap<string, readonly string[]>;
  /** The one address of the host to ask. */
  readonly ip?: string | undefined;
  /** All of `prometheus.url`, including this URL. */
  readonly urls?: readonly string[];
  /** The path of the API, and its own parameters. Default: the alerts. */
  readonly path?: string;
  readonly query?: Readonly<Record<string, string>>;
}

/**
 * An endpoint of the API of the Prometheus at `url`: http or https, with or without a path prefix, a trailing slash, and
 * `user:password@`.
 */
export function prometheusEndpoint(url: string, options: EndpointOptions = {}): PrometheusEndpoint {
  const { params, ip, urls = [], path = '/api/v1/alerts', query: own = {} } = options;
  const { base, ...access } = urlAccess(url);
  const query = queryOf(own, params ?? new Map());
  const details = [...placeAmongLookAlikes(url, urls), ...(ip === undefined ? [] : [ip])];
  const address = details.length === 0 ? base : `${base} (${details.join(', ')})`;
  const endpoint = { url: `${base}${path}${query}`, path, address };
  return { ...endpoint, ...quotable(access) };
}

/** The name of the user is left out: some servers expect a token there. */
function placeAmongLookAlikes(url: string, urls: readonly string[]): readonly string[] {
  const lookAlikes = urls.filter((each) => urlAccess(each).base === urlAccess(url).base);
  return lookAlikes.length < 2 ? [] : [`URL ${urls.indexOf(url) + 1}`];
}

function queryOf(own: Readonly<Record<string, string>>, params: ReadonlyMap<string, readonly string[]>): string {
  const query = new URLSearchParams(own);
  for (const [name, values] of params) for (const value of values) query.append(name, value);
  return query.size === 0 ? '' : `?${query.toString()}`;
}

/** The endpoint with the credentials of the configuration, which win over those of the URL. */
export function withAccess(endpoint: PrometheusEndpoint, { authorization, secrets }: Access): PrometheusEndpoint {
  const both = [...endpoint.secrets, ...secrets];
  return { ...endpoint, ...quotable({ authorization: authorization ?? endpoint.authorization, secrets: both }) };
}

function quotable({ authorization, secrets }: Access): Access & Pick<PrometheusEndpoint, 'quote'> {
  return { authorization, secrets, quote: quoteWithout(secrets) };
}
