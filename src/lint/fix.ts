import { Positions, type Edit, type Finding, type Fix, type Position } from './problem.ts';
import { lintTexts } from './lint.ts';
import type { Disk } from './rule.ts';
import type { TextFile } from './subjects.ts';

/** A change that was made. Its position is that in the text before. */
export interface Change extends Position {
  readonly code: Finding['code'];
  readonly does: string;
}

/** A file, and its text after all changes that are safe. */
export interface FixedFile extends TextFile {
  readonly changes: readonly Change[];
}

/** One change may make the next one possible: a renamed section is looked into only then. */
const maxRounds = 10;

/** Codes of problems that a change may cause. A change that does is not made. */
const harm = /^(?:yaml-|duplicate-|conflicting-|file-)/;

type Fixable = Finding & { readonly fix: Fix };

/** Mends what can be mended safely in one of some files that belong together. Never makes it worse: each change is checked. */
export function fixText(file: TextFile, all: readonly TextFile[], disk: Disk): FixedFile {
  const findingsOf = (text: string): readonly Finding[] => {
    const texts = all.map((each) => (each.name === file.name ? { name: file.name, text } : each));
    return lintTexts(texts, disk).find(({ name }) => name === file.name)?.findings ?? [];
  };
  let { text } = file;
  const changes: Change[] = [];
  const refused = new Set<string>();
  for (let round = 0; round < maxRounds; round++) {
    const findings = findingsOf(text);
    const candidates = apart(findings.filter((finding): finding is Fixable => isOpen(finding, refused)));
    if (candidates.length === 0) break;
    const made = applyAll(text, candidates, findings, findingsOf);
    for (const finding of candidates) if (!made.applied.includes(finding)) refused.add(keyOf(finding));
    const positions = new Positions(text);
    changes.push(...made.applied.map((finding) => changeOf(finding, positions)));
    text = made.text;
  }
  return { name: file.name, text, changes };
}

function isOpen(finding: Finding, refused: ReadonlySet<string>): boolean {
  return finding.fix !== undefined && !refused.has(keyOf(finding));
}

function keyOf({ code, message }: Finding): string {
  return `${code} ${message}`;
}

function changeOf({ code, fix, range }: Fixable, positions: Positions): Change {
  return { ...positions.at(range.start), code, does: fix.does };
}

/** Those whose edits touch no edit of an earlier one. */
function apart(findings: readonly Fixable[]): readonly Fixable[] {
  const taken: Edit[] = [];
  return findings.filter(({ fix: { edits } }) => {
    const isFree = edits.every((edit) => taken.every((other) => edit.end < other.start || other.end < edit.start));
    if (isFree) taken.push(...edits);
    return isFree;
  });
}

interface Applied {
  readonly text: string;
  readonly applied: readonly Fixable[];
}

/** All at once if that is good; otherwise one after the other, from the end, without those that are not. */
function applyAll(
  text: string,
  candidates: readonly Fixable[],
  before: readonly Finding[],
  findingsOf: (text: string) => readonly Finding[],
): Applied {
  const together = edited(text, candidates);
  if (isBetter(before, findingsOf(together), candidates)) return { text: together, applied: candidates };
  let applied: readonly Fixable[] = [];
  for (const candidate of candidates) {
    const tried = [...applied, candidate];
    if (isBetter(before, findingsOf(edited(text, tried)), tried)) applied = tried;
  }
  return { text: edited(text, applied), applied };
}

function edited(text: string, findings: readonly Fixable[]): string {
  const edits = findings.flatMap(({ fix }) => fix.edits).toSorted((one, other) => other.start - one.start);
  return edits.reduce((result, edit) => result.slice(0, edit.start) + edit.text + result.slice(edit.end), text);
}

/** True if all that was to be mended is gone, and nothing was broken. */
function isBetter(before: readonly Finding[], after: readonly Finding[], mended: readonly Fixable[]): boolean {
  const [earlier, later] = [counted(before), counted(after)];
  const gone = counted(mended);
  const isGone = [...gone].every(([key, count]) => (later.get(key) ?? 0) <= (earlier.get(key) ?? 0) - count);
  return (
    isGone &&
    after.every(
      (finding) => !harm.test(finding.code) || (later.get(keyOf(finding)) ?? 0) <= (earlier.get(keyOf(finding)) ?? 0),
    )
  );
}

function counted(findings: readonly Finding[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const finding of findings) counts.set(keyOf(finding), (counts.get(keyOf(finding)) ?? 0) + 1);
  return counts;
}
