import type { Cause, Hops, Pipeline, PipelineName, Run } from '../explain/schema.ts';
import { Pipelines, Runs } from '../explain/schema-requests.ts';
import {
  isSamePipeline,
  messageWritten,
  pipelinePath,
  showAlert,
  showBecause,
  showPipeline,
  showTransition,
  triggerText,
  wroteMessage,
} from '../explain/words.ts';
import { showText } from '../config/settings/show-value.ts';
import { nearestPath } from '../config/settings/unknown-key.ts';
import { readName } from '../config/settings/value-readers.ts';
import type { ApiClient } from './client.ts';
import { command, CommandError, exitDone, exitFailed, readSince, UsageError, usageOf, type Call } from './command.ts';
import { nothingKept } from './reconcile.ts';
import { readPipelineName, replicaText, showTime, tellMissing } from './names.ts';
import { roughly, type Colour, type Output, type Row } from './output.ts';

const defaultRuns = 5;
/** The most runs that are searched for that of `--run`. */
const searchedRuns = 100_000;
/** The most causes that are named; `-o wide` names all of them. */
const namedCauses = 3;

const flags = {
  since: {
    name: 'since',
    placeholder: 'AGO',
    read: readSince,
    help: 'All runs since then.',
    unit: 'duration or time',
    otherwise: `the last ${defaultRuns} runs, however old`,
  },
  run: {
    name: 'run',
    placeholder: 'ID',
    read: readName,
    help: 'This run alone.',
    unit: 'id',
    otherwise: 'all',
  },
} as const;

/** `tocsin why`: the runs of a pipeline, newest first. */
export const why = command({ name: 'why', flags, run: tellRuns });

async function tellRuns({ values, words, api, output }: Call<typeof flags>): Promise<number> {
  const [word, ...strays] = words;
  if (word === undefined && (values.since ?? values.run) === undefined) return listPipelines(api, output);
  if (word === undefined) throw new UsageError(`why: no pipeline, allowed: ${usageOf('why')}`);
  if (strays.length > 0) throw new UsageError(`why: more than one pipeline, allowed: ${usageOf('why')}`);
  const name = readPipelineName(word);
  const items = await findRuns(api, name, values);
  const code = items.length > 0 ? exitDone : exitFailed;
  if (await output.object({ items })) return code;
  const pipelines = await pipelinesOf(api);
  const pipeline = pipelines.find((each) => isSamePipeline(each, name));
  if (pipeline === undefined && items.length === 0) throw noSuchPipeline(word, pipelines, api);
  if (pipeline !== undefined) tellCondition(output, pipeline);
  if (items.length === 0) output.line(await noRun(api, values.run));
  for (const run of items) tellRun(output, run);
  tellMissing(output, api);
  return code;
}

async function noRun(api: ApiClient, id: string | undefined): Promise<string> {
  return (await nothingKept(api)) ?? `No run${id === undefined ? '' : ` ${id}`} in the history.`;
}

async function findRuns(
  api: ApiClient,
  name: PipelineName,
  { since, run: id }: { readonly since?: string | undefined; readonly run?: string | undefined },
): Promise<readonly Run[]> {
  const most = id !== undefined ? searchedRuns : since === undefined ? defaultRuns : undefined;
  const items: Run[] = [];
  for await (const run of api.items(Runs, pipelinePath(name), { since }, most)) {
    if (id === undefined || run.id === id) items.push(run);
    if (run.id === id) break;
  }
  return items;
}

async function pipelinesOf(api: ApiClient): Promise<readonly Pipeline[]> {
  const pipelines: Pipeline[] = [];
  for await (const each of api.items(Pipelines, '/pipelines')) pipelines.push(each);
  return pipelines;
}

/** Every pipeline, for somebody who does not know yet which one to ask about. */
async function listPipelines(api: ApiClient, output: Output): Promise<number> {
  const items = await pipelinesOf(api);
  const code = items.length > 0 ? exitDone : exitFailed;
  if (await output.object({ items })) return code;
  if (items.length === 0)
    throw new CommandError(`${api.shownUrl} has no pipelines, and no objects whose conditions triggers keep`);
  output.table(
    items.map(({ condition, firing, ...pipeline }) => [
      showPipeline(pipeline),
      condition === undefined ? 'no condition yet' : stateText(condition),
      condition?.since === undefined ? '' : output.ago(condition.since),
      [...new Set(firing.map(({ alertname }) => alertname))].join(', '),
    ]),
    0,
  );
  tellMissing(output, api);
  return code;
}

/** The error about a pipeline that a Tocsin does not have; it names those first that may be meant. */
function noSuchPipeline(word: string, pipelines: readonly Pipeline[], api: ApiClient): CommandError {
  const names = pipelines.map(showPipeline);
  const nearest = nearestPath(word, names);
  const namesakes = names.filter((name) => name.endsWith(`/${word.split('/').at(-1)}`));
  const known = [...new Set([...namesakes, ...names])].slice(0, 5).join(', ');
  const others = known === '' ? 'it has none' : `some that it has: ${known}`;
  const hint = nearest === undefined ? others : `did you mean ${nearest}?`;
  return new CommandError(`${showText(word)}: no such pipeline or object at ${api.shownUrl}; ${hint}`);
}

/** The type is told only where it is not that of the pipelines. */
function stateText({ type, status, reason }: NonNullable<Pipeline['condition']>): string {
  return [type, status, reason].filter(Boolean).join(' ');
}

function tellCondition(output: Output, pipeline: Pipeline): void {
  const { condition, firing, paused_by: pausedBy, next_look: next } = pipeline;
  const colour = condition?.status === 'True' ? 'green' : condition?.status === 'False' ? 'red' : 'yellow';
  output.heading([
    [showPipeline(pipeline), 'bold'],
    ['  '],
    [condition === undefined ? 'no condition yet' : stateText(condition), colour],
    [condition?.since === undefined ? '' : ` since ${showTime(condition.since)} (${output.ago(condition.since)})`],
  ]);
  output.rows([
    ['message', condition?.message],
    ['firing', firing.map(showAlert).join('; ')],
    ['paused by', pausedBy.map((id) => `silence ${id}`).join(', ')],
    ['next look', next === undefined ? undefined : `${output.ago(next.at)} (${next.why})`],
  ]);
}

const colours: Readonly<Record<Run['outcome'], Colour>> = {
  running: 'yellow',
  changed: 'green',
  unchanged: 'dim',
  gone: 'dim',
  failed: 'red',
  cancelled: 'yellow',
};

/** One run as a story. */
export function tellRun(output: Output, run: Run): void {
  output.line();
  output.heading([
    [`${showTime(run.at)} (${output.ago(run.at)})  `],
    [run.outcome, colours[run.outcome]],
    [`  ${showPipeline(run.pipeline)}  run ${run.id}`, 'dim'],
  ]);
  output.rows(rowsOf(output, run));
}

function rowsOf(output: Output, run: Run): readonly Row[] {
  const { transition, prometheus, error } = run;
  return [
    ...wokenBy(run, output.isWide).map((text, index): Row => [index === 0 ? 'woken by' : '', text]),
    ['ran on', run.replica === undefined ? undefined : replicaText(run.replica)],
    ['lane', run.priority === 'platform' ? 'platform (lanes.platform): it went first' : undefined],
    ['chosen by', chosenBy(run)],
    ['requests', [...run.request_ids, more(run.more_request_ids)].filter(Boolean).join(', ')],
    ['events', output.isWide ? run.event_ids.join(', ') : undefined],
    ['took', took(run.hops)],
    ...(output.isWide ? Object.entries(run.hops).map(([hop, at]): Row => [hop, at]) : []),
    ['prometheus', prometheus && prometheusText(prometheus)],
    ['decided by', decidedText(run)],
    ...(run.actions ?? []).map(({ trigger, action, observed }): Row => [
      observed === true ? 'would' : 'did',
      `${action} (${trigger})`,
    ]),
    ['throttled', throttledText(run)],
    ['condition', conditionText(run)],
    ['message', transition?.message],
    ['no change', transition === undefined ? showBecause(run) : undefined],
    ['error', error],
    ['next look', nextLook(output, run)],
  ];
}

function conditionText({ transition, ...run }: Run): string | undefined {
  if (transition === undefined) return wroteMessage(run) ? messageWritten : undefined;
  return `${showTransition(transition)}${transition.observed === true ? ', only logged' : ''}`;
}

/** Nothing while `source.select` alone chooses. */
function chosenBy({ chosen_by: keys = [] }: Run): string | undefined {
  return keys.some((key) => key !== 'default') ? keys.join(', ') : undefined;
}

function decidedText({
  decided_by: alerts,
  decided_because: because,
  decided_by_triggers: triggers,
}: Run): string | undefined {
  const decided = alerts.map(showAlert).join('; ') || because;
  return decided === undefined || triggers === undefined ? decided : `${decided} (${triggers.join(', ')})`;
}

function throttledText({ throttled_by: triggers, throttled_until: until }: Run): string | undefined {
  if (triggers === undefined) return undefined;
  return `${triggers.join(', ')} had done enough${until === undefined ? '' : `; waits until ${showTime(until)}`}`;
}

function wokenBy({ causes, more_causes: uncounted, triggers }: Run, isWide: boolean): readonly string[] {
  const newest = causes.toReversed();
  const shown = isWide ? newest : newest.slice(0, namedCauses);
  const others = triggers.filter((trigger) => trigger !== 'alert' && trigger !== 'silence').map(triggerText);
  const left = newest.length - shown.length + uncounted;
  return [...shown.map(causeText), ...(left > 0 ? [leftText(left, shown.length > 0)] : []), ...others];
}

function leftText(left: number, areSomeNamed: boolean): string {
  if (areSomeNamed) return `and ${left} more`;
  return left === 1 ? 'an alert that the history does not name' : `${left} alerts that the history does not name`;
}

function causeText(cause: Cause): string {
  const times = cause.count > 1 ? ` ×${cause.count}` : '';
  const alert = `${cause.alertname} ${cause.status}${times} ${showAlert({ ...cause, alertname: '' })}`.trimEnd();
  return [alert, wayHere(cause)].filter(Boolean).join(', ');
}

/** How long the alert took to come here; nothing of one that came at once, or that nobody sent. */
function wayHere({ status, changed_at: changedAt, first_seen: receivedAt }: Cause): string {
  const verb = status === 'firing' ? 'began' : status === 'resolved' ? 'ended' : undefined;
  const ms = changedAt === undefined ? 0 : Date.parse(receivedAt) - Date.parse(changedAt);
  // A sender's clock that is ahead tells nothing.
  if (verb === undefined || ms <= 0) return '';
  return `received ${ms < 10_000 ? `${ms} ms` : roughly(ms)} after it ${verb}`;
}

function more(count: number | undefined): string {
  return count === undefined || count === 0 ? '' : `and ${count} more`;
}

const stages = {
  received: 'received',
  emitted: 'event',
  enqueued: 'queued',
  started: 'started',
  queried: 'asked',
  answered: 'answered',
  written: 'written',
  finished: 'finished',
} as const satisfies Record<keyof Hops, string>;

/** How long it took from the first known stage to each stage. */
export function took(hops: Hops): string | undefined {
  const known = (Object.keys(stages) as (keyof Hops)[]).flatMap((stage) => {
    const at = hops[stage];
    return at === undefined ? [] : [{ stage, at: Date.parse(at) }];
  });
  const [first] = known;
  const last = known.at(-1);
  if (first === undefined || last === undefined || first === last) return undefined;
  const steps = known.slice(1).map(({ stage, at }) => `${stages[stage]} +${at - first.at}`);
  return `${last.at - first.at} ms from ${stages[first.stage]}: ${steps.join(', ')}`;
}

function prometheusText({ status, firing, not_in_prometheus: absent }: NonNullable<Run['prometheus']>): string {
  const counted =
    firing === undefined ? status : `${status}, ${firing} ${firing === 1 ? 'alert fires' : 'alerts fire'}`;
  return absent.length === 0 ? counted : `${counted}; pushed, but not reported as firing: ${absent.join(', ')}`;
}

function nextLook(output: Output, { retry_at: retry, look_again_at: again }: Run): string | undefined {
  if (retry !== undefined) return `${showTime(retry)} (${output.ago(retry)}, retry)`;
  return again === undefined ? undefined : `${showTime(again)} (${output.ago(again)})`;
}
