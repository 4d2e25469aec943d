export type Severity = 'error' | 'warning' | 'info';

interface Code {
  readonly severity: Severity;
  /** What is wrong, in one sentence: the short description of a rule in SARIF. */
  readonly title: string;
}

/** Every code, in the order of docs/checks.md, which has a paragraph for each. A code never changes its meaning, and is never used again. */
export const lintCodes = {
  // The file.
  'file-unreadable': { severity: 'error', title: 'The file cannot be read.' },
  'file-not-text': { severity: 'error', title: 'The file is no text in UTF-8.' },
  'file-empty': { severity: 'info', title: 'The file has nothing that can be checked.' },
  'file-unknown': { severity: 'info', title: 'It is not clear what the file is, so that only its YAML is checked.' },
  'too-many-problems': { severity: 'warning', title: 'The file has more problems than are shown.' },
  // YAML.
  'yaml-syntax': { severity: 'error', title: 'The text is no YAML.' },
  'yaml-template': { severity: 'error', title: 'The file is a template that has not been rendered.' },
  'yaml-alias': { severity: 'error', title: 'An alias has no anchor.' },
  'yaml-bomb': { severity: 'error', title: 'The aliases of the file write out to more than any program can read.' },
  'yaml-tag': { severity: 'warning', title: 'A tag is not known.' },
  'duplicate-key': { severity: 'error', title: 'A key is given twice.' },
  'null-comment': { severity: 'warning', title: 'YAML read the value as a comment.' },
} as const satisfies Readonly<Record<string, Code>>;

export type LintCode = keyof typeof lintCodes;

export function severityOf(code: LintCode): Severity {
  return lintCodes[code].severity;
}
