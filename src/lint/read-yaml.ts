import { isMap, Lexer, parseAllDocuments, type Document, type YAMLError } from 'yaml';
import { describeYamlError } from '../config/settings/yaml-file.ts';
import { showText } from '../config/settings/show-value.ts';
import { isNestedTooDeeply, maxYamlNesting } from '../text/yaml-nesting.ts';
import type { Finding, Range } from './problem.ts';
import { YamlTree, type ReportYaml, type Source, type YamlValue } from './yaml-value.ts';

/** The most YAML tokens (words and signs) in a file. The manifests of an operator with all its resources have a tenth of them. */
const maxTokens = 2_000_000;

export interface ReadYaml {
  /** The documents that are YAML; empty ones are left out. */
  readonly documents: readonly YamlValue[];
  readonly findings: readonly Finding[];
}

/** Reads all YAML documents of a text. Never throws: what is wrong is a finding. */
export function readYaml(source: Source): ReadYaml {
  const excess = excessOf(source.text);
  if (excess !== undefined) return refused(source, excess);
  try {
    const documents = parseAllDocuments(source.text, {
      schema: 'core',
      resolveKnownTags: false,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'error',
    });
    return merge('empty' in documents ? [] : documents, source);
  } catch (error) {
    // The stack may end in an expression of the parser, which then says that it is no expression.
    const isDepth = error instanceof RangeError || /call stack/.test(String(error));
    return refused(source, isDepth ? 'it is nested too deeply' : showText(String(error)));
  }
}

function refused({ place }: Source, why: string): ReadYaml {
  const range = { start: place(0), end: place(0) };
  const hint = 'is it the right file? If so, split it';
  return { documents: [], findings: [{ code: 'yaml-syntax', range, message: `not read: ${why}`, hint }] };
}

/** Why a text is too much for the parser, found before parsing. */
function excessOf(text: string): string | undefined {
  if (isNestedTooDeeply(text)) return 'it is nested too deeply';
  let [tokens, depth] = [0, 0];
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') depth++;
    if (token === ']' || token === '}') depth--;
    if (depth > maxYamlNesting) return 'it is nested too deeply';
    if (++tokens > maxTokens) return `it has more than ${maxTokens} words and signs`;
  }
  return undefined;
}

function merge(documents: readonly Document[], source: Source): ReadYaml {
  const findings: Finding[] = [...loneReturn(source)];
  const values: YamlValue[] = [];
  for (const document of documents) {
    const { errors, warnings, contents } = document;
    findings.push(...firstOfEachLine(errors, source).map((error) => syntaxFinding(error, source)));
    findings.push(...warnings.map((warning) => tagFinding(warning, source)));
    if (errors.length > 0 || contents === null) continue;
    if (isMap(contents) && isMap(contents.items[0]?.key)) {
      findings.push(templateFinding(rangeOf({ pos: [contents.range![0], contents.range![0]] }, source)));
      continue;
    }
    const value = new YamlTree(source, reporter(findings)).build(contents);
    if (value !== undefined && value.kind !== 'null') values.push(value);
  }
  return { documents: values, findings: firstTemplate(findings) };
}

/** The programs begin a new line there, and the YAML of today does not: what stands behind it is read differently. */
function loneReturn({ text, place }: Source): readonly Finding[] {
  const at = text.search(/\r(?!\n)/);
  if (at === -1) return [];
  const range = { start: place(at), end: place(at) };
  const message = 'a line ends with a carriage return alone, which is no end of a line in YAML 1.2';
  return [{ code: 'yaml-syntax', range, message, hint: 'save the file with LF or CRLF at the end of its lines' }];
}

/** A template has dozens of places that are no YAML: one says it all, and nothing else of the file is worth telling. */
function firstTemplate(findings: readonly Finding[]): readonly Finding[] {
  const template = findings.find(({ code }) => code === 'yaml-template');
  return template === undefined ? findings : [template];
}

/** One mistake makes the parser complain more than once, mostly in the same line. */
function firstOfEachLine(errors: readonly YAMLError[], { text }: Source): readonly YAMLError[] {
  const byLine = new Map<number, YAMLError>();
  for (const error of errors.toSorted((one, other) => one.pos[0] - other.pos[0])) {
    const line = text.lastIndexOf('\n', error.pos[0] - 1);
    if (!byLine.has(line)) byLine.set(line, error);
  }
  return [...byLine.values()];
}

function rangeOf(error: Pick<YAMLError, 'pos'>, { place }: Source): Range {
  const [start, end] = error.pos;
  return { start: place(start), end: Math.max(place(start), place(end)) };
}

function syntaxFinding(error: YAMLError, source: Source): Finding {
  const range = rangeOf(error, source);
  if (isTemplate(source.text, error.pos[0])) return templateFinding(range);
  return { code: 'yaml-syntax', range, message: describeYamlError(error), hint: 'mend the YAML; then run this again' };
}

/** A document that begins with "{{" may be YAML by accident: a map in a map. */
function templateFinding(range: Range): Finding {
  const message = 'not valid YAML: "{{" begins a template of Helm or Go';
  return { code: 'yaml-template', range, message, hint: 'check what it renders: helm template RELEASE CHART' };
}

/** True if the line with the mistake, or the one before it, has the braces of a template. */
function isTemplate(text: string, at: number): boolean {
  const start = text.lastIndexOf('\n', text.lastIndexOf('\n', at - 1) - 1) + 1;
  const end = text.indexOf('\n', at);
  return /(?:^|[\s:])\{\{-?\s*(?:\.|\$|if|range|with|include|template|define|end|toYaml|tpl|\/\*)/m.test(
    text.slice(start, end === -1 ? text.length : end),
  );
}

function tagFinding(warning: YAMLError, source: Source): Finding {
  const message = describeYamlError(warning);
  return { code: 'yaml-tag', range: rangeOf(warning, source), message, hint: 'write the value without it' };
}

const yamlTexts = {
  'duplicate-key': (key: string) => [`${showText(key)}: given twice`, 'remove one: programs take the last or refuse'],
  'yaml-alias': (text: string) => [text, 'put the "&" anchor before its "*" aliases'],
  'yaml-bomb': (text: string) => [text, 'write fewer aliases of aliases'],
} as const;

function reporter(findings: Finding[]): ReportYaml {
  return (code, range, text) => {
    const [message, hint] = yamlTexts[code](text) as [string, string];
    findings.push({ code, range, message, hint });
  };
}
