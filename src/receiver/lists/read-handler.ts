import { LineOnceAWhile } from '../../runtime/limited-lines.ts';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { MatcherError } from '../../matcher/matcher-error.ts';
import type { Silences } from '../../silence/silences.ts';
import { excerpt } from '../../text/excerpt.ts';
import { refuseRequest, requireAcceptsJson } from '../refusals.ts';
import { receiverName, statusJson, type StatusOptions } from './api-json.ts';
import { AlertLists, type SlicedText } from './alert-lists.ts';
import { isLabelled } from './alert-query.ts';
import { answerJson } from '../../server/request/answer.ts';
import { ListAnswers } from './list-answers.ts';
import { Query } from '../../text/go/url.ts';
import type { LimitName } from '../../server/request/http-metrics.ts';
import type { ReceiverMetrics } from '../intake/receiver-metrics.ts';
import { silenceList } from './silence-list.ts';
import { remoteOf } from '../../server/request/sender.ts';
import type { AlertStore } from '../../alert/alert-store.ts';
import type { OnUndecided } from '../../matcher/matcher.ts';
import type { Config } from '../../config/config.ts';
import type { Runtime } from '../../runtime/runtime.ts';

interface ReadHandlerOptions extends Pick<Runtime, 'clock' | 'logger' | 'schedule'> {
  readonly metrics: ReceiverMetrics;
  readonly lists: AlertLists;
  readonly silences: Silences;
  readonly status: StatusOptions;
}

/** The GETs of the API. None rejects; every request is answered, unless its connection is gone. */
export class ReadHandler {
  readonly #options: ReadHandlerOptions;
  readonly #answers: ListAnswers;
  /** Lists over a limit of which the log has not told yet. */
  #refused = 0;
  readonly #refusedLine: LineOnceAWhile;

  constructor(options: ReadHandlerOptions) {
    this.#options = options;
    this.#answers = new ListAnswers(options);
    this.#refusedLine = new LineOnceAWhile(options.clock);
  }

  alerts(request: IncomingMessage, response: ServerResponse): Promise<void> {
    return this.#list(request, response, (query) => this.#options.lists.alerts(query));
  }

  groups(request: IncomingMessage, response: ServerResponse): Promise<void> {
    return this.#list(request, response, (query) => this.#options.lists.groups(query));
  }

  silences(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { clock, silences } = this.#options;
    return this.#list(request, response, (query) => silenceList(silences, clock, query));
  }

  receivers(request: IncomingMessage, response: ServerResponse): Promise<void> {
    return this.#list(request, response, receivers);
  }

  status(request: IncomingMessage, response: ServerResponse): void {
    try {
      requireAcceptsJson(request);
      answerJson(response, statusJson(this.#options.status));
    } catch (error) {
      this.#fail(request, response, error);
    }
  }

  async #list(request: IncomingMessage, response: ServerResponse, list: (query: Query) => SlicedText): Promise<void> {
    try {
      requireAcceptsJson(request);
      await this.#answers.send(response, list(new Query(request.url!)));
    } catch (error) {
      this.#fail(request, response, error);
    }
  }

  #limited({ socket, url }: IncomingMessage, limit: LimitName): void {
    const { logger } = this.#options;
    this.#refused++;
    if (!this.#refusedLine.allows()) return;
    logger.warn('list.refused', 'lists were refused: their filters are too large together; ask with fewer', {
      remote: remoteOf(socket),
      path: excerpt(url ?? ''),
      limit,
      refused: this.#refused,
    });
    this.#refused = 0;
  }

  #fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    const { logger, metrics } = this.#options;
    if (error instanceof MatcherError && error.limit !== undefined) this.#limited(request, error.limit);
    if (refuseRequest(request, response, error, metrics) < 500) return;
    logger.error('list.failed', 'a list could not be answered', { path: request.url, error });
    // Of what has begun nothing else can be told.
    if (!response.writableEnded) response.destroy();
  }
}

function* receivers(query: Query): SlicedText {
  const isWanted = yield* isLabelled(query);
  yield `${JSON.stringify(isWanted ? [{ labels: { name: receiverName }, name: receiverName }] : [])}\n`;
}

interface ReadOptions extends Pick<Runtime, 'clock' | 'logger' | 'schedule'> {
  readonly config: Config;
  readonly metrics: ReceiverMetrics;
  readonly store: AlertStore;
  readonly silences: Silences;
  /** Told of what a filter cannot decide. */
  readonly onUndecided: OnUndecided;
  /** Of Tocsin. */
  readonly version: string;
  /** The configuration that holds when it is called. */
  readonly current: () => Config;
}

/** What answers the GETs, put together. */
export function createReadHandler(options: ReadOptions): ReadHandler {
  const { config, clock, version, silences, current } = options;
  const { group_by: groupBy } = config.receiver;
  return new ReadHandler({
    ...options,
    lists: new AlertLists({ ...options, silencedBy: (alert, now) => silences.silencedBy(alert, now), groupBy }),
    status: {
      version,
      startedAt: clock.now(),
      groupBy,
      get resolveTimeoutMs() {
        return current().receiver.resolve_timeout;
      },
    },
  });
}
