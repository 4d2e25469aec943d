import { briefLabelSet } from '../cause/alert-cause.ts';
import type { LabelSet } from '../alert/labels.ts';
import type { LogFields } from '../runtime/logger.ts';

/** What a verdict rests on. That is another question than what woke the run: those are its causes. */
export type Decision =
  /** This alert fires. */
  | { readonly by: 'alert'; readonly labels: LabelSet }
  /** This alert is still pushed as firing, though Prometheus does not report it. */
  | { readonly by: 'push'; readonly labels: LabelSet }
  /** This alert is still pushed as firing, but Prometheus did not report it for so long that its answers win. */
  | { readonly by: 'end of grace'; readonly labels: LabelSet }
  /** No alert fires that concerns the pipeline. */
  | { readonly by: 'no alert' }
  /** It cannot be known which alerts fire. */
  | { readonly by: 'failed query'; readonly error: Error }
  /** A condition that somebody else wrote says that alerts can tell nothing. */
  | { readonly by: 'condition'; readonly type: string; readonly status: string; readonly reason: string };

/** The decision as the field `decided_by` of a log line. It is always an object, so that whoever indexes the log gets one type. */
export function decidedBy(decision: Decision): { readonly decided_by: LogFields } {
  if (decision.by === 'alert') return { decided_by: alertFields(decision.labels) };
  if (decision.by === 'push' || decision.by === 'end of grace')
    return { decided_by: { ...alertFields(decision.labels), because: pushed[decision.by] } };
  return { decided_by: { because: reasonOf(decision) } };
}

/**
 * The decision in a few words, which begin with the alert that decided. Its other labels are left out: whoever may read an
 * object's Events need not be allowed to read what an alert says.
 */
export function decisionText(decision: Decision): string {
  if (decision.by === 'failed query') return unanswered;
  if (decision.by === 'push' || decision.by === 'end of grace')
    return `${nameOf(decision.labels)} ${pushed[decision.by]}`;
  return decision.by === 'alert' ? `${nameOf(decision.labels)} firing` : reasonOf(decision);
}

const stillPushed = 'still pushed as firing';
const pushed = {
  push: stillPushed,
  'end of grace': `${stillPushed}, but Prometheus has not reported it for prometheus.heal_grace`,
};
const unanswered = 'Prometheus could not be asked';

function alertFields(labels: LabelSet): LogFields {
  const { labels: brief, omitted } = briefLabelSet(labels);
  return { alertname: nameOf(labels), labels: brief, ...(omitted > 0 && { omitted_labels: omitted }) };
}

function reasonOf(decision: Exclude<Decision, { by: 'alert' | 'push' | 'end of grace' }>): string {
  switch (decision.by) {
    case 'no alert':
      return 'no alert of this pipeline fires';
    case 'failed query':
      return `${unanswered}: ${decision.error.message}`;
    case 'condition':
      return `${decision.type} is ${decision.status} (${decision.reason})`;
  }
}

function nameOf(labels: LabelSet): string {
  return labels['alertname'] ?? '(no alertname)';
}
