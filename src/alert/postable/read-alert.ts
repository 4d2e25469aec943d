import { isZeroTime, parseDateTime } from '../../text/go/date-time.ts';
import { fieldName } from './field-name.ts';
import { JsonError } from '../../text/json-scanner.ts';
import type { JsonReader } from '../../text/json-reader.ts';
import type { LabelSet } from '../label-set.ts';
import { noAnnotations, postableAlert, type PostableAlert } from './postable-alert.ts';
import type { Sliced } from '../../runtime/slices.ts';

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
export type ReadOther = (reader: JsonReader, name: string) => Sliced<void>;

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
