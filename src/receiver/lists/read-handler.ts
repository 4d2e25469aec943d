import type { IncomingMessage, ServerResponse } from 'node:http';
import { LineOnceAWhile } from '../../runtime/limited-lines.ts';
import { MatcherError } from '../../matcher/anchored-regexp.ts';
import { excerpt } from '../../text/bounded-body.ts';
import {
  noCluster,
  receiverName,
  statusJson,
  silenceJson,
  type ClusterStatus,
  type StatusOptions,
} from './api-json.ts';
import type { Alert } from '../../alert/alert.ts';
import { AlertLists, type SilencedBy, type SlicedText } from './alert-lists.ts';
import { isLabelled, parseMatchers } from './alert-query.ts';
import { answerJson, Refusal } from '../../server/request/answer.ts';
import { refuseRequest, requireKnown } from '../refusals.ts';
import { ListAnswers } from './list-answers.ts';
import { Query } from '../../text/go/url.ts';
import type { HttpMetrics, LimitName } from '../../server/request/http-metrics.ts';
import { remoteOf, requireAcceptsJson } from '../../server/request/request-head.ts';
import type { AlertStore } from '../../alert/alert-store.ts';
import type { OnUndecided, Matcher } from '../../matcher/matcher.ts';
import type { Config } from '../../config/config.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { silenceState, type Silence, type SilenceState } from '../../silence/silence.ts';
import { inSlices, slicedSort, Slices } from '../../runtime/slices.ts';
import type { Rights, RightsOf } from '../../access/rights.ts';
import { namespacesOfAlerts, requiredNamespaces, Visible } from '../../access/visible.ts';
import type { Clock } from '../../runtime/clock.ts';

interface ReadHandlerOptions extends Pick<Runtime, 'clock' | 'logger' | 'schedule'> {
  readonly store: Pick<AlertStore, 'all'>;
  readonly rightsOf: RightsOf;
  readonly metrics: Pick<HttpMetrics, 'limitReached'>;
  readonly lists: AlertLists;
  readonly silences: ListedSilences;
  /** Why it is not known which silences there are; undefined if it is. Default: it is. */
  readonly silencesUnknown?: (() => string | undefined) | undefined;
  readonly status: StatusOptions;
  /** Default: those of the store. */
  readonly allAlerts?: AllAlerts | undefined;
}

/** The alerts of all replicas: each alert once. It may add headers that say whose are missing. Must not reject. */
export type AllAlerts = (response: ServerResponse) => Promise<Iterable<Alert>>;

/** The silences that a request may list. */
type ListedSilences = (request: IncomingMessage) => Iterable<Silence>;

/** The GETs of the API. No method rejects, and every request is answered, unless its connection is gone. */
export class ReadHandler {
  readonly #options: ReadHandlerOptions;
  readonly #answers: ListAnswers;
  /** The number of refused lists that have not been logged yet. */
  #refused = 0;
  readonly #refusedLine: LineOnceAWhile;

  constructor(options: ReadHandlerOptions) {
    this.#options = options;
    this.#answers = new ListAnswers(options);
    this.#refusedLine = new LineOnceAWhile(options.clock);
  }

  alerts(request: IncomingMessage, response: ServerResponse): Promise<void> {
    return this.#listFor(request, response, 'alerts', (...asked) => this.#options.lists.alerts(...asked));
  }

  groups(request: IncomingMessage, response: ServerResponse): Promise<void> {
    return this.#listFor(request, response, 'alerts', (...asked) => this.#options.lists.groups(...asked));
  }

  silences(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { clock, silences, silencesUnknown } = this.#options;
    return this.#listFor(request, response, 'silences', (query, visible) => {
      requireKnown(silencesUnknown?.());
      return silenceList(silences(request), clock, query, visible);
    });
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

  #list(request: IncomingMessage, response: ServerResponse, list: (query: Query) => SlicedText): Promise<void> {
    return this.#listFor(request, response, undefined, list);
  }

  /** @param resource what is listed, of the namespaces in which the sender may see it; undefined: everybody may see all of it */
  async #listFor(
    request: IncomingMessage,
    response: ServerResponse,
    resource: 'alerts' | 'silences' | undefined,
    list: (query: Query, visible: Visible | undefined, alerts: Iterable<Alert>) => SlicedText,
  ): Promise<void> {
    try {
      requireAcceptsJson(request);
      const { allAlerts, rightsOf, store } = this.#options;
      const query = new Query(request.url!);
      const alerts = resource === 'alerts' && allAlerts !== undefined ? await allAlerts(response) : store.all();
      const rights = resource === undefined ? undefined : rightsOf(request);
      const visible = rights === undefined ? undefined : await this.#visible(request, rights, resource!, query, alerts);
      await this.#answers.send(response, list(query, visible, alerts));
    } catch (error) {
      this.#fail(request, response, error);
    }
  }

  /** Who names a namespace in a filter has to have a right there. Of the others, the namespaces that occur are looked at. */
  async #visible(
    request: IncomingMessage,
    rights: Rights,
    resource: 'alerts' | 'silences',
    query: Query,
    alerts: Iterable<Alert>,
  ): Promise<Visible | undefined> {
    const { schedule, silences } = this.#options;
    const slices = new Slices(schedule, 'lists');
    const label = rights.namespaceLabel;
    const named = requiredNamespaces(await inSlices(parseMatchers(query.all('filter')), slices), label);
    if (named.length > 0) {
      await rights.require('get', resource, named);
      return new Visible(named, label);
    }
    return rights.visible('get', resource, () =>
      resource === 'alerts'
        ? namespacesOfAlerts(alerts, label, slices)
        : [...silences(request)].flatMap(({ matchers }) => requiredNamespaces(matchers, label)),
    );
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
    if (refuseRequest(request, response, error, metrics) < 500 || error instanceof Refusal) return;
    logger.error('list.failed', 'a list could not be answered', { path: request.url, error });
    // An answer that has begun cannot become an error.
    if (!response.writableEnded) response.destroy();
  }
}

function* receivers(query: Query): SlicedText {
  const isWanted = yield* isLabelled(query);
  yield `${JSON.stringify(isWanted ? [{ labels: { name: receiverName }, name: receiverName }] : [])}\n`;
}

export interface ReadOptions extends Pick<Runtime, 'clock' | 'logger' | 'schedule'> {
  readonly rightsOf: RightsOf;
  readonly metrics: Pick<HttpMetrics, 'limitReached'>;
  readonly store: Pick<AlertStore, 'all'>;
  readonly silences: ListedSilences;
  readonly silencedBy: SilencedBy;
  readonly silencesUnknown?: (() => string | undefined) | undefined;
  /** Called when a filter cannot decide. */
  readonly onUndecided: OnUndecided;
  /** Tocsin's version. */
  readonly version: string;
  /** Gives the current configuration. */
  readonly config: () => Config;
  /** Default: those of the store. */
  readonly allAlerts?: AllAlerts | undefined;
  /** The other replicas. Default: there are none. */
  readonly cluster?: (() => ClusterStatus) | undefined;
}

/** Connects the parts that answer the GETs. */
export function createReadHandler(options: ReadOptions): ReadHandler {
  const { config, clock, version } = options;
  const { group_by: groupBy } = config().receiver;
  return new ReadHandler({
    ...options,
    lists: new AlertLists({ ...options, groupBy }),
    status: {
      version,
      startedAt: clock.now(),
      groupBy,
      resolveTimeoutMs: () => config().receiver.resolve_timeout,
      cluster: options.cluster ?? (() => noCluster),
    },
  });
}

/** The number of silences in one step. */
const silencesPerStep = 64;

interface Listed {
  readonly silence: Silence;
  readonly state: SilenceState;
}

/**
 * The answer of `GET /api/v2/silences`: first the active silences, the next to end first; then the pending ones, the next to
 * start first; then the expired ones, the last to end first. Throws a MatcherError before it gives any text.
 */
function* silenceList(silences: Iterable<Silence>, clock: Clock, query: Query, visible?: Visible): SlicedText {
  const matchers = yield* parseMatchers(query.all('filter'));
  const now = clock.now();
  const found: Listed[] = [];
  let looked = 0;
  for (const silence of silences) {
    if (++looked % silencesPerStep === 0) yield;
    const state = silenceState(silence, now);
    if (visible?.showsSilence(silence) === false) continue;
    if (query.flag(state) && holdsAll(silence, matchers)) found.push({ silence, state });
  }
  let before = '[';
  for (const { silence } of yield* slicedSort(found, compare)) {
    yield before + silenceJson(silence, now);
    before = ',';
  }
  yield before === '[' ? '[]\n' : ']\n';
}

const order: Readonly<Record<SilenceState, number>> = { active: 1, pending: 2, expired: 3 };

function compare(a: Listed, b: Listed): number {
  if (a.state !== b.state) return order[a.state] - order[b.state];
  switch (a.state) {
    case 'active':
      return a.silence.endsAt - b.silence.endsAt;
    case 'pending':
      return a.silence.startsAt - b.silence.startsAt;
    case 'expired':
      return b.silence.endsAt - a.silence.endsAt;
  }
}

/** The filter is not evaluated: for each of its matchers, the silence has to have an equal one. */
function holdsAll(silence: Silence, wanted: readonly Matcher[]): boolean {
  return wanted.every(({ name, type, value }) =>
    silence.matchers.some((matcher) => matcher.name === name && matcher.type === type && matcher.value === value),
  );
}
