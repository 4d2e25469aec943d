import { showValue } from '../config/settings/show-value.ts';
import { regexpSize } from '../matcher/anchored-regexp.ts';
import { isOwnKind } from './reach.ts';
import { kymaGroup, kymaKindNames } from '../reconcile/kyma-kinds.ts';

/** Something wrong with a spec, below `spec`: where, and what to do. */
export interface SpecProblem {
  readonly keys: readonly (string | number)[];
  readonly message: string;
}

/** `triggers.limits`: what one trigger may have. */
export interface TriggerLimits {
  /** The floor, milliseconds: a shorter interval, or none, is raised to it. */
  readonly minIntervalMs: number;
  /** The most matchers, those of `inhibitedBy` among them. */
  readonly maxMatchers: number;
  readonly maxTargets: number;
}

/**
 * The limit for all matchers of a trigger together, about in instructions of their regular expressions: they compile within some
 * 50 ms, and one trigger cannot hold up the others.
 */
export const maxTriggerExpressions = 8000;

type Fields = Readonly<Record<string, unknown>>;

/** The limits. They come before the matchers are compiled, because that takes time. */
export function* limitProblems(spec: unknown, limits: TriggerLimits): Generator<SpecProblem, void> {
  const { matchers, inhibitedBy, targets } = fieldsOf(spec);
  const written = [matchers, ...listOf(inhibitedBy).map((each) => fieldsOf(each)['matchers'])].flatMap(listOf);
  const texts = written.filter((text) => typeof text === 'string');
  if (texts.length > limits.maxMatchers)
    yield { keys: ['matchers'], message: tooMany(texts.length, 'matchers', limits.maxMatchers, 'max_matchers') };
  const size = texts.reduce((sum, text) => sum + regexpSize(text), 0);
  if (size > maxTriggerExpressions)
    yield {
      keys: ['matchers'],
      message: `found matchers of about ${size} instructions together, allowed: at most ${maxTriggerExpressions}; simplify their regular expressions`,
    };
  const count = listOf(targets).length;
  if (count > limits.maxTargets)
    yield { keys: ['targets'], message: tooMany(count, 'targets', limits.maxTargets, 'max_targets') };
}

/** A refusal by one of `triggers.limits`. */
export function tooMany(found: number, what: string, limit: number, key: string): string {
  return `found ${found} ${what}, allowed: at most ${limit} (triggers.limits.${key})`;
}

/** The rules between fields. They look at the raw values, so that they are told beside the problems of single fields. */
export function* fieldsTogether(spec: unknown): Generator<SpecProblem, void> {
  const { targets, action, budget } = fieldsOf(spec);
  const written = listOf(targets).map(fieldsOf);
  for (const [index, target] of written.entries()) yield* targetProblems(target, ['targets', index]);
  if (isMap(action)) yield* actionProblems(action, written, budget !== undefined);
}

function* targetProblems(target: Fields, keys: SpecProblem['keys']): Generator<SpecProblem, void> {
  const one = onlyOne(target, ['name', 'selector', 'ownerOf']);
  if (one !== undefined) yield { keys, message: one };
  const isOwner = target['ownerOf'] !== undefined;
  for (const key of ['apiVersion', 'kind']) {
    const isWritten = target[key] !== undefined;
    if (isOwner && isWritten)
      yield { keys: [...keys, key], message: `found ${showValue(target[key])} beside ownerOf, allowed: ownerOf.kind` };
    if (key === 'apiVersion' && isOwnKind(String(target[key])))
      yield {
        keys: [...keys, key],
        message: `found ${showValue(target[key])}, allowed: any other group; Tocsin writes the status of its own objects itself`,
      };
    if (!isOwner && !isWritten) yield { keys: [...keys, key], message: 'missing, allowed: as in the object itself' };
  }
}

function* actionProblems(action: Fields, targets: readonly Fields[], hasBudget: boolean): Generator<SpecProblem, void> {
  const { condition, annotate } = action;
  const one = onlyOne(action, ['condition', 'annotate', 'log']);
  if (one !== undefined) yield { keys: ['action'], message: one };
  if (isMap(annotate)) yield* annotateProblems(annotate, hasBudget);
  if (isMap(condition) && condition['type'] === undefined && !targets.every(hasHealthRules))
    yield {
      keys: ['action', 'condition', 'type'],
      message: `missing, allowed: the type of a condition, as in AlertsQuiet; only ${kymaKindNames.join(', ')} have health rules`,
    };
}

function* annotateProblems(annotate: Fields, hasBudget: boolean): Generator<SpecProblem, void> {
  const keys = ['action', 'annotate'];
  const one = onlyOne(annotate, ['preset', 'key']);
  if (one !== undefined) yield { keys, message: one };
  if (annotate['preset'] !== undefined && annotate['value'] !== undefined)
    yield { keys: [...keys, 'value'], message: 'found it beside preset, allowed: beside key' };
  if (annotate['preset'] === undefined && annotate['key'] !== undefined && annotate['value'] === undefined)
    yield {
      keys: [...keys, 'value'],
      message: 'missing, allowed: a text of one line, or a template of one, as in {{ now }}',
    };
  if (annotate['preset'] === 'restart' && !hasBudget)
    yield {
      keys: [...keys, 'preset'],
      message: 'found "restart" without spec.budget, allowed: with one, as in budget: {runs: 3, per: 1h}',
    };
}

function hasHealthRules({ apiVersion, kind }: Fields): boolean {
  return String(apiVersion).startsWith(`${kymaGroup}/`) && kymaKindNames.includes(String(kind));
}

function onlyOne(fields: Fields, ways: readonly string[]): string | undefined {
  const found = ways.filter((way) => fields[way] !== undefined);
  if (found.length === 1) return undefined;
  return `found ${found.length === 0 ? 'none' : found.join(' and ')}, allowed: one of ${ways.join(', ')}`;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function fieldsOf(value: unknown): Fields {
  return isMap(value) ? value : {};
}

function isMap(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
