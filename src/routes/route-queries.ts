import { formatDuration } from '../config/settings/duration.ts';
import { objectNames } from './object-names.ts';
import { quoteMeta, SpecError, type Destination, type ResponseClass, type Route } from './route.ts';

/** The metrics of Linkerd from which rules are made: those of ServiceProfiles, or those of the Gateway API (2.16 and later). */
export const metricsForms = ['linkerd', 'gateway'] as const;
export type MetricsForm = (typeof metricsForms)[number];

export const quantiles = ['0.5', '0.95', '0.99'] as const;
export type Quantile = (typeof quantiles)[number];

/** What can be asked about one route, in PromQL; a window is in milliseconds. */
export interface RouteQueries {
  /** Failing responses a second. It has the labels of {@link responses}. */
  failures(window: number): string;
  responses(window: number): string;
  requests(window: number): string;
  /** A quantile of the latency, in the unit of {@link latency}. */
  quantile(quantile: Quantile, window: number): string;
  /** Responses a second, with the labels of {@link quantile}. */
  timedResponses(window: number): string;
}

/** How a form counts latency. */
export interface LatencyUnit {
  readonly unit: 'ms' | 's';
  /** Upper bounds of the buckets in milliseconds, in their order; no quantile is above the last one. */
  readonly buckets: readonly number[];
}

export const latencyUnits: Readonly<Record<MetricsForm, LatencyUnit>> = {
  linkerd: { unit: 'ms', buckets: [1, 10, 100, 1000, 10_000].flatMap((each) => [1, 2, 3, 4, 5].map((n) => n * each)) },
  gateway: { unit: 's', buckets: [50, 500, 1000, 10_000] },
};

/** The queries of each route. Throws SpecError if the form has no labels for the service. */
export function routeQueries(
  form: MetricsForm,
  routes: readonly Route[],
  destination: Destination,
): ReadonlyMap<Route, RouteQueries> {
  if (form === 'linkerd') return new Map(routes.map((route) => [route, profileQueries(route, destination)]));
  const { service, namespace } = destination;
  if (service === undefined || namespace === undefined)
    throw new SpecError(
      `metadata.name: ${destination.host} is no service of a cluster, which the metrics of the Gateway API name; use --metrics=linkerd`,
    );
  const names = objectNames(routes);
  return new Map(routes.map((route) => [route, gatewayQueries(route, names.get(route)!, service, namespace)]));
}

/** The metrics with a ServiceProfile, as the proxy of the service itself counts (inbound). */
function profileQueries({ name }: Route, { host }: Destination): RouteQueries {
  const selector = [
    'direction="inbound"',
    `dst=~${quoted(`${quoteMeta(host)}(:\\d+)?`)}`,
    `rt_route=${quoted(name)}`,
  ].join(',');
  const failing = `${selector},classification="failure"`;
  const responses = ['namespace', 'dst', 'rt_route'];
  return {
    failures: (window) => sumBy(responses, rate('route_response_total', failing, window)),
    responses: (window) => sumBy(responses, rate('route_response_total', selector, window)),
    requests: (window) => sumBy(['dst', 'rt_route'], rate('route_request_total', selector, window)),
    quantile: (quantile, window) => {
      const buckets = sumBy(['le', 'dst', 'rt_route'], rate('route_response_latency_ms_bucket', selector, window));
      return `histogram_quantile(${quantile}, ${buckets})`;
    },
    timedResponses: (window) => sumBy(['dst', 'rt_route'], rate('route_response_total', selector, window)),
  };
}

/** The metrics with an HTTPRoute or GRPCRoute, as the proxies of the clients count (outbound). */
function gatewayQueries(route: Route, routeName: string, service: string, namespace: string): RouteQueries {
  const isGrpc = route.rpc !== undefined;
  const metric = isGrpc ? 'outbound_grpc_route_request' : 'outbound_http_route_request';
  const selector = [
    'parent_kind="Service"',
    `parent_namespace=${quoted(namespace)}`,
    `parent_name=${quoted(service)}`,
    `route_kind="${isGrpc ? 'GRPCRoute' : 'HTTPRoute'}"`,
    `route_name=${quoted(routeName)}`,
  ].join(',');
  const labels = ['parent_namespace', 'parent_name', 'route_namespace', 'route_name'];
  const status = isGrpc ? `grpc_status=~"${failingGrpc}"` : `http_status=~"${failingStatuses(route.responseClasses)}"`;
  const all = (window: number): string => sumBy(labels, rate(`${metric}_statuses_total`, selector, window));
  return {
    failures: (window) => {
      const failed = rate(`${metric}_statuses_total`, `${selector},${status}`, window);
      // A response may break off after a good status.
      return sumBy(labels, `${failed} or ${rate(`${metric}_statuses_total`, `${selector},error!=""`, window)}`);
    },
    responses: all,
    requests: all,
    quantile: (quantile, window) => {
      const buckets = sumBy(['le', ...labels], rate(`${metric}_duration_seconds_bucket`, selector, window));
      return `histogram_quantile(${quantile}, ${buckets})`;
    },
    timedResponses: all,
  };
}

/** What Linkerd's proxy takes for a failure of gRPC. */
const failingGrpc = 'DATA_LOSS|DEADLINE_EXCEEDED|INTERNAL|PERMISSION_DENIED|UNAVAILABLE|UNKNOWN';

/** A regular expression for the statuses that are failures; the empty one is a request without a response. */
function failingStatuses(classes: readonly ResponseClass[]): string {
  const isFailure = (status: number): boolean =>
    classes.find(({ min, max }) => min <= status && status <= max)?.isFailure ?? status >= 500;
  const patterns = [1, 2, 3, 4, 5].flatMap((hundred) => {
    const failing = Array.from({ length: 100 }, (_, index) => hundred * 100 + index).filter(isFailure);
    return failing.length === 100 ? [`${hundred}..`] : failing.map(String);
  });
  return ['', ...patterns].join('|');
}

function sumBy(labels: readonly string[], vector: string): string {
  return `sum by (${labels.join(', ')}) (${vector})`;
}

function rate(metric: string, selector: string, window: number): string {
  return `rate(${metric}{${selector}}[${formatDuration(window)}])`;
}

/** A string of PromQL, which has the escapes of Go: those of JSON are among them for every well-formed text. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
