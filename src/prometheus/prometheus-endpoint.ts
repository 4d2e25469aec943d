import { excerpt } from '../text/bounded-body.ts';
import { percentDecoded } from '../text/go/url.ts';

/** Where to ask, taken apart so that the credentials are in one place only. */
export interface PrometheusEndpoint {
  /** What to fetch: no credentials in it, which fetch refuses. */
  readonly url: string;
  /** What to show people: no credentials, no query; in brackets what tells one of several replicas from the others. */
  readonly address: string;
  /** The value of the Authorization header; undefined without credentials. */
  readonly authorization: string | undefined;
  /** What {@link quote} masks. */
  readonly secrets: readonly string[];
  /** The beginning of what the server said, fit for a message: a server that echoes the request gives nothing away. */
  quote(text: string): string;
}

type Access = Pick<PrometheusEndpoint, 'authorization' | 'secrets'>;

export interface EndpointOptions {
  /** `prometheus.params`, sent with every query: some proxies choose a tenant by them. */
  readonly params?: ReadonlyMap<string, readonly string[]>;
  /** The one address of the host that is asked. */
  readonly ip?: string | undefined;
  /** `prometheus.url`, of which this is one. */
  readonly urls?: readonly string[];
}

/**
 * The alerts endpoint of the Prometheus at `url`: http or https, with or without a path prefix, a trailing slash, and
 * `user:password@`.
 */
export function prometheusEndpoint(url: string, { params, ip, urls = [] }: EndpointOptions = {}): PrometheusEndpoint {
  const { username, password } = new URL(url);
  const base = baseOf(url);
  const query = queryOf(params ?? new Map());
  const details = [...placeAmongLookAlikes(url, urls), ...(ip === undefined ? [] : [ip])];
  const address = details.length === 0 ? base : `${base} (${details.join(', ')})`;
  const endpoint = { url: `${base}/api/v1/alerts${query}`, address };
  return { ...endpoint, ...quotable(username === '' && password === '' ? open : basicAccess(username, password)) };
}

function baseOf(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname.replace(/\/+$/, '')}`;
}

/** Not the name of the user: some servers take a token there. */
function placeAmongLookAlikes(url: string, urls: readonly string[]): readonly string[] {
  const lookAlikes = urls.filter((each) => baseOf(each) === baseOf(url));
  return lookAlikes.length < 2 ? [] : [`URL ${urls.indexOf(url) + 1}`];
}

function queryOf(params: ReadonlyMap<string, readonly string[]>): string {
  const query = new URLSearchParams();
  for (const [name, values] of params) for (const value of values) query.append(name, value);
  return query.size === 0 ? '' : `?${query.toString()}`;
}

/** The endpoint as the configuration has it asked: its credentials win over those of the URL. */
export function withAccess(endpoint: PrometheusEndpoint, { authorization, secrets }: Access): PrometheusEndpoint {
  const both = [...endpoint.secrets, ...secrets];
  return { ...endpoint, ...quotable({ authorization: authorization ?? endpoint.authorization, secrets: both }) };
}

const open: Access = { authorization: undefined, secrets: [] };

/** Basic authentication. A server can send the password back encoded, decoded, or as the URL has it. */
function basicAccess(username: string, password: string): Access {
  const decoded = percentDecoded(password);
  const credentials = Buffer.from(`${percentDecoded(username)}:${decoded}`, 'utf8').toString('base64');
  return { authorization: `Basic ${credentials}`, secrets: [credentials, decoded, password] };
}

/** The longest secret first: it may hold another one. */
function quotable({ authorization, secrets }: Access): Access & Pick<PrometheusEndpoint, 'quote'> {
  const masked = secrets.filter((secret) => secret !== '').toSorted((a, b) => b.length - a.length);
  const quote = (text: string): string =>
    excerpt(masked.reduce((rest, secret) => rest.replaceAll(secret, '<secret>'), text));
  return { authorization, secrets, quote };
}
