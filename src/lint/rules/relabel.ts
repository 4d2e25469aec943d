import { showPath } from '../../config/settings/show-value.ts';
import type { Rule, RuleContext } from '../rule.ts';
import { FileShape, type Spot } from '../shape.ts';
import { checkChoice } from './sections.ts';

interface Action {
  readonly needs?: readonly string[];
  /** The only keys that it takes. */
  readonly only?: readonly string[];
  readonly never?: readonly string[];
}

/** A value that is the default is as good as none. */
const defaults: Readonly<Record<string, string>> = {
  regex: '(.*)',
  replacement: '$1',
  separator: ';',
  modulus: '0',
  target_label: '',
};

const target = ['target_label'];
const equal: Action = { needs: target, only: ['source_labels', 'target_label'] };
const regexOnly: Action = { only: ['regex'] };

const actions: Readonly<Record<string, Action>> = {
  replace: { needs: target },
  keep: {},
  drop: {},
  hashmod: { needs: ['target_label', 'modulus'] },
  labelmap: {},
  labeldrop: regexOnly,
  labelkeep: regexOnly,
  lowercase: { needs: target, never: ['replacement'] },
  uppercase: { needs: target, never: ['replacement'] },
  keepequal: equal,
  dropequal: equal,
};

/** What each action of relabelling needs and takes. */
export const relabelRule: Rule = (context) => {
  for (const spot of FileShape.of(context.subject)?.spots(context.subject.root) ?? [])
    if (spot.type === 'relabel.Config' && spot.value.kind === 'map') checkRelabel(spot, context);
};

function checkRelabel(spot: Spot, context: RuleContext): void {
  const found = spot.value.get('action');
  const name = found?.text?.toLowerCase() ?? 'replace';
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action !== undefined) checkAction(name, action, spot, context);
  else if (found !== undefined) checkChoice(found, [...spot.path, 'action'], Object.keys(actions), context);
}

function checkAction(name: string, action: Action, { value, path }: Spot, { report }: RuleContext): void {
  for (const key of action.needs ?? []) {
    const text = value.get(key)?.text ?? '';
    if (text === '' || (key === 'modulus' && Number(text) === 0))
      report('missing-key', value, `${showPath(path)}: the action ${name} needs ${key}`, { hint: `add ${key}` });
  }
  for (const { key, keyRange, value: given } of value.entries)
    if (!isTaken(action, key) && (given.text === undefined || given.text !== defaults[key]))
      report('conflicting-keys', keyRange, `${showPath([...path, key])}: the action ${name} does not take it`, {
        hint: `remove ${key}`,
      });
}

function isTaken({ only, never }: Action, key: string): boolean {
  return (key === 'action' || only === undefined || only.includes(key)) && never?.includes(key) !== true;
}
