import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { instance, type RenderOptions } from '@viz-js/viz';

declare global {
  /** The types of the library name it; the program runs without a browser. */
  type SVGSVGElement = never;
}

interface Colours {
  readonly ink: string;
  readonly line: string;
  readonly fill: string;
}

/** GitHub's text, border and canvas of each theme, so that a drawing looks like the page around it. */
const themes = {
  light: { ink: '#1f2328', line: '#59636e', fill: '#f6f8fa' },
  dark: { ink: '#f0f6fc', line: '#9198a1', fill: '#151b23' },
} as const satisfies Record<string, Colours>;

/** Every drawing of this folder: the name of its SVG, and what it holds. Needs no browser and no network. */
export async function drawAll(): Promise<ReadonlyMap<string, string>> {
  const viz = await instance();
  const sources = globSync('*.dot', { cwd: import.meta.dirname }).toSorted();
  return new Map(
    sources.flatMap((source) => {
      const dot = readFileSync(join(import.meta.dirname, source), 'utf8');
      return Object.entries(themes).map(([theme, colours]) => [
        `${basename(source, '.dot')}-${theme}.svg`,
        viz.renderString(dot, { format: 'svg', ...attributesOf(colours) }),
      ]);
    }),
  );
}

function attributesOf({ ink, line, fill }: Colours): RenderOptions {
  const font = { fontname: 'Arial,sans-serif', fontcolor: ink, fontsize: 12 };
  return {
    graphAttributes: { ...font, bgcolor: 'transparent', pad: 0.1, color: line, style: 'rounded' },
    nodeAttributes: {
      ...font,
      shape: 'box',
      style: 'rounded,filled',
      color: line,
      fillcolor: fill,
      margin: '0.15,0.08',
    },
    edgeAttributes: { ...font, fontsize: 11, color: line, arrowsize: 0.7 },
  };
}

if (import.meta.main) for (const [name, svg] of await drawAll()) writeFileSync(join(import.meta.dirname, name), svg);
