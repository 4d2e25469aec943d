import {
  isScalar,
  Lexer,
  LineCounter,
  parseDocument,
  visit,
  isAlias,
  isMap,
  isSeq,
  type Document,
  type ErrorCode,
  type YAMLError,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { isNestedTooDeeply, maxYamlNesting } from '../../text/yaml-nesting.ts';
import { formatSize } from './size.ts';
import { showText } from './show-value.ts';

/** The most YAML tokens (words and signs) in such a file: parsing this many blocks the event loop for 100 ms. */
export const configurationTokens = 20_000;

export interface YamlProblem {
  readonly offset: number;
  /** The path of the key with the problem. It is not in the text, since a key may be a secret in the wrong place. */
  readonly path?: readonly string[];
  readonly text: string;
}

/** A parsed YAML text. */
interface YamlFile {
  /** Undefined if the text is not YAML, so that nothing can be said about its values. */
  readonly root: YamlNode | undefined;
  readonly problems: readonly YamlProblem[];
  /** `LINE:COLUMN`, both from 1 up. */
  readonly position: (offset: number) => string;
}

/** In UTF-16 units. A configuration has a few kilobytes; a larger file was given by mistake. */
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

/** What one YAML text may hold: words and signs, and UTF-16 units. */
interface YamlLimits {
  readonly tokens?: number;
  readonly characters?: number;
}

/** Reads one YAML 1.2 document. Never throws. Anchors and aliases work; "<<" merges and tags do not. */
export function parseYaml(
  text: string,
  { tokens = configurationTokens, characters = maxTextLength }: YamlLimits = {},
): YamlFile {
  const lineCounter = new LineCounter();
  const position = (offset: number): string => {
    const { line, col } = lineCounter.linePos(offset);
    return `${line}:${col}`;
  };
  if (text.length > characters) return refuse(`too large, allowed: ${formatSize(characters)} of text`);
  const excess = excessOf(text, tokens);
  if (excess !== undefined) return refuse(excess);
  try {
    const document = parseDocument(text, {
      lineCounter,
      // This applies even to a "%YAML 1.1" file, in which yes, no and 1:30 do not mean what they seem to mean.
      schema: 'core',
      resolveKnownTags: false,
      stringKeys: true,
      // yamlTree finds duplicates: it can say which key it is.
      uniqueKeys: false,
      prettyErrors: false,
      // Warnings do not go to the console: the document holds them.
      logLevel: 'error',
    });
    return { ...readDocument(document, position), position };
  } catch (error) {
    // The stack may end in an expression of the parser, which then says that it is no expression.
    if (error instanceof RangeError || /call stack/.test(String(error))) return refuse(tooDeep);
    return refuse(`not valid YAML: ${showText(String(error))}`);
  }
}

const tooDeep = 'nested too deeply, allowed: sections and their keys';

/**
 * Why a text is too much for the parser, found before parsing: a megabyte of signs would block the event loop for seconds.
 * The lexer stops at the limit, so that the text behind it costs nothing.
 */
function excessOf(text: string, maxTokens: number): string | undefined {
  if (isNestedTooDeeply(text)) return tooDeep;
  let [tokens, depth] = [0, 0];
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') depth++;
    if (token === ']' || token === '}') depth--;
    if (depth > maxYamlNesting) return tooDeep;
    if (++tokens > maxTokens) return tooManyTokens(maxTokens);
  }
  return undefined;
}

function tooManyTokens(allowed: number): string {
  return `too many words and signs (YAML tokens), allowed: ${allowed}; is it the right file? If so, shorten it`;
}

function readDocument(document: Document.Parsed, position: YamlFile['position']): Omit<YamlFile, 'position'> {
  const quotes = openingQuotes(document);
  const problems = [...document.errors, ...document.warnings].map((error) => describeError(error, quotes));
  // After a second document or a tag, the other values are as written; after any other error they may be in wrong places.
  const isReadable = document.errors.every((error) => error.code === 'MULTIPLE_DOCS');
  if (!isReadable) return { root: undefined, problems: firstOfEachLine(problems, position) };
  const root = yamlTree(document, (offset, path, text, earlierOffset) => {
    const earlier = earlierOffset === undefined ? '' : `, first at ${position(earlierOffset)}; remove one`;
    problems.push({ offset, path, text: `${text}${earlier}` });
  });
  return { root, problems };
}

/** Without the piece of source, which may be long, or a password. */
export function describeYamlError({ code, message }: YAMLError): string {
  return errorTexts[code] ?? `not valid YAML: ${showText(message.replace(/: .*$/s, ''))}`;
}

function describeError(error: YAMLError, quotes: readonly number[]): YamlProblem {
  const text = describeYamlError(error);
  const isUnclosed = error.code === 'MISSING_CHAR' && error.message.includes('quote');
  const opening = isUnclosed ? lastBefore(error.pos[0], quotes) : undefined;
  if (opening === undefined) return { offset: error.pos[0], text };
  return { offset: opening, text: 'not valid YAML: this quote is not closed' };
}

/** Where quotes begin, in order. An unclosed quote is noticed at the end of the file, but the place to look at is where it was opened. */
function openingQuotes(document: Document.Parsed): readonly number[] {
  const quotes: number[] = [];
  visit(document, {
    Scalar(_, { type, range }) {
      if (type?.startsWith('QUOTE_') === true && range) quotes.push(range[0]);
    },
  });
  return quotes.toSorted((a, b) => a - b);
}

function lastBefore(offset: number, offsets: readonly number[]): number | undefined {
  let [low, high] = [0, offsets.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (offsets[middle]! < offset) low = middle + 1;
    else high = middle;
  }
  return offsets[low - 1];
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

/** A value of a YAML file, and its position. Offsets count UTF-16 units from the start of the text. */
export interface YamlNode {
  readonly value: unknown;
  readonly offset: number;
  /** The position of its key; `offset` if it has no key. */
  readonly keyOffset: number;
  /** The members of a map, by key, or of a list, by index from "0" up; empty for everything else. */
  readonly children: ReadonlyMap<string, YamlNode>;
}

/** Receives a problem, its position, the path of its key, and the position of an earlier part of the file that is involved. */
type ReportYamlProblem = (offset: number, path: readonly string[], text: string, earlierOffset?: number) => void;

interface Walk {
  readonly report: ReportYamlProblem;
  readonly anchors: Map<string, YamlNode>;
}

/**
 * The document as plain values with their positions. Reports duplicate keys (the last one counts) and aliases without an anchor. An
 * alias shares the content of its anchor, so that nested aliases cost nothing until they are written out in full.
 */
function yamlTree(document: Document, report: ReportYamlProblem): YamlNode {
  return walk(document.contents, [], 0, { report, anchors: new Map() });
}

/** @param keyOffset the position where a missing value would have been */
function walk(node: unknown, path: readonly string[], keyOffset: number, context: Walk): YamlNode {
  if (isAlias(node)) return walkAlias(node.source, path, keyOffset, node.range?.[0] ?? keyOffset, context);
  const tree = { ...walkValue(node, path, keyOffset, context), keyOffset };
  // Registered after its content: an alias inside the content would make it endless, and so finds no anchor.
  if ((isMap(node) || isSeq(node) || isScalar(node)) && node.anchor !== undefined)
    context.anchors.set(node.anchor, tree);
  return tree;
}

function walkAlias(name: string, path: readonly string[], keyOffset: number, offset: number, context: Walk): YamlNode {
  const anchored = context.anchors.get(name);
  if (anchored !== undefined) return { ...anchored, offset, keyOffset };
  context.report(offset, path, 'alias without an anchor before it, allowed: an alias of an earlier "&" anchor');
  return leaf(undefined, offset);
}

function walkValue(node: unknown, path: readonly string[], keyOffset: number, context: Walk): YamlNode {
  if (isMap(node)) return walkMap(node, path, context);
  if (isSeq(node)) return walkSequence(node, path, context);
  return isScalar(node) ? leaf(node.value, node.range?.[0] ?? keyOffset) : leaf(null, keyOffset);
}

function walkMap(map: YAMLMap, path: readonly string[], context: Walk): YamlNode {
  const children = new Map<string, YamlNode>();
  const offset = map.range?.[0] ?? 0;
  for (const { key, value } of map.items) {
    const name = isScalar(key) ? String(key.value) : '';
    const keyOffset = (isScalar(key) ? key.range?.[0] : undefined) ?? offset;
    const keyPath = [...path, name];
    const earlier = children.get(name);
    if (earlier !== undefined) context.report(keyOffset, keyPath, 'given twice', earlier.keyOffset);
    children.set(name, walk(value, keyPath, keyOffset, context));
  }
  // Unlike an assignment, fromEntries treats "__proto__" as an ordinary key.
  return {
    value: Object.fromEntries([...children].map(([key, child]) => [key, child.value])),
    offset,
    keyOffset: offset,
    children,
  };
}

function walkSequence(sequence: YAMLSeq, path: readonly string[], context: Walk): YamlNode {
  const offset = sequence.range?.[0] ?? 0;
  const items = sequence.items.map((item, index) => walk(item, [...path, String(index)], offset, context));
  return {
    value: items.map((item) => item.value),
    offset,
    keyOffset: offset,
    children: new Map(items.map((item, index) => [String(index), item])),
  };
}

function leaf(value: unknown, offset: number): YamlNode {
  return { value, offset, keyOffset: offset, children: new Map() };
}
