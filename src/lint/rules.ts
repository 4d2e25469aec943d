import { nullComments } from './rules/null-comments.ts';
import type { Rule, SubjectKind } from './rule.ts';

const unknownFile: Rule = ({ subject: { root }, report }) => {
  const { start } = root.range;
  report('file-unknown', { start, end: start }, 'nobody can tell by its keys what this document is', {
    hint: 'only its YAML was checked; is it in the right place, or misspelt?',
  });
};

/** What is said of every sort of YAML. */
const always: readonly Rule[] = [nullComments];

/** The rules of each kind, in no order: what they report is sorted. */
export const rules: Readonly<Record<SubjectKind, readonly Rule[]>> = {
  prometheus: always,
  rules: always,
  alertmanager: always,
  template: [],
  values: always,
  manifest: always,
  tocsin: always,
  'tocsin-web': always,
  other: [...always, unknownFile],
};
