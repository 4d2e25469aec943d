import type { Alert } from '../../alert/alert.ts';
import type { AlertStore } from '../../alert/alert-store.ts';
import type { CancelTimer, Clock } from '../../runtime/clock.ts';
import { inSlices, Slices, type SliceSchedule } from '../../runtime/slices.ts';
import { AlertDigests, digestType } from './alert-digest.ts';
import type { Leadership } from '../leadership.ts';
import { FollowerMarks, type WaitingRequests } from './marks.ts';
import { PeerRefusal } from './peer-client.ts';
import type { Peer, Peers } from './peers.ts';
import { receiptsOf, receiptsType, WaitingBodies, type BodyReceipt } from './body-receipts.ts';
import { both, toldBodies, ToldAlerts, type ToldBody } from './told-alerts.ts';
import { Told } from './told-format.ts';

/** How long alerts are gathered before they are told, milliseconds. */
export const tellAfterMs = 200;

/** The time between two tries of what failed, and between two questions how far the leader is, milliseconds. */
const retryMs = 500;
const askMs = 1000;

const callTimeoutMs = 5000;

/** What waits for longer is told as something old, milliseconds. */
const lateMs = 1000;

/** How long a replica that ends tries to tell what waits, milliseconds. */
const lastWordsMs = 1000;

/** The most alerts that are told at once. */
const maxPerRound = 5000;

/** Hears what is told. */
export interface TellerObserver {
  /** @param known those of them that the leader knew already */
  told(alerts: number, known: number): void;
  omitted(alerts: number): void;
  /** The leader could not be told for a while. */
  failed(error: unknown, waiting: number): void;
  succeeded(): void;
  /** So many requests wait no more, because the leader has worked on their causes. */
  covered(requests: number): void;
}

export interface TellerOptions {
  readonly clock: Clock;
  readonly schedule: SliceSchedule;
  readonly leadership: Leadership;
  readonly peers: Pick<Peers, 'find' | 'lookAgain'>;
  readonly store: Pick<AlertStore, 'all'>;
  /** The query that names the tenant, such as `tenant=a`; `''` without tenants. */
  readonly tenant: string;
  readonly waiting: () => WaitingRequests;
  readonly observer: TellerObserver;
}

/**
 * The way from a follower to the leader: what this replica was told is the leader's within a second, whoever it was that Prometheus pushed
 * to. Most of it the leader knows, because Prometheus pushes to all: so it is asked whether it has got the same bodies, then with digests
 * about the alerts of those that it has not, and told only what it lacks.
 *
 * Nothing waits for this on the way of an alert, which only leaves a reference here.
 */
export class Teller {
  readonly marks = new FollowerMarks();
  readonly #options: TellerOptions;
  readonly #alerts = new ToldAlerts();
  readonly #bodies = new WaitingBodies();
  readonly #closed = new AbortController();
  /** Everything in the store, for a leader that has not heard of it from this replica. */
  #rest: Iterator<Alert> | undefined;
  #isTelling = false;
  #knownTo = '';
  #cancelTimer: CancelTimer | undefined;
  #isRunning = false;
  /** On the monotonic clock; undefined while the last round went well. */
  #failingSince: number | undefined;
  #stopListening: () => void = () => undefined;

  constructor(options: TellerOptions) {
    this.#options = options;
  }

  /** The number of alerts that wait to be told. */
  get pending(): number {
    return this.#isTelling ? this.#alerts.size + this.#bodies.size : 0;
  }

  /** This replica has taken in an alert. @param isStored false: nobody but the caller has it */
  took(alert: Alert, isStored: boolean): void {
    if (!this.#isTelling) return;
    if (isStored) this.#alerts.add(alert);
    else this.#alerts.omit(1);
    this.#cancelTimer ??= this.#timer(tellAfterMs);
  }

  /** This replica has taken in these alerts of one body. Nobody may write into the list later. */
  tookBody(receipt: BodyReceipt, alerts: readonly Alert[]): void {
    if (!this.#isTelling || alerts.length === 0) return;
    if (!this.#bodies.add(receipt, alerts)) {
      this.#tellOneByOne(this.#bodies.take(Infinity));
      for (const alert of alerts) this.#alerts.add(alert);
    }
    this.#cancelTimer ??= this.#timer(tellAfterMs);
  }

  /** A sender has left out alerts. */
  omitted(count: number): void {
    if (!this.#isTelling || count === 0) return;
    this.#alerts.omit(count);
    this.#cancelTimer ??= this.#timer(tellAfterMs);
  }

  start(): void {
    this.#stopListening = this.#options.leadership.onChange(() => this.#follow());
    this.#follow();
  }

  /** Tells what waits, if that takes no longer than {@link lastWordsMs}. Never rejects. */
  async close(): Promise<void> {
    this.#stopListening();
    this.#cancelTimer?.();
    if (this.#isTelling && !this.#isEmpty) await this.#lastWords();
    this.#closed.abort();
    this.#cancelTimer?.();
  }

  async #lastWords(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.setTimeout(resolve, lastWordsMs);
    await Promise.race([this.#due(), promise]);
    cancel();
  }

  /** Whoever leads anew is told everything once: nobody knows what the one before had told it, or had not done yet. */
  #follow(): void {
    const { leadership, store } = this.#options;
    const { isLeading, leader, term } = leadership;
    this.#isTelling = !isLeading;
    if (isLeading) {
      this.#bodies.take(Infinity);
      this.#alerts.clear();
      this.#rest = undefined;
      this.#knownTo = '';
      return;
    }
    const present = leader === '' ? '' : `${term} ${leader}`;
    if (present === '' || present === this.#knownTo) return;
    this.#knownTo = present;
    // What has waited for a leader may be older than what that one knows, like all the rest.
    this.#bodies.take(Infinity);
    this.#alerts.forgetStored();
    this.#rest = store.all()[Symbol.iterator]();
    this.#kick(tellAfterMs);
  }

  #kick(delayMs: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#timer(delayMs);
  }

  #timer(delayMs: number): CancelTimer {
    return this.#options.clock.setTimeout(() => void this.#due(), delayMs);
  }

  async #due(): Promise<void> {
    if (this.#isRunning || this.#closed.signal.aborted) return;
    this.#isRunning = true;
    let nextMs: number | undefined;
    try {
      nextMs = await this.#round();
    } catch (error) {
      nextMs = retryMs;
      this.#failingSince ??= this.#options.clock.monotonic();
      if (!this.#closed.signal.aborted) this.#options.observer.failed(error, this.pending);
    }
    this.#isRunning = false;
    this.#cancelTimer = undefined;
    // Something may have come since the round decided.
    if (!this.#isEmpty) nextMs ??= tellAfterMs;
    if (nextMs !== undefined && !this.#closed.signal.aborted) this.#kick(nextMs);
  }

  /** Returns when the next round is due, milliseconds; undefined: when there is something to tell. */
  async #round(): Promise<number | undefined> {
    if (!this.#isTelling) return undefined;
    const leader = this.#leader();
    const { added } = this.#options.waiting();
    const bodies = this.#bodies.take();
    const isWhole = this.#bodies.size === 0;
    const received = bodies.length === 0 ? undefined : await this.#tellBodies(leader, bodies);
    const isKnown = received !== undefined && this.#alerts.isEmpty && this.#rest === undefined;
    const { answer, isAll } = isKnown ? { answer: received, isAll: true } : await this.#tellAlerts(leader);
    // Otherwise the leader does not know the causes of everything that waits.
    if (isWhole && isAll) this.marks.acknowledged(answer.term, answer.mark, added);
    this.covered(answer.term, answer.covered);
    this.#failingSince = undefined;
    this.#options.observer.succeeded();
    if (!this.#isEmpty) return this.pending < maxPerRound ? tellAfterMs : 0;
    if (this.#rest !== undefined) return 0;
    return this.#options.waiting().isWaiting ? askMs : undefined;
  }

  /** The alerts of the bodies that the leader has not got come to those that are told one by one. */
  async #tellBodies(leader: Peer, bodies: ReturnType<WaitingBodies['take']>): Promise<Told | undefined> {
    try {
      const answer = await this.#call(leader, `received?${this.#query({})}`, {
        type: receiptsType,
        content: receiptsOf(bodies),
      });
      const missing = new Set(answer.missing);
      this.#tellOneByOne(bodies.filter((_, index) => missing.has(index)));
      const known = bodies.reduce((sum, { alerts }, index) => sum + (missing.has(index) ? 0 : alerts.length), 0);
      this.#options.observer.told(known, known);
      return answer;
    } catch (error) {
      this.#tellOneByOne(bodies);
      // It is of a version without receipts.
      if (error instanceof PeerRefusal && (error.status === 404 || error.status === 415)) return undefined;
      throw error;
    }
  }

  async #tellAlerts(leader: Peer): Promise<{ readonly answer: Told; readonly isAll: boolean }> {
    const isRest = this.#alerts.size === 0 && this.#rest !== undefined;
    const alerts = isRest ? this.#takeRest() : this.#alerts.take(maxPerRound);
    const omitted = this.#alerts.takeOmitted();
    const isAll = this.#alerts.size === 0 && this.#rest === undefined;
    try {
      return { answer: await this.#tell(leader, alerts, omitted, isRest || this.#isLate), isAll };
    } catch (error) {
      if (isRest) this.#rest = both(alerts, this.#rest);
      else for (const alert of alerts) this.#alerts.add(alert);
      this.#alerts.omit(omitted);
      throw error;
    }
  }

  get #isEmpty(): boolean {
    return this.#alerts.isEmpty && this.#bodies.size === 0;
  }

  #tellOneByOne(bodies: ReturnType<WaitingBodies['take']>): void {
    for (const { alerts } of bodies) for (const alert of alerts) this.#alerts.add(alert);
  }

  #leader(): Peer {
    const { leadership, peers } = this.#options;
    const { leader } = leadership;
    if (leader === '') throw new Error('nobody leads');
    const found = peers.find(leader);
    if (found === undefined) peers.lookAgain();
    if (found === undefined) throw new Error(`the leader ${leader} is not among the peers that answer`);
    return found;
  }

  #takeRest(): readonly Alert[] {
    const taken: Alert[] = [];
    while (taken.length < maxPerRound && this.#rest !== undefined) {
      const next = this.#rest.next();
      if (next.done === true) this.#rest = undefined;
      else taken.push(next.value);
    }
    return taken;
  }

  /** The alerts have waited so long that the leader may know of a newer end. */
  get #isLate(): boolean {
    return this.#failingSince !== undefined && this.#options.clock.monotonic() - this.#failingSince > lateMs;
  }

  async #tell(leader: Peer, alerts: readonly Alert[], omitted: number, isLate: boolean): Promise<Told> {
    const { observer, schedule } = this.#options;
    const slices = new Slices(schedule, 'stored alerts');
    const digests = await inSlices(AlertDigests.of(alerts), slices);
    let answer = await this.#ask(leader, digests.bytes, omitted);
    const missing = answer.missing.map((index) => alerts[index]).filter((alert) => alert !== undefined);
    if (missing.length > 0) {
      for (const body of await inSlices(toldBodies(missing), slices)) await this.#give(leader, body, isLate);
      answer = await this.#ask(leader, Buffer.alloc(0), 0);
    }
    observer.told(alerts.length, alerts.length - missing.length);
    if (omitted > 0) observer.omitted(omitted);
    return answer;
  }

  /** The leader has worked on everything up to a mark. */
  covered(term: number, mark: number): void {
    const done = this.marks.covered(term, mark);
    if (done !== undefined) this.#options.observer.covered(this.#options.waiting().drop(done));
  }

  #ask(leader: Peer, digests: Buffer, omitted: number): Promise<Told> {
    const path = `told?${this.#query({ omitted: omitted === 0 ? undefined : omitted })}`;
    return this.#call(leader, path, { type: digestType, content: digests });
  }

  async #call(leader: Peer, path: string, body: { readonly type: string; readonly content: Buffer }): Promise<Told> {
    return Told.parse(JSON.parse(await leader.call({ method: 'POST', path, body, timeoutMs: callTimeoutMs })));
  }

  /** What the leader refuses of it, it refuses for good: this replica has taken it with other limits, and has said so. */
  async #give(leader: Peer, { text, timeoutMs }: ToldBody, isLate: boolean): Promise<void> {
    const path = `alerts?${this.#query({ timeout_ms: timeoutMs, late: isLate ? 1 : undefined })}`;
    const body = { type: 'application/json', content: text };
    try {
      await leader.call({ method: 'POST', path, body, timeoutMs: callTimeoutMs });
    } catch (error) {
      if (!(error instanceof PeerRefusal && error.status === 400)) throw error;
    }
  }

  #query(given: Readonly<Record<string, number | undefined>>): string {
    const parameters = new URLSearchParams(this.#options.tenant);
    for (const [name, value] of Object.entries(given)) if (value !== undefined) parameters.set(name, String(value));
    return parameters.toString();
  }
}
