import type { Drawer, Drawn, Scale } from '../core/drawing.ts';
import type { Lane, MarkTone } from '../core/timeline.ts';

/** The colours of the page, as page.css has them: for the canvas, which knows no classes. */
export type Colours = Readonly<Record<MarkTone | 'line' | 'ground' | 'text' | 'muted', string>>;

const variables: Readonly<Record<keyof Colours, string>> = {
  healthy: '--good',
  unhealthy: '--bad',
  unknown: '--warn',
  none: '--muted',
  firing: '--alert',
  silenced: '--silence',
  resolved: '--resolved',
  silence: '--silence',
  run: '--muted',
  failed: '--bad',
  line: '--line',
  ground: '--surface',
  text: '--text',
  muted: '--muted',
};

export function coloursOf(element: Element): Colours {
  const style = getComputedStyle(element);
  const entries = Object.entries(variables).map(([name, variable]) => [name, style.getPropertyValue(variable).trim()]);
  return Object.fromEntries(entries) as Colours;
}

export interface Picture {
  readonly lanes: readonly Lane[];
  readonly laneHeight: number;
  /** The part of a lane that its label leaves to the marks, from its upper edge. */
  readonly markTop: number;
  /** How far the lanes are scrolled, CSS pixels. */
  readonly top: number;
  readonly height: number;
  readonly scale: Scale;
  readonly drawer: Drawer;
  readonly ticks: readonly number[];
  readonly colours: Colours;
}

/** Draws the lanes that can be seen, and no other. */
export function paint(canvas: HTMLCanvasElement, picture: Picture): void {
  const { lanes, laneHeight, top, height, scale } = picture;
  const context = prepare(canvas, scale.width, height);
  if (context === undefined) return;
  paintGrid(context, picture);
  const first = Math.max(0, Math.floor(top / laneHeight));
  const last = Math.min(lanes.length, Math.ceil((top + height) / laneHeight));
  for (let index = first; index < last; index++) paintLane(context, picture, lanes[index]!, index * laneHeight - top);
}

function prepare(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | undefined {
  const ratio = window.devicePixelRatio;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== high) canvas.height = high;
  const context = canvas.getContext('2d') ?? undefined;
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  context?.clearRect(0, 0, width, height);
  return context;
}

function paintGrid(context: CanvasRenderingContext2D, { ticks, height, colours }: Picture): void {
  context.fillStyle = colours.line;
  for (const x of ticks) context.fillRect(Math.round(x), 0, 1, height);
}

function paintLane(context: CanvasRenderingContext2D, picture: Picture, lane: Lane, y: number): void {
  const { colours, laneHeight, markTop, scale, drawer } = picture;
  context.fillStyle = colours.line;
  context.fillRect(0, Math.round(y + laneHeight) - 1, scale.width, 1);
  const box = { top: y + markTop, height: laneHeight - markTop };
  const marks = drawer(lane);
  // What covers least is drawn last.
  for (const shape of ['shade', 'health', 'bar', 'tick', 'flag'] as const)
    for (const drawn of marks) if (drawn.mark.shape === shape) painters[shape](context, colours, drawn, box);
}

interface Box {
  readonly top: number;
  readonly height: number;
}

type Painter = (context: CanvasRenderingContext2D, colours: Colours, drawn: Drawn, box: Box) => void;

const painters: Readonly<Record<Drawn['mark']['shape'], Painter>> = {
  shade: paintShade,
  health: paintHealth,
  bar: paintBar,
  tick: paintTick,
  flag: paintFlag,
};

/** Stripes, so that it is no bar even without colour. */
function paintShade(
  context: CanvasRenderingContext2D,
  colours: Colours,
  { x, width, mark }: Drawn,
  { top, height }: Box,
): void {
  const [y, high] = [top + 6, height - 12];
  context.save();
  context.beginPath();
  context.rect(x, y, width, high);
  context.globalAlpha = 0.22;
  context.fillStyle = colours[mark.tone];
  context.fill();
  context.clip();
  context.globalAlpha = 0.9;
  context.strokeStyle = colours[mark.tone];
  context.lineWidth = 1;
  context.beginPath();
  for (let at = x - high; at < x + width; at += 7) {
    context.moveTo(at, y + high);
    context.lineTo(at + high, y);
  }
  context.stroke();
  context.restore();
}

const healthHeights: Readonly<Partial<Record<MarkTone, number>>> = { unhealthy: 10, unknown: 7, healthy: 3 };

/** The worse, the thicker. */
function paintHealth(
  context: CanvasRenderingContext2D,
  colours: Colours,
  { x, width, mark }: Drawn,
  { top, height }: Box,
): void {
  const thick = healthHeights[mark.tone] ?? 3;
  context.globalAlpha = mark.tone === 'healthy' ? 0.55 : 0.8;
  context.fillStyle = colours[mark.tone];
  context.fillRect(x, top + height / 2 - thick / 2, width, thick);
  context.globalAlpha = 1;
}

/** One that a silence holds back has the stripes of the silence. */
function paintBar(context: CanvasRenderingContext2D, colours: Colours, drawn: Drawn, box: Box): void {
  const [{ x, width, mark }, { top, height }] = [drawn, box];
  if (mark.tone === 'silenced') return paintShade(context, colours, drawn, box);
  const inset = mark.tone === 'resolved' ? 8 : 6;
  context.globalAlpha = mark.tone === 'resolved' ? 0.6 : 0.85;
  context.fillStyle = colours[mark.tone];
  context.beginPath();
  context.roundRect(x, top + inset, width, height - 2 * inset, Math.min(3, width / 2));
  context.fill();
  context.globalAlpha = 1;
}

function paintTick(
  context: CanvasRenderingContext2D,
  colours: Colours,
  { x, mark }: Drawn,
  { top, height }: Box,
): void {
  context.fillStyle = colours[mark.tone];
  const high = mark.tone === 'failed' ? height - 6 : 8;
  context.fillRect(Math.round(x), top + height - 3 - high, mark.tone === 'failed' ? 2 : 1, high);
}

function paintFlag(
  context: CanvasRenderingContext2D,
  colours: Colours,
  { x, mark }: Drawn,
  { top, height }: Box,
): void {
  const [left, up] = [Math.round(x), top + 3];
  context.fillStyle = colours[mark.tone];
  context.strokeStyle = colours.ground;
  context.lineWidth = 1;
  context.fillRect(left, up, 2, height - 6);
  context.beginPath();
  context.moveTo(left + 2, up);
  context.lineTo(left + 11, up + 4.5);
  context.lineTo(left + 2, up + 9);
  context.closePath();
  context.fill();
}
