import { pipelineIn, textOf, transitionIn } from '../explain/fact-fields.ts';
import { actionEvents, actionsOf } from '../explain/event-runs.ts';
import { ExplainedAlert, type Alert, type Effect, type Fact } from '../explain/schema.ts';
import { Alerts, Facts } from '../explain/schema-requests.ts';
import { StatusAnswer } from '../explain/schema-status.ts';
import { equalMatcher, messageWritten, reasons, showLabels, showPipeline, showTransition } from '../explain/words.ts';
import { ApiError, type ApiClient } from './client.ts';
import { command, CommandError, exitDone, exitFailed, readSince, UsageError, usageOf, type Call } from './command.ts';
import { replicaText, showTime, tellMissing } from './names.ts';
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
  tellMissing(output, api);
  if (found.length > maxAlerts)
    output.line(`More alerts match: name more labels, to see others than these ${maxAlerts}.`);
  return code;
}

/** The value of a matcher such as `namespace=shop`. */
function readNamespace(words: readonly string[]): string | undefined {
  const word = words.find((each) => each.startsWith('namespace='));
  return word?.slice('namespace='.length).replaceAll('"', '');
}

async function notReceived(api: ApiClient, words: readonly string[]): Promise<string> {
  const namespace = readNamespace(words);
  const status = await api.get(StatusAnswer, '/status', { namespace }).catch((error: unknown) => {
    // Who may see one namespace alone is told of Tocsin only if they name it.
    if (error instanceof ApiError && error.status === 403) return undefined;
    throw error;
  });
  const isOff = status?.history.retention_seconds === 0;
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
  const where = effect.replica && `on ${replicaText(effect.replica)}`;
  const ids = [request && `request ${request}`, event && `event ${event}`, where].filter(Boolean).join(', ');
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
  else if (effect.replica !== undefined && colours[verdict] === 'green')
    output.line('no run there: the replica that leads makes the runs', 6);
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

/** The objects that it woke, with the results. */
async function runRows(api: ApiClient, effect: Effect): Promise<readonly string[][]> {
  const { runs, triggers, event_id: eventId, request_id: request, at } = effect;
  if (runs.length === 0 || eventId === undefined) return [];
  // An effect without a request has only its time.
  const about = request === undefined ? { since: at } : { request_id: request };
  const acts = triggers === undefined ? [] : actionEvents;
  const changes = Map.groupBy(await factsOf(api, ['condition.changed', ...acts], about), ({ run }) => run);
  const ends = ['reconcile.finished', 'reconcile.failed'];
  const own = (facts: readonly Fact[]): readonly Fact[] => facts.filter(({ run }) => runs.includes(String(run)));
  const ended = own(await factsOf(api, ends, { event_id: eventId }));
  // A run that had to wait for its slot belongs to a later event, but names the same requests.
  const later = ended.length < runs.length ? own(await factsOf(api, ends, about)) : [];
  const byRun = new Map([...ended, ...later].map((fact) => [fact['run'], fact]));
  return [...byRun.values()]
    .flatMap((fact) => rowOf(fact, changes.get(fact['run']) ?? []))
    .toSorted(([one = ''], [other = '']) => one.localeCompare(other));
}

async function factsOf(
  api: ApiClient,
  events: readonly string[],
  about: Readonly<Record<string, string>>,
): Promise<readonly Fact[]> {
  const facts: Fact[] = [];
  for (const event of events)
    for await (const fact of api.items(Facts, '/history', { event, ...about }, maxChanges)) facts.push(fact);
  return facts;
}

/** No row for a fact about nothing. */
function rowOf(fact: Fact, changes: readonly Fact[]): readonly string[][] {
  const pipeline = pipelineIn(fact);
  if (pipeline === undefined) return [];
  const [outcome = 'failed', because, error] = [fact['result'], fact['because'], fact['error']].map(textOf);
  const reason = because === 'pipeline_gone' ? reasons[because] : because;
  const why = reason === undefined || reason === outcome ? '' : ` (${reason})`;
  const transitions = changes.map(transitionIn).filter((transition) => transition !== undefined);
  const acts = actionsOf(changes).map(({ action, observed }) => (observed === true ? `would ${action}` : action));
  const did = [...transitions.map(showTransition), ...acts].join('; ') || error;
  const told = did ?? (outcome === 'changed' ? messageWritten : undefined);
  const result = told === undefined ? `${outcome}${why}` : `${outcome}${why}: ${told}`;
  return [[showPipeline(pipeline), `run ${String(fact['run'])}`, result]];
}
