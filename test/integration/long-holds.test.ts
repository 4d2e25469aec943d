import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { text as textOf } from 'node:stream/consumers';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { after, before, describe, it, type TestContext } from 'node:test';
import { apiPath } from '../../src/explain/explain-api.ts';
import { documentedPaths } from '../../src/explain/openapi.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { startFakePrometheus, type FakePrometheus } from '../../src/prometheus/fake-prometheus.fixture.ts';
import { greedyAlerts, modestAlert, shops, twoTeams } from '../support/greedy-team.ts';
import { holdsMeasured, longestHold } from '../support/loop-holds.ts';
import { startManyObjects, type ManyObjects } from '../support/many-objects.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

/** The promise in README: `/-/healthy` answers within this time, whatever is sent; milliseconds of CPU of the main thread. */
const holdsAtMostMs = 200;

/** As in `k8s/`. */
const podHeap = '--max-old-space-size=384';

/** How often a way in is tried that blocks for too long: the first time may be a garbage collection that got no CPU. */
const tries = 3;

const many = 9000;
const maxPipelined = 16;
const all = { labels: { alertname: 'TraceGatewayThrottling' } };

/** The participants. */
interface Stage {
  readonly folder: string;
  /** With pipelines in a folder, or in a cluster. */
  readonly tocsin: TocsinProcess;
  readonly prometheus: FakePrometheus;
  readonly cluster: ManyObjects;
}

/** A way in, by its name: `METHOD /path` as in docs/http-api.md, or one of {@link otherWays}; used at its limit. */
type WayIn = readonly [way: string, what: string, use: (stage: Stage) => Promise<unknown>];

const none = '0123456789abcdef';
const aPipeline = 'pipelines/TracePipeline/p-0';

/** The ways in other than HTTP. */
const otherWays: readonly string[] = [
  'alert expiry',
  'answer of Prometheus',
  'end of a silence',
  'event for every pipeline',
  'list of the API server',
  'manifest folder',
  'watch of the API server',
];

const withFolder: readonly WayIn[] = [
  ['POST /api/v2/alerts', 'thousands of new label names', (to) => post(to, '/api/v2/alerts', newNames('a', 15))],
  ['POST /api/v2/alerts', 'twenty thousand alerts', (to) => post(to, '/api/v2/alerts', smallAlerts(20_000, 'Small'))],
  ['POST /api/v2/alerts', 'large annotations', (to) => post(to, '/api/v2/alerts', largeAlerts(8))],
  ['POST /webhook', 'many alerts', (to) => post(to, '/webhook', { version: '4', alerts: smallAlerts(10_000, 'Hook') })],
  ['POST /webhook', 'new label names', (to) => post(to, '/webhook', { version: '4', alerts: newNames('b', 6) })],
  ['GET /api/v2/alerts', 'all of those', (to) => get(to, '/api/v2/alerts')],
  ['GET /api/v2/alerts', 'an expression on each', (to) => get(to, `/api/v2/alerts?filter=${costly}`)],
  ['GET /api/v2/alerts/groups', 'all of those', (to) => get(to, '/api/v2/alerts/groups')],
  ['POST /api/v2/silences', 'hundreds', (to) => silences(to, 200)],
  ['POST /api/v2/silences', 'hundreds of expressions in one', (to) => post(to, '/api/v2/silences', largeSilence())],
  ['GET /api/v2/silences', 'pipelined', (to) => pipelined(to, 'GET /api/v2/silences', 10)],
  ['GET /api/v2/silence/{id}', 'pipelined', async (to) => pipelined(to, `GET /api/v2/silence/${await anyId(to)}`)],
  ['DELETE /api/v2/silence/{id}', 'of all alerts', (to) => deletedSilence(to)],
  ['end of a silence', 'of all alerts', (to) => silenceThatEnds(to)],
  ['GET /api/v2/receivers', 'pipelined', (to) => pipelined(to, 'GET /api/v2/receivers')],
  ['GET /api/v2/status', 'pipelined', (to) => pipelined(to, 'GET /api/v2/status')],
  ['/api/v1/…', 'pipelined', (to) => pipelined(to, 'GET /api/v1/alerts')],
  ['/api/peers/v1/…', 'without replicas, pipelined', (to) => pipelined(to, 'GET /api/peers/v1/hello')],
  ['GET /-/healthy', 'pipelined', (to) => pipelined(to, 'GET /-/healthy')],
  ['HEAD /-/healthy', 'pipelined', (to) => pipelined(to, 'HEAD /-/healthy')],
  ['GET /-/ready', 'pipelined', (to) => pipelined(to, 'GET /-/ready')],
  ['HEAD /-/ready', 'pipelined', (to) => pipelined(to, 'HEAD /-/ready')],
  ['GET /metrics', 'pipelined', (to) => pipelined(to, 'GET /metrics')],
  ['POST /-/reload', 'a configuration at its limit', (to) => reload(to)],
  ['alert expiry', 'of very many at once', (to) => alertsThatEnd(to)],
  ['manifest folder', 'thousands of manifests at once', (to) => manifests(to)],
  ['event for every pipeline', 'of thousands', (to) => eventForAll(to)],
  ['GET /', 'pipelined', (to) => pipelined(to, 'GET /')],
  ['GET /assets/{name}', 'pipelined', (to) => pipelined(to, 'GET /assets/none.js')],
  [`GET ${apiPath}/history`, 'an expression on each fact', (to) => get(to, `${apiPath}/history?filter=${costly}`)],
  [`GET ${apiPath}/history`, 'pipelined', (to) => pipelined(to, `GET ${apiPath}/history`, 2)],
  [`GET ${apiPath}/alerts`, 'pipelined', (to) => pipelined(to, `GET ${apiPath}/alerts?limit=1000`, 1)],
  [`GET ${apiPath}/alerts/{fingerprint}`, 'pipelined', (to) => pipelined(to, `GET ${apiPath}/alerts/${none}`, 2)],
  [`GET ${apiPath}/pipelines`, 'thousands', (to) => get(to, `${apiPath}/pipelines`)],
  [`GET ${apiPath}/pipelines/{kind}/{name}`, 'pipelined', (to) => pipelined(to, `GET ${apiPath}/${aPipeline}`, 2)],
  [
    `GET ${apiPath}/pipelines/{kind}/{namespace}/{name}`,
    'pipelined',
    (to) => pipelined(to, `GET ${apiPath}/pipelines/a/b/c`, 1),
  ],
  [`GET ${apiPath}/payloads`, 'pipelined', (to) => pipelined(to, `GET ${apiPath}/payloads`, 2)],
  [`GET ${apiPath}/payloads/{request_id}`, 'pipelined', (to) => pipelined(to, `GET ${apiPath}/payloads/none`, 2)],
  [`GET ${apiPath}/problems`, 'pipelined', (to) => pipelined(to, `GET ${apiPath}/problems`)],
  [`GET ${apiPath}/status`, 'pipelined', (to) => pipelined(to, `GET ${apiPath}/status`)],
  [`GET ${apiPath}/openapi.json`, 'pipelined', (to) => pipelined(to, `GET ${apiPath}/openapi.json`)],
  [`GET ${apiPath}/live`, 'while thousands of facts come', (to) => readerOfFacts(to)],
  [`POST ${apiPath}/explain`, 'many alerts', (to) => post(to, `${apiPath}/explain`, smallAlerts(100, 'Asked'))],
  [`POST ${apiPath}/reconcile`, 'of thousands', (to) => reconcileAll(to)],
  [`POST ${apiPath}/storm/resume`, 'without a storm', (to) => post(to, `${apiPath}/storm/resume`, {})],
];

/** Both teams have triggers with conditions, and one of them as many and as large ones as it may. */
const withTriggers: readonly WayIn[] = [
  ['POST /api/v2/alerts', 'a team tries its largest expressions on each', (to) => greedyPost(to)],
  ['POST /api/v2/alerts', 'of another team, beside it', (to) => modestPost(to)],
];

const withCluster: readonly WayIn[] = [
  ['list of the API server', 'after the watch broke off', (to) => relist(to)],
  ['watch of the API server', 'an event for each of thousands', (to) => watchEvents(to)],
  ['answer of Prometheus', 'tens of thousands of alerts of one name', (to) => answerOfPrometheus(to)],
];

describe('the event loop is not held for long by', () => {
  let folder: string;
  const stage: { -readonly [Name in keyof Stage]?: Stage[Name] } = {};
  const socket = (name: string): string => join(folder, `${name}.sock`);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tocsin-holds-'));
    await mkdir(join(folder, 'pipelines'));
    stage.folder = folder;
  });
  after(() => rm(folder, { recursive: true, force: true }));

  describe('what comes to pipelines in a folder:', () => {
    before(async () => {
      stage.tocsin = await startTocsin({
        config: 'log: {alert_lines_per_second: 50}\n',
        environment: holdsMeasured(socket('folder'), podHeap),
        args: [`--pipelines.folder=${join(folder, 'pipelines')}`, '--log.level=warn'],
      });
    });
    after(() => endedAtOnce(stage.tocsin));
    for (const [way, what, use] of withFolder)
      it(`${way}: ${what}`, (t) => holdsShortly(t, socket('folder'), () => use(stage as Stage)));
  });

  describe('what comes to teams with triggers:', () => {
    before(async () => {
      await mkdir(join(folder, 'shops'));
      await writeFile(join(folder, 'shops', 'shops.yaml'), shops(100));
      stage.tocsin = await startTocsin({
        config: twoTeams('condition'),
        environment: holdsMeasured(socket('teams'), podHeap),
        args: [`--pipelines.folder=${join(folder, 'shops')}`, '--log.level=warn'],
      });
    });
    after(() => endedAtOnce(stage.tocsin));
    for (const [way, what, use] of withTriggers)
      it(`${way}: ${what}`, (t) => holdsShortly(t, socket('teams'), () => use(stage as Stage)));
  });

  describe('what comes to pipelines in a cluster:', () => {
    before(async () => {
      stage.prometheus = await startFakePrometheus();
      stage.cluster = await startManyObjects(many);
      await writeFile(join(folder, 'kubeconfig'), stage.cluster.kubeconfig);
      stage.tocsin = await startTocsin({
        config: 'controller: {action: log}\n',
        environment: holdsMeasured(socket('cluster'), podHeap),
        args: [`--kubeconfig=${join(folder, 'kubeconfig')}`, `--prometheus.url=${stage.prometheus.url}`],
      });
      await stage.tocsin.log.waitForLine(({ event }) => event === 'sweep.finished', 60_000);
    });
    after(async () => {
      await Promise.allSettled([endedAtOnce(stage.tocsin), stage.prometheus?.stop(), stage.cluster?.stop()]);
    });
    for (const [way, what, use] of withCluster)
      it(`${way}: ${what}`, (t) => holdsShortly(t, socket('cluster'), () => use(stage as Stage)));
  });

  it('whatever way in there is: each is in the table', async () => {
    const covered = new Set([...withFolder, ...withTriggers, ...withCluster].map(([way]) => way));
    assert.deepEqual([...covered].toSorted(), [...(await endpoints()), ...otherWays].toSorted());
  });
});

/** What still waits in it would take long. */
async function endedAtOnce(tocsin: TocsinProcess | undefined): Promise<void> {
  tocsin?.child.kill('SIGKILL');
  await tocsin?.stop();
}

async function holdsShortly(t: TestContext, socket: string, use: () => Promise<unknown>): Promise<void> {
  const holds: number[] = [];
  while (holds.length < tries && !(Math.min(...holds) <= holdsAtMostMs)) {
    await longestHold(socket);
    await use();
    holds.push(await longestHold(socket));
  }
  t.diagnostic(`held for ${holds.map((ms) => ms.toFixed()).join(', ')} ms`);
  assert.ok(Math.min(...holds) <= holdsAtMostMs, `held for ${holds.map((ms) => ms.toFixed()).join(', ')} ms`);
}

/** Every `METHOD /path` of docs/http-api.md, which another test compares with the program. */
async function endpoints(): Promise<readonly string[]> {
  const api = [...documentedPaths, ['/openapi.json', ['GET']] as const].flatMap(([path, methods]) =>
    methods.map((method) => `${method} ${apiPath}${path}`),
  );
  const page = await readFile(new URL('../../docs/http-api.md', import.meta.url), 'utf8');
  const [table = ''] = /## Endpoints\n.*?\n## /s.exec(page) ?? [];
  const cells = table.split('\n').map((line) => line.split('|')[1] ?? '');
  return [...api, ...cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, endpoint]) => endpoint!))];
}

const costly = encodeURIComponent('n=~".*(a|b|c){1,20}.*"');

interface PostedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly endsAt?: string;
}

function newNames(prefix: string, alerts: number): readonly PostedAlert[] {
  return Array.from({ length: alerts }, (_, alert) => {
    const names = Array.from({ length: 3999 }, (_name, name) => [`${prefix}${alert}_${name}`, 'v'] as const);
    return { labels: { alertname: 'New', ...Object.fromEntries(names) } };
  });
}

function smallAlerts(count: number, alertname: string, endsAt?: string): readonly PostedAlert[] {
  return Array.from({ length: count }, (_, n) => ({
    labels: { alertname, n: `${n}`, pod: `pod-${n % 100}`, severity: 'warning' },
    ...(endsAt !== undefined && { endsAt }),
  }));
}

function largeAlerts(count: number): readonly PostedAlert[] {
  return Array.from({ length: count }, (_, n) => ({
    labels: { alertname: 'Large', n: `${n}` },
    annotations: { text: '"\n'.repeat(256 * 1024) },
  }));
}

function inMs(ms: number): string {
  return new Date(Date.now() + ms).toISOString();
}

async function post({ tocsin }: Stage, path: string, body: unknown): Promise<string> {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(tocsin.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  const answer = await response.text();
  assert.equal(response.status, 200, answer);
  return answer;
}

async function get({ tocsin }: Stage, path: string): Promise<void> {
  const response = await fetch(tocsin.url + path);
  for await (const _ of response.body ?? []);
  assert.equal(response.status, 200);
}

/** On this many connections, each of which sends as many requests as are allowed before an answer. */
async function pipelined({ tocsin }: Stage, request: string, connections = 100): Promise<void> {
  const head = (end: string): string => `${request} HTTP/1.1\r\nHost: ${tocsin.address}\r\n${end}\r\n`;
  const ask = async (): Promise<void> => {
    const socket = connect(tocsin.port, '127.0.0.1');
    socket.write(head('').repeat(maxPipelined - 1) + head('Connection: close\r\n'));
    const answers = (await textOf(socket)).match(/HTTP\/1\.1 \d+/g);
    assert.equal(answers?.length, maxPipelined, request);
  };
  await Promise.all(Array.from({ length: connections }, ask));
}

/** Nearly as large as a body may be. */
async function greedyPost(stage: Stage): Promise<void> {
  await post(stage, '/api/v2/alerts', greedyAlerts(7000));
  await setTimeout(1500);
}

async function modestPost(stage: Stage): Promise<void> {
  await post(
    stage,
    '/api/v2/alerts',
    Array.from({ length: 100 }, (_, shop) => modestAlert(shop)),
  );
  await setTimeout(1500);
}

function silenceOf(value: string, endsAt: string): object {
  const matchers = [{ name: 'alertname', value, isRegex: true }];
  return { matchers, startsAt: inMs(0), endsAt, createdBy: 'test', comment: 'x' };
}

async function silences(stage: Stage, count: number): Promise<void> {
  const one = (n: number): Promise<string> =>
    post(stage, '/api/v2/silences', silenceOf(`S(mall|${n})`, inMs(3_600_000)));
  await Promise.all(Array.from({ length: count }, (_, n) => one(n)));
}

function largeSilence(): object {
  const matchers = Array.from({ length: 700 }, (_, n) => ({ name: `l${n}`, value: '(a|b|c){1,5}.*', isRegex: true }));
  return { matchers, startsAt: inMs(0), endsAt: inMs(3_600_000), createdBy: 'test', comment: 'x' };
}

async function anyId(stage: Stage, value = 'none', endsAt = inMs(3_600_000)): Promise<string> {
  const { silenceID } = JSON.parse(await post(stage, '/api/v2/silences', silenceOf(value, endsAt))) as {
    silenceID: string;
  };
  return silenceID;
}

async function deletedSilence(stage: Stage): Promise<void> {
  const id = await anyId(stage, '.+');
  const response = await fetch(`${stage.tocsin.url}/api/v2/silence/${id}`, { method: 'DELETE' });
  assert.equal(response.status, 200);
  await setTimeout(300);
}

async function silenceThatEnds(stage: Stage): Promise<void> {
  await anyId(stage, '.+', inMs(300));
  await setTimeout(1200);
}

async function alertsThatEnd(stage: Stage): Promise<void> {
  await post(stage, '/api/v2/alerts', smallAlerts(15_000, 'Ends', inMs(1200)));
  await setTimeout(1500);
}

/** A file whose comments make it as long, and give it as many words and signs, as is allowed. */
async function reload(stage: Stage): Promise<void> {
  const lines = `# ${'x'.repeat(130)}\n`.repeat(7000);
  await writeFile(join(stage.tocsin.folder, 'tocsin.yml'), `log: {alert_lines_per_second: 50}\n${lines}`);
  for (let time = 0; time < 3; time++) await post(stage, '/-/reload', {});
}

async function manifests({ folder, tocsin }: Stage): Promise<void> {
  const kinds = ['TracePipeline', 'MetricPipeline', 'LogPipeline'];
  const one = (n: number): string =>
    `apiVersion: telemetry.kyma-project.io/v1beta1\nkind: ${kinds[n % 3]}\nmetadata: {name: p-${n}}\nspec: {output: {otlp: {endpoint: {value: ${Date.now()}}}}}\n`;
  const text = Array.from({ length: many }, (_, n) => one(n)).join('---\n');
  const file = join(folder, 'pipelines', 'many.yaml');
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
  await eventually(
    () => pipelinesOf(tocsin),
    (count) => count === many,
  );
  await setTimeout(700);
}

async function pipelinesOf({ url }: TocsinProcess): Promise<number> {
  const page = await (await fetch(`${url}/metrics`)).text();
  const counts = [...page.matchAll(/^tocsin_pipelines\{.*\} (\d+)$/gm)].map(([, count]) => Number(count));
  return counts.reduce((sum, count) => sum + count, 0);
}

async function eventForAll(stage: Stage): Promise<void> {
  await post(stage, '/api/v2/alerts', [all]);
  await setTimeout(800);
}

async function readerOfFacts(stage: Stage): Promise<void> {
  const reader = await fetch(`${stage.tocsin.url}${apiPath}/live`);
  await eventForAll(stage);
  await reader.body?.cancel();
}

async function reconcileAll(stage: Stage): Promise<void> {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(`${stage.tocsin.url}${apiPath}/reconcile`, {
    method: 'POST',
    headers,
    body: '{"all": true}',
  });
  assert.equal(response.status, 202, await response.text());
  await setTimeout(800);
}

async function relist({ tocsin, cluster }: Stage): Promise<void> {
  const from = tocsin.log.all.length;
  cluster.changeUnseen();
  await tocsin.log.waitForLine((line) => line.event === 'reflector.listed' && line['changed'] === many, 30_000, from);
  await setTimeout(500);
}

async function watchEvents({ cluster }: Stage): Promise<void> {
  cluster.changeAll();
  await setTimeout(1000);
}

async function answerOfPrometheus(stage: Stage): Promise<void> {
  const from = stage.tocsin.log.all.length;
  const alerts = smallAlerts(40_000, all.labels.alertname).map(({ labels }) => ({ labels, state: 'firing' as const }));
  stage.prometheus.answer(alerts);
  await post(stage, '/api/v2/alerts', [all, ...smallAlerts(99, all.labels.alertname)]);
  await stage.tocsin.log.waitForLine(({ event }) => event === 'sweep.finished', 30_000, from);
}
