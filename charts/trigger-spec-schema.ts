import type { JsonSchema } from './config-schema.ts';
import { targets, template } from './trigger-target-schema.ts';

/**
 * The schema of `spec` of both kinds. A test holds it equal to what Tocsin itself reads. What no schema can say is a rule in CEL; what only
 * a cluster knows is in the status.
 */
export function triggerSpec(kind: 'AlertTrigger' | 'ClusterAlertTrigger'): JsonSchema {
  const isNamespaced = kind === 'AlertTrigger';
  return {
    type: 'object',
    description:
      'Matchers choose alerts, targets choose objects, and action says what is done to them. The rest guards against too much.',
    required: ['targets', 'action'],
    properties: {
      matchers: matchers(
        isNamespaced
          ? 'Which alerts wake the targets: all matchers have to match, as in a silence. An alert also has to have the namespace of this object in its label `namespace`. Without matchers every alert of the namespace does.'
          : 'Which alerts wake the targets: all matchers have to match, as in a silence. Without matchers every alert does.',
      ),
      inhibitedBy,
      targets: targets(isNamespaced),
      action,
      minInterval: duration(
        'The least time between two runs for one object, such as 30s. Causes that come in between are kept and merged into the next run. The cluster has a floor (triggers.limits.min_interval), which also holds where nothing is said.',
      ),
      budget,
      mode: {
        type: 'string',
        enum: ['enforce', 'observe'],
        default: 'enforce',
        description: 'observe decides and tells (log, history, status), and does nothing to any object.',
      },
      suspend,
    },
    'x-kubernetes-validations': specRules,
  };
}

const specRules: readonly JsonSchema[] = [
  {
    rule: "!has(self.action.annotate) || !has(self.action.annotate.preset) || self.action.annotate.preset != 'restart' || has(self.budget)",
    message:
      'action.annotate.preset restart needs a budget, such as budget: {runs: 3, per: 1h}: a restart may cause the alert again',
    fieldPath: '.budget',
    reason: 'FieldValueRequired',
  },
  {
    rule: "!has(self.action.condition) || has(self.action.condition.type) || self.targets.all(t, has(t.apiVersion) && t.apiVersion.startsWith('telemetry.kyma-project.io/'))",
    message:
      'action.condition needs a type, such as AlertsQuiet; only pipelines of telemetry.kyma-project.io have a type of their own',
    fieldPath: '.action.condition',
    reason: 'FieldValueRequired',
  },
];

function duration(description: string): JsonSchema {
  return {
    type: 'string',
    minLength: 1,
    maxLength: 64,
    pattern: '^(0|([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$',
    description,
  };
}

function matchers(description: string): JsonSchema {
  return {
    type: 'array',
    maxItems: 100,
    'x-kubernetes-list-type': 'atomic',
    items: { type: 'string', minLength: 1, maxLength: 4096 },
    description: `${description} Each is a matcher of Prometheus: alertname=~"Postgres.*", severity="critical", team!="a", job!~"test-.*". Regular expressions are RE2 and anchored at both ends.`,
  };
}

const inhibitedBy: JsonSchema = {
  type: 'array',
  maxItems: 20,
  'x-kubernetes-list-type': 'atomic',
  description:
    'While an alert fires that matches one of these, the alerts of this trigger wake nothing; if they still fire when it ends, they do then. The alert is one of the same namespace or of the platform, such as NodeDown.',
  items: {
    type: 'object',
    required: ['matchers'],
    properties: {
      matchers: { ...matchers('Which alert inhibits.'), minItems: 1 },
      equal: {
        type: 'array',
        maxItems: 20,
        'x-kubernetes-list-type': 'atomic',
        items: { type: 'string', minLength: 1, maxLength: 256 },
        description:
          'Labels that have to have the same value in both alerts, such as node. A label that both lack is equal.',
      },
    },
  },
};

const presets = ['flux', 'argocd', 'crossplane', 'external-secrets', 'restart'] as const;

const action: JsonSchema = {
  type: 'object',
  description: 'What is done to the targets: exactly one of condition, annotate and log.',
  properties: {
    condition: {
      type: 'object',
      description:
        'Writes an entry into status.conditions: False with the name of the worst alert that fires for the object as its reason, True while none fires, Unknown while Prometheus cannot be asked.',
      properties: {
        type: {
          type: 'string',
          minLength: 1,
          maxLength: 316,
          pattern: '^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$',
          description:
            'The type of the condition, such as AlertsQuiet. Only for the pipelines of Kyma may it be left out: they then get TelemetryFlowHealthy by the health rules.',
        },
      },
    },
    annotate: {
      type: 'object',
      description:
        'Sets an annotation, so that the operator of the object looks at it again. Either preset, or key and value.',
      properties: {
        preset: {
          type: 'string',
          enum: presets,
          description:
            'The annotation that an operator waits for. restart sets kubectl.kubernetes.io/restartedAt on the pod template, as `kubectl rollout restart` does, and needs a budget.',
        },
        key: {
          type: 'string',
          minLength: 1,
          maxLength: 317,
          pattern: '^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$',
          description: 'The key of the annotation.',
        },
        value: template(
          'The value of the annotation. It may hold {{ labels.x }}, {{ annotations.x }}, {{ alertname }} and {{ now }}, the time of the newest alert.',
          4096,
        ),
      },
      'x-kubernetes-validations': [
        {
          rule: 'has(self.preset) ? !has(self.key) && !has(self.value) : has(self.key) && has(self.value)',
          message: 'annotate has either preset, or key and value',
        },
      ],
    },
    log: { type: 'object', description: 'Does nothing to the object; a line of the log says that it was woken.' },
  },
  'x-kubernetes-validations': [
    {
      rule: '[has(self.condition), has(self.annotate), has(self.log)].exists_one(x, x)',
      message: 'action has exactly one of condition, annotate and log',
    },
  ],
};

const budget: JsonSchema = {
  type: 'object',
  required: ['runs', 'per'],
  description:
    'At most so many runs for one object in any window of this length. What is over it waits for its turn; nothing is dropped. It also stops a circle in which a run causes the alert again.',
  properties: {
    runs: { type: 'integer', format: 'int32', minimum: 1, maximum: 1000, description: 'How many runs.' },
    per: duration('The length of the window, such as 1h.'),
  },
};

const suspend: JsonSchema = {
  type: 'object',
  required: ['reason'],
  description: 'Switches the trigger off while this is there. What fires when it ends is an event then.',
  properties: {
    reason: { type: 'string', minLength: 1, maxLength: 256, description: 'Why, for whoever reads the status.' },
    until: {
      type: 'string',
      format: 'date-time',
      description: 'When it ends by itself. Without it: when suspend is taken out.',
    },
  },
};
