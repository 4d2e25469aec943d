import { pathToFileURL } from 'node:url';
import type { Fix, Location, Log, Region, ReportingDescriptor, Result } from 'sarif';
import { lintCodes, type LintCode, type Severity } from './codes.ts';
import type { Problem } from './problem.ts';

const levels = { error: 'error', warning: 'warning', info: 'note' } as const satisfies Record<Severity, string>;

interface SarifOptions {
  readonly version: string;
  /** Where the folder with `docs/` is on the web, without a trailing slash. */
  readonly docsUrl: string | undefined;
}

/** The problems in SARIF 2.1.0, which code reviews read. Columns count UTF-16 units, as they do by default there. */
export function sarifOf(problems: readonly Problem[], { version, docsUrl }: SarifOptions): Log {
  const ids = Object.keys(lintCodes) as LintCode[];
  const driver = {
    name: 'tocsin',
    version,
    ...(docsUrl !== undefined && { informationUri: docsUrl }),
    rules: ids.map((id) => ruleOf(id, docsUrl)),
  };
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      { tool: { driver }, columnKind: 'utf16CodeUnits', results: problems.map((problem) => resultOf(problem, ids)) },
    ],
  };
}

function ruleOf(id: LintCode, docsUrl: string | undefined): ReportingDescriptor {
  const { title, severity } = lintCodes[id];
  const page = `docs/checks.md#${id}`;
  const helpUri = docsUrl === undefined ? undefined : `${docsUrl}/${page}`;
  return {
    id,
    shortDescription: { text: title },
    help: { text: `${title} ${helpUri ?? page} says what it means and how to mend it.` },
    ...(helpUri !== undefined && { helpUri }),
    defaultConfiguration: { level: levels[severity] },
  };
}

function resultOf(problem: Problem, ids: readonly LintCode[]): Result {
  const { code, severity, message, hint } = problem;
  return {
    ruleId: code,
    ruleIndex: ids.indexOf(code),
    level: levels[severity],
    message: { text: `${message}. ${hint}` },
    locations: [locationOf(problem)],
    ...(problem.fix === undefined ? {} : { fixes: [fixOf(problem.file, problem.fix)] }),
  };
}

function locationOf(problem: Problem): Location {
  return { physicalLocation: { artifactLocation: { uri: uriOf(problem.file) }, region: regionOf(problem) } };
}

interface Place {
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

function regionOf({ line, column, endLine, endColumn }: Place): Region {
  return { startLine: line, startColumn: column, endLine, endColumn };
}

function fixOf(file: string, { does, edits }: NonNullable<Problem['fix']>): Fix {
  const replacements = edits.map((edit) => ({ deletedRegion: regionOf(edit), insertedContent: { text: edit.text } }));
  return { description: { text: does }, artifactChanges: [{ artifactLocation: { uri: uriOf(file) }, replacements }] };
}

/** A relative path stays one, so that a review finds the file in its own checkout. */
function uriOf(file: string): string {
  if (file === '-') return 'stdin';
  if (/^(?:\/|[A-Za-z]:[\\/])/.test(file)) return pathToFileURL(file).href;
  return file.split(/[\\/]/).map(encodeURIComponent).join('/');
}
