export type FieldPath = readonly (string | number)[];

/** Takes a problem found at a path; the path may lead to a field that is not there. */
export type ReportProblem = (path: FieldPath, message: string) => void;

/** A value in a manifest, with the way that leads to it, so that a complaint can say where it is. */
export interface ManifestField {
  readonly value: unknown;
  readonly path: FieldPath;
  readonly report: ReportProblem;
}

const maxExcerptLength = 60;

/** The field of an object or the element of a list; its value is undefined if there is none. */
export function childField({ value, path, report }: ManifestField, key: string | number): ManifestField {
  const known = isContainer(value) && Object.hasOwn(value, key);
  return { value: known ? value[key] : undefined, path: [...path, key], report };
}

/** True if the field is not there, or there with nothing after the colon: Kubernetes takes both for the same. */
export function isAbsent({ value }: ManifestField): boolean {
  return value === undefined || value === null;
}

/** The string if it is acceptable; otherwise reports what was found, and what `allowed` says, and gives undefined. */
export function readString(
  field: ManifestField,
  allowed: string,
  accepts: (text: string) => boolean,
): string | undefined {
  if (typeof field.value === 'string' && accepts(field.value)) return field.value;
  return reject(field, allowed);
}

/** The whole number if it is at least `minimum`; otherwise reports and gives undefined. */
export function readInteger(field: ManifestField, minimum: number): number | undefined {
  const { value } = field;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= minimum) return value;
  return reject(field, minimum === 1 ? 'a positive whole number' : `a whole number of at least ${minimum}`);
}

/** The object; otherwise reports and gives undefined. */
export function readObject(field: ManifestField): Readonly<Record<string, unknown>> | undefined {
  const { value } = field;
  if (isContainer(value) && !Array.isArray(value)) return value;
  return reject(field, 'an object');
}

/** The elements of the list, each with its path; otherwise reports and gives undefined. */
export function readList(field: ManifestField): readonly ManifestField[] | undefined {
  if (Array.isArray(field.value)) return field.value.map((_, index) => childField(field, index));
  return reject(field, 'a list');
}

/** Reports that a field holds what it may not. */
export function reject(field: ManifestField, allowed: string): undefined {
  const found = field.value === undefined ? 'is missing' : `is ${describeFound(field.value)}`;
  field.report(field.path, `${describePath(field.path)} ${found}; it must be ${allowed}`);
}

/** True for an object or a list. */
function isContainer(value: unknown): value is Readonly<Record<string | number, unknown>> {
  return typeof value === 'object' && value !== null;
}

function describePath(path: FieldPath): string {
  if (path.length === 0) return 'the document';
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');
}

/** A long text is cut: it is there to be recognised, and a log line has an end. */
function describeFound(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value !== 'string') return `the ${typeof value} ${JSON.stringify(value)}`;
  return value.length > maxExcerptLength
    ? `${JSON.stringify(value.slice(0, maxExcerptLength))}…`
    : JSON.stringify(value);
}
