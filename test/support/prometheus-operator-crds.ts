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
      properties: { matchLabels: { type: 'object', additionalProperties: { type: 'string' } } },
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

export const prometheusRuleCrd = crdOf('PrometheusRule', {
  type: 'object',
  properties: {
    groups: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name'],
        properties: {
          name: { type: 'string' },
          interval: { type: 'string' },
          limit: { type: 'integer' },
          rules: {
            type: 'array',
            items: {
              type: 'object',
              required: ['expr'],
              properties: {
                alert: { type: 'string' },
                record: { type: 'string' },
                expr: { 'x-kubernetes-int-or-string': true },
                for: { type: 'string' },
                keep_firing_for: { type: 'string' },
                labels: texts,
                annotations: texts,
              },
            },
          },
        },
      },
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
