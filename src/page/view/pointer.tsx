import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { markAt, timeOf, type Drawer, type Scale } from '../core/drawing.ts';
import type { Lane, Mark } from '../core/timeline.ts';
import { localTime } from '../core/times.ts';
import { useActions, useNow } from './context.ts';

interface PointerOptions {
  readonly lanes: readonly Lane[];
  readonly laneHeight: number;
  readonly scale: Scale;
  readonly drawer: Drawer;
}

interface Hover {
  readonly mark: Mark;
  readonly x: number;
  readonly y: number;
}

/** A drag shorter than this is a click, pixels. */
const dragFrom = 8;

interface Pointer {
  readonly tip: JSX.Element | null;
  /** The part that is being dragged over, CSS pixels of the plot. */
  readonly dragged: { readonly left: number; readonly width: number } | undefined;
  readonly handlers: object;
}

/** A mark says what it is, a click opens it, and a drag with the mouse looks closer; a finger scrolls. */
export function usePointer({ lanes, laneHeight, scale, drawer }: PointerOptions): Pointer {
  const [hover, setHover] = useState<Hover>();
  const [drag, setDrag] = useState<{ readonly from: number; readonly to: number }>();
  const now = useNow();
  const { open, change } = useActions();
  const find = ({ offsetX, offsetY, currentTarget }: PointerEvent): Mark | undefined => {
    const top = (currentTarget as HTMLElement).closest('.lanes')!.scrollTop;
    const lane = lanes[Math.floor((offsetY + top) / laneHeight)];
    return lane === undefined ? undefined : markAt(drawer(lane), offsetX);
  };
  const [left, right] = drag === undefined ? [0, 0] : [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
  const isDrag = right - left > dragFrom;
  const handlers = {
    onPointerMove: (event: PointerEvent) => {
      if (drag !== undefined) setDrag({ ...drag, to: Math.min(scale.width, Math.max(0, event.offsetX)) });
      const mark = isDrag ? undefined : find(event);
      (event.currentTarget as HTMLElement).classList.toggle('can-open', mark?.opens !== undefined);
      setHover(mark === undefined ? undefined : { mark, x: event.clientX, y: event.clientY });
    },
    onPointerLeave: () => setHover(undefined),
    onPointerCancel: () => setDrag(undefined),
    onPointerDown: (event: PointerEvent) => {
      if (event.pointerType !== 'mouse' || event.button !== 0) return;
      (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
      setDrag({ from: event.offsetX, to: event.offsetX });
    },
    onPointerUp: (event: PointerEvent) => {
      setDrag(undefined);
      const [from, to] = [Math.round(timeOf(left, scale)), Math.round(timeOf(right, scale))];
      if (isDrag) return change({ range: { from, to } });
      const opens = find(event)?.opens;
      if (opens !== undefined) open(opens);
    },
  };
  const tip = hover === undefined ? null : <Tip {...{ hover, now }} />;
  return { tip, dragged: isDrag ? { left, width: right - left } : undefined, handlers };
}

function Tip({ hover: { mark, x, y }, now }: { readonly hover: Hover; readonly now: number }): JSX.Element {
  const isLate = x > window.innerWidth / 2;
  const place = isLate ? { right: `${window.innerWidth - x + 12}px` } : { left: `${x + 12}px` };
  const end = mark.to === undefined ? 'now' : localTime(mark.to, now);
  const time = mark.to === mark.from ? localTime(mark.from, now) : `${localTime(mark.from, now)} – ${end}`;
  return (
    <div class="tip" aria-hidden="true" style={{ ...place, top: `${y + 14}px` }}>
      <strong>{mark.text()}</strong>
      <span>{time}</span>
    </div>
  );
}
