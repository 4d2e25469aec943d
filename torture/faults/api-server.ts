import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { startFaultProxy, type Fault as ProxyFault, type FaultProxy } from '../../test/support/fault-proxy.ts';
import { skipWithoutKube, startKubeApiServer, type KubeApiServer } from '../../test/support/kube-api-server.ts';
import { kubeconfigWith } from '../../test/support/service-account.ts';
import { BrokenPrometheus } from '../broken-prometheus.ts';
import { push } from '../effects.ts';
import { Tally, type Fault, type FaultOptions, type FaultResult } from '../fault.ts';
import { podHeap, startVictim, type Victim } from '../victim.ts';

/** With the rights of the project's own manifests. */
const roles = ['base/cluster-role-reader.yaml', 'base/cluster-role-writer.yaml'];
const pipelines = 20;
/** How long the fault lasts while alerts come and go, in milliseconds. */
const faultMs = 3000;
/** Tocsin's longest back-off is 30 s. */
const recoverWithinMs = 45_000;

interface Scene {
  readonly server: KubeApiServer;
  readonly proxy: FaultProxy;
  readonly victim: Victim;
  /** Sets how far the machine's clock is off from now on, in milliseconds. */
  readonly shiftClock: (offsetMs: number) => Promise<void>;
}

interface Way {
  readonly config?: string;
  begin(scene: Scene): Promise<unknown> | void;
  end(scene: Scene): Promise<unknown> | void;
}

/** Watches break as well: objects created meanwhile have to be found afterwards. */
function everyCall(fault: ProxyFault): Way {
  return {
    begin({ proxy }) {
      proxy.fault = () => fault;
      proxy.breakWatches('');
    },
    end({ proxy }) {
      proxy.fault = () => undefined;
    },
  };
}

/** The time is too short for another list or watch. */
const noReconnect = {
  file: 'kubernetes/watch/reflector-steps.ts',
  from: 'Math.min(longest, minDelayMs * 2 ** Math.min(failures - 1, 10))',
  to: '3_600_000',
};

/** A real API server that fails while alerts come and go and a pipeline is created. */
export const apiServerFaultRows: readonly Fault[] = [
  {
    name: 'API server: 500 to every call',
    guard: noReconnect,
    run: (options) => failing(options, everyCall({ kind: 'status', status: 500 })),
  },
  {
    // Like an API server that has just started and has not read its roles yet.
    name: 'API server: 403 to every call',
    guard: {
      file: 'kubernetes/write/write-failures.ts',
      from: 'firstForbiddenRetryMs = 2000',
      to: 'firstForbiddenRetryMs = 120_000',
    },
    run: (options) => failing(options, everyCall({ kind: 'status', status: 403 })),
  },
  {
    name: 'API server breaks every connection',
    guard: noReconnect,
    run: (options) => failing(options, everyCall({ kind: 'cut', bytes: 1, how: 'reset' })),
  },
  {
    name: 'API server hangs',
    guard: {
      file: 'kubernetes/api/api-client.ts',
      from: 'const defaultTimeoutMs = 30_000',
      to: 'const defaultTimeoutMs = 3_600_000',
    },
    run: (options) => failing(options, everyCall({ kind: 'silence' })),
  },
  {
    name: 'API server answers 60 MiB of empty lists',
    guard: { file: 'text/json-stream.ts', from: 'characters > slicedBodyBytes', to: 'characters > 1e9' },
    run: (options) => failing(options, everyCall({ kind: 'empty lists', bytes: 60 * 1024 * 1024 })),
  },
  {
    name: 'API server killed and started again',
    guard: noReconnect,
    run: (options) => failing(options, { begin: ({ server }) => server.restart(), end: () => undefined }),
  },
  {
    name: 'clock back a day, on Kubernetes',
    guard: {
      file: 'runtime/token-bucket.ts',
      from: 'this.#untilFullMs - Math.max(0, now - this.#askedAt)',
      to: 'this.#untilFullMs - (now - this.#askedAt)',
    },
    run: (options) =>
      failing(options, {
        // Set explicitly: the API server shares fairly, so without it there would be no bucket that could be wrong about the time.
        config: 'pipelines: { kubernetes: { qps: 20, burst: 30 } }',
        begin: ({ shiftClock }) => shiftClock(-86_400_000),
        end: () => undefined,
      }),
  },
];

async function failing({ quick, main }: FaultOptions, way: Way): Promise<FaultResult> {
  const tally = new Tally();
  const skipped = skipWithoutKube();
  if (skipped !== false) return { ...tally.result, skipped };
  const server = await startKubeApiServer();
  const prometheus = await BrokenPrometheus.start();
  const folder = await mkdtemp(join(tmpdir(), 'torture-kube-'));
  try {
    for (let times = quick ? 1 : 3; times > 0; times--)
      await tally.try('under load', () => failOnce(server, prometheus, folder, way, main));
  } finally {
    await Promise.allSettled([server.stop(), prometheus.stop()]);
    await rm(folder, { recursive: true, force: true });
  }
  return tally.result;
}

async function failOnce(
  server: KubeApiServer,
  prometheus: BrokenPrometheus,
  folder: string,
  way: Way,
  main: string | undefined,
): Promise<number> {
  const proxy = await startFaultProxy(server);
  await server.apply(...Array.from({ length: pipelines }, (_, index) => tracePipeline(`p${index}`)));
  const kubeconfig = await kubeconfigWith(server, 'tocsin', roles, proxy.url);
  const clock = join(folder, 'offset');
  const victim = await startVictim({
    nodeArgs: [podHeap, '--import', new URL('../shift-clock.ts', import.meta.url).href],
    environment: { TORTURE_CLOCK: clock },
    ...(way.config !== undefined && { config: way.config }),
    args: [`--kubeconfig=${kubeconfig}`, `--prometheus.url=${prometheus.url}`],
    ...(main !== undefined && { main }),
  });
  const shiftClock = async (offsetMs: number): Promise<void> => {
    await writeFile(clock, String(offsetMs));
    victim.child.kill('SIGUSR2');
  };
  const scene = { server, proxy, victim, shiftClock };
  try {
    await all(server, prometheus.firing ? 'False' : 'True');
    const loadEnds = performance.now() + faultMs;
    const load = toggle(victim, prometheus, loadEnds);
    await way.begin(scene);
    await server.apply(tracePipeline('late'));
    await load;
    await way.end(scene);
    const startedAt = performance.now();
    await all(server, prometheus.firing ? 'False' : 'True', 1);
    return performance.now() - startedAt;
  } catch (error) {
    const lines = victim.log.all.filter(({ level }) => level === 'warn' || level === 'error').slice(-4);
    throw new Error(`${String(error)}; its last warnings: ${JSON.stringify(lines)}`, { cause: error });
  } finally {
    await Promise.allSettled([victim.stop(), proxy.close()]);
    await server.kubectl(['delete', 'tracepipelines', '--all']);
  }
}

/** Alerts come and go; the state after the last one differs from the first. */
async function toggle(victim: Victim, prometheus: BrokenPrometheus, until: number): Promise<void> {
  const wanted = !prometheus.firing;
  while (performance.now() < until) {
    prometheus.firing = !prometheus.firing;
    await push(victim.url, prometheus.firing);
    await setTimeout(100);
  }
  prometheus.firing = wanted;
  await push(victim.url, wanted);
  // What the debouncer still held is now on its way, while the fault lasts.
  await setTimeout(600);
}

interface Found {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Resolves when each pipeline, and `more` further ones, have the condition with this status. */
async function all(server: KubeApiServer, status: string, more = 0): Promise<void> {
  const right = ({ status: found }: Found): boolean =>
    found?.conditions?.some((condition) => condition.type === 'TelemetryFlowHealthy' && condition.status === status) ??
    false;
  await eventually(
    async () => ((await server.get('tracepipelines')) as Found[]).filter(right).length,
    (count) => count === pipelines + more,
    recoverWithinMs,
  );
}

function tracePipeline(name: string): object {
  const spec = { output: { otlp: { endpoint: { value: 'http://backend:4317' } } } };
  return { apiVersion: 'telemetry.kyma-project.io/v1beta1', kind: 'TracePipeline', metadata: { name }, spec };
}
