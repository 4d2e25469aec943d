import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Alert } from '../alert/alert.ts';
import { nothingKnown } from '../alert/postable/postable-alert.ts';
import type { LabelSet } from '../alert/labels.ts';
import type { Config } from '../config/config.ts';
import { LimitedLines } from '../runtime/limited-lines.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { Slices } from '../runtime/slices.ts';
import { Slots } from '../runtime/slots.ts';
import { answerEmpty, answerString, Refusal } from '../server/request/answer.ts';
import { BodyReader, type Body, type BodyMemory } from '../server/request/body-reader.ts';
import type { HttpMetrics } from '../server/request/http-metrics.ts';
import { requireJson, senderOf } from '../server/request/request-head.ts';
import type { RequestTenants } from '../server/request/tenancy.ts';
import type { Route } from '../server/routes.ts';
import { readSilenceBody } from './silences/silences-handler.ts';
import { SilenceError } from '../silence/silence-rules.ts';
import type { PostableMatcher, Silence } from '../silence/silence.ts';
import type { HeavyWork } from './intake/alerts-handler.ts';
import { maxNamedProblems } from './intake/alert-intake.ts';
import { alertsFormat, formatOfPart, type AlertFormat, type Batch, type BatchPart } from './intake/batch.ts';
import { createReadHandler, type ReadHandler, type ReadOptions } from './lists/read-handler.ts';
import type { Receiver } from './receiver.ts';
import { refuseRequest } from './refusals.ts';
import { createApiRoutes } from './routes.ts';

/** Those who share a Tocsin, by name. */
export interface LabelledTenants {
  /** A text: why the tenant cannot be asked. Undefined: there is none of that name. */
  find(name: string): Receiver | string | undefined;
  names(): Iterable<string>;
}

interface LabelReceiverOptions extends Runtime, Pick<ReadOptions, 'cluster' | 'rightsOf' | 'version'> {
  readonly config: () => Config;
  readonly tenants: LabelledTenants;
  readonly requestTenants: RequestTenants;
  readonly metrics: HttpMetrics;
  readonly memory: BodyMemory;
  readonly heavyWork: HeavyWork;
  /** Called for each alert of which nobody is the tenant. */
  readonly onUnknown: () => void;
}

/** What is wrong with alerts of a body. */
interface Problems {
  readonly invalid: string[];
  /** Why a tenant cannot be asked, with its name. */
  readonly absent: Set<string>;
}

/**
 * The requests that name no tenant, because their alerts do, by a label. Each alert goes to its tenant, and each list is the union
 * over the tenants that the sender may use. Everything else is done by the receivers of the tenants.
 */
export class LabelReceiver {
  readonly routes: readonly Route[];
  readonly #options: LabelReceiverOptions;
  readonly #lines: LimitedLines;
  /** One body at a time is taken apart: its alerts are in memory until each is with its tenant. */
  readonly #slots = new Slots(1);
  /** Whose an alert is that has been listed. */
  readonly #owners = new WeakMap<Alert, Receiver>();
  #bodies: BodyReader;

  constructor(options: LabelReceiverOptions) {
    this.#options = options;
    const { config, memory } = options;
    this.#bodies = new BodyReader(config().receiver.max_body_size, memory);
    this.#lines = new LimitedLines({
      ...options,
      perSecond: () => config().log.alert_lines_per_second,
      onOverflow: (fields) =>
        options.logger.warn('tenant.unknown_limited', 'more alerts of no tenant came than are written out', fields),
    });
    this.routes = createApiRoutes({
      alerts: { handle: (...given) => this.#post(...given) },
      reads: this.#createReads(),
      silences: {
        post: (request, response) => this.#setSilence(request, response),
        get: (request, response, id) => this.#withSilence(request, response, id, 'get'),
        delete: (request, response, id) => this.#withSilence(request, response, id, 'delete'),
      },
    });
  }

  /** Call it when the configuration has changed. */
  reconfigure(): void {
    const { config, memory } = this.#options;
    const { max_body_size: maxBytes } = config().receiver;
    if (maxBytes !== this.#bodies.maxBytes) this.#bodies = new BodyReader(maxBytes, memory);
  }

  /** Never rejects. */
  async #post(request: IncomingMessage, response: ServerResponse, format: AlertFormat = alertsFormat): Promise<void> {
    const sender = senderOf(request);
    response.setHeader('X-Request-Id', sender.requestId);
    let body: Body | undefined;
    try {
      body = await this.#bodies.read(request);
      if (body.bytes.length === 0) throw format.emptyBody();
      requireJson(request);
      const { bytes } = body;
      const { invalid, absent } = await this.#alone(() => this.#take(request, bytes, format));
      const named = invalid.slice(0, maxNamedProblems);
      const more = invalid.length - named.length;
      const text = [...absent, ...named, ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
      if (text === '') answerEmpty(response);
      else answerString(response, absent.size > 0 ? 503 : 400, text);
    } catch (error) {
      const status = refuseRequest(request, response, error, this.#options.metrics);
      const message = 'a body of alerts that name their tenants was refused';
      this.#options.logger.warn('tenant.batch_rejected', message, { request_id: sender.requestId, status, error });
    } finally {
      body?.release();
    }
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const release = await this.#slots.acquire();
    try {
      return await this.#options.heavyWork(work);
    } finally {
      release();
    }
  }

  /** The schema holds for all of the body before any of it is stored, as in Alertmanager. */
  async #take(request: IncomingMessage, bytes: Buffer, format: AlertFormat): Promise<Problems> {
    const { clock, config, schedule } = this.#options;
    const slices = new Slices(schedule, 'bodies');
    const { max_labels_per_alert: maxLabels } = config().receiver;
    const batch = await format.read(bytes, maxLabels, slices, nothingKnown, clock.now());
    const problems: Problems = { invalid: [], absent: new Set() };
    for (const [receiver, part] of await this.#parts(request, batch, format, problems))
      problems.invalid.push(...(await receiver.takePart(request, bytes, formatOfPart(format, batch, part))));
    return problems;
  }

  /** Whoever leaves out alerts may leave out some of every tenant. */
  async #parts(
    request: IncomingMessage,
    batch: Batch,
    format: AlertFormat,
    problems: Problems,
  ): Promise<ReadonlyMap<Receiver, BatchPart>> {
    const parts = new Map<Receiver, BatchPart>();
    const partOf = (receiver: Receiver): BatchPart => {
      const part = parts.get(receiver) ?? { alerts: [], places: [] };
      parts.set(receiver, part);
      return part;
    };
    let place = -1;
    await batch.forEach((alert) => {
      place++;
      const found = this.#ownerOf(request, alert.labels);
      if (found instanceof Error) return this.#noOwner(request, format.nameOf(place), found.message, problems);
      if (typeof found === 'string') return void problems.absent.add(found);
      const { alerts, places } = partOf(found);
      alerts.push(alert);
      places.push(place);
    });
    if ((batch.webhook?.truncatedAlerts ?? 0) > 0) for (const [, receiver] of this.#usable(request)) partOf(receiver);
    return parts;
  }

  /** A text: why its tenant cannot be asked. An error: it has none, or none that the sender may use, which must look alike. */
  #ownerOf(request: IncomingMessage, labels: LabelSet): Receiver | string | Error {
    const { config, requestTenants, tenants } = this.#options;
    const { label, default: fallback } = config().tenants;
    const wanted = labels[label];
    const exists = wanted !== undefined && tenants.find(wanted) !== undefined;
    const name = exists ? wanted : fallback;
    const owner = name === null || !requestTenants.mayUse(request, name) ? undefined : tenants.find(name);
    if (typeof owner === 'string') return `the tenant ${name} cannot be asked: ${owner}`;
    if (owner !== undefined) return owner;
    if (wanted === undefined) return new Error(`it has no label ${label}, which names its tenant`);
    return new Error(`its label ${label} is ${JSON.stringify(wanted.slice(0, 100))}, which is no tenant of the sender`);
  }

  #noOwner(request: IncomingMessage, name: string, problem: string, { invalid }: Problems): void {
    invalid.push(`${name}: ${problem}`);
    this.#options.onUnknown();
    if (!this.#lines.allows()) return;
    const { requestId, remote } = senderOf(request);
    this.#options.logger.warn('tenant.unknown', 'an alert is of no tenant that its sender may use: it is not taken', {
      request_id: requestId,
      remote,
      problem: `${name}: ${problem}`,
    });
  }

  *#usable(request: IncomingMessage): Generator<readonly [name: string, receiver: Receiver]> {
    const { requestTenants, tenants } = this.#options;
    for (const name of tenants.names()) {
      const receiver = requestTenants.mayUse(request, name) ? tenants.find(name) : undefined;
      if (receiver !== undefined && typeof receiver !== 'string') yield [name, receiver];
    }
  }

  #createReads(): ReadHandler {
    const { logger } = this.#options;
    return createReadHandler({
      ...this.#options,
      store: { all: () => [] },
      allAlerts: async (response) => this.#owned(await this.#listed(response)),
      silencedBy: (alert, now) => this.#owners.get(alert as Alert)?.silences.silencedBy(alert, now) ?? [],
      silences: (request) => this.#silencesOf(request),
      onUndecided: ({ name }, { length }) =>
        logger.debug('matcher.undecided', 'a filter could not decide on a long label', { label: name, length }),
    });
  }

  #listed(response: ServerResponse): Promise<readonly (readonly [Receiver, Iterable<Alert>])[]> {
    const each = [...this.#usable(response.req)].map(
      async ([, receiver]) => [receiver, await receiver.allAlerts(response)] as const,
    );
    return Promise.all(each);
  }

  *#owned(listed: readonly (readonly [Receiver, Iterable<Alert>])[]): Generator<Alert> {
    for (const [receiver, alerts] of listed)
      for (const alert of alerts) {
        this.#owners.set(alert, receiver);
        yield alert;
      }
  }

  *#silencesOf(request: IncomingMessage): Generator<Silence> {
    for (const [, receiver] of this.#usable(request)) yield* receiver.silences.all();
  }

  /** A silence is of the tenant that an alert with the label of its equality matcher is of. Without one it would be of nobody. */
  async #setSilence(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body: Body | undefined;
    try {
      body = await this.#bodies.read(request);
      if (body.bytes.length === 0) throw SilenceError.required();
      requireJson(request);
      const { config, schedule } = this.#options;
      const limit = config().receiver.max_silence_size;
      const { matchers } = await readSilenceBody(body.bytes, limit, new Slices(schedule, 'silences'));
      await this.#ownerOfSilence(request, matchers).silencesHandler.post(request, response, body);
    } catch (error) {
      refuseRequest(request, response, error, this.#options.metrics);
    } finally {
      body?.release();
    }
  }

  #ownerOfSilence(request: IncomingMessage, matchers: readonly PostableMatcher[]): Receiver {
    const { label } = this.#options.config().tenants;
    const named = [...new Set(matchers.filter(({ name, type }) => name === label && type === '=').map(valueOf))];
    const [value, ...others] = named;
    if (value === undefined || others.length > 0)
      throw SilenceError.invalid(`a silence is of one tenant: give it one matcher such as ${label}="TENANT"`);
    const owner = this.#ownerOf(request, value === '' ? {} : { [label]: value });
    if (typeof owner === 'string') throw new Refusal(503, owner, { shape: 'string' });
    if (owner instanceof Error)
      throw SilenceError.invalid(
        `its matcher ${label}=${JSON.stringify(value.slice(0, 100))} names no tenant of yours`,
      );
    return owner;
  }

  /** An id that nobody has is refused by anybody. */
  async #withSilence(
    request: IncomingMessage,
    response: ServerResponse,
    id: string,
    what: 'delete' | 'get',
  ): Promise<void> {
    const usable = [...this.#usable(request)].map(([, receiver]) => receiver);
    const owner = usable.find(({ silences }) => silences.get(id) !== undefined) ?? usable[0];
    if (owner !== undefined) return owner.silencesHandler[what](request, response, id);
    refuseRequest(request, response, SilenceError.notFound(), this.#options.metrics);
  }
}

const valueOf = ({ value }: PostableMatcher): string => value;
