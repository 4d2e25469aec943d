import type { LabelSet } from '../alert/labels.ts';
import { listedValues } from '../matcher/anchored-regexp.ts';
import type { Matcher, OnUndecided } from '../matcher/matcher.ts';

/**
 * The limit for the regular expressions of one trigger together, instructions, besides those that only list values: an alert with
 * long labels then costs a trigger some 10 ms at worst, and one such as `Postgres.*` takes 15 of them.
 */
export const maxTriggerInstructions = 1000;

/** The longest value of a label that a regular expression of a trigger is tried on, characters. */
export const maxTriedLength = 1024;

/** The instructions that {@link maxTriggerInstructions} limits. A list of names costs little, however long it is. */
export function instructionsOf(matchers: readonly Matcher[]): number {
  const others = matchers.filter(({ value, instructions }) => instructions > 0 && listedValues(value) === undefined);
  return others.reduce((sum, { instructions }) => sum + instructions, 0);
}

/**
 * Whether all match. What costs nothing is looked at first.
 * @param onUndecided hears of a value that is too long for an expression, which does not match then
 */
export function matchesAll(matchers: readonly Matcher[], labels: LabelSet, onUndecided?: OnUndecided): boolean {
  for (const matcher of matchers) if (!isExpression(matcher) && !matches(matcher, labels)) return false;
  for (const matcher of matchers) if (isExpression(matcher) && !matches(matcher, labels, onUndecided)) return false;
  return true;
}

/** The same for one. A missing label has the empty value. */
export function matches(matcher: Matcher, labels: LabelSet, onUndecided?: OnUndecided): boolean {
  const { name } = matcher;
  const value = Object.hasOwn(labels, name) ? labels[name]! : '';
  if (value.length <= maxTriedLength || !isExpression(matcher)) return matcher.matchesValue(value, onUndecided);
  onUndecided?.(matcher, value);
  return false;
}

function isExpression({ type }: Matcher): boolean {
  return type === '=~' || type === '!~';
}

/** What is told of a value that was too long, once for each matcher. */
export function undecidedText(matcher: Matcher): string {
  const { name } = matcher;
  return `the label ${name} of an alert is too long for ${String(matcher)}: no regular expression is tried on more than ${maxTriedLength} characters, or fewer if it is large`;
}
