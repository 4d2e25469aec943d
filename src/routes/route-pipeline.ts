import { kymaKinds } from '../reconcile/kyma-kinds.ts';
import type { Route } from './route.ts';

/** The values of `pipeline_type` that select a kind of Kyma. */
export const pipelineTypes: readonly string[] = kymaKinds.map(({ kind }) => kind.toLowerCase());

/** Which pipelines a bad route wakes, as the command line says. */
export interface PipelineLabels {
  /** Undefined: by the route, if it is one of OTLP. */
  readonly type: string | undefined;
  readonly name: string | undefined;
}

interface RoutePipeline {
  /** `Trace`, `Metric`, `Log`, or nothing: by it a receiver finds the kind where no pipeline is named. */
  readonly alertPrefix: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The signal of a service or path of OTLP, and the pipelines that carry it. */
const otlpSignals = [
  { service: 'opentelemetry.proto.collector.trace.v1.TraceService', path: '/v1/traces', type: 'tracepipeline' },
  { service: 'opentelemetry.proto.collector.metrics.v1.MetricsService', path: '/v1/metrics', type: 'metricpipeline' },
  { service: 'opentelemetry.proto.collector.logs.v1.LogsService', path: '/v1/logs', type: 'logpipeline' },
] as const;

/** The labels that make an alert of this route wake the right pipelines, and the beginning of its name that does. */
export function pipelineOf(route: Route, { type = otlpType(route), name }: PipelineLabels): RoutePipeline {
  const kind = kymaKinds.find((each) => each.kind.toLowerCase() === type?.toLowerCase());
  return {
    alertPrefix: kind?.alertPrefix ?? '',
    labels: {
      ...(type !== undefined && { pipeline_type: type }),
      ...(name !== undefined && { pipeline_name: name }),
    },
  };
}

function otlpType({ rpc, condition: { pathRegex, method } }: Route): string | undefined {
  return otlpSignals.find(({ service, path }) => rpc?.service === service || (method === 'POST' && pathRegex === path))
    ?.type;
}
