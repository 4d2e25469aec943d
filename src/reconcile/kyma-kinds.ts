/** The API group of the pipelines of Kyma's telemetry module, and its supported versions, the best one first. */
export const kymaGroup = 'telemetry.kyma-project.io';
export const kymaVersions: readonly string[] = ['v1beta1', 'v1alpha1'];

/**
 * Its kinds, in the order in which they are listed; all are cluster-scoped. `resource` is the plural in a URL; `alertPrefix` is
 * the beginning of the names of a kind's alerts (reference: the custom resources and the alert rules of Kyma's telemetry module).
 */
export const kymaKinds = [
  { kind: 'LogPipeline', resource: 'logpipelines', alertPrefix: 'Log' },
  { kind: 'MetricPipeline', resource: 'metricpipelines', alertPrefix: 'Metric' },
  { kind: 'TracePipeline', resource: 'tracepipelines', alertPrefix: 'Trace' },
] as const;

export type KymaKind = (typeof kymaKinds)[number]['kind'];

export const kymaKindNames: readonly string[] = kymaKinds.map(({ kind }) => kind);

/** The kind of a watched resource; undefined if it is not one of Kyma's. */
export function kymaKindOf(watched: { readonly group: string; readonly resource: string }): KymaKind | undefined {
  return watched.group === kymaGroup
    ? kymaKinds.find(({ resource }) => resource === watched.resource)?.kind
    : undefined;
}
