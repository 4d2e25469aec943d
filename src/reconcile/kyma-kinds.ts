/** The API group of the pipelines of Kyma's telemetry module, and its versions that are understood here, the best one first. */
export const kymaGroup = 'telemetry.kyma-project.io';
export const kymaVersions: readonly string[] = ['v1beta1', 'v1alpha1'];

/**
 * Its kinds, in the order in which they are listed; all are cluster-scoped. `resource` is the plural in a URL, `alertPrefix` what the
 * names of the alerts about a kind begin with (reference: the custom resources and the alert rules of Kyma's telemetry module).
 */
export const kymaKinds = [
  { kind: 'LogPipeline', resource: 'logpipelines', alertPrefix: 'Log' },
  { kind: 'MetricPipeline', resource: 'metricpipelines', alertPrefix: 'Metric' },
  { kind: 'TracePipeline', resource: 'tracepipelines', alertPrefix: 'Trace' },
] as const;

export type KymaKind = (typeof kymaKinds)[number]['kind'];

export const kymaKindNames: readonly string[] = kymaKinds.map(({ kind }) => kind);

/** The kind of a watched resource; undefined if it is none of Kyma's. */
export function kymaKindOf(watched: { readonly group: string; readonly resource: string }): KymaKind | undefined {
  return watched.group === kymaGroup
    ? kymaKinds.find(({ resource }) => resource === watched.resource)?.kind
    : undefined;
}
