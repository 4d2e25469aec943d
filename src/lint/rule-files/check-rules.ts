import type { Rule } from '../rule.ts';
import { checkAlert } from './alerts.ts';
import { checkConditions } from './conditions.ts';
import { checkExpression } from './expressions.ts';
import { checkDuplicates, checkNames } from './names.ts';
import { readRuleGroups } from './rule-file.ts';
import { checkStructure } from './structure.ts';
import { checkTemplates } from './templates.ts';

/** Checks a rule file, or the groups of a PrometheusRule: first what Prometheus refuses, then what it takes and nobody wants. */
export const checkRules: Rule = (context) => {
  const { subject, report } = context;
  checkStructure(context);
  const groups = readRuleGroups(subject.root);
  checkNames(groups, report);
  checkDuplicates(groups, report);
  checkConditions(groups, context);
  for (const rule of groups.flatMap(({ rules }) => rules)) {
    checkExpression(rule, report);
    checkTemplates(rule, report);
    checkAlert(rule, context);
  }
};
