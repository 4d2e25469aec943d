import type { Fact, Pipeline } from '../../explain/schema.ts';
import { showPipeline } from '../../explain/words.ts';
import { pipelineKeyOf, textField, type Facts } from './facts.ts';
import type { Link } from './link.ts';
import type { Matching } from './state.ts';

/** Steps on the way that a person rarely needs: they are shown if `steps` is set. */
const steps = new Set(['event.emitted', 'requests.enqueued', 'prometheus.queried', 'sweep.finished', 'log.level']);

/** True if a fact is a step on the way, and nothing that a person would look for first. */
export function isStep(fact: Fact): boolean {
  if (fact.level === 'warn' || fact.level === 'error') return false;
  if (fact.event === 'requests.enqueued') return fact['trigger'] !== 'manual';
  // The change is a fact of its own.
  if (fact.event === 'reconcile.finished') return fact['result'] === 'changed' || fact['because'] === 'unchanged';
  return steps.has(fact.event) || (fact.event === 'alerts.received' && fact['new'] === 0 && fact['resolved'] === 0);
}

interface Chooser {
  readonly link: Pick<Link, 'kind' | 'name' | 'state' | 'alert' | 'steps'>;
  /** The pipelines that the filters choose. */
  readonly pipelines: readonly Pipeline[];
  readonly matching: Matching | undefined;
}

/** The facts within a time that the filters choose, the newest first. A filter of pipelines leaves facts about pipelines alone. */
export function chosenFacts(facts: Facts, from: number, to: number, { link, pipelines, matching }: Chooser): Facts {
  const isFiltered = link.kind !== '' || link.name !== '' || link.state !== '';
  const names = new Set(isFiltered ? pipelines.map(showPipeline) : []);
  const isChosen = (fact: Fact): boolean => {
    if (!link.steps && isStep(fact)) return false;
    if (link.alert !== '' && !isAboutAlerts(fact, matching)) return false;
    return !isFiltered || names.has(pipelineKeyOf(fact) ?? '');
  };
  // Times of facts have one form, so their texts sort as they do.
  const [first, last] = [timeText(from), timeText(to)];
  const chosen: Fact[] = [];
  for (let index = facts.length - 1; index >= 0; index--) {
    const fact = facts[index]!;
    if (fact.time >= first && fact.time <= last && isChosen(fact)) chosen.push(fact);
  }
  return chosen;
}

function timeText(time: number): string {
  return Number.isFinite(time) ? new Date(time).toISOString() : '9';
}

function isAboutAlerts(fact: Fact, matching: Matching | undefined): boolean {
  if (matching === undefined) return false;
  return matching.facts.has(fact.id) || matching.alerts.has(textField(fact, 'fingerprint') ?? '');
}
