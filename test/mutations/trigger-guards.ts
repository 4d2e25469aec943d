import type { MutatedPart } from './mutation.ts';

const state = 'trigger/guard/guard-state.ts';
const times = 'trigger/guard/run-times.ts';
const storm = 'trigger/guard/storm-guard.ts';
const set = 'kubernetes/trigger-resources/trigger-set.ts';
const lanes = 'cause/platform-alerts.ts';

export const triggerGuards: MutatedPart = {
  name: 'trigger guards',
  tests: [
    'trigger/guard/run-times.test.ts',
    'trigger/guard/guard-state.test.ts',
    'trigger/guard/storm-guard.test.ts',
    'trigger/guard/run-guard.test.ts',
    'cause/platform-alerts.test.ts',
    'kubernetes/trigger-resources/trigger-set.test.ts',
  ],
  mutations: [
    { file: state, from: 'last + minIntervalMs;', to: 'last;', means: 'there is no least interval' },
    {
      file: state,
      from: 'Math.max(afterLast, first + budget.perMs)',
      to: 'afterLast',
      means: 'there is no budget',
    },
    {
      file: state,
      from: 'runs.newest(budget.runs, uid)',
      to: 'runs.newest(budget.runs + 1, uid)',
      means: 'a budget has one run more',
    },
    {
      file: state,
      from: 'Math.max(afterLast, first + budget.perMs)',
      to: 'first + budget.perMs',
      means: 'a budget ends the least interval',
    },
    {
      file: times,
      from: 'run.uid === undefined || uid === undefined || run.uid === uid;',
      to: 'run.uid === uid;',
      means: 'a run of an object whose uid was not known does not count',
    },
    {
      file: storm,
      from: 'return known > objects && touched > share * known;',
      to: 'return known > objects;',
      means: 'every event is a storm where there are many objects',
    },
    {
      file: storm,
      from: 'return known > objects && touched > share * known;',
      to: 'return touched > share * known;',
      means: 'an event of few objects is a storm',
    },
    {
      file: storm,
      from: 'const known = Math.max(objectCount(), touched);\n    return',
      to: 'const known = objectCount();\n    return',
      means: 'names that only an alert gives are not known',
    },
    {
      file: set,
      from: "optOutLabel !== null && labels[optOutLabel] === 'false'",
      to: "optOutLabel !== null && labels[optOutLabel] === 'no'",
      means: 'nobody can opt out',
    },
    {
      file: set,
      from: 'if (excluded.includes(namespace))',
      to: 'if (excluded[0] === namespace)',
      means: 'only the first excluded namespace is excluded',
    },
    {
      file: set,
      from: "if (from === 'labelled' && !selects(labels))",
      to: "if (from === 'labelled' && selects(labels))",
      means: 'the namespaces without the label are taken',
    },
    {
      file: set,
      from: '[maxPerNamespace - 1];',
      to: '[maxPerNamespace];',
      means: 'a namespace has one trigger more than it may',
    },
    {
      file: lanes,
      from: 'this.#matchers.length > 0 && this.#matchers.every(',
      to: 'this.#matchers.length > 0 && this.#matchers.some(',
      means: 'one matcher is enough for the lane of the platform',
    },
    {
      file: lanes,
      from: "type === '=' ? matcher.value : undefined",
      to: "type !== '=' ? matcher.value : undefined",
      means: 'an expression is searched for as a text, so its alerts are none of the platform',
    },
  ],
};
