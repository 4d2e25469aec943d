import type { Lane, Mark, MarkTone } from './timeline.ts';

/** The geometry of a lane, in CSS pixels; x begins at the left edge of the plot. */
export interface Drawn {
  readonly mark: Mark;
  readonly x: number;
  readonly width: number;
}

export interface Scale {
  readonly from: number;
  readonly to: number;
  readonly width: number;
}

/** A mark is at least this wide, so that it can be seen and hit. */
const minWidth = 2;

export function xOf(time: number, { from, to, width }: Scale): number {
  return ((time - from) / (to - from)) * width;
}

export function timeOf(x: number, { from, to, width }: Scale): number {
  return from + (x / width) * (to - from);
}

const order: readonly Mark['shape'][] = ['flag', 'tick', 'bar', 'shade', 'health'];
const tones: readonly MarkTone[] = [
  'healthy',
  'unhealthy',
  'unknown',
  'none',
  'firing',
  'silenced',
  'resolved',
  'silence',
  'run',
  'failed',
];

/**
 * The marks to draw, in the order of the lane. Of marks of one shape and tone that would cover the same pixels, one alone: a lane has
 * at most some marks a pixel, however many alerts it stands for.
 */
export function drawnMarks(lane: Lane, scale: Scale): readonly Drawn[] {
  const seen = new Set<number>();
  const drawn: Drawn[] = [];
  for (const mark of lane.marks()) {
    if (mark.from > scale.to || (mark.to !== undefined && mark.to < scale.from)) continue;
    const left = Math.max(0, xOf(mark.from, scale));
    const right = Math.min(scale.width, xOf(mark.to ?? scale.to, scale));
    const width = Math.max(minWidth, right - left);
    const sort = order.indexOf(mark.shape) * tones.length + tones.indexOf(mark.tone);
    const key = (sort * maxPixels + Math.round(left)) * maxPixels + Math.round(width);
    if (seen.has(key)) continue;
    seen.add(key);
    drawn.push({ mark, x: left, width });
  }
  return drawn;
}

/** Draws lanes at one scale, each once. */
export type Drawer = (lane: Lane) => readonly Drawn[];

export function drawerAt(scale: Scale): Drawer {
  const known = new WeakMap<Lane, readonly Drawn[]>();
  return (lane) => {
    const drawn = known.get(lane) ?? drawnMarks(lane, scale);
    known.set(lane, drawn);
    return drawn;
  };
}

/** No screen is wider; a number of its own for each pair of pixels. */
const maxPixels = 100_000;

/** How far beside a mark a pointer may be, pixels. */
const reach = 4;

/** The mark under a pointer: of several the most exact one. */
export function markAt(drawnOf: readonly Drawn[], x: number): Mark | undefined {
  const near = drawnOf
    .map((drawn) => ({ ...drawn, distance: distanceTo(drawn, x) }))
    .filter(({ distance }) => distance <= reach);
  near.sort((a, b) => {
    const [one, other] = [order.indexOf(a.mark.shape), order.indexOf(b.mark.shape)];
    return one === other ? a.distance - b.distance || a.width - b.width : one - other;
  });
  return near[0]?.mark;
}

function distanceTo({ x: left, width }: Drawn, x: number): number {
  return x < left ? left - x : Math.max(0, x - left - width);
}
