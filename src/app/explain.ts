import { join } from 'node:path';
import type { RightsOf } from '../access/rights.ts';
import type { AlertStore } from '../alert/alert-store.ts';
import type { Config } from '../config/config.ts';
import { createExplainApi, type ExplainStage } from '../explain/create-explain-api.ts';
import type { Items } from '../explain/own-answers.ts';
import type { PredictorSettings } from '../explain/predictor.ts';
import { nearestPath } from '../config/settings/unknown-key.ts';
import type { AskedReplicas } from '../explain/replica-answers.ts';
import type { LiveTriggers } from '../explain/trigger-predictions.ts';
import type { PipelineName } from '../explain/schema.ts';
import type { Status } from '../explain/schema-status.ts';
import { isSamePipeline } from '../explain/words.ts';
import type { Problem } from '../drift/problems.ts';
import { History } from '../history/history.ts';
import { Payloads } from '../history/payloads.ts';
import type { Receiver } from '../receiver/receiver.ts';
import { requestKey, type Pipelines, type Request } from '../reconcile/ports.ts';
import { keepingLogger, type Logger } from '../runtime/logger.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { OnBody } from '../receiver/intake/alerts-handler.ts';
import { Refusal } from '../server/request/answer.ts';
import type { Route } from '../server/routes.ts';
import type { AppOptions } from './app-options.ts';
import type { CurrentAlertSource } from './current-alert-source.ts';

export interface KeptHistoryOptions extends Runtime, Pick<AppOptions, 'storagePath'> {
  /** Gives the current configuration. */
  readonly config: () => Config;
}

/** The subjects of the API's questions, besides the history. */
export interface ExplainParts {
  readonly store: AlertStore;
  readonly pipelines: Pipelines;
  readonly alerts: CurrentAlertSource;
  readonly nextResyncAt: () => number | undefined;
  readonly problems: () => readonly Problem[];
  readonly status: () => Promise<Status>;
  /** Starts a look at pipelines for a person; returns the event. */
  /** The triggers in force. */
  readonly triggers: LiveTriggers;
  readonly reconcile: (requests: readonly Request[], requestId: string) => string;
  readonly resumeStorm: () => Promise<number>;
  readonly receiver: Pick<Receiver, 'silences' | 'readBody' | 'readAlerts'>;
  readonly options: Pick<AppOptions, 'version' | 'web'>;
  /** The rights of a request's sender. */
  readonly rightsOf: RightsOf;
  /** The other replicas. Default: there are none. */
  readonly others?: AskedReplicas | undefined;
}

/** History and payloads, their sources, and the API that answers from them. */
export class Explaining {
  readonly history: History;
  /** Passes each line to the history. */
  readonly logger: Logger;
  readonly #payloads: Payloads;
  readonly #options: KeptHistoryOptions;
  #stage: ExplainStage | undefined;

  constructor(options: KeptHistoryOptions) {
    this.#options = options;
    const { clock, config, logger, storagePath } = options;
    // The history keeps its own lines too.
    this.logger = keepingLogger(logger, {
      wants: (event) => this.history.wants(event),
      keep: (level, event, msg, fields, json) => this.history.keep(level, event, msg, fields, json),
    });
    const folder = join(storagePath, 'history');
    this.history = new History({ ...options, logger: this.logger, config: () => config().history, folder });
    this.#payloads = new Payloads(clock, () => payloadsOf(config()), options.registry);
  }

  readonly onBody: OnBody = (request, { requestId, remote }, bytes) =>
    this.#payloads.keep(request, requestId, remote, bytes);

  /** Call it when the configuration has changed. */
  reconfigure(): void {
    this.history.reconfigure();
    this.#payloads.reconfigure();
  }

  /** The routes below `/api/tocsin/v1`. */
  routes(parts: ExplainParts): readonly Route[] {
    const { receiver, alerts, pipelines, options } = parts;
    this.#stage = createExplainApi({
      ...this.#options,
      ...parts,
      readBody: (request) => receiver.readBody(request),
      readAlerts: (bytes) => receiver.readAlerts(bytes),
      logger: this.logger,
      history: this.history,
      payloads: this.#payloads,
      silencing: (alert, now) => receiver.silences.silencing(alert, now),
      silences: () => receiver.silences.all(),
      latestFiring: () => alerts.latest(),
      firingNow: () => alerts.look(),
      asksPrometheus: () => alerts.pulls,
      settings: () => settingsOf(this.#options.config()),
      version: options.version,
      routePrefix: options.web?.routePrefix ?? '',
      reconcile: (names, requestId) => {
        const all = [...pipelines.list(), ...parts.triggers.kept.map(({ request }) => request)];
        const requests = names === undefined ? all : chosen(names, all);
        return { eventId: parts.reconcile(requests, requestId), pipelines: requests };
      },
    });
    return this.#stage.api.routes;
  }

  /** What this replica alone knows about a question of another one, a path with its query. Rejects with Refusal. */
  async known(question: string): Promise<Items<object>> {
    if (this.#stage === undefined) throw new Refusal(503, 'Tocsin is starting');
    return this.#stage.own.answer(question);
  }

  /** Writes the last lines of the log, and ends the history after them. */
  close(): Promise<void> {
    for (const write of this.logger.atEnd) write();
    return this.history.close();
  }

  /** Ends all streams, so that the server can close. */
  closeStreams(): void {
    this.#stage?.live.close();
  }
}

function settingsOf({ source, receiver }: Config): PredictorSettings {
  return { select: source.select, repeats: source.repeats, resolveTimeoutMs: receiver.resolve_timeout };
}

function payloadsOf({ history }: Config): number {
  return history.retention === 0 ? 0 : history.payloads;
}

/** The named pipelines, each once; throws with the first name that does not exist. */
function chosen(names: readonly PipelineName[], all: readonly Request[]): readonly Request[] {
  const namesakes = Map.groupBy(all, ({ name }) => name);
  const found = names.flatMap((name) => {
    const meant = (namesakes.get(name.name.toLowerCase()) ?? []).filter((request) => isSamePipeline(request, name));
    if (meant.length > 0) return meant;
    const word = requestKey(name as Request);
    const nearest = nearestPath(word, all.map(requestKey));
    throw new Refusal(404, `there is no pipeline ${word}${nearest === undefined ? '' : `, did you mean ${nearest}?`}`);
  });
  return [...new Set(found)];
}
