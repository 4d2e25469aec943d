import { labelsOf, pipelineIn, textOf, transitionIn } from '../explain/fact-fields.ts';
import { Fact } from '../explain/schema.ts';
import { showLabels, showPipeline, showTransition } from '../explain/words.ts';
import { readName } from '../config/settings/value-readers.ts';
import { systemPause } from './wait.ts';
import { ApiError, type ApiClient } from './client.ts';
import { command, exitDone, readNumber, readText, UsageError, type Call } from './command.ts';
import { readEvents } from './events.ts';
import type { Colour, Output } from './output.ts';
import { matchersOf } from './what.ts';

/** Between two tries to follow again, milliseconds. */
const retryMs = 1000;

const flags = {
  filter: {
    name: 'filter',
    placeholder: 'MATCHER',
    read: readText,
    isList: true,
    help: 'Facts about alerts like that alone; may be given more than once.',
    unit: 'as in amtool, severity="critical"',
    otherwise: 'all facts',
  },
  pipeline: {
    name: 'pipeline',
    placeholder: 'KIND/NAME',
    read: readText,
    help: 'Facts about this pipeline alone.',
    unit: 'KIND/NAME or KIND/NAMESPACE/NAME',
    otherwise: 'all facts',
  },
  event: {
    name: 'event',
    placeholder: 'EVENT',
    read: readName,
    help: 'Lines of this name alone.',
    unit: 'event of docs/log.md, such as condition.changed',
    otherwise: 'all facts',
  },
  limit: {
    name: 'limit',
    placeholder: 'N',
    read: readNumber,
    help: 'End after so many.',
    unit: 'number',
    otherwise: 'goes on until it is interrupted',
  },
} as const;

/** `tocsin tail`: follows the facts, a line each. */
export const tail = command({ name: 'tail', flags, run: follow });

async function follow({ values, words, api, output, surroundings }: Call<typeof flags>): Promise<number> {
  if (words.length > 0) throw new UsageError(`tail: stray ${JSON.stringify(words[0])}, allowed: --filter=MATCHER`);
  const { pipeline, event, limit = Number.POSITIVE_INFINITY } = values;
  const query = { filter: matchersOf(values.filter ?? []), pipeline, event };
  let lastId: string | undefined;
  let told = 0;
  for (;;) {
    try {
      for await (const { id, event: kind, data } of await open(api, query, lastId)) {
        lastId = id ?? lastId;
        if (kind === 'gap') surroundings.stderr.write('tocsin: facts were forgotten before they could be followed\n');
        else if (data !== '' && (await tell(output, api.read(Fact, data)), ++told >= limit)) return exitDone;
      }
    } catch (error) {
      // What fails at the start, or is refused, fails again.
      if (!(error instanceof ApiError) || lastId === undefined || error.status !== undefined) throw error;
    }
    surroundings.stderr.write(`tocsin: ${api.shownUrl} ended the connection: trying again\n`);
    await systemPause(surroundings.clock, retryMs);
  }
}

async function open(
  api: ApiClient,
  query: Parameters<ApiClient['open']>[1],
  lastId: string | undefined,
): Promise<ReturnType<typeof readEvents>> {
  const headers = { Accept: 'text/event-stream', ...(lastId !== undefined && { 'Last-Event-ID': lastId }) };
  return readEvents(await api.open('/live', query, headers));
}

const colours: Readonly<Record<string, Colour>> = { debug: 'dim', warn: 'yellow', error: 'red' };

async function tell(output: Output, fact: Fact): Promise<void> {
  if (await output.item(fact)) return;
  const pipeline = pipelineIn(fact);
  const object = pipeline === undefined ? '' : showPipeline(pipeline);
  const subject = isOfTrigger(fact) ? `${textOf(fact['trigger'])}${object && `  ${object}`}` : object;
  // What is wrong with a trigger says more than that something is.
  const message = (isOfTrigger(fact) ? textOf(fact['problem']) : undefined) ?? fact.msg;
  output.heading([
    [fact.time.slice(11, 23), 'dim'],
    [`  ${fact.event.padEnd(19)}`, colours[fact.level] ?? 'bold'],
    [
      `  ${[subject, fact.event === 'condition.changed' ? '' : message, ...details(fact, output.isWide)].filter(Boolean).join('  ')}`,
    ],
  ]);
}

/** Told at the beginning of the line, or of use to the program alone. */
const toldBefore = new Set('id time level event msg kind group namespace name verdicts labels alertname'.split(' '));
/** Of use to whoever searches; a line has room for what happened alone. */
const forWide = new Set(
  'run causes_id event_ids request_ids priority type user_agent bytes remote edge select decided_by query_id alerts'.split(
    ' ',
  ),
);
/** Told at the beginning of a line about a trigger; of other lines, the field says what woke somebody. */
const ofTrigger = new Set(['trigger', 'problem']);

function isOfTrigger(fact: Fact): boolean {
  return fact.event.startsWith('trigger.') && typeof fact['trigger'] === 'string';
}

const transition = new Set('type from to from_reason reason message'.split(' '));

function details(fact: Fact, isWide: boolean): readonly string[] {
  const change = transitionIn(fact);
  const labels = labelsOf(fact['labels']);
  const isTold = (name: string): boolean =>
    !toldBefore.has(name) &&
    !(isOfTrigger(fact) && ofTrigger.has(name)) &&
    (isWide || !forWide.has(name)) &&
    !(change !== undefined && transition.has(name));
  const rest = Object.entries(fact).filter(([name]) => isTold(name));
  return [
    change === undefined ? '' : showTransition(change),
    textOf(fact['alertname']) ?? '',
    labels === undefined ? '' : showLabels(labels),
    rest.map(([name, value]) => `${name}=${valueText(value)}`).join(' '),
  ];
}

function valueText(value: unknown): string {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value.join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
