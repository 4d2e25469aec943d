import { scaleTime } from 'd3-scale';
import type { JSX, RefObject } from 'preact';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { drawerAt, xOf, type Scale } from '../core/drawing.ts';
import { boundsOf } from '../core/link.ts';
import { describeTimeline, type Lane } from '../core/timeline.ts';
import { useLink, useNow } from './context.ts';
import { coloursOf, paint, type Colours } from './paint.ts';
import { usePointer } from './pointer.tsx';
import { narrowQuery, useMedia } from './row-height.ts';
import { PageLink } from './words.tsx';

/** CSS pixels. On a narrow screen the label stands above the marks. */
const wide = { laneHeight: 28, markTop: 0, label: 250, most: 12 };
const narrow = { laneHeight: 44, markTop: 18, label: 0, most: 5 };
type Layout = typeof wide;

export function Plot({ lanes }: { readonly lanes: readonly Lane[] }): JSX.Element {
  const [link, now] = [useLink(), useNow()];
  const { laneHeight, markTop, most, ...layout }: Layout = useMedia(narrowQuery) ? narrow : wide;
  const scroller = useRef<HTMLDivElement>(null);
  const [size, top] = useScroller(scroller);
  const label = Math.round(Math.min(layout.label, size * 0.3));
  const scale: Scale = { ...boundsOf(link.range, now), width: Math.max(1, size - label) };
  const height = Math.min(lanes.length, most) * laneHeight;
  const ticks = useTicks(scale);
  const drawer = useMemo(() => drawerAt(scale), [scale.from, scale.to, scale.width]);
  const canvas = useCanvas({ drawer, lanes, laneHeight, markTop, top, height, scale, ticks });
  const { tip, dragged, handlers } = usePointer({ drawer, lanes, laneHeight, scale });
  const first = Math.max(0, Math.floor(top / laneHeight) - 2);
  const described = `Timeline: ${describeTimeline(lanes)}. “What happened” has the same as a list.`;
  const size2d = { left: `${label}px`, width: `${scale.width}px`, height: `${height}px` };
  return (
    <>
      <Axis ticks={ticks} left={label} />
      <div
        class="lanes"
        ref={scroller}
        style={{ height: `${height}px` }}
        tabIndex={0}
        role="group"
        aria-label={described}
      >
        <div class="lanes-whole" style={{ height: `${lanes.length * laneHeight}px` }}>
          <canvas ref={canvas} aria-hidden="true" style={size2d} {...handlers} />
          {dragged !== undefined && (
            <div class="dragged" style={{ left: `${label + dragged.left}px`, width: `${dragged.width}px` }} />
          )}
          <LaneLabels lanes={lanes} first={first} count={most + 5} height={laneHeight} width={label} />
        </div>
      </div>
      {tip}
    </>
  );
}

interface LaneLabelsProps {
  readonly lanes: readonly Lane[];
  readonly first: number;
  readonly count: number;
  /** Of a lane; of all labels, or 0 if they stand above the marks. CSS pixels. */
  readonly height: number;
  readonly width: number;
}

/** Only of the lanes that can be seen. */
function LaneLabels({ lanes, first, count, height, width }: LaneLabelsProps): JSX.Element {
  return (
    <ul class="lane-labels" style={{ width: width === 0 ? '100%' : `${width}px` }}>
      {lanes.slice(first, first + count).map((lane, index) => (
        <LaneLabel key={lane.id} lane={lane} top={(first + index) * height} height={height} />
      ))}
    </ul>
  );
}

function Axis({ ticks, left }: { readonly ticks: readonly Tick[]; readonly left: number }): JSX.Element {
  return (
    <div class="axis" aria-hidden="true" style={{ marginLeft: `${left}px` }}>
      {ticks.map(({ x, text }) => (
        <span key={x} style={{ left: `${x}px` }}>
          {text}
        </span>
      ))}
    </div>
  );
}

interface LaneLabelProps {
  readonly lane: Lane;
  /** CSS pixels. */
  readonly top: number;
  readonly height: number;
}

function LaneLabel({ lane, top, height }: LaneLabelProps): JSX.Element {
  return (
    <li class={`lane-label ${lane.sort}`} style={{ top: `${top}px`, height: `${height}px` }}>
      {lane.leadsTo === undefined ? <span>{lane.label}</span> : <PageLink to={lane.leadsTo}>{lane.label}</PageLink>}
      {lane.detail !== '' && <span class="under">{lane.detail}</span>}
    </li>
  );
}

/** The width of the lanes, and how far they are scrolled; CSS pixels. */
function useScroller(scroller: RefObject<HTMLDivElement | null>): [number, number] {
  const [size, setSize] = useState(800);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    const element = scroller.current!;
    const measure = (): void => setSize(element.clientWidth);
    const scrolled = (): void => setTop(element.scrollTop);
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    element.addEventListener('scroll', scrolled, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', scrolled);
    };
  }, [scroller]);
  return [size, top];
}

interface Tick {
  readonly x: number;
  readonly text: string;
}

/** A label of the axis needs about this many pixels. */
const tickRoom = 90;

function useTicks({ from, to, width }: Scale): readonly Tick[] {
  return useMemo(() => {
    const scale = scaleTime([new Date(from), new Date(to)], [0, width]);
    const ticks = scale.ticks(Math.max(2, Math.floor(width / tickRoom)));
    const step = (ticks[1]?.getTime() ?? to) - (ticks[0]?.getTime() ?? from);
    const format = scale.tickFormat(ticks.length, tickFormat(step, to - from));
    const placed = ticks.map((tick) => ({ x: xOf(tick.getTime(), { from, to, width }), text: format(tick) }));
    return placed.filter(({ x }) => x > tickRoom / 3 && x < width - tickRoom / 3);
  }, [from, to, width]);
}

function tickFormat(stepMs: number, lengthMs: number): string {
  if (stepMs < 60_000) return '%H:%M:%S';
  if (lengthMs <= dayMs) return '%H:%M';
  return stepMs < dayMs ? '%d %b %H:%M' : '%d %b';
}

const dayMs = 86_400_000;

type Picture = Omit<Parameters<typeof paint>[1], 'colours' | 'ticks'> & { readonly ticks: readonly Tick[] };

/** Draws once a frame at most, when something has moved or the colours are others. */
function useCanvas(picture: Picture): RefObject<HTMLCanvasElement | null> {
  const canvas = useRef<HTMLCanvasElement>(null);
  const colours = useRef<Colours | undefined>(undefined);
  const isDark = useMedia('(prefers-color-scheme: dark)');
  const isForced = useMedia('(forced-colors: active)');
  useLayoutEffect(() => void (colours.current = undefined), [isDark, isForced]);
  const { lanes, laneHeight, top, height, scale, ticks } = picture;
  useLayoutEffect(() => {
    const frame = requestAnimationFrame(() => {
      if (canvas.current === null) return;
      colours.current ??= coloursOf(canvas.current);
      paint(canvas.current, { ...picture, ticks: ticks.map(({ x }) => x), colours: colours.current });
    });
    return () => cancelAnimationFrame(frame);
  }, [lanes, laneHeight, top, height, scale.from, scale.to, scale.width, ticks, isDark, isForced]);
  return canvas;
}
