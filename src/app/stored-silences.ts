import { rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { HomeChoice } from '../config/choose-home.ts';
import type { Config } from '../config/config.ts';
import type { ClusterSilences, ClusterSilencesOptions } from '../kubernetes/replica/cluster-silences.ts';
import type { Leadership } from '../replica/leadership.ts';
import { sleep } from '../runtime/deadline.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { SilenceSink } from '../silence/foreign-silences.ts';
import { SilenceLog, silenceLogName, type StoredSilences } from '../silence/silence-log.ts';
import { LoggedSilences, type SilenceStorage } from '../silence/silence-storage.ts';
import { silenceState } from '../silence/silence.ts';
import { limitsOf } from '../receiver/silences/silence-stage.ts';
import { receiverNamespace, type Home } from './home.ts';

/** Connects the silences of the cluster. */
export type CreateClusterSilences = (
  context: Omit<ClusterSilencesOptions, 'client'> & { readonly version: string },
) => ClusterSilences;

/** Where the silences of a spine are stored. */
export interface SilenceHome {
  readonly storage: SilenceStorage;
  /** The most that is kept of objects of the cluster, bytes; undefined: of none. */
  readonly maxObjectBytes: number | undefined;
  /** Reads what there is, and resolves when it is time to go on. Rejects with an error for the user. */
  open(): Promise<void>;
  /** Gives the silences to memory. Resolves when it is time to listen. */
  load(sink: SilenceSink): Promise<void>;
  /** Resolves once all silences are known. Never rejects. */
  synced(): Promise<void>;
  /** Why they are not known yet; undefined if they are. Safe to show to everybody. */
  whyUnknown(): string | undefined;
  close(): Promise<void>;
}

/** Silences in a log under `--storage.path`, which nobody else writes. */
export class SilencesInFile implements SilenceHome {
  readonly storage: SilenceStorage;
  readonly maxObjectBytes = undefined;
  readonly #log: SilenceLog;
  #stored: StoredSilences = { silences: [], toldUntil: undefined };

  constructor(options: Pick<Runtime, 'clock' | 'logger'> & { readonly storagePath: string }) {
    this.#log = new SilenceLog({ ...options, folder: options.storagePath });
    this.storage = new LoggedSilences(this.#log);
  }

  async open(): Promise<void> {
    this.#stored = await this.#log.open();
  }

  load(sink: SilenceSink): Promise<void> {
    sink.load(this.#stored);
    return Promise.resolve();
  }

  synced(): Promise<void> {
    return Promise.resolve();
  }

  whyUnknown(): undefined {
    return undefined;
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}

/** How long the start waits for the first list. After it alerts are taken in, but nothing is ready, and no silence can be read. */
const firstListMs = 5000;
/** How long after an import that failed it is tried again. */
const importRetryMs = 30_000;

interface SilencesInClusterOptions extends Runtime {
  readonly silences: ClusterSilences;
  readonly storagePath: string;
}

/** Silences that are objects of the cluster. Those of the file become such objects at the first start. */
export class SilencesInCluster implements SilenceHome {
  readonly storage: SilenceStorage;
  readonly maxObjectBytes: number;
  readonly #options: SilencesInClusterOptions;
  readonly #closed = new AbortController();
  #opened: Promise<void> = Promise.resolve();
  #importing: Promise<void> = Promise.resolve();

  constructor(options: SilencesInClusterOptions) {
    this.#options = options;
    this.storage = options.silences;
    this.maxObjectBytes = options.silences.maxObjectBytes;
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  async load(sink: SilenceSink): Promise<void> {
    const { clock, silences } = this.#options;
    this.#opened = silences.open(sink).then(() => this.#import());
    const waited = new AbortController();
    const limit = sleep(clock, firstListMs, waited.signal).catch(() => undefined);
    await Promise.race([this.#opened, limit]);
    waited.abort(new Error('the silences are known'));
  }

  synced(): Promise<void> {
    return this.#opened;
  }

  whyUnknown(): string | undefined {
    const { silences } = this.#options;
    return silences.isLoaded ? undefined : (silences.trouble ?? 'the silences of the cluster are not known yet');
  }

  async close(): Promise<void> {
    this.#closed.abort(new Error('Tocsin is shutting down'));
    await this.#options.silences.close();
    await this.#opened;
    await this.#importing;
  }

  /** Resolves after the first try. */
  async #import(): Promise<void> {
    if (this.#closed.signal.aborted || (await this.#isImported())) return;
    this.#importing = this.#importLater();
  }

  async #importLater(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closed;
    do await sleep(clock, importRetryMs, signal).catch(() => undefined);
    while (!signal.aborted && !(await this.#isImported()));
  }

  /** False if it has to be tried again. An object that is there already stays as it is: somebody may have changed it. */
  async #isImported(): Promise<boolean> {
    const { clock, logger, silences, storagePath } = this.#options;
    const file = join(storagePath, silenceLogName);
    if (!(await exists(file))) return true;
    const log = new SilenceLog({ ...this.#options, folder: storagePath });
    try {
      const stored = (await log.open()).silences;
      const live = stored.filter((silence) => silenceState(silence, clock.now()) !== 'expired');
      const imported = await silences.import(live);
      await log.close();
      await rename(file, `${file}.imported`);
      const counts = { imported, already_there: live.length - imported, ended: stored.length - live.length };
      const message =
        'the silences of the file are objects of the cluster now; the file was renamed, and is not read again';
      logger.info('silences.imported', message, { file: `${file}.imported`, ...counts });
      return true;
    } catch (error) {
      const message =
        'the silences of the file could not be made objects of the cluster, or the file not renamed: they are tried again';
      if (!this.#closed.signal.aborted)
        logger.error('silences.import_failed', message, { file, error, retry_in_ms: importRetryMs });
      return false;
    } finally {
      await log.close();
    }
  }
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

interface SilenceHomeOptions extends Runtime {
  readonly config: () => Config;
  readonly createSilences?: CreateClusterSilences | undefined;
  readonly leadership: Leadership;
  readonly home: Pick<Home, 'reflectors'>;
  readonly tenant?: string | undefined;
  readonly storagePath: string;
  readonly version: string;
}

/** Where the silences of a spine are. */
export function createSilenceHome(options: SilenceHomeOptions): SilenceHome {
  const { config, createSilences } = options;
  if (createSilences === undefined) return new SilencesInFile(options);
  const silences = createSilences({
    ...options,
    namespace: silenceNamespace(config()),
    reflectors: options.home.reflectors,
    limits: () => limitsOf(config()),
    namespaceLabel: () => config().triggers.namespace_label,
  });
  return new SilencesInCluster({ ...options, silences });
}

/** The namespace of what replicas share. */
function silenceNamespace({ replicas }: Config): string {
  return replicas.lease.namespace ?? receiverNamespace() ?? 'default';
}

/**
 * How to connect silences that are objects of the cluster; undefined if they are in the file. Throws an error for the user if there is
 * no cluster for them. The client is loaded only here, because it takes time and memory that others need not pay.
 * @param isReplicated whether this is one of several replicas
 */
export async function clusterSilencesOf(
  { receiver }: Config,
  home: Exclude<HomeChoice, { readonly problem: string }>,
  isReplicated: boolean,
): Promise<CreateClusterSilences | undefined> {
  const { silence_storage: wanted } = receiver;
  if (wanted === 'file' || (wanted === 'auto' && !isReplicated)) return undefined;
  if (home.home !== 'kubernetes') throw new Error(needsCluster);
  const { createClusterSilences } = await import('../kubernetes/replica/cluster-silences.ts');
  return (context) => createClusterSilences({ ...context, access: home });
}

const needsCluster =
  'receiver.silence_storage is kubernetes, which needs pipelines in Kubernetes, and these are in a folder: name a cluster (--kubeconfig), or set receiver.silence_storage to file';
