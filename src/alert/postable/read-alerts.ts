import { BatchError, noAnnotations, postableAlert } from './postable-alert.ts';
import type { PostableAlert } from '../alert.ts';
import { JsonError } from '../../text/json-scanner.ts';
import { readJson, type JsonReader, type JsonText } from '../../text/json-reader.ts';
import { isRequestUri } from '../../text/go/url.ts';
import { isZeroTime, parseDateTime } from '../../text/go/date-time.ts';
import type { LabelSet } from '../labels.ts';
import type { Sliced } from '../../runtime/slices.ts';

/** One step: an alert that has been read, or, within long input, only a chance for other work to run. */
export type ReadStep = PostableAlert | undefined;

/**
 * Reads the body of `POST /api/v2/alerts` in small steps, whatever it contains, by all rules of Alertmanager 0.34's schema stage:
 * it reads only the first JSON value, matches names of fields in any letter case, passes over unknown fields, and treats `null`
 * as absent. One difference is on purpose: a null alert is an error. Throws BatchError with the index of the alert. The whole
 * body is decoded before it is validated, so a 400 anywhere comes before any 422.
 * @param text well-formed Unicode
 */
export function* readAlerts(text: JsonText, maxLabels: number): Generator<ReadStep, void> {
  try {
    yield* readJson(text, (reader) => readArray(reader, maxLabels));
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

/**
 * The longest date-time, in characters. Alertmanager accepts any number of digits and blanks, but uses only nine of the digits.
 */
const longestTime = 1024;

/** What has been read of one alert. Fields that were absent or null are undefined. */
export interface AlertDraft {
  labels?: LabelSet | undefined;
  annotations?: LabelSet | undefined;
  startsAt?: number | undefined;
  endsAt?: number | undefined;
  generatorURL?: string | undefined;
}

/** Reads or passes over the value of a member that is not a field of a postable alert. */
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

/** Makes an alert of a draft with labels. */
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

/**
 * Reads one field; false if the name is not a field's. If a field is given twice the last one wins, but a null time does not
 * count.
 */
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
    // One entry over the limit shows that there are too many; the rest is read and dropped.
    if (pairs.size <= maxLabels) pairs.set(name, value);
  }
  return Object.fromEntries(pairs);
}

/** @param before the value that a null stands for: the earlier value of the field */
function* readTime(reader: JsonReader, path: string, before: number | undefined): Sliced<number | undefined> {
  const text = yield* readString(reader, path);
  if (text === undefined) return before;
  const time = text.length > longestTime ? undefined : parseDateTime(text);
  if (time !== undefined) return isZeroTime(time) ? undefined : time;
  throw new JsonError(`${path} is no date-time: ${JSON.stringify(text.slice(0, 60))}, expected RFC 3339`);
}

/** The fields of a postable alert that are read; all others are passed over. */
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
 * The field that a member's name stands for; undefined if there is none. As in Go's encoding/json, the letter case does not
 * matter and `ſ` (U+017F) is an s.
 */
export function fieldName(name: string): FieldName | undefined {
  if (name.length > longestName) return undefined;
  return fieldNames.get(name.toLowerCase().replaceAll('\u017f', 's'));
}
