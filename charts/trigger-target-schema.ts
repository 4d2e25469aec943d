import type { JsonSchema } from './config-schema.ts';

const placeText = 'It may hold values of the alert, such as {{ labels.pod }} or {{ annotations.name }}.';

/** A text that may hold values of the alert. */
export function template(description: string, maxLength = 1024): JsonSchema {
  return { type: 'string', minLength: 1, maxLength, description };
}

const kindName: JsonSchema = {
  type: 'string',
  minLength: 1,
  maxLength: 63,
  pattern: '^[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?$',
};

/** The schema of `spec.targets`. */
export function targets(isNamespaced: boolean): JsonSchema {
  return {
    type: 'array',
    minItems: 1,
    maxItems: 100,
    'x-kubernetes-list-type': 'atomic',
    description:
      'The objects to wake. Each entry names one (apiVersion, kind, name), selects some (apiVersion, kind, selector), or asks what owns a pod (ownerOf).',
    items: target(isNamespaced),
  };
}

function target(isNamespaced: boolean): JsonSchema {
  const namespace = isNamespaced
    ? "The namespace of the object, if it is not that of the trigger. The cluster's owner has to allow it (triggers.allowed_targets, or the label tocsin.dev/namespace on the object)."
    : 'The namespace of the object. Without it the kind is cluster-scoped, or the selector selects in every namespace.';
  return {
    type: 'object',
    properties: {
      apiVersion: {
        type: 'string',
        minLength: 1,
        maxLength: 317,
        pattern: '^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?v[0-9]+([a-z]+[0-9]+)?$',
        description: 'GROUP/VERSION of the object, such as postgresql.cnpg.io/v1, or v1 for the core group.',
      },
      kind: { ...kindName, description: 'The kind of the object, such as Cluster.' },
      namespace: template(`${namespace} ${placeText}`),
      name: template(`The name of the object. ${placeText} An alert that gives no valid name hits nothing.`),
      selector,
      ownerOf,
    },
    'x-kubernetes-validations': targetRules,
  };
}

const targetRules: readonly JsonSchema[] = [
  {
    rule: '[has(self.name), has(self.selector), has(self.ownerOf)].exists_one(x, x)',
    message: 'a target has exactly one of name, selector and ownerOf',
  },
  {
    rule: 'has(self.ownerOf) || (has(self.apiVersion) && has(self.kind))',
    message: 'a target with a name or a selector needs apiVersion and kind',
    reason: 'FieldValueRequired',
  },
  {
    rule: '!has(self.ownerOf) || (!has(self.apiVersion) && !has(self.kind))',
    message: 'a target with ownerOf has neither apiVersion nor kind: ownerOf.kind says where to stop',
    reason: 'FieldValueForbidden',
  },
];

const selector: JsonSchema = {
  type: 'object',
  description: 'Selects objects by their labels, as everywhere in Kubernetes. An empty selector selects all.',
  properties: {
    matchLabels: {
      type: 'object',
      maxProperties: 50,
      description: 'Labels that an object has to have, each with this value.',
      additionalProperties: { type: 'string', maxLength: 63 },
    },
    matchExpressions: {
      type: 'array',
      maxItems: 50,
      description: 'Requirements that the labels of an object have to meet, all of them.',
      'x-kubernetes-list-type': 'atomic',
      items: {
        type: 'object',
        required: ['key', 'operator'],
        properties: {
          key: { type: 'string', minLength: 1, maxLength: 317, description: 'The label.' },
          operator: {
            type: 'string',
            enum: ['In', 'NotIn', 'Exists', 'DoesNotExist'],
            description: 'How its value is compared.',
          },
          values: {
            type: 'array',
            maxItems: 50,
            description: 'For In and NotIn.',
            'x-kubernetes-list-type': 'atomic',
            items: { type: 'string', maxLength: 63 },
          },
        },
        'x-kubernetes-validations': [
          {
            rule: "(self.operator == 'In' || self.operator == 'NotIn') == (has(self.values) && size(self.values) > 0)",
            message: 'In and NotIn need values, Exists and DoesNotExist have none',
          },
        ],
      },
    },
  },
};

const ownerOf: JsonSchema = {
  type: 'object',
  required: ['pod'],
  description:
    'What owns a pod: the top of its owner references, such as the custom resource of an operator, or the first owner of a kind. A pod that is gone is remembered for an hour.',
  properties: {
    pod: template(`The name of the pod, as a rule '{{ labels.pod }}'. The pod is in the namespace of the target.`),
    kind: { ...kindName, description: 'The kind at which to stop, such as StatefulSet. Default: the top.' },
  },
};
