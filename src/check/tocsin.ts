import { formatDuration } from '../config/settings/duration.ts';
import { ofEach, type Chain } from './chain.ts';
import { ok, problem, skipped, type Category, type Check, type Outcome } from './check.ts';
import type { Status } from '../explain/schema-status.ts';
import { clockSkew, maxClockSkewMs, skewText } from './prometheus.ts';
import { instancesOf, targetsOf } from './targets.ts';
import { intake } from './tocsin-intake.ts';
import { work } from './tocsin-work.ts';

/** Whether Tocsin takes what comes, and does what it should with it. */
export function tocsin(chain: Chain): Category {
  return {
    name: 'tocsin',
    needs: [],
    whyNot: () =>
      chain.source.tocsin === undefined ? 'no Tocsin is asked: give --url, as that of kubectl port-forward' : undefined,
    checks: [...alive(chain), ...identity(chain), ...intake(chain), ...work(chain)],
  };
}

function alive(chain: Chain): readonly Check[] {
  return [
    {
      id: 'tocsin-healthy',
      description: 'Tocsin listens',
      fatal: true,
      retryable: true,
      surfacesProblem: true,
      run: () => healthy(chain),
    },
    {
      id: 'tocsin-ready',
      description: 'it is ready',
      fatal: true,
      retryable: true,
      surfacesProblem: true,
      run: () => ready(chain),
    },
    {
      id: 'tocsin-status',
      description: 'it tells what it is',
      fatal: true,
      run: ({ signal }) => tells(chain, signal),
    },
  ];
}

function identity(chain: Chain): readonly Check[] {
  return [
    {
      id: 'tocsin-version',
      description: 'its version is that of this check',
      warning: true,
      run: () => sameVersion(chain),
    },
    {
      id: 'tocsin-clock',
      description: 'its clock agrees with the one here',
      run: ({ clock }) => clockAgrees(chain, () => clock.now()),
    },
    {
      id: 'tocsin-process',
      description: 'it is the process that Prometheus sends to',
      run: ({ signal }) => sameProcess(chain, signal),
    },
    {
      id: 'tocsin-configuration',
      description: 'it runs with the configuration of its file',
      run: async () => {
        const { configuration } = await chain.status();
        const found = configurationProblem(configuration);
        return found === undefined ? ok(...configurationTold(configuration)) : problem(found);
      },
    },
  ];
}

async function healthy(chain: Chain): Promise<Outcome> {
  const { tocsin: api, isSilent } = chain;
  const { status } = await api.send('GET', '/-/healthy');
  if (status !== 200) return problem(`${api.shownUrl}/-/healthy answers ${status}: ${unhealthyRemedy(status)}`);
  if (!isSilent) return ok();
  return problem(
    `Tocsin at ${api.shownUrl} answers only now: what only it knows of the hops before it was not checked; run tocsin check again`,
  );
}

function unhealthyRemedy(status: number): string {
  if (status === 401 || status === 403) return 'give name and password, or a token, with --http.config.file';
  if (status >= 500)
    return 'a proxy stands before it that does not reach it: is Tocsin running, and is its Service right?';
  return 'is it a Tocsin, and does --url have its route prefix? Correct --url';
}

async function ready({ tocsin: api }: Chain): Promise<Outcome> {
  const { status, body } = await api.send('GET', '/-/ready');
  const said = body.toString().trim().split('\n')[0] ?? '';
  return status === 200 ? ok() : problem(`${api.shownUrl}/-/ready answers ${status}: ${said}`);
}

async function tells(chain: Chain, signal: AbortSignal): Promise<Outcome> {
  try {
    const { version, instance, started_at } = await chain.status();
    return ok(`Tocsin ${version}, instance ${instance}, started at ${started_at}`);
  } catch (error) {
    const found = await chain.source.probe(chain.source.tocsinUrl, signal);
    if (found.is !== 'alertmanager' && found.is !== 'prometheus') throw error;
    const what = found.is === 'alertmanager' ? 'an Alertmanager' : 'a Prometheus';
    return problem(
      `${chain.tocsin.shownUrl} is ${what}, not Tocsin: give the address of Tocsin with --url or $TOCSIN_URL`,
    );
  }
}

async function sameVersion(chain: Chain): Promise<Outcome> {
  const { version: running } = await chain.status();
  const { version: own } = chain.source;
  return running === own
    ? ok()
    : problem(`Tocsin ${running} runs, and this check is of ${own}: use the tocsin of its version`);
}

async function clockAgrees(chain: Chain, now: () => number): Promise<Outcome> {
  const before = now();
  const theirs = Date.parse((await chain.status()).time);
  const after = now();
  const skew = clockSkew(before, theirs, after);
  if (Math.abs(skew) <= maxClockSkewMs) return ok(`its clock ${skewText(skew)}`);
  return problem(
    `the clock of Tocsin ${skewText(skew)}; allowed are ${formatDuration(maxClockSkewMs)}: synchronise both clocks (NTP)`,
  );
}

async function sameProcess(chain: Chain, signal: AbortSignal): Promise<Outcome> {
  if ((await chain.servers()).length === 0) return skipped('there is no Prometheus to ask');
  const instances = instancesOf(await chain.status());
  const others: string[] = [];
  const mine: string[] = [];
  await ofEach(chain, async (server) => {
    const targets = await targetsOf(chain, server, signal).catch(() => undefined);
    for (const [url, found] of targets?.probes ?? [])
      if (found.is === 'tocsin') (instances.includes(found.instance) ? mine : others).push(url);
    return undefined;
  });
  if (mine.length > 0) return ok(`Prometheus sends to it as ${mine.join(', ')}`);
  if (others.length === 0) return skipped('from here, no Tocsin can be asked where Prometheus sends its alerts');
  return chain.follows(
    `Prometheus sends to another Tocsin, ${others.join(', ')}, than the one at ${chain.tocsin.shownUrl}: is an old process still running, or does --url lead to another one?`,
    'delivery',
  );
}

/** Where the configuration came from, and when. */
function configurationTold({ file, loaded_at: at, sha256, file_modified_at: modified }: Configuration): string[] {
  const loaded = `${file ?? 'it runs without a configuration file'}, loaded ${at}, SHA-256 ${sha256}`;
  return modified === undefined ? [loaded] : [loaded, `${file} was modified ${modified}`];
}

type Configuration = Status['configuration'];

/** Why what runs is not what somebody has written: then the values that were edited are not those that count. */
export function configurationProblem(running: Configuration): string | undefined {
  const { file = 'FILE', loaded_at: at, sha256, file_sha256: now, file_error: error, refused } = running;
  const runs = `Tocsin runs with what it loaded at ${at}`;
  if (refused)
    return `the configuration was refused at the last reload, and ${runs}: tocsin check-config ${file} says what is wrong`;
  if (error !== undefined) return `${file} cannot be read any more (${error}), and ${runs}`;
  if (now === undefined || now === sha256) return undefined;
  return `${file} has changed (SHA-256 ${now.slice(0, 12)}…), and ${runs} (${sha256.slice(0, 12)}…): reload it (SIGHUP, POST /-/reload)`;
}
