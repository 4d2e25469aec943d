import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { markAt, timeOf, type Drawer, type Scale } from '../core/drawing.ts';
import type { Lane, Mark } from '../core/timeline.ts';
import { localTime } from '../core/times.ts';
import { usePage } from './context.ts';

interface PointerOptions {
  readonly lanes: readonly Lane[];
  readonly laneHeight: number;
  readonly scale: Scale;
  readonly drawer: Drawer;
  readonly open: (selection: NonNullable<Mark['opens']>) => void;
  readonly zoom: (range: { readonly from: number; readonly to: number }) => void;
}

interface Hover {
  readonly mark: Mark;
  readonly x: number;
  readonly y: number;
}

/** A drag shorter than this is a click, pixels. */
const dragFrom = 8;

export function usePointer({ drawer, lanes, laneHeight, scale, open, zoom }: PointerOptions): {
  readonly tip: JSX.Element | null;
  readonly handlers: object;
} {
  const [hover, setHover] = useState<Hover>();
  const pressed = useRef<number | undefined>(undefined);
  const { now } = usePage();
  const find = ({ offsetX, offsetY, currentTarget }: PointerEvent): Mark | undefined => {
    const top = (currentTarget as HTMLElement).parentElement!.parentElement!.scrollTop;
    const lane = lanes[Math.floor((offsetY + top) / laneHeight)];
    return lane === undefined ? undefined : markAt(drawer(lane), offsetX);
  };
  const handlers = {
    onPointerMove: (event: PointerEvent) => {
      const mark = find(event);
      (event.currentTarget as HTMLElement).classList.toggle('can-open', mark?.opens !== undefined);
      setHover(mark === undefined ? undefined : { mark, x: event.clientX, y: event.clientY });
    },
    onPointerLeave: () => setHover(undefined),
    onPointerDown: (event: PointerEvent) =>
      void (pressed.current = event.pointerType === 'mouse' ? event.offsetX : undefined),
    onPointerUp: (event: PointerEvent) => {
      const start = pressed.current ?? event.offsetX;
      pressed.current = undefined;
      const [left, right] = [Math.min(start, event.offsetX), Math.max(start, event.offsetX)];
      if (right - left > dragFrom)
        return zoom({ from: Math.round(timeOf(left, scale)), to: Math.round(timeOf(right, scale)) });
      const opens = find(event)?.opens;
      if (opens !== undefined) open(opens);
    },
  };
  return { tip: hover === undefined ? null : <Tip {...{ hover, now }} />, handlers };
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
