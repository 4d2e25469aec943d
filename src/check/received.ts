import { parseDuration } from '../config/settings/duration.ts';
import type { Status } from '../explain/schema-status.ts';
import type { InspectedServer } from '../reconcile/server-inspection.ts';

/** How much longer than the usual way a push may take, as a part of the time until the next one. */
const slack = 0.5;
/** `--rules.alert.resend-delay`, if Prometheus does not tell it, milliseconds. */
const usualResendMs = 60_000;
/** What the way takes beside waiting, milliseconds. */
const wayMs = 5000;

/** True if an alert has come from a Prometheus lately, so that the next one will. */
export function isFed({ received, time }: Pick<Status, 'received' | 'time'>, resendMs = usualResendMs): boolean {
  const { from_prometheus_at: at } = received;
  return at !== undefined && Date.parse(time) - Date.parse(at) <= patienceMs(resendMs);
}

/** True if alerts come, and none as a Prometheus sends them: an Alertmanager forwards them, which does not say when they end. */
export function comesByWebhook({ received: { at, from_prometheus_at: from } }: Pick<Status, 'received'>): boolean {
  return at !== undefined && from === undefined;
}

/** How long a firing alert may stay away before that is a problem, milliseconds. */
export function patienceMs(resendMs: number, intervalMs = 0): number {
  return resendMs * (1 + slack) + intervalMs + wayMs;
}

/** How often Prometheus sends again what fires, milliseconds. */
export async function resendDelay(server: InspectedServer, signal: AbortSignal): Promise<number> {
  const { 'rules.alert.resend-delay': text } = await server.flags(signal);
  return (text === undefined ? undefined : parseDuration(text)) ?? usualResendMs;
}
