import { JsonError } from '../../text/json-scanner.ts';
import { JsonReader } from '../../text/json-reader.ts';
import { finishedAlert, readAlertDraft, readString, type AlertDraft } from './read-alert.ts';
import type { ReadStep } from './read-alerts.ts';
import { isRequestUri } from '../../text/go/url.ts';
import type { Sliced } from '../../runtime/slices.ts';

/**
 * Reads the alerts of a webhook payload in small steps. A time that Go calls zero is absent: so is the end of every alert
 * that fires. Throws JsonError with the path of the wrong field, such as `alerts[3].startsAt`.
 * @param text a payload that `readWebhookHead` has accepted
 * @param now an alert that is said to be resolved has ended by then, whatever the sender's clock says; milliseconds
 */
export function* readWebhookAlerts(text: string, maxLabels: number, now: number): Generator<ReadStep, void> {
  const reader = new JsonReader(text);
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

/** A link is for people: one that is none, such as Grafana's `?orgId=1`, is left out and costs no alert. */
function withUri(draft: AlertDraft): AlertDraft {
  const { generatorURL = '', ...rest } = draft;
  return generatorURL === '' || isRequestUri(generatorURL) ? draft : rest;
}

function check({ labels }: AlertDraft, status: string | undefined, path: string): void {
  if (labels === undefined) throw new JsonError(`${path}.labels is missing`);
  if (status === undefined || status === 'firing' || status === 'resolved') return;
  throw new JsonError(`${path}.status is ${JSON.stringify(status.slice(0, 60))}, expected "firing" or "resolved"`);
}

/** Told once and not again: a sender's clock that is ahead must not keep the alert firing, or make it invalid. */
function ended(draft: AlertDraft, now: number): AlertDraft {
  const endsAt = Math.min(draft.endsAt ?? now, now);
  return { ...draft, endsAt, startsAt: Math.min(draft.startsAt ?? endsAt, endsAt) };
}
