/** Custom resources of other operators, as small as they can be and still behave like the real ones. */

/** `postgresql.cnpg.io/v1`, as in CloudNativePG: conditions in a status subresource. */
export const clusterCrd = crd('postgresql.cnpg.io', 'v1', 'Cluster', 'clusters', true);

/** `helm.toolkit.fluxcd.io/v2`, as in Flux: conditions in a status subresource. */
export const helmReleaseCrd = crd('helm.toolkit.fluxcd.io', 'v2', 'HelmRelease', 'helmreleases', true);

/** `argoproj.io/v1alpha1`, as in Argo CD: its CRD has no status subresource. */
export const applicationCrd = crd('argoproj.io', 'v1alpha1', 'Application', 'applications', false);

export const operatorCrds: readonly object[] = [clusterCrd, helmReleaseCrd, applicationCrd];

/** An object of such a kind, in the namespace `team-shop`. */
export function customObject(apiVersion: string, kind: string, name: string, more: object = {}): object {
  return { apiVersion, kind, metadata: { name, namespace: 'team-shop' }, spec: {}, ...more };
}

function crd(group: string, version: string, kind: string, plural: string, hasStatus: boolean): object {
  const conditions = {
    type: 'array',
    items: {
      type: 'object',
      required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'],
      properties: {
        type: { type: 'string', maxLength: 316 },
        status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
        reason: { type: 'string', minLength: 1, maxLength: 1024, pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$' },
        message: { type: 'string', maxLength: 32_768 },
        lastTransitionTime: { type: 'string', format: 'date-time' },
        observedGeneration: { type: 'integer', format: 'int64', minimum: 0 },
      },
    },
  };
  const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const status = { ...anything, properties: { conditions } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          ...(hasStatus && { subresources: { status: {} } }),
          schema: { openAPIV3Schema: { type: 'object', properties: { spec: anything, status } } },
        },
      ],
    },
  };
}
