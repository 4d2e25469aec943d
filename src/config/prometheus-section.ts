import * as z from 'zod';
import { mapOf, oneOrListOf, section, setting } from './settings/setting.ts';
import { HttpConfig } from './http-config.ts';
import { readPrometheusUrl } from './settings/http-url.ts';
import type { Reader } from './settings/reader.ts';
import { readBoolean, readChoice, readCount, readDuration, readNames, readSize } from './settings/value-readers.ts';

/** For what a timer of Node measures: it can wait up to 24.8 days, and a longer timer would fire at once. */
const readTimeout = readDuration('1ms', '1w');
const readTimeoutOrNever = readDuration('0s', '1w');

const paramsAllowed = 'a map from the name of a parameter to a list of texts, as in {namespace: [shop]}';

const readParamName: Reader<string> = (name) =>
  typeof name === 'string' && name !== '' ? { value: name } : { allowed: 'the name of a parameter' };

/** Values are not shown: some proxies expect a token as a parameter. */
const readParamValues: Reader<readonly string[]> = (found) =>
  Array.isArray(found) && found.length > 0 && found.every((text) => typeof text === 'string')
    ? { value: found }
    : { allowed: 'a list of texts, as in [shop]; in quotes, if they look like numbers', secret: true };

interface Prometheus {
  readonly url: readonly string[] | null;
  readonly resolve: string;
  readonly max_replicas: number;
  readonly http_config: HttpConfig;
}

const noMoreUrlsThanReplicas = z.refine<Prometheus>(
  ({ url, max_replicas: most }) => url === null || url.length <= most,
  {
    path: ['url'],
    error: ({ input }) => {
      const { url, max_replicas: most } = input as Prometheus;
      return `found ${url?.length} URLs, allowed: at most prometheus.max_replicas, which is ${most}`;
    },
  },
);

/** A proxy resolves the name itself, to an address of its choice. */
const resolvedHere = z.refine<Prometheus>(
  ({ resolve, http_config: { proxy_url: proxy } }) => resolve === 'one' || proxy === null,
  {
    path: ['resolve'],
    error:
      'found "all" beside http_config.proxy_url, allowed: one of the two, since the proxy resolves the name; list every replica in prometheus.url instead',
  },
);

const rulesAreLookedAt = z.refine<{ readonly check_interval: number; readonly require_rules: boolean }>(
  ({ check_interval: interval, require_rules: required }) => interval > 0 || !required,
  {
    path: ['require_rules'],
    error:
      'found true beside check_interval 0s, allowed: true only if check_interval is above 0s, since that is when the rules are read',
  },
);

/** How to ask Prometheus, or a pair of replicas. Without a URL (null), the pushed alerts are the source of truth. */
export const PrometheusSection = section(
  {
    /** Without a slash at the end of any URL. */
    url: oneOrListOf(readPrometheusUrl, {
      allowed: 'an http or https URL, as in http://prometheus:9090/prefix, or a list of them, each once',
    }),
    /** `one`: one address of each name, chosen by the system. `all`: every address of each name. */
    resolve: setting(readChoice(['one', 'all']), 'one'),
    /** The most addresses that one look asks. */
    max_replicas: setting(readCount, 8),
    params: mapOf(readParamValues, readParamName, { allowed: paramsAllowed, secret: true }),
    /** The labels that distinguish the alerts of different replicas. */
    ignored_labels: setting(readNames, ['prometheus_replica']),
    timeout: setting(readTimeout, '10s'),
    max_response_size: setting(readSize('1KiB'), '64MiB'),
    /** The memory limit for the labels of the firing alerts of all replicas together, a high estimate. */
    max_firing_size: setting(readSize('1KiB'), '22MiB'),
    /** How long a pushed alert that still fires preserves a verdict that the answers no longer support; 0: not at all. */
    heal_grace: setting(readTimeoutOrNever, '2m'),
    /** How far apart two failures of all replicas must be before a verdict becomes Unknown; 0: one failure is enough. */
    unknown_after: setting(readTimeoutOrNever, '5s'),
    /** How often Tocsin looks whether Prometheus can tell it of alerts at all; 0: never. */
    check_interval: setting(readTimeoutOrNever, '1m'),
    /** A pipeline without an alerting rule is Unknown instead of healthy. */
    require_rules: setting(readBoolean, false),
    http_config: HttpConfig,
  },
  noMoreUrlsThanReplicas,
  resolvedHere,
  rulesAreLookedAt,
);
