import type { LogFields } from '../runtime/logger.ts';
import type { Causes } from './causes.ts';

/** Most different causes on one line of the log; `alerts` says how many alerts there are in all. */
const maxListed = 20;

/** Causes as fields of a log line. */
export function describeCauses(causes: Causes): LogFields {
  if (causes.alertCount + causes.truncatedAlerts === 0) return { causes: causeTexts(causes) };
  return {
    causes: causeTexts(causes),
    alerts: causes.alertCount,
    ...(causes.truncatedAlerts > 0 && { truncated_alerts: causes.truncatedAlerts }),
    request_ids: [...causes.requestIds],
    ...(causes.omittedRequestIds > 0 && { more_request_ids: causes.omittedRequestIds }),
  };
}

/** One text for each cause, the newest alert first, what is no alert last: `InstanceDown firing`, `resync`. */
export function causeTexts(causes: Causes): string[] {
  const counts = new Map<string, number>();
  for (const { labels, status } of [...causes.alerts.values()].toReversed()) {
    const text = `${labels['alertname'] ?? '(no alertname)'} ${status}`;
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const alerts = [...counts].map(([text, count]) => (count === 1 ? text : `${text} ×${count}`));
  const others = [...causes.triggers].filter((trigger) => trigger !== 'alert' && trigger !== 'silence');
  return [...alerts.slice(0, maxListed - others.length), ...others];
}
