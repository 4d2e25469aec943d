interface DurationUnit {
  readonly name: string;
  readonly ms: number;
  /** Other common notations of the unit. They are recognised to suggest the right unit, and never accepted. */
  readonly otherNames: string;
  /** The unit is written only where it divides evenly, since "1w1d" says less than "8d". */
  readonly evenOnly: boolean;
}

/** Prometheus's units, in the order in which they may follow each other. */
const durationUnits: readonly DurationUnit[] = [
  { name: 'y', ms: 31_536_000_000, otherNames: 'yr year years', evenOnly: true },
  { name: 'w', ms: 604_800_000, otherNames: 'week weeks', evenOnly: true },
  { name: 'd', ms: 86_400_000, otherNames: 'day days', evenOnly: false },
  { name: 'h', ms: 3_600_000, otherNames: 'hr hrs hour hours', evenOnly: false },
  { name: 'm', ms: 60_000, otherNames: 'min mins minute minutes', evenOnly: false },
  { name: 's', ms: 1000, otherNames: 'sec secs second seconds', evenOnly: false },
  { name: 'ms', ms: 1, otherNames: 'msec msecs millis millisecond milliseconds', evenOnly: false },
];

const durationPattern = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

export const durationUnitNames = durationUnits.map((unit) => unit.name).join(', ');

/**
 * The milliseconds of a duration in Prometheus's notation: `500ms`, `1h30m`, `0`; a day has 24 hours, a year 365 days.
 * Undefined for everything else: units in another order or twice, a fraction, a sign, a space, a number without a unit,
 * or a duration that is too long to count exactly (2^53 ms).
 * Rules: ParseDuration of github.com/prometheus/common/model.
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const match = text === '' ? null : durationPattern.exec(text);
  if (match === null) return undefined;
  const ms = durationUnits.reduce((sum, unit, index) => sum + Number(match[index + 1] ?? 0) * unit.ms, 0);
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** The shortest form that {@link parseDuration} reads back; `ms` is a whole number from 0 up. */
export function formatDuration(ms: number): string {
  let text = '';
  let remaining = ms;
  for (const unit of durationUnits) {
    if (remaining < unit.ms || (unit.evenOnly && remaining % unit.ms !== 0)) continue;
    text += `${Math.floor(remaining / unit.ms)}${unit.name}`;
    remaining %= unit.ms;
  }
  return text === '' ? '0s' : text;
}

/** The probable meaning of a text that is not a duration: `1.5h`, `30 sec`, `5M`, `30m1h`, `90` (taken as seconds). */
export function suggestDuration(text: string): string | undefined {
  const compact = text.toLowerCase().replaceAll(/\s/g, '');
  if (/^\d+$/.test(compact)) return suggestDuration(`${compact}s`);
  if (!/^(?:\d+(?:\.\d+)?[a-z]+)+$/.test(compact)) return undefined;
  let ms = 0;
  for (const [, count, unit = ''] of compact.matchAll(/([\d.]+)([a-z]+)/g)) ms += Number(count) * unitMs(unit);
  return Number.isSafeInteger(Math.round(ms)) ? formatDuration(Math.round(ms)) : undefined;
}

/** NaN for a word that is not a unit. */
function unitMs(word: string): number {
  return durationUnits.find(({ name, otherNames }) => name === word || otherNames.split(' ').includes(word))?.ms ?? NaN;
}
