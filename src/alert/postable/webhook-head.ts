import { JsonError } from '../../text/json-scanner.ts';
import { JsonReader } from '../../text/json-reader.ts';
import { readString } from './read-alert.ts';
import type { Sliced } from '../../runtime/slices.ts';

/** Every Alertmanager sends "4", Grafana's webhook contact point sends "1"; both have the same fields. */
const supportedVersions: readonly string[] = ['4', '1'];

/** Most characters of a text that are kept. */
const longestText = 256;

/** What a webhook payload says about itself, its alerts apart. */
export interface WebhookHead {
  /** The alerts that the Alertmanager did not send because of `max_alerts`. */
  readonly truncatedAlerts: number;
  /** The group that the alerts belong to, such as `{}:{alertname="X"}`, and the receiver, for the log; undefined if absent. */
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
 * Reads all of a webhook payload but its alerts, which are checked to be JSON and passed over: the version, which says
 * whether they can be read at all, comes after them. A payload without a version is read as if it had one that is known. Throws
 * JsonError.
 * @param text well-formed Unicode
 */
export function* readWebhookHead(text: string): Sliced<WebhookHead> {
  const reader = new JsonReader(text);
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
