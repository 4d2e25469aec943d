import { excerpt } from '../excerpt.ts';

/** Where to ask, taken apart so that the credentials are in one place only. */
export interface PrometheusEndpoint {
  /** What to fetch: no credentials in it, which fetch refuses. */
  readonly url: string;
  /** What to show people: no credentials, no query. */
  readonly address: string;
  /** The value of the Authorization header; undefined without credentials. */
  readonly authorization: string | undefined;
  /** The beginning of what the server said, fit for a message: a server that echoes the request gives nothing away. */
  quote(text: string): string;
}

interface Access {
  readonly authorization: string | undefined;
  /** What must not be quoted. */
  readonly secrets: readonly string[];
}

/**
 * The alerts endpoint of the Prometheus at `url`: http or https, with or without a path prefix, a trailing slash, and
 * `user:password@`. A query (some proxies choose a tenant by it) is sent along.
 */
export function prometheusEndpoint(url: string): PrometheusEndpoint {
  const { protocol, host, pathname, search, username, password } = new URL(url);
  const address = `${protocol}//${host}${pathname.replace(/\/+$/, '')}`;
  const endpoint = { url: `${address}/api/v1/alerts${search}`, address };
  if (username === '' && password === '') return { ...endpoint, authorization: undefined, quote: excerpt };
  const credentials = basicCredentials(username, password);
  return {
    ...endpoint,
    authorization: `Basic ${credentials}`,
    quote: (text) => excerpt(text.replaceAll(credentials, '<secret>')),
  };
}

/** The endpoint as the configuration has it asked: its credentials win over those of the URL. */
export function withAccess(endpoint: PrometheusEndpoint, { authorization, secrets }: Access): PrometheusEndpoint {
  const masked = (text: string): string => secrets.reduce((rest, secret) => rest.replaceAll(secret, '<secret>'), text);
  return {
    ...endpoint,
    authorization: authorization ?? endpoint.authorization,
    quote: (text) => endpoint.quote(masked(text)),
  };
}

function basicCredentials(username: string, password: string): string {
  return Buffer.from(`${percentDecoded(username)}:${percentDecoded(password)}`, 'utf8').toString('base64');
}

/** The URL parser keeps a `%` that starts no escape; then the text is meant as it stands. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
