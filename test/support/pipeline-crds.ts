/** Kyma's CRDs of the pipelines as Tocsin sees them: names, versions and conditions are Kyma's, the spec accepts anything. */
export type PipelineVersion = 'v1alpha1' | 'v1beta1';

export const pipelineCrdKinds = ['MetricPipeline', 'TracePipeline', 'LogPipeline'] as const;
export type PipelineCrdKind = (typeof pipelineCrdKinds)[number];

const group = 'telemetry.kyma-project.io';

/** metav1.Condition as in Kyma: a plain array, without list-map keys. */
const conditions = {
  type: 'array',
  items: {
    type: 'object',
    required: ['lastTransitionTime', 'message', 'reason', 'status', 'type'],
    properties: {
      lastTransitionTime: { type: 'string', format: 'date-time' },
      message: { type: 'string', maxLength: 32768 },
      observedGeneration: { type: 'integer', format: 'int64', minimum: 0 },
      reason: {
        type: 'string',
        minLength: 1,
        maxLength: 1024,
        pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
      },
      status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
      type: {
        type: 'string',
        maxLength: 316,
        pattern:
          '^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$',
      },
    },
  },
};

/** The plural of a kind, as in `kubectl get metricpipelines`. */
export function pluralOf(kind: PipelineCrdKind): string {
  return `${kind.toLowerCase()}s`;
}

/** The CRDs of the three kinds. The newest of `versions` is the stored one; all of them are served. */
export function pipelineCrds(versions: readonly PipelineVersion[] = ['v1alpha1', 'v1beta1']): readonly object[] {
  return pipelineCrdKinds.map((kind) => pipelineCrd(kind, versions));
}

/** The CRD of one kind: cluster-scoped, with the status subresource. */
export function pipelineCrd(kind: PipelineCrdKind, versions: readonly PipelineVersion[] = ['v1beta1']): object {
  const plural = pluralOf(kind);
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Cluster',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        categories: ['kyma-telemetry', 'kyma-telemetry-pipelines'],
      },
      versions: versions.map((name) => version(name, name === versions.toSorted().at(-1))),
    },
  };
}

function version(name: PipelineVersion, storage: boolean): object {
  return {
    name,
    served: true,
    storage,
    subresources: { status: {} },
    additionalPrinterColumns: [
      column('Configuration Generated', 'ConfigurationGenerated'),
      column('Flow Healthy', 'TelemetryFlowHealthy'),
      { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    ],
    schema: {
      openAPIV3Schema: {
        type: 'object',
        properties: {
          spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          status: { type: 'object', properties: { conditions, unsupportedMode: { type: 'boolean' } } },
        },
      },
    },
  };
}

function column(name: string, condition: string): object {
  return { name, type: 'string', jsonPath: `.status.conditions[?(@.type=="${condition}")].status` };
}
