import { nothingKnown, type KnownAlerts, type PostableAlert } from '../../alert/postable/postable-alert.ts';
import { readAlerts } from '../../alert/postable/read-alerts.ts';
import { readAlertsFast } from '../../alert/postable/read-usual-alerts.ts';
import { readPrometheusAlerts } from '../../alert/postable/read-prometheus-alerts.ts';
import type { WebhookHead } from '../../alert/postable/read-webhook.ts';
import { slicedBodyBytes } from '../../limits.ts';
import type { Slices } from '../../runtime/slices.ts';
import { bodyText } from '../../server/request/body-reader.ts';

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
export async function goThrough(
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
