import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PostableSilence } from '../../silence/silence.ts';
import { SilenceError } from '../../silence/silence-error.ts';
import { silenceMemory } from '../../silence/silence-size.ts';
import { validSilence, type SilenceLimits } from '../../silence/silence-rules.ts';
import type { Silences } from '../../silence/silences.ts';
import { isUuid } from '../../text/go/uuid.ts';
import type { Clock } from '../../runtime/clock.ts';
import { longSilenceBytes } from '../../limits.ts';
import type { SliceSchedule } from '../../runtime/slice-schedule.ts';
import { inSlices, Slices } from '../../runtime/slices.ts';
import { acceptsJson, mediaTypeProblem } from '../../text/go/media-type.ts';
import { answer, answerEmpty, answerJson, RefusedError } from '../../server/request/answer.ts';
import type { BodyReader } from '../../server/request/body-reader.ts';
import { readSilenceBody } from './silence-body.ts';
import { silenceJson } from '../lists/silence-json.ts';
import type { SilenceKeeper } from '../../silence/silence-keeper.ts';
import type { SilenceRefusals } from './silence-refusals.ts';
import { senderOf, type Sender } from '../../server/request/sender.ts';
import { Slots } from '../../runtime/slots.ts';

export interface SilencesHandlerOptions {
  readonly clock: Clock;
  readonly schedule: SliceSchedule;
  readonly silences: Silences;
  readonly bodies: () => BodyReader;
  readonly keeper: SilenceKeeper;
  readonly limits: () => SilenceLimits;
  readonly refusals: SilenceRefusals;
}

/** The requests about one silence. None rejects; every request is answered, unless its connection is gone. */
export class SilencesHandler {
  readonly #options: SilencesHandlerOptions;
  /** One at a time: what is compiled for a silence that is then refused takes memory until then. */
  readonly #large = new Slots(1);

  constructor(options: SilencesHandlerOptions) {
    this.#options = options;
  }

  /** `POST /api/v2/silences`: answered once the silence is on the disk. */
  post(request: IncomingMessage, response: ServerResponse): Promise<void> {
    return this.#answer(request, response, async ({ requestId }) => {
      const silenceID = await this.#set(request, requestId);
      answerJson(response, { silenceID });
    });
  }

  /** `GET /api/v2/silence/{silenceID}` */
  get(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    return this.#answer(request, response, async () => {
      const { clock, silences } = this.#options;
      const silence = silences.get(checked(request, id));
      if (silence === undefined) throw SilenceError.notFound();
      const text = `${silenceJson(silence, clock.now())}\n`;
      answer(response, 200, 'application/json', text, { 'Cache-Control': 'no-store' });
    });
  }

  /** `DELETE /api/v2/silence/{silenceID}`: it ends now. */
  delete(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    return this.#answer(request, response, async ({ requestId }) => {
      await this.#options.keeper.expire(checked(request, id), requestId);
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
      await act(sender);
    } catch (error) {
      this.#options.refusals.refuse(request, response, sender, error);
    }
  }

  async #set(request: IncomingMessage, requestId: string): Promise<string> {
    const { bodies, limits, schedule } = this.#options;
    const body = await bodies().read(request);
    try {
      if (body.bytes.length === 0) throw SilenceError.required();
      const problem = mediaTypeProblem(request.headers['content-type']);
      if (problem !== undefined) throw new RefusedError(problem.status, problem.message);
      const read = (slices: Slices): Promise<PostableSilence> => readSilenceBody(body.bytes, limits().maxBytes, slices);
      if (body.bytes.length > longSilenceBytes)
        return await this.#alone(async (slices) => this.#setValid(await read(slices), requestId, slices));
      const first = new Slices(schedule, 'silences');
      const posted = await read(first);
      if (silenceMemory(posted) <= longSilenceBytes) return await this.#setValid(posted, requestId, first);
      return await this.#alone((slices) => this.#setValid(posted, requestId, slices));
    } finally {
      body.release();
    }
  }

  async #alone(set: (slices: Slices) => Promise<string>): Promise<string> {
    const release = await this.#large.acquire();
    try {
      const slices = new Slices(this.#options.schedule, 'large silences');
      await slices.breathe();
      return await set(slices);
    } finally {
      release();
    }
  }

  async #setValid(posted: PostableSilence, requestId: string, slices: Slices): Promise<string> {
    const { clock, keeper, limits } = this.#options;
    return keeper.set(await inSlices(validSilence(posted, clock.now(), limits()), slices), requestId);
  }
}

function checked({ headers }: IncomingMessage, id: string): string {
  if (!acceptsJson(headers.accept))
    throw new RefusedError(406, 'unsupported media type requested, only [application/json] are available');
  if (!isUuid(id)) throw SilenceError.notUuid(id.slice(0, 200));
  return id;
}
