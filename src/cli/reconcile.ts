import type { Fact, Run } from '../explain/schema.ts';
import { Facts, ReconcileAnswer, Runs } from '../explain/schema-requests.ts';
import { pipelinePath, showBecause, showPipeline, showTransition } from '../explain/words.ts';
import { readDuration } from '../config/settings/value-readers.ts';
import type { ApiClient } from './client.ts';
import { command, CommandError, exitDone, exitFailed, UsageError, usageOf, type Call } from './command.ts';
import { readPipelineName } from './names.ts';
import { waitFor } from './wait.ts';

/** How many runs of a pipeline are searched for the one that the event woke. */
const searchedRuns = 20;

const flags = {
  all: { name: 'all', help: 'Every pipeline.' },
  timeout: {
    name: 'timeout',
    placeholder: 'DURATION',
    read: readDuration('1s', '1h'),
    help: 'How long to wait for the result.',
    unit: 'duration',
    default: '1m',
  },
} as const;

const defaultTimeoutMs = 60_000;

/** `tocsin reconcile`: has pipelines looked at now, and waits for what comes of it. */
export const reconcile = command({ name: 'reconcile', flags, run: reconcileNow });

async function reconcileNow({ values, words, api, output, surroundings }: Call<typeof flags>): Promise<number> {
  const { all, timeout = defaultTimeoutMs } = values;
  if ((all === true) === words.length > 0)
    throw new UsageError(
      `reconcile: ${all ? 'both --all and a pipeline' : 'no pipeline'}, allowed: ${usageOf('reconcile')}`,
    );
  const wanted = all === true ? { all } : { pipelines: words.map(readPipelineName) };
  const answer = await api.post(ReconcileAnswer, '/reconcile', wanted);
  if (answer.pipelines.length === 0) throw new CommandError(`${api.shownUrl} has no pipelines: there is nothing to do`);
  const end = await waitFor(surroundings.clock, timeout, () => endOf(api, answer.event_id));
  const items = await runsOf(api, answer);
  const isGood = end !== undefined && items.every(({ outcome }) => outcome !== 'failed' && outcome !== 'cancelled');
  const code = isGood ? exitDone : exitFailed;
  if (!(await output.object({ items }))) output.table(items.map(runRow), 0);
  if (end !== undefined) return code;
  const kept = await nothingKept(api);
  if (kept !== undefined) throw new CommandError(`event ${answer.event_id}: ${kept}; see the log`);
  throw new CommandError(
    `event ${answer.event_id} has not ended within ${timeout / 1000}s; ask later: tocsin why ${showPipeline(answer.pipelines[0]!)}`,
  );
}

/** The line that says that everything that an event woke is done. */
export async function endOf(api: ApiClient, eventId: string): Promise<Fact | undefined> {
  const query = { event: 'sweep.finished', event_id: eventId, limit: 1 };
  return (await api.get(Facts, '/history', query)).items[0];
}

/** What to say where nothing was found because nothing is kept; undefined if something is: the start is a fact, too. */
export async function nothingKept(api: ApiClient): Promise<string | undefined> {
  const { items } = await api.get(Facts, '/history', { limit: 1 });
  return items.length === 0
    ? 'Tocsin keeps no history (history.retention), so nobody can say what came of it'
    : undefined;
}

async function runsOf(api: ApiClient, { event_id: eventId, pipelines }: ReconcileAnswer): Promise<readonly Run[]> {
  const found: Run[] = [];
  for (const pipeline of pipelines)
    for await (const run of api.items(Runs, pipelinePath(pipeline), {}, searchedRuns))
      if (run.event_ids.includes(eventId)) {
        found.push(run);
        break;
      }
  return found;
}

/** A run in one line. */
export function runRow(run: Run): readonly string[] {
  const { pipeline, id, outcome, transition, error } = run;
  const reason = run.because === 'unchanged' ? undefined : showBecause(run);
  const why = transition === undefined ? reason : showTransition(transition);
  const said = error ?? why;
  return [showPipeline(pipeline), `run ${id}`, said === undefined ? outcome : `${outcome}: ${said}`];
}
