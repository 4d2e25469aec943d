import type { Alert } from '../../alert/alert.ts';
import { formatDateTime } from '../../text/go/date-time.ts';
import { sortedNames } from '../../alert/fingerprint.ts';
import { labelSetOf, type LabelSet } from '../../alert/labels.ts';
import { htmlSafe } from '../../text/go/quote.ts';

/** The one receiver there is, by name: what it does with an alert is to reconcile. */
export const receiverName = 'reconcile';

const receivers = JSON.stringify([{ name: receiverName }]);

/**
 * An alert as the API shows it, in Alertmanager's order of keys. Times are in UTC: the offset that the sender wrote is not
 * remembered.
 * @param silencedBy the ids of the silences that it matches now
 */
export function alertJson(alert: Alert, silencedBy: readonly string[]): string {
  const { annotations, generatorURL, times } = alert;
  const { endsAt, startsAt, updatedAt } = times;
  const state = silencedBy.length > 0 ? 'suppressed' : 'active';
  const silences = JSON.stringify(silencedBy);
  const url = generatorURL === '' ? '' : `,"generatorURL":${JSON.stringify(generatorURL)}`;
  return htmlSafe(
    `{"annotations":${labelsJson(labelSetOf(annotations))},"endsAt":"${formatDateTime(endsAt)}","fingerprint":"${alert.fingerprint}",` +
      `"receivers":${receivers},"startsAt":"${formatDateTime(startsAt)}",` +
      `"status":{"inhibitedBy":[],"mutedBy":[],"silencedBy":${silences},"state":"${state}"},` +
      `"updatedAt":"${formatDateTime(updatedAt)}"${url},"labels":${labelsJson(alert.labels)}}`,
  );
}

/** An object in the order of the bytes of its names. */
export function labelsJson(labels: LabelSet): string {
  const members = sortedNames(labels).map((name) => `${JSON.stringify(name)}:${JSON.stringify(labels[name])}`);
  return `{${members.join(',')}}`;
}
