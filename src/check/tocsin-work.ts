import { formatDuration } from '../config/settings/duration.ts';
import type { Pipeline } from '../explain/schema.ts';
import type { Status } from '../explain/schema-status.ts';
import type { Chain } from './chain.ts';
import { ok, problem, type Check, type Outcome } from './check.ts';

/** How long a request may wait for a worker, and a run may take, seconds. A reconcile ends after half a minute. */
const maxWaitSeconds = 60;
/** The most names in one problem; the rest are counted. */
const maxNamed = 5;

/** Whether Tocsin does what it should with what came. */
export function work(chain: Chain): readonly Check[] {
  return [
    { id: 'tocsin-queue', description: 'its queue moves', retryable: true, run: () => queue(chain) },
    {
      id: 'tocsin-reconciles',
      description: 'the last run of each pipeline succeeded',
      retryable: true,
      run: () => reconciles(chain),
    },
    { id: 'tocsin-storage', description: 'its storage can be written', run: () => storage(chain) },
    { id: 'tocsin-history', description: 'its history is kept', warning: true, run: () => history(chain) },
  ];
}

async function queue(chain: Chain): Promise<Outcome> {
  const { queue: load, replica } = await chain.status();
  // What waits at a follower is not its to do.
  if (replica?.leading === false) return ok(`${load.waiting} requests wait in case that it leads`);
  const found = stuck(load);
  return found === undefined ? ok() : problem(found);
}

export function stuck({
  waiting,
  running,
  oldest_seconds: oldest = 0,
  longest_seconds: longest = 0,
}: Status['queue']): string | undefined {
  if (longest > maxWaitSeconds)
    return `a run has been running for ${Math.round(longest)} s: see reconcile.started in the log`;
  if (oldest <= maxWaitSeconds) return undefined;
  return `${waiting} requests wait, the oldest for ${Math.round(oldest)} s, while ${running} run: raise controller.max_concurrent_reconciles, or see what makes the runs long`;
}

async function reconciles(chain: Chain): Promise<Outcome> {
  const failed = failedRuns(await chain.pipelines());
  return failed === undefined ? ok() : chain.follows(failed);
}

export function failedRuns(pipelines: readonly Pipeline[]): readonly string[] | undefined {
  const failed = pipelines.filter(({ last_run: run }) => run?.outcome === 'failed');
  if (failed.length === 0) return undefined;
  const shown = failed
    .slice(0, maxNamed)
    .map(({ kind, name, last_run: run }) => `${kind}/${name}: ${run?.error ?? run?.because ?? 'no reason given'}`);
  const more = failed.length > maxNamed ? [`and ${failed.length - maxNamed} more`] : [];
  return ['the last run failed of', ...shown, ...more, 'tocsin why KIND/NAME says more'];
}

const storageRemedies: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: free space there, or give it a larger volume',
  EDQUOT: 'the quota is used up: free space there, or raise it',
  EROFS: 'the file system is read-only: mount a volume there that can be written',
  EACCES: 'Tocsin may not write there: give its user the folder',
  EPERM: 'Tocsin may not write there: give its user the folder',
  ENOENT: 'the folder is gone: restart Tocsin, or make it again',
};

async function storage(chain: Chain): Promise<Outcome> {
  const { path, error } = (await chain.status()).storage;
  if (error === undefined) return ok(`the storage is ${path}`);
  return problem(
    `nothing can be written to ${path} (${error}): ${storageRemedies[error] ?? 'see what its file system says'}`,
  );
}

async function history(chain: Chain): Promise<Outcome> {
  const { retention_seconds: seconds, lost } = (await chain.status()).history;
  if (seconds === 0) return ok('history.retention is 0s: nothing is kept');
  if (lost === 0) return ok(`facts are kept for ${formatDuration(seconds * 1000)}`);
  return problem(`${lost} facts were lost, or forgotten before their time, in the last hour: raise history.max_size`);
}
