import type { MutatedPart } from './mutation.ts';

const condition = 'trigger/firing-condition.ts';
const found = 'trigger/found-objects.ts';
const chooser = 'trigger/trigger-chooser.ts';
const moment = 'trigger/firing-targets.ts';
const own = 'controller/action/own-conditions.ts';
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
      from: "heldNow(trigger, this.#options.clock.now()) !== 'suspended'",
      to: "heldNow(trigger, this.#options.clock.now()) !== 'observed'",
      means: 'a suspended trigger wakes',
    },
    {
      file: chooser,
      from: 'if (!(await inhibited.keeps(trigger, cause, { firing, slices }))) awake.add(cause);',
      to: 'if (await inhibited.keeps(trigger, cause, { firing, slices })) awake.add(cause);',
      means: 'an inhibited alert wakes',
    },
    {
      file: moment,
      from: 'return this.#options.order().worse(named.get(key)?.alert, owned);',
      to: 'return named.get(key)?.alert;',
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
      from: 'if (heirs.length === 0 && !isHealth)',
      to: 'if (heirs.length > 0 && !isHealth)',
      means: 'a condition stays when its last trigger ends',
    },
    {
      file: action,
      from: 'if (this.#own.isForeign(run, kept)) return this.#leave(run, kept);',
      to: 'if (this.#own.isForeign(run, kept)) this.#leave(run, kept);',
      means: 'the condition of another controller is overwritten',
    },
    {
      file: own,
      from: 'present !== undefined && this.isOwn(request, present, keepers) ? present : undefined',
      to: 'present',
      means: 'the condition of another controller is removed',
    },
    {
      file: condition,
      from: "if (status === 'True') return reason === noAlerts;",
      to: "if (status === 'True') return isNoted || reason === noAlerts;",
      means: 'a condition that another controller took over is fought for',
    },
    {
      file: action,
      from: 'if (triggers.mayStillName(trigger, request, type)) keys.add(trigger);',
      to: 'if (triggers.mayStillName(trigger, request, type)) keys.delete(trigger);',
      means: 'an object is forgotten when the alert that led to it ends',
    },
  ],
};
