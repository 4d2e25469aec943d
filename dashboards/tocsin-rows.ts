import { quantile, rate, tocsin, type Row } from './row.ts';

const queue = `${tocsin}, name="pipelines"`;

const requests: Row = {
  title: 'The queue',
  panels: [
    {
      title: 'Waiting',
      description: 'Requests that wait for a free worker, and events that wait in the channel.',
      unit: 'short',
      queries: [
        { expr: `sum(workqueue_depth{${queue}})`, legend: 'requests' },
        { expr: `sum(tocsin_channel_depth{${tocsin}})`, legend: 'events' },
        { expr: `sum(tocsin_channel_capacity{${tocsin}})`, legend: 'most events' },
      ],
    },
    {
      title: 'Added',
      description: 'Requests added, and those of them that are tried again because they failed.',
      unit: 'cps',
      queries: [
        { expr: rate('workqueue_adds_total', queue), legend: 'added' },
        { expr: rate('workqueue_retries_total', queue), legend: 'tried again' },
      ],
    },
    {
      title: 'Failed requests',
      description: 'Requests whose last run failed, and how many of them may run at once.',
      unit: 'short',
      queries: [{ expr: `sum by (state) (tocsin_failed_requests{${tocsin}})`, legend: '{{state}}' }],
    },
  ],
};

const pipelines: Row = {
  title: 'Pipelines and their conditions',
  panels: [
    {
      title: 'Conditions changed',
      description: 'Conditions whose status or reason changed, by the new status.',
      unit: 'cps',
      queries: [
        { expr: rate('tocsin_condition_changes_total', tocsin, 'kind', 'status'), legend: '{{kind}} {{status}}' },
      ],
    },
    {
      title: 'Reconciles',
      description:
        'Reconciles by result. requeue_after is one that looks again later, since the pipeline is not healthy.',
      unit: 'cps',
      queries: [
        {
          expr: rate('controller_runtime_reconcile_total', tocsin, 'controller', 'result'),
          legend: '{{controller}} {{result}}',
        },
      ],
    },
    {
      title: 'Reconciles that fail',
      description: 'The share of reconciles that failed.',
      unit: 'percentunit',
      queries: [
        {
          expr: `${rate('controller_runtime_reconcile_errors_total', tocsin, 'controller')} / ${rate('controller_runtime_reconcile_total', tocsin, 'controller')}`,
          legend: '{{controller}}',
        },
      ],
    },
    {
      title: 'Conditions held, objects annotated',
      description:
        'Conditions kept because an alert is still pushed as firing, annotations made, and writes that met another one.',
      unit: 'cps',
      queries: [
        { expr: rate('tocsin_condition_holds_total', tocsin, 'kind'), legend: 'held {{kind}}' },
        { expr: rate('tocsin_annotations_total', tocsin, 'kind'), legend: 'annotated {{kind}}' },
      ],
    },
    {
      title: 'Pipelines',
      description: 'Pipelines known, by kind.',
      unit: 'short',
      queries: [{ expr: `sum by (kind) (tocsin_pipelines{${tocsin}})`, legend: '{{kind}}' }],
    },
    {
      title: 'Kubernetes: last word',
      description: 'How long ago the API server told anything about a resource. It does at least once a minute.',
      unit: 's',
      queries: [
        {
          expr: `time() - max by (resource) (tocsin_reflector_last_event_timestamp_seconds{${tocsin}} > 0)`,
          legend: '{{resource}}',
        },
      ],
    },
  ],
};

const queries: Row = {
  title: 'Tocsin asks Prometheus',
  panels: [
    {
      title: 'Queries',
      description: 'Queries of what fires, by result.',
      unit: 'cps',
      queries: [{ expr: `${rate('tocsin_prometheus_queries_total', tocsin, 'result')} > 0`, legend: '{{result}}' }],
    },
    {
      title: 'Replicas',
      description: 'Addresses of Prometheus at the last query.',
      unit: 'short',
      queries: [{ expr: `sum by (state) (tocsin_prometheus_replicas{${tocsin}})`, legend: '{{state}}' }],
    },
    {
      title: 'Problems',
      description: 'What keeps alerts away, or keeps Tocsin from telling: docs/drift.md.',
      unit: 'short',
      queries: [{ expr: `sum by (problem) (tocsin_problems{${tocsin}}) > 0`, legend: '{{problem}}' }],
    },
  ],
};

const notifying: Row = {
  title: 'Tocsin tells Alertmanagers',
  panels: [
    {
      title: 'Requests to Alertmanagers',
      description: 'Requests about pipelines that are not healthy, by result, and alerts that had no room.',
      unit: 'cps',
      queries: [
        { expr: rate('tocsin_notify_requests_total', tocsin, 'result'), legend: '{{result}}' },
        { expr: rate('tocsin_notify_alerts_dropped_total', tocsin), legend: 'no room' },
      ],
    },
    {
      title: 'Alerts about pipelines',
      description: 'Alerts that are kept for the Alertmanagers, by state.',
      unit: 'short',
      queries: [{ expr: `sum by (state) (tocsin_notify_alerts{${tocsin}})`, legend: '{{state}}' }],
    },
  ],
};

const limits: Row = {
  title: 'Limits and losses',
  panels: [
    {
      title: 'Limits reached',
      description: 'How often something exceeded a limit: docs/configuration.md.',
      unit: 'cps',
      queries: [
        { expr: `${rate('tocsin_limit_reached_total', tocsin, 'limit')} > 0`, legend: '{{limit}}' },
        { expr: `${rate('tocsin_manifest_limit_reached_total', tocsin, 'limit')} > 0`, legend: '{{limit}}' },
      ],
    },
    {
      title: 'Stored and open',
      description: 'What alerts, connections and the history take.',
      unit: 'bytes',
      queries: [
        { expr: `sum(tocsin_alerts_size_bytes{${tocsin}})`, legend: 'alerts' },
        { expr: `sum(tocsin_connection_memory_bytes{${tocsin}})`, legend: 'connections' },
        { expr: `sum by (where) (tocsin_history_size_bytes{${tocsin}})`, legend: 'history, {{where}}' },
        {
          expr: `sum(process_resident_memory_bytes{${tocsin}} and on (instance, job) tocsin_build_info)`,
          legend: 'the process',
        },
      ],
    },
    {
      title: 'History',
      description: 'Facts that the history keeps, forgets before their time, and loses.',
      unit: 'cps',
      queries: [
        { expr: rate('tocsin_history_facts_total', tocsin), legend: 'kept' },
        { expr: rate('tocsin_history_forgotten_total', tocsin), legend: 'forgotten' },
        { expr: rate('tocsin_history_lost_total', tocsin), legend: 'lost' },
        { expr: rate('tocsin_history_write_failures_total', tocsin), legend: 'writes that failed' },
      ],
    },
    {
      title: 'Not stored, not read',
      description:
        'Silences that could not be stored, lines of the log that nobody read, requests that were not let in.',
      unit: 'cps',
      queries: [
        { expr: rate('tocsin_silences_not_stored_total', tocsin), legend: 'silences' },
        { expr: rate('tocsin_log_lines_dropped_total', tocsin), legend: 'lines of the log' },
        { expr: `${rate('tocsin_http_auth_failures_total', tocsin, 'reason')} > 0`, legend: 'not let in: {{reason}}' },
      ],
    },
  ],
};

const triggers: Row = {
  title: 'Triggers',
  panels: [
    {
      title: 'Triggers',
      description:
        'Triggers of the cluster by state, and those in force that do not reach all of their objects, by reason.',
      unit: 'short',
      queries: [
        { expr: `sum by (kind, state) (tocsin_triggers{${tocsin}})`, legend: '{{kind}} {{state}}' },
        { expr: `sum by (reason) (tocsin_triggers_unresolved{${tocsin}}) > 0`, legend: 'unresolved: {{reason}}' },
      ],
    },
    {
      title: 'Triggers rejected',
      description: 'How often a trigger was found not to be usable. NamespaceOptedOut: its namespace has opted out.',
      unit: 'cps',
      queries: [{ expr: `${rate('tocsin_triggers_rejected_total', tocsin, 'reason')} > 0`, legend: '{{reason}}' }],
    },
    {
      title: 'Until a change is in force',
      description: 'From when a change of a trigger was seen until it held. It should be below two seconds.',
      unit: 's',
      queries: [
        { expr: quantile(0.5, 'tocsin_trigger_propagation_seconds', tocsin), legend: 'half' },
        { expr: quantile(0.99, 'tocsin_trigger_propagation_seconds', tocsin), legend: '99 %' },
      ],
    },
    {
      title: 'Runs that wait',
      description: 'Runs that wait because a trigger has done enough to the object, or because of a storm.',
      unit: 'short',
      queries: [
        { expr: `sum(tocsin_trigger_parked_runs{${tocsin}})`, legend: 'for their slot' },
        { expr: `sum(tocsin_trigger_storm_waiting{${tocsin}})`, legend: 'storm' },
      ],
    },
    {
      title: 'Guards',
      description: 'Runs put off, made when their slot came, and given up; and storms.',
      unit: 'cps',
      queries: [
        { expr: rate('tocsin_trigger_throttled_total', tocsin), legend: 'put off' },
        { expr: rate('tocsin_trigger_released_total', tocsin), legend: 'made later' },
        { expr: rate('tocsin_trigger_parked_dropped_total', tocsin, 'because'), legend: 'given up: {{because}}' },
        { expr: rate('tocsin_trigger_storms_total', tocsin), legend: 'storms' },
        { expr: `${rate('tocsin_trigger_guard_limit_total', tocsin, 'limit')} > 0`, legend: 'forgotten: {{limit}}' },
      ],
    },
  ],
};

export const tocsinRows: readonly Row[] = [requests, pipelines, triggers, queries, notifying, limits];
