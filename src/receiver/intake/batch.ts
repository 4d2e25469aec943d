import { nothingKnown, BatchError, type KnownAlerts } from '../../alert/postable/postable-alert.ts';
import type { PostableAlert } from '../../alert/alert.ts';
import { readAlerts } from '../../alert/postable/read-alerts.ts';
import { readAlertsFast } from '../../alert/postable/read-usual-alerts.ts';
import { readPrometheusAlerts } from '../../alert/postable/read-prometheus-alerts.ts';
import { readWebhookAlerts, readWebhookHead, type WebhookHead } from '../../alert/postable/read-webhook.ts';
import { slicedBodyBytes } from '../../text/json-stream.ts';
import { inSlices, type Slices } from '../../runtime/slices.ts';
import { bodyPieces, bodyText, type BodyText } from '../../server/request/body-reader.ts';
import { JsonError } from '../../text/json-scanner.ts';

/** The alerts of one body, which are read in slices. */
export interface Batch {
  /** The most memory that one character of its texts takes, bytes. */
  readonly characterBytes: 1 | 2;
  /** The other fields of a webhook payload; absent for another format. */
  readonly webhook?: WebhookHead;
  /**
   * Gives each alert to `accept`, in order, and yields in between. `accept` returns true if it may have taken milliseconds.
   * Returns a promise only if one slice is not enough.
   */
  forEach(accept: (alert: PostableAlert) => unknown): Promise<void> | undefined;
}

/**
 * Reads a body. Everything in the result satisfies the schema; nothing may be stored before that is known. A usual body is read
 * at once and kept. A large or unusual body is read twice, slice by slice, first to check it and then to give out its alerts, so
 * that its content is never in memory as a whole. Throws BatchError, or rejects with it.
 * @param known the stored alerts: an alert that is stored already is read faster
 */
export function readBatch(
  bytes: Buffer,
  maxLabels: number,
  slices: Slices,
  known: KnownAlerts = nothingKnown,
): Batch | Promise<Batch> {
  if (bytes.length > slicedBodyBytes) return readInSlices(bodyPieces(bytes), maxLabels, slices);
  const read = (body: BodyText<string>): Batch | Promise<Batch> => {
    const alerts = readUsual(bytes, body, maxLabels, known);
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

/** Reads a body of a usual size with the first of the fast readers that accepts it; undefined if none does. */
function readUsual(
  bytes: Buffer,
  { text, characterBytes }: BodyText<string>,
  maxLabels: number,
  known: KnownAlerts,
): readonly PostableAlert[] | undefined {
  const alerts = characterBytes === 1 ? readPrometheusAlerts(bytes, text, maxLabels, known) : undefined;
  return alerts ?? readAlertsFast(text, maxLabels);
}

type Steps = Iterator<PostableAlert | undefined>;
type Accept = (alert: PostableAlert) => unknown;

/** Gives out each alert, in slices; returns a promise if one slice is not enough. */
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

/** Gives out alerts until the slice is over; true if there are no more. */
function acceptSlice(steps: Steps, slices: Slices, accept: Accept): boolean {
  let accepted = 0;
  for (let step = steps.next(); step.done !== true; step = steps.next()) {
    const long = step.value === undefined || accept(step.value) === true;
    // Looking at the clock costs time too, so not after every alert. A step without an alert was long already.
    if ((long || ++accepted % 16 === 0) && slices.isOver) return false;
  }
  return true;
}

/** Everything that is specific to a format of alerts. The rest is the same for each format. */
export interface AlertFormat {
  /** The error for an empty body. */
  readonly emptyBody: () => BatchError;
  /** Everything in the result satisfies the schema. Throws BatchError, or rejects with it. */
  readonly read: (
    bytes: Buffer,
    maxLabels: number,
    slices: Slices,
    known: KnownAlerts,
    now: number,
  ) => Batch | Promise<Batch>;
  /** The sender's name for an alert in a batch, by its index. */
  readonly nameOf: (index: number) => string;
  /** How long an alert without an end counts as firing, milliseconds. Default: what the configuration says. */
  readonly resolveTimeoutMs?: number;
  /** True if another replica tells what it has received. Default: a sender of alerts does. */
  readonly isTold?: boolean;
}

/** `POST /api/v2/alerts`: a list of alerts, as Prometheus sends it. */
export const alertsFormat: AlertFormat = {
  emptyBody: () => BatchError.required('alerts'),
  read: readBatch,
  nameOf: (index) => `alert ${index}`,
};

/** `POST /webhook`: a notification from an Alertmanager about one group. */
export const webhookFormat: AlertFormat = {
  emptyBody: () => BatchError.badPayload('the body is empty'),
  read: readWebhook,
  nameOf: (index) => `alerts[${index}]`,
};

/**
 * Reads a webhook payload. When this resolves, all of it satisfies the schema. The alerts of a large payload are not kept but
 * read once more when they are given out. Rejects with BatchError.
 */
async function readWebhook(
  bytes: Buffer,
  maxLabels: number,
  slices: Slices,
  _known: KnownAlerts,
  now: number,
): Promise<Batch> {
  const keep = bytes.length <= slicedBodyBytes;
  const { text, characterBytes } = keep ? await bodyText(bytes, slices) : bodyPieces(bytes);
  try {
    const webhook = await inSlices(readWebhookHead(text), slices);
    const alerts: PostableAlert[] = [];
    await goThrough(readWebhookAlerts(text, maxLabels, now), slices, (alert) => void (keep && alerts.push(alert)));
    const again = (): Iterable<PostableAlert | undefined> => (keep ? alerts : readWebhookAlerts(text, maxLabels, now));
    return { characterBytes, webhook, forEach: (accept) => goThrough(again(), slices, accept) };
  } catch (error) {
    throw error instanceof JsonError ? BatchError.badPayload(error.message) : error;
  }
}

/** Alerts of a body that are one tenant's, with their places in it. */
export interface BatchPart {
  readonly alerts: PostableAlert[];
  readonly places: number[];
}

/** Gives out a part of a body that has been read. */
export function formatOfPart(format: AlertFormat, batch: Batch, { alerts, places }: BatchPart): AlertFormat {
  return {
    ...format,
    nameOf: (index) => format.nameOf(places[index]!),
    read: (_bytes, _maxLabels, slices) => ({
      ...batch,
      forEach: (accept) => goThrough(alerts, slices, accept),
    }),
  };
}
