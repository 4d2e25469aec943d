import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Alert, AlertTimes } from '../../alert/alert.ts';
import type { AlertStore } from '../../alert/alert-store.ts';
import type { OtherReplicas } from '../../receiver/intake/alert-intake.ts';
import type { Receiver } from '../../receiver/receiver.ts';
import type { ClusterStatus } from '../../receiver/lists/api-json.ts';
import type { CancelTimer } from '../../runtime/clock.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { newId } from '../../runtime/new-id.ts';
import { inSlices, Slices } from '../../runtime/slices.ts';
import { Slots } from '../../runtime/slots.ts';
import { answer, answerJson, nameMissingPeers, Refusal } from '../../server/request/answer.ts';
import { Query } from '../../text/go/url.ts';
import { AlertDigests, digestType } from './alert-digest.ts';
import { BodyReceipts, receiptOf, receiptsType } from './body-receipts.ts';
import type { Leadership } from '../leadership.ts';
import { LeaderMarks, type Barrier, type WaitingRequests } from './marks.ts';
import { peerAnswerBytes } from './peer-client.ts';
import type { PeerReport } from './peer-report.ts';
import { PeerQuestions, type Known } from './peer-questions.ts';
import { peerProtocol, type Peer, type Peers } from './peers.ts';
import { Teller } from './teller.ts';
import { alertLine, toldBodies, type ToldBody } from './told-alerts.ts';
import { sameReceptionMs, toldFormat, type Told } from './told-format.ts';
import { openUnions, unionOfAlerts, unlikeAlerts } from './union.ts';

/** How long a replica that has come may take to say what it knows, milliseconds. */
const learnMs = 5000;

/** The time between two looks at what the leader has finished, milliseconds. */
const lookMs = 250;

/** The parts of a spine that its replicas work with. */
export interface ReplicatedParts {
  readonly receiver: Pick<Receiver, 'readBody' | 'takeTold' | 'takeIn'>;
  /** For alerts that are no requests yet. */
  readonly intake: () => Barrier;
  /** For requests that wait, run, or have failed. */
  readonly requests: () => Barrier;
  readonly waiting: WaitingRequests;
  /** Alerts came of which nothing but the number is known: every object has to be looked at. */
  readonly lookAtAll: () => void;
  readonly known: Known;
}

export interface SpineReplicaOptions extends Runtime {
  readonly leadership: Leadership;
  readonly peers: Peers;
  readonly report: PeerReport;
  readonly store: AlertStore;
  /** The query that names the tenant; `''` without tenants. */
  readonly tenant: string;
  readonly cluster: () => ClusterStatus;
  /** The own name. */
  readonly me: string;
}

/** What one spine does with its like in the other replicas: it tells them, is told by them, and answers for them. */
export class SpineReplica implements OtherReplicas {
  readonly cluster: () => ClusterStatus;
  /** What the replicas ask each other for people. */
  readonly questions: PeerQuestions;
  readonly #options: SpineReplicaOptions;
  readonly #teller: Teller;
  readonly #marks: LeaderMarks;
  readonly #receipts: BodyReceipts;
  readonly #unions = new Slots(openUnions);
  /** What another replica told of an alert, and when; of the last seconds and of those before. */
  #heard = new Map<Alert, AlertTimes>();
  #heardBefore = new Map<Alert, AlertTimes>();
  #parts: ReplicatedParts | undefined;
  #cancelLook: CancelTimer | undefined;
  #cancelForget: CancelTimer | undefined;

  constructor(options: SpineReplicaOptions) {
    this.#options = options;
    this.cluster = options.cluster;
    this.#receipts = new BodyReceipts(options.clock);
    const onMissing = (peers: readonly string[], error: unknown): void => options.report.missing(peers, error);
    this.questions = new PeerQuestions({ ...options, onMissing, known: (question) => this.#ready.known(question) });
    this.#marks = new LeaderMarks({
      intake: () => this.#parts?.intake() ?? never,
      requests: () => this.#parts?.requests() ?? never,
    });
    this.#teller = new Teller({ ...options, waiting: () => this.#parts?.waiting ?? nothing, observer: options.report });
  }

  /** The alerts that wait to be told. */
  get pending(): number {
    return this.#teller.pending;
  }

  /** How far this replica is as the leader; undefined if it has nothing to say. */
  get covered(): number | undefined {
    return this.#options.leadership.isLeading ? this.#marks.covered : undefined;
  }

  /** The lease says how far its holder was. */
  leaseSays(term: number, mark: number): void {
    this.#teller.covered(term, mark);
  }

  start(parts: ReplicatedParts): void {
    this.#parts = parts;
    this.#teller.start();
  }

  /** Tells what waits, if the leader answers within a second. Never rejects. */
  async close(): Promise<void> {
    await this.#teller.close();
    this.#parts = undefined;
    this.#cancelLook?.();
    this.#cancelForget?.();
  }

  took(alert: Alert, isStored: boolean): void {
    this.#teller.took(alert, isStored);
  }

  tookBody(bytes: Buffer, alerts: readonly Alert[], isWhole: boolean): void {
    const { isLeading } = this.#options.leadership;
    if (isLeading && !isWhole) return;
    const receipt = receiptOf(bytes, alerts);
    if (isLeading) this.#receipts.note(receipt);
    else this.#teller.tookBody(receipt, alerts);
  }

  omitted(count: number): void {
    this.#teller.omitted(count);
  }

  heard(alert: Alert): void {
    this.#heard.set(alert, alert.times);
    this.#cancelForget ??= this.#options.clock.setTimeout(() => this.#forgetHeard(), sameReceptionMs);
  }

  hasHeard(alert: Alert): boolean {
    if (this.#heard.size === 0 && this.#heardBefore.size === 0) return false;
    const heard = this.#heard.get(alert) ?? this.#heardBefore.get(alert);
    return heard !== undefined && isSameContent(heard, alert.times);
  }

  /** See {@link AllAlerts}. */
  readonly allAlerts = async (response: ServerResponse): Promise<Iterable<Alert>> => {
    const { report } = this.#options;
    const release = await this.#unions.acquire();
    try {
      const onMissing = (peers: readonly string[], error: unknown): void => report.missing(peers, error);
      const { alerts, missing } = await unionOfAlerts({ ...this.#options, onMissing });
      nameMissingPeers(response, missing);
      return alerts;
    } finally {
      release();
    }
  };

  /**
   * Takes in what a replica knows that has come: it may have been told before this one was there, and may be gone tomorrow. A leader needs no
   * question: it is told. Never rejects.
   */
  async learnFrom(peer: Peer): Promise<void> {
    const { leadership, report, schedule, store, tenant } = this.#options;
    if (leadership.isLeading || this.#parts === undefined) return;
    try {
      const slices = new Slices(schedule, 'stored alerts');
      const digests = (await inSlices(AlertDigests.of([...store.all()]), slices)).bytes;
      const alerts = await unlikeAlerts(peer, digests, { schedule, tenant, timeoutMs: learnMs });
      for (const body of await inSlices(toldBodies(alerts), slices)) await this.#learn(peer, body);
      report.learned(peer, alerts.length);
    } catch (error) {
      report.notLearned(peer, error);
    }
  }

  /** Says which of a follower's alerts the leader does not know, and how far the leader is. */
  async told(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { report, schedule, store, clock } = this.#options;
    this.#requireLeading();
    const digests = await this.#readDigests(request);
    report.asked(digests.count);
    const omitted = Number(new Query(request.url!).last('omitted') ?? 0);
    const slices = new Slices(schedule, 'stored alerts');
    const missing = await inSlices(digests.missingFrom(store, clock.now()), slices);
    this.#requireLeading();
    if (omitted > 0) this.#parts!.lookAtAll();
    this.#answerTold(response, missing);
  }

  /** Says which of the bodies that a follower has got did not come here, and how far the leader is. */
  async received(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#requireLeading();
    const missing = await this.#readList(request, receiptsType, (bytes) => this.#receipts.missing(bytes));
    this.#requireLeading();
    this.#answerTold(response, missing);
  }

  /** All that the follower has named was taken in by now. */
  #answerTold(response: ServerResponse, missing: readonly number[]): void {
    const mark = this.#marks.next();
    this.#look();
    const { term } = this.#options.leadership;
    answerJson(response, { version: peerProtocol, term, mark, covered: this.#marks.covered, missing } satisfies Told);
  }

  /** Takes in alerts that the leader did not know. */
  async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#requireLeading();
    const query = new Query(request.url!);
    const timeoutMs = query.last('timeout_ms');
    const format = toldFormat({
      find: (key, keyHash) => this.#options.store.find(key, keyHash),
      timeoutMs: timeoutMs === undefined ? undefined : wholeNumber(timeoutMs, 'timeout_ms'),
      isLate: query.last('late') !== undefined,
    });
    await this.#ready.receiver.takeTold(request, response, format);
  }

  /** Answers with the own alerts that are not as the digests say. */
  async unlike(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { schedule, store } = this.#options;
    const digests = await this.#readDigests(request);
    const slices = new Slices(schedule, 'lists');
    let text = '';
    for (const alert of await inSlices(digests.unlike(store.all()), slices)) {
      text += alertLine(alert);
      if (text.length > peerAnswerBytes) throw new Refusal(507, 'too many alerts are different');
      if (slices.isOver) await slices.yieldTurn();
    }
    answer(response, 200, 'application/x-ndjson', text, { 'Cache-Control': 'no-store' });
  }

  /** It may know of an end that came here already: it tells something old. */
  async #learn({ url }: Peer, { text, timeoutMs }: ToldBody): Promise<void> {
    const find = (key: string, keyHash?: number): Alert | undefined => this.#options.store.find(key, keyHash);
    const sender = { requestId: newId(8), remote: new URL(url).host, userAgent: undefined };
    await this.#ready.receiver.takeIn(Buffer.from(text), sender, toldFormat({ find, timeoutMs, isLate: true }));
  }

  get #ready(): ReplicatedParts {
    if (this.#parts === undefined) throw new Refusal(503, 'Tocsin is starting');
    return this.#parts;
  }

  #requireLeading(): void {
    const { isLeading, leader } = this.#options.leadership;
    if (this.#parts === undefined) throw new Refusal(503, 'Tocsin is starting');
    if (!isLeading) throw new Refusal(409, `this replica does not lead${leader === '' ? '' : `, but ${leader} does`}`);
  }

  #readDigests(request: IncomingMessage): Promise<AlertDigests> {
    // The bytes belong to somebody else after the release.
    return this.#readList(request, digestType, (bytes) => AlertDigests.read(Buffer.from(bytes)));
  }

  /** @param read undefined: that is no such list */
  async #readList<T>(request: IncomingMessage, expected: string, read: (bytes: Buffer) => T | undefined): Promise<T> {
    const type = request.headers['content-type'] ?? '';
    if (type !== expected) throw new Refusal(415, `found the media type ${type}, expected ${expected}`);
    const body = await this.#ready.receiver.readBody(request);
    try {
      const list = read(body.bytes);
      if (list === undefined) throw new Refusal(400, `the body is no list of ${expected}`);
      return list;
    } finally {
      body.release();
    }
  }

  /** Looks again and again until everything is covered. */
  #look(): void {
    if (this.#cancelLook !== undefined) return;
    const again = (): void => {
      this.#cancelLook = undefined;
      if (!this.#options.leadership.isLeading) return;
      this.#marks.look();
      if (!this.#marks.isCovered) this.#cancelLook = this.#options.clock.setTimeout(again, lookMs);
    };
    this.#cancelLook = this.#options.clock.setTimeout(again, lookMs);
  }

  #forgetHeard(): void {
    this.#heardBefore = this.#heard;
    this.#heard = new Map();
    this.#cancelForget = undefined;
    if (this.#heardBefore.size > 0)
      this.#cancelForget = this.#options.clock.setTimeout(() => this.#forgetHeard(), sameReceptionMs);
  }
}

const never: Barrier = () => false;
const nothing: WaitingRequests = { added: 0, isWaiting: false, drop: () => 0 };

function isSameContent(a: AlertTimes, b: AlertTimes): boolean {
  if (a.timeout || b.timeout) return a.timeout && b.timeout && Math.abs(a.updatedAt - b.updatedAt) < sameReceptionMs;
  return Math.floor(a.startsAt) === Math.floor(b.startsAt) && Math.floor(a.endsAt) === Math.floor(b.endsAt);
}

function wholeNumber(text: string, name: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new Refusal(400, `${name} is no number`);
  return Number(text);
}
