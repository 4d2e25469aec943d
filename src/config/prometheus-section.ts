import { z } from 'zod';
import { mapOf, oneOrListOf, section, setting } from './settings/setting.ts';
import { HttpConfig } from './http-config.ts';
import { readPrometheusUrl } from './settings/http-url.ts';
import type { Reader } from './settings/reader.ts';
import { readChoice, readCount, readDuration, readNames, readSize } from './settings/value-readers.ts';

/** For what a timer of Node measures: it can wait 24.8 days, and a longer one would fire at once. */
const readTimeout = readDuration('1ms', '1w');
const readTimeoutOrNever = readDuration('0s', '1w');

const paramsAllowed = 'a map from the name of a parameter to a list of texts, as in {namespace: [shop]}';

const readParamName: Reader<string> = (name) =>
  typeof name === 'string' && name !== '' ? { value: name } : { allowed: 'the name of a parameter' };

/** Values are not shown: some proxies take a token as a parameter. */
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

/** A proxy resolves the name itself, to whatever address it likes. */
const resolvedHere = z.refine<Prometheus>(
  ({ resolve, http_config: { proxy_url: proxy } }) => resolve === 'one' || proxy === null,
  {
    path: ['resolve'],
    error:
      'found "all" beside http_config.proxy_url, allowed: one of the two, since the proxy resolves the name; list every replica in prometheus.url instead',
  },
);

/** How Prometheus, or a pair of them, is asked; null as the URL: the alerts that were pushed are the truth. */
export const PrometheusSection = section(
  {
    /** Each without a slash at its end. */
    url: oneOrListOf(readPrometheusUrl, {
      allowed: 'an http or https URL, as in http://prometheus:9090/prefix, or a list of them, each once',
    }),
    /** `one`: an address of each name, as the system gives it. `all`: every address of each name. */
    resolve: setting(readChoice(['one', 'all']), 'one'),
    /** The most addresses that one look asks. */
    max_replicas: setting(readCount, 8),
    params: mapOf(readParamValues, readParamName, { allowed: paramsAllowed, secret: true }),
    /** The labels by which replicas tell their alerts apart. */
    ignored_labels: setting(readNames, ['prometheus_replica']),
    timeout: setting(readTimeout, '10s'),
    max_response_size: setting(readSize('1KiB'), '64MiB'),
    /** What the labels of the alerts that fire may take in memory, those of all replicas together, estimated on the high side. */
    max_firing_size: setting(readSize('1KiB'), '96MiB'),
    /** How long a push that still fires keeps a verdict that the answers no longer bear out; 0 is not at all. */
    heal_grace: setting(readTimeoutOrNever, '2m'),
    /** How far two failures of all replicas have to be apart until a verdict becomes Unknown; 0: one is enough. */
    unknown_after: setting(readTimeoutOrNever, '5s'),
    http_config: HttpConfig,
  },
  noMoreUrlsThanReplicas,
  resolvedHere,
);
