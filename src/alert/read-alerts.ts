import { BatchError } from './batch-error.ts';
import { isZeroTime, parseDateTime } from './date-time.ts';
import { fieldName } from './field-name.ts';
import { JsonError } from './json-error.ts';
import { JsonReader } from './json-reader.ts';
import type { LabelSet } from './label-set.ts';
import { noAnnotations, postableAlert, type PostableAlert } from './postable-alert.ts';
import { isRequestUri } from './request-uri.ts';
import type { Sliced } from './sliced.ts';

/** Most characters of a date-time. Alertmanager takes any number of digits and blanks; nine of the digits count. */
const longestTime = 1024;

/** A step: an alert that has been read, or, in what is long, nothing but a chance for others to run. */
export type ReadStep = PostableAlert | undefined;

/** What has been read of one alert; the fields that were absent or null are undefined. */
interface Draft {
  labels?: LabelSet | undefined;
  annotations?: LabelSet | undefined;
  startsAt?: number | undefined;
  endsAt?: number | undefined;
  generatorURL?: string | undefined;
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
  yield* reader.start();
  if (reader.peek() === undefined) throw BatchError.required('alerts');
  if (reader.peek() === 'null') return;
  if (reader.peek() !== 'array') reader.fail('an array of alerts: the body is a list, as Prometheus sends it');
  let invalid: BatchError | undefined;
  let index = 0;
  for (let more = yield* reader.nextElement(true); more; more = yield* reader.nextElement(false)) {
    const draft: Draft = yield* readDraft(reader, index, maxLabels);
    invalid ??= schemaError(draft, index);
    if (invalid === undefined) yield finished(draft, maxLabels);
    index++;
  }
  if (invalid !== undefined) throw invalid;
}

function* readDraft(reader: JsonReader, index: number, maxLabels: number): Sliced<Draft> {
  if (reader.peek() !== 'object') reader.fail(`an object: alert ${index} is none`);
  const draft: Draft = {};
  for (let more = yield* reader.nextMember(true); more; more = yield* reader.nextMember(false)) {
    yield* readField(reader, yield* reader.name(), draft, index, maxLabels);
  }
  return draft;
}

/** In the order of Alertmanager's validation. */
function schemaError({ labels, generatorURL = '' }: Draft, index: number): BatchError | undefined {
  if (generatorURL !== '' && !isRequestUri(generatorURL))
    return BatchError.notUri(`${index}.generatorURL`, generatorURL);
  return labels === undefined ? BatchError.required(`${index}.labels`) : undefined;
}

function finished(draft: Draft, maxLabels: number): PostableAlert {
  const { labels = {}, annotations = noAnnotations, startsAt, endsAt, generatorURL = '' } = draft;
  return postableAlert({ labels, annotations, startsAt, endsAt, generatorURL }, maxLabels);
}

/** Of a field that is given twice the last one wins, but a time that is null does not count. */
function* readField(reader: JsonReader, name: string, draft: Draft, index: number, maxLabels: number): Sliced<void> {
  const field = fieldName(name);
  switch (field) {
    case 'labels':
    case 'annotations':
      draft[field] = yield* readLabelSet(reader, `${index}.${field}`, maxLabels);
      break;
    case 'startsAt':
    case 'endsAt':
      draft[field] = yield* readTime(reader, `${index}.${field}`, draft[field]);
      break;
    case 'generatorURL':
      draft.generatorURL = yield* readString(reader, `${index}.${field}`);
      break;
    case undefined:
      yield* reader.skip();
  }
}

function* readLabelSet(reader: JsonReader, path: string, maxLabels: number): Sliced<LabelSet | undefined> {
  if (reader.peek() === 'null') return void reader.null();
  if (reader.peek() !== 'object') reader.fail(`an object of strings: ${path}`);
  const pairs = new Map<string, string>();
  for (let more = yield* reader.nextMember(true); more; more = yield* reader.nextMember(false)) {
    const name = yield* reader.name();
    const value = (yield* readString(reader, path)) ?? '';
    // One more than the limit is enough to see that there are too many; the rest is read and let go.
    if (pairs.size <= maxLabels) pairs.set(name, value);
  }
  return Object.fromEntries(pairs);
}

/** @param before what a null stands for: what the field was before */
function* readTime(reader: JsonReader, path: string, before: number | undefined): Sliced<number | undefined> {
  const text = yield* readString(reader, path);
  if (text === undefined) return before;
  const time = text.length > longestTime ? undefined : parseDateTime(text);
  if (time !== undefined) return isZeroTime(time) ? undefined : time;
  throw BatchError.unreadable(`${path} is no date-time: ${JSON.stringify(text.slice(0, 60))}, expected RFC 3339`);
}

function* readString(reader: JsonReader, path: string): Sliced<string | undefined> {
  if (reader.peek() === 'null') return void reader.null();
  if (reader.peek() !== 'string') reader.fail(`a string: ${path}`);
  return yield* reader.string();
}
