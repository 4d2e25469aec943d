import type { Alert, Condition, Fact, Pipeline, Run } from '../../explain/schema.ts';
import { showPipeline } from '../../explain/words.ts';
import { labelsField, numberField, textField } from './facts.ts';
import type { PipelineNews, State } from './state.ts';

/** The pipelines as they are now: the list, and what facts said since. */
export function currentPipelines(state: Pick<State, 'pipelines' | 'news'>): readonly Pipeline[] {
  if (state.news.size === 0) return state.pipelines.value;
  return state.pipelines.value.map((pipeline) => {
    const news = state.news.get(showPipeline(pipeline));
    return news === undefined ? pipeline : withNews(pipeline, news);
  });
}

function withNews(pipeline: Pipeline, { changed, turned, ended }: PipelineNews): Pipeline {
  const condition = changed === undefined ? pipeline.condition : conditionOf(pipeline.condition, changed, turned);
  return {
    ...pipeline,
    ...(condition !== undefined && { condition }),
    ...(ended !== undefined && { last_run: runOf(pipeline, ended), ...nextLook(ended) }),
  };
}

function conditionOf(old: Condition | undefined, changed: Fact, turned: Fact | undefined): Condition {
  const since = turned?.time ?? old?.since;
  return {
    status: changed['to'] as Condition['status'],
    reason: textField(changed, 'reason') ?? '',
    message: textField(changed, 'message') ?? '',
    ...(since !== undefined && { since }),
  };
}

/** What a list shows of a run; the panel asks for all of it. */
function runOf(pipeline: Pipeline, ended: Fact): Run {
  const { kind, group, namespace, name } = pipeline;
  const failed = ended['result'] === 'cancelled' ? 'cancelled' : 'failed';
  return {
    id: textField(ended, 'run') ?? '',
    pipeline: { kind, ...(group !== undefined && { group }), ...(namespace !== undefined && { namespace }), name },
    at: ended.time,
    priority: (ended['priority'] ?? 'resync') as Run['priority'],
    triggers: [],
    causes: [],
    more_causes: 0,
    request_ids: [],
    event_ids: [],
    hops: { finished: ended.time },
    decided_by: [],
    outcome: ended.event === 'reconcile.finished' ? (ended['result'] as Run['outcome']) : failed,
  };
}

function nextLook(ended: Fact): Pick<Pipeline, 'next_look'> {
  const [retry, again] = [numberField(ended, 'retry_in_ms'), numberField(ended, 'requeue_after_ms')];
  const after = retry ?? again;
  if (after === undefined) return {};
  const at = new Date(Date.parse(ended.time) + after).toISOString();
  return { next_look: { at, why: retry === undefined ? 'requeue' : 'retry' } };
}

const statuses: Readonly<Record<string, Alert['status']>> = {
  'alert.new': 'firing',
  'alert.resolved': 'resolved',
  'alert.expired': 'expired',
};

/** The alerts as they are now: the list, and what facts said since. */
export function currentAlerts(state: Pick<State, 'alerts' | 'alertNews'>): readonly Alert[] {
  const { isReady, failure } = state.alerts;
  // A part of the list must not pass for the whole of it.
  if (!isReady && failure === undefined) return [];
  const alerts = new Map(state.alerts.value);
  for (const [fingerprint, { fact }] of state.alertNews) {
    const status = statuses[fact.event];
    const old = alerts.get(fingerprint);
    const labels = old?.labels ?? labelsField(fact, 'labels');
    const started = status === 'firing' ? { starts_at: fact.time } : { ends_at: fact.time };
    const alertname = labels['alertname'] ?? '(no alertname)';
    alerts.set(fingerprint, { fingerprint, alertname, labels, ...old, status, ...started });
  }
  return [...alerts.values()];
}
