import { buffer } from 'node:stream/consumers';
import { loadConfig } from '../config/load-config.ts';
import { describeReadError } from '../config/settings/settings-file.ts';
import type { Reader } from '../config/settings/reader.ts';
import { showText } from '../config/settings/show-value.ts';
import { readChoice, readPath } from '../config/settings/value-readers.ts';
import type { TriggersConfig } from '../config/triggers-section.ts';
import { parseMatchers } from '../matcher/parse-matcher.ts';
import { configurationFileBytes, readRegularFile, readRegularFileSync } from '../runtime/regular-file.ts';
import type { ResolvedTarget, Unresolved } from '../trigger/choose.ts';
import { refusedReach } from '../trigger/reach.ts';
import type { TemplateData, Trigger } from '../trigger/trigger.ts';
import { targetText, whyNot } from '../trigger/why-not.ts';
import { CommandError, exitDone, exitFailed, plainCommand, UsageError, usageOf, type PlainCall } from './command.ts';
import { readNamespace } from './rules-print.ts';
import {
  readTriggerFile,
  type FileContext,
  type FileProblem,
  type FoundTrigger,
  type TriggerFile,
} from './trigger-file.ts';

type Labels = Readonly<Record<string, string>>;

/** `alertname=X,namespace=shop`, or the name of an alert alone. */
const readAlert: Reader<Labels> = (found) => {
  const allowed = 'labels, as in alertname=PostgresDown,namespace=shop';
  const text = String(found);
  if (/^[\w:.-]+$/.test(text)) return { value: { alertname: text } };
  try {
    const matchers = parseMatchers(text);
    const isSet = matchers.length > 0 && matchers.every(({ type }) => type === '=');
    return isSet ? { value: Object.fromEntries(matchers.map(({ name, value }) => [name, value])) } : { allowed };
  } catch (error) {
    return { allowed: `${allowed} (${(error as Error).message})` };
  }
};

const flags = {
  file: {
    name: 'file',
    short: 'f',
    placeholder: 'FILE',
    read: readPath,
    isList: true,
    help: 'AlertTriggers and ClusterAlertTriggers, or a configuration of Tocsin; may be given more than once.',
    unit: 'path of a YAML file',
  },
  alert: {
    name: 'alert',
    placeholder: 'LABELS',
    read: readAlert,
    isList: true,
    help: 'The labels of an alert that would fire; may be given more than once.',
    unit: 'NAME=VALUE,...',
    otherwise: 'none, so only the triggers are checked',
  },
  configFile: {
    name: 'config.file',
    placeholder: 'FILE',
    read: readPath,
    help: 'The configuration of Tocsin, for the limits and rights that the admin has set.',
    unit: 'path',
    otherwise: 'none, every key has its default',
  },
  namespace: {
    name: 'namespace',
    short: 'n',
    placeholder: 'NAMESPACE',
    read: readNamespace,
    help: 'The namespace of an AlertTrigger that names none.',
    unit: 'name',
    default: 'default',
  },
  output: {
    name: 'output',
    short: 'o',
    placeholder: 'FORMAT',
    read: readChoice(['text', 'json']),
    help: 'How to show the answer.',
    unit: 'text, json',
    default: 'text',
  },
} as const;

/** `tocsin trigger test`: what triggers would do with alerts, before they are applied. Asks nobody. */
export const triggerTest = plainCommand({ name: 'trigger test', flags, run });

async function run({ values, words, surroundings }: PlainCall<typeof flags>): Promise<number> {
  const usage = usageOf('trigger test');
  if (words.length > 0) throw new UsageError(`trigger test: stray words, allowed: ${usage}`);
  if (values.file === undefined) throw new UsageError(`trigger test: no --file, allowed: ${usage}`);
  const context = fileContext(values.configFile, values.namespace ?? 'default');
  const { admin } = context;
  const files: TriggerFile[] = [];
  for (const file of values.file) files.push(readTriggerFile(file, await readFileText(file), context));
  const problems = files.flatMap((file) => file.problems);
  const triggers = files.flatMap((file) => file.triggers);
  const now = surroundings.clock.now();
  const tested = (values.alert ?? []).map((labels) => ({
    labels,
    triggers: triggers.map((each) => testTrigger(each, { labels, annotations: {}, now }, admin)),
  }));
  const json = { problems, alerts: tested };
  const shown = values.output === 'json' ? `${JSON.stringify(json, null, 2)}\n` : textOf(files, tested);
  surroundings.stdout.write(shown);
  return problems.length > 0 ? exitFailed : exitDone;
}

/** As in the answer of `explain`. */
interface TestedTrigger {
  readonly name: string;
  readonly namespace?: string;
  readonly matches: boolean;
  readonly failed_matcher?: string;
  readonly targets: readonly string[];
  readonly action?: string;
  /** Why it would do nothing for now. */
  readonly held?: string;
  readonly notes: readonly string[];
}

function testTrigger({ trigger, notes }: FoundTrigger, alert: TemplateData, admin: TriggersConfig): TestedTrigger {
  const { key: name, namespace } = trigger;
  const named = { name, ...(namespace !== undefined && { namespace }) };
  const verdict = whyNot(trigger, alert, alert.now);
  if (!verdict.matches) return { ...named, matches: false, failed_matcher: verdict.failedMatcher, targets: [], notes };
  const { targets, action, held } = verdict;
  const shown = targets.map((target) => `${targetText(target)}${reachText(trigger, target, admin)}`);
  return { ...named, matches: true, targets: shown, action, ...(held !== undefined && { held }), notes };
}

/** What can be said without the object: its labels may still grant it. */
function reachText(trigger: Trigger, target: ResolvedTarget | Unresolved, admin: TriggersConfig): string {
  if (target.by !== 'name') return '';
  const refused = refusedReach(trigger, target, admin.allowed_targets);
  return refused === undefined ? '' : `: ${refused}`;
}

function textOf(
  files: readonly TriggerFile[],
  tested: readonly { labels: Labels; triggers: readonly TestedTrigger[] }[],
): string {
  const problems = files.flatMap((file) => file.problems).map(problemText);
  const good = files
    .flatMap((file) => file.triggers)
    .flatMap(({ trigger, notes }) => [`${trigger.key}: good`, ...notes.map((note) => `  ${note}`)]);
  const alerts = tested.flatMap(({ labels, triggers }) => ['', alertText(labels), ...triggers.flatMap(triggerLines)]);
  return `${[...problems, ...good, ...alerts].map(showText).join('\n')}\n`;
}

/** One line for a person: place, trigger, path, what is wrong. */
export function problemText({ file, line, column, trigger, path, message }: FileProblem): string {
  const place = line === undefined ? file : `${file}:${line}:${column}`;
  return [place, trigger, path, message].filter((part) => part !== undefined).join(': ');
}

function alertText(labels: Labels): string {
  return `{${Object.entries(labels)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(', ')}}`;
}

function triggerLines({
  name,
  matches,
  failed_matcher: failed,
  targets,
  action,
  held,
}: TestedTrigger): readonly string[] {
  if (!matches) return [`  ${name}: does not match, because of ${failed}`];
  const would = held === undefined ? `matches, and would ${action}` : `matches, and is ${held}; it would ${action}`;
  return [`  ${name}: ${would}`, ...targets.map((target) => `    ${target}`)];
}

/** What a file of triggers is read with. @param namespace of an AlertTrigger that names none */
export function fileContext(configFile: string | undefined, namespace: string): FileContext {
  return { admin: adminConfig(configFile), namespace, readConfig };
}

function adminConfig(file: string | undefined): TriggersConfig {
  const read = readConfig(file);
  if ('problems' in read) throw new CommandError(read.problems.join('\n'));
  return read.triggers;
}

function readConfig(file: string | undefined): { triggers: TriggersConfig } | { problems: readonly string[] } {
  const read = loadConfig({ configFile: file }, (path) =>
    readRegularFileSync(path, configurationFileBytes).toString('utf8'),
  );
  return 'problems' in read ? read : read.config;
}

/** Rejects with CommandError. `-` is standard input. */
export async function readFileText(file: string): Promise<string> {
  try {
    const bytes = file === '-' ? await buffer(process.stdin) : await readRegularFile(file, configurationFileBytes);
    return bytes.toString('utf8');
  } catch (error) {
    throw new CommandError(`--file: ${file === '-' ? 'standard input' : showText(file)}: ${describeReadError(error)}`);
  }
}
