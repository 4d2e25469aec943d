import { hostname } from 'node:os';
import { Registry } from 'prom-client';
import type { Leadership } from '../../replica/leadership.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { SilenceSink } from '../../silence/foreign-silences.ts';
import type { SilenceLimits } from '../../silence/silence-rules.ts';
import type { SilenceStorage, SilenceWrite } from '../../silence/silence-storage.ts';
import type { Silence } from '../../silence/silence.ts';
import { createApiClient, type ApiClient } from '../api/api-client.ts';
import type { ClusterAccess } from '../api/kube-config.ts';
import { createReflectorMetrics, type ReflectorMetrics } from '../watch/reflector-report.ts';
import { EventRecorder } from '../write/event-recorder.ts';
import { EventReport, EventWriter } from '../write/event-writer.ts';
import { SilenceObjectReport } from './silence-object-report.ts';
import { SilenceObjects, silenceObjectsBytes } from './silence-objects.ts';
import { SilenceUpkeep } from './silence-upkeep.ts';

export interface ClusterSilencesOptions extends Runtime {
  readonly client: Pick<ApiClient, 'call' | 'open' | 'close'>;
  /** Where the objects live. */
  readonly namespace: string;
  /** Counts lists and watches. Default: nobody does. */
  readonly reflectors?: ReflectorMetrics | undefined;
  /** Whose silences they are, if there are tenants. */
  readonly tenant?: string | undefined;
  readonly leadership: Leadership;
  readonly limits: () => SilenceLimits;
  /** `triggers.namespace_label` */
  readonly namespaceLabel: () => string;
}

/** One for the watch, the others for calls: every replica may write silences, whether it leads or not. */
const connections = 20;

/**
 * Silences in a cluster, with a client of their own: a silence must not wait for what is reconciled, and a replica that does not lead
 * writes it, too. Nothing is connected before they are opened.
 */
export function createClusterSilences(
  options: Omit<ClusterSilencesOptions, 'client'> & { readonly access: ClusterAccess; readonly version: string },
): ClusterSilences {
  const { access, clock, schedule, version } = options;
  // The names of its metrics are those of the client of the pipelines. It is given no leadership: each replica writes silences.
  const own = { registry: new Registry(), maxConnections: connections };
  const client = createApiClient({ access, clock, schedule, version, ...own });
  return new ClusterSilences({ ...options, client });
}

/** How long the end waits for the last Events, milliseconds. */
const lastEventsMs = 1000;

/** In the cluster and the namespace of the objects, which need not be those of the pipelines. */
function createEvents(options: ClusterSilencesOptions, report: SilenceObjectReport): EventRecorder {
  const count = (result: 'created' | 'updated' | 'failed' | 'dropped'): void =>
    report.wrote('event', result === 'created' || result === 'updated' ? 'done' : 'failed');
  const writer = new EventWriter({ ...options, report: new EventReport({ ...options, count }) });
  return new EventRecorder({ clock: options.clock, writer, instance: hostname() });
}

/** Silences that are objects of a cluster, and what the leader does for them. */
export class ClusterSilences implements SilenceStorage {
  /** The most that is kept of all objects, bytes. */
  readonly maxObjectBytes = silenceObjectsBytes;
  readonly #client: Pick<ApiClient, 'close'>;
  readonly #objects: SilenceObjects;
  readonly #upkeep: SilenceUpkeep;
  readonly #events: EventRecorder;

  constructor(options: ClusterSilencesOptions) {
    const { limits } = options;
    this.#client = options.client;
    const report = new SilenceObjectReport({ ...options, invalid: () => this.#objects.known.invalid });
    this.#objects = new SilenceObjects({
      ...options,
      report,
      metrics: options.reflectors ?? createReflectorMetrics(new Registry()),
      onChange: () => this.#upkeep.look(),
    });
    this.#events = createEvents(options, report);
    this.#upkeep = new SilenceUpkeep({
      ...options,
      report,
      events: this.#events,
      known: this.#objects.known,
      retentionMs: () => limits().retentionMs,
      lookForRoom: () => this.#objects.lookForRoom(),
      isCrowded: () => this.#objects.isCrowded,
    });
  }

  /** Resolves once the sink has all silences that there are, which may be long after the start. Never rejects. */
  open(sink: SilenceSink): Promise<void> {
    return this.#objects.open(sink);
  }

  /** True once all silences that there are have been read. */
  get isLoaded(): boolean {
    return this.#objects.known.isLoaded;
  }

  /** Why they are not known yet; undefined if they are, or if no reason is known. */
  get trouble(): string | undefined {
    return this.#objects.trouble;
  }

  write(writes: readonly SilenceWrite[]): Promise<void> {
    return this.#objects.write(writes);
  }

  noteLogged(): Promise<void> {
    return this.#objects.noteLogged();
  }

  /** Makes those that are not there; returns how many that were. Rejects if one cannot be made. */
  import(silences: readonly Silence[]): Promise<number> {
    return this.#objects.import(silences);
  }

  async close(): Promise<void> {
    await this.#upkeep.close();
    await this.#events.close(lastEventsMs);
    await this.#objects.close();
    await this.#client.close();
  }
}
