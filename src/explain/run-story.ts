import type { Fact } from '../history/fact.ts';
import { formatDateTime } from '../text/go/date-time.ts';
import {
  alertOfLabels,
  causesIn,
  count,
  countOf,
  numberOf,
  objectOf,
  pipelineIn,
  textOf,
  textsOf,
  transitionIn,
} from './fact-fields.ts';
import { actionsOf } from './event-runs.ts';
import { Because, Run, type Cause, type Hops, type Trigger } from './schema.ts';

/** The facts that several runs share. */
export interface RunContext {
  /** `event.emitted`, by event. */
  readonly emitted: ReadonlyMap<string, Fact>;
  /** `requests.enqueued`, by event. */
  readonly enqueued: ReadonlyMap<string, Fact>;
  /** `causes.named`, by `causes_id`. */
  readonly causes: ReadonlyMap<string, Fact>;
  /** `prometheus.queried`, by `query_id`. */
  readonly queries: ReadonlyMap<string, Fact>;
}

/** A run without a fact for longer than this was cut off, because a reconcile is aborted after a minute; milliseconds. */
const longestRunMs = 120_000;

const otherReasons: ReadonlySet<string> = new Set<Trigger>([
  'start',
  'resync',
  'requeue',
  'pipeline',
  'truncated',
  'trigger',
  'inhibition',
  'suspension',
  'reload',
  'rules',
  'takeover',
  'peers',
  'manual',
]);

/** The account of one run. Pure. @param facts of the run, the oldest first; at least one */
export function runStory(facts: readonly Fact[], context: RunContext, now: number): Run {
  const end = facts.find(({ event }) => event === 'reconcile.finished' || event === 'reconcile.failed');
  const started = facts.find(({ event }) => event === 'reconcile.started');
  const about = end ?? started ?? facts[0]!;
  const query = context.queries.get(textOf(end?.['query_id']) ?? '');
  const causes = context.causes.get(textOf(about['causes_id']) ?? '');
  const named = causesIn(causes);
  const written = facts.find(({ event }) => isWrite(event));
  const actions = actionsOf(facts);
  const hops = hopsOf({ facts, about, end, query, written, causes: named }, context);
  return {
    id: String(about['run']),
    pipeline: pipelineIn(about) ?? { kind: '', name: '' },
    at: hops.started ?? about.time,
    priority: Run.shape.priority.safeParse(about['priority']).data ?? 'resync',
    triggers: triggersOf(about),
    causes: [...named],
    more_causes: Math.max(0, numberOf(about['alerts']) - count(named.map((cause) => cause.count))),
    ...requestsOf(about, context),
    event_ids: textsOf(about['event_ids']),
    hops,
    ...(query !== undefined && { prometheus: prometheusOf(query, end) }),
    ...chosenBy(about),
    ...decidedBy(end ?? written),
    ...(actions.length > 0 && { actions }),
    ...throttledBy(end),
    ...endOf(end, facts, now),
    ...given('transition', written && transitionIn(written)),
  };
}

/** A line about a run names fewer requests than the line of its event does. */
function requestsOf(about: Fact, { enqueued }: RunContext): Pick<Run, 'request_ids' | 'more_request_ids'> {
  const eventIds = textsOf(about['event_ids']);
  const isShort = about['more_request_ids'] !== undefined && eventIds.length === 1;
  const fact = (isShort && enqueued.get(eventIds[0]!)) || about;
  return {
    request_ids: textsOf(fact['request_ids']),
    ...given('more_request_ids', countOf(fact['more_request_ids'])),
  };
}

interface RunParts {
  readonly facts: readonly Fact[];
  readonly about: Fact;
  readonly end: Fact | undefined;
  readonly query: Fact | undefined;
  readonly written: Fact | undefined;
  readonly causes: readonly Cause[];
}

function hopsOf({ facts, about, end, query, written, causes }: RunParts, context: RunContext): Hops {
  const eventIds = textsOf(about['event_ids']);
  const started = facts.find(({ event }) => event === 'reconcile.started')?.time ?? before(end, 'duration_ms');
  return {
    ...given('received', earliest(causes.map((cause) => cause.first_seen))),
    ...given('emitted', earliest(eventIds.map((id) => context.emitted.get(id)?.time))),
    ...given('enqueued', earliest(eventIds.map((id) => context.enqueued.get(id)?.time))),
    ...given('started', started),
    ...given('queried', before(query, 'duration_ms')),
    ...given('answered', query?.time),
    ...given('written', written?.event === 'condition.observed' ? undefined : written?.time),
    ...given('finished', end?.time),
  };
}

function prometheusOf(query: Fact, end: Fact | undefined): NonNullable<Run['prometheus']> {
  return {
    status: String(query['status']),
    ...given('firing', countOf(query['firing'])),
    not_in_prometheus: textsOf(end?.['not_in_prometheus']),
  };
}

function endOf(end: Fact | undefined, facts: readonly Fact[], now: number): Pick<Run, 'outcome'> & Partial<Run> {
  if (end === undefined) {
    const isOpen = now - Date.parse(facts.at(-1)!.time) < longestRunMs;
    return isOpen ? { outcome: 'running' } : { outcome: 'cancelled', error: 'Tocsin ended before the run did' };
  }
  const { result, because, error, retry_in_ms: retryInMs, requeue_after_ms: againInMs } = end;
  const outcome = end.event === 'reconcile.finished' ? result : result === 'cancelled' ? 'cancelled' : 'failed';
  return {
    outcome: Run.shape.outcome.safeParse(outcome).data ?? 'unchanged',
    ...given('because', Because.safeParse(because).data),
    ...given('error', textOf(error)),
    ...given('retry_at', after(end, retryInMs)),
    ...given('look_again_at', after(end, againInMs)),
  };
}

/** The alert that decided, if there is one, and the reason in words. */
function decidedBy(fact: Fact | undefined): Pick<Run, 'decided_by' | 'decided_by_triggers' | 'decided_because'> {
  const decision = objectOf(fact?.['decided_by']);
  if (decision === undefined) return { decided_by: [] };
  const { labels, omitted_labels: omitted, because } = decision;
  const alerts = labels === undefined ? [] : [alertOfLabels(labels, omitted)];
  const triggers = [...textsOf(decision['triggers']), ...textsOf([decision['trigger']])];
  return {
    decided_by: alerts,
    ...(triggers.length > 0 && { decided_by_triggers: triggers }),
    ...given('decided_because', textOf(because)),
  };
}

/** A run of an alert without triggers was chosen by `source.select`. */
function chosenBy(about: Fact): Pick<Run, 'chosen_by'> {
  const triggers = textsOf(about['triggers']);
  if (triggers.length > 0) return { chosen_by: triggers };
  return numberOf(about['alerts']) > 0 ? { chosen_by: ['default'] } : {};
}

function throttledBy(end: Fact | undefined): Pick<Run, 'throttled_by' | 'throttled_until'> {
  const triggers = textsOf(end?.['throttled']);
  if (triggers.length === 0) return {};
  return { throttled_by: triggers, ...given('throttled_until', textOf(end?.['throttled_until'])) };
}

function isWrite(event: string): boolean {
  return /^(?:condition\.(?:changed|observed|removed)|object\.annotated)$/.test(event);
}

/** Each alert in a line's `causes` has a status; an entry without one is another trigger. */
function triggersOf(about: Fact): Trigger[] {
  const texts = textsOf(about['causes']);
  const others = texts.filter((text) => otherReasons.has(text)) as Trigger[];
  const alerts = texts.filter((text) => !otherReasons.has(text));
  return [
    ...(alerts.some((text) => !isUnsilenced(text)) ? (['alert'] as const) : []),
    ...(alerts.some(isUnsilenced) ? (['silence'] as const) : []),
    ...others,
  ];
}

function isUnsilenced(text: string): boolean {
  return / silence expired(?: ×\d+)?$/.test(text);
}

function before(fact: Fact | undefined, field: string): string | undefined {
  const ms = fact?.[field];
  return fact === undefined || typeof ms !== 'number' ? undefined : formatDateTime(Date.parse(fact.time) - ms);
}

function after(fact: Fact, ms: unknown): string | undefined {
  return typeof ms === 'number' ? formatDateTime(Date.parse(fact.time) + ms) : undefined;
}

function earliest(times: readonly (string | undefined)[]): string | undefined {
  return times.filter((time) => time !== undefined).toSorted()[0];
}

/** A field that is left out if it has no value. */
export function given<Name extends string, Value>(name: Name, value: Value | undefined): { [key in Name]?: Value } {
  return (value === undefined ? {} : { [name]: value }) as { [key in Name]?: Value };
}
