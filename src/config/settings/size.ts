interface SizeUnit {
  readonly name: string;
  readonly bytes: number;
}

/** Largest first. Powers of 1024 only: "MB" means a million bytes to some and 2^20 to others. */
const sizeUnits: readonly SizeUnit[] = [
  { name: 'GiB', bytes: 1024 ** 3 },
  { name: 'MiB', bytes: 1024 ** 2 },
  { name: 'KiB', bytes: 1024 },
  { name: 'B', bytes: 1 },
];

export const sizeUnitNames = sizeUnits
  .map((unit) => unit.name)
  .toReversed()
  .join(', ');

/**
 * The bytes of a size: a whole number and one unit, `512B`, `64KiB`, `16MiB`, `1GiB`.
 * Undefined for everything else, including a size that is too large to count exactly (2^53 bytes).
 */
export function parseSize(text: string): number | undefined {
  const [, digits, name] = /^(\d+)([KMG]iB|B)$/.exec(text) ?? [];
  const unit = sizeUnits.find((candidate) => candidate.name === name);
  const bytes = Number(digits) * (unit?.bytes ?? NaN);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Uses the largest unit that divides the size evenly, so that {@link parseSize} reads it back; `bytes` is a whole number from 0 up. */
export function formatSize(bytes: number): string {
  const unit = bytes === 0 ? undefined : sizeUnits.find((candidate) => bytes % candidate.bytes === 0);
  return unit === undefined ? '0B' : `${bytes / unit.bytes}${unit.name}`;
}

/** The probable meaning of a text that is not a size: `16MB`, `16M`, Kubernetes's `16Mi`, `1.5 gib`, `4096`. */
export function suggestSize(text: string): string | undefined {
  const match = text.length > 60 ? null : /^\s*(\d+(?:\.\d+)?)\s*([kmgt]?)i?(?:b|bytes?)?\s*$/i.exec(text);
  if (match === null) return undefined;
  const power = ['', 'k', 'm', 'g', 't'].indexOf((match[2] ?? '').toLowerCase());
  const bytes = Math.round(Number(match[1]) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? formatSize(bytes) : undefined;
}
