import { Counter, Gauge, type Registry } from 'prom-client';
import { LineOnceAWhile } from '../../runtime/limited-lines.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { Peer, PeerObserver } from './peers.ts';
import type { TellerObserver } from './teller.ts';

const calls = ['hello', 'told', 'received', 'alerts', 'unlike', 'known'] as const;
const outcomes = ['ok', 'failed'] as const;

/** The time between two lines about what goes on, milliseconds. */
const repeatedLineMs = 30_000;

/** What the log and the metrics say of the peers. */
export class PeerReport implements PeerObserver, TellerObserver {
  readonly #logger: Runtime['logger'];
  readonly #notToldLine: LineOnceAWhile;
  readonly #missingLine: LineOnceAWhile;
  readonly #refusedLine: LineOnceAWhile;
  readonly #leftOutLine: LineOnceAWhile;
  readonly #calls: Counter;
  readonly #told: Counter;
  readonly #omitted: Counter;
  readonly #taken: Counter;
  readonly #covered: Counter;
  readonly #refusedCalls: Counter;
  readonly #onComing: (peer: Peer) => void;
  #missing = 0;
  #refusedCount = 0;
  #isFailing = false;

  /** @param onComing called when a peer comes or goes */
  constructor(options: Pick<Runtime, 'clock' | 'logger' | 'registry'> & { readonly onEvent: (peer: Peer) => void }) {
    const { clock, logger, registry } = options;
    this.#logger = logger;
    this.#onComing = options.onEvent;
    this.#notToldLine = new LineOnceAWhile(clock, repeatedLineMs);
    this.#missingLine = new LineOnceAWhile(clock, repeatedLineMs);
    this.#refusedLine = new LineOnceAWhile(clock, repeatedLineMs);
    this.#leftOutLine = new LineOnceAWhile(clock);
    const registers = [registry];
    this.#calls = new Counter({
      registers,
      name: 'tocsin_peer_requests_total',
      help: 'Calls of other replicas, by what was called and how it ended.',
      labelNames: ['call', 'outcome'],
    });
    for (const call of calls) for (const outcome of outcomes) this.#calls.inc({ call, outcome }, 0);
    this.#refusedCalls = new Counter({
      registers,
      name: 'tocsin_peer_requests_refused_total',
      help: 'Requests under /api/peers/ without the credentials of a replica.',
    });
    this.#told = new Counter({
      registers,
      name: 'tocsin_told_alerts_total',
      help: 'Alerts of which a follower has asked the leader whether it knows them, by the answer.',
      labelNames: ['known'],
    });
    for (const known of ['true', 'false']) this.#told.inc({ known }, 0);
    this.#omitted = new Counter({
      registers,
      name: 'tocsin_told_alerts_omitted_total',
      help: 'Alerts of which a follower told only the number, so that the leader looks at every object.',
    });
    this.#taken = new Counter({
      registers,
      name: 'tocsin_peer_alerts_taken_total',
      help: 'Alerts that the leader was asked about by followers.',
    });
    this.#covered = new Counter({
      registers,
      name: 'tocsin_covered_requests_total',
      help: 'Requests that a follower dropped, because the leader has worked on causes at least as new.',
    });
  }

  /** Metrics that are read when somebody looks. */
  watch(registry: Registry, pending: () => number, peers: () => { readonly up: number; readonly down: number }): void {
    watchGauges(registry, pending, peers);
  }

  came(peer: Peer): void {
    this.#logger.info('peer.came', 'another replica answers', { peer: peer.name, address: peer.url });
    this.#onComing(peer);
  }

  went(peer: Peer, reason: string | undefined): void {
    const fields = { peer: peer.name, address: peer.url, ...(reason !== undefined && { error: reason }) };
    if (reason === undefined) this.#logger.info('peer.went', 'another replica is gone', fields);
    else this.#logger.warn('peer.went', 'another replica does not answer', fields);
    this.#onComing(peer);
  }

  called(call: string, outcome: 'ok' | 'failed'): void {
    this.#calls.inc({ call, outcome });
  }

  leftOut(count: number): void {
    if (!this.#leftOutLine.allows()) return;
    this.#logger.warn('peer.left_out', 'there are more replicas than are asked', { left_out: count, limit: 'peers' });
  }

  told(alerts: number, known: number): void {
    this.#told.inc({ known: 'true' }, known);
    this.#told.inc({ known: 'false' }, alerts - known);
    if (alerts > known)
      this.#logger.info('alerts.told', 'the leader was told of alerts that it did not know', {
        alerts: alerts - known,
        known,
      });
  }

  omitted(alerts: number): void {
    this.#omitted.inc(alerts);
    this.#logger.warn(
      'alerts.told_omitted',
      'the leader was told the number of alerts alone, and looks at every object',
      { alerts },
    );
  }

  failed(error: unknown, waiting: number): void {
    this.#isFailing = true;
    if (!this.#notToldLine.allows()) return;
    this.#logger.warn('alerts.not_told', 'the leader cannot be told of the alerts that came in here: they wait', {
      waiting,
      error,
    });
  }

  succeeded(): void {
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#logger.info('alerts.told_again', 'the leader can be told of alerts again');
  }

  /** A follower has asked about so many alerts. */
  asked(alerts: number): void {
    this.#taken.inc(alerts);
  }

  covered(requests: number): void {
    this.#covered.inc(requests);
  }

  /** A replica that came knew so many alerts that were not known here like that. */
  learned(peer: Peer, alerts: number): void {
    if (alerts === 0) return;
    this.#logger.info('alerts.learned', 'another replica knew alerts that were not known here', {
      peer: peer.name,
      alerts,
    });
  }

  notLearned(peer: Peer, error: unknown): void {
    this.#logger.warn(
      'alerts.not_learned',
      'another replica did not say which alerts it knows: they are not known here',
      {
        peer: peer.name,
        error,
      },
    );
  }

  /** A list or an answer lacks what these replicas know. */
  missing(peers: readonly string[], error: unknown): void {
    this.#missing++;
    if (!this.#missingLine.allows()) return;
    this.#logger.warn('peer.missing', 'what was read lacks what a replica knows that did not answer', {
      peers,
      reads: this.#missing,
      error,
    });
    this.#missing = 0;
  }

  /** A defect of ours. */
  broken(path: string, error: unknown): void {
    this.#logger.error('peer.request_failed', 'a request of another replica could not be answered', { path, error });
  }

  refused(remote: string, reason: string): void {
    this.#refusedCalls.inc();
    this.#refusedCount++;
    if (!this.#refusedLine.allows()) return;
    this.#logger.warn('peer.refused', 'a request under /api/peers/ has not the credentials of a replica', {
      remote,
      reason,
      refused: this.#refusedCount,
    });
    this.#refusedCount = 0;
  }
}

function watchGauges(
  registry: Registry,
  pending: () => number,
  peers: () => { readonly up: number; readonly down: number },
): void {
  new Gauge({
    registers: [registry],
    name: 'tocsin_told_alerts_pending',
    help: 'Alerts that wait until the leader has been told of them.',
    collect() {
      this.set(pending());
    },
  });
  new Gauge({
    registers: [registry],
    name: 'tocsin_peers',
    help: 'Other replicas, by whether they answer.',
    labelNames: ['state'],
    collect() {
      const { up, down } = peers();
      this.set({ state: 'up' }, up);
      this.set({ state: 'down' }, down);
    },
  });
}
