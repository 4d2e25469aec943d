import type { Fact } from '../../explain/schema.ts';
import { showPipeline } from '../../explain/words.ts';

/** The most facts that the page keeps; of more, the newest. */
export const maxFacts = 5000;

/** Facts, the oldest first, each once. */
export type Facts = readonly Fact[];

/** Fields that only the program reads, and that are long. */
const longFields = new Set(['verdicts', 'firing_alerts', 'annotations']);
/** The most items of a list in a fact that the page keeps. */
const maxListed = 20;

/** The fact without what the page never shows. */
export function slimFact(fact: Fact): Fact {
  const isSlim = Object.entries(fact).every(([name, value]) => !longFields.has(name) && !isLong(value));
  if (isSlim) return fact;
  const entries = Object.entries(fact)
    .filter(([name]) => !longFields.has(name))
    .map(([name, value]) => [name, isLong(value) ? value.slice(0, maxListed) : value]);
  return Object.fromEntries(entries) as Fact;
}

function isLong(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length > maxListed;
}

/**
 * Adds facts. They may come in any order and more than once: the result is the same.
 * @param most is the number to keep, the newest
 */
export function addFacts(facts: Facts, more: readonly Fact[], most = maxFacts): Facts {
  if (more.length === 0) return facts;
  const sorted = more.toSorted((a, b) => a.id - b.id);
  const isLater = facts.length === 0 || sorted[0]!.id > facts.at(-1)!.id;
  const all = isLater ? [...facts, ...sorted] : [...facts, ...sorted].toSorted((a, b) => a.id - b.id);
  const once = all.filter((fact, index) => index === 0 || fact.id !== all[index - 1]!.id);
  return once.length > most ? once.slice(-most) : once;
}

export function newestId(facts: Facts): number {
  return facts.at(-1)?.id ?? 0;
}

/** The pipeline that a fact is about, as its key. */
export function pipelineKeyOf({ kind, group, namespace, name }: Fact): string | undefined {
  if (typeof kind !== 'string' || typeof name !== 'string') return undefined;
  return showPipeline({
    kind,
    name,
    ...(typeof group === 'string' && { group }),
    ...(typeof namespace === 'string' && { namespace }),
  });
}

/** The facts of alerts that came and went, within all facts. */
export function isAboutAlert({ event }: Fact): boolean {
  return event === 'alert.new' || event === 'alert.resolved' || event === 'alert.expired';
}

/** Fields of a fact, each checked, because a fact may come from another version. */
export function textField(fact: Fact, name: string): string | undefined {
  const value = fact[name];
  return typeof value === 'string' ? value : undefined;
}

export function numberField(fact: Fact, name: string): number | undefined {
  const value = fact[name];
  return typeof value === 'number' ? value : undefined;
}

export function textsField(fact: Fact, name: string): readonly string[] {
  const value = fact[name];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

export function labelsField(fact: Fact, name: string): Readonly<Record<string, string>> {
  const value = fact[name];
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
