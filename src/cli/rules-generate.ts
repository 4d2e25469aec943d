import { stringify } from 'yaml';
import { describeReadError } from '../config/settings/settings-file.ts';
import { showText } from '../config/settings/show-value.ts';
import { readRoutes } from '../routes/read-routes.ts';
import type { MetricsForm } from '../routes/route-queries.ts';
import { defaultSuccessAlert, routeRules } from '../routes/route-rules.ts';
import { serviceDestination, SpecError, type Destination, type RouteSet, type SpecFile } from '../routes/route.ts';
import { specBytes } from '../routes/spec-document.ts';
import { writeServiceProfile } from '../routes/write-service-profile.ts';
import { asConfigMap, asPrometheusRules, asRuleFile } from '../rules/rule-objects.ts';
import type { RuleFile } from '../rules/rule-files.ts';
import { readRegularFile } from '../runtime/regular-file.ts';
import { generateFlags } from './generate-flags.ts';
import { checkUsage, latencyNotes, sourceOf, thresholdsOf, type GenerateValues } from './generate-usage.ts';
import {
  CommandError,
  exitDone,
  plainCommand,
  UsageError,
  usageOf,
  type PlainCall,
  type Surroundings,
} from './command.ts';

/** The most notes that are shown. */
const maxNotes = 20;

/** `tocsin rules generate`: rules for each route of a service, or its ServiceProfile. */
export const rulesGenerate = plainCommand({ name: 'rules generate', flags: generateFlags, run });

async function run({ values, words, surroundings }: PlainCall<typeof generateFlags>): Promise<number> {
  if (words.length > 0) throw new UsageError(`rules generate: stray words, allowed: ${usageOf('rules generate')}`);
  const source = sourceOf(values);
  checkUsage(values, source.kind);
  const files = await Promise.all(source.paths.map(readSpecFile));
  try {
    const set = readRoutes(source.kind, files, {
      basePath: values.basePath,
      namesCount: values.metrics !== 'gateway' || values.emit === 'service-profile',
    });
    const text = values.emit === 'service-profile' ? profileText(set, values) : rulesText(set, values);
    surroundings.stdout.write(text);
    note([...set.notes, ...latencyNotes(values)], surroundings);
  } catch (error) {
    if (error instanceof SpecError) throw new CommandError(error.problems.join('\n'));
    throw error;
  }
  return exitDone;
}

async function readSpecFile(path: string): Promise<SpecFile> {
  const name = path === '-' ? '<stdin>' : path;
  try {
    const bytes = path === '-' ? await readStandardInput() : await readRegularFile(path, specBytes);
    return { name, text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch (error) {
    const isNoText = (error as NodeJS.ErrnoException).code === 'ERR_ENCODING_INVALID_ENCODED_DATA';
    const problem = isNoText ? 'is not UTF-8, so no text; is it the right file?' : describeReadError(error);
    throw new CommandError(`${showText(name)}: ${problem}`);
  }
}

async function readStandardInput(): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of process.stdin as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > specBytes) throw new CommandError(`<stdin>: has more than ${specBytes} bytes; is it the right file?`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function destinationOf(
  { destination }: RouteSet,
  { service, namespace = 'default', clusterDomain = 'cluster.local' }: GenerateValues,
): Destination {
  return destination ?? serviceDestination(service!, namespace, clusterDomain);
}

function profileText(set: RouteSet, values: GenerateValues): string {
  return writeServiceProfile(set, destinationOf(set, values), values.output === 'json' ? 'json' : 'yaml');
}

function rulesText(set: RouteSet, values: GenerateValues): string {
  const destination = destinationOf(set, values);
  const {
    metrics: form = 'linkerd',
    severity = 'warning',
    successAlert = defaultSuccessAlert,
    output = 'rules',
  } = values;
  const group = routeRules(set.routes, {
    form,
    destination,
    thresholds: thresholdsOf(values),
    pipeline: { type: values.pipelineType, name: values.pipelineName },
    severity,
    successAlert,
    runbookUrl: `${values.runbookUrl === undefined ? '' : `${values.runbookUrl}/`}docs/route-rules.md`,
  });
  if (output === 'json') return `${JSON.stringify({ groups: [group] }, null, 2)}\n`;
  const file = ruleFile(group, destination, form);
  const options = { namespace: values.objectNamespace, labels: Object.fromEntries(values.label ?? []) };
  if (output === 'configmap') return asConfigMap([file], options, file.name);
  return output === 'prometheusrule' ? asPrometheusRules([file], options) : asRuleFile([file]);
}

function ruleFile(group: object, { host, service, namespace }: Destination, form: MetricsForm): RuleFile {
  const name = service === undefined ? host : `${service}.${namespace}`;
  const metrics =
    form === 'linkerd' ? 'Needs its ServiceProfile' : 'Needs an HTTPRoute or GRPCRoute of that name for each route';
  return {
    name: `tocsin-routes-${name.replaceAll('.', '-')}`,
    header: `# The routes of ${name}, written by tocsin rules generate. ${metrics}.\n`,
    body: stringify({ groups: [group] }, { lineWidth: 0 }),
  };
}

function note(notes: readonly string[], { stderr }: Surroundings): void {
  for (const each of notes.slice(0, maxNotes)) stderr.write(`tocsin: ${each}\n`);
  if (notes.length > maxNotes) stderr.write(`tocsin: ${notes.length - maxNotes} more notes are not shown\n`);
}
