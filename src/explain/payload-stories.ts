import type { Fact } from '../history/fact.ts';
import type { History } from '../history/history.ts';
import type { KeptPayload, Payloads } from '../history/payloads.ts';
import { maxPayloadBytes } from '../history/payloads.ts';
import { Refusal } from '../server/request/answer.ts';
import { formatDateTime } from '../text/go/date-time.ts';
import { runsOfEvents } from './event-runs.ts';
import { countOf, textOf } from './fact-fields.ts';
import { given } from './run-story.ts';
import type { Payload } from './schema-requests.ts';

export interface PayloadStoriesOptions {
  readonly payloads: Payloads;
  readonly history: History;
}

const ends = /"event":"(?:alerts\.(?:received|rejected|failed)|event\.emitted|channel\.full)"/;

function isEnd(line: string): boolean {
  return ends.test(line.slice(0, 200));
}

/** The result of a request, as far as the history knows. */
interface Ending {
  readonly fact: Fact;
  readonly eventId: string | undefined;
}

/** The received bodies, each with its result. */
export class PayloadStories {
  readonly #options: PayloadStoriesOptions;

  constructor(options: PayloadStoriesOptions) {
    this.#options = options;
  }

  /** The payloads, the newest first, without their bodies. */
  async list(): Promise<Payload[]> {
    const stories = await this.#stories(this.#options.payloads.list());
    return stories.map(({ body: _body, ...payload }) => payload);
  }

  async find(requestId: string): Promise<Payload> {
    const payload = this.#options.payloads.find(requestId);
    if (payload !== undefined) return (await this.#stories([payload]))[0]!;
    throw new Refusal(404, `no payload of the request ${requestId.slice(0, 128)} is kept: history.payloads are`);
  }

  async #stories(payloads: readonly KeptPayload[]): Promise<Payload[]> {
    const endings = await this.#endings(payloads);
    const runs = await runsOfEvents(
      this.#options.history,
      [...endings.values()].map(({ eventId }) => eventId),
    );
    return payloads.map((payload) => {
      const ending = endings.get(payload.requestId);
      const events = ending?.eventId === undefined ? [] : [ending.eventId];
      return {
        ...shown(payload),
        ...outcomeOf(ending?.fact),
        event_ids: events,
        runs: events.flatMap((id) => runs.get(id) ?? []).map(({ run }) => run),
      };
    });
  }

  /** An alert that wakes a run goes into the next event: see EffectFinder. */
  async #endings(payloads: readonly KeptPayload[]): Promise<ReadonlyMap<string, Ending>> {
    const open = new Set(payloads.map(({ requestId }) => requestId));
    const endings = new Map<string, Ending>();
    const merged = new Map<string, string>();
    let eventId: string | undefined;
    for await (const fact of this.#options.history.newestFirst({ accepts: isEnd })) {
      if (open.size === 0) break;
      if (fact.event === 'event.emitted') eventId = textOf(fact['event_id']);
      else if (fact.event === 'channel.full') merged.set(String(fact['event_id']), String(fact['merged_into']));
      else {
        const id = String(fact['request_id']);
        if (!open.delete(id)) continue;
        const into = eventId === undefined ? undefined : (merged.get(eventId) ?? eventId);
        endings.set(id, { fact, eventId: wakes(fact) ? into : undefined });
      }
    }
    return endings;
  }
}

function wakes({ event, verdicts }: Fact): boolean {
  return event === 'alerts.received' && /"(?:woke|over_limit)":/.test(JSON.stringify(verdicts ?? {}));
}

function shown({
  requestId,
  at,
  remote,
  method,
  path,
  headers,
  bytes,
  body,
}: KeptPayload): Omit<Payload, 'outcome' | 'event_ids' | 'runs'> {
  const cut = bytes > maxPayloadBytes;
  return { request_id: requestId, at: formatDateTime(at), remote, method, path, headers, bytes, cut, body };
}

type Outcome = Pick<
  Payload,
  'outcome' | 'reason' | 'alerts' | 'firing' | 'resolved' | 'invalid' | 'new' | 'suppressed'
>;

function outcomeOf(fact: Fact | undefined): Outcome {
  if (fact === undefined) return { outcome: 'unknown' };
  if (fact.event !== 'alerts.received') return { outcome: 'rejected', ...given('reason', textOf(fact['reason'])) };
  const counts = ['alerts', 'firing', 'resolved', 'invalid', 'new', 'suppressed'] as const;
  return {
    outcome: 'accepted',
    ...Object.assign({}, ...counts.map((name) => given(name, countOf(fact[name])))),
  };
}
