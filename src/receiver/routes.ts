import type { IncomingMessage, ServerResponse } from 'node:http';
import { answer, answerText } from '../server/request/answer.ts';
import type { Route } from '../server/routes.ts';
import type { AlertsHandler } from './intake/alerts-handler.ts';
import { webhookFormat } from './intake/batch.ts';
import type { ReadHandler } from './lists/read-handler.ts';
import type { MetricsPage } from './metrics-page.ts';
import type { SilencesHandler } from './silences/silences-handler.ts';

interface ApiRoutesOptions {
  readonly alerts: Pick<AlertsHandler, 'handle'>;
  readonly reads: ReadHandler;
  readonly silences: Pick<SilencesHandler, 'delete' | 'get' | 'post'>;
}

interface ProcessRoutesOptions {
  readonly metrics: MetricsPage;
  /** The reason why Tocsin is not ready; undefined once it is. */
  readonly notReady: () => string | undefined;
  readonly reload: Reload;
}

/** The receiver's table of contents: the routes of Alertmanager, and Tocsin's additions. */
export function createRoutes({
  alerts,
  reads,
  silences,
  ...process
}: ApiRoutesOptions & ProcessRoutesOptions): readonly Route[] {
  return [...createApiRoutes({ alerts, reads, silences }), ...processRoutes(process)];
}

/** The routes that are about alerts and silences. */
export function createApiRoutes({ alerts, reads, silences }: ApiRoutesOptions): readonly Route[] {
  return [
    {
      ...v2('alerts', {
        GET: (request, response) => reads.alerts(request, response),
        POST: (request, response) => alerts.handle(request, response),
      }),
      counted: ['POST'],
      isDirect: true,
    },
    v2('alerts/groups', { GET: (request, response) => reads.groups(request, response) }),
    v2('receivers', { GET: (request, response) => reads.receivers(request, response) }),
    v2('status', { GET: (request, response) => reads.status(request, response) }),
    v2('silences', {
      GET: (request, response) => reads.silences(request, response),
      POST: (request, response) => silences.post(request, response),
    }),
    v2('silence/:id', {
      GET: (request, response, { id = '' }) => silences.get(request, response, id),
      DELETE: (request, response, { id = '' }) => silences.delete(request, response, id),
    }),
    removed('alerts', ['GET', 'POST']),
    removed('status', ['GET']),
    removed('receivers', ['GET']),
    removed('silences', ['GET', 'POST']),
    removed('silence/:id', ['DELETE', 'GET']),
    {
      path: '/webhook',
      methods: { POST: (request, response) => alerts.handle(request, response, webhookFormat) },
      allow: 'POST, OPTIONS',
      counted: ['POST'],
      isForTeams: true,
    },
  ];
}

/** The routes that are about the process, whoever shares it. */
export function processRoutes({ metrics, notReady, reload }: ProcessRoutesOptions): readonly Route[] {
  const health = { isHealth: true } as const;
  return [
    { path: '/-/healthy', methods: onlyRead((_, response) => answerText(response, 200, 'OK')), ...health },
    { path: '/-/ready', methods: onlyRead((_, response) => answerReady(response, notReady())), ...health },
    { path: '/-/reload', methods: { POST: (_, response) => answerReload(response, reload) } },
    { path: '/metrics', methods: { GET: (request, response) => metrics.answer(request, response) } },
  ];
}

function v2(path: string, methods: Route['methods']): Route {
  return { path: `/api/v2/${path}`, methods, api: '/api/v2/', isForTeams: true };
}

function onlyRead(handler: Route['methods'][string]): Route['methods'] {
  return { GET: handler, HEAD: handler };
}

/** A path of the earlier API, with its methods. */
function removed(path: string, methods: readonly string[]): Route {
  const all = Object.fromEntries(methods.map((method) => [method, answerRemoved]));
  return { path: `/api/v1/${path}`, methods: all, label: 'other', isForTeams: true };
}

const deprecated = {
  status: 'deprecated',
  error:
    'The Alertmanager v1 API was deprecated in version 0.16.0 and is removed as of version 0.27.0 - please use the ' +
    'equivalent route in the v2 API',
};

/** 410, in the words of Alertmanager. */
function answerRemoved(_: IncomingMessage, response: ServerResponse): void {
  answer(response, 410, 'application/json', `${JSON.stringify(deprecated)}\n`, {});
}

function answerReady(response: ServerResponse, reason: string | undefined): void {
  answerText(response, reason === undefined ? 200 : 503, reason === undefined ? 'OK' : `not ready: ${reason}\n`);
}

/** The result of a reload: the keys that need a restart; or every problem, a line each, and then nothing has changed. */
type ReloadResult = { readonly needRestart: readonly string[] } | { readonly problems: readonly string[] };

/** Reloads the configuration. Never rejects. */
export type Reload = () => Promise<ReloadResult>;

/** `POST /-/reload`, answered as by Alertmanager. In addition, it names the keys that need a restart, and every problem. */
async function answerReload(response: ServerResponse, reload: Reload): Promise<void> {
  const result = await reload();
  if ('problems' in result)
    return answerText(response, 500, `failed to reload config: ${result.problems.join('\n')}\n`);
  const lines = result.needRestart.map((key) => `${key} needs a restart: the running value stays\n`);
  if (lines.length > 0) answerText(response, 200, lines.join(''));
  else response.writeHead(200, { 'Content-Length': 0 }).end();
}
