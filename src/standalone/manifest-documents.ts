import { LineCounter, isAlias, isCollection, isNode, parseAllDocuments } from 'yaml';
import type { Document, Node } from 'yaml';
import type { FieldPath } from './manifest-field.ts';

/** Both count from 1. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/** One document of a file: either its value, as plain JSON data, or why it cannot be read. */
export type ManifestDocument =
  | { readonly value: unknown; readonly locate: (path: FieldPath) => TextPosition }
  | { readonly syntaxError: string; readonly position: TextPosition };

type YamlDocument = Document.Parsed;

/** Plain JSON data whatever the document's directives and tags say: no dates, sets or buffers; merge keys as kubectl takes them. */
const parseOptions = {
  schema: 'core',
  merge: true,
  resolveKnownTags: false,
  prettyErrors: false,
  logLevel: 'error',
} as const;

const maxMessageLength = 200;

/**
 * A line that starts a document, with the directives that belong to it. No content of YAML can hold such a line, not even a quoted
 * string, so the text can be cut there before it is parsed (as kubectl does): what one document breaks stays in it.
 */
const documentStart = /(?<![^\n])(?:%[^\n]*\n(?:[%#][^\n]*\n)*)?---(?=\s|$)/g;

/** The documents of a file in YAML (or JSON, which is YAML too), empty ones left out. Never throws. */
export function readDocuments(text: string): readonly ManifestDocument[] {
  const lines = countLines(text);
  const starts = [0, ...[...text.matchAll(documentStart)].map((match) => match.index)];
  return starts.flatMap((start, index) => {
    const position = (offset: number): TextPosition => {
      const { line, col } = lines.linePos(start + offset);
      return { line, column: col };
    };
    return readChunk(text.slice(start, starts[index + 1]), position);
  });
}

function countLines(text: string): LineCounter {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1);
  return lines;
}

/** There can be more than one document in a chunk: `...` ends one as well. */
function readChunk(chunk: string, position: (offset: number) => TextPosition): readonly ManifestDocument[] {
  try {
    const documents = parseAllDocuments(chunk, parseOptions);
    if ('empty' in documents) return [];
    return documents.map((document) => readDocument(document, position)).filter((document) => !isEmpty(document));
  } catch (error) {
    return [{ syntaxError: explain(error), position: position(0) }];
  }
}

function isEmpty(document: ManifestDocument): boolean {
  return 'value' in document && (document.value === null || document.value === undefined);
}

/** Only the first error of a document is told: the others mostly follow from it. */
function readDocument(document: YamlDocument, position: (offset: number) => TextPosition): ManifestDocument {
  const [error] = document.errors;
  if (error !== undefined) return { syntaxError: explain(error), position: position(error.pos[0]) };
  const offsetOf = (path: FieldPath): number => nodeAt(document, path)?.range?.[0] ?? document.range[0];
  try {
    const value: unknown = document.toJS();
    JSON.stringify(value); // throws when an alias leads back into itself
    return { value, locate: (path) => position(offsetOf(path)) };
  } catch (cause) {
    return { syntaxError: explain(cause), position: position(offsetOf([])) };
  }
}

/** The node that a path leads to, or the last one on the way to it. */
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
  if (error instanceof RangeError) return 'nested too deeply, or an alias leads back into itself';
  if (error instanceof TypeError) return 'an alias leads back into itself; an object must be a tree';
  const message = error instanceof Error ? error.message : String(error);
  return message.slice(0, maxMessageLength);
}
