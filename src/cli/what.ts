import { pipelineIn, textOf, transitionIn } from '../explain/fact-fields.ts';
import { ExplainedAlert, type Alert, type Effect, type Fact, type PipelineName } from '../explain/schema.ts';
import { Alerts, Facts } from '../explain/schema-requests.ts';
import { Status } from '../explain/schema-status.ts';
import { equalMatcher, showLabels, showPipeline, showTransition } from '../explain/words.ts';
import type { ApiClient } from './client.ts';
import { command, CommandError, exitDone, exitFailed, readSince, UsageError, usageOf, type Call } from './command.ts';
import { showTime } from './names.ts';
import type { Colour, Output } from './output.ts';

/** The most alerts that are shown. */
const maxAlerts = 20;
/** The most effects of an alert that are shown, the newest first. */
const defaultEffects = 5;
/** The most condition changes that are searched for those of one effect. */
const maxChanges = 5000;

const flags = {
  since: {
    name: 'since',
    placeholder: 'AGO',
    read: readSince,
    help: 'All that the alert did since then.',
    unit: 'duration or time',
    otherwise: `the last ${defaultEffects} things that it did, however old`,
  },
} as const;

/** `tocsin what`: what an alert did, or why it did nothing. */
export const what = command({ name: 'what', flags, run: tellAlerts });

/** A word that is not a matcher is the name of an alert. */
export function matchersOf(words: readonly string[]): readonly string[] {
  return words.map((word) => (/[=~]/.test(word) ? word : equalMatcher('alertname', word)));
}

async function tellAlerts({ values, words, api, output }: Call<typeof flags>): Promise<number> {
  if (words.length === 0) throw new UsageError(`what: no alert, allowed: ${usageOf('what')}`);
  const found: Alert[] = [];
  for await (const alert of api.items(Alerts, '/alerts', { filter: matchersOf(words) }, maxAlerts + 1))
    found.push(alert);
  const limit = values.since === undefined ? defaultEffects : 1000;
  const items: ExplainedAlert[] = [];
  for (const { fingerprint } of found.slice(0, maxAlerts))
    if (fingerprint !== undefined)
      items.push(await api.get(ExplainedAlert, `/alerts/${fingerprint}`, { since: values.since, limit }));
  const code = items.length > 0 ? exitDone : exitFailed;
  if (await output.object({ items })) return code;
  if (items.length === 0) throw new CommandError(await notReceived(api, words));
  for (const item of items) await tellAlert(output, api, item);
  if (found.length > maxAlerts)
    output.line(`More alerts match: name more labels, to see others than these ${maxAlerts}.`);
  return code;
}

async function notReceived(api: ApiClient, words: readonly string[]): Promise<string> {
  const { history } = await api.get(Status, '/status');
  const isOff = history.retention_seconds === 0;
  const forgotten = 'nor known from before: history.retention is 0s, so nothing is kept';
  return (
    `${words.join(' ')}: not received: no alert like that is stored at ${api.shownUrl}, ` +
    `${isOff ? forgotten : 'or in its history'}; is it the Alertmanager that Prometheus names?`
  );
}

async function tellAlert(output: Output, api: ApiClient, { alert, effects, next }: ExplainedAlert): Promise<void> {
  if (alert === undefined) return;
  output.heading(
    [
      [alert.alertname, 'bold'],
      [alert.status === undefined ? '' : `  ${alert.status}`, alert.status === 'firing' ? 'red' : 'green'],
      [alert.fingerprint === undefined ? '' : `  ${alert.fingerprint}`, 'dim'],
    ],
    showLabels(alert.labels),
  );
  for (const effect of effects) await tellEffect(output, api, effect);
  if (next !== undefined) output.line('… and more before that: --since 24h shows them', 2);
  output.line();
}

const colours: Readonly<Record<Effect['verdict'], Colour>> = {
  woke: 'green',
  merged: 'green',
  silenced: 'yellow',
  repeat_ignored: 'yellow',
  own_notification: 'yellow',
  no_pipeline: 'yellow',
  inhibited: 'yellow',
  throttled: 'yellow',
  observed: 'yellow',
  suspended: 'yellow',
  opted_out: 'yellow',
  invalid: 'red',
  over_limit: 'red',
  not_received: 'red',
};

async function tellEffect(output: Output, api: ApiClient, effect: Effect): Promise<void> {
  const { at, verdict, because, request_id: request, event_id: event, silences = [] } = effect;
  const ids = [request && `request ${request}`, event && `event ${event}`].filter(Boolean).join(', ');
  output.heading([
    [`  ${showTime(at)} (${output.ago(at)})  `],
    [verdict.replaceAll('_', ' '), colours[verdict]],
    [ids && `  ${ids}`, 'dim'],
  ]);
  if (because !== undefined) output.line(because, 6);
  if (effect.triggers !== undefined && colours[verdict] === 'green')
    output.line(`woke ${effect.triggers.join(', ')}`, 6);
  for (const id of silences) output.line(await silenceText(api, id), 6);
  const rows = await runRows(api, effect);
  if (rows.length > 0) output.table(rows, 6);
}

interface Silence {
  readonly createdBy: string;
  readonly comment: string;
  readonly endsAt: string;
  readonly status: { readonly state: string };
}

/** Who created a silence, why, and until when. */
export async function silenceText(api: ApiClient, id: string): Promise<string> {
  const answer = await api.send('GET', `/api/v2/silence/${encodeURIComponent(id)}`);
  if (answer.status !== 200) return `silence ${id}, which is no longer known`;
  const { createdBy, comment, endsAt, status } = JSON.parse(answer.body.toString()) as Silence;
  return `silence ${id} of ${createdBy}: ${comment} (${status.state}, ends ${showTime(endsAt)})`;
}

/** The pipelines that it woke, with the results. */
async function runRows(api: ApiClient, effect: Effect): Promise<readonly string[][]> {
  if (effect.runs.length === 0 || effect.event_id === undefined) return [];
  const changes = new Map<unknown, Fact>();
  // An effect without a request has only its time.
  const about = effect.request_id === undefined ? { since: effect.at } : { request_id: effect.request_id };
  for await (const fact of api.items(Facts, '/history', { event: 'condition.changed', ...about }, maxChanges))
    changes.set(fact['run'], fact);
  const rows: string[][] = [];
  for (const event of ['reconcile.finished', 'reconcile.failed'])
    for await (const fact of api.items(Facts, '/history', { event, event_id: effect.event_id })) {
      const pipeline = pipelineIn(fact);
      if (pipeline !== undefined && effect.runs.includes(String(fact['run'])))
        rows.push(rowOf(fact, pipeline, changes.get(fact['run'])));
    }
  return rows.toSorted(([one = ''], [other = '']) => one.localeCompare(other));
}

function rowOf(fact: Fact, pipeline: PipelineName, change: Fact | undefined): string[] {
  const [outcome = 'failed', because, error] = [fact['result'], fact['because'], fact['error']].map(textOf);
  const why = because === undefined || because === outcome ? '' : ` (${because})`;
  const transition = change && transitionIn(change);
  const told = transition === undefined ? error : showTransition(transition);
  return [
    showPipeline(pipeline),
    `run ${String(fact['run'])}`,
    `${outcome}${why}${told === undefined ? '' : `: ${told}`}`,
  ];
}
