import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  BigValueColorMode,
  BigValueGraphMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  type Dashboard,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as GraphBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { alertPathRows } from './alert-path-rows.ts';
import type { Panel, Query, Row } from './row.ts';
import { tocsinRows } from './tocsin-rows.ts';

/** The data source that the variable chooses. */
const datasource = { type: 'prometheus', uid: '${datasource}' };

/** Grafana's grid is 24 columns wide. */
const columns = 24;
const valueHeight = 4;
const graphHeight = 8;

/** The committed file. */
export const dashboardFile = 'tocsin.json';

/** The dashboard, as text of the file: the way of the alerts first, then Tocsin itself. */
export function makeDashboard(): string {
  return `${JSON.stringify(dashboard([...alertPathRows, ...tocsinRows]), null, 2)}\n`;
}

function dashboard(rows: readonly Row[]): Dashboard {
  const builder = new DashboardBuilder('Tocsin')
    .uid('tocsin')
    .description('From the rules of Prometheus to the conditions of pipelines.')
    .tags(['tocsin', 'prometheus', 'kubernetes'])
    .timezone('browser')
    .time({ from: 'now-3h', to: 'now' })
    .refresh('30s')
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(instances('instance', 'Tocsin', 'tocsin_build_info'))
    .withVariable(instances('prometheus', 'Prometheus', 'prometheus_build_info'));
  let id = 0;
  for (const { title, panels } of rows) {
    builder.withRow(new RowBuilder(title).id(++id));
    for (const panel of panels) builder.withPanel(built(panel, columns / perLine(panels)).id(++id));
  }
  return builder.build();
}

function built(panel: Panel, width: number): GraphBuilder | StatBuilder {
  return panel.isValue === true ? value(panel, width) : graph(panel, width);
}

/** Values are small. Lines of graphs are full: four panels are two lines of two. */
function perLine(panels: readonly Panel[]): number {
  if (panels.some(({ isValue }) => isValue)) return panels.length;
  return panels.length % 3 === 0 ? 3 : 2;
}

/** Every value of the label `instance` of a metric; all of them to begin with. */
function instances(name: string, label: string, metric: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(datasource)
    .query(`label_values(${metric}, instance)`)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: 'All', value: '$__all' });
}

function graph({ title, description, unit, queries }: Panel, width: number): GraphBuilder {
  const builder = new GraphBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .unit(unit)
    .min(0)
    .span(width)
    .height(graphHeight)
    .fillOpacity(8)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi));
  queries.forEach((query, index) => builder.withTarget(target(query, index)));
  return builder;
}

function value(panel: Panel, width: number): StatBuilder {
  const { title, description, unit, queries } = panel;
  const builder = new StatBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .unit(unit)
    .span(width)
    .height(valueHeight)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.Value)
    .thresholds(thresholds(panel));
  queries.forEach((query, index) => builder.withTarget(target(query, index).instant()));
  return builder;
}

function thresholds({ badFrom, badBelow }: Panel): ThresholdsConfigBuilder {
  const steps =
    badBelow !== undefined
      ? [step(null, 'red'), step(badBelow, 'green')]
      : badFrom !== undefined
        ? [step(null, 'green'), step(badFrom, 'red')]
        : [step(null, 'text')];
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps);
}

/** @param from null for the first one: below every other */
function step(from: number | null, color: string): { readonly value: number | null; readonly color: string } {
  return { value: from, color };
}

function target({ expr, legend }: Query, index: number): DataqueryBuilder {
  return new DataqueryBuilder()
    .refId(String.fromCharCode('A'.charCodeAt(0) + index))
    .expr(expr)
    .legendFormat(legend);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(join(import.meta.dirname, dashboardFile), makeDashboard());
}
