import type { RequestListener, ServerResponse } from 'node:http';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import {
  answerNotAllowed,
  answerNotFound,
  answerRefusal,
  answerText,
  refuse,
  answer,
} from '../server/request/answer.ts';
import type { AlertsHandler } from './intake/alerts-handler.ts';
import { webhookDoor } from './intake/batch.ts';
import type { ReadHandler } from './lists/read-handler.ts';
import type { MetricsPage } from './metrics-page.ts';
import type { SilencesHandler } from './silences/silences-handler.ts';

interface RoutesOptions {
  readonly alerts: AlertsHandler;
  readonly reads: ReadHandler;
  readonly silences: SilencesHandler;
  readonly metrics: MetricsPage;
  /** Why Tocsin is not ready; undefined once it is. */
  readonly notReady: () => string | undefined;
  readonly reload: Reload;
}

/** All routes. The one that is busy all day goes past express, which would take a quarter of what a POST of one alert costs. */
export function createRoutes(given: RoutesOptions): RequestListener {
  const app = createApp(given);
  return (request, response) => {
    if (request.method === 'POST' && request.url === '/api/v2/alerts') void given.alerts.handle(request, response);
    else app(request, response);
  };
}

/**
 * What is offered at which path: the receiver's table of contents. Everything else is Alertmanager's 404 or 405. Paths come
 * in the one spelling of request-target.ts, from which express is not to differ.
 */
function createApp({ alerts, reads, silences, metrics, notReady, reload }: RoutesOptions): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing').enable('strict routing');

  addApiRoute(app, '/api/v2/alerts', {
    GET: (request, response) => reads.alerts(request, response),
    POST: (request, response) => alerts.handle(request, response),
  });
  addApiRoute(app, '/api/v2/alerts/groups', { GET: (request, response) => reads.groups(request, response) });
  addApiRoute(app, '/api/v2/receivers', { GET: (request, response) => reads.receivers(request, response) });
  addApiRoute(app, '/api/v2/status', { GET: (request, response) => reads.status(request, response) });
  addApiRoute(app, '/api/v2/silences', {
    GET: (request, response) => reads.silences(request, response),
    POST: (request, response) => silences.post(request, response),
  });
  addApiRoute(app, '/api/v2/silence/:id', {
    GET: (request, response) => silences.get(request, response, String(request.params['id'])),
    DELETE: (request, response) => silences.delete(request, response, String(request.params['id'])),
  });
  addRemovedRoutes(app);
  app.post('/webhook', (request, response) => alerts.handle(request, response, webhookDoor));
  app.all('/webhook', (request, response) => options(request, response, 'POST, OPTIONS'));
  app.all('/-/healthy', onlyRead, (_, response) => answerText(response, 200, 'OK'));
  app.all('/-/ready', onlyRead, (_, response) => {
    const reason = notReady();
    answerText(response, reason === undefined ? 200 : 503, reason === undefined ? 'OK' : `not ready: ${reason}\n`);
  });
  app.post('/-/reload', (_, response) => answerReload(response, reload));
  app.all('/-/reload', (request, response) => options(request, response, 'OPTIONS, POST'));
  app.get('/metrics', (request, response) =>
    request.method === 'HEAD' ? answerNotAllowed(response, 'GET, OPTIONS') : metrics.answer(request, response),
  );
  app.all('/metrics', (request, response) => options(request, response, 'GET, OPTIONS'));
  app.use((request, response) => notFound(request, response));
  app.use(onError);
  return app;
}

type Handler = (request: Request, response: Response) => Promise<void> | void;

/** A path of the API, and what is done for each method. */
function addApiRoute(app: Express, path: string, handlers: Readonly<Record<string, Handler>>): void {
  app.all(path, (request, response) => {
    const handler = handlers[request.method];
    return handler === undefined
      ? refuseMethod(request, response, Object.keys(handlers).join(','))
      : handler(request, response);
  });
}

function addRemovedRoutes(app: Express): void {
  for (const [path, methods] of removedRoutes) {
    const allowed = [...methods, 'OPTIONS'].toSorted().join(', ');
    app.all(path, (request, response) =>
      methods.includes(request.method) ? answerRemoved(response) : options(request, response, allowed),
    );
  }
}

function onlyRead(request: Request, response: Response, next: NextFunction): void {
  if (request.method === 'GET' || request.method === 'HEAD') next();
  else options(request, response, 'GET, HEAD, OPTIONS');
}

function options(request: Request, response: Response, allowed: string): void {
  if (request.method !== 'OPTIONS') return answerNotAllowed(response, allowed);
  response.writeHead(200, { Allow: allowed, 'Content-Length': 0 }).end();
}

function refuseMethod(request: Request, response: Response, allowed: string): void {
  response.setHeader('Allow', allowed);
  answerRefusal(response, 405, 405, `method ${request.method} is not allowed, but [${allowed}] are`);
}

function notFound(request: Request, response: Response): void {
  const path = request.path.slice(0, 200);
  if (path.startsWith('/api/v2/')) answerRefusal(response, 404, 404, `path ${path} was not found`);
  else answerNotFound(response);
}

/** Express tells an error handler by its four parameters. */
function onError(error: unknown, _request: Request, response: Response, _next: NextFunction): void {
  refuse(response, error);
}

/** The paths of the API before this one, and the methods that they had. */
const removedRoutes: readonly (readonly [path: string, methods: readonly string[]])[] = [
  ['/api/v1/alerts', ['GET', 'POST']],
  ['/api/v1/status', ['GET']],
  ['/api/v1/receivers', ['GET']],
  ['/api/v1/silences', ['GET', 'POST']],
  ['/api/v1/silence/:id', ['DELETE', 'GET']],
];

const removed = {
  status: 'deprecated',
  error:
    'The Alertmanager v1 API was deprecated in version 0.16.0 and is removed as of version 0.27.0 - please use the ' +
    'equivalent route in the v2 API',
};

/** 410, in the words of Alertmanager. */
function answerRemoved(response: ServerResponse): void {
  answer(response, 410, 'application/json', `${JSON.stringify(removed)}\n`, {});
}

/** What became of a reload: the keys that need a restart, or every problem, a line each, and nothing has changed. */
type ReloadResult = { readonly needRestart: readonly string[] } | { readonly problems: readonly string[] };

/** Reloads the configuration. Never rejects. */
export type Reload = () => Promise<ReloadResult>;

/** `POST /-/reload`, as Alertmanager answers it; beyond that, it says which keys need a restart, and every problem. */
async function answerReload(response: ServerResponse, reload: Reload): Promise<void> {
  const result = await reload();
  if ('problems' in result)
    return answerText(response, 500, `failed to reload config: ${result.problems.join('\n')}\n`);
  const lines = result.needRestart.map((key) => `${key} needs a restart: the running value stays\n`);
  if (lines.length > 0) answerText(response, 200, lines.join(''));
  else response.writeHead(200, { 'Content-Length': 0 }).end();
}
