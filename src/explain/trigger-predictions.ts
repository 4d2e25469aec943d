import type { LabelSet } from '../alert/labels.ts';
import type { Request } from '../reconcile/ports.ts';
import { formatDateTime } from '../text/go/date-time.ts';
import type {
  ExplainedTarget,
  ExplainedTrigger,
  ExplainedTriggers,
  KeptObject,
  TriggerQuestion,
} from '../trigger/explain-triggers.ts';
import { actionText } from '../trigger/why-not.ts';
import { alertOfLabels } from './fact-fields.ts';
import { given } from './run-story.ts';
import type { PipelineName } from './schema.ts';
import type { TriggerPrediction } from './schema-requests.ts';

/** The triggers in force. */
export interface LiveTriggers {
  /** Whether `source.select` and `controller.action` hold. */
  readonly isDefault: boolean;
  /** The keys of the triggers that match. */
  matching(labels: LabelSet): Promise<readonly string[]>;
  /** The keys of those that would match if their namespaces had not opted out. */
  optedOutFor(labels: LabelSet): readonly string[];
  explain(question: TriggerQuestion): Promise<ExplainedTriggers>;
  /** The objects whose conditions triggers keep or have kept. */
  readonly kept: readonly KeptObject[];
}

/** A trigger of an answer. */
export function triggerPrediction(explained: ExplainedTrigger): TriggerPrediction {
  const { trigger, matches, held } = explained;
  const named = { key: trigger.key, name: trigger.name, ...given('namespace', trigger.namespace), matches };
  const because = held === undefined ? {} : { held, because: heldText(explained) };
  if (!explained.matches)
    return {
      ...named,
      failed_matcher: explained.failedMatcher,
      targets: [],
      action: actionText(trigger.action),
      ...because,
    };
  const targets = explained.targets.map(targetOf);
  const source = explained.inhibitedBy && alertOfLabels(explained.inhibitedBy);
  return { ...named, targets, action: explained.action, ...because, ...given('inhibited_by', source) };
}

function targetOf({
  target,
  objects,
  moreObjects,
  problem,
  throttled,
}: ExplainedTarget): TriggerPrediction['targets'][number] {
  return {
    target,
    objects: objects.map(objectName),
    more_objects: moreObjects,
    ...given('problem', problem),
    ...(throttled !== undefined && {
      throttled: throttled.objects,
      throttled_until: formatDateTime(throttled.until),
    }),
  };
}

/** Why a trigger would do nothing now. */
function heldText(explained: ExplainedTrigger): string {
  const { trigger, held } = explained;
  const { suspend } = trigger;
  switch (held) {
    case 'suspended': {
      const until = suspend?.until === undefined ? '' : ` until ${formatDateTime(suspend.until)}`;
      return `it is suspended${until}: ${suspend?.reason ?? ''}`;
    }
    case 'observed':
      return 'it only observes: the log says what it would do';
    case 'opted_out':
      return `the namespace ${trigger.namespace ?? ''} has opted out of triggers`;
    case 'inhibited':
      return `${alertnameOf(explained)} fires, and inhibits it`;
    default:
      return 'it has done enough to every object for now: the run waits for its slot';
  }
}

function alertnameOf(explained: ExplainedTrigger): string {
  const labels = explained.matches ? explained.inhibitedBy : undefined;
  return labels?.['alertname'] ?? 'another alert';
}

export function objectName({ kind, group, namespace, name }: Request): PipelineName {
  return { kind, ...given('group', group), ...given('namespace', namespace), name };
}

/** The most triggers that a sentence names. */
const maxNamed = 3;

/** What becomes of the alert by its triggers, in words. */
export function byTriggers(triggers: readonly TriggerPrediction[]): readonly string[] {
  const matching = triggers.filter(({ matches }) => matches);
  const reasons = matching.slice(0, maxNamed).map(({ key, held, because: why, targets }) => {
    if (held !== undefined) return `${key} matches, but ${why}`;
    const objects = targets.reduce((sum, target) => sum + target.objects.length + target.more_objects, 0);
    if (objects === 0) return `${key} matches, but its targets lead to no object`;
    return `${key} would wake ${objects} ${objects === 1 ? 'object' : 'objects'}`;
  });
  return matching.length > maxNamed ? [...reasons, `${matching.length - maxNamed} more triggers match`] : reasons;
}

/** True if a trigger would act on an object that there is. */
export function wakesObjects({ matches, held, targets }: TriggerPrediction): boolean {
  return matches && held === undefined && targets.some(({ objects }) => objects.length > 0);
}
