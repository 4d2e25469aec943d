import type { Clock } from '../runtime/clock.ts';
import { LineLimiter } from '../runtime/line-limiter.ts';
import { pipelineLinesPerSecond } from '../limits.ts';
import type { Logger } from '../runtime/logger.ts';
import type { PipelineChange } from '../reconcile/ports.ts';

export interface PipelineLinesOptions {
  readonly clock: Clock;
  readonly logger: Logger;
}

const messages: Readonly<Record<PipelineChange['kind'], string>> = {
  added: 'a pipeline was added',
  changed: 'the spec of a pipeline changed, or its condition ConfigurationGenerated',
  removed: 'a pipeline was removed',
};

/** Tells of pipelines that came, went or changed: so many at info, so that a list after a long pause does not fill the log. */
export class PipelineLines {
  readonly #logger: Logger;
  readonly #limiter: LineLimiter;

  constructor({ clock, logger }: PipelineLinesOptions) {
    this.#logger = logger;
    const onOverflow = (lines: number): void =>
      logger.info('pipeline.lines_limited', 'more pipelines came, went or changed than are written out at info', {
        lines,
        per_second: pipelineLinesPerSecond,
      });
    this.#limiter = new LineLimiter({ clock, perSecond: pipelineLinesPerSecond, onOverflow });
  }

  write({ kind, request }: PipelineChange): void {
    const level = this.#limiter.allows() ? 'info' : 'debug';
    this.#logger[level](`pipeline.${kind}`, messages[kind], { ...request });
  }

  /** At the end: says what is still to be said. */
  close(): void {
    this.#limiter.flush();
  }
}
