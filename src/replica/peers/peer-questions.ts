import type { IncomingMessage, ServerResponse } from 'node:http';
import { inSlices, Slices, type Sliced, type SliceSchedule } from '../../runtime/slices.ts';
import { Slots } from '../../runtime/slots.ts';
import { answer, Refusal } from '../../server/request/answer.ts';
import { Query } from '../../text/go/url.ts';
import { peerAnswerBytes } from './peer-client.ts';
import type { Peer, Peers } from './peers.ts';
import { unionMs } from './union.ts';

/** The questions of other replicas that are answered at once; further ones wait. They wait for nobody, so two replicas cannot block each other. */
const openQuestions = 2;

/** The media type of an answer: a line of JSON for what is not an item, and one for each item. */
const answerType = 'application/x-ndjson';

/** What a replica knows about a question; other members come before the items. */
export interface KnownAnswer {
  readonly items: readonly object[];
}

/** The same from another replica. */
export interface PeerAnswer {
  /** Its name. */
  readonly replica: string;
  /** All but its items. */
  readonly head: Readonly<Record<string, unknown>>;
  readonly items: readonly Readonly<Record<string, unknown>>[];
}

export interface PeerAnswers {
  readonly answers: readonly PeerAnswer[];
  /** The names of those that did not answer within {@link unionMs}. */
  readonly missing: readonly string[];
}

/** What this replica knows about a question, a path with its query. Rejects with a Refusal. */
export type Known = (question: string) => Promise<KnownAnswer>;

export interface PeerQuestionsOptions {
  /** The own name. */
  readonly me: string;
  readonly known: Known;
  readonly schedule: SliceSchedule;
  readonly peers: Pick<Peers, 'others'>;
  /** The query that names the tenant; `''` without tenants. */
  readonly tenant: string;
  readonly onMissing: (peers: readonly string[], error: unknown) => void;
}

/** What the replicas ask each other for people: each answers from what it knows itself. */
export class PeerQuestions {
  readonly me: string;
  readonly #options: PeerQuestionsOptions;
  readonly #slots = new Slots(openQuestions);

  constructor(options: PeerQuestionsOptions) {
    this.#options = options;
    this.me = options.me;
  }

  /** Asks all other replicas at once what they know; undefined if there are none. Never rejects. @param question a path with its query */
  async ask(question: string): Promise<PeerAnswers | undefined> {
    const { onMissing, peers } = this.#options;
    const { others } = peers;
    if (others.length === 0) return undefined;
    const asked = await Promise.allSettled(others.map((peer) => ask(peer, question, this.#options)));
    const answers = asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const missing = others.filter((_, index) => asked[index]!.status === 'rejected').map(({ name }) => name);
    const failure = asked.find((each) => each.status === 'rejected');
    if (failure !== undefined) onMissing(missing, failure.reason);
    return { answers, missing };
  }

  /** Answers another replica. Rejects with a Refusal. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const question = new Query(request.url!).last('question') ?? '';
    const release = await this.#slots.acquire();
    try {
      await writeKnown(response, this.#options.schedule, await this.#options.known(question));
    } finally {
      release();
    }
  }
}

async function ask(peer: Peer, question: string, { schedule, tenant }: PeerQuestionsOptions): Promise<PeerAnswer> {
  if (!peer.isUp) throw new Error(`${peer.name} does not answer`);
  const query = new URLSearchParams(tenant);
  query.set('question', question);
  const text = await peer.call({ method: 'GET', path: `known?${query.toString()}`, timeoutMs: unionMs });
  const [head, ...items] = await inSlices(readLines(text), new Slices(schedule, 'history'));
  if (head === undefined) throw new Error(`${peer.name} answered with nothing`);
  return { replica: peer.name, head, items };
}

function* readLines(text: string): Sliced<readonly Readonly<Record<string, unknown>>[]> {
  const lines: Record<string, unknown>[] = [];
  for (let from = 0, end = text.indexOf('\n'); end >= 0; from = end + 1, end = text.indexOf('\n', from)) {
    yield;
    lines.push(readObject(text.slice(from, end)));
  }
  return lines;
}

/** As it is, a field `__proto__` included. */
function readObject(line: string): Record<string, unknown> {
  const value: unknown = JSON.parse(line);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('a line is no JSON object');
  return value as Record<string, unknown>;
}

/** Answers another replica, item by item: a thousand runs are megabytes. Throws Refusal for more than it would read. */
async function writeKnown(
  response: ServerResponse,
  schedule: SliceSchedule,
  { items, ...head }: KnownAnswer,
): Promise<void> {
  const slices = new Slices(schedule, 'history');
  let text = `${JSON.stringify(head)}\n`;
  for (const item of items) {
    text += `${JSON.stringify(item)}\n`;
    if (text.length > peerAnswerBytes) throw new Refusal(507, `the answer is over ${peerAnswerBytes} bytes`);
    if (slices.isOver) await slices.yieldTurn();
  }
  answer(response, 200, answerType, text, { 'Cache-Control': 'no-store' });
}
