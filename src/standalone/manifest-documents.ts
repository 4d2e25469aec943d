import {
  Lexer,
  LineCounter,
  isAlias,
  isCollection,
  isNode,
  isScalar,
  parseAllDocuments,
  visit,
  type Document,
  type Node,
} from 'yaml';
import { isNestedTooDeeply, maxYamlNesting } from '../text/yaml-nesting.ts';
import type { FieldPath } from './manifest-field.ts';

/** The largest document of a manifest, or status file, in bytes: as large as an object may be in etcd. */
export const objectBytes = 1.5 * 1024 * 1024;

/** The most YAML tokens (words and signs) in one document of a manifest, and in one whole file: the parser may make an object of each. */
export const documentTokens = 250_000;
export const manifestTokens = 1_000_000;

/** The most documents in one manifest file. */
export const manifestDocuments = 10_000;

/** The limits of manifests, as the log and the metrics name them. */
export const manifestLimits = [
  'manifest_size',
  'manifest_folder_size',
  'manifest_documents',
  'manifest_document_size',
  'manifest_tokens',
  'manifest_nesting',
  'manifest_parser',
] as const;
export type ManifestLimit = (typeof manifestLimits)[number];

/** Both count from 1. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/** One document of a file: its value as plain JSON data, or the reason why it cannot be read. */
export type ManifestDocument =
  | { readonly value: unknown; readonly locate: (path: FieldPath) => TextPosition }
  | { readonly problem: string; readonly position: TextPosition; readonly limit?: ManifestLimit };

/** A piece of a file that holds one document, or several if `...` separates them. */
export interface DocumentText {
  /** Counts from 1, in the file. */
  readonly number: number;
  readonly text: string;
  readonly position: (offset: number) => TextPosition;
}

type YamlDocument = Document.Parsed;

/** Gives plain JSON data whatever the document's directives and tags say: no dates, sets or buffers; merge keys work as in kubectl. */
const parseOptions = {
  schema: 'core',
  merge: true,
  resolveKnownTags: false,
  // The library compares each key with every other key; see duplicateKey().
  uniqueKeys: false,
  prettyErrors: false,
  logLevel: 'error',
} as const;

const maxMessageLength = 200;

/**
 * A line that starts a document, with the directives that belong to it. No YAML content can hold such a line, not even a quoted
 * string. The text can therefore be cut there before it is parsed, as kubectl does, and a broken document cannot affect the others.
 */
const documentStart = /(?<![^\n])(?:%[^\n]*\n(?:[%#][^\n]*\n)*)?---(?=\s|$)/g;

/** The documents of a YAML file (or JSON, which is also YAML), one after the other, so that at most one is in memory. Never throws. */
export function* splitDocuments(text: string): Generator<DocumentText> {
  const lines = countLines(text);
  let start = 0;
  let number = 1;
  const piece = (end: number): DocumentText => {
    const from = start;
    const position = (offset: number): TextPosition => {
      const { line, col } = lines.linePos(from + offset);
      return { line, column: col };
    };
    return { number: number++, text: text.slice(from, end), position };
  };
  for (const { index } of text.matchAll(documentStart)) {
    yield piece(index);
    start = index;
  }
  yield piece(text.length);
}

/** Counts what the documents of one file hold before they are parsed: an object of a few bytes of text takes hundreds in memory. */
export class DocumentBudget {
  #tokens = 0;

  /** Which limit the document exceeds; undefined if it exceeds none. `isLast`: no further document may be read. */
  refuse({ number, text }: DocumentText): RefusedDocument | undefined {
    const refused = (limit: ManifestLimit, what: string, isLast = false): RefusedDocument => ({
      limit,
      problem: `document ${number} of the file ${what}`,
      isLast,
    });
    if (number > manifestDocuments) {
      const message = `is one too many, allowed: ${manifestDocuments} in a file; put the rest into another file`;
      return refused('manifest_documents', message, true);
    }
    const bytes = Buffer.byteLength(text);
    if (bytes > objectBytes) {
      const message = `has ${bytes} bytes, allowed: ${objectBytes}; split it by lines of "---", or shorten it`;
      return refused('manifest_document_size', message);
    }
    if (isNestedTooDeeply(text))
      return refused('manifest_nesting', `is nested too deeply, allowed: ${maxYamlNesting} levels`);
    let tokens = 0;
    for (const _ of new Lexer().lex(text)) if (++tokens > documentTokens) break;
    if (tokens > documentTokens) {
      const message = `has more than ${documentTokens} words and signs (YAML tokens); split it by lines of "---"`;
      return refused('manifest_tokens', message);
    }
    this.#tokens += tokens;
    if (this.#tokens <= manifestTokens) return undefined;
    const message = `and those before it have more than ${manifestTokens} words and signs (YAML tokens); put the rest into another file`;
    return refused('manifest_tokens', message, true);
  }
}

interface RefusedDocument {
  readonly problem: string;
  readonly limit: ManifestLimit;
  readonly isLast: boolean;
}

function countLines(text: string): LineCounter {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1);
  return lines;
}

/** The values in the text; empty documents are left out. Never throws. */
export function readDocuments({ text, position }: DocumentText): readonly ManifestDocument[] {
  try {
    const documents = parseAllDocuments(text, parseOptions);
    if ('empty' in documents) return [];
    return documents.map((document) => readDocument(document, position)).filter((document) => !isEmpty(document));
  } catch (error) {
    return [{ problem: explain(error), position: position(0) }];
  }
}

function isEmpty(document: ManifestDocument): boolean {
  return 'value' in document && (document.value === null || document.value === undefined);
}

/** Reports only the first error of a document: the others mostly follow from it. */
function readDocument(document: YamlDocument, position: (offset: number) => TextPosition): ManifestDocument {
  const [error] = document.errors;
  if (error !== undefined) return { problem: explain(error), position: position(error.pos[0]) };
  const offsetOf = (path: FieldPath): number => nodeAt(document, path)?.range?.[0] ?? document.range[0];
  try {
    const duplicate = duplicateKey(document);
    if (duplicate !== undefined) return { problem: `${invalid}Map keys must be unique`, position: position(duplicate) };
    const value: unknown = document.toJS();
    const size = expandedSize(value);
    if (size <= objectBytes) return { value, locate: (path) => position(offsetOf(path)) };
    const problem = `with its aliases written out it has more than ${objectBytes} bytes; write out less of it by aliases`;
    return { problem, position: position(offsetOf([])), limit: 'manifest_document_size' };
  } catch (cause) {
    return { problem: explain(cause), position: position(offsetOf([])) };
  }
}

/** The position of the first duplicate key in a map. */
function duplicateKey(document: YamlDocument): number | undefined {
  let found: number | undefined;
  visit(document, {
    Map(_, { items }) {
      const keys = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key) || !keys.has(key.value)) keys.add(isScalar(key) ? key.value : key);
        else found = Math.min(found ?? Number.POSITIVE_INFINITY, key.range?.[0] ?? 0);
      }
    },
  });
  return found;
}

const invalid = 'not valid YAML: ';

/** The node that a path leads to, or the last node on the way to it. */
function nodeAt(document: YamlDocument, path: FieldPath): Node | undefined {
  let node: unknown = document.contents;
  for (const step of path) {
    const parent = isAlias(node) ? node.resolve(document) : node;
    const child: unknown = isCollection(parent) ? parent.get(step, true) : undefined;
    if (!isNode(child)) break;
    node = child;
  }
  return isNode(node) ? node : undefined;
}

function explain(error: unknown): string {
  if (error instanceof RangeError) return `${invalid}nested too deeply, or an alias leads back into itself`;
  if (error instanceof TypeError) return `${invalid}an alias leads back into itself; an object must be a tree`;
  const message = error instanceof Error ? error.message : String(error);
  return `${invalid}${message.slice(0, maxMessageLength)}`;
}

/**
 * The approximate length of a value once it is written out, in bytes; an aliased value counts every time. Each object is visited
 * once, so that the time is proportional to the value's size in memory. Throws TypeError if the value contains itself.
 */
function expandedSize(value: unknown, known = new Map<object, number | 'open'>()): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 1;
  const before = known.get(value);
  if (before === 'open') throw new TypeError('a value leads back into itself');
  if (before !== undefined) return before;
  known.set(value, 'open');
  let size = 1;
  for (const [key, child] of Object.entries(value)) size += key.length + expandedSize(child, known);
  known.set(value, size);
  return size;
}
