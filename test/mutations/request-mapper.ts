import type { MutatedPart } from './mutation.ts';

const file = 'source/request-mapper.ts';

export const requestMapper: MutatedPart = {
  name: 'request mapper',
  tests: ['source/request-mapper.test.ts'],
  mutations: [
    { file, from: 'all: everyPipeline,', to: 'all: pipelinesNamedByLabels,', means: '`all` looks at labels' },
    {
      file,
      from: 'causes.incomplete || causes.alerts.size === 0',
      to: 'causes.alerts.size === 0',
      means: 'alerts that are counted but no longer named wake nobody',
    },
    {
      file,
      from: 'causes.incomplete || causes.alerts.size === 0',
      to: 'causes.incomplete',
      means: 'an event without alerts, as at the start, wakes nobody',
    },
    {
      file,
      from: 'choice.kind === undefined && choice.name === undefined',
      to: 'choice.name === undefined',
      means: 'an alert about a kind wakes every other kind',
    },
    {
      file,
      from: 'if (choice === undefined) continue;',
      to: 'if (choice === undefined) return pipelines;',
      means: 'labels that contradict themselves wake everybody',
    },
    {
      file,
      from: '      choices.has(choiceKey(kind, undefined)) ||\n',
      to: '',
      means: 'an alert about a whole kind wakes nobody',
    },
    { file, from: '?.startsWith(alertPrefix)', to: '?.includes(alertPrefix)', means: 'the kind anywhere in the name' },
    { file, from: 'kind.toLowerCase()', to: 'kind', means: 'the type of a pipeline is no kind' },
    {
      file,
      from: 'byPrefix === undefined || byPrefix === byType ?',
      to: 'byType !== undefined ?',
      means: 'the type wins over the name that contradicts it',
    },
    {
      file,
      from: 'Object.hasOwn(labels, name) ? labels[name] : undefined',
      to: 'labels[name]',
      means: 'what every object has is a label',
    },
  ],
};
