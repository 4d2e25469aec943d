import { useEffect, useState } from 'preact/hooks';
import type { List } from '../core/link.ts';

/** CSS pixels, wide and narrow; page.css makes the text fit. */
const heights: Readonly<Record<List, readonly [wide: number, narrow: number]>> = {
  pipelines: [60, 126],
  alerts: [52, 100],
  facts: [40, 72],
  payloads: [52, 132],
  silences: [52, 116],
};

/** As in page.css. */
export const narrowQuery = '(max-width: 760px)';

export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const changed = (): void => setMatches(list.matches);
    changed();
    list.addEventListener('change', changed);
    return () => list.removeEventListener('change', changed);
  }, [query]);
  return matches;
}

export function useRowHeight(list: List): number {
  const isNarrow = useMedia(narrowQuery);
  return heights[list][isNarrow ? 1 : 0];
}
