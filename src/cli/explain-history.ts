import { pipelineIn } from '../explain/fact-fields.ts';
import { ExplainedAlert, type Alert, type Effect, type PipelineName, type Verdict } from '../explain/schema.ts';
import { Alerts, Facts, Pipelines } from '../explain/schema-requests.ts';
import { selected } from '../explain/selected.ts';
import { showAlert, showPipeline } from '../explain/words.ts';
import { loadConfig } from '../config/load-config.ts';
import { configurationFileBytes, readRegularFileSync } from '../runtime/regular-file.ts';
import type { ApiClient } from './client.ts';
import { CommandError, exitDone, exitFailed } from './command.ts';
import type { Output } from './output.ts';

/** So many alerts are compared, and so many runs are looked through. */
const maxAlerts = 1000;
const maxRuns = 100_000;

/** The keys by which it is decided whether an alert wakes somebody, and whom. */
export interface WakeRules {
  readonly select: 'all' | 'labels';
  readonly repeats: 'trigger' | 'ignore';
}

/** What an alert did, or would have done, with all that told of it. */
interface Tally {
  /** How often it was told of. */
  readonly told: number;
  readonly woke: number;
  readonly pipelines: readonly string[];
}

interface Comparison {
  readonly alert: Alert;
  readonly did: Tally;
  readonly would: Tally;
}

interface Compared {
  readonly api: ApiClient;
  readonly output: Output;
  readonly since: string;
  readonly configFile: string;
}

/** Tells what the alerts since then would have done under another configuration, beside what they did. */
export async function compareHistory({ api, output, since, configFile }: Compared): Promise<number> {
  const rules = readRules(configFile);
  const alerts: Alert[] = [];
  for await (const alert of api.items(Alerts, '/alerts', {}, maxAlerts + 1)) alerts.push(alert);
  const known = await whatIsKnown(api, since);
  const items: Comparison[] = [];
  for (const { fingerprint } of alerts.slice(0, maxAlerts)) {
    if (fingerprint === undefined) continue;
    const { alert, effects } = await api.get(ExplainedAlert, `/alerts/${fingerprint}`, { since, limit: 1000 });
    const told = effects.filter(({ verdict }) => verdict !== 'not_received');
    if (alert !== undefined && told.length > 0) items.push(compare(alert, told, rules, known));
  }
  if (!(await output.object({ items }))) tell(output, items, rules);
  if (alerts.length > maxAlerts)
    throw new CommandError(`more than ${maxAlerts} alerts are known at ${api.shownUrl}: the others are not compared`);
  return items.length > 0 ? exitDone : exitFailed;
}

function readRules(file: string): WakeRules {
  const loaded = loadConfig({ configFile: file }, (path) =>
    readRegularFileSync(path, configurationFileBytes).toString('utf8'),
  );
  if ('problems' in loaded) throw new CommandError(loaded.problems.join('\n'));
  return loaded.config.source;
}

/** What the history says besides the effects. */
export interface Known {
  readonly pipelines: readonly PipelineName[];
  /** The pipeline of each run. */
  readonly runs: ReadonlyMap<string, string>;
  /** Fingerprint and request of what was new, rather than told again. */
  readonly news: ReadonlySet<string>;
}

async function whatIsKnown(api: ApiClient, since: string): Promise<Known> {
  const pipelines: PipelineName[] = [];
  for await (const { kind, group, namespace, name } of api.items(Pipelines, '/pipelines'))
    pipelines.push({ kind, ...(group && { group }), ...(namespace && { namespace }), name });
  const runs = new Map<string, string>();
  for (const event of ['reconcile.finished', 'reconcile.failed'])
    for await (const fact of api.items(Facts, '/history', { event, since }, maxRuns)) {
      const pipeline = pipelineIn(fact);
      if (pipeline !== undefined) runs.set(String(fact['run']), showPipeline(pipeline));
    }
  const news = new Set<string>();
  for (const event of ['alert.new', 'alert.resolved'])
    for await (const { fingerprint, request_id: request } of api.items(Facts, '/history', { event, since }, maxRuns))
      news.add(`${String(fingerprint)} ${String(request)}`);
  return { pipelines, runs, news };
}

/** These come to the question whom they concern; all others wake nobody under any configuration. */
const arrived: ReadonlySet<Verdict> = new Set([
  'woke',
  'merged',
  'no_pipeline',
  'inhibited',
  'throttled',
  'observed',
  'suspended',
  'opted_out',
  'repeat_ignored',
  'over_limit',
]);

/** Pure. @param effects of the alert */
export function compare(alert: Alert, effects: readonly Effect[], rules: WakeRules, known: Known): Comparison {
  const waking = effects.filter(({ runs }) => runs.length > 0);
  const chosen = selected(rules.select, alert.labels, known.pipelines).map(showPipeline);
  const isIgnored = (effect: Effect): boolean => rules.repeats === 'ignore' && isRepeat(alert, effect, known);
  const would = effects.filter((effect) => arrived.has(effect.verdict) && !isIgnored(effect));
  const woke = chosen.length === 0 ? 0 : would.length;
  const did = waking.flatMap(({ runs }) => runs.map((run) => known.runs.get(run) ?? `run ${run}`));
  return {
    alert,
    did: { told: effects.length, woke: waking.length, pipelines: [...new Set(did)].toSorted() },
    would: { told: effects.length, woke, pipelines: woke === 0 ? [] : chosen.toSorted() },
  };
}

/** What no request did, as an expiry, is always new. */
function isRepeat({ fingerprint }: Alert, { request_id: request, verdict }: Effect, { news }: Known): boolean {
  if (verdict === 'repeat_ignored') return true;
  return request !== undefined && !news.has(`${fingerprint} ${request}`);
}

function tell(output: Output, items: readonly Comparison[], rules: WakeRules): void {
  const differing = items.filter(({ did, would }) => tallyText(did) !== tallyText(would));
  for (const { alert, did, would } of differing) {
    output.heading([[showAlert(alert), 'bold']]);
    output.rows([
      ['did', tallyText(did)],
      ['would have', tallyText(would)],
    ]);
  }
  const same = items.length - differing.length;
  output.line(`${items.length} ${items.length === 1 ? 'alert' : 'alerts'}, ${same} of them without a difference.`);
  output.line(
    `Compared: source.select (${rules.select}) and source.repeats (${rules.repeats}), with the pipelines that there are now; ` +
      'silences stay as they were.',
  );
}

function tallyText({ told, woke, pipelines }: Tally): string {
  return `${woke === 0 ? 'nobody' : pipelines.join(', ')}: woken by ${woke} of the ${told} requests that told of it`;
}
