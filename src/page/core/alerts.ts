import type { Alert } from '../../explain/schema.ts';
import type { Link } from './link.ts';
import type { Matching } from './state.ts';

/** How an alert is, the worst first. */
export const alertStates = ['firing', 'silenced', 'invalid', 'past', 'resolved'] as const;
export type AlertState = (typeof alertStates)[number];

export const alertWords: Readonly<Record<AlertState, string>> = {
  firing: 'Firing',
  silenced: 'Silenced',
  invalid: 'Invalid',
  past: 'No longer stored',
  resolved: 'Resolved',
};

/** An alert that fired when the history told of it last, and is not stored, has no start: a restart may have forgotten it. */
export function alertState({ status, starts_at: start, silenced_by: silences = [] }: Alert): AlertState {
  if (status === 'invalid') return 'invalid';
  if (status === 'firing' && start === undefined) return 'past';
  if (status !== 'firing') return 'resolved';
  return silences.length > 0 ? 'silenced' : 'firing';
}

/** When it came into that state, as far as that is known. */
export function alertSince(alert: Alert): string | undefined {
  return alertState(alert) === 'resolved' ? (alert.ends_at ?? alert.updated_at) : alert.starts_at;
}

/** Those that the filter chooses: what fires first, of those the newest. */
export function chosenAlerts(
  alerts: readonly Alert[],
  { alert: matcher }: Pick<Link, 'alert'>,
  matching: Matching | undefined,
): readonly Alert[] {
  const chosen =
    matcher === '' ? alerts : alerts.filter(({ fingerprint = '' }) => matching?.alerts.has(fingerprint) === true);
  const ranked = chosen.map((alert) => ({
    alert,
    rank: alertStates.indexOf(alertState(alert)),
    since: alertSince(alert) ?? '',
  }));
  ranked.sort((a, b) => {
    if (a.rank !== b.rank) return a.rank - b.rank;
    if (a.since !== b.since) return a.since > b.since ? -1 : 1;
    return (a.alert.fingerprint ?? '') < (b.alert.fingerprint ?? '') ? -1 : 1;
  });
  return ranked.map(({ alert }) => alert);
}
