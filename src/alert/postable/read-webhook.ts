import { JsonError } from '../../text/json-scanner.ts';
import { readJson, type JsonReader, type JsonText } from '../../text/json-reader.ts';
import { finishedAlert, readAlertDraft, readString, type AlertDraft, type ReadStep } from './read-alerts.ts';
import { isRequestUri } from '../../text/go/url.ts';
import type { Sliced } from '../../runtime/slices.ts';

/**
 * Reads the alerts of a webhook payload in small steps. Go's zero time means absent: every firing alert has it as its end. Throws
 * JsonError with the path of the wrong field, such as `alerts[3].startsAt`.
 * @param text a payload that `readWebhookHead` has accepted
 * @param now the time by which a resolved alert has ended, whatever the sender's clock says; milliseconds
 */
export function readWebhookAlerts(text: JsonText, maxLabels: number, now: number): Generator<ReadStep, void> {
  return readJson(text, (reader) => readPayload(reader, maxLabels, now));
}

function* readPayload(reader: JsonReader, maxLabels: number, now: number): Generator<ReadStep, void> {
  yield* reader.start();
  for (let more = yield* reader.nextMember(true); more; more = yield* reader.nextMember(false)) {
    if ((yield* reader.name()) === 'alerts') yield* readList(reader, maxLabels, now);
    else yield* reader.skip();
  }
}

function* readList(reader: JsonReader, maxLabels: number, now: number): Generator<ReadStep, void> {
  if (reader.peek() === 'null') return reader.null();
  if (reader.peek() !== 'array') reader.fail('a list: alerts');
  let index = 0;
  for (let more = yield* reader.nextElement(true); more; more = yield* reader.nextElement(false)) {
    const path = `alerts[${index++}]`;
    if (reader.peek() !== 'object') reader.fail(`an object: ${path}`);
    yield finishedAlert(yield* readOne(reader, path, maxLabels, now), maxLabels);
  }
}

function* readOne(reader: JsonReader, path: string, maxLabels: number, now: number): Sliced<AlertDraft> {
  let status: string | undefined;
  function* readStatus(_: JsonReader, name: string): Sliced<void> {
    if (name === 'status') status = yield* readString(reader, `${path}.status`);
    else yield* reader.skip();
  }
  const draft = yield* readAlertDraft(reader, path, maxLabels, readStatus);
  check(draft, status, path);
  return withUri(status === 'resolved' ? ended(draft, now) : draft);
}

/** Drops a link that is not a URI, such as Grafana's `?orgId=1`: links are for people, and one must not cost an alert. */
function withUri(draft: AlertDraft): AlertDraft {
  const { generatorURL = '', ...rest } = draft;
  return generatorURL === '' || isRequestUri(generatorURL) ? draft : rest;
}

function check({ labels }: AlertDraft, status: string | undefined, path: string): void {
  if (labels === undefined) throw new JsonError(`${path}.labels is missing`);
  if (status === undefined || status === 'firing' || status === 'resolved') return;
  throw new JsonError(`${path}.status is ${JSON.stringify(status.slice(0, 60))}, expected "firing" or "resolved"`);
}

/** A resolve is sent only once, so a sender's clock that is ahead must not keep the alert firing, or make it invalid. */
function ended(draft: AlertDraft, now: number): AlertDraft {
  const endsAt = Math.min(draft.endsAt ?? now, now);
  return { ...draft, endsAt, startsAt: Math.min(draft.startsAt ?? endsAt, endsAt) };
}

/** Every Alertmanager sends "4"; Grafana's webhook contact point sends "1". Both have the same fields. */
const supportedVersions: readonly string[] = ['4', '1'];

/** The longest text that is kept, characters. */
const longestText = 256;

/** The fields of a webhook payload itself, without its alerts. */
export interface WebhookHead {
  /** The number of alerts that the Alertmanager did not send because of `max_alerts`. */
  readonly truncatedAlerts: number;
  /** The group of the alerts, such as `{}:{alertname="X"}`, and the receiver, for the log; undefined if absent. */
  readonly groupKey: string | undefined;
  readonly receiver: string | undefined;
}

interface Draft {
  version?: string | undefined;
  truncatedAlerts?: number;
  groupKey?: string | undefined;
  receiver?: string | undefined;
  hasAlerts?: boolean;
}

/**
 * Reads all of a webhook payload but its alerts. It checks that the alerts are JSON and passes over them, because the version,
 * which says whether they can be read at all, comes after them. A missing version counts as a known one. Throws JsonError.
 * @param text well-formed Unicode
 */
export function readWebhookHead(text: JsonText): Sliced<WebhookHead> {
  return readJson(text, readHead);
}

function* readHead(reader: JsonReader): Sliced<WebhookHead> {
  const draft: Draft = {};
  yield* reader.start();
  if (reader.peek() !== 'object') reader.fail('an object: the payload of a webhook of Alertmanager');
  for (let more = yield* reader.nextMember(true); more; more = yield* reader.nextMember(false)) {
    yield* readMember(reader, yield* reader.name(), draft);
  }
  yield* reader.end();
  checkVersion(draft.version);
  if (draft.hasAlerts !== true) throw new JsonError('alerts is missing');
  const { truncatedAlerts = 0, groupKey, receiver } = draft;
  return { truncatedAlerts, groupKey: groupKey?.slice(0, longestText), receiver: receiver?.slice(0, longestText) };
}

function* readMember(reader: JsonReader, name: string, draft: Draft): Sliced<void> {
  switch (name) {
    case 'version':
    case 'groupKey':
    case 'receiver':
      draft[name] = yield* readString(reader, name);
      break;
    case 'truncatedAlerts':
      draft.truncatedAlerts = yield* readCount(reader, name);
      break;
    case 'alerts':
      draft.hasAlerts = true;
      yield* reader.skip();
      break;
    default:
      yield* reader.skip();
  }
}

function* readCount(reader: JsonReader, path: string): Sliced<number> {
  if (reader.peek() === 'null') reader.null();
  else if (reader.peek() === 'other') {
    const value = yield* reader.value();
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw new JsonError(`${path} is no whole number from 0 up`);
  } else reader.fail(`a whole number: ${path}`);
  return 0;
}

function checkVersion(version: string | undefined): void {
  if (version === undefined || supportedVersions.includes(version)) return;
  const found = JSON.stringify(version.slice(0, 60));
  throw new JsonError(`version is ${found}, expected "4", which every Alertmanager sends, or "1", which Grafana sends`);
}
