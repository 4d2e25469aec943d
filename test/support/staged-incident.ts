import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from '../../src/app/app.ts';
import { folderHome } from '../../src/app/home.ts';
import { Config } from '../../src/config/config.ts';
import { FakeClock } from '../../src/runtime/clock.fixture.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { RecordingLogger } from '../../src/runtime/logger.fixture.ts';

const minute = 60_000;

/** The time at which somebody looks, and at which the clock stands then. The incident is of the hour before. */
const now = Date.parse('2026-11-30T09:47:00Z');
const pageFolder = join(import.meta.dirname, '../../dist/page');

const pipelines: readonly (readonly [kind: string, name: string, spec?: string])[] = [
  ['TracePipeline', 'checkout'],
  ['TracePipeline', 'shop'],
  ['MetricPipeline', 'cloud-metrics'],
  ['MetricPipeline', 'shop'],
  ['LogPipeline', 'audit', '{input: {application: {}}, output: {otlp: {}}}'],
  ['LogPipeline', 'fluent-bit', '{output: {http: {}}}'],
];

/**
 * A program: a Tocsin that has an hour of trouble behind it, told by a clock that was moved through it. A backend of traces throttles
 * and then drops, another is upgraded under a silence; some of it heals, and some does not. It prints `ready URL TIME` and serves until
 * a SIGTERM.
 */
async function run(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-incident-'));
  const [clock, logger] = [new FakeClock(now - 62 * minute), new RecordingLogger()];
  const stop = once(process, 'SIGTERM');
  try {
    await writeManifests(folder);
    const app = new App({
      config: Config.parse({ source: { select: 'labels' } }),
      listenAddress: { host: '127.0.0.1', port: 0 },
      createHome: folderHome(folder),
      storagePath: join(folder, 'data'),
      version: '0.1.0',
      pageFolder,
      clock,
      logger,
    });
    const { port } = await app.start();
    const stage = new Stage(clock, logger, `http://127.0.0.1:${port}`);
    await play(stage);
    process.stdout.write(`ready ${stage.url} ${now}\n`);
    await stop;
    await app.stop();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeManifests(folder: string): Promise<void> {
  for (const [kind, name, spec = '{}'] of pipelines)
    await writeFile(
      join(folder, `${kind}-${name}.yaml`),
      `apiVersion: telemetry.kyma-project.io/v1beta1\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: ${spec}\n`,
    );
}

async function play(stage: Stage): Promise<void> {
  await stage.until(54);
  await stage.fires('TraceGatewayThrottling', { pipeline_name: 'checkout', severity: 'warning' });
  await stage.until(50);
  await stage.fires('InstanceDown', { instance: '10.1.4.17:8888', job: 'otel-gateway', severity: 'critical' });
  await stage.until(46);
  await stage.fires('TraceGatewayAllDataDropped', { pipeline_name: 'checkout', severity: 'critical' });
  await stage.until(41);
  await stage.fires('LogFluentBitBufferInUse', { pipeline_name: 'fluent-bit', severity: 'warning' });
  await stage.until(38);
  await stage.silences('pipeline_name', 'shop', 22, 'ann@example.com', 'the backend of the shop is upgraded, CHG-4711');
  await stage.until(35);
  await stage.fires('MetricGatewaySomeDataDropped', { pipeline_name: 'shop', severity: 'warning' });
  await stage.until(33);
  await stage.fires('TraceGatewayThrottling', { pipeline_name: 'shop', severity: 'warning' });
  await stage.until(27);
  await stage.resolves('InstanceDown', { instance: '10.1.4.17:8888', job: 'otel-gateway', severity: 'critical' });
  await stage.until(24);
  await stage.resolves('TraceGatewayAllDataDropped', { pipeline_name: 'checkout', severity: 'critical' });
  await stage.until(20);
  await stage.resolves('TraceGatewayThrottling', { pipeline_name: 'shop', severity: 'warning' });
  await stage.until(12);
  await stage.resolves('TraceGatewayThrottling', { pipeline_name: 'checkout', severity: 'warning' });
  await stage.until(9);
  await stage.reconciles('TracePipeline', 'checkout');
  await stage.until(6);
  await stage.fires('MetricGatewayThrottling', { pipeline_name: 'cloud-metrics', severity: 'warning' });
  await stage.until(3);
  await stage.fires('HighRequestLatency', { pipeline_name: 'checkout', service: 'cart', severity: 'info' });
  await stage.until(0);
}

type Labels = Readonly<Record<string, string>>;

class Stage {
  readonly url: string;
  readonly #clock: FakeClock;
  readonly #logger: RecordingLogger;
  #requests = 0;

  constructor(clock: FakeClock, logger: RecordingLogger, url: string) {
    this.#clock = clock;
    this.#logger = logger;
    this.url = url;
  }

  /** Moves the clock on to so many minutes before now, and waits for everything that it starts. */
  async until(minutes: number): Promise<void> {
    const end = now - minutes * minute;
    while (this.#clock.now() < end) {
      await this.#clock.advanceAsync(Math.min(minute / 2, end - this.#clock.now()));
      await this.#settled();
    }
    await this.#settled();
  }

  async fires(alertname: string, labels: Labels): Promise<void> {
    const startsAt = new Date(this.#clock.now() - 4000).toISOString();
    await this.#alert({
      labels: { alertname, ...labels },
      startsAt,
      endsAt: new Date(now + 60 * minute).toISOString(),
    });
  }

  async resolves(alertname: string, labels: Labels): Promise<void> {
    await this.#alert({ labels: { alertname, ...labels }, endsAt: new Date(this.#clock.now()).toISOString() });
  }

  async silences(name: string, value: string, minutes: number, createdBy: string, comment: string): Promise<void> {
    const [startsAt, endsAt] = [this.#clock.now(), this.#clock.now() + minutes * minute].map((at) =>
      new Date(at).toISOString(),
    );
    const matchers = [{ name, value, isRegex: false, isEqual: true }];
    await this.#post('/api/v2/silences', { matchers, startsAt, endsAt, createdBy, comment });
  }

  async reconciles(kind: string, name: string): Promise<void> {
    await this.#post('/api/tocsin/v1/reconcile', { pipelines: [{ kind, name }] });
  }

  async #alert(alert: object): Promise<void> {
    await this.#post('/api/v2/alerts', [alert]);
    await this.#clock.advanceAsync(2000);
    await this.#settled();
  }

  async #post(path: string, body: object): Promise<void> {
    const headers = {
      'Content-Type': 'application/json',
      'User-Agent': 'Prometheus/3.15.0',
      'X-Request-Id': `4f1c9a${(0x20 + ++this.#requests).toString(16).padStart(2, '0')}`,
    };
    const response = await fetch(this.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  }

  async #settled(): Promise<void> {
    const started = this.#logger.fieldsOf('requests.enqueued').filter(({ requests }) => requests !== 0).length;
    await eventually(
      () => this.#logger.linesOf('sweep.finished').length,
      (finished) => finished >= started,
    );
  }
}

await run();
