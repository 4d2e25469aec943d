import type { MutatedPart } from './mutation.ts';

const condition = 'trigger/firing-condition.ts';
const found = 'trigger/found-objects.ts';
const chooser = 'trigger/trigger-chooser.ts';
const moment = 'trigger/firing-targets.ts';
const action = 'controller/action/trigger-conditions.ts';

export const triggerConditions: MutatedPart = {
  name: 'trigger-conditions',
  tests: ['trigger/firing-condition.test.ts', 'app/triggers.test.ts'],
  mutations: [
    {
      file: condition,
      from: "this.#ranks.size + Number(severity === '')",
      to: 'this.#ranks.size',
      means: 'no severity is as bad as an unknown one',
    },
    {
      file: condition,
      from: 'this.compare(b.labels, a.labels) < 0 ? b : a',
      to: 'this.compare(b.labels, a.labels) < 0 ? a : b',
      means: 'the least bad alert decides',
    },
    {
      file: condition,
      from: "valueOf(texts, 'summary').trim() || valueOf(texts, 'description').trim()",
      to: "valueOf(texts, 'description').trim() || valueOf(texts, 'summary').trim()",
      means: 'the description goes before the summary',
    },
    {
      file: found,
      from: 'if (keys.has(cause.key)) return;',
      to: 'if (known !== undefined) return;',
      means: 'only the first alert that leads to an object is its cause',
    },
    {
      file: chooser,
      from: "heldNow(trigger, clock.now()) !== 'suspended'",
      to: "heldNow(trigger, clock.now()) !== 'observed'",
      means: 'a suspended trigger wakes',
    },
    {
      file: chooser,
      from: 'if (!inhibited.keeps(trigger, cause, firing)) awake.add(cause);',
      to: 'if (inhibited.keeps(trigger, cause, firing)) awake.add(cause);',
      means: 'an inhibited alert wakes',
    },
    {
      file: moment,
      from: 'return this.#options.order.worse(named, owned);',
      to: 'return named;',
      means: 'the alert of a pod is not that of its owner',
    },
    {
      file: action,
      from: 'if (error.isLasting || !isPresent)',
      to: 'if (!isPresent)',
      means: 'a condition is never Unknown',
    },
    {
      file: action,
      from: 'if (!isKept) results.push',
      to: 'if (isKept) results.push',
      means: 'a condition stays when its last trigger ends',
    },
    {
      file: action,
      from: 'if (triggers.mayStillName(trigger, request, type)) keys.add(trigger);',
      to: 'if (triggers.mayStillName(trigger, request, type)) keys.delete(trigger);',
      means: 'an object is forgotten when the alert that led to it ends',
    },
  ],
};
