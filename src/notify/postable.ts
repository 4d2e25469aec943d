import type { LabelSet } from '../alert/labels.ts';
import { briefLabelSet, notificationMark } from '../cause/alert-cause.ts';
import { decisionText, requestKey, type Decision, type Request } from '../reconcile/ports.ts';
import { formatDateTime } from '../text/go/date-time.ts';
import type { Notification } from './verdict-alerts.ts';

/** The name of every alert about a pipeline. */
export const alertname = 'PipelineUnhealthy';

/** An alert as Alertmanager's API accepts it. */
export interface PostableAlert {
  readonly labels: LabelSet;
  readonly annotations: LabelSet;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL: string;
}

export interface Rendering {
  /** `notify.labels`. */
  readonly labels: ReadonlyMap<string, string>;
  /** The URL at which people reach Tocsin, without a slash at its end. */
  readonly externalUrl: string;
}

/** What an Alertmanager gets about a pipeline. Pure. */
export function postable(notification: Notification, { labels, externalUrl }: Rendering): PostableAlert {
  const { request, status, reason, message, decidedBy, startsAt, endsAt } = notification;
  const { kind, group, namespace, name } = request;
  const runbook = /https?:\/\/\S+/.exec(message)?.[0];
  const why = whyUrl(externalUrl, request);
  return {
    labels: {
      ...Object.fromEntries(labels),
      alertname,
      kind,
      ...(group !== undefined && { group }),
      ...(namespace !== undefined && { namespace }),
      name,
      reason,
      ...notificationMark,
    },
    annotations: {
      summary: `${kind} ${name} ${status === 'False' ? 'is not healthy' : 'may not be healthy'}: ${reason}`,
      description: message,
      decided_by: decidedBy,
      ...(runbook !== undefined && { runbook_url: runbook }),
      why_url: why,
    },
    startsAt: formatDateTime(startsAt),
    endsAt: formatDateTime(endsAt),
    generatorURL: why,
  };
}

/** The incident page with this pipeline open, and why it is as it is. */
export function whyUrl(externalUrl: string, request: Request): string {
  return `${externalUrl}/?${new URLSearchParams({ open: `pipeline:${requestKey(request)}` }).toString()}`;
}

/** In characters. A longer text is cut: the page has all of it. */
const maxDecidedBy = 512;

/** Says what decided. The many pipelines of one alert share one text, so that it takes memory once. */
export class DecidedBy {
  readonly #texts = new WeakMap<LabelSet, string>();

  text(decision: Decision): string {
    if (!('labels' in decision)) return cut(decisionText(decision));
    const { labels } = decision;
    const known = this.#texts.get(labels);
    if (known !== undefined) return known;
    const name = labels['alertname'] ?? '(no alertname)';
    const how = decision.by === 'alert' ? '' : decisionText(decision).slice(name.length);
    const text = cut(name + labelsText(labels) + how);
    this.#texts.set(labels, text);
    return text;
  }
}

/** As Prometheus writes a series: `{pipeline_name="backend"}`. */
function labelsText(labels: LabelSet): string {
  const { alertname: _, ...others } = briefLabelSet(labels).labels;
  const shown = Object.entries(others).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return shown.length === 0 ? '' : `{${shown.join(', ')}}`;
}

function cut(text: string): string {
  return text.length <= maxDecidedBy ? text : `${text.slice(0, maxDecidedBy - 1).toWellFormed()}…`;
}
