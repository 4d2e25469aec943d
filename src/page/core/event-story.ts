import { capital, tellFact } from './fact-sentence.ts';
import { textField, textsField, type Facts } from './facts.ts';
import type { Sentence } from './parts.ts';
import { triggerText } from '../../explain/words.ts';

/** The changes of conditions that the runs in these facts made: such a fact names its run, but not the event. */
export function changesOf(facts: Facts, changes: Facts): Facts {
  const runs = new Set(facts.flatMap((fact) => textField(fact, 'run') ?? []));
  return changes.filter((fact) => runs.has(textField(fact, 'run') ?? ''));
}

/** What an event was, and what it led to, in one sentence; undefined if the history no longer knows. */
export function tellEvent(facts: Facts): Sentence | undefined {
  const begin = facts.find(({ event }) => event === 'requests.enqueued' || event === 'event.emitted');
  const end = facts.find(({ event }) => event === 'sweep.finished');
  if (begin === undefined) return undefined;
  const trigger = textField(begin, 'trigger');
  const cause = trigger === undefined ? textsField(begin, 'causes').join(', ') : triggerText(trigger);
  if (end === undefined) return [`${capital(cause)}: its runs are not done yet.`];
  return [`${capital(cause)}: `, ...tellFact(end).sentence, '.'];
}
