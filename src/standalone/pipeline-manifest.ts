import type { Pipeline } from '../reconcile/ports.ts';
import {
  readConditions,
  childField,
  isAbsent,
  readInteger,
  readList,
  readObject,
  readString,
  type FieldPath,
  type ManifestField,
} from './manifest-field.ts';
import {
  DocumentBudget,
  readDocuments,
  splitDocuments,
  type DocumentText,
  type ManifestDocument,
  type ManifestLimit,
  type TextPosition,
} from './manifest-documents.ts';
import { kymaGroup, kymaKindNames, kymaVersions } from '../reconcile/kyma-kinds.ts';
import { dnsLabelRule, dnsSubdomainRule, isDnsLabel, isDnsSubdomain } from '../text/kubernetes.ts';

/** A problem in a manifest file, and its position; the message says what was found and what is allowed. */
export interface ManifestProblem extends TextPosition {
  readonly file: string;
  readonly message: string;
  /** The limit that is exceeded, if that is the problem. */
  readonly limit?: ManifestLimit;
}

/** An object as its manifest describes it. */
export interface ManifestObject extends Pipeline {
  /** `metadata.labels`; absent if there are none. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** A kind of object besides pipelines that is read too. */
export interface ManifestKind {
  readonly apiVersion: string;
  readonly kind: string;
}

export interface PipelineManifest {
  /** In the order of the file. Two pipelines can have the same kind and name. */
  readonly pipelines: readonly ManifestObject[];
  readonly problems: readonly ManifestProblem[];
  /** True if a document that is, or may be, a pipeline could not be read: a missing pipeline may then still exist. */
  readonly incomplete: boolean;
}

type Outcome = ManifestObject | 'foreign' | 'broken';

/**
 * Reads the pipelines of one manifest file: YAML with any number of documents, JSON, `kind: List`. A broken document or item is
 * reported as a problem, and the others are still read. Never throws. `metadata.namespace` of a pipeline is ignored: the kinds are
 * cluster-scoped.
 * @param kinds that are read besides
 */
export function parsePipelineManifest(
  text: string,
  file: string,
  kinds: readonly ManifestKind[] = [],
): PipelineManifest {
  return joinManifests([...documentManifests(text, file, { kinds })]);
}

interface DocumentOptions {
  /** The number of the last document to skip. Default: none. */
  readonly after?: number;
  readonly kinds: readonly ManifestKind[];
  readonly onBegin?: (document: DocumentText) => void;
}

/** The same, document by document. */
export function* documentManifests(
  text: string,
  file: string,
  { after = 0, kinds, onBegin }: DocumentOptions,
): Generator<PipelineManifest> {
  const budget = new DocumentBudget();
  for (const document of splitDocuments(text)) {
    const refused = budget.refuse(document);
    if (document.number > after) {
      onBegin?.(document);
      yield refused === undefined
        ? readManifest(document, file, kinds)
        : brokenManifest({ file, ...document.position(0), message: refused.problem, limit: refused.limit });
    }
    if (refused?.isLast === true) return;
  }
}

export function joinManifests(parts: readonly PipelineManifest[]): PipelineManifest {
  return {
    pipelines: parts.flatMap(({ pipelines }) => pipelines),
    problems: parts.flatMap(({ problems }) => problems),
    incomplete: parts.some(({ incomplete }) => incomplete),
  };
}

export function brokenManifest(problem: ManifestProblem): PipelineManifest {
  return { pipelines: [], problems: [problem], incomplete: true };
}

function readManifest(document: DocumentText, file: string, kinds: readonly ManifestKind[]): PipelineManifest {
  const problems: ManifestProblem[] = [];
  const outcomes = readDocuments(document).flatMap((found) => readDocument(found, { file, problems, kinds }));
  const pipelines = outcomes.filter((outcome) => typeof outcome !== 'string');
  return { pipelines, problems, incomplete: outcomes.includes('broken') };
}

interface Reading {
  readonly file: string;
  readonly problems: ManifestProblem[];
  readonly kinds: readonly ManifestKind[];
}

function readDocument(document: ManifestDocument, reading: Reading): readonly Outcome[] {
  const { file, problems } = reading;
  if ('problem' in document) {
    const { problem: message, position, limit } = document;
    problems.push({ file, ...position, message, ...(limit !== undefined && { limit }) });
    return ['broken'];
  }
  const report = (path: FieldPath, message: string): void => {
    problems.push({ file, ...document.locate(path), message });
  };
  const root: ManifestField = { value: document.value, path: [], report };
  if (!isList(root)) return [readItem(root, reading)];
  return readList(childField(root, 'items'))?.map((item) => readItem(item, reading)) ?? ['broken'];
}

const apiVersions: readonly string[] = kymaVersions.map((version) => `${kymaGroup}/${version}`);

/** A list is what `kubectl get -o yaml` prints for several objects. */
function isList(field: ManifestField): boolean {
  return childField(field, 'kind').value === 'List' && childField(field, 'apiVersion').value === 'v1';
}

function readItem(field: ManifestField, { problems, kinds }: Reading): Outcome {
  const before = problems.length;
  const isTarget = kinds.some((kind) => isOf(field, kind));
  const object = isTarget ? readTarget(field) : readPipeline(field);
  if (object !== undefined && problems.length === before) return object;
  return !isTarget && isForeign(field) ? 'foreign' : 'broken';
}

function isOf(field: ManifestField, { apiVersion, kind }: ManifestKind): boolean {
  return childField(field, 'apiVersion').value === apiVersion && childField(field, 'kind').value === kind;
}

/** An object of a kind that a trigger names. */
function readTarget(field: ManifestField): ManifestObject | undefined {
  const metadataField = childField(field, 'metadata');
  const metadata = readMetadata(metadataField);
  const namespaceField = childField(metadataField, 'namespace');
  const namespace = isAbsent(namespaceField) ? undefined : readString(namespaceField, dnsLabelRule, isDnsLabel);
  const conditions = readStatus(childField(field, 'status'));
  if (metadata === undefined) return undefined;
  const apiVersion = childField(field, 'apiVersion').value as string;
  const kind = childField(field, 'kind').value as string;
  return { apiVersion, kind, ...(namespace !== undefined && { namespace }), ...metadata, spec: {}, conditions };
}

/** An object of another API group, such as a Secret in the same file. */
function isForeign(field: ManifestField): boolean {
  const apiVersion = childField(field, 'apiVersion').value;
  return typeof apiVersion === 'string' && apiVersion !== '' && !apiVersion.startsWith(`${kymaGroup}/`);
}

function readPipeline(field: ManifestField): ManifestObject | undefined {
  if (readObject(field) === undefined) return undefined;
  // One complaint is enough about an object that is not a pipeline; the rest of it does not concern us.
  const apiVersion = readOneOf(childField(field, 'apiVersion'), apiVersions);
  if (apiVersion === undefined) return undefined;
  const kind = readOneOf(childField(field, 'kind'), kymaKindNames);
  if (kind === undefined) return undefined;
  const metadata = readMetadata(childField(field, 'metadata'));
  const spec = readOptionalObject(childField(field, 'spec'));
  const conditions = readStatus(childField(field, 'status'));
  if (metadata === undefined || spec === undefined) return undefined;
  return { apiVersion, kind, ...metadata, spec, conditions };
}

function readOneOf(field: ManifestField, allowed: readonly string[]): string | undefined {
  return readString(field, `one of ${allowed.join(', ')}`, (text) => allowed.includes(text));
}

function readMetadata(field: ManifestField): Pick<ManifestObject, 'name' | 'generation' | 'labels'> | undefined {
  if (readObject(field) === undefined) return undefined;
  const name = readString(childField(field, 'name'), dnsSubdomainRule, isDnsSubdomain);
  const generationField = childField(field, 'generation');
  const generation = isAbsent(generationField) ? 1 : readInteger(generationField, 1);
  const labels = readLabels(childField(field, 'labels'));
  if (name === undefined || generation === undefined) return undefined;
  return { name, generation, ...(labels !== undefined && { labels }) };
}

/** Only a selector asks for labels, so a value that is no text is left out and no problem. */
function readLabels({ value }: ManifestField): ManifestObject['labels'] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const labels = Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return labels.length === 0 ? undefined : Object.fromEntries(labels);
}

function readOptionalObject(field: ManifestField): Readonly<Record<string, unknown>> | undefined {
  return isAbsent(field) ? {} : readObject(field);
}

function readStatus(field: ManifestField): Pipeline['conditions'] {
  const status = readOptionalObject(field);
  return status === undefined ? [] : readConditions(childField(field, 'conditions'));
}
