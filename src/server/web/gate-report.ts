import type { IncomingMessage } from 'node:http';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { LogFields } from '../../runtime/logger.ts';
import { LimitedLines } from '../../runtime/limited-lines.ts';
import type { HttpMetrics } from '../request/http-metrics.ts';
import type { Sender } from '../request/request-head.ts';
import type { Runtime } from '../../runtime/runtime.ts';

/** The most log lines per second about requests without a good password or token. */
const unauthorizedLinesPerSecond = 10;

interface GateReportOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly metrics: HttpMetrics;
  readonly webMetrics: WebMetrics;
}

/** Reports to the log and the metrics who was refused. It shows nothing from the header with the credentials. */
export class GateReport {
  readonly #options: GateReportOptions;
  readonly #limiter: LimitedLines;

  constructor(options: GateReportOptions) {
    this.#options = options;
    const { clock, logger } = options;
    const onOverflow = (fields: LogFields): void =>
      logger.warn('requests.unauthorized_limited', 'more requests were turned away than are written out', fields);
    this.#limiter = new LimitedLines({ clock, logger, perSecond: () => unauthorizedLinesPerSecond, onOverflow });
  }

  /** @param user the name in the request if the configuration has it; an unknown name may be a password by mistake */
  unauthorized(request: IncomingMessage, sender: Sender, path: string, reason: AuthFailure, user?: string): void {
    const { logger, metrics, webMetrics } = this.#options;
    webMetrics.authFailed(reason);
    if (reason === 'busy') metrics.limitReached('password_checks');
    if (!this.#limiter.allows()) return;
    logger.warn('request.unauthorized', 'a request was not let in', {
      request_id: sender.requestId,
      remote: sender.remote,
      user_agent: sender.userAgent,
      method: request.method,
      path: path.slice(0, 200),
      reason,
      user,
    });
  }

  rateLimited(): void {
    this.#options.metrics.limitReached('rate_limit');
  }

  /** A refusal that should have been delayed was given at once; the line about the refusal itself says so. */
  tooManyDelayed(): void {
    this.#options.metrics.limitReached('delayed_refusals');
  }

  /** A password could not be hashed. */
  failed(sender: Sender, error: unknown): void {
    this.#options.logger.error('request.auth_failed', 'a defect: a password could not be checked', {
      request_id: sender.requestId,
      error,
    });
  }
}

/** The reasons why a request was refused. */
const authFailures = [
  'missing',
  'malformed',
  'password',
  'token',
  'forbidden',
  'unavailable',
  'busy',
  'host',
  'cross_site',
] as const;
export type AuthFailure = (typeof authFailures)[number];

/** The reasons why a TLS handshake failed. `reset`: the client disconnected, like a port probe. */
const handshakeFailures = ['timeout', 'certificate', 'protocol', 'reset'] as const;
export type HandshakeFailure = (typeof handshakeFailures)[number];

export interface WebMetrics {
  authFailed(reason: AuthFailure): void;
  handshakeFailed(reason: HandshakeFailure): void;
  /** @param notAfterMs of the server's own certificate; NaN without TLS */
  loaded(now: number, notAfterMs: number): void;
  loadFailed(): void;
}

export function createWebMetrics(registry: Registry): WebMetrics {
  const registers = [registry];
  const auth = new Counter({
    registers,
    name: 'tocsin_http_auth_failures_total',
    help: 'Requests that were not let in, by reason.',
    labelNames: ['reason'],
  });
  const handshakes = new Counter({
    registers,
    name: 'tocsin_tls_handshake_failures_total',
    help: 'TLS connections that were ended before their first request, by reason.',
    labelNames: ['reason'],
  });
  const good = new Gauge({
    registers,
    name: 'tocsin_web_config_last_reload_successful',
    help: 'Whether the web configuration, as it is in its files now, is the one in use.',
  });
  const at = new Gauge({
    registers,
    name: 'tocsin_web_config_last_reload_success_timestamp_seconds',
    help: 'When the web configuration in use was read.',
  });
  const notAfter = new Gauge({
    registers,
    name: 'tocsin_tls_certificate_not_after_timestamp_seconds',
    help: 'When the certificate in use ends; 0 without TLS.',
  });
  for (const reason of authFailures) auth.inc({ reason }, 0);
  for (const reason of handshakeFailures) handshakes.inc({ reason }, 0);
  good.set(1);
  return {
    authFailed: (reason) => auth.inc({ reason }),
    handshakeFailed: (reason) => handshakes.inc({ reason }),
    loaded(now, notAfterMs) {
      good.set(1);
      at.set(now / 1000);
      notAfter.set(Number.isNaN(notAfterMs) ? 0 : notAfterMs / 1000);
    },
    loadFailed: () => good.set(0),
  };
}
