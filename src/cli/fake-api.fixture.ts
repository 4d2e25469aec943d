import { fileURLToPath } from 'node:url';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { systemClock, type Clock } from '../runtime/clock.ts';
import { answers } from '../explain/schema-requests.ts';
import type { Fact, PipelineName, Run } from '../explain/schema.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import type { AskCommandName } from '../config/flags/command-table.ts';
import { ask } from './ask.ts';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

type Reply = (asked: Asked, response: ServerResponse) => unknown;

export interface Told {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A server that returns prepared answers; every answer is checked against the shapes of the API. */
export class FakeApi {
  readonly asked: Asked[] = [];
  readonly clock = new FakeClock();
  readonly #replies = new Map<string, Reply>();
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  static async start(t: TestContext): Promise<FakeApi> {
    const api = new FakeApi();
    api.#server.listen(0, '127.0.0.1');
    await once(api.#server, 'listening');
    t.after(() => {
      api.#server.closeAllConnections();
      api.#server.close();
    });
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** @param call such as `GET /pipelines`, below `/api/tocsin/v1` */
  give(call: string, shape: keyof typeof answers, answer: unknown): void {
    const body = answers[shape].parse(answer);
    this.reply(call.replace(' ', ' /api/tocsin/v1'), () => body);
  }

  /** The result of a reply is sent as JSON; undefined if the reply has answered by itself. */
  reply(call: string, reply: Reply): void {
    this.#replies.set(call, reply);
  }

  /** Runs a command that asks this server. */
  async run(name: AskCommandName, ...args: readonly string[]): Promise<Told> {
    return runAsk(name, args, { TOCSIN_URL: this.url }, this.clock);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, 'http://host');
    const method = request.method!;
    const asked = { method, path: pathname, query: searchParams, headers: request.headers, body: await text(request) };
    this.asked.push(asked);
    const reply = this.#replies.get(`${method} ${pathname}`);
    if (reply === undefined) response.statusCode = 404;
    const body = reply === undefined ? { code: 404, message: 'not found' } : await reply(asked, response);
    if (body !== undefined) response.setHeader('Content-Type', 'application/json').end(JSON.stringify(body));
  }
}

/** Runs a command without a terminal. */
export async function runAsk(
  name: AskCommandName,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  clock: Clock = systemClock,
  isTTY = false,
): Promise<Told> {
  const written = { stdout: '', stderr: '' };
  const stream = (to: keyof typeof written): { write(text: string): void; isTTY: boolean } => ({
    isTTY,
    write: (piece) => void (written[to] += piece),
  });
  const code = await ask(name, args, {
    environment,
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    clock: hurried(clock),
    packageFolder: fileURLToPath(new URL('../..', import.meta.url)),
  });
  return { code, ...written };
}

/** Rests between two looks pass at once; the deadline of a request is by the real time. */
function hurried(clock: Clock): Clock {
  let passed = 0;
  return {
    now: () => clock.now(),
    monotonic: () => passed,
    setTimeout(callback, delayMs) {
      if (delayMs > 5000) return systemClock.setTimeout(callback, delayMs);
      passed += delayMs;
      return systemClock.setTimeout(callback, 0);
    },
  };
}

export const backend: PipelineName = { kind: 'TracePipeline', name: 'backend' };

const labels = { alertname: 'TraceGatewayThrottling', severity: 'warning' };

export const throttling = {
  fingerprint: 'dfe38cd28764db7f',
  alertname: 'TraceGatewayThrottling',
  labels,
  status: 'firing' as const,
};

/** A run that an alert caused, and that changed a condition. */
export const changedRun: Run = {
  id: '636bcf51',
  pipeline: backend,
  at: '2026-01-01T00:00:00.019Z',
  priority: 'alert',
  triggers: ['alert'],
  causes: [
    {
      ...throttling,
      changed_at: '2025-12-31T23:59:58.500Z',
      first_seen: '2026-01-01T00:00:00.000Z',
      last_seen: '2026-01-01T00:00:00.000Z',
      count: 2,
    },
  ],
  more_causes: 0,
  request_ids: ['my-test'],
  event_ids: ['fe190949'],
  hops: {
    received: '2026-01-01T00:00:00.000Z',
    emitted: '2026-01-01T00:00:00.009Z',
    enqueued: '2026-01-01T00:00:00.010Z',
    started: '2026-01-01T00:00:00.019Z',
    queried: '2026-01-01T00:00:00.019Z',
    answered: '2026-01-01T00:00:00.020Z',
    written: '2026-01-01T00:00:00.021Z',
    finished: '2026-01-01T00:00:00.021Z',
  },
  prometheus: { status: 'success', firing: 3, not_in_prometheus: [] },
  decided_by: [{ alertname: 'TraceGatewayThrottling', labels }],
  outcome: 'changed',
  look_again_at: '2026-01-01T00:05:00.021Z',
  transition: {
    type: 'TelemetryFlowHealthy',
    from: 'True',
    to: 'False',
    from_reason: 'FlowHealthy',
    reason: 'GatewayThrottling',
    message: 'OTLP Gateway is unable to receive spans at current rate.',
  },
};

export function fact(event: string, fields: object, id = 1): Fact {
  return { id, time: '2026-01-01T00:00:00.021Z', level: 'info', event, msg: 'a line of the log', ...fields };
}
