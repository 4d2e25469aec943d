import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fingerprint } from '../../src/alert/labels.ts';
import { readAlerts } from '../../src/alert/postable/read-alerts.ts';
import { App } from '../../src/app/app.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { folderHome } from '../../src/app/home.ts';
import { startAlertmanager } from '../support/alertmanager-server.ts';
import { RecordingLogger } from '../../src/runtime/logger.fixture.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { skipWithout } from '../support/servers.ts';
import { sendExactly, type ExactAnswer } from './exact-request.ts';
import { postAlertsCases, type ExpectedAnswer, type PostAlertsCase, type Received } from './post-alerts.cases.ts';

/** The outcome of one case on a server. */
interface Outcome {
  /** Undefined if it closed the connection. */
  readonly answer: ExactAnswer | undefined;
  readonly received: Received;
  /** The fingerprints of the alerts that have begun to fire, sorted. */
  readonly fingerprints: readonly string[];
}

describe('POST /api/v2/alerts of Tocsin', () => {
  let tocsin: Tocsin;
  before(async () => void (tocsin = await Tocsin.start()));
  after(() => tocsin.stop());

  for (const row of postAlertsCases) {
    it(`answers to ${row.name}`, async () => {
      const { answer, received } = await tocsin.ask(row);
      assertAnswer(answer, row);
      assert.deepEqual(received, { ...none, ...row.received });
      if (row.status === 405) assert.equal(answer?.headers.allow, 'GET,POST');
    });
  }

  it('has a name of its own for each row', () => {
    const names = postAlertsCases.map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)]);
  });
});

describe('POST /api/v2/alerts of Alertmanager 0.34.2', { skip: skipWithout('alertmanager') }, () => {
  let alertmanager: Alertmanager;
  let tocsin: Tocsin;
  before(async () => {
    alertmanager = await Alertmanager.start();
    tocsin = await Tocsin.start();
  });
  after(async () => {
    await tocsin.stop();
    await alertmanager.stop();
  });

  for (const row of postAlertsCases) {
    it(`answers to ${row.name} ${row.differs === undefined ? 'as Tocsin does' : `otherwise: ${row.differs.why}`}`, async () => {
      const { closes, otherAlerts, received: counted, why: _, ...different } = row.differs ?? { why: '' };
      const expected = { ...row, ...different };
      const { answer, received, fingerprints } = await alertmanager.ask(row);
      if (closes) return assert.equal(answer, undefined);
      assertAnswer(answer, expected);
      assert.deepEqual(received, { ...none, ...(counted ?? row.received) });
      if (row.status === 405) assert.match(answer?.headers.allow ?? '', /\bPOST\b/);
      const ours = await tocsin.ask(row);
      if (expected.status === row.status && otherAlerts === undefined)
        assert.deepEqual(ours.fingerprints, fingerprints);
      else assert.notDeepEqual(ours, { answer, received, fingerprints }, 'the row tells of a difference that is none');
    });
  }
});

const none: Received = { firing: 0, resolved: 0, invalid: 0 };

function assertAnswer(answer: ExactAnswer | undefined, { status, shape, code = status, body }: ExpectedAnswer): void {
  assert.ok(answer !== undefined, 'the connection was closed without an answer');
  const text = answer.body.toString();
  assert.equal(answer.status, status, text);
  const type = answer.headers['content-type'];
  if (shape === 'empty') assert.deepEqual([type, answer.headers['content-length'], text], [undefined, '0', '']);
  else if (shape === 'text') assert.equal(type, 'text/plain; charset=utf-8');
  else assert.equal(type, 'application/json');
  if (shape === 'string') assert.equal(`${JSON.stringify(JSON.parse(text))}\n`, text);
  if (shape === 'object') assertRefusal(JSON.parse(text), code);
  if (shape === 'head') assert.equal(text, '');
  if (shape !== 'text' && status !== 307) assert.equal(answer.headers['cache-control'], 'no-store');
  if (body !== undefined) assert.equal(text, body);
}

function assertRefusal(refusal: { readonly code: number; readonly message: string }, code: number): void {
  assert.deepEqual(Object.keys(refusal), ['code', 'message']);
  assert.equal(refusal.code, code);
  assert.match(refusal.message, /\w/);
}

function send(url: string, row: PostAlertsCase): Promise<ExactAnswer | undefined> {
  const { method = 'POST', path = '/api/v2/alerts', headers = { 'Content-Type': 'application/json' }, sent } = row;
  return sendExactly(url, { method, path, headers, body: sent });
}

const manifest = `
apiVersion: telemetry.kyma-project.io/v1alpha1
kind: TracePipeline
metadata: { name: backend }
spec: { output: { otlp: { endpoint: { value: 'http://backend:4317' } } } }
`;

/** Tocsin without configuration, in this process. */
class Tocsin {
  readonly #app: App;
  readonly #folder: string;
  readonly #logger: RecordingLogger;
  readonly #url: string;

  private constructor(app: App, folder: string, logger: RecordingLogger, url: string) {
    this.#app = app;
    this.#folder = folder;
    this.#logger = logger;
    this.#url = url;
  }

  static async start(): Promise<Tocsin> {
    const folder = await mkdtemp(join(tmpdir(), 'post-alerts-'));
    await writeFile(join(folder, 'trace.yaml'), manifest);
    const loaded = loadConfig({}, () => assert.fail('there is no configuration file'));
    assert.ok('config' in loaded);
    const logger = new RecordingLogger();
    const app = new App({
      config: loaded.config,
      listenAddress: { host: '127.0.0.1', port: 0 },
      createHome: folderHome(folder),
      storagePath: join(folder, 'data'),
      version: 'test',
      clock: systemClock,
      logger,
    });
    const { port } = await app.start();
    return new Tocsin(app, folder, logger, `http://127.0.0.1:${port}`);
  }

  async stop(): Promise<void> {
    await this.#app.stop();
    await rm(this.#folder, { recursive: true });
  }

  async ask(row: PostAlertsCase): Promise<Outcome> {
    this.#logger.clear();
    const answer = await send(this.#url, row);
    const [counts = none] = this.#logger.fieldsOf('alerts.received') as readonly Received[];
    const { firing, resolved, invalid } = counts;
    const ended = this.#fingerprints('alert.resolved', row);
    const fingerprints = this.#fingerprints('alert.new', row).filter((print) => !ended.includes(print));
    return { answer, received: { firing, resolved, invalid } as Received, fingerprints };
  }

  /** The log leaves out the fingerprint of an alert with very long labels. */
  #fingerprints(event: string, row: PostAlertsCase): string[] {
    const lines = this.#logger.fieldsOf(event);
    return lines.map((fields) => (fields['fingerprint'] as string | undefined) ?? onlyFingerprint(row)).toSorted();
  }
}

/** The fingerprint of the only alert in a body. */
function onlyFingerprint({ sent }: PostAlertsCase): string {
  const [alert, ...others] = [...readAlerts(String(sent), 64)].filter((step) => step !== undefined);
  assert.ok(alert !== undefined && others.length === 0);
  return fingerprint(alert.labels);
}

/** The real Alertmanager, and what it has taken in so far. */
class Alertmanager {
  readonly #server: ServerProcess;
  #received = none;
  #fingerprints: ReadonlySet<string> = new Set();

  private constructor(server: ServerProcess) {
    this.#server = server;
  }

  static async start(): Promise<Alertmanager> {
    return new Alertmanager(await startAlertmanager());
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  async ask(row: PostAlertsCase): Promise<Outcome> {
    const answer = await send(this.#server.url, row);
    const [counted, known] = [this.#received, this.#fingerprints];
    this.#received = await this.#askReceived();
    this.#fingerprints = await this.#askFingerprints();
    return {
      answer,
      received: difference(this.#received, counted),
      fingerprints: [...this.#fingerprints].filter((print) => !known.has(print)).toSorted(),
    };
  }

  async #askReceived(): Promise<Required<Received>> {
    const page = await this.#get('/metrics');
    const value = (series: string): number =>
      Number(
        page
          .split('\n')
          .find((line) => line.startsWith(`${series} `))
          ?.split(' ')[1] ?? 0,
      );
    return {
      firing: value('alertmanager_alerts_received_total{status="firing",version="v2"}'),
      resolved: value('alertmanager_alerts_received_total{status="resolved",version="v2"}'),
      invalid: value('alertmanager_alerts_invalid_total{version="v2"}'),
    };
  }

  async #askFingerprints(): Promise<ReadonlySet<string>> {
    const alerts = JSON.parse(await this.#get('/api/v2/alerts')) as { readonly fingerprint: string }[];
    return new Set(alerts.map((alert) => alert.fingerprint));
  }

  async #get(path: string): Promise<string> {
    const response = await fetch(`${this.#server.url}${path}`);
    assert.equal(response.status, 200);
    return response.text();
  }
}

function difference(now: Received, then: Received): Received {
  const { firing = 0, resolved = 0, invalid = 0 } = now;
  return {
    firing: firing - (then.firing ?? 0),
    resolved: resolved - (then.resolved ?? 0),
    invalid: invalid - (then.invalid ?? 0),
  };
}
