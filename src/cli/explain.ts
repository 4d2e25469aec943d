import { text } from 'node:stream/consumers';
import { Explanation, type Prediction } from '../explain/schema-requests.ts';
import { showAlert, showLabels, showPipeline } from '../explain/words.ts';
import { describeReadError } from '../config/settings/settings-file.ts';
import { showText } from '../config/settings/show-value.ts';
import { readPath } from '../config/settings/value-readers.ts';
import { configurationFileBytes, readRegularFile } from '../runtime/regular-file.ts';
import { command, CommandError, exitDone, exitFailed, readSince, UsageError, usageOf, type Call } from './command.ts';
import { readLabels, showTime } from './names.ts';
import type { Output } from './output.ts';

const flags = {
  file: {
    name: 'file',
    placeholder: 'FILE',
    read: readPath,
    help: "Postable alerts, or the payload of an Alertmanager's webhook; - is the standard input.",
    unit: 'path of a file of JSON',
    otherwise: 'the labels that are given',
  },
  since: {
    name: 'since',
    placeholder: 'AGO',
    read: readSince,
    help: 'What the alerts since then would have done under the configuration of --config.file.',
    unit: 'duration or time',
    otherwise: 'the labels that are given',
  },
  configFile: {
    name: 'config.file',
    placeholder: 'FILE',
    read: readPath,
    help: 'The other configuration; goes with --since.',
    unit: 'path',
    otherwise: 'none',
  },
} as const;

/** `tocsin explain`: what an alert would do. Changes nothing. */
export const explain = command({ name: 'explain', flags, run: predict });

async function predict(call: Call<typeof flags>): Promise<number> {
  const { values, words, api, output } = call;
  const { file, since, configFile } = values;
  const ways = [words.length > 0 && 'labels', file && '--file', since && '--since'].filter(Boolean);
  if (ways.length !== 1)
    throw new UsageError(
      `explain: ${ways.length === 0 ? 'no alert' : ways.join(' and ')}, allowed: ${usageOf('explain')}`,
    );
  if ((since === undefined) !== (configFile === undefined))
    throw new UsageError(
      'explain: --since and --config.file go together, allowed: both, as in --since=24h --config.file=new.yml',
    );
  if (since !== undefined && configFile !== undefined) {
    const { compareHistory } = await import('./explain-history.ts');
    return compareHistory({ api, output, since, configFile });
  }
  const payload = file === undefined ? [{ labels: readLabels(words) }] : await readPayload(file);
  const { items } = await api.post(Explanation, '/explain', payload);
  const code = items.some(({ wakes }) => wakes) ? exitDone : exitFailed;
  if (await output.object({ items })) return code;
  for (const item of items) tell(output, item);
  if (items.length === 0) output.line('No alert is in it.');
  return code;
}

async function readPayload(file: string): Promise<unknown> {
  const shown = file === '-' ? 'standard input' : showText(file);
  let found: string;
  try {
    found = file === '-' ? await text(process.stdin) : (await readRegularFile(file, configurationFileBytes)).toString();
  } catch (error) {
    throw new CommandError(`--file: ${shown}: ${describeReadError(error)}`);
  }
  try {
    return JSON.parse(found);
  } catch (error) {
    throw new CommandError(`--file: ${shown}: no JSON: ${(error as Error).message}`);
  }
}

function tell(output: Output, prediction: Prediction): void {
  const { alert, valid, wakes, because, merges_with: stored, silenced_by: silences, pipelines } = prediction;
  const { more_pipelines: more } = prediction;
  output.heading(
    [
      [alert.alertname, 'bold'],
      [alert.status === undefined ? '' : `  ${alert.status}`],
      [
        wakes ? '  would arrive and wake' : valid ? '  would wake nobody' : '  would be refused',
        wakes ? 'green' : 'red',
      ],
    ],
    showLabels(alert.labels),
  );
  output.rows([
    ['because', because],
    ['merges with', stored && `${showAlert(stored)}, which is stored as ${stored.status}`],
    ...silences.map(
      ({ id, created_by: author, comment, ends_at: end }) =>
        ['silenced by', `silence ${id} of ${author}: ${comment} (ends ${showTime(end)})`] as const,
    ),
  ]);
  for (const [line, indent] of triggerLines(prediction)) output.line(line, indent);
  output.table([...pipelines.map(rowOf), ...(more > 0 ? [[`and ${more} more`, '']] : [])]);
  output.line();
}

/** The most objects of a target that are named, and the most triggers that do not match. */
const shownObjects = 5;
const shownOthers = 10;

type Line = readonly [text: string, indent: number];

function triggerLines({ triggers, more_triggers: more }: Prediction): readonly Line[] {
  const matching = triggers.filter(({ matches }) => matches);
  const others = triggers.filter(({ matches }) => !matches);
  const left = Math.max(0, others.length - shownOthers) + more;
  return [
    ...matching.flatMap(matchingLines),
    ...others
      .slice(0, shownOthers)
      .map(({ key, failed_matcher: failed }): Line => [`${key}: does not match, because of ${failed}`, 2]),
    ...(left > 0 ? [[`and ${left} more triggers`, 2] as const] : []),
  ];
}

function matchingLines({ key, action, held, because, targets }: Triggered): readonly Line[] {
  const would = held === undefined ? `would ${action}` : `would ${action}, but ${because}`;
  return [[`${key}: matches, and ${would}`, 2], ...targets.map((target): Line => [targetText(target), 6])];
}

function targetText({
  target,
  objects,
  more_objects: more,
  problem,
  throttled,
  throttled_until: until,
}: Targeted): string {
  if (problem !== undefined) return `${target}: ${problem}`;
  const names = objects.slice(0, shownObjects).map(showPipeline);
  const left = objects.length - names.length + more;
  const found = [...names, ...(left > 0 ? [`${left} more`] : [])].join(', ') || 'no object';
  const waits = throttled === undefined ? '' : `; ${throttled} wait, the first until ${showTime(until ?? '')}`;
  return `${target}: ${found}${waits}`;
}

type Triggered = Prediction['triggers'][number];
type Targeted = Triggered['targets'][number];

function rowOf({ pipeline, condition, if_firing: then, as_prometheus_is: now, error }: Predicted): readonly string[] {
  const is = conditionText(condition) ?? 'no condition yet';
  const wouldBe = conditionText(then ?? now);
  const change = wouldBe === undefined ? is : wouldBe === is ? `stays ${is}` : `${is} → ${wouldBe}`;
  const pulled = conditionText(now);
  const unless = pulled === undefined || pulled === wouldBe ? '' : `, once Prometheus reports it; now ${pulled}`;
  return [showPipeline(pipeline), `${change}${unless}${error === undefined ? '' : `: ${error}`}`];
}

type Predicted = Prediction['pipelines'][number];

function conditionText(condition: Predicted['condition']): string | undefined {
  return condition && `${condition.status} ${condition.reason}`;
}
