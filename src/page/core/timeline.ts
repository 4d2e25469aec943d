import type { Link } from './link.ts';
import { counted } from './parts.ts';
import type { Health } from './pipelines.ts';
import type { Selection } from './selection.ts';

/** One row of the timeline: a silence, the alerts of one name, or a pipeline. */
export interface Lane {
  readonly id: string;
  readonly sort: 'silence' | 'alert' | 'pipeline';
  readonly label: string;
  /** What the label shows: the one thing that the lane is about, or the list of many. */
  readonly leadsTo: Partial<Link> | undefined;
  readonly detail: string;
  /** Worked out when the lane is drawn first: most of many lanes never are. */
  readonly marks: () => readonly Mark[];
}

/** Times are milliseconds since the epoch; a mark without an end goes on. */
export interface Mark {
  readonly shape: 'bar' | 'tick' | 'flag' | 'shade' | 'health';
  readonly from: number;
  readonly to?: number | undefined;
  readonly tone: MarkTone;
  /** In words; worked out for the mark under the pointer alone. */
  readonly text: () => string;
  readonly opens: Selection | undefined;
}

export type MarkTone = Health | 'firing' | 'silenced' | 'resolved' | 'silence' | 'run' | 'failed';

/** Milliseconds since the epoch. */
export interface Bounds {
  readonly from: number;
  readonly to: number;
}

/** A value that is made when it is wanted first. */
export function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}

export function overlaps({ from, to }: Pick<Mark, 'from' | 'to'>, input: Bounds): boolean {
  return from <= input.to && (to === undefined || to >= input.from);
}

/** The same in a sentence, for whoever does not see the picture. */
export function describeTimeline(lanes: readonly Lane[]): string {
  const count = (sort: Lane['sort']): number => lanes.filter((lane) => lane.sort === sort).length;
  const [alerts, pipelines] = [
    counted(count('alert'), 'name of alerts', 'names of alerts'),
    counted(count('pipeline'), 'pipeline'),
  ];
  return count('silence') === 0 ? `${alerts}, ${pipelines}` : `silences, ${alerts}, ${pipelines}`;
}
