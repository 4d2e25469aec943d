import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { peakResidentBytes } from '../../test/support/resident-memory.ts';
import { BrokenPrometheus, prometheusFaults, type PrometheusMode } from '../broken-prometheus.ts';
import { becomes, push } from '../effects.ts';
import { Tally, type Fault, type FaultOptions, type FaultResult, type Guard } from '../fault.ts';
import { podHeap, startVictim } from '../victim.ts';

const client = 'prometheus/prometheus-client.ts';
const deadline = {
  file: client,
  from: 'options.clock, timeoutMs, signal',
  to: 'options.clock, 3_600_000, signal',
};
const retry = { file: 'prometheus/shared-snapshot.ts', from: 'if (now < last.error.retryAt) throw', to: 'throw' };

const guards: Readonly<Record<(typeof prometheusFaults)[number], Guard>> = {
  refusing: retry,
  resetting: retry,
  hanging: deadline,
  dripping: deadline,
  huge: {
    file: 'prometheus/alerts-response.ts',
    from: 'new JsonStream(body, maxResponseBytes, slices)',
    to: 'new JsonStream(body, 2 ** 40, slices)',
  },
  'empty lists': { file: 'text/json-stream.ts', from: 'characters > slicedBodyBytes', to: 'characters > 1e9' },
  garbage: {
    file: 'prometheus/alerts-response.ts',
    from: "if (found !== null && !Array.isArray(found)) throw badShape('data.alerts', 'a list', found, endpoint);",
    to: '',
  },
  redirecting: { file: client, from: "redirect: 'manual'", to: "redirect: 'follow'" },
  'wrong tenant': { file: client, from: 'if (response.status !== 200)', to: 'if (response.status > 499)' },
};

/** One row for each way in which Prometheus breaks. */
export const prometheusFaultRows: readonly Fault[] = prometheusFaults.map((mode) => ({
  name: `Prometheus ${mode}`,
  guard: guards[mode],
  run: (options) => breakPrometheus(mode, options),
}));

/** The most requests of one query and its retries in the time of one try. */
const mostRequests = 10;
const memoryLimitBytes = 512 * 1024 * 1024;

async function breakPrometheus(mode: PrometheusMode, { quick, main }: FaultOptions): Promise<FaultResult> {
  const tally = new Tally();
  const prometheus = await BrokenPrometheus.start();
  // An endless answer must be found too large, not only too slow.
  const timeout = mode === 'huge' || mode === 'empty lists' ? '8s' : '1s';
  // Nobody pushes that the alert has ended, which delays the recovery by the grace.
  const config = `prometheus: {url: '${prometheus.url}', timeout: ${timeout}, heal_grace: 2s}\n`;
  const victim = await startVictim({ nodeArgs: [podHeap], config, ...(main !== undefined && { main }) });
  try {
    for (let times = quick ? 1 : 5; times > 0; times--)
      await tally.try(mode, async () => {
        prometheus.firing = true;
        await push(victim.url, true);
        await becomes(victim.storagePath, 'False');
        prometheus.requests = 0;
        await prometheus.become(mode);
        await push(victim.url, true);
        // Nothing that a broken Prometheus says may be believed.
        await becomes(victim.storagePath, 'Unknown', 20_000);
        if (mode === 'huge' && !victim.log.all.some(({ status }) => status === 'too_large'))
          tally.lost('what has no end was only found too slow');
        if (prometheus.requests > mostRequests)
          tally.lost(`${prometheus.requests} requests of a Prometheus that is ${mode}`);
        if (peakResidentBytes(victim.child.pid) > memoryLimitBytes) tally.lost('memory over 512 MiB');
        prometheus.firing = false;
        await prometheus.become('well');
        // Nobody pushes, so Tocsin has to ask again by itself.
        return becomes(victim.storagePath, 'True', 45_000);
      });
    await eventually(
      () => fetch(`${victim.url}/-/healthy`),
      ({ status }) => status === 200,
    ).catch(() => tally.lost('its health'));
  } finally {
    await Promise.allSettled([victim.stop(), prometheus.stop()]);
  }
  return tally.result;
}
