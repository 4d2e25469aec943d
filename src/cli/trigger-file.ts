import { isMap, LineCounter, parseAllDocuments, type Document, type ParsedNode } from 'yaml';
import { showText } from '../config/settings/show-value.ts';
import { describeRefusal, withSuggestion } from '../config/settings/reader.ts';
import { nearestName } from '../config/settings/unknown-key.ts';
import { triggerRules, type TriggersConfig } from '../config/triggers-section.ts';
import { dnsSubdomainRule, isDnsSubdomain } from '../text/kubernetes.ts';
import { isNestedTooDeeply } from '../text/yaml-nesting.ts';
import { readTrigger, unknownFields, type TriggerIdentity } from '../trigger/read-trigger.ts';
import { triggerKey, type Trigger } from '../trigger/trigger.ts';
import { TriggerSpec } from '../trigger/trigger-spec.ts';

/** Something wrong in a file. */
export interface FileProblem {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  /** The key of the trigger, if it is one. */
  readonly trigger?: string;
  /** As Kubernetes writes it: `spec.matchers[0]`. */
  readonly path?: string;
  readonly message: string;
}

/** A good trigger of a file. */
export interface FoundTrigger {
  readonly trigger: Trigger;
  /** What was changed to meet the limits. */
  readonly notes: readonly string[];
}

export interface TriggerFile {
  readonly triggers: readonly FoundTrigger[];
  readonly problems: readonly FileProblem[];
}

/** What a file is read with. */
export interface FileContext {
  readonly admin: TriggersConfig;
  /** Of an AlertTrigger that names none. */
  readonly namespace: string;
  /** Gives `triggers` of a configuration file, or what is wrong with it. */
  readonly readConfig: (
    file: string,
  ) => { readonly triggers: TriggersConfig } | { readonly problems: readonly string[] };
}

type Fields = Readonly<Record<string, unknown>>;

/** In characters. The parser may make an object of every few of them. */
const maxCharacters = 1024 ** 2;

/** Reads the custom resources in a file, or the triggers of a configuration. Other resources are left alone. */
export function readTriggerFile(file: string, text: string, context: FileContext): TriggerFile {
  const tooLarge = 'found a file that is too large or too deep, allowed: 1 MiB of text; is it the right file?';
  if (text.length > maxCharacters || isNestedTooDeeply(text)) return onlyProblem({ file, message: tooLarge });
  const lines = new LineCounter();
  const documents = documentsIn(text, lines);
  if (documents === undefined) return onlyProblem({ file, message: tooLarge });
  if ('empty' in documents) return onlyProblem({ file, message: 'found nothing, allowed: triggers' });
  const [first] = documents;
  if (documents.length === 1 && isMap(first?.contents) && !first.has('apiVersion'))
    return readConfigFile(file, context);
  const read = documents.map((document) => readDocument(document, { ...context, file, lines }));
  const joined = {
    triggers: read.flatMap(({ triggers }) => triggers),
    problems: read.flatMap(({ problems }) => problems),
  };
  if (joined.triggers.length + joined.problems.length > 0) return joined;
  return onlyProblem({
    file,
    message: 'found no trigger, allowed: an AlertTrigger, a ClusterAlertTrigger, or a configuration of Tocsin',
  });
}

/** Undefined if the parser runs out of stack: brackets may be nested in few characters. */
function documentsIn(
  text: string,
  lineCounter: LineCounter,
): ReturnType<typeof parseAllDocuments<ParsedNode>> | undefined {
  try {
    return parseAllDocuments<ParsedNode>(text, {
      schema: 'core',
      resolveKnownTags: false,
      prettyErrors: false,
      logLevel: 'error',
      lineCounter,
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function onlyProblem(problem: FileProblem): TriggerFile {
  return { triggers: [], problems: [problem] };
}

function readConfigFile(file: string, { readConfig }: FileContext): TriggerFile {
  const loaded = readConfig(file);
  if ('problems' in loaded) return { triggers: [], problems: loaded.problems.map((problem) => placed(file, problem)) };
  const rules = triggerRules(loaded.triggers, undefined);
  const triggers = loaded.triggers.list.flatMap(({ name, namespace, spec }): FoundTrigger[] => {
    const identity = { origin: 'file', name, ...(namespace !== undefined && { namespace }), generation: 0 } as const;
    const read = readTrigger(identity, spec, rules);
    return 'trigger' in read ? [read] : [];
  });
  if (triggers.length > 0) return { triggers, problems: [] };
  return onlyProblem({ file, message: 'found no trigger, allowed: entries of triggers.list' });
}

/** A problem of a configuration begins with its place. */
function placed(file: string, problem: string): FileProblem {
  const start = `${showText(file)}:`;
  const rest = problem.startsWith(start) ? problem.slice(start.length) : problem;
  const [, line, column, message] = /^(\d+):(\d+): (.*)$/s.exec(rest) ?? [];
  return message === undefined
    ? { file, message: rest }
    : { file, line: Number(line), column: Number(column), message };
}

interface DocumentContext extends FileContext {
  readonly file: string;
  readonly lines: LineCounter;
}

function readDocument(document: Document.Parsed, context: DocumentContext): TriggerFile {
  const { file, lines } = context;
  const [error] = document.errors;
  if (error !== undefined)
    return onlyProblem({ file, ...positionAt(lines, error.pos[0]), message: showText(error.message) });
  let value: unknown;
  try {
    value = document.toJS();
  } catch (cause) {
    // Aliases that multiply, or too deep for the stack.
    if (!(cause instanceof ReferenceError || cause instanceof RangeError)) throw cause;
    return onlyProblem({ file, message: `${cause.message}; allowed: at most 100 uses of an alias` });
  }
  if (value === null || typeof value !== 'object') return { triggers: [], problems: [] };
  const items = isList((value as Fields)['kind']) ? (value as Fields)['items'] : undefined;
  if (!Array.isArray(items)) return readResource(value as Fields, [], { ...context, document });
  const read = items.map((item, index) => readResource(item as Fields, ['items', index], { ...context, document }));
  return { triggers: read.flatMap(({ triggers }) => triggers), problems: read.flatMap(({ problems }) => problems) };
}

const group = 'tocsin.dev';
const apiVersion = `${group}/v1alpha1`;
const kinds = ['AlertTrigger', 'ClusterAlertTrigger'] as const;

interface ResourceContext extends DocumentContext {
  readonly document: Document.Parsed;
}

/** `List` is kubectl's, the others are those of the API server. */
function isList(kind: unknown): boolean {
  return kind === 'List' || kinds.some((each) => kind === `${each}List`);
}

function readResource(
  resource: Fields | null | undefined,
  at: readonly (string | number)[],
  context: ResourceContext,
): TriggerFile {
  const { file, lines, document, admin } = context;
  if (resource === null || typeof resource !== 'object') return { triggers: [], problems: [] };
  if (!String(resource['apiVersion']).startsWith(`${group}/`)) return { triggers: [], problems: [] };
  const problem = (keys: readonly (string | number)[], rest: Omit<FileProblem, 'file'>): FileProblem => ({
    file,
    ...positionAt(lines, offsetOf(document, [...at, ...keys])),
    ...rest,
  });
  const identity = identityOf(resource, context.namespace);
  if ('key' in identity) return onlyProblem(problem([identity.key], { path: identity.key, message: identity.message }));
  const trigger = triggerKey(identity);
  const spec = resource['spec'] ?? {};
  const read = readTrigger(identity, spec, triggerRules(admin, undefined));
  // kubectl refuses them, as the schema of the resources does not know them.
  const unknown = [...unknownFields(TriggerSpec, spec, [])].map(({ keys, message }) => ({
    keys,
    path: `spec.${keys.join('.')}`,
    message,
  }));
  const problems = [...('problems' in read ? read.problems : []), ...unknown].map(({ keys, path, message }) =>
    problem(['spec', ...keys], { trigger, path, message }),
  );
  return { triggers: 'trigger' in read && problems.length === 0 ? [read] : [], problems };
}

function identityOf(
  resource: Fields,
  defaultNamespace: string,
): TriggerIdentity | { readonly key: string; readonly message: string } {
  const { kind, metadata } = resource;
  if (resource['apiVersion'] !== apiVersion)
    return { key: 'apiVersion', message: describeRefusal(resource['apiVersion'], { allowed: apiVersion }) };
  const origin = kinds.find((each) => each === kind);
  if (origin === undefined) {
    const found = describeRefusal(kind, { allowed: kinds.join(', '), suggestion: nearestName(String(kind), kinds) });
    return { key: 'kind', message: found };
  }
  const { name, namespace = defaultNamespace } = (metadata ?? {}) as Fields;
  if (typeof name !== 'string' || !isDnsSubdomain(name))
    return {
      key: 'metadata',
      message: withSuggestion('found no name', undefined, `metadata.name, ${dnsSubdomainRule}`),
    };
  const scope = origin === 'AlertTrigger' ? { namespace: String(namespace) } : {};
  return { origin, ...scope, name, generation: 1 };
}

function positionAt(lines: LineCounter, offset: number): { readonly line: number; readonly column: number } {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

/** Where the value at a path begins, or the nearest one above it that is there. */
function offsetOf(document: Document.Parsed, keys: readonly (string | number)[]): number {
  for (let length = keys.length; length > 0; length--) {
    const node = document.getIn(keys.slice(0, length), true);
    if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range))
      return Number(node.range[0]);
  }
  return document.contents?.range[0] ?? 0;
}
