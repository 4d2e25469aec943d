import type { Cause, Hops, Run, Trigger } from '../../explain/schema.ts';
import { reasons, runRemedies } from '../../explain/words.ts';
import { alertPart, counted, listed, pipelinePart, requestPart, type Part, type Sentence } from './parts.ts';
import { ago, span } from './times.ts';

/** The answers to "why", each a sentence. */
export interface RunStory {
  /** What happened, in one sentence. */
  readonly summary: Sentence;
  readonly rows: readonly StoryRow[];
  readonly hops: readonly StoryHop[];
}

export interface StoryRow {
  readonly question: string;
  readonly answers: readonly Sentence[];
}

export interface StoryHop {
  readonly name: string;
  readonly at: string;
  /** Since the first known hop, milliseconds. */
  readonly afterMs: number;
}

export function tellRun(run: Run, now: number): RunStory {
  return {
    summary: summaryOf(run),
    rows: [
      { question: 'Woken by', answers: wokenBy(run) },
      { question: 'Told by', answers: toldBy(run) },
      { question: 'Prometheus said', answers: saidBy(run) },
      { question: 'Decided by', answers: decidedBy(run) },
      { question: 'Written', answers: written(run) },
      { question: 'What comes next', answers: [nextOf(run, now)] },
    ].filter(({ answers }) => answers.some((answer) => answer.length > 0)),
    hops: hopsOf(run.hops),
  };
}

function summaryOf(run: Run): Sentence {
  const waker: Sentence =
    run.causes.length > 0 ? [alertPart(run.causes.at(-1)!, true)] : [triggerText(run.triggers[0])];
  const more = run.causes.length + run.more_causes - 1;
  const others = run.causes.length > 0 && more > 0 ? ` and ${counted(more, 'other alert')}` : '';
  const look: Sentence = [pipelinePart(run.pipeline), ' was looked at because of ', ...waker, others];
  return [...look, ...resultOf(run), '.'];
}

function resultOf({ outcome, because, transition, error }: Run): Sentence {
  switch (outcome) {
    case 'running':
      return [', and the run is not done yet'];
    case 'gone':
      return [', and it is gone'];
    case 'failed':
      return [`, but that failed: ${error ?? 'the reason is not known'}`];
    case 'cancelled':
      return [`, but the run was cancelled${error === undefined ? '' : `: ${error}`}`];
    default: {
      if (transition === undefined) {
        const why = because === undefined ? 'no condition changed' : `nothing changed: ${reasons[because]}`;
        return [`, and ${why}`];
      }
      const from: Sentence =
        transition.from === '' ? ['no condition'] : [{ strong: `${transition.from} ${transition.from_reason}` }];
      return [', and it went from ', ...from, ' to ', { strong: `${transition.to} ${transition.reason}` }];
    }
  }
}

const triggerWords: Readonly<Record<Trigger, string>> = {
  alert: 'an alert',
  start: 'the start of Tocsin',
  resync: 'the periodic look at every pipeline',
  requeue: 'a look that an earlier run had asked for',
  pipeline: 'a change of the pipeline itself',
  truncated: 'alerts that an Alertmanager cut off',
  reload: 'a new configuration',
  silence: 'the end of a silence',
  rules: 'other alerting rules in Prometheus',
  trigger: 'a trigger that was added, changed or deleted',
  inhibition: 'the end of an inhibition',
  suspension: 'the end of a suspension',
  manual: 'somebody who asked for it',
};

/** Such as "the start of Tocsin"; a trigger of another version is told as it is. */
export function triggerText(trigger: string | undefined): string {
  if (trigger === undefined) return 'something that the history no longer knows';
  return (triggerWords as Readonly<Record<string, string>>)[trigger] ?? trigger;
}

/** The most causes that are told one by one. */
const maxToldCauses = 5;

/** Their alerts say it. */
const saidByAlerts: ReadonlySet<string> = new Set(['alert', 'silence', 'inhibition', 'suspension']);

function wokenBy({ causes, more_causes: uncounted, triggers }: Run): readonly Sentence[] {
  const newest = causes.toReversed();
  const told = newest.slice(0, maxToldCauses).map(causeSentence);
  const left = newest.length - told.length + uncounted;
  const others = triggers.filter((trigger) => !saidByAlerts.has(trigger));
  return [
    ...told,
    ...(left > 0 ? [[`and ${counted(left, 'other alert')}`]] : []),
    ...others.map((trigger): Sentence => [triggerText(trigger)]),
  ];
}

const causeWords: Readonly<Record<Cause['status'], string>> = {
  firing: 'fires',
  resolved: 'is resolved',
  expired: 'ended, because nobody sent it again',
  'silence expired': 'fires, and its last silence has ended',
  'inhibition ended': 'fires, and no other alert inhibits it any more',
  'suspension ended': 'fires, and the trigger is no longer suspended',
};

function causeSentence(cause: Cause): Sentence {
  const times = cause.count > 1 ? `, received ${cause.count} times` : ', received';
  return [alertPart(cause), ` ${causeWords[cause.status]}${times} at `, { time: cause.last_seen }, wayHere(cause)];
}

/** How long the alert took to come here; nothing of one that came at once, or that nobody sent. */
function wayHere({ status, changed_at: changedAt, first_seen: receivedAt }: Cause): string {
  const verb = status === 'firing' ? 'began' : status === 'resolved' ? 'ended' : undefined;
  const ms = changedAt === undefined ? 0 : Date.parse(receivedAt) - Date.parse(changedAt);
  // A sender's clock that is ahead tells nothing.
  return verb === undefined || ms < 1000 ? '' : `, ${span(ms)} after it ${verb}`;
}

function toldBy({ request_ids: ids, more_request_ids: more = 0, event_ids: events }: Run): readonly Sentence[] {
  const requests: readonly Part[] = [...ids.map(requestPart), ...(more > 0 ? [`${more} more`] : [])];
  const parts: readonly Part[] = events.map((id) => ({ text: `event ${id}`, opens: { of: 'event', id } }));
  return [...(requests.length > 0 ? [listed(requests, 4)] : []), ...(parts.length > 0 ? [listed(parts, 4)] : [])];
}

function saidBy({ prometheus }: Run): readonly Sentence[] {
  if (prometheus === undefined) return [];
  const { status, firing, not_in_prometheus: absent } = prometheus;
  if (status !== 'success') return [[`It could not say what fires: ${status}`]];
  const fires = counted(firing ?? 0, 'alert fires', 'alerts fire');
  if (absent.length === 0) return [[fires]];
  return [[fires], [`It does not report as firing: ${absent.join(', ')}`]];
}

function decidedBy({ decided_by: alerts, decided_because: because }: Run): readonly Sentence[] {
  if (alerts.length > 0) return [listed(alerts.map((alert) => alertPart(alert)))];
  return because === undefined ? [] : [[because]];
}

function written({ transition, because, outcome, hops }: Run): readonly Sentence[] {
  if (transition === undefined) {
    if (outcome === 'running') return [['Nothing yet']];
    const remedy = because === undefined ? undefined : runRemedies[because];
    const nothing = because === undefined ? 'Nothing' : `Nothing, because ${reasons[because]}`;
    return [[nothing], ...(remedy === undefined ? [] : [[`What helps: ${remedy}`]])];
  }
  const at: Sentence = hops.written === undefined ? [] : [', at ', { time: hops.written }];
  const logged = transition.observed === true ? ' (only logged: controller.action is log)' : '';
  return [
    [{ strong: `${transition.to} ${transition.reason}` }, logged, ...at],
    ...(transition.message === '' ? [] : [[`“${transition.message}”`]]),
  ];
}

function nextOf({ retry_at: retry, look_again_at: again, outcome }: Run, now: number): Sentence {
  if (retry !== undefined) return [`The next try: ${ago(Date.parse(retry), now)}, at `, { time: retry }];
  if (again !== undefined) return [`The next look: ${ago(Date.parse(again), now)}, at `, { time: again }];
  if (outcome === 'running') return [];
  return ['It is looked at again when an alert comes, and with the periodic look at all'];
}

const hopNames = {
  received: 'Alert received',
  emitted: 'Event made of it',
  enqueued: 'Put into the queue',
  started: 'Run started',
  queried: 'Prometheus asked',
  answered: 'Prometheus answered',
  written: 'Condition written',
  finished: 'Run finished',
} as const satisfies Record<keyof Hops, string>;

function hopsOf(hops: Hops): readonly StoryHop[] {
  const known = (Object.keys(hopNames) as (keyof Hops)[]).flatMap((hop) => {
    const at = hops[hop];
    return at === undefined ? [] : [{ name: hopNames[hop], at }];
  });
  // Runs share an answer of Prometheus, so it may have come before the run began.
  const sorted = known.toSorted((one, other) => Date.parse(one.at) - Date.parse(other.at));
  const first = Date.parse(sorted[0]?.at ?? '');
  return sorted.map((hop) => ({ ...hop, afterMs: Date.parse(hop.at) - first }));
}

/** A run in a few words, for a list. */
export function briefRun(run: Run): string {
  const { outcome, transition, because, error, hops } = run;
  const first = hops.received ?? hops.started;
  const took =
    first === undefined || hops.finished === undefined ? undefined : Date.parse(hops.finished) - Date.parse(first);
  const time = took === undefined ? '' : ` in ${span(took)}`;
  if (transition !== undefined) return `changed to ${transition.to} ${transition.reason}${time}`;
  if (error !== undefined) return `${outcome}: ${error}`;
  return because === undefined || because === 'unchanged' ? `${outcome}${time}` : `${outcome}: ${reasons[because]}`;
}
