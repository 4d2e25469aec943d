import type { Cause, Hops, Run } from '../../explain/schema.ts';
import { messageWritten, runRemedies, triggerText, whyUnchanged, wroteMessage } from '../../explain/words.ts';
import { capital } from './fact-sentence.ts';
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
      { question: 'Chosen by', answers: chosenBy(run) },
      { question: 'Decided by', answers: decidedBy(run) },
      { question: 'Done', answers: done(run) },
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
  const look: Sentence = [pipelinePart(run.pipeline), ' was looked at because of ', ...waker, others, ...choosers(run)];
  return [...look, ...resultOf(run), '.'];
}

/** The triggers that chose the object; nothing while `source.select` alone chooses. */
function choosers({ chosen_by: keys = [] }: Run): Sentence {
  const triggers = keys.filter((key) => key !== 'default');
  return triggers.length === 0 ? [] : [', chosen by ', ...listed(triggers.map((code) => ({ code })))];
}

function resultOf(run: Run): Sentence {
  const { outcome, transition, error } = run;
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
      const acted = actedOf(run);
      if (transition === undefined) return acted ?? [`, and ${nothingChanged(run)}`];
      const from: Sentence =
        transition.from === '' ? ['no condition'] : [{ strong: `${transition.from} ${transition.from_reason}` }];
      const went: Sentence = [
        ', and it went from ',
        ...from,
        ' to ',
        { strong: `${transition.to} ${transition.reason}` },
      ];
      return [...went, ...(acted ?? [])];
    }
  }
}

/** What triggers did to the object; undefined if nothing. */
function actedOf({ actions = [] }: Run): Sentence | undefined {
  const acted = actions
    .filter(({ observed }) => observed !== true)
    .map(({ action, trigger }) => doneText(action, trigger));
  return acted.length === 0 ? undefined : [', and ', ...listed(acted)];
}

function doneText(action: string, trigger: string): string {
  return `${trigger} ${action}`;
}

function nothingChanged(run: Run): string {
  if (wroteMessage(run)) return messageWritten;
  const why = whyUnchanged(run);
  if (run.throttled_until !== undefined) return `it waits until ${run.throttled_until}: ${why}`;
  return why === undefined ? 'no condition changed' : `nothing changed: ${why}`;
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

function chosenBy({ chosen_by: keys = [] }: Run): readonly Sentence[] {
  if (keys.every((key) => key === 'default')) return [];
  return [listed(keys.map((key) => (key === 'default' ? 'source.select' : { code: key })))];
}

function decidedBy({
  decided_by: alerts,
  decided_because: because,
  decided_by_triggers: triggers = [],
}: Run): readonly Sentence[] {
  const by: Sentence = triggers.length === 0 ? [] : [' (', ...listed(triggers.map((code) => ({ code }))), ')'];
  if (alerts.length > 0) return [[...listed(alerts.map((alert) => alertPart(alert))), ...by]];
  return because === undefined ? [] : [[because, ...by]];
}

/** What triggers did, what those would do that only observe, and what waits. */
function done({ actions = [], throttled_by: throttled = [], throttled_until: until }: Run): readonly Sentence[] {
  const acts = actions.map(({ trigger, action, observed }): Sentence => {
    return observed === true ? [`${trigger} only observes; it would ${action}`] : [doneText(action, trigger)];
  });
  const end: Sentence = until === undefined ? [] : ['; the run waits until ', { time: until }];
  const waits: Sentence = [...listed(throttled.map((code) => ({ code }))), ' had done enough to it', ...end];
  return throttled.length === 0 ? acts : [...acts, waits];
}

function written(run: Run): readonly Sentence[] {
  const { transition, because, outcome, hops } = run;
  if (transition === undefined) {
    if (outcome === 'running') return [['Nothing yet']];
    if (actedOf(run) !== undefined) return [];
    if (wroteMessage(run)) return [[capital(messageWritten)]];
    const remedy = because === undefined ? undefined : runRemedies[because];
    const nothing = because === undefined ? 'Nothing' : `Nothing, because ${whyUnchanged(run)}`;
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
  written: 'Written',
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
  const acted = actedOf(run) === undefined ? undefined : run.actions?.find(({ observed }) => observed !== true);
  if (acted !== undefined) return `${doneText(acted.action, acted.trigger)}${time}`;
  return because === undefined || because === 'unchanged' ? `${outcome}${time}` : `${outcome}: ${whyUnchanged(run)}`;
}
