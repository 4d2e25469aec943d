import { nothingKnown, BatchError, type KnownAlerts, type PostableAlert } from '../../alert/postable/postable-alert.ts';
import { readAlerts } from '../../alert/postable/read-alerts.ts';
import { readAlertsFast } from '../../alert/postable/read-usual-alerts.ts';
import { readPrometheusAlerts } from '../../alert/postable/read-prometheus-alerts.ts';
import { readWebhookAlerts, readWebhookHead, type WebhookHead } from '../../alert/postable/read-webhook.ts';
import { slicedBodyBytes } from '../../limits.ts';
import { inSlices, type Slices } from '../../runtime/slices.ts';
import { bodyText } from '../../server/request/body-reader.ts';
import { JsonError } from '../../text/json-scanner.ts';

/** The alerts of one body, to be gone through in slices. */
export interface Batch {
  /** What a character of its texts takes in memory at most, bytes. */
  readonly characterBytes: 1 | 2;
  /** What the payload of a webhook says besides; absent if it came another way. */
  readonly webhook?: WebhookHead;
  /** Hands over each alert, in order. Lets others run in between; `take` gives true if it may have taken milliseconds. */
  forEach(take: (alert: PostableAlert) => unknown): Promise<void>;
}

/**
 * Reads a body. When this resolves, all of it satisfies the schema: only then may anything be stored. Usual bodies are read
 * at once and kept; large and unusual ones are gone through twice, slice by slice, first to check them and then to hand over
 * their alerts: so what they hold is never in memory as a whole.
 * Rejects with BatchError.
 * @param known the stored alerts: what is known already is read faster
 */
export async function readBatch(
  bytes: Buffer,
  maxLabels: number,
  slices: Slices,
  known: KnownAlerts = nothingKnown,
): Promise<Batch> {
  const { text, characterBytes } = await bodyText(bytes, slices);
  const alerts = bytes.length <= slicedBodyBytes ? readUsual(bytes, text, characterBytes, maxLabels, known) : undefined;
  if (alerts !== undefined) return { characterBytes, forEach: (take) => goThrough(alerts, slices, take) };
  await goThrough(readAlerts(text, maxLabels), slices, () => undefined);
  return { characterBytes, forEach: (take) => goThrough(readAlerts(text, maxLabels), slices, take) };
}

/** Of a body of a usual size: what the faster of the readers make of it, which do not take everything. */
function readUsual(
  bytes: Buffer,
  text: string,
  characterBytes: 1 | 2,
  maxLabels: number,
  known: KnownAlerts,
): readonly PostableAlert[] | undefined {
  const alerts = characterBytes === 1 ? readPrometheusAlerts(bytes, text, maxLabels, known) : undefined;
  return alerts ?? readAlertsFast(text, maxLabels);
}

/** Hands over each alert, in slices. */
async function goThrough(
  steps: Iterable<PostableAlert | undefined>,
  slices: Slices,
  take: (alert: PostableAlert) => unknown,
): Promise<void> {
  let taken = 0;
  for (const alert of steps) {
    const long = alert === undefined || take(alert) === true;
    // Looking at the clock costs something too: not after every alert. A step without one was long already.
    if ((long || ++taken % 16 === 0) && slices.isOver) await slices.breathe();
  }
}

/** A way in by which alerts come: what is particular to it. All that follows is the same for each. */
export interface Door {
  /** What to say to a body that has nothing in it. */
  readonly emptyBody: () => BatchError;
  /** When it resolves, all of the body satisfies the schema. Rejects with BatchError. */
  readonly read: (bytes: Buffer, maxLabels: number, slices: Slices, known: KnownAlerts, now: number) => Promise<Batch>;
  /** How the sender of a batch calls an alert in it, by its index. */
  readonly nameOf: (index: number) => string;
}

/** `POST /api/v2/alerts`: a list of alerts, as Prometheus sends it. */
export const alertsDoor: Door = {
  emptyBody: () => BatchError.required('alerts'),
  read: readBatch,
  nameOf: (index) => `alert ${index}`,
};

/** `POST /webhook`: a notification of an Alertmanager about one group. */
export const webhookDoor: Door = {
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
    return { characterBytes, webhook, forEach: (take) => goThrough(again(), slices, take) };
  } catch (error) {
    throw error instanceof JsonError ? BatchError.badPayload(error.message) : error;
  }
}
