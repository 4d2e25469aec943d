import { BatchError, type KnownAlerts, type PostableAlert } from '../../alert/postable/postable-alert.ts';
import { JsonError } from '../../text/json-scanner.ts';
import { readWebhookAlerts, readWebhookHead } from '../../alert/postable/read-webhook.ts';
import { slicedBodyBytes } from '../../limits.ts';
import { inSlices, type Slices } from '../../runtime/slices.ts';
import { goThrough, type Batch } from './batch.ts';
import { bodyText } from '../../server/request/body-reader.ts';

/**
 * Reads a webhook payload. When this resolves, all of it satisfies the schema. Of a large one the alerts are not kept: they
 * are read once more when they are handed over. Rejects with BatchError.
 */
export async function readWebhook(
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
