import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Route } from '../../server/routes.ts';
import { answerJson, refuse, Refusal } from '../../server/request/answer.ts';
import { remoteOf } from '../../server/request/request-head.ts';
import { Query } from '../../text/go/url.ts';
import type { PeerCredentials } from './peer-credentials.ts';
import type { PeerReport } from './peer-report.ts';
import type { Hello } from './peers.ts';
import type { SpineReplica } from './spine-replica.ts';

export interface PeerRoutesOptions {
  readonly credentials: PeerCredentials;
  readonly report: PeerReport;
  readonly hello: () => Hello;
  /** Undefined: there is no such tenant here. */
  readonly spine: (tenant: string) => SpineReplica | undefined;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;

/**
 * What the replicas say to each other. Nobody else comes in: the web configuration neither opens nor closes these paths, and a request
 * without the credentials of a replica is a 401 that says why.
 */
export function peerRoutes(options: PeerRoutesOptions): readonly Route[] {
  const route = (name: string, method: 'GET' | 'POST', handler: Handler): Route => ({
    path: `/api/peers/v1/${name}`,
    methods: { [method]: (request, response) => guarded(options, request, response, handler) },
    api: '/api/peers/v1/',
    isForPeers: true,
  });
  const ofSpine =
    (handler: (spine: SpineReplica, ...asked: Parameters<Handler>) => Promise<void>): Handler =>
    (request, response) =>
      handler(spineOf(options, request), request, response);
  return [
    route('hello', 'GET', (_, response) => answerJson(response, options.hello())),
    route(
      'told',
      'POST',
      ofSpine((spine, ...asked) => spine.told(...asked)),
    ),
    route(
      'received',
      'POST',
      ofSpine((spine, ...asked) => spine.received(...asked)),
    ),
    route(
      'alerts',
      'POST',
      ofSpine((spine, ...asked) => spine.take(...asked)),
    ),
    route(
      'unlike',
      'POST',
      ofSpine((spine, ...asked) => spine.unlike(...asked)),
    ),
    route(
      'known',
      'GET',
      ofSpine((spine, ...asked) => spine.questions.answer(...asked)),
    ),
  ];
}

function spineOf({ spine }: PeerRoutesOptions, request: IncomingMessage): SpineReplica {
  const tenant = new Query(request.url!).last('tenant') ?? '';
  const found = spine(tenant);
  if (found === undefined)
    throw new Refusal(404, `there is no tenant ${tenant === '' ? 'without a name' : tenant} here`);
  return found;
}

/** Never rejects. */
async function guarded(
  { credentials, report }: PeerRoutesOptions,
  request: IncomingMessage,
  response: ServerResponse,
  handler: Handler,
): Promise<void> {
  try {
    const verdict = await credentials.judge(request);
    if (verdict !== 'good') {
      report.refused(remoteOf(request.socket), verdict.reason);
      // Its body is not read.
      request.resume();
      response.setHeader('WWW-Authenticate', 'Bearer realm="peers of Tocsin"');
      throw new Refusal(verdict.status, verdict.reason);
    }
    await handler(request, response);
  } catch (error) {
    if (!(error instanceof Refusal)) report.broken(request.url ?? '', error);
    refuse(response, error);
  }
}
