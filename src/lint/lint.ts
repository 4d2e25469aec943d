import { showText } from '../config/settings/show-value.ts';
import { severityOf } from './codes.ts';
import { Positions, type Finding, type Problem, type ProblemFix } from './problem.ts';
import type { Disk, RuleContext, Subject } from './rule.ts';
import { rules } from './rules.ts';
import { subjectsOf, type TextFile } from './subjects.ts';

/** The most problems that are shown of one file. A file with more has one that is the cause of the others. */
const maxProblems = 1000;

/** A file with what was found in it. */
export interface LintedFile extends TextFile {
  readonly findings: readonly Finding[];
  readonly problems: readonly Problem[];
}

/** Checks files that belong together: one may name what another one has. Never throws. */
export function lintTexts(files: readonly TextFile[], disk: Disk): readonly LintedFile[] {
  const contents = files.map((file) => ({ file, ...subjectsOf(file) }));
  const all = contents.flatMap(({ subjects }) => subjects);
  return contents.map(({ file, subjects, findings }) => {
    const found = [...findings, ...subjects.flatMap((subject) => findingsOf(subject, all, disk))];
    const sorted = limited(withoutRepeats(found).toSorted((one, other) => order(one, other)));
    const positions = new Positions(file.text);
    return { ...file, findings: sorted, problems: sorted.map((finding) => problemOf(file, finding, positions)) };
  });
}

function findingsOf(subject: Subject, all: readonly Subject[], disk: Disk): readonly Finding[] {
  const findings: Finding[] = [];
  const report: RuleContext['report'] = (code, where, message, details) => {
    const { start, end } = 'range' in where ? where.range : where;
    const fix = subject.isDecoded === true ? undefined : details.fix;
    findings.push({ ...details, fix, code, range: { start, end }, message });
  };
  for (const rule of rules[subject.kind]) {
    try {
      rule({ subject, all, disk, report });
    } catch (error) {
      const { start } = subject.root.range;
      report('rule-failed', { start, end: start }, `a check could not be done: ${showText(String(error))}`, {
        hint: 'the other checks were done; please report this with the file',
      });
    }
  }
  return findings;
}

/** A value with aliases is looked at in each of its places, and is wrong in one. */
function withoutRepeats(findings: readonly Finding[]): readonly Finding[] {
  const unique = new Map(
    findings.map((finding) => [
      `${finding.range.start} ${finding.range.end} ${finding.code} ${finding.message}`,
      finding,
    ]),
  );
  return [...unique.values()];
}

function order(one: Finding, other: Finding): number {
  return one.range.start - other.range.start || one.range.end - other.range.end || (one.code < other.code ? -1 : 1);
}

function limited(findings: readonly Finding[]): readonly Finding[] {
  if (findings.length <= maxProblems) return findings;
  const { range } = findings[maxProblems]!;
  const message = `${findings.length - maxProblems} more problems from here on are not shown`;
  return [
    ...findings.slice(0, maxProblems),
    { code: 'too-many-problems', range, message, hint: 'mend the first ones, then run this again' },
  ];
}

function problemOf({ name }: TextFile, finding: Finding, positions: Positions): Problem {
  const { code, message, hint, severity, fix } = finding;
  return {
    file: name,
    ...positions.range(finding.range),
    code,
    severity: severity ?? severityOf(code),
    message,
    hint,
    ...(fix === undefined ? {} : { fix: shownFix(fix, positions) }),
  };
}

function shownFix({ does, edits }: NonNullable<Finding['fix']>, positions: Positions): ProblemFix {
  return { does, edits: edits.map((edit) => ({ ...positions.range(edit), text: edit.text })) };
}
