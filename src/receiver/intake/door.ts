import { BatchError, type KnownAlerts } from '../../alert/postable/postable-alert.ts';
import type { Slices } from '../../runtime/slices.ts';
import { readBatch, type Batch } from './batch.ts';
import { readWebhook } from './read-webhook.ts';

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
