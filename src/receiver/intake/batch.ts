import { nothingKnown, BatchError, type KnownAlerts } from '../../alert/postable/postable-alert.ts';
import type { PostableAlert } from '../../alert/alert.ts';
import { readAlerts } from '../../alert/postable/read-alerts.ts';
import { readAlertsFast } from '../../alert/postable/read-usual-alerts.ts';
import { readPrometheusAlerts } from '../../alert/postable/read-prometheus-alerts.ts';
import { readWebhookAlerts, readWebhookHead, type WebhookHead } from '../../alert/postable/read-webhook.ts';
import { slicedBodyBytes } from '../../text/json-stream.ts';
import { inSlices, type Slices } from '../../runtime/slices.ts';
import { bodyText, type BodyText } from '../../server/request/body-reader.ts';
import { JsonError } from '../../text/json-scanner.ts';

/** The alerts of one body, to be gone through in slices. */
export interface Batch {
  /** What a character of its texts takes in memory at most, bytes. */
  readonly characterBytes: 1 | 2;
  /** What the payload of a webhook says besides; absent if it came another way. */
  readonly webhook?: WebhookHead;
  /**
   * Hands over each alert, in order. Lets others run in between; `accept` gives true if it may have taken milliseconds. There is nothing to
   * wait for unless a slice is over: then a promise is returned.
   */
  forEach(accept: (alert: PostableAlert) => unknown): Promise<void> | undefined;
}

/**
 * Reads a body. All of what is returned satisfies the schema: only then may anything be stored. Usual bodies are read
 * at once and kept; large and unusual ones are gone through twice, slice by slice, first to check them and then to hand over
 * their alerts: so what they hold is never in memory as a whole.
 * Throws BatchError, or rejects with it.
 * @param known the stored alerts: what is known already is read faster
 */
export function readBatch(
  bytes: Buffer,
  maxLabels: number,
  slices: Slices,
  known: KnownAlerts = nothingKnown,
): Batch | Promise<Batch> {
  const read = (body: BodyText): Batch | Promise<Batch> => {
    const alerts = bytes.length <= slicedBodyBytes ? readUsual(bytes, body, maxLabels, known) : undefined;
    if (alerts === undefined) return readInSlices(body, maxLabels, slices);
    return { characterBytes: body.characterBytes, forEach: (accept) => goThrough(alerts, slices, accept) };
  };
  const body = bodyText(bytes, slices);
  return body instanceof Promise ? body.then(read) : read(body);
}

async function readInSlices({ text, characterBytes }: BodyText, maxLabels: number, slices: Slices): Promise<Batch> {
  await goThrough(readAlerts(text, maxLabels), slices, () => undefined);
  return { characterBytes, forEach: (accept) => goThrough(readAlerts(text, maxLabels), slices, accept) };
}

/** Of a body of a usual size: what the faster of the readers make of it, which do not take everything. */
function readUsual(
  bytes: Buffer,
  { text, characterBytes }: BodyText,
  maxLabels: number,
  known: KnownAlerts,
): readonly PostableAlert[] | undefined {
  const alerts = characterBytes === 1 ? readPrometheusAlerts(bytes, text, maxLabels, known) : undefined;
  return alerts ?? readAlertsFast(text, maxLabels);
}

type Steps = Iterator<PostableAlert | undefined>;
type Accept = (alert: PostableAlert) => unknown;

/** Hands over each alert, in slices; returns a promise if one slice is not enough. */
function goThrough(
  alerts: Iterable<PostableAlert | undefined>,
  slices: Slices,
  accept: Accept,
): Promise<void> | undefined {
  const steps = alerts[Symbol.iterator]();
  return acceptSlice(steps, slices, accept) ? undefined : acceptRest(steps, slices, accept);
}

async function acceptRest(steps: Steps, slices: Slices, accept: Accept): Promise<void> {
  do await slices.yieldTurn();
  while (!acceptSlice(steps, slices, accept));
}

/** Hands over alerts until the slice is over; true if there are no more. */
function acceptSlice(steps: Steps, slices: Slices, accept: Accept): boolean {
  let accepted = 0;
  for (let step = steps.next(); step.done !== true; step = steps.next()) {
    const long = step.value === undefined || accept(step.value) === true;
    // Looking at the clock costs something too: not after every alert. A step without one was long already.
    if ((long || ++accepted % 16 === 0) && slices.isOver) return false;
  }
  return true;
}

/** What is particular to a format in which alerts come. All that follows is the same for each. */
export interface AlertFormat {
  /** What to say to a body that has nothing in it. */
  readonly emptyBody: () => BatchError;
  /** All of what is returned satisfies the schema. Throws BatchError, or rejects with it. */
  readonly read: (
    bytes: Buffer,
    maxLabels: number,
    slices: Slices,
    known: KnownAlerts,
    now: number,
  ) => Batch | Promise<Batch>;
  /** How the sender of a batch calls an alert in it, by its index. */
  readonly nameOf: (index: number) => string;
}

/** `POST /api/v2/alerts`: a list of alerts, as Prometheus sends it. */
export const alertsFormat: AlertFormat = {
  emptyBody: () => BatchError.required('alerts'),
  read: readBatch,
  nameOf: (index) => `alert ${index}`,
};

/** `POST /webhook`: a notification of an Alertmanager about one group. */
export const webhookFormat: AlertFormat = {
  emptyBody: () => BatchError.badPayload('the body is empty'),
  read: readWebhook,
  nameOf: (index) => `alerts[${index}]`,
};

/**
 * Reads a webhook payload. When this resolves, all of it satisfies the schema. Of a large one the alerts are not kept: they
 * are read once more when they are handed over. Rejects with BatchError.
 */
async function readWebhook(
  bytes: Buffer,
  maxLabels: number,
  slices: Slices,
  _known: KnownAlerts,
  now: number,
): Promise<Batch> {
  const { text, characterBytes } = await bodyText(bytes, slices);
  try {
    const webhook = await inSlices(readWebhookHead(text), slices);
    const keep = bytes.length <= slicedBodyBytes;
    const alerts: PostableAlert[] = [];
    await goThrough(readWebhookAlerts(text, maxLabels, now), slices, (alert) => void (keep && alerts.push(alert)));
    const again = (): Iterable<PostableAlert | undefined> => (keep ? alerts : readWebhookAlerts(text, maxLabels, now));
    return { characterBytes, webhook, forEach: (accept) => goThrough(again(), slices, accept) };
  } catch (error) {
    throw error instanceof JsonError ? BatchError.badPayload(error.message) : error;
  }
}
