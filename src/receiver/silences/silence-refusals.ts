import type { IncomingMessage, ServerResponse } from 'node:http';
import { SilenceError, NotStoredError } from '../../silence/silence-error.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { answerNothing, answerRefusal, answerString, refuse } from '../../server/request/answer.ts';
import { LineLimiter } from '../../runtime/line-limiter.ts';
import type { Sender } from '../../server/request/sender.ts';
import type { SilenceMetrics } from '../../silence/silence-report.ts';

export interface SilenceRefusalsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: SilenceMetrics;
  /** `log.alert_lines_per_second`. */
  readonly perSecond: number;
}

/** Answers requests about silences that are refused, and tells the log and the metrics. */
export class SilenceRefusals {
  readonly #options: SilenceRefusalsOptions;
  readonly #limiter: LineLimiter;

  constructor(options: SilenceRefusalsOptions) {
    this.#options = options;
    const { clock, logger, perSecond } = options;
    const onOverflow = (lines: number): void =>
      logger.warn('silence.rejections_limited', 'more requests about silences were refused than are written out', {
        lines,
        per_second: this.#limiter.perSecond,
      });
    this.#limiter = new LineLimiter({ clock, perSecond, onOverflow });
  }

  refuse(request: IncomingMessage, response: ServerResponse, sender: Sender, error: unknown): void {
    const status = this.#answer(request, response, error);
    if (error instanceof SilenceError && error.limit !== undefined) this.#options.metrics.limitReached(error.limit);
    // To ask whether a silence is there is no fault.
    if (request.method === 'GET' || !this.#limiter.allows()) return;
    this.#tell(request, sender, status, error as Error);
  }

  /** Another bound, from now on. */
  set perSecond(lines: number) {
    this.#limiter.perSecond = lines;
  }

  /** At the end: says what is still to be said. */
  close(): void {
    this.#limiter.flush();
  }

  /** Gives the status, also if there is nobody any more to tell it to. */
  #answer(request: IncomingMessage, response: ServerResponse, error: unknown): number {
    if (!(error instanceof SilenceError || error instanceof NotStoredError)) return refuse(response, error);
    const status = error instanceof SilenceError ? error.status : 500;
    if (response.headersSent || response.destroyed) return status;
    if (error instanceof SilenceError && error.code !== undefined)
      answerRefusal(response, status, error.code, error.message);
    else if (status === 404 && request.method !== 'POST') answerNothing(response, 404);
    else answerString(response, status, error.message);
    return status;
  }

  #tell({ method }: IncomingMessage, sender: Sender, status: number, error: Error): void {
    const { logger } = this.#options;
    const { requestId, remote, userAgent } = sender;
    const fields = { request_id: requestId, remote, user_agent: userAgent, method, status };
    if (error instanceof NotStoredError)
      logger.error('silence.not_stored', 'a silence could not be written to the storage: nothing has changed', {
        ...fields,
        error: (error.cause as Error).cause ?? error.cause,
      });
    else if (status === 500)
      logger.error('silence.failed', 'a defect: a request about a silence could not be answered', {
        ...fields,
        reason: error.message,
        stack: error.stack,
      });
    else logger.warn('silence.rejected', 'a request about a silence was refused', { ...fields, reason: error.message });
  }
}
