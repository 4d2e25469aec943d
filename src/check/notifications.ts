import type { Sample } from '../reconcile/server-inspection.ts';

/** What Prometheus, or an Alertmanager, counts about what it sends. */
export interface NotificationCounts {
  /** To the URL of the Alertmanager, or to all where the server does not tell them apart. */
  readonly errors: number;
  readonly dropped: number;
  readonly queued: number;
  readonly capacity: number;
}

const prefix = 'prometheus_notifications_';

/** The series of each metric. */
export type Series = (name: string) => readonly Sample[];

/** @param page metrics in the text format */
export function seriesOfPage(page: string): Series {
  return (name) => samplesOf(page, name);
}

/** @param samples of several metrics, as a query gives them */
export function seriesOfSamples(samples: readonly Sample[]): Series {
  return (name) => samples.filter(({ labels }) => labels['__name__'] === name);
}

/** A query for everything that {@link notificationCounts} reads. */
export const notificationQuery = `{__name__=~"${prefix}(errors|dropped)_total|${prefix}queue_(length|capacity)"}`;

/**
 * The counts for one Alertmanager. Since version 3.10, the queue and what was dropped are counted for each Alertmanager; before, for all.
 */
export function notificationCounts(series: Series, url: string): NotificationCounts {
  const sum = (name: string): number =>
    series(`${prefix}${name}`)
      .filter(({ labels }) => labels['alertmanager'] === undefined || labels['alertmanager'] === url)
      .reduce((total, { value }) => total + value, 0);
  return {
    errors: sum('errors_total'),
    dropped: sum('dropped_total'),
    queued: sum('queue_length'),
    capacity: sum('queue_capacity'),
  };
}

/** The notifications of an Alertmanager that failed, by what sends them. */
export interface FailedNotifications {
  /** Such as `slack`, and why, if it tells. */
  readonly integration: string;
  readonly reason: string;
  readonly count: number;
}

/** @param page the metrics of an Alertmanager */
export function failedNotifications(page: string): readonly FailedNotifications[] {
  return samplesOf(page, 'alertmanager_notifications_failed_total')
    .filter(({ value }) => value > 0)
    .map(({ labels, value }) => ({
      integration: labels['integration'] ?? 'unknown',
      reason: labels['reason'] ?? '',
      count: value,
    }));
}

const labelPattern = /([a-zA-Z_]\w*)="((?:[^"\\]|\\[^])*)"/g;

/** The series of a metric in a page of the text format. */
export function samplesOf(page: string, name: string): readonly Sample[] {
  const samples: Sample[] = [];
  for (let at = nextLine(page, name, 0); at >= 0; at = nextLine(page, name, at + 1)) {
    const end = page.indexOf('\n', at);
    const line = page.slice(at + name.length, end < 0 ? page.length : end);
    const [, labels = '', value] = /^(?:\{([^]*)\})?[ \t]+(\S+)(?:[ \t]+-?\d+)?[ \t]*$/.exec(line) ?? [];
    if (value !== undefined) samples.push({ labels: labelsOf(labels), value: numberOf(value) });
  }
  return samples;
}

function nextLine(page: string, name: string, from: number): number {
  for (let at = page.indexOf(name, from); at >= 0; at = page.indexOf(name, at + 1)) {
    const isName = /[{ \t]/.test(page[at + name.length] ?? '');
    if (isName && (at === 0 || page[at - 1] === '\n')) return at;
  }
  return -1;
}

function labelsOf(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...text.matchAll(labelPattern)].map(([, name, value]) => [
      name!,
      value!.replaceAll(/\\([^])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)),
    ]),
  );
}

/** Go writes the values that JavaScript calls otherwise as `+Inf`, `-Inf` and `NaN`. */
function numberOf(text: string): number {
  return Number(text.replace(/Inf$/, 'Infinity'));
}
