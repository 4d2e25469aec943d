const texts = { type: 'object', additionalProperties: { type: 'string' } };
const duration = {
  type: 'string',
  pattern: '^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$',
};

const rule = {
  type: 'object',
  required: ['expr'],
  properties: {
    alert: { type: 'string' },
    annotations: texts,
    expr: { anyOf: [{ type: 'integer' }, { type: 'string' }], 'x-kubernetes-int-or-string': true },
    for: duration,
    keep_firing_for: { ...duration, minLength: 1 },
    labels: texts,
    record: { type: 'string' },
  },
};

const group = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string', minLength: 1 },
    interval: duration,
    labels: texts,
    limit: { type: 'integer' },
    partial_response_strategy: { type: 'string', pattern: '^(?i)(abort|warn)?$' },
    query_offset: duration,
    rules: { type: 'array', items: rule },
  },
};

/** The Prometheus Operator's CRD of rules, without its descriptions; unknown fields are refused. */
export const prometheusRuleCrd = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'prometheusrules.monitoring.coreos.com' },
  spec: {
    group: 'monitoring.coreos.com',
    scope: 'Namespaced',
    names: {
      kind: 'PrometheusRule',
      listKind: 'PrometheusRuleList',
      plural: 'prometheusrules',
      singular: 'prometheusrule',
      shortNames: ['promrule'],
    },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            required: ['spec'],
            properties: {
              spec: {
                type: 'object',
                properties: {
                  groups: {
                    type: 'array',
                    items: group,
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['name'],
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
};
