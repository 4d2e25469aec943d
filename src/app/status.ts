import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { AlertStore } from '../alert/alert-store.ts';
import type { Config } from '../config/config.ts';
import type { QueueLoad } from '../controller/controller.ts';
import type { Status, StatusPeer } from '../explain/schema-status.ts';
import type { History } from '../history/history.ts';
import type { PeerState } from '../replica/peers/peers.ts';
import { maskUrls } from '../runtime/masked-url.ts';
import { newId } from '../runtime/new-id.ts';
import { configurationFileBytes, readRegularFile } from '../runtime/regular-file.ts';
import { Slices } from '../runtime/slices.ts';
import type { LimitName } from '../server/request/http-metrics.ts';
import { describeReadError } from '../config/settings/settings-file.ts';
import type { StormState } from '../trigger/guard/storm-guard.ts';
import { WriteProbe } from '../storage/write-probe.ts';
import type { AlertPath } from './alert-path.ts';
import type { StageOptions } from './app-options.ts';
import { sha256Of, type RunningConfiguration } from './metrics.ts';

/** The number of alerts between two looks at the clock. */
const alertsPerStep = 64;

/** What a status is about, besides the process. */
export interface StatusSubjects {
  /** Gives the current configuration. */
  readonly config: () => Config;
  readonly store: Pick<AlertStore, 'all'>;
  readonly alertPath: Pick<AlertPath, 'own' | 'watchdog'>;
  readonly history: Pick<History, 'lostLately'>;
  readonly notReady: () => string | undefined;
  readonly load: () => QueueLoad;
  readonly storm: () => StormState | undefined;
  /** Default: there are none. */
  readonly peers?: (() => readonly PeerState[]) | undefined;
}

/** Gathers what this process says about itself when somebody asks. Between two questions it only notes the limits that are reached. */
export class ProcessStatus {
  readonly #options: StageOptions;
  readonly #running: () => RunningConfiguration;
  readonly instance = newId(8);
  readonly #startedAt: number;
  readonly #limits = new Map<LimitName, { count: number; at: number }>();
  readonly #probe: WriteProbe;

  /** @param running gives the configuration that runs */
  constructor(options: StageOptions, running: () => RunningConfiguration) {
    const { clock, storagePath } = options;
    this.#options = options;
    this.#running = running;
    this.#startedAt = clock.now();
    this.#probe = new WriteProbe(storagePath, clock);
  }

  limitReached(limit: LimitName): void {
    const reached = this.#limits.get(limit);
    const at = this.#options.clock.now();
    if (reached === undefined) this.#limits.set(limit, { count: 1, at });
    else {
      reached.count++;
      reached.at = at;
    }
  }

  async read(subjects: StatusSubjects): Promise<Status> {
    const { alertPath, history, notReady } = subjects;
    const { version, clock } = this.#options;
    const { prometheus, controller, source, history: kept } = subjects.config();
    const whyNot = notReady();
    const { host, machine, externalUrl, advertisedUrls, ...place } = alertPath.own;
    return {
      version,
      instance: this.instance,
      started_at: timeOf(this.#startedAt),
      time: timeOf(clock.now()),
      ...(whyNot !== undefined && { not_ready: whyNot }),
      addresses: {
        ...(host !== undefined && { host }),
        port: place.port,
        route_prefix: place.routePrefix,
        ...(externalUrl !== undefined && { external_url: maskUrls(externalUrl) }),
        advertised_urls: advertisedUrls.map(maskUrls),
        machine: [...machine],
      },
      configuration: await this.#configuration(),
      prometheus: (prometheus.url ?? []).map(withoutCredentials),
      action: controller.action,
      select: source.select,
      storage: await this.#storage(),
      history: { retention_seconds: kept.retention / 1000, lost: history.lostLately },
      received: await this.#received(subjects),
      queue: this.#queue(subjects),
      ...this.#replica(subjects),
      ...stormOf(subjects),
      limits: [...this.#limits].map(([limit, { count, at }]) => ({ limit, count, last_reached_at: timeOf(at) })),
      ...(await watchdogOf(subjects)),
    };
  }

  async #configuration(): Promise<Status['configuration']> {
    const { sha256, loadedAt, isRefused } = this.#running();
    const running = { sha256, loaded_at: timeOf(loadedAt), refused: isRefused };
    if (this.#options.configFile === undefined) return running;
    const file = resolve(this.#options.configFile);
    try {
      const [bytes, { mtimeMs }] = await Promise.all([readRegularFile(file, configurationFileBytes), stat(file)]);
      // As the program decodes it, so that a damaged character makes no difference.
      return { ...running, file, file_sha256: sha256Of(bytes.toString('utf8')), file_modified_at: timeOf(mtimeMs) };
    } catch (error) {
      return { ...running, file, file_error: describeReadError(error, 'its folder') };
    }
  }

  async #storage(): Promise<Status['storage']> {
    const error = await this.#probe.error();
    return { path: resolve(this.#options.storagePath), ...(error !== undefined && { error }) };
  }

  #replica({ peers }: StatusSubjects): Pick<Status, 'replica'> {
    const { replicas } = this.#options;
    if (replicas === undefined) return {};
    const { leadership, leaderlessMs, me: identity, lease } = replicas;
    const { isLeading: leading, leader, term } = leadership;
    return {
      replica: {
        identity,
        lease,
        leading,
        term,
        ...(leader !== '' && { leader }),
        ...(leaderlessMs !== undefined && { waiting_for_leader_seconds: leaderlessMs / 1000 }),
        ...(peers !== undefined && { peers: peers().map(peerOf) }),
      },
    };
  }

  #queue({ load }: StatusSubjects): Status['queue'] {
    const { waiting, running, addedAt, startedAt } = load();
    const now = this.#options.clock.now();
    const since = (time: number): number => Math.max(0, now - time) / 1000;
    return {
      waiting,
      ...(addedAt !== undefined && { oldest_seconds: since(addedAt) }),
      running,
      ...(startedAt !== undefined && { longest_seconds: since(startedAt) }),
    };
  }

  /** Read from the stored alerts when somebody asks, so that an alert that comes in costs nothing more. */
  async #received({ store }: StatusSubjects): Promise<Status['received']> {
    const slices = new Slices(this.#options.schedule, 'stored alerts');
    let [newest, fromPrometheus, looked] = [0, 0, 0];
    for (const { times } of store.all()) {
      newest = Math.max(newest, times.updatedAt);
      if (!times.timeout) fromPrometheus = Math.max(fromPrometheus, times.updatedAt);
      if (++looked % alertsPerStep === 0 && slices.isOver) await slices.yieldTurn();
    }
    return {
      ...(newest > 0 && { at: timeOf(newest) }),
      ...(fromPrometheus > 0 && { from_prometheus_at: timeOf(fromPrometheus) }),
    };
  }
}

function peerOf({ identity, url, isUp, sinceMs, failure, hello, ...rest }: PeerState): StatusPeer {
  const { configDiffersMs, clockAheadMs } = rest;
  return {
    ...(identity !== '' && { identity }),
    address: maskUrls(url),
    answers: isUp,
    since_seconds: sinceMs / 1000,
    ...(failure !== undefined && { error: failure }),
    ...(hello !== undefined && { version: hello.tocsin }),
    ...(hello?.instance !== undefined && { instance: hello.instance }),
    ...(configDiffersMs !== undefined && { configuration_differs_seconds: configDiffersMs / 1000 }),
    ...(clockAheadMs !== undefined && { clock_ahead_seconds: clockAheadMs / 1000 }),
  };
}

function stormOf({ storm }: StatusSubjects): Pick<Status, 'storm'> {
  const state = storm();
  if (state === undefined) return {};
  const { since, until, waiting, released } = state;
  return { storm: { since: timeOf(since), waiting, released, until: timeOf(until) } };
}

async function watchdogOf({ alertPath }: StatusSubjects): Promise<Pick<Status, 'watchdog'>> {
  const waits = await alertPath.watchdog();
  if (waits === undefined) return {};
  const { matcher, afterMs, receivedAt } = waits;
  return {
    watchdog: {
      matcher,
      after_seconds: afterMs / 1000,
      ...(receivedAt !== undefined && { received_at: timeOf(receivedAt) }),
    },
  };
}

/** A URL that can be asked, unlike one in which something is masked. */
function withoutCredentials(text: string): string {
  const { protocol, host, pathname } = new URL(text);
  return `${protocol}//${host}${pathname.replace(/\/+$/, '')}`;
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
