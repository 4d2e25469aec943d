import { formatDuration } from '../config/settings/duration.ts';
import { pipelineOf, type PipelineLabels } from './route-pipeline.ts';
import { latencyUnits, routeQueries, type MetricsForm, type Quantile, type RouteQueries } from './route-queries.ts';
import type { Destination, Route } from './route.ts';

/** An alerting rule of Prometheus. */
export interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly AlertingRule[];
}

/** When a route is bad. Undefined: no rule. Durations are in milliseconds. */
export interface Thresholds {
  /** The least share of requests that succeed, over 0 up to 1. */
  readonly success: number | undefined;
  /** The most requests a second. */
  readonly rps: number | undefined;
  /** The longest latency, by quantile. */
  readonly latency: ReadonlyMap<Quantile, number>;
  /** Of fewer requests a second neither the failures nor the latencies say anything. */
  readonly minRps: number;
  /** Over which failures and latencies are counted. */
  readonly window: number;
  readonly rpsWindow: number;
  readonly for: number;
}

export interface RouteRuleOptions {
  readonly form: MetricsForm;
  readonly destination: Destination;
  readonly thresholds: Thresholds;
  readonly pipeline: PipelineLabels;
  readonly severity: string;
  /** The name of the alert on failures, without the prefix of a kind. */
  readonly successAlert: string;
  /** Its sections are called as the alerts are. */
  readonly runbookUrl: string;
}

/** What a rule says of a bad route. */
interface Signal {
  readonly alert: string;
  /** The section of the runbook, if it is not called as the alert. */
  readonly runbook?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Templates of Prometheus, in which the names of route and service are already escaped. */
  readonly summary: string;
  readonly description: string;
}

export const defaultSuccessAlert = 'RouteSuccessRateLow';

/** One group of rules for the routes of a service. Throws SpecError. */
export function routeRules(routes: readonly Route[], options: RouteRuleOptions): RuleGroup {
  const { destination, form } = options;
  const queries = routeQueries(form, routes, destination);
  return {
    name: `routes-${destination.host}`,
    rules: routes.flatMap((route) =>
      [
        ...successSignals(route, queries.get(route)!, options),
        ...latencySignals(route, queries.get(route)!, options),
        ...rpsSignals(route, queries.get(route)!, options),
      ].map((signal) => rule(route, signal, options)),
    ),
  };
}

/** Failures ÷ all, never successes ÷ all: a route that only fails has no successes, and the quotient would be empty. */
function successSignals(route: Route, queries: RouteQueries, options: RouteRuleOptions): Signal[] {
  const { success, window, minRps } = options.thresholds;
  if (success === undefined) return [];
  const most = exact(1 - success);
  const share = `${queries.failures(window)}\n  /\n${queries.responses(window)}\n  > ${most}`;
  const shown = titleOf(route, options);
  return [
    {
      alert: options.successAlert,
      runbook: defaultSuccessAlert,
      expr: `${share}\nand\n${queries.responses(window)} > ${minRps}`,
      summary: `${shown}: {{ $value | humanizePercentage }} of the requests fail`,
      description: `More than ${exact(most * 100)}% of the requests to ${shown} failed within ${formatDuration(window)}.`,
    },
  ];
}

function latencySignals(route: Route, queries: RouteQueries, options: RouteRuleOptions): Signal[] {
  const { latency, window, minRps } = options.thresholds;
  const { unit } = latencyUnits[options.form];
  const shown = titleOf(route, options);
  return [...latency].map(([quantile, ms]) => ({
    alert: 'RouteLatencyHigh',
    expr: `${queries.quantile(quantile, window)} > ${unit === 'ms' ? ms : ms / 1000}\nand\n${queries.timedResponses(window)} > ${minRps}`,
    labels: { quantile },
    summary: `${shown}: {{ $value | printf "%.${unit === 'ms' ? 0 : 3}f" }}${unit} at quantile ${quantile}`,
    description: `Of the requests to ${shown}, ${exact((1 - Number(quantile)) * 100)}% took longer than ${formatDuration(ms)} within ${formatDuration(window)}.`,
  }));
}

function rpsSignals(route: Route, queries: RouteQueries, options: RouteRuleOptions): Signal[] {
  const { rps, rpsWindow } = options.thresholds;
  if (rps === undefined) return [];
  const shown = titleOf(route, options);
  return [
    {
      alert: 'RouteRequestRateHigh',
      expr: `${queries.requests(rpsWindow)} > ${rps}`,
      summary: `${shown}: {{ $value | printf "%.1f" }} requests a second`,
      description: `More than ${rps} requests a second went to ${shown} within ${formatDuration(rpsWindow)}.`,
    },
  ];
}

function rule(
  route: Route,
  { alert, runbook = alert, expr, labels, summary, description }: Signal,
  options: RouteRuleOptions,
): AlertingRule {
  const pipeline = pipelineOf(route, options.pipeline);
  return {
    alert: alert.startsWith(pipeline.alertPrefix) ? alert : `${pipeline.alertPrefix}${alert}`,
    expr,
    for: formatDuration(options.thresholds.for),
    labels: {
      severity: escapeTemplate(options.severity),
      // Two rules of a file may not have the same name and the same labels.
      route: escapeTemplate(route.name),
      ...labels,
      ...Object.fromEntries(Object.entries(pipeline.labels).map(([name, value]) => [name, escapeTemplate(value)])),
    },
    annotations: {
      summary,
      description,
      runbook_url: `${escapeTemplate(options.runbookUrl)}#${runbook.toLowerCase()}`,
    },
  };
}

function titleOf({ name }: Route, { destination: { host, service, namespace } }: RouteRuleOptions): string {
  return `${escapeTemplate(name)} of ${escapeTemplate(service === undefined ? host : `${service}.${namespace}`)}`;
}

/** What begins an action in a template of Go is written by an action. */
export function escapeTemplate(text: string): string {
  return text.replaceAll('{{', '{{"{{"}}');
}

/** A number without the dust of binary fractions: 1 - 0.9 is 0.1. */
function exact(number: number): number {
  return Number(number.toPrecision(10));
}
