// The parts of the Prometheus Operator's CRDs that an API server needs; it refuses unknown fields.

const secret = {
  type: 'object',
  required: ['key'],
  properties: { name: { type: 'string' }, key: { type: 'string' } },
};

const texts = { type: 'object', additionalProperties: { type: 'string' } };

export const serviceMonitorCrd = crdOf('ServiceMonitor', {
  type: 'object',
  required: ['endpoints', 'selector'],
  properties: {
    selector: {
      type: 'object',
      properties: {
        matchLabels: texts,
        matchExpressions: {
          type: 'array',
          items: { type: 'object', properties: { key: { type: 'string' }, operator: { type: 'string' } } },
        },
      },
    },
    endpoints: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          port: { type: 'string' },
          path: { type: 'string' },
          interval: { type: 'string' },
          scheme: { type: 'string', enum: ['http', 'https'] },
          tlsConfig: {
            type: 'object',
            properties: {
              serverName: { type: 'string' },
              ca: { type: 'object', properties: { secret } },
            },
          },
        },
      },
    },
  },
});

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

export const prometheusRuleCrd = crdOf('PrometheusRule', {
  type: 'object',
  properties: {
    groups: {
      type: 'array',
      items: group,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    },
  },
});

function crdOf(kind: string, spec: object): object {
  const singular = kind.toLowerCase();
  const schema = { openAPIV3Schema: { type: 'object', required: ['spec'], properties: { spec } } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${singular}s.monitoring.coreos.com` },
    spec: {
      group: 'monitoring.coreos.com',
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural: `${singular}s`, singular },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  };
}
