import { isScalar, LineCounter, parseDocument, visit } from 'yaml';
import type { Document, ErrorCode, YAMLError } from 'yaml';
import { formatSize } from './size.ts';
import { showText } from './show-value.ts';
import { yamlTree } from './yaml-tree.ts';
import type { YamlNode } from './yaml-tree.ts';

export interface YamlProblem {
  readonly offset: number;
  /** The way to the key that it is about. Not in the text: a key may be a secret in the wrong place. */
  readonly path?: readonly string[];
  readonly text: string;
}

/** A YAML text, read. */
export interface YamlFile {
  /** Undefined if the text is not YAML, so that nothing can be said about its values. */
  readonly root: YamlNode | undefined;
  readonly problems: readonly YamlProblem[];
  /** `LINE:COLUMN`, both from 1 up. */
  readonly position: (offset: number) => string;
}

/** In UTF-16 units. A configuration has a few kilobytes: more is another file, given by mistake. */
const maxTextLength = 1024 ** 2;

/** The parser's own words are about its grammar; these say what a person did. */
const errorTexts: Partial<Record<ErrorCode, string>> = {
  BAD_DQ_ESCAPE: 'not valid YAML: a "\\" in double quotes that begins no escape; write "\\\\", or take single quotes',
  BAD_DIRECTIVE: 'a "%" directive that is not known here; remove the line',
  BLOCK_AS_IMPLICIT_KEY:
    'not valid YAML: a key inside a value; indent the keys of a section alike, quote a value that contains ": "',
  MULTILINE_IMPLICIT_KEY: 'not valid YAML: a line without "key: value"; is the colon, or the space after it, missing?',
  MULTIPLE_DOCS: 'a second document, allowed: one; remove the line "---" or "..."',
  NON_STRING_KEY: 'not valid here: a key that is no plain word',
  TAB_AS_INDENT: 'not valid YAML: a tab for indentation; use spaces',
  TAG_RESOLVE_FAILED: 'a "!" tag that is not known here; write the value without it',
};

/** Reads one YAML 1.2 document. Never throws. Anchors and aliases work; "<<" merges and tags do not. */
export function parseYaml(text: string): YamlFile {
  const lineCounter = new LineCounter();
  const position = (offset: number): string => {
    const { line, col } = lineCounter.linePos(offset);
    return `${line}:${col}`;
  };
  if (text.length > maxTextLength) return refuse(`too large, allowed: ${formatSize(maxTextLength)} of text`);
  try {
    const document = parseDocument(text, {
      lineCounter,
      // Also for a "%YAML 1.1" file, whose yes, no and 1:30 are not what they look like.
      schema: 'core',
      resolveKnownTags: false,
      stringKeys: true,
      // Found by yamlTree, which can say which key it is.
      uniqueKeys: false,
      prettyErrors: false,
      // No warnings to the console: they are in the document.
      logLevel: 'error',
    });
    return { ...readDocument(document, position), position };
  } catch (error) {
    if (error instanceof RangeError) return refuse('nested too deeply, allowed: sections and their keys');
    return refuse(`not valid YAML: ${showText(String(error))}`);
  }
}

function readDocument(document: Document.Parsed, position: YamlFile['position']): Omit<YamlFile, 'position'> {
  const problems = [...document.errors, ...document.warnings].map((error) => describeError(error, document));
  // A second document or a tag leaves the rest as it is; after any other error the values may be in wrong places.
  const isReadable = document.errors.every((error) => error.code === 'MULTIPLE_DOCS');
  if (!isReadable) return { root: undefined, problems: firstOfEachLine(problems, position) };
  const root = yamlTree(document, (offset, path, text, earlierOffset) => {
    const earlier = earlierOffset === undefined ? '' : `, first at ${position(earlierOffset)}; remove one`;
    problems.push({ offset, path, text: `${text}${earlier}` });
  });
  return { root, problems };
}

function describeError(error: YAMLError, document: Document.Parsed): YamlProblem {
  // Without the piece of source after it, which may be long, or a password.
  const text = errorTexts[error.code] ?? `not valid YAML: ${showText(error.message.replace(/: ["|>].*$/s, ''))}`;
  const quoteOffset = openingQuote(error, document);
  if (quoteOffset === undefined) return { offset: error.pos[0], text };
  return { offset: quoteOffset, text: 'not valid YAML: this quote is not closed' };
}

/** A quote that is not closed is noticed at the end of the file; the place to look at is where it was opened. */
function openingQuote(error: YAMLError, document: Document.Parsed): number | undefined {
  if (error.code !== 'MISSING_CHAR' || !error.message.includes('quote')) return undefined;
  let opening: number | undefined;
  visit(document, (_, node) => {
    const isQuoted = isScalar(node) && node.type?.startsWith('QUOTE_') === true;
    const start = isQuoted ? node.range?.[0] : undefined;
    if (start !== undefined && start < error.pos[0]) opening = start;
  });
  return opening;
}

/** One mistake makes the parser complain more than once, mostly in the same line. */
function firstOfEachLine(problems: readonly YamlProblem[], position: YamlFile['position']): YamlProblem[] {
  const byLine = new Map<string, YamlProblem>();
  for (const problem of problems.toSorted((a, b) => a.offset - b.offset)) {
    const line = position(problem.offset).replace(/:.*/, '');
    if (!byLine.has(line)) byLine.set(line, problem);
  }
  return [...byLine.values()];
}

function refuse(text: string): YamlFile {
  return { root: undefined, problems: [{ offset: 0, text }], position: () => '1:1' };
}
