import type { JsonSchema } from './config-schema.ts';
import type { CustomResourceDefinition } from './trigger-crds.ts';

/** The CustomResourceDefinition of `silences.tocsin.dev`: the silences of a Tocsin that keeps them in the cluster. */
export function silenceCrd(): CustomResourceDefinition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'silences.tocsin.dev' },
    spec: {
      group: 'tocsin.dev',
      scope: 'Namespaced',
      names: {
        kind: 'Silence',
        listKind: 'SilenceList',
        plural: 'silences',
        singular: 'silence',
        categories: ['tocsin'],
      },
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema: schema },
        },
      ],
    },
  };
}

const columns: readonly object[] = [
  {
    name: 'State',
    type: 'string',
    jsonPath: '.status.state',
    description: 'Pending, Active, Expired or Invalid. Empty: no Tocsin has seen it yet.',
  },
  { name: 'Matchers', type: 'string', jsonPath: '.status.matchers' },
  { name: 'Ends', type: 'string', jsonPath: '.spec.endsAt' },
  { name: 'By', type: 'string', jsonPath: '.spec.createdBy' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  { name: 'Starts', type: 'string', jsonPath: '.spec.startsAt', priority: 1 },
  { name: 'ID', type: 'string', jsonPath: '.status.id', priority: 1, description: 'The id for amtool and the API.' },
  { name: 'Comment', type: 'string', jsonPath: '.spec.comment', priority: 1 },
  { name: 'Message', type: 'string', jsonPath: '.status.message', priority: 1, description: 'Why it is Invalid.' },
];

const time = (description: string): JsonSchema => ({ type: 'string', format: 'date-time', description });

/** Larger than `receiver.max_silence_size` can be: that limit is the one that counts. */
const maxTextLength = 1_048_576;

const spec: JsonSchema = {
  type: 'object',
  description:
    'Which alerts are silenced, from when until when, by whom and why. All of it may be changed at any time.',
  required: ['matchers', 'endsAt', 'createdBy', 'comment'],
  properties: {
    matchers: {
      type: 'array',
      minItems: 1,
      'x-kubernetes-list-type': 'atomic',
      items: { type: 'string', minLength: 1, maxLength: maxTextLength },
      description:
        'An alert is silenced if all of them match. Each is a matcher of Prometheus: alertname=~"Postgres.*", namespace="shop", team!="a", job!~"test-.*". Regular expressions are RE2 and anchored at both ends. At least one has to refuse an empty value, so that no silence is for every alert by mistake.',
    },
    startsAt: time('When it starts. Default: when the object was created.'),
    endsAt: time(
      'When it ends, such as 2026-12-24T18:00:00Z. To end it now, set a time in the past or delete the object.',
    ),
    createdBy: { type: 'string', maxLength: maxTextLength, description: 'Who is to be asked about it.' },
    comment: { type: 'string', maxLength: maxTextLength, description: 'Why, such as the number of a ticket.' },
    annotations: {
      type: 'object',
      additionalProperties: { type: 'string', maxLength: maxTextLength },
      description: 'Further texts for people and tools, as in the API of Alertmanager. Tocsin only shows them.',
    },
  },
  'x-kubernetes-validations': [
    {
      rule: '!has(self.startsAt) || self.startsAt <= self.endsAt',
      message: 'a silence cannot end before it starts',
      fieldPath: '.endsAt',
    },
  ],
};

const status: JsonSchema = {
  type: 'object',
  description: 'Written by Tocsin alone, by the replica that leads.',
  properties: {
    state: {
      type: 'string',
      enum: ['Pending', 'Active', 'Expired', 'Invalid'],
      description:
        'Pending: it starts later. Active: what it matches wakes nothing. Expired: it has ended. Invalid: it silences nothing until it is mended; message says why.',
    },
    message: { type: 'string', description: 'Why it is Invalid.' },
    matchers: { type: 'string', description: 'The matchers of the spec in one line, for kubectl get.' },
    id: {
      type: 'string',
      description:
        'The id by which amtool and the API know it: the name of the object if that is a UUID, otherwise metadata.uid.',
    },
    observedGeneration: {
      type: 'integer',
      format: 'int64',
      minimum: 0,
      description: 'The metadata.generation that the status is about.',
    },
  },
};

const schema: JsonSchema = {
  type: 'object',
  description:
    'Silence keeps alerts from waking anything while it lasts. Tocsin shows what it matches as suppressed. Silences of amtool and of the API are such objects, too, named by their ids. Tocsin reads those of one namespace, its own by default, and only if receiver.silence_storage says that silences are kept in the cluster; a Silence in another namespace does nothing.',
  required: ['spec'],
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { type: 'object' },
    spec,
    status,
  },
};
