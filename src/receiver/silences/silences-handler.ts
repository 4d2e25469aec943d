import type { IncomingMessage, ServerResponse } from 'node:http';
import { AccessError, type RightsOf } from '../../access/rights.ts';
import type { Verb } from '../../access/reviews.ts';
import { requiredNamespaces } from '../../access/visible.ts';
import type { LogFields } from '../../runtime/logger.ts';
import type { PostableSilence, Silence } from '../../silence/silence.ts';
import {
  SilenceError,
  NotStoredError,
  validSilence,
  type SilenceLimits,
  type ValidSilence,
} from '../../silence/silence-rules.ts';
import { silenceMemory } from '../../silence/silence-size.ts';
import type { Silences } from '../../silence/silences.ts';
import { inSlices, Slices } from '../../runtime/slices.ts';
import { answer, answerEmpty, answerJson } from '../../server/request/answer.ts';
import { bodyText, type Body, type BodyReader } from '../../server/request/body-reader.ts';
import { refuseRequest, requireKnown } from '../refusals.ts';
import { silenceJson } from '../lists/api-json.ts';
import type { SilenceKeeper } from '../../silence/silence-keeper.ts';
import { senderOf, type Sender, requireAcceptsJson, requireJson } from '../../server/request/request-head.ts';
import { Slots } from '../../runtime/slots.ts';
import { readSilence } from '../../silence/read-silence.ts';
import { LimitedLines } from '../../runtime/limited-lines.ts';
import type { HttpMetrics } from '../../server/request/http-metrics.ts';
import type { Runtime } from '../../runtime/runtime.ts';

/**
 * A silence with a larger body, or larger estimated memory, is checked in slices of its own, one such silence at a time, bytes.
 */
const longSilenceBytes = 64 * 1024;

interface SilencesHandlerOptions extends Pick<Runtime, 'clock' | 'schedule'> {
  readonly silences: Silences;
  readonly bodies: () => BodyReader;
  readonly keeper: SilenceKeeper;
  readonly rightsOf: RightsOf;
  readonly limits: () => SilenceLimits;
  readonly refusals: SilenceRefusals;
  /** Why it is not known which silences there are; undefined if it is. Default: it is. */
  readonly silencesUnknown?: (() => string | undefined) | undefined;
}

/** The requests about one silence. No method rejects, and every request is answered, unless its connection is gone. */
export class SilencesHandler {
  readonly #options: SilencesHandlerOptions;
  /** One at a time: the compiled parts of a silence that is then refused take memory until then. */
  readonly #large = new Slots(1);

  constructor(options: SilencesHandlerOptions) {
    this.#options = options;
  }

  /**
   * `POST /api/v2/silences`: answered once the silence is on the disk.
   * @param read the body, if somebody has read it, who also releases it
   */
  post(request: IncomingMessage, response: ServerResponse, read?: Body): Promise<void> {
    return this.#answer(request, response, async ({ requestId }) => {
      const silenceID = await this.#set(request, requestId, read);
      answerJson(response, { silenceID });
    });
  }

  /** `GET /api/v2/silence/{silenceID}` */
  get(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    return this.#answer(request, response, async () => {
      const { clock, silences } = this.#options;
      const silence = silences.get(checked(request, id));
      if (silence === undefined) throw SilenceError.notFound();
      await this.#require('get', request, silence);
      const text = `${silenceJson(silence, clock.now())}\n`;
      answer(response, 200, 'application/json', text, { 'Cache-Control': 'no-store' });
    });
  }

  /** `DELETE /api/v2/silence/{silenceID}`: it ends now. */
  delete(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    return this.#answer(request, response, async ({ requestId }) => {
      const { keeper, silences } = this.#options;
      await this.#require('delete', request, silences.get(checked(request, id)));
      await keeper.expire(id, requestId);
      answerEmpty(response);
    });
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    act: (sender: Sender) => Promise<void>,
  ): Promise<void> {
    const sender = senderOf(request);
    response.setHeader('X-Request-Id', sender.requestId);
    try {
      requireKnown(this.#options.silencesUnknown?.());
      await act(sender);
    } catch (error) {
      this.#options.refusals.refuse(request, response, sender, error);
    }
  }

  async #set(request: IncomingMessage, requestId: string, given: Body | undefined): Promise<string> {
    const { bodies, limits, schedule } = this.#options;
    const body = given ?? (await bodies().read(request));
    try {
      if (body.bytes.length === 0) throw SilenceError.required();
      requireJson(request);
      const read = (slices: Slices): Promise<PostableSilence> => readSilenceBody(body.bytes, limits().maxBytes, slices);
      const set = (posted: PostableSilence, slices: Slices): Promise<string> =>
        this.#setValid(request, posted, requestId, slices);
      if (body.bytes.length > longSilenceBytes)
        return await this.#alone(async (slices) => set(await read(slices), slices));
      const first = new Slices(schedule, 'silences');
      const posted = await read(first);
      if (silenceMemory(posted) <= longSilenceBytes) return await set(posted, first);
      return await this.#alone((slices) => set(posted, slices));
    } finally {
      if (given === undefined) body.release();
    }
  }

  async #alone(set: (slices: Slices) => Promise<string>): Promise<string> {
    const release = await this.#large.acquire();
    try {
      const slices = new Slices(this.#options.schedule, 'large silences');
      await slices.yieldTurn();
      return await set(slices);
    } finally {
      release();
    }
  }

  async #setValid(
    request: IncomingMessage,
    posted: PostableSilence,
    requestId: string,
    slices: Slices,
  ): Promise<string> {
    const { clock, keeper, limits } = this.#options;
    const valid = await inSlices(validSilence(posted, clock.now(), limits()), slices);
    await this.#requireCreate(request, valid);
    return keeper.set(valid, requestId);
  }

  /** Whoever changes a silence ends the one before, which has the same namespace or another. */
  async #requireCreate(request: IncomingMessage, { id, matchers }: ValidSilence): Promise<void> {
    const { rightsOf, silences } = this.#options;
    const rights = rightsOf(request);
    if (rights === undefined) return;
    const namespaces = requiredNamespaces(matchers, rights.namespaceLabel);
    try {
      await rights.require('create', 'silences', namespaces);
    } catch (error) {
      if (!(error instanceof AccessError) || error.status !== 403 || namespaces.length > 0) throw error;
      throw new AccessError(403, `${error.message}: give it a matcher such as ${rights.namespaceLabel}="NAMESPACE"`);
    }
    await this.#require('delete', request, silences.get(id));
  }

  /** The refusal does not tell whose silence it is. */
  async #require(verb: Verb, request: IncomingMessage, silence: Silence | undefined): Promise<void> {
    const rights = this.#options.rightsOf(request);
    if (rights === undefined || silence === undefined) return;
    try {
      await rights.require(verb, 'silences', requiredNamespaces(silence.matchers, rights.namespaceLabel));
    } catch (error) {
      if (!(error instanceof AccessError) || error.status !== 403) throw error;
      throw new AccessError(
        403,
        `you may not ${verb} the silence ${silence.id}: it is of another namespace, or of all`,
      );
    }
  }
}

function checked(request: IncomingMessage, id: string): string {
  requireAcceptsJson(request);
  if (!isUuid(id)) throw SilenceError.notUuid(id.slice(0, 200));
  return id;
}

/** The size of a body in relation to its silence, at most: a character may be written with six. */
const bodyBytesPerByte = 8;

/** Reads the body of a POST in slices. Rejects with SilenceError. */
export async function readSilenceBody(
  bytes: Buffer,
  maxSilenceBytes: number,
  slices: Slices,
): Promise<PostableSilence> {
  if (bytes.length > bodyBytesPerByte * maxSilenceBytes) throw SilenceError.tooLarge(bytes.length, maxSilenceBytes);
  const { text } = await bodyText(bytes, slices);
  return inSlices(readSilence(text), slices);
}

const hyphenated = String.raw`[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}`;
const uuid = new RegExp(String.raw`^(?:(?:urn:uuid:)?${hyphenated}|\{${hyphenated}\}|[\da-f]{32})$`, 'i');

/** True if go-openapi accepts the text as a UUID in a path: every form of github.com/google/uuid. */
function isUuid(text: string): boolean {
  return uuid.test(text);
}

interface SilenceRefusalsOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly metrics: HttpMetrics;
  /** `log.alert_lines_per_second`. */
  readonly perSecond: () => number;
}

/** Answers refused requests about silences, and reports them to the log and the metrics. */
export class SilenceRefusals {
  readonly #options: SilenceRefusalsOptions;
  readonly #limiter: LimitedLines;

  constructor(options: SilenceRefusalsOptions) {
    this.#options = options;
    const { clock, logger, perSecond } = options;
    const onOverflow = (fields: LogFields): void =>
      logger.warn(
        'silence.rejections_limited',
        'more requests about silences were refused than are written out',
        fields,
      );
    this.#limiter = new LimitedLines({ clock, logger, perSecond, onOverflow });
  }

  refuse(request: IncomingMessage, response: ServerResponse, sender: Sender, error: unknown): void {
    const status = refuseRequest(request, response, error, this.#options.metrics);
    // Asking for a silence that does not exist is not a fault.
    if (request.method === 'GET' || !this.#limiter.allows()) return;
    this.#log(request, sender, status, error as Error);
  }

  #log({ method }: IncomingMessage, sender: Sender, status: number, error: Error): void {
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
