/** The API group of the pipelines, and what of it is understood here (reference: the custom resources of Kyma's telemetry module). */
export const pipelineGroup = 'telemetry.kyma-project.io';

export const pipelineApiVersions: readonly string[] = [`${pipelineGroup}/v1beta1`, `${pipelineGroup}/v1alpha1`];

/** In the order in which they are listed. All are cluster-scoped. */
export const pipelineKinds: readonly string[] = ['LogPipeline', 'MetricPipeline', 'TracePipeline'];
