import { checkRules } from './rule-files/check-rules.ts';
import { matcherRule, routeRule } from './rules/alertmanager.ts';
import { fileListRule, fileNameRule, targetFileRule } from './rules/files.ts';
import { conflictRule } from './rules/http-client.ts';
import { exposedServiceRule, networkPolicyRule } from './rules/manifests.ts';
import { kubernetesDiscovery } from './rules/kubernetes-discovery.ts';
import { notificationTemplates } from './rules/notification-templates.ts';
import { nullComments } from './rules/null-comments.ts';
import { labelNameRule, scrapeTimes, targetRule } from './rules/prometheus.ts';
import { relabelRule } from './rules/relabel.ts';
import { receiverRule } from './rules/receivers.ts';
import { placeholderRule, secretRule } from './rules/secrets.ts';
import { sectionRule } from './rules/sections.ts';
import { serviceRule } from './rules/services.ts';
import { shapeRule } from './rules/shapes.ts';
import { timeIntervalRule } from './rules/time-intervals.ts';
import { tocsinFlagsRule } from './rules/tocsin-flags.ts';
import { tocsinRule, tocsinWebRule } from './rules/tocsin.ts';
import { uniqueNames } from './rules/unique-names.ts';
import { largeValuesRule, valuesRule } from './rules/values.ts';
import type { Rule, SubjectKind } from './rule.ts';

const unknownFile: Rule = ({ subject: { root }, report }) => {
  const { start } = root.range;
  report('file-unknown', { start, end: start }, 'nobody can tell by its keys what this document is', {
    hint: 'only its YAML was checked; is it in the right place, or misspelt?',
  });
};

/** What is said of every sort of YAML. */
const always: readonly Rule[] = [nullComments, secretRule];

/** What both prometheus.yml and alertmanager.yml have. */
const programs: readonly Rule[] = [
  ...always,
  shapeRule,
  conflictRule,
  placeholderRule,
  timeIntervalRule,
  sectionRule,
  fileListRule,
  uniqueNames,
  serviceRule,
];

/** The rules of each kind, in no order: what they report is sorted. */
export const rules: Readonly<Record<SubjectKind, readonly Rule[]>> = {
  prometheus: [...programs, labelNameRule, targetFileRule, relabelRule, kubernetesDiscovery, scrapeTimes, targetRule],
  alertmanager: [...programs, routeRule, matcherRule, receiverRule, notificationTemplates],
  rules: [...always, checkRules],
  'rule-tests': always,
  template: [notificationTemplates],
  values: [...always, fileNameRule, valuesRule, largeValuesRule, exposedServiceRule],
  manifest: [...always, fileNameRule, networkPolicyRule, exposedServiceRule, serviceRule, tocsinFlagsRule],
  tocsin: [...always, tocsinRule, serviceRule],
  'tocsin-web': [...always, tocsinWebRule],
  other: [...always, unknownFile],
};
