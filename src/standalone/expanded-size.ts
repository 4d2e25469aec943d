/**
 * About how long a value is once it is written out, bytes: what stands behind an alias counts each time. Each object is looked at
 * once, so that this takes no longer than the value is large in memory. Throws TypeError if it leads back into itself.
 */
export function expandedSize(value: unknown, known = new Map<object, number | 'open'>()): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 1;
  const before = known.get(value);
  if (before === 'open') throw new TypeError('a value leads back into itself');
  if (before !== undefined) return before;
  known.set(value, 'open');
  let size = 1;
  for (const [key, child] of Object.entries(value)) size += key.length + expandedSize(child, known);
  known.set(value, size);
  return size;
}
