import { prometheus, quantile, rate, tocsin, type Row } from './row.ts';

const posts = `${tocsin}, path=~"/api/v2/alerts|/webhook", method="POST"`;
const queue = `${tocsin}, name="pipelines"`;

/** The newest values, in the order of the way of an alert. */
const now: Row = {
  title: 'Now',
  panels: [
    {
      title: 'Ready',
      description: 'Whether every Tocsin knows its pipelines, as /-/ready says.',
      unit: 'bool_yes_no',
      isValue: true,
      badBelow: 1,
      queries: [{ expr: `min(tocsin_ready{${tocsin}})`, legend: 'ready' }],
    },
    {
      title: 'Problems',
      description:
        'What keeps alerts away: how many alerts or Prometheus servers it concerns. tocsin_problems names it.',
      unit: 'short',
      isValue: true,
      badFrom: 1,
      queries: [{ expr: `sum(tocsin_problems{${tocsin}, problem!~".+_undecided"})`, legend: 'problems' }],
    },
    {
      title: 'Alerts firing',
      description: 'Alerts stored as firing, silenced ones included.',
      unit: 'short',
      isValue: true,
      queries: [{ expr: `sum(tocsin_alerts{${tocsin}, state="active"})`, legend: 'firing' }],
    },
    {
      title: 'Pipelines',
      description: 'Pipelines known, of every kind.',
      unit: 'short',
      isValue: true,
      queries: [{ expr: `sum(tocsin_pipelines{${tocsin}})`, legend: 'pipelines' }],
    },
    {
      title: 'Waiting',
      description: 'Requests that wait for a free worker.',
      unit: 'short',
      isValue: true,
      queries: [{ expr: `sum(workqueue_depth{${queue}})`, legend: 'waiting' }],
    },
    {
      title: 'From alert to reconcile',
      description: 'How long 99 of 100 alerts waited for their reconcile, in the time shown.',
      unit: 's',
      isValue: true,
      badFrom: 10,
      queries: [
        {
          expr: `histogram_quantile(0.99, sum by (le) (increase(tocsin_alert_to_reconcile_seconds_bucket{${tocsin}}[$__range])))`,
          legend: '99 %',
        },
      ],
    },
  ],
};

const sender: Row = {
  title: 'Prometheus sends',
  panels: [
    {
      title: 'Alerts sent',
      description:
        'Alerts that Prometheus sent, by Alertmanager. In older versions such as 2.42, those that failed are among them.',
      unit: 'cps',
      queries: [
        { expr: rate('prometheus_notifications_sent_total', prometheus, 'alertmanager'), legend: '{{alertmanager}}' },
      ],
    },
    {
      title: 'Failed and dropped',
      description:
        'Alerts that failed (older versions: batches of up to 256), and alerts that were given up. Prometheus does not repeat a request.',
      unit: 'cps',
      queries: [
        {
          expr: rate('prometheus_notifications_errors_total', prometheus, 'alertmanager'),
          legend: 'failed {{alertmanager}}',
        },
        {
          expr: rate('prometheus_notifications_dropped_total', prometheus, 'alertmanager'),
          legend: 'dropped {{alertmanager}}',
        },
      ],
    },
    {
      title: 'Queue of notifications',
      description:
        'Alerts that wait to be sent; since 3.10, each Alertmanager has a queue of its own. And the Alertmanagers known.',
      unit: 'short',
      queries: [
        {
          expr: `sum by (alertmanager) (prometheus_notifications_queue_length{${prometheus}})`,
          legend: 'waiting {{alertmanager}}',
        },
        { expr: `min(prometheus_notifications_alertmanagers_discovered{${prometheus}})`, legend: 'Alertmanagers' },
      ],
    },
    {
      title: 'Rules that fail',
      description: 'Evaluations that failed: such a rule neither fires nor resolves.',
      unit: 'cps',
      queries: [
        { expr: rate('prometheus_rule_evaluation_failures_total', prometheus, 'rule_group'), legend: '{{rule_group}}' },
      ],
    },
  ],
};

const receiver: Row = {
  title: 'Tocsin receives',
  panels: [
    {
      title: 'Alerts received',
      description: 'Alerts received, by what they say, and those that a silence kept from waking a reconcile.',
      unit: 'cps',
      queries: [
        { expr: rate('tocsin_alerts_received_total', tocsin, 'status'), legend: '{{status}}' },
        { expr: rate('tocsin_alerts_suppressed_total', tocsin), legend: 'silenced' },
      ],
    },
    {
      title: 'Alerts refused or cut',
      description: 'Invalid alerts, alerts that the full store did not take, and alerts that an Alertmanager cut off.',
      unit: 'cps',
      queries: [
        { expr: rate('tocsin_alerts_invalid_total', tocsin), legend: 'invalid' },
        { expr: rate('tocsin_alerts_limited_total', tocsin), legend: 'not stored' },
        { expr: rate('tocsin_alerts_truncated_total', tocsin), legend: 'cut off by the sender' },
      ],
    },
    {
      title: 'Requests with alerts',
      description:
        'Answers to requests with alerts, by status code. Anything but 200 is a batch that was not taken in full.',
      unit: 'cps',
      queries: [{ expr: rate('tocsin_http_requests_total', posts, 'code'), legend: '{{code}}' }],
    },
    {
      title: 'Debounced',
      description: 'Requests with alerts, and the events that went out: what the debouncer merges is the difference.',
      unit: 'cps',
      queries: [
        { expr: rate('tocsin_http_requests_total', posts), legend: 'requests' },
        { expr: rate('tocsin_events_emitted_total', tocsin, 'edge'), legend: 'events, {{edge}}' },
        { expr: rate('tocsin_channel_merged_total', tocsin), legend: 'merged in a full channel' },
      ],
    },
  ],
};

const latency: Row = {
  title: 'How long it takes',
  panels: [
    {
      title: 'From alert to reconcile',
      description: 'From the arrival of an alert to the start of a reconcile that it caused.',
      unit: 's',
      queries: [0.5, 0.95, 0.99].map((of) => ({
        expr: quantile(of, 'tocsin_alert_to_reconcile_seconds', tocsin),
        legend: `${of * 100} %`,
      })),
    },
    {
      title: 'Each hop, 99 %',
      description: 'The answer to the sender, the wait for a worker, the query of Prometheus, the whole reconcile.',
      unit: 's',
      queries: [
        { expr: quantile(0.99, 'tocsin_http_request_duration_seconds', posts), legend: 'answer' },
        { expr: quantile(0.99, 'workqueue_queue_duration_seconds', queue), legend: 'wait' },
        { expr: quantile(0.99, 'tocsin_prometheus_query_duration_seconds', tocsin), legend: 'query' },
        { expr: quantile(0.99, 'controller_runtime_reconcile_time_seconds', tocsin), legend: 'reconcile' },
      ],
    },
  ],
};

export const alertPathRows: readonly Row[] = [now, sender, receiver, latency];
