import { createRequire } from 'node:module';

/** The part of the library that is used; the library's own types need those of a browser. */
interface Charts {
  init(
    element: null,
    theme: null,
    options: { readonly renderer: 'svg'; readonly ssr: true; readonly width: number; readonly height: number },
  ): { setOption(option: object): void; renderToSVGString(): string; dispose(): void };
}

const { init } = createRequire(import.meta.url)('echarts') as Charts;

/** A picture of some of a section's figures. */
export interface Plot {
  /** The name of its file, without `.svg`. */
  readonly name: string;
  readonly title: string;
  readonly kind: 'bar' | 'line';
  readonly x: { readonly name: string; readonly values: readonly (string | number)[] };
  /** Linear from 0, or logarithmic if the figures span orders of magnitude. */
  readonly y: { readonly name: string; readonly scale: 'linear' | 'logarithmic' };
  /** Each series has a value for every x; undefined where nothing was measured. */
  readonly series: readonly { readonly name: string; readonly values: readonly (number | undefined)[] }[];
}

const size = { width: 760, height: 420 };

/** The plot as SVG. */
export function renderPlot({ title, kind, x, y, series }: Plot): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: '#ffffff',
      title: { text: title, left: 'center', textStyle: { fontSize: 14 } },
      legend: { top: 30, right: 30, itemGap: 30 },
      grid: { left: 70, right: 30, top: 70, bottom: 55 },
      xAxis: { type: 'category', name: x.name, nameLocation: 'middle', nameGap: 30, data: x.values.map(String) },
      yAxis: { type: y.scale === 'linear' ? 'value' : 'log', name: y.name, nameTextStyle: { align: 'left' } },
      series: series.map(({ name, values }) => ({ type: kind, name, data: values.map((value) => value ?? null) })),
    });
    return `${chart.renderToSVGString()}\n`;
  } finally {
    chart.dispose();
  }
}
