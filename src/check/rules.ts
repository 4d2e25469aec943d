import { parse } from 'yaml';
import { formatDuration } from '../config/settings/duration.ts';
import { alertsOf, canFail, selectsAny, type RuleScope } from '../drift/concerned-rules.ts';
import { healthRules } from '../health/health-rules.ts';
import { kymaKindNames, kymaKinds } from '../reconcile/kyma-kinds.ts';
import { requestKey, type Pipeline, type Request } from '../reconcile/ports.ts';
import type { InspectedServer, LoadedRule, RuleGroup } from '../reconcile/server-inspection.ts';
import { filePattern } from '../text/go/file-pattern.ts';
import { ofEach, type Chain } from './chain.ts';
import { ok, problem, skipped, type Category, type Check, type Outcome } from './check.ts';

/** After this, milliseconds, there is no date that can be written with a year of four digits. */
const lastTimeMs = Date.UTC(9999, 0);

/** The most names in one problem; the rest are counted. */
const maxNamed = 5;

/** Whether Prometheus has the rules whose alerts Tocsin waits for. */
export function rules(chain: Chain): Category {
  return {
    name: 'rules',
    needs: ['prometheus'],
    whyNot: async () => ((await chain.servers()).length === 0 ? 'there is no Prometheus to ask' : undefined),
    checks: [...loading(chain), ...meaning(chain)],
  };
}

function loading(chain: Chain): readonly Check[] {
  return [
    {
      id: 'rules-reload',
      description: 'the last reload of its configuration succeeded',
      run: ({ signal }) => reload(chain, signal),
    },
    {
      id: 'rules-files',
      description: 'each pattern of rule_files has found a group of rules',
      run: ({ signal }) => ruleFilesFound(chain, signal),
    },
    {
      id: 'rules-healthy',
      description: 'every rule can be evaluated',
      retryable: true,
      run: ({ signal }) => healthy(chain, signal),
    },
  ];
}

function meaning(chain: Chain): readonly Check[] {
  return [
    {
      id: 'rules-required',
      description: 'an alert that fires could make each pipeline unhealthy',
      run: ({ signal }) => required(chain, signal),
    },
    {
      id: 'rules-complete',
      description: 'of the alerts that the pipelines wait for, none is missing',
      warning: true,
      run: ({ signal }) => complete(chain, signal),
    },
    {
      id: 'rules-wake',
      description: 'every alert would wake a pipeline',
      warning: true,
      run: ({ signal }) => wake(chain, signal),
    },
    {
      id: 'rules-pending',
      description: 'what is pending is waiting for its time',
      run: ({ signal, clock }) => pending(chain, clock.now(), signal),
    },
  ];
}

async function reload(chain: Chain, signal: AbortSignal): Promise<Outcome> {
  const found = await ofEach(chain, async (server) => {
    const { succeeded, at } = await server.reload(signal);
    return succeeded
      ? undefined
      : `Prometheus at ${server.address} refused its configuration at the last reload and runs with that of ${at}: promtool check config says what is wrong`;
  });
  return found === undefined ? ok() : problem(found);
}

async function ruleFilesFound(chain: Chain, signal: AbortSignal): Promise<Outcome> {
  const told: string[] = [];
  const found = await ofEach(chain, async (server) => {
    const patterns = ruleFiles(await server.configuration(signal));
    const groups = await server.groups(signal);
    if (patterns.length === 0)
      return `Prometheus at ${server.address} has no rule_files: name the files of its rules there`;
    told.push(...new Set(groups.map(({ file }) => `${server.address} has read ${file}`)));
    const empty = patternsWithoutGroup(patterns, groups);
    return empty.length === 0
      ? undefined
      : `Prometheus at ${server.address} has no group of rules from ${named(empty, ' or ')}: is the file mounted there, and not empty? Prometheus does not complain of a pattern that matches nothing`;
  });
  return found === undefined ? ok(...told) : chain.breaks('rules', found);
}

/** `rule_files` of a configuration of Prometheus. */
export function ruleFiles(yaml: string): readonly string[] {
  const found: unknown = parse(yaml, { maxAliasCount: 0 });
  const files = (found as { readonly rule_files?: unknown } | null)?.rule_files;
  return Array.isArray(files) ? files.filter((file) => typeof file === 'string') : [];
}

/** Prometheus resolves the patterns against its own folder before it shows them, so they are compared with its files as they are. */
export function patternsWithoutGroup(patterns: readonly string[], groups: readonly RuleGroup[]): readonly string[] {
  return patterns.filter((pattern) => {
    const expression = filePattern(pattern);
    return !groups.some(({ file }) => expression.test(file));
  });
}

async function healthy(chain: Chain, signal: AbortSignal): Promise<Outcome> {
  const found = await ofEach(chain, async (server) => {
    const sick = (await server.groups(signal)).flatMap(({ name, rules: all }) =>
      all.filter(({ health }) => health !== 'ok').map((rule) => `${rule.name} of the group ${name}: ${errorOf(rule)}`),
    );
    return sick.length === 0 ? undefined : `Prometheus at ${server.address} cannot evaluate ${named(sick, '; ')}`;
  });
  return found === undefined ? ok() : problem(found);
}

function errorOf({ health, lastError }: LoadedRule): string {
  if (lastError !== '') return lastError;
  return health === 'unknown' ? 'it has not been evaluated yet' : health;
}

/** The pipelines and what decides about them. */
interface Subjects {
  readonly pipelines: readonly Request[];
  readonly scope: RuleScope;
}

async function subjects(chain: Chain): Promise<Subjects | undefined> {
  const status = await chain.knownStatus();
  if (status === undefined) return undefined;
  return { pipelines: (await chain.pipelines()) as readonly Request[], scope: status };
}

const unknownPipelines = 'which pipelines there are is unknown, because Tocsin does not tell';

async function alertingRules(server: InspectedServer, signal: AbortSignal): Promise<readonly LoadedRule[]> {
  return (await server.groups(signal)).flatMap(({ rules: all }) => all).filter(({ type }) => type === 'alerting');
}

async function required(chain: Chain, signal: AbortSignal): Promise<Outcome> {
  const known = await subjects(chain);
  if (known === undefined) return skipped(unknownPipelines);
  if (known.pipelines.length === 0) return skipped('there are no pipelines');
  const found = await ofEach(chain, async (server) => {
    const unguarded = withoutRule(await alertingRules(server, signal), known);
    return unguarded.length === 0
      ? undefined
      : `Prometheus at ${server.address} has no alerting rule that could concern ${named(unguarded.map(requestKey), ' or ')}: ${advice(known, unguarded)}`;
  });
  return found === undefined ? ok() : chain.breaksNext('rules', found);
}

function advice({ scope }: Subjects, unguarded: readonly Request[]): string {
  if (scope.action === 'annotate') return 'its alerts have to select it (source.select)';
  const kinds = new Set(unguarded.map(({ kind }) => kind));
  const prefixes = kymaKinds.filter(({ kind }) => kinds.has(kind)).map(({ alertPrefix }) => alertPrefix);
  const expected = prefixes.map((prefix) => `${prefix}GatewayAllDataDropped`);
  return `load the rules of docs/how-it-decides.md, such as ${expected.join(', ')}`;
}

/** The pipelines that no alert of these rules could concern. */
export function withoutRule(loaded: readonly LoadedRule[], { pipelines, scope }: Subjects): readonly Request[] {
  if (scope.action === 'annotate')
    return pipelines.filter((request) => !loaded.some((rule) => selectsAny(rule, [request], scope.select)));
  const alerts = alertsOf(loaded);
  return pipelines.filter((request) => {
    const possible = possiblePipelines(request);
    return possible.length > 0 && !possible.some((pipeline) => canFail(pipeline, alerts));
  });
}

/** The API does not tell the spec of a pipeline, on which it depends which alerts concern it: these are the possible ones. */
function possiblePipelines(request: Request): readonly Pipeline[] {
  const specs = request.kind === 'LogPipeline' ? [{}, { output: { otlp: {} } }] : [{}];
  const rest = { apiVersion: '', generation: 1, conditions: [] };
  return kymaKindNames.includes(request.kind) ? specs.map((spec) => ({ ...request, ...rest, spec })) : [];
}

async function complete(chain: Chain, signal: AbortSignal): Promise<Outcome> {
  const known = await subjects(chain);
  if (known === undefined) return skipped(unknownPipelines);
  if (known.scope.action === 'annotate') return skipped('with controller.action annotate, any alert will do');
  const kinds = new Set(known.pipelines.map((request) => request.kind));
  const found = await ofEach(chain, async (server) => {
    const missing = missingAlerts(new Set((await alertingRules(server, signal)).map(({ name }) => name)), kinds);
    return missing.length === 0
      ? undefined
      : `Prometheus at ${server.address} does not have the alerts ${named(missing, ', ')}: what they tell of remains unseen; load the rules of docs/how-it-decides.md`;
  });
  return found === undefined ? ok() : problem(found);
}

/**
 * The alerts of Kyma's table that are not loaded, for the kinds that there are. Of a flavour of which none is loaded, none is missing: then
 * either nobody has such a pipeline, or another check tells it.
 */
export function missingAlerts(loaded: ReadonlySet<string>, kinds: ReadonlySet<string>): readonly string[] {
  const wanted = healthRules.alerts.map(({ flavour, rule }) => ({
    flavour,
    name: `${healthRules.alertnamePrefix[flavour]}${rule}`,
  }));
  const present = new Set(wanted.filter(({ name }) => loaded.has(name)).map(({ flavour }) => flavour));
  const prefixes = kymaKinds.filter(({ kind }) => kinds.has(kind)).map(({ alertPrefix }) => alertPrefix);
  const missing = wanted.filter(
    ({ flavour, name }) =>
      present.has(flavour) && prefixes.includes(healthRules.alertnamePrefix[flavour]) && !loaded.has(name),
  );
  return [...new Set(missing.map(({ name }) => name))];
}

async function wake(chain: Chain, signal: AbortSignal): Promise<Outcome> {
  const known = await subjects(chain);
  if (known === undefined) return skipped(unknownPipelines);
  if (known.pipelines.length === 0) return skipped('there are no pipelines');
  const found = await ofEach(chain, async (server) => {
    const idle = wakingNone(await alertingRules(server, signal), known);
    return idle.length === 0
      ? undefined
      : `the labels of ${named(idle, ', ')} in Prometheus at ${server.address} name no pipeline that there is: correct pipeline_name and pipeline_type; tocsin explain says what an alert would wake`;
  });
  return found === undefined ? ok() : problem(found);
}

/** The rules that name a pipeline in their labels, and none that there is. Without such a label, an alert concerns all of a kind. */
export function wakingNone(loaded: readonly LoadedRule[], { pipelines }: Subjects): readonly string[] {
  const isIdle = (rule: LoadedRule): boolean =>
    Object.hasOwn(rule.labels, 'pipeline_name') && !selectsAny(rule, pipelines, 'labels');
  return [...new Set(loaded.filter(isIdle).map(({ name }) => name))];
}

async function pending(chain: Chain, now: number, signal: AbortSignal): Promise<Outcome> {
  const told: string[] = [];
  for (const server of await chain.servers()) {
    for (const rule of await alertingRules(server, signal)) {
      const waiting = rule.alerts.filter(({ state, activeAt }) => state === 'pending' && isTime(activeAt + rule.forMs));
      if (waiting.length > 0) told.push(pendingText(rule, Math.min(...waiting.map(({ activeAt }) => activeAt)), now));
    }
  }
  return ok(...told);
}

/** A server that only speaks like Prometheus may say anything. */
function isTime(ms: number): boolean {
  return Number.isFinite(ms) && Math.abs(ms) < lastTimeMs;
}

/** A pending alert is no fault: it says until when to wait. */
export function pendingText({ name, forMs, intervalMs }: LoadedRule, since: number, now: number): string {
  const until = new Date(since + forMs + intervalMs).toISOString().replace(/\.\d+Z$/, 'Z');
  const leftMs = Math.max(0, Math.ceil((since + forMs + intervalMs - now) / 1000) * 1000);
  const parts = `its for of ${formatDuration(forMs)}, and its group every ${formatDuration(intervalMs)}`;
  return `${name} is pending: waiting until ${until}, in at most ${formatDuration(leftMs)} (${parts})`;
}

function named(all: readonly string[], separator: string): string {
  const more = all.length - maxNamed;
  return more > 0 ? `${all.slice(0, maxNamed).join(separator)} and ${more} more` : all.join(separator);
}
