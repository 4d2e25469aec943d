import { formatDuration } from '../config/settings/duration.ts';
import { ok, problem, type Category, type Check, type Outcome } from './check.ts';
import { ofEach, type Chain } from './chain.ts';
import type { InspectedServer, ServerFlags } from '../reconcile/server-inspection.ts';

/** The oldest version that Tocsin is tested with. */
const oldestVersion = [2, 42] as const;

/** How far the clocks may differ, milliseconds. Prometheus says when an alert ends, and Tocsin counts by its own clock. */
export const maxClockSkewMs = 10_000;

/** Whether Prometheus can be asked at all, and is a Prometheus that alerts. */
export function prometheus(chain: Chain): Category {
  return {
    name: 'prometheus',
    needs: [],
    awaits: () => chain.silence(),
    whyNot: async () => {
      if ((await chain.servers()).length > 0) return undefined;
      return chain.source.tocsin !== undefined && (await chain.knownStatus()) === undefined
        ? 'which Prometheus there is only Tocsin knows, and it does not tell: mend that, or give --prometheus.url'
        : 'no prometheus.url, and no --prometheus.url';
    },
    checks: [...whetherItAlerts(chain), ...howItRuns(chain)],
  };
}

function whetherItAlerts(chain: Chain): readonly Check[] {
  return [
    {
      id: 'prom-reachable',
      description: 'Prometheus can be asked',
      fatal: true,
      retryable: true,
      surfacesProblem: true,
      run: ({ signal }) => reachable(chain, signal),
    },
    {
      id: 'prom-kind',
      description: 'it is a Prometheus that evaluates alerting rules',
      fatal: true,
      run: ({ signal }) => kind(chain, signal),
    },
  ];
}

function howItRuns(chain: Chain): readonly Check[] {
  return [
    {
      id: 'prom-version',
      description: `its version is supported (${oldestVersion.join('.')} or newer)`,
      warning: true,
      run: ({ signal }) => version(chain, signal),
    },
    {
      id: 'prom-clock',
      description: 'its clock agrees with the one here',
      run: ({ signal, clock }) => clockAgrees(chain, () => clock.now(), signal),
    },
    {
      id: 'prom-flags',
      description: 'it runs with the paths that somebody chose',
      warning: true,
      run: ({ signal }) => paths(chain, signal),
    },
  ];
}

async function reachable(chain: Chain, signal: AbortSignal): Promise<Outcome> {
  const told: string[] = [];
  const ask = async (server: InspectedServer): Promise<string | undefined> => {
    try {
      told.push(`${server.address} is Prometheus ${await server.version(signal)}`);
      chain.setReachable(server, true);
      return undefined;
    } catch (error) {
      chain.setReachable(server, false);
      return (error as Error).message;
    }
  };
  const failed = await ofEach(chain, ask, chain.servers());
  if (failed !== undefined) return chain.breaks('prometheus', failed);
  chain.mends('prometheus');
  return ok(...told);
}

async function kind(chain: Chain, signal: AbortSignal): Promise<Outcome> {
  const found = await ofEach(chain, async (server) => {
    let refusal = '';
    const flags = await server.flags(signal).catch((error: unknown) => {
      refusal = ` (${(error as Error).message})`;
      return {};
    });
    const why = notAlerting(flags);
    return why === undefined ? undefined : `${server.address} ${why}${refusal}`;
  });
  return found === undefined ? ok() : chain.breaks('prometheus', found);
}

/** Why the server with these flags evaluates no alerting rules; undefined if it does. */
export function notAlerting(flags: ServerFlags): string | undefined {
  if (flags['agent'] === 'true' || flags['enable-feature']?.split(',').includes('agent'))
    return 'is a Prometheus in agent mode, which has no rules and sends no alerts: ask the server to which it writes';
  if (flags['config.file'] === undefined)
    return 'does not tell the flags of a Prometheus: is it a Thanos Query, a Mimir, or another server with the same API? Ask each Prometheus behind it';
  return undefined;
}

async function version(chain: Chain, signal: AbortSignal): Promise<Outcome> {
  const found = await ofEach(chain, async (server) => {
    const running = await server.version(signal);
    return isSupported(running)
      ? undefined
      : `Prometheus ${running} at ${server.address} is older than ${oldestVersion.join('.')}, and not tested: update it`;
  });
  return found === undefined ? ok() : problem(found);
}

/** A text that is no version counts as supported: who builds Prometheus may write anything. */
export function isSupported(text: string): boolean {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(text)?.map(Number) ?? [];
  if (major === undefined || minor === undefined) return true;
  return major > oldestVersion[0] || (major === oldestVersion[0] && minor >= oldestVersion[1]);
}

async function clockAgrees(chain: Chain, now: () => number, signal: AbortSignal): Promise<Outcome> {
  const told: string[] = [];
  const found = await ofEach(chain, async (server) => {
    const [before, theirs, after] = [now(), await server.time(signal), now()];
    const skew = clockSkew(before, theirs, after);
    told.push(`the clock of ${server.address} ${skewText(skew)}`);
    return Math.abs(skew) > maxClockSkewMs
      ? `the clock of Prometheus at ${server.address} ${skewText(skew)}; allowed are ${formatDuration(maxClockSkewMs)}: synchronise both clocks (NTP)`
      : undefined;
  });
  return found === undefined ? ok(...told) : problem(found);
}

/** How far a clock is ahead that was read between two times, milliseconds; 0 if it may be right. */
export function clockSkew(before: number, theirs: number, after: number): number {
  if (theirs < before) return theirs - before;
  return theirs > after ? theirs - after : 0;
}

export function skewText(skewMs: number): string {
  const shown = `${(Math.abs(skewMs) / 1000).toFixed(1)} s`;
  if (Math.abs(skewMs) < 100) return 'agrees';
  return skewMs > 0 ? `is ${shown} ahead` : `is ${shown} behind`;
}

async function paths(chain: Chain, signal: AbortSignal): Promise<Outcome> {
  const told: string[] = [];
  const found = await ofEach(chain, async (server) => {
    const all = await server.flags(signal);
    const shown = (['config.file', 'storage.tsdb.path'] as const).map((name) => `${name}=${all[name] ?? '?'}`);
    told.push(`${server.address} runs with ${shown.join(', ')}`);
    const defaults = pathsNobodyChose(all);
    return defaults.length === 0
      ? undefined
      : `Prometheus at ${server.address} runs with ${defaults.join(' and ')}, relative to wherever it was started: are the values of its chart under keys that the chart knows?`;
  });
  return found === undefined ? ok(...told) : problem(found);
}

/** Prometheus's own defaults are relative; whoever installs it gives a path of his own. */
export function pathsNobodyChose(flags: ServerFlags): readonly string[] {
  const defaults = { 'config.file': 'prometheus.yml', 'storage.tsdb.path': 'data/' } as const;
  return Object.entries(defaults)
    .filter(([name, value]) => flags[name as keyof typeof defaults] === value)
    .map(([name, value]) => `the default --${name}=${value}`);
}
