import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../runtime/clock.ts';
import { unauthorizedLinesPerSecond } from '../../limits.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { AuthFailure, WebMetrics } from './web-metrics.ts';
import { LineLimiter } from '../../runtime/line-limiter.ts';
import type { HttpMetrics } from '../request/http-metrics.ts';
import type { Sender } from '../request/sender.ts';

export interface GateReportOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: HttpMetrics;
  readonly webMetrics: WebMetrics;
}

/** Tells the log and the metrics who was not let in. Nothing that a header of theirs offered is in it. */
export class GateReport {
  readonly #options: GateReportOptions;
  readonly #limiter: LineLimiter;

  constructor(options: GateReportOptions) {
    this.#options = options;
    const { clock, logger } = options;
    const onOverflow = (lines: number): void =>
      logger.warn('requests.unauthorized_limited', 'more requests were turned away than are written out', {
        lines,
        per_second: unauthorizedLinesPerSecond,
      });
    this.#limiter = new LineLimiter({ clock, perSecond: unauthorizedLinesPerSecond, onOverflow });
  }

  /** @param user the name in the request, if it is one that the configuration has: any other may be a password by mistake */
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

  /** A refusal was given at once that was to cost its sender time: the line about the refusal itself tells of it. */
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

  /** At the end: says what is still to be said. */
  close(): void {
    this.#limiter.flush();
  }
}
