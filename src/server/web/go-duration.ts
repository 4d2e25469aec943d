import type { Reader } from '../../config/settings/reader.ts';

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;
const whole = new RegExp(`^(?:${part.source})+$`);

/** Milliseconds of a duration in Go's syntax, which exporter-toolkit's files have: `1s`, `100ms`, `1.5s`, `1m30s`, `0`. */
export const readGoDuration: Reader<number> = (found) => {
  if (found === 0 || found === '0') return { value: 0 };
  const allowed = 'a duration as Go writes it (units: ns, us, ms, s, m, h), as in 1s or 100ms; 0 is no limit';
  if (typeof found !== 'string' || found.length > 100 || !whole.test(found)) return { allowed };
  let ms = 0;
  for (const [, count, unit = ''] of found.matchAll(part)) ms += Number(count) * (unitMs[unit] ?? NaN);
  return ms <= Number.MAX_SAFE_INTEGER ? { value: ms } : { allowed };
};
