import type { MutatedPart } from './mutation.ts';

const file = 'health/flow-health.ts';

export const condition: MutatedPart = {
  name: 'condition',
  tests: ['health/flow-health.test.ts'],
  mutations: [
    {
      file,
      from: '({ type }) => type === desired.type',
      to: '({ status }) => status === desired.status',
      means: 'a condition of somebody else is written over',
    },
    {
      file,
      from: 'condition === existing || condition.type !== desired.type',
      to: 'condition !== undefined',
      means: 'a condition that stands twice goes on standing twice',
    },
    {
      file,
      from: 'rest.length === current.length && equals(existing, desired)',
      to: 'equals(existing, desired)',
      means: 'twice the same is nothing to write',
    },
    {
      file,
      from: 'existing.observedGeneration === desired.observedGeneration',
      to: 'existing.type === desired.type',
      means: 'a new specification is never answered',
    },
    { file, from: '    existing.message === desired.message &&\n', to: '', means: 'a new message is not written' },
    {
      file,
      from: '[...current, updated]',
      to: '[updated, ...current]',
      means: 'a new condition goes to the front',
    },
    {
      file,
      from: "existing?.status === desired.status ? existing.lastTransitionTime : ''",
      to: "existing?.reason === desired.reason ? existing.lastTransitionTime : ''",
      means: 'the time of a transition moves with the reason',
    },
    {
      file,
      from: 'return kept || inWholeSeconds(nowMs);',
      to: 'return existing?.status === desired.status ? kept : inWholeSeconds(nowMs);',
      means: 'a time that is missing stays missing, and Kubernetes refuses it all',
    },
    {
      file,
      from: 'existing?.status === to && existing.reason === reason',
      to: 'existing?.status === to',
      means: 'a new reason is no transition',
    },
    {
      file,
      from: ".replace(/\\.\\d+Z$/, 'Z')",
      to: '',
      means: 'a time with milliseconds, which Kubernetes does not write',
    },
  ],
};
