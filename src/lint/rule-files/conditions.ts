import { showText } from '../../config/settings/show-value.ts';
import {
  bare,
  comparisons,
  setOperators,
  typeOf,
  walk,
  type Expression,
  type Selector,
} from '../../promql/expression.ts';
import { outcomeOf } from '../../promql/values.ts';
import type { RuleContext } from '../rule.ts';
import type { FileRule, RuleGroup } from './rule-file.ts';
import { totalFailureOf } from './total-failure.ts';
import { UpIsZero } from './up-is-zero.ts';

/** The name of an alert that is meant to fire always, or to be sent by hand. */
const watchdog = /watch[ _-]?dog|dead[ _-]?man|heart[ _-]?beat|always|canary|test/i;

/** Functions that give something where there is nothing to compare. */
const existence: ReadonlySet<string> = new Set(['absent', 'absent_over_time', 'present_over_time', 'count_over_time']);

/** Tells of expressions that parse, and do not do what an alert is for. */
export function checkConditions(groups: readonly RuleGroup[], context: RuleContext): void {
  const upIsZero = new UpIsZero(context);
  for (const rule of groups.flatMap(({ rules }) => rules)) {
    const { expression } = rule;
    if (expression === undefined || 'problems' in expression.read) continue;
    checkSelectors(expression.read.expression, rule, context.report);
    if (rule.kind !== 'alert' || typeOf(expression.read.expression) !== 'instant vector') continue;
    checkOutcome(expression.read.expression, rule, context.report);
    upIsZero.check(expression.read.expression, rule);
    reportTotalFailure(expression.read.expression, rule, context.report);
  }
}

function checkSelectors(expression: Expression, rule: FileRule, report: RuleContext['report']): void {
  for (const part of walk(expression)) {
    const label = part.type === 'selector' ? contradiction(part) : undefined;
    if (label === undefined) continue;
    report('selects-nothing', placeOf(rule, part), `no series has the two values of ${showText(label)} at once`, {
      hint: 'for one of several values write =~"one|other"',
    });
  }
}

/** The label of which a selector wants two values. */
function contradiction({ matchers }: Selector): string | undefined {
  const wanted = new Map<string, string>();
  for (const { label, operator, value } of matchers) {
    if (operator !== '=') continue;
    if ((wanted.get(label) ?? value) !== value) return label;
    wanted.set(label, value);
  }
  return matchers.find(({ label, operator, value }) => operator === '!=' && wanted.get(label) === value)?.label;
}

function checkOutcome(expression: Expression, rule: FileRule, report: RuleContext['report']): void {
  const outcome = outcomeOf(expression);
  if (outcome === 'never')
    report('never-fires', rule.expression!.value, 'the condition is never true, whatever the metrics are', {
      hint: 'count() of nothing is nothing, and not 0: to notice that something is missing, use absent()',
    });
  const isAlways = outcome === 'always' ? !isAboutExistence(expression) : isUnconditional(expression);
  if (!isAlways || watchdog.test(rule.name)) return;
  const hint = isBool(expression)
    ? 'remove bool: with it the comparison gives 0 or 1, and both fire'
    : 'compare it with a limit; a watchdog has a name such as Watchdog';
  report('always-fires', rule.expression!.value, 'the alert fires for every series that there is, whatever its value', {
    hint,
  });
}

function isBool(expression: Expression): boolean {
  const condition = bare(expression);
  return condition.type === 'binary' && condition.bool;
}

/** `count(up == 0) > 0` is true wherever there is something to count: that is its condition. */
function isAboutExistence(condition: Expression): boolean {
  const compared = bare(condition);
  if (compared.type !== 'binary' || compared.bool) return false;
  return [compared.left, compared.right].some((side) =>
    [...walk(side)].some((part) => isCondition(part) || isCount(part)),
  );
}

function isCount(part: Expression): boolean {
  return part.type === 'aggregation' && (part.operator === 'count' || part.operator === 'group');
}

function isCondition(part: Expression): boolean {
  if (part.type === 'call') return existence.has(part.function.name);
  return part.type === 'binary' && !part.bool && (comparisons.has(part.operator) || setOperators.has(part.operator));
}

/** True if nothing in the expression depends on a value. A metric that a rule writes, or that is about alerts, may be a condition. */
function isUnconditional(expression: Expression): boolean {
  const parts = [...walk(expression)];
  return !parts.some((part) => isCondition(part) || (part.type === 'selector' && mayBeCondition(part)));
}

function reportTotalFailure(expression: Expression, rule: FileRule, report: RuleContext['report']): void {
  for (const { part, label } of totalFailureOf(expression)) {
    report(
      'silent-at-total-failure',
      placeOf(rule, part),
      `when nothing succeeds, no series has this ${showText(label)}, and the alert is silent`,
      {
        hint: 'compare what failed with the total, as in failed / total > 0.1, or write (succeeded or 0 * total) / total',
      },
    );
  }
}

/** Where a part of the expression of a rule stands in the file. */
function placeOf(
  { expression }: FileRule,
  { from, to }: { readonly from: number; readonly to: number },
): { start: number; end: number } {
  return expression!.value.rangeOf(from, to);
}

function mayBeCondition({ name }: Selector): boolean {
  return name === undefined || /:|^ALERTS/.test(name);
}
