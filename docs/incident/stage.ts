import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';
import { freePort } from '../../test/support/free-port.ts';
import type { LogLine } from '../../test/support/log-lines.ts';
import { startPrometheus } from '../../test/support/prometheus-server.ts';
import { startScrapeTarget } from '../../test/support/scrape-target.ts';
import { startTocsin, type TocsinProcess } from '../../test/support/tocsin-process.ts';

/**
 * The incident of docs/incident.md, with a real Prometheus: `npm run incident` stages it in half a minute, and then Tocsin
 * answers at http://127.0.0.1:9093 until Ctrl-C. `npm run servers` gets Prometheus.
 */

/** A gateway that is down is told at once, and as total loss for the traces two seconds later. */
const rules = `
groups:
  - name: gateway
    rules:
      - alert: InstanceDown
        expr: up == 0
        labels: {severity: page}
      - alert: TraceGatewayAllDataDropped
        expr: up == 0
        for: 2s
        labels: {severity: critical, pipeline_name: backend}
`;

/** How often Prometheus sends an alert again. */
const resendDelay = '12s';
const patienceMs = 40_000;

export interface Incident {
  readonly tocsin: TocsinProcess;
  stop(): Promise<void>;
}

/** @param port Tocsin's; default: a free one. @param tell receives a line for each thing that happens */
export async function stageIncident(port?: number, tell: (line: string) => void = () => undefined): Promise<Incident> {
  const tocsinPort = port ?? (await freePort());
  const gateway = await startScrapeTarget();
  const alertmanagers = [`127.0.0.1:${tocsinPort}`];
  const prometheus = await startPrometheus({ rules, resendDelay, scrapeTargets: [gateway.address], alertmanagers });
  const tocsin = await startTocsin({ port: tocsinPort, args: [`--prometheus.url=${prometheus.url}`] });
  const stop = async (): Promise<void> => {
    await Promise.allSettled([prometheus.stop(), tocsin.stop(), gateway.stop()]);
  };
  try {
    await stage(tocsin, gateway, tell);
    return { tocsin, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function stage(
  tocsin: TocsinProcess,
  gateway: { breakDown(): void; heal(): void },
  tell: (line: string) => void,
): Promise<void> {
  await next(tocsin, (line) => isChange(line, 'True'));
  tell('every flow is healthy');
  gateway.breakDown();
  await next(tocsin, (line) => isChange(line, 'False'));
  tell('the gateway has failed, and the condition of the TracePipeline says so');
  await setTimeout(1500);
  await silence(tocsin.url);
  tell('ann has silenced InstanceDown');
  let seen = tocsin.log.all.length;
  await next(tocsin, (line) => line.event === 'sweep.finished' && hasCause(line, 'TraceGatewayAllDataDropped'), seen);
  tell('Prometheus has sent both alerts again, and nothing has changed');
  seen = tocsin.log.all.length;
  await postAlerts(tocsin.url, [{ labels: { alertname: 'MetricGatewayThrottling', team: 'bob' } }]);
  await next(tocsin, (line) => line.event === 'sweep.finished' && hasCause(line, 'MetricGatewayThrottling'), seen);
  tell('bob has sent an alert by hand');
  seen = tocsin.log.all.length;
  gateway.heal();
  await next(tocsin, (line) => isChange(line, 'True'), seen);
  await next(tocsin, ({ event }) => event === 'sweep.finished', tocsin.log.all.length - 5);
  tell('the gateway works again, and the condition says so');
}

/** Waits for a line of the log. @param from skips so many lines */
function next(tocsin: TocsinProcess, matches: (line: LogLine) => boolean, from = 0): Promise<LogLine> {
  return tocsin.log.waitForLine(matches, patienceMs, from);
}

function isChange(line: LogLine, to: string): boolean {
  return line.event === 'condition.changed' && line['kind'] === 'TracePipeline' && line['to'] === to;
}

function hasCause(line: LogLine, alertname: string): boolean {
  return (line['causes'] as readonly string[]).some((cause) => cause.startsWith(alertname));
}

async function silence(url: string): Promise<void> {
  const [startsAt, endsAt] = [Date.now() - 1000, Date.now() + 3_600_000].map((ms) => new Date(ms).toISOString());
  const matchers = [{ name: 'alertname', value: 'InstanceDown', isRegex: false }];
  const body = { matchers, startsAt, endsAt, createdBy: 'ann', comment: 'known, the gateway is being replaced' };
  const headers = { 'Content-Type': 'application/json' };
  await fetch(`${url}/api/v2/silences`, { method: 'POST', headers, body: JSON.stringify(body) });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

if (import.meta.main) {
  const incident = await stageIncident(9093, print);
  print(`Ask: npm start -- why. Tocsin answers at ${incident.tocsin.url} until Ctrl-C.`);
  await once(process, 'SIGINT');
  await incident.stop();
}
