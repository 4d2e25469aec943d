import type { JSX } from 'preact';
import type { Alert, Pipeline } from '../../explain/schema.ts';
import { showLabels, showPipeline } from '../../explain/words.ts';
import { alertSince, alertState, alertWords } from '../core/alerts.ts';
import { counted } from '../core/parts.ts';
import { healthOf } from '../core/pipelines.ts';
import { briefRun } from '../core/run-story.ts';
import type { Selection } from '../core/selection.ts';
import { VirtualTable } from './virtual-table.tsx';
import { HealthBadge, OpenLink, Sign, Time } from './words.tsx';

function selectionOfPipeline(pipeline: Pipeline): Selection {
  return { of: 'pipeline', pipeline: showPipeline(pipeline) };
}

export function PipelineTable({ items }: { readonly items: readonly Pipeline[] }): JSX.Element {
  return (
    <VirtualTable
      label="Pipelines, the worst first"
      columns={['Pipeline', 'State', 'Reason and message', 'Since', 'Last run']}
      items={items}
      list="pipelines"
      keyOf={showPipeline}
      classOf={(pipeline) => `pipelines ${healthOf(pipeline)}`}
      selectionOf={selectionOfPipeline}
      row={pipelineRow}
    />
  );
}

function pipelineRow(pipeline: Pipeline, tabIndex: number): JSX.Element {
  return <PipelineCells {...{ pipeline, tabIndex }} />;
}

function PipelineCells({
  pipeline,
  tabIndex,
}: {
  readonly pipeline: Pipeline;
  readonly tabIndex: number;
}): JSX.Element {
  const { condition, paused_by: paused, last_run: run, kind, namespace, name, group } = pipeline;
  const place = [group === undefined ? kind : `${kind}.${group}`, namespace].filter(Boolean).join(' / ');
  return (
    <>
      <span role="cell" class="cell-name">
        <OpenLink opens={selectionOfPipeline(pipeline)} tabIndex={tabIndex}>
          {name}
        </OpenLink>
        <span class="under">{place}</span>
      </span>
      <span role="cell" class="cell-state">
        <HealthBadge health={healthOf(pipeline)} />
        {paused.length > 0 && (
          <span class="tag" title="An alert that would wake it is silenced">
            {counted(paused.length, 'silence')}
          </span>
        )}
      </span>
      <span role="cell" class="cell-text">
        <span class="reason">{condition?.reason ?? 'Tocsin has written no condition yet'}</span>
        <span class="under">{condition?.message ?? ''}</span>
      </span>
      <span role="cell" class="cell-time">
        {condition?.since !== undefined && <Time at={condition.since} isAgo />}
      </span>
      <span role="cell" class="cell-run">
        {run === undefined ? <span class="under">none known</span> : <RunBrief run={run} />}
      </span>
    </>
  );
}

function RunBrief({ run }: { readonly run: NonNullable<Pipeline['last_run']> }): JSX.Element {
  return (
    <>
      <Time at={run.at} isAgo />
      <span class="under">{briefRun(run)}</span>
    </>
  );
}

function selectionOfAlert({ fingerprint }: Alert): Selection | undefined {
  return fingerprint === undefined ? undefined : { of: 'alert', id: fingerprint };
}

export function AlertTable({ items }: { readonly items: readonly Alert[] }): JSX.Element {
  return (
    <VirtualTable
      label="Alerts, those that fire first"
      columns={['Alert', 'State', 'Labels', 'Since']}
      items={items}
      list="alerts"
      keyOf={({ fingerprint, alertname }) => fingerprint ?? alertname}
      classOf={(alert) => `alerts ${alertState(alert)}`}
      selectionOf={selectionOfAlert}
      row={alertRow}
    />
  );
}

export const alertSigns = {
  firing: 'bad',
  silenced: 'none',
  invalid: 'warn',
  past: 'quiet',
  resolved: 'good',
} as const;

function alertRow(alert: Alert, tabIndex: number): JSX.Element {
  return <AlertCells {...{ alert, tabIndex }} />;
}

function AlertCells({ alert, tabIndex }: { readonly alert: Alert; readonly tabIndex: number }): JSX.Element {
  const [state, since, opens] = [alertState(alert), alertSince(alert), selectionOfAlert(alert)];
  return (
    <>
      <span role="cell" class="cell-name">
        {opens === undefined ? alert.alertname : <OpenLink {...{ opens, tabIndex }}>{alert.alertname}</OpenLink>}
        <span class="under">{alert.annotations?.['summary'] ?? alert.annotations?.['description'] ?? ''}</span>
      </span>
      <span role="cell" class="cell-state">
        <span class={`badge ${state}`}>
          <Sign of={alertSigns[state]} />
          {alertWords[state]}
        </span>
      </span>
      <span role="cell" class="cell-text">
        <span class="labels">{showLabels(alert.labels).replace(/^\{|\}$/g, '') || 'no other labels'}</span>
      </span>
      <span role="cell" class="cell-time">
        {since !== undefined && <Time at={since} isAgo />}
      </span>
    </>
  );
}
