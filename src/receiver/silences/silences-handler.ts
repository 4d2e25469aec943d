import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PostableSilence } from '../../alert/postable-silence.ts';
import { SilenceError } from '../../alert/silence-error.ts';
import { silenceMemory } from '../../alert/silence-memory.ts';
import { validSilence, type SilenceLimits, type ValidSilence } from '../../alert/silence-rules.ts';
import type { Silences } from '../../alert/silences.ts';
import { isUuid } from '../../alert/uuid.ts';
import type { Clock } from '../../clock.ts';
import { laneSilenceBytes } from '../../limits.ts';
import { inSlices, Slices } from '../../slices.ts';
import { Lane } from '../request/lane.ts';
import { acceptsJson } from '../request/accept.ts';
import { answer, answerEmpty, answerJson } from '../answer/answer.ts';
import type { BodyReader } from '../request/body-reader.ts';
import { mediaTypeProblem } from '../request/media-type.ts';
import { RefusedError } from '../answer/refusal.ts';
import { readSilenceBody } from './silence-body.ts';
import { silenceJson } from '../answer/silence-json.ts';
import type { SilenceKeeper } from './silence-keeper.ts';
import type { SilenceRefusals } from './silence-refusals.ts';
import { senderOf, type Sender } from '../request/sender.ts';

export interface SilencesHandlerOptions {
  readonly clock: Clock;
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
  readonly #lane = new Lane();

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
    const { bodies, clock, keeper, limits } = this.#options;
    const body = await bodies().read(request);
    try {
      if (body.bytes.length === 0) throw SilenceError.required();
      const problem = mediaTypeProblem(request.headers['content-type']);
      if (problem !== undefined) throw new RefusedError(problem.status, problem.message);
      const posted = await readSilenceBody(body.bytes, limits().maxBytes, clock);
      const set = async (): Promise<string> => keeper.set(await this.#valid(posted), requestId);
      return await (isLarge(posted, body.bytes.length) ? this.#lane.run(set) : set());
    } finally {
      body.release();
    }
  }

  async #valid(posted: PostableSilence): Promise<ValidSilence> {
    const { clock, limits } = this.#options;
    return inSlices(validSilence(posted, clock.now(), limits()), new Slices(clock));
  }
}

function isLarge(posted: PostableSilence, bodyBytes: number): boolean {
  return bodyBytes > laneSilenceBytes || silenceMemory(posted) > laneSilenceBytes;
}

function checked({ headers }: IncomingMessage, id: string): string {
  if (!acceptsJson(headers.accept))
    throw new RefusedError(406, 'unsupported media type requested, only [application/json] are available');
  if (!isUuid(id)) throw SilenceError.notUuid(id.slice(0, 200));
  return id;
}
