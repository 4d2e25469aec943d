import type { Alert, AlertTimes } from '../../alert/alert.ts';
import type { Sliced } from '../../runtime/slices.ts';

/** What decides between two versions of one alert. */
export type Version = Pick<Alert, 'key' | 'annotations' | 'generatorURL'> & { readonly times: AlertTimes };

/** The number of alerts in one step. */
const alertsPerStep = 64;

/**
 * Alerts of several replicas as one list, as Cortex merges: each alert once, the version that was updated last. The order of the lists does
 * not matter, nor how they are grouped, nor whether one comes twice.
 */
export function* mergeAlerts<T extends Version>(lists: Iterable<Iterable<T>>): Sliced<ReadonlyMap<string, T>> {
  const merged = new Map<string, T>();
  let looked = 0;
  for (const list of lists)
    for (const alert of list) {
      if (++looked % alertsPerStep === 0) yield;
      const other = merged.get(alert.key);
      if (other === undefined || compareVersions(other, alert) < 0) merged.set(alert.key, alert);
    }
  return merged;
}

/**
 * The later one is shown. Two with the same time of update have come to two replicas at the same moment: any rule does, as long as it is
 * the same everywhere.
 */
export function compareVersions(a: Version, b: Version): number {
  return (
    a.times.updatedAt - b.times.updatedAt ||
    a.times.endsAt - b.times.endsAt ||
    a.times.startsAt - b.times.startsAt ||
    Number(b.times.timeout) - Number(a.times.timeout) ||
    compareTexts(textOf(a), textOf(b))
  );
}

function textOf({ annotations, generatorURL }: Version): string {
  return `${typeof annotations === 'string' ? annotations : JSON.stringify(annotations)}\n${generatorURL}`;
}

function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
