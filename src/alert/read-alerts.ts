import { BatchError } from './batch-error.ts';
import { isZeroTime, parseDateTime } from './date-time.ts';
import { JsonError } from './json-error.ts';
import { JsonReader, type Sliced } from './json-reader.ts';
import type { LabelSet } from './label-set.ts';
import { noAnnotations, postableAlert, type PostableAlert } from './postable-alert.ts';
import { isRequestUri } from './request-uri.ts';

/** A step: an alert that has been read, or nothing but a chance for others to run. */
export type ReadStep = PostableAlert | undefined;

/** What has been read of one alert; the fields that were absent or null are undefined. */
interface Draft {
  labels?: LabelSet;
  annotations?: LabelSet;
  startsAt?: number | undefined;
  endsAt?: number | undefined;
  generatorURL?: string;
}

/**
 * Reads the body of `POST /api/v2/alerts` in small steps, whatever it holds, with every rule of Alertmanager 0.34's schema
 * stage: only the first JSON value is read, names of fields match in any letter case, unknown fields are passed over,
 * `null` stands for absent. Differs on purpose: a null alert is an error. Throws BatchError with the alert's index; as the
 * body is decoded before it is validated, a 400 anywhere comes before any 422.
 * @param text well-formed Unicode
 */
export function* readAlerts(text: string, maxLabels: number): Generator<ReadStep, void> {
  try {
    yield* readArray(new JsonReader(text), maxLabels);
  } catch (error) {
    throw error instanceof JsonError ? BatchError.unreadable(error.message) : error;
  }
}

function* readArray(reader: JsonReader, maxLabels: number): Generator<ReadStep, void> {
  if (reader.peek() === undefined) throw BatchError.required('alerts');
  if (reader.peek() === 'null') return;
  if (reader.peek() !== 'array') reader.fail('an array of alerts: the body is a list, as Prometheus sends it');
  let invalid: BatchError | undefined;
  for (let index = 0, more = reader.nextElement(true); more; index++, more = reader.nextElement(false)) {
    const draft: Draft = yield* readDraft(reader, index, maxLabels);
    invalid ??= schemaError(draft, index);
    if (invalid === undefined) yield finished(draft, maxLabels);
  }
  if (invalid !== undefined) throw invalid;
}

function* readDraft(reader: JsonReader, index: number, maxLabels: number): Sliced<Draft> {
  if (reader.peek() !== 'object') reader.fail(`an object: alert ${index} is none`);
  const draft: Draft = {};
  for (let more = reader.nextMember(true); more; more = reader.nextMember(false)) {
    const name = yield* reader.name();
    yield* readField(reader, name.toLowerCase(), draft, index, maxLabels);
  }
  return draft;
}

function schemaError({ labels, generatorURL }: Draft, index: number): BatchError | undefined {
  if (labels === undefined) return BatchError.required(`${index}.labels`);
  if (generatorURL === undefined || generatorURL === '' || isRequestUri(generatorURL)) return undefined;
  return BatchError.notUri(`${index}.generatorURL`, generatorURL);
}

function finished(draft: Draft, maxLabels: number): PostableAlert {
  const { labels = {}, annotations = noAnnotations, startsAt, endsAt, generatorURL = '' } = draft;
  return postableAlert({ labels, annotations, startsAt, endsAt, generatorURL }, maxLabels);
}

function* readField(reader: JsonReader, name: string, draft: Draft, index: number, maxLabels: number): Sliced<void> {
  switch (name) {
    case 'labels':
    case 'annotations':
      return assign(draft, name, yield* readLabelSet(reader, `${index}.${name}`, maxLabels));
    case 'startsat':
      return assign(draft, 'startsAt', yield* readTime(reader, `${index}.startsAt`));
    case 'endsat':
      return assign(draft, 'endsAt', yield* readTime(reader, `${index}.endsAt`));
    case 'generatorurl':
      return assign(draft, 'generatorURL', yield* readString(reader, `${index}.generatorURL`));
    default:
      return yield* reader.skip();
  }
}

/** Of fields that are given twice the last one wins. */
function assign<Field extends keyof Draft>(draft: Draft, field: Field, value: Draft[Field]): void {
  if (value !== undefined) draft[field] = value;
  else delete draft[field];
}

function* readLabelSet(reader: JsonReader, path: string, maxLabels: number): Sliced<LabelSet | undefined> {
  if (reader.peek() === 'null') return void reader.null();
  if (reader.peek() !== 'object') reader.fail(`an object of strings: ${path}`);
  const pairs = new Map<string, string>();
  for (let more = reader.nextMember(true); more; more = reader.nextMember(false)) {
    const name = yield* reader.name();
    const value = (yield* readString(reader, path)) ?? '';
    // One more than the limit is enough to see that there are too many; the rest is read and let go.
    if (pairs.size <= maxLabels) pairs.set(name, value);
    yield;
  }
  return Object.fromEntries(pairs);
}

function* readTime(reader: JsonReader, path: string): Sliced<number | undefined> {
  const text = yield* readString(reader, path);
  if (text === undefined || isZeroTime(text)) return undefined;
  const time = parseDateTime(text);
  if (time !== undefined) return time;
  throw BatchError.unreadable(`${path} is no date-time: ${JSON.stringify(text.slice(0, 60))}, expected RFC 3339`);
}

function* readString(reader: JsonReader, path: string): Sliced<string | undefined> {
  if (reader.peek() === 'null') return void reader.null();
  if (reader.peek() !== 'string') reader.fail(`a string: ${path}`);
  return yield* reader.string();
}
