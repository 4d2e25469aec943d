import { targetUses } from '../src/trigger/target-rights.ts';
import { ruleGroups } from '../src/rules/rule-files.ts';
import { configSchema, type JsonSchema } from './config-schema.ts';

const flag: JsonSchema = { type: 'boolean' };
const name: JsonSchema = { type: 'string', pattern: '^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$' };
const ports: JsonSchema = listOf({ type: 'integer', minimum: 1, maximum: 65535 });
const labels: JsonSchema = { type: 'object', additionalProperties: { type: 'string' } };

/** `from` and `to` of a NetworkPolicy. A peer without a selector would be everybody. */
const peers: JsonSchema = listOf({
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: {
    namespaceSelector: { type: 'object' },
    podSelector: { type: 'object' },
    ipBlock: {
      type: 'object',
      required: ['cidr'],
      properties: { cidr: { type: 'string', pattern: '/[1-9][0-9]*$' } },
    },
  },
});

/** The structure of a rule file; `tocsin lint` reads what is in it. */
const ruleFile: JsonSchema = mapOf({
  groups: listOf({
    type: 'object',
    required: ['name', 'rules'],
    properties: { name: { type: 'string', minLength: 1 }, rules: listOf({ type: 'object', required: ['expr'] }) },
  }),
});

const image: JsonSchema = mapOf({
  repository: { type: 'string', minLength: 1 },
  tag: { type: 'string' },
  digest: { type: 'string', pattern: '^(sha256:[0-9a-f]{64})?$' },
  pullPolicy: { enum: ['Always', 'IfNotPresent', 'Never'] },
  pullSecrets: listOf(name),
});

const persistence: JsonSchema = mapOf({
  enabled: flag,
  size: { type: 'string', pattern: '^[0-9.]+([KMGTPE]i?|m)?$' },
  storageClass: { type: 'string' },
  existingClaim: { type: 'string' },
  fsGroup: { type: ['integer', 'null'], minimum: 0 },
});

const networkPolicy: JsonSchema = mapOf({
  enabled: flag,
  alertsFrom: peers,
  prometheus: mapOf({ to: peers, ports }),
  alertmanager: mapOf({ to: peers, ports }),
  apiServer: mapOf({ cidrs: listOf({ type: 'string', pattern: '/[1-9][0-9]*$' }), ports }),
  dns: mapOf({ to: peers, ports }),
});

const monitoring: JsonSchema = mapOf({
  serviceMonitor: mapOf({
    enabled: flag,
    interval: { type: 'string', pattern: '^([0-9]+(ms|s|m|h))+$' },
    labels,
  }),
  rules: mapOf({
    enabled: flag,
    groups: listOf({ enum: ruleGroups }),
    format: { enum: ['PrometheusRule', 'ConfigMap'] },
    labels,
    runbookUrl: { type: 'string', pattern: '^(https?://.*[^/])?$' },
  }),
  dashboards: mapOf({ enabled: flag, labels }),
});

const triggers: JsonSchema = mapOf({
  enabled: flag,
  crds: flag,
  kinds: listOf({
    type: 'object',
    additionalProperties: false,
    required: ['group', 'resource', 'for'],
    properties: {
      group: { type: 'string', pattern: '^([a-z0-9]([-.a-z0-9]*[a-z0-9])?)?$' },
      resource: name,
      for: { type: 'array', minItems: 1, uniqueItems: true, items: { enum: targetUses } },
    },
  }),
});

const pod: JsonSchema = mapOf({
  labels,
  annotations: labels,
  args: listOf({ type: 'string', pattern: '^--' }),
  env: listOf({ type: 'object', required: ['name'] }),
  secrets: listOf(name),
  resources: { type: 'object' },
  terminationGracePeriodSeconds: { type: 'integer', minimum: 1 },
  nodeSelector: labels,
  tolerations: listOf({ type: 'object' }),
  affinity: { type: 'object' },
  priorityClassName: { type: 'string' },
});

/** The JSON Schema of `values.yaml`. Helm checks it before it renders anything. */
export function valuesSchema(): JsonSchema {
  const schema = mapOf({
    image,
    config: configSchema(),
    replicas: { type: 'integer', minimum: 1, maximum: 10 },
    rules: ruleFile,
    lint: flag,
    rollOnConfigChange: flag,
    annotate: flag,
    observe: flag,
    persistence,
    tls: mapOf({ enabled: flag, secretName: name }),
    kubernetesAuth: mapOf({ enabled: flag, audiences: listOf({ type: 'string', pattern: '^[!-~]+$' }) }),
    networkPolicy,
    monitoring,
    triggers,
    silences: mapOf({ enabled: flag, crds: flag }),
    admission: mapOf({
      enabled: flag,
      certManager: flag,
      secretName: name,
      caBundle: { type: 'string', pattern: '^[A-Za-z0-9+/=]*$' },
    }),
    pod,
    fullnameOverride: { type: 'string', pattern: '^([a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?)?$' },
    // Helm itself adds this one.
    global: { type: 'object' },
  });
  return { $schema: 'http://json-schema.org/draft-07/schema#', ...schema };
}

function mapOf(properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return { type: 'object', additionalProperties: false, properties };
}

function listOf(items: JsonSchema): JsonSchema {
  return { type: 'array', items };
}
