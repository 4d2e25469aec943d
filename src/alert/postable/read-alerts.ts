import { BatchError, noAnnotations, postableAlert } from './postable-alert.ts';
import type { PostableAlert } from '../alert.ts';
import { JsonError } from '../../text/json-scanner.ts';
import { JsonReader } from '../../text/json-reader.ts';
import { isRequestUri } from '../../text/go/url.ts';
import { isZeroTime, parseDateTime } from '../../text/go/date-time.ts';
import type { LabelSet } from '../labels.ts';
import type { Sliced } from '../../runtime/slices.ts';

/** A step: an alert that has been read, or, in what is long, nothing but a chance for others to run. */
export type ReadStep = PostableAlert | undefined;

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
    if (reader.peek() !== 'object') reader.fail(`an object: alert ${index} is none`);
    const draft = yield* readAlertDraft(reader, String(index), maxLabels);
    invalid ??= schemaError(draft, index);
    if (invalid === undefined) yield finishedAlert(draft, maxLabels);
    index++;
  }
  if (invalid !== undefined) throw invalid;
}

/** In the order of Alertmanager's validation. */
function schemaError({ labels, generatorURL = '' }: AlertDraft, index: number): BatchError | undefined {
  if (generatorURL !== '' && !isRequestUri(generatorURL))
    return BatchError.notUri(`${index}.generatorURL`, generatorURL);
  return labels === undefined ? BatchError.required(`${index}.labels`) : undefined;
}

/** Most characters of a date-time. Alertmanager takes any number of digits and blanks; nine of the digits count. */
const longestTime = 1024;

/** What has been read of one alert; the fields that were absent or null are undefined. */
export interface AlertDraft {
  labels?: LabelSet | undefined;
  annotations?: LabelSet | undefined;
  startsAt?: number | undefined;
  endsAt?: number | undefined;
  generatorURL?: string | undefined;
}

/** Reads the value of a member that is no field of a postable alert, or passes over it. */
type ReadOther = (reader: JsonReader, name: string) => Sliced<void>;

/**
 * Reads one object as an alert, in small steps. Throws JsonError with the path of the field that is wrong.
 * @param path of the alert: `3`, or `alerts[3]`
 */
export function* readAlertDraft(
  reader: JsonReader,
  path: string,
  maxLabels: number,
  readOther: ReadOther = skip,
): Sliced<AlertDraft> {
  const draft: AlertDraft = {};
  for (let more = yield* reader.nextMember(true); more; more = yield* reader.nextMember(false)) {
    const name = yield* reader.name();
    if (!(yield* readField(reader, name, draft, path, maxLabels))) yield* readOther(reader, name);
  }
  return draft;
}

/** The alert that a draft with labels makes. */
export function finishedAlert(draft: AlertDraft, maxLabels: number): PostableAlert {
  const { labels = {}, annotations = noAnnotations, startsAt, endsAt, generatorURL = '' } = draft;
  return postableAlert({ labels, annotations, startsAt, endsAt, generatorURL }, maxLabels);
}

/** A string, or undefined for null. */
export function* readString(reader: JsonReader, path: string): Sliced<string | undefined> {
  if (reader.peek() === 'null') return void reader.null();
  if (reader.peek() !== 'string') reader.fail(`a string: ${path}`);
  return yield* reader.string();
}

function skip(reader: JsonReader): Sliced<void> {
  return reader.skip();
}

/** Of a field that is given twice the last one wins, but a time that is null does not count. False if it is no field. */
function* readField(
  reader: JsonReader,
  name: string,
  draft: AlertDraft,
  path: string,
  maxLabels: number,
): Sliced<boolean> {
  const field = fieldName(name);
  switch (field) {
    case 'labels':
    case 'annotations':
      draft[field] = yield* readLabelSet(reader, `${path}.${field}`, maxLabels);
      return true;
    case 'startsAt':
    case 'endsAt':
      draft[field] = yield* readTime(reader, `${path}.${field}`, draft[field]);
      return true;
    case 'generatorURL':
      draft.generatorURL = yield* readString(reader, `${path}.${field}`);
      return true;
    case undefined:
      return false;
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
  throw new JsonError(`${path} is no date-time: ${JSON.stringify(text.slice(0, 60))}, expected RFC 3339`);
}

/** The fields of a postable alert that are read; its others are passed over. */
export type FieldName = 'labels' | 'annotations' | 'startsAt' | 'endsAt' | 'generatorURL';

const fieldNames: ReadonlyMap<string, FieldName> = new Map([
  ['labels', 'labels'],
  ['annotations', 'annotations'],
  ['startsat', 'startsAt'],
  ['endsat', 'endsAt'],
  ['generatorurl', 'generatorURL'],
]);

const longestName = 'generatorURL'.length;

/**
 * The field that a member's name stands for; undefined if it is none. As in Go's encoding/json the letter case does not
 * count, and `ſ` (U+017F) is an s.
 */
export function fieldName(name: string): FieldName | undefined {
  if (name.length > longestName) return undefined;
  return fieldNames.get(name.toLowerCase().replaceAll('\u017f', 's'));
}
