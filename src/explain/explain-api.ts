import type { IncomingMessage, ServerResponse } from 'node:http';
import { AccessError, type RightsOf } from '../access/rights.ts';
import { requiredNamespaces } from '../access/visible.ts';
import type { PostableAlert } from '../alert/alert.ts';
import { BatchError } from '../alert/postable/postable-alert.ts';
import type { History } from '../history/history.ts';
import type { Payloads } from '../history/payloads.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { SliceSchedule } from '../runtime/slices.ts';
import { Refusal, refuse } from '../server/request/answer.ts';
import type { Body } from '../server/request/body-reader.ts';
import type { Route } from '../server/routes.ts';
import { readRequestId } from '../server/request/request-head.ts';
import type { AllAnswers } from './all-answers.ts';
import { Answers, answerWith } from './answers.ts';
import type { LiveFacts } from './live-facts.ts';
import { PayloadStories } from './payload-stories.ts';
import type { PipelineReader } from './pipeline-reader.ts';
import { maxExplained, type Predictor } from './predictor.ts';
import { factFilters, jsonOf, pages, pipelineName, Question } from './questions.ts';
import type { Matcher } from '../matcher/matcher.ts';
import type { PipelineName } from './schema.ts';
import type { Problem, Status } from './schema-status.ts';
import { briefly, requireAlerts, runsForSender, viewOf } from './team-view.ts';
import { VisibleFacts } from './visible-facts.ts';

/** The path of the API, below the route prefix. */
export const apiPath = '/api/tocsin/v1';

/** The longest body of a POST, bytes. */
const maxPostBytes = 1024 * 1024;

/** A problem, with its time in milliseconds. */
type PresentProblem = Omit<Problem, 'since'> & { readonly since: number };

export interface ExplainApiOptions {
  readonly clock: Clock;
  readonly schedule: SliceSchedule;
  readonly logger: Logger;
  readonly history: History;
  readonly payloads: Payloads;
  readonly all: AllAnswers;
  readonly pipelines: PipelineReader;
  readonly predictor: Predictor;
  readonly live: LiveFacts;
  /** What is wrong on the way of the alerts now. */
  readonly problems: () => readonly PresentProblem[];
  /** What Tocsin says about itself. */
  readonly status: () => Promise<Status>;
  /** Tocsin's version. */
  readonly version: string;
  readonly routePrefix: string;
  readonly rightsOf: RightsOf;
  /** Rejects with BodyError. */
  readonly readBody: (request: IncomingMessage) => Promise<Body>;
  /** Postable alerts, or a webhook's payload. Rejects with BatchError. */
  readonly readAlerts: (bytes: Buffer) => Promise<readonly PostableAlert[]>;
  /** Starts a look at pipelines now; undefined means all. Returns the event, and the existing pipelines. */
  readonly reconcile: (
    pipelines: readonly PipelineName[] | undefined,
    requestId: string,
  ) => { readonly eventId: string; readonly pipelines: readonly PipelineName[] };
  /** Lets everything out that waits because of a storm; returns the number of runs. */
  readonly resumeStorm: () => Promise<number>;
}

type Parameters = Readonly<Record<string, string>>;
type Handler = (request: IncomingMessage, response: ServerResponse, parameters: Parameters) => Promise<void>;

/**
 * `/api/tocsin/v1`: reads questions, gets the answers, and writes them. Every request is answered. The schemas are loaded with the
 * first request that needs them, because hundreds of objects would make every start longer.
 */
export class ExplainApi {
  readonly #options: ExplainApiOptions;
  readonly #answers: Answers;
  readonly #payloads: PayloadStories;
  #documentText?: string;

  constructor(options: ExplainApiOptions) {
    this.#options = options;
    this.#payloads = new PayloadStories(options);
    this.#answers = new Answers(options.schedule);
  }

  /** The routes below {@link apiPath}. */
  get routes(): readonly Route[] {
    const runs: Handler = (...call) => this.#runs(...call);
    return [
      this.#forTeams('pipelines', (request, response) => this.#pipelines(request, response)),
      this.#route('pipelines/:kind/:name', 'GET', runs),
      this.#forTeams('pipelines/:kind/:namespace/:name', runs),
      this.#forTeams('alerts', (request, response) => this.#alerts(request, response)),
      this.#forTeams('alerts/:fingerprint', (...call) => this.#alert(...call)),
      this.#forTeams('history', (request, response) => this.#facts(request, response)),
      this.#route('payloads', 'GET', (request, response) => this.#payloadList(request, response)),
      this.#route('payloads/:request_id', 'GET', (...call) => this.#payload(...call)),
      this.#route('problems', 'GET', (request, response) => this.#problems(request, response)),
      this.#forTeams('status', (request, response) => this.#status(request, response)),
      this.#forTeams('live', (request, response) => this.#follow(request, response)),
      this.#forTeams('openapi.json', (request, response) => this.#document(request, response)),
      { ...this.#route('explain', 'POST', (request, response) => this.#explain(request, response)), isForTeams: true },
      this.#route('reconcile', 'POST', (request, response) => this.#reconcile(request, response)),
      this.#route('storm/resume', 'POST', (request, response) => this.#resume(request, response)),
    ];
  }

  /** Answers with what the sender may see. */
  #forTeams(path: string, handler: Handler): Route {
    return { ...this.#route(path, 'GET', handler), isForTeams: true };
  }

  /** What the sender may see; undefined: all. Who names a namespace in a filter has to have a right there. */
  async #seen(request: IncomingMessage, matchers: readonly Matcher[]): Promise<VisibleFacts | undefined> {
    const rights = this.#options.rightsOf(request);
    if (rights === undefined || (await rights.everywhere('get', 'alerts'))) return undefined;
    const named = requiredNamespaces(matchers, rights.namespaceLabel);
    if (named.length > 0) await rights.require('get', 'alerts', named);
    return new VisibleFacts(rights);
  }

  /** Every request is answered. */
  #route(path: string, method: 'GET' | 'POST', handler: Handler): Route {
    const answered: Handler = async (request, response, parameters) => {
      try {
        await handler(request, response, parameters);
      } catch (error) {
        this.#refuse(request, response, error);
      }
    };
    return { path: `${apiPath}/${path}`, methods: { [method]: answered }, api: `${apiPath}/` };
  }

  async #pipelines(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const question = new Question(request.url!, ['limit', 'cursor']);
    const { keyPage } = question;
    const rights = this.#options.rightsOf(request);
    const view = rights && (await viewOf(rights, this.#options.pipelines.namespaces));
    await this.#answers.list(response, () =>
      this.#options.all.pipelines({ question, path: '/pipelines' }, keyPage, view),
    );
  }

  async #runs(request: IncomingMessage, response: ServerResponse, parameters: Parameters): Promise<void> {
    const question = new Question(request.url!, pages);
    const page = question.page(this.#options.clock.now());
    const { kind = '', namespace, name = '' } = parameters;
    const pipeline = pipelineName(kind, namespace, name);
    const rights = this.#options.rightsOf(request);
    if (rights !== undefined && namespace !== undefined) await rights.require('get', 'alerts', [namespace]);
    const path = pathOf('pipelines', kind, namespace, name);
    await this.#answers.list(response, async () => {
      const { items, ...rest } = await this.#options.all.runs({ question, path }, pipeline, page);
      return { ...rest, items: rights === undefined ? items : await runsForSender(rights, items, namespace) };
    });
  }

  async #alerts(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const question = new Question(request.url!, ['filter', 'limit', 'cursor']);
    const { keyPage, matchers } = question;
    const seen = await this.#seen(request, matchers);
    await this.#answers.list(response, () => this.#options.all.alerts({ question, path: '/alerts' }, keyPage, seen));
  }

  async #alert(request: IncomingMessage, response: ServerResponse, { fingerprint = '' }: Parameters): Promise<void> {
    const question = new Question(request.url!, pages);
    const page = question.page(this.#options.clock.now());
    if (!/^[0-9a-f]{16}$/.test(fingerprint))
      throw new Refusal(400, `a fingerprint has 16 hexadecimal digits, as in fingerprint= of alert.new in the log`);
    const seen = await this.#seen(request, []);
    const asked = { question, path: pathOf('alerts', fingerprint) };
    await this.#answers.one(response, () => this.#options.all.effects(asked, fingerprint, page, seen));
  }

  async #facts(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const question = new Question(request.url!, [...factFilters, ...pages, 'replicas']);
    const page = question.page(this.#options.clock.now());
    const seen = await this.#seen(request, question.matchers);
    await this.#answers.list(response, () => this.#options.all.facts({ question, path: '/history' }, page, seen));
  }

  async #payloadList(request: IncomingMessage, response: ServerResponse): Promise<void> {
    Question.none(request.url!);
    await this.#answers.list(response, async () => ({ items: await this.#payloads.list() }));
  }

  async #payload(request: IncomingMessage, response: ServerResponse, parameters: Parameters): Promise<void> {
    Question.none(request.url!);
    await this.#answers.one(response, () => this.#payloads.find(parameters['request_id'] ?? ''));
  }

  async #problems(request: IncomingMessage, response: ServerResponse): Promise<void> {
    Question.none(request.url!);
    const items = this.#options
      .problems()
      .map((problem) => ({ ...problem, since: new Date(problem.since).toISOString() }));
    answerWith(response, 200, JSON.stringify({ items }));
  }

  async #status(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { rightsOf, status } = this.#options;
    const rights = rightsOf(request);
    const namespace = new Question(request.url!, ['namespace']).text('namespace');
    if (rights === undefined || (await rights.everywhere('get', 'alerts')))
      return this.#answers.one(response, () => status());
    await rights.require('get', 'alerts', namespace === undefined ? [] : [namespace]);
    await this.#answers.one(response, async () => briefly(await status()));
  }

  async #follow(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const question = new Question(request.url!, factFilters);
    const given = request.headers['last-event-id'];
    const lastSeen = typeof given === 'string' && /^\d{1,16}$/.test(given) ? Number(given) : undefined;
    const seen = await this.#seen(request, question.matchers);
    await this.#options.live.send(request, response, { ...question.wanted, seen }, lastSeen);
  }

  async #document(_: IncomingMessage, response: ServerResponse): Promise<void> {
    const { version, routePrefix } = this.#options;
    const { openApi } = await import('./openapi.ts');
    this.#documentText ??= JSON.stringify(openApi(version, `${routePrefix}${apiPath}`));
    answerWith(response, 200, this.#documentText);
  }

  async #explain(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { predictor, readAlerts, rightsOf } = this.#options;
    const alerts = await this.#posted(request, (bytes) => readAlerts(bytes));
    if (alerts.length > maxExplained)
      throw new Refusal(400, `${alerts.length} alerts, allowed: ${maxExplained} at once`);
    const rights = rightsOf(request);
    const isTeam = rights !== undefined && !(await rights.everywhere('get', 'alerts'));
    const view = isTeam ? await viewOf(rights, await requireAlerts(rights, alerts)) : undefined;
    await this.#answers.list(response, async () => ({ items: await predictor.predict(alerts, view) }));
  }

  async #reconcile(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const wanted = await this.#posted(request, async (bytes) => {
      const { ReconcileRequest } = await import('./schema-requests.ts');
      const read = ReconcileRequest.safeParse(jsonOf(bytes));
      if (read.success) return read.data;
      throw new Refusal(400, 'allowed: {"pipelines": [{"kind": …, "namespace": …, "name": …}]} or {"all": true}');
    });
    const requestId = readRequestId(request);
    const { eventId, pipelines } = this.#options.reconcile('all' in wanted ? undefined : wanted.pipelines, requestId);
    response.setHeader('X-Request-Id', requestId);
    answerWith(response, 202, JSON.stringify({ event_id: eventId, request_id: requestId, pipelines }));
  }

  async #resume(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.#posted(request, () => Promise.resolve());
    answerWith(response, 200, JSON.stringify({ released: await this.#options.resumeStorm() }));
  }

  /** Only JSON, because a form of a web page cannot send that to another origin. */
  async #posted<T>(request: IncomingMessage, read: (bytes: Buffer) => Promise<T>): Promise<T> {
    Question.none(request.url!);
    const type = request.headers['content-type'] ?? '';
    if (!/^application\/json\s*(?:;|$)/i.test(type))
      throw new Refusal(415, `content type ${JSON.stringify(type.slice(0, 60))}, allowed: application/json`);
    const body = await this.#options.readBody(request);
    try {
      if (body.bytes.length > maxPostBytes) throw new Refusal(413, `the body is over ${maxPostBytes} bytes`);
      return await read(body.bytes);
    } finally {
      body.release();
    }
  }

  #refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (response.headersSent) return void response.destroy();
    // An error that has another form elsewhere is an object here, too.
    if (error instanceof AccessError) return void refuse(response, new Refusal(error.status, error.message));
    if (error instanceof BatchError || error instanceof Refusal)
      return void refuse(response, new Refusal(error.status, error.message, { code: error.code }));
    refuse(response, new Refusal(500, 'internal error: see the log of Tocsin'));
    const path = (request.url ?? '').slice(0, 200);
    this.#options.logger.error('explain.failed', 'a defect: a question could not be answered', { path, error });
  }
}

function pathOf(...names: readonly (string | undefined)[]): string {
  return names.flatMap((name) => (name === undefined ? [] : [`/${encodeURIComponent(name)}`])).join('');
}
