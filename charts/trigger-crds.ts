import { triggerSpec } from './trigger-spec-schema.ts';
import type { JsonSchema } from './config-schema.ts';

/** A kind of `tocsin.dev`: who writes it, and where. */
interface TriggerKind {
  readonly kind: 'AlertTrigger' | 'ClusterAlertTrigger';
  readonly scope: 'Namespaced' | 'Cluster';
  readonly shortName: string;
  readonly description: string;
}

const kinds: readonly TriggerKind[] = [
  {
    kind: 'AlertTrigger',
    scope: 'Namespaced',
    shortName: 'at',
    description:
      "AlertTrigger says which alerts of a namespace wake which objects of that namespace, and what is done to them then. It sees only alerts with its own namespace in the label `namespace`. It does nothing unless the cluster's owner takes triggers from this namespace (triggers.from_namespaces in the configuration of Tocsin); the condition Accepted tells.",
  },
  {
    kind: 'ClusterAlertTrigger',
    scope: 'Cluster',
    shortName: 'cat',
    description:
      'ClusterAlertTrigger says which alerts wake which objects, in every namespace and of cluster-scoped kinds, and what is done to them then. It belongs to the owner of the cluster. The first one that is accepted takes the place of source.select and controller.action in the configuration of Tocsin (triggers.default: auto).',
  },
];

export interface CustomResourceDefinition {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: object;
}

/** The CustomResourceDefinitions of triggers. */
export function triggerCrds(): readonly CustomResourceDefinition[] {
  return kinds.map(crd);
}

function crd({ kind, scope, shortName, description }: TriggerKind): CustomResourceDefinition {
  const singular = kind.toLowerCase();
  const plural = `${singular}s`;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.tocsin.dev` },
    spec: {
      group: 'tocsin.dev',
      scope,
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames: [shortName], categories: ['tocsin'] },
      versions: [version(kind, description)],
    },
  };
}

function version(kind: TriggerKind['kind'], description: string): object {
  return {
    name: 'v1alpha1',
    served: true,
    storage: true,
    subresources: { status: {} },
    additionalPrinterColumns: columns,
    schema: {
      openAPIV3Schema: {
        type: 'object',
        description,
        required: ['spec'],
        properties: {
          apiVersion: { type: 'string' },
          kind: { type: 'string' },
          metadata: { type: 'object' },
          spec: triggerSpec(kind),
          status,
        },
      },
    },
  };
}

const columns: readonly object[] = [
  conditionColumn('Accepted'),
  conditionColumn('Ready'),
  { name: 'Mode', type: 'string', jsonPath: '.spec.mode' },
  {
    name: 'Last Fired',
    type: 'date',
    jsonPath: '.status.lastFired.time',
    description: 'The last time that an alert woke this trigger.',
  },
  {
    name: 'Runs',
    type: 'integer',
    jsonPath: '.status.counts.runs',
    description: 'How often something was done to an object, or would have been in the mode observe.',
  },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  { name: 'Alert', type: 'string', jsonPath: '.status.lastFired.alert', priority: 1 },
  { name: 'Suspended Until', type: 'string', jsonPath: '.spec.suspend.until', priority: 1 },
  {
    name: 'Reason',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Ready")].message',
    priority: 1,
    description: 'Why it is ready, or why not.',
  },
];

function conditionColumn(type: string): object {
  return { name: type, type: 'string', jsonPath: `.status.conditions[?(@.type=="${type}")].status` };
}

const count = (description: string): JsonSchema => ({ type: 'integer', format: 'int64', minimum: 0, description });

/** metav1.Condition. */
const condition: JsonSchema = {
  type: 'object',
  required: ['lastTransitionTime', 'message', 'reason', 'status', 'type'],
  properties: {
    type: { type: 'string', maxLength: 316 },
    status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
    reason: {
      type: 'string',
      minLength: 1,
      maxLength: 1024,
      pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
      description: 'A word for programs.',
    },
    message: { type: 'string', maxLength: 32768, description: 'A sentence for people.' },
    lastTransitionTime: { type: 'string', format: 'date-time' },
    observedGeneration: { type: 'integer', format: 'int64', minimum: 0 },
  },
};

const status: JsonSchema = {
  type: 'object',
  description: 'Written by Tocsin alone: what it made of the spec, and what came of it.',
  properties: {
    observedGeneration: {
      type: 'integer',
      format: 'int64',
      minimum: 0,
      description:
        'The metadata.generation that the status is about. A lower number means that Tocsin has not seen it yet.',
    },
    conditions: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
      description:
        'Accepted: the spec is valid and may be used; otherwise the trigger does nothing. TargetsResolved: the objects can be found and written. Ready: both. Suppressed: it is suspended or only observes, or an alert inhibits it. Throttled: runs wait for minInterval or budget. The last two are there only while they are so.',
      items: condition,
    },
    clamped: {
      type: 'array',
      'x-kubernetes-list-type': 'atomic',
      items: { type: 'string' },
      description: "What the limits of the cluster's owner changed in the spec, in a sentence each.",
    },
    lastFired: {
      type: 'object',
      description: 'The last event that woke the trigger.',
      properties: {
        alert: { type: 'string', description: 'The alertname of its newest alert.' },
        time: { type: 'string', format: 'date-time' },
        eventId: { type: 'string', description: 'As in the log and the history of Tocsin: `tocsin why` takes it.' },
      },
    },
    counts: {
      type: 'object',
      description: 'Written at most every 10 seconds, and kept when Tocsin restarts.',
      properties: {
        matched: count('Alerts that matched and woke the trigger, each time that they did.'),
        runs: count(
          'Runs for an object that did something or had nothing to do; in the mode observe those that would have been.',
        ),
        failed: count('Runs that failed; they are tried again.'),
        throttled: count('Runs that had to wait for minInterval, budget or the storm guard. None is lost.'),
        suppressed: count('Alerts that matched and woke nothing: silenced, inhibited or suspended.'),
      },
    },
  },
};
