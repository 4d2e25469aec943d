import { BatchError } from '../../alert/batch-error.ts';
import { JsonError } from '../../alert/json-error.ts';
import type { PostableAlert } from '../../alert/postable-alert.ts';
import { readWebhookAlerts } from '../../alert/read-webhook-alerts.ts';
import { readWebhookHead, type WebhookHead } from '../../alert/webhook-head.ts';
import type { Clock } from '../../clock.ts';
import { slicedBodyBytes } from '../../limits.ts';
import { Slices } from '../../slices.ts';
import { goThrough, type Batch } from './batch.ts';
import { bodyText } from '../request/body-text.ts';

/**
 * Reads a webhook payload. When this resolves, all of it satisfies the schema. Of a large one the alerts are not kept: they
 * are read once more when they are handed over. Rejects with BatchError.
 */
export async function readWebhook(bytes: Buffer, maxLabels: number, clock: Clock): Promise<Batch> {
  const slices = new Slices(clock);
  const { text, characterBytes } = await bodyText(bytes, slices);
  const now = clock.now();
  try {
    const webhook = await readHead(text, slices);
    const keep = bytes.length <= slicedBodyBytes;
    const alerts: PostableAlert[] = [];
    await goThrough(readWebhookAlerts(text, maxLabels, now), slices, (alert) => void (keep && alerts.push(alert)));
    const again = (): Iterable<PostableAlert | undefined> => (keep ? alerts : readWebhookAlerts(text, maxLabels, now));
    return { characterBytes, webhook, forEach: (take) => goThrough(again(), slices, take) };
  } catch (error) {
    throw error instanceof JsonError ? BatchError.badPayload(error.message) : error;
  }
}

async function readHead(text: string, slices: Slices): Promise<WebhookHead> {
  const steps = readWebhookHead(text);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    if (slices.isOver) await slices.breathe();
  }
}
