import * as z from 'zod';

/**
 * The requests and answers of `/api/tocsin/v1`. Each shape is written once, here: the program's types and the OpenAPI document
 * are made from it, and the tests check every answer against it. The names are those of the log's fields.
 */

/** RFC 3339, UTC, milliseconds. */
export const Time = z.iso.datetime({ precision: 3 });

export const Labels = z.record(z.string(), z.string());

const causeStatuses = [
  'firing',
  'resolved',
  'expired',
  'silence expired',
  'inhibition ended',
  'suspension ended',
] as const;

/** An object that is reconciled. */
export const PipelineName = z
  .strictObject({
    kind: z.string().describe('Such as TracePipeline.'),
    group: z.string().optional().describe('The API group; absent for that of Kyma.'),
    namespace: z.string().optional().describe('Absent for a cluster-scoped kind.'),
    name: z.string(),
  })
  .meta({ id: 'PipelineName' });

export const Alert = z
  .strictObject({
    fingerprint: z.string().optional().describe('The fingerprint of Alertmanager; absent if labels were left out.'),
    alertname: z.string(),
    labels: Labels,
    omitted_labels: z.int().optional().describe('The number of labels that were left out because they were too large.'),
    status: z.enum([...causeStatuses, 'invalid']).optional(),
    annotations: Labels.optional(),
    starts_at: Time.optional(),
    ends_at: Time.optional(),
    updated_at: Time.optional(),
    silenced_by: z.array(z.string()).optional().describe('The ids of the silences that match it now.'),
  })
  .meta({ id: 'Alert' });

export const Trigger = z.enum([
  'alert',
  'start',
  'resync',
  'requeue',
  'pipeline',
  'truncated',
  'trigger',
  'inhibition',
  'suspension',
  'reload',
  'silence',
  'rules',
  'takeover',
  'peers',
  'manual',
]);

/** An alert that caused a run. */
export const Cause = z
  .strictObject({
    fingerprint: z.string().optional().describe('Absent if labels were left out.'),
    alertname: z.string(),
    labels: Labels,
    status: z.enum(causeStatuses),
    changed_at: Time.optional().describe('When it began, or ended if it has ended, as its sender says.'),
    first_seen: Time,
    last_seen: Time,
    count: z.int().min(1).describe('How often it was received.'),
  })
  .meta({ id: 'Cause' });

/** The time at which a run passed each stage. A missing stage did not happen, or is no longer known. */
export const Hops = z
  .strictObject({
    received: Time.optional().describe('The first alert of the run was received.'),
    emitted: Time.optional().describe('The debouncer made an event of it.'),
    enqueued: Time.optional(),
    started: Time.optional(),
    queried: Time.optional().describe('Prometheus was asked.'),
    answered: Time.optional(),
    written: Time.optional(),
    finished: Time.optional(),
  })
  .meta({ id: 'Hops' });

/** The reason why a run changed no condition. */
export const Because = z.enum([
  'unchanged',
  'not_in_prometheus',
  'held',
  'configuration_not_generated',
  'throttled',
  'foreign_condition',
  'no_rule',
  'pipeline_gone',
  'prometheus_failed',
  'write_failed',
]);

export const Transition = z
  .strictObject({
    type: z.string(),
    from: z.enum(['True', 'False', 'Unknown', '']).describe('Empty if the condition is new.'),
    to: z.enum(['True', 'False', 'Unknown']),
    from_reason: z.string(),
    reason: z.string(),
    message: z.string(),
    observed: z.boolean().optional().describe('True with `controller.action: log`, which writes nothing.'),
  })
  .meta({ id: 'Transition' });

/** One reconcile of one pipeline: its causes, its findings, its effects. */
export const Run = z
  .strictObject({
    id: z.string(),
    replica: z.string().optional().describe('Which replica ran it; absent if there is one alone.'),
    pipeline: PipelineName,
    at: Time.describe('When it started.'),
    priority: z.enum(['manual', 'platform', 'alert', 'retry', 'resync']),
    triggers: z.array(Trigger),
    causes: z.array(Cause).describe('The newest is last.'),
    more_causes: z.int().describe('The number of alerts that are counted but not named.'),
    request_ids: z.array(z.string()),
    more_request_ids: z.int().optional(),
    event_ids: z.array(z.string()),
    hops: Hops,
    prometheus: z
      .strictObject({
        status: z.string().describe('`success`, or what went wrong.'),
        firing: z.int().optional(),
        not_in_prometheus: z.array(z.string()).describe('Pushed as firing, and not reported by Prometheus.'),
      })
      .optional()
      .describe('Absent if Prometheus was not asked.'),
    chosen_by: z
      .array(z.string())
      .optional()
      .describe('The triggers that chose the object; `default` is `source.select`. Absent if no alert was the reason.'),
    decided_by: z.array(Alert),
    decided_by_triggers: z.array(z.string()).optional().describe('The triggers by which the condition was decided.'),
    decided_because: z.string().optional().describe('The reason in words, if no alert decided, or not alone.'),
    actions: z
      .array(
        z.strictObject({
          trigger: z.string().describe('Its key.'),
          action: z.string().describe('What it did, in words.'),
          observed: z.boolean().optional().describe('True if it only observes, and did nothing.'),
        }),
      )
      .optional()
      .describe('What triggers did to the object. Absent if there is nothing.'),
    throttled_by: z
      .array(z.string())
      .optional()
      .describe('The keys of the triggers that have done enough to the object.'),
    throttled_until: Time.optional(),
    outcome: z.enum(['running', 'changed', 'unchanged', 'gone', 'failed', 'cancelled']),
    because: Because.optional().describe('The reason why no condition changed.'),
    transition: Transition.optional(),
    error: z.string().optional(),
    retry_at: Time.optional(),
    look_again_at: Time.optional(),
  })
  .meta({ id: 'Run' });

export const Condition = z
  .strictObject({
    type: z.string().optional().describe('Absent for `TelemetryFlowHealthy`.'),
    status: z.enum(['True', 'False', 'Unknown']),
    reason: z.string(),
    message: z.string(),
    since: Time.optional(),
  })
  .meta({ id: 'Condition' });

export const Pipeline = PipelineName.extend({
  condition: Condition.optional().describe('Absent until it has been written.'),
  firing: z.array(Alert).describe('The alerts that fire for it, the worst first.'),
  paused_by: z.array(z.string()).describe('The ids of the silences that keep an alert from waking it.'),
  last_run: Run.optional().describe('With the newest 3 of its causes; the runs of the pipeline have all.'),
  next_look: z
    .strictObject({ at: Time, why: z.enum(['retry', 'held', 'requeue', 'resync']) })
    .optional()
    .describe('The time of the next look if nothing happens.'),
}).meta({ id: 'Pipeline' });

/** The result for an alert of one request that contained it. */
export const Verdict = z.enum([
  'woke',
  'merged',
  'silenced',
  'repeat_ignored',
  'own_notification',
  'no_pipeline',
  'inhibited',
  'throttled',
  'observed',
  'suspended',
  'opted_out',
  'invalid',
  'over_limit',
  'not_received',
]);

export const Effect = z
  .strictObject({
    request_id: z.string().optional().describe('Absent if no request caused it: an expiry, a silence that ended.'),
    at: Time,
    replica: z.string().optional().describe('Which replica received it; absent if there is one alone.'),
    verdict: Verdict,
    because: z.string().optional().describe('The same in words, with names.'),
    silences: z.array(z.string()).optional(),
    event_id: z.string().optional(),
    triggers: z
      .array(z.string())
      .optional()
      .describe('The keys of the triggers that it woke, or that would have been woken. Absent if there is none.'),
    runs: z.array(z.string()).describe('The ids of the runs that it caused.'),
  })
  .meta({ id: 'Effect' });

/** The replicas that did not answer in time, so that what they alone know is missing. Absent if all did. */
export const MissingReplicas = z
  .array(z.string())
  .optional()
  .describe('The replicas that did not answer in time: what they alone know is missing. Absent if all did.');

export const ExplainedAlert = z
  .strictObject({
    alert: Alert.optional(),
    effects: z.array(Effect),
    next: z.string().optional(),
    missing_replicas: MissingReplicas,
  })
  .meta({ id: 'ExplainedAlert' });

/** A line of the log, with its place in the history. */
export const Fact = z
  .looseObject({
    id: z.int().describe('Rises from fact to fact of one replica.'),
    replica: z.string().optional().describe('Whose log it is from; absent if there is one replica alone.'),
    time: Time,
    level: z.enum(['debug', 'info', 'warn', 'error']),
    event: z.string(),
    msg: z.string(),
  })
  .meta({ id: 'Fact' });

export type PipelineName = z.infer<typeof PipelineName>;
export type Alert = z.infer<typeof Alert>;
export type Trigger = z.infer<typeof Trigger>;
export type Cause = z.infer<typeof Cause>;
export type Hops = z.infer<typeof Hops>;
export type Because = z.infer<typeof Because>;
export type Transition = z.infer<typeof Transition>;
export type Run = z.infer<typeof Run>;
export type Condition = z.infer<typeof Condition>;
export type Pipeline = z.infer<typeof Pipeline>;
export type Verdict = z.infer<typeof Verdict>;
export type Effect = z.infer<typeof Effect>;
export type ExplainedAlert = z.infer<typeof ExplainedAlert>;
export type Fact = z.infer<typeof Fact>;
