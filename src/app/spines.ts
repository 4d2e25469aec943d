import type { Reviews } from '../access/reviews.ts';
import { pageRoutes } from '../receiver/page/incident-page.ts';
import type { Logger } from '../runtime/logger.ts';
import { Routes, type RouteTable } from '../server/routes.ts';
import type { StageOptions } from './app-options.ts';
import type { ReloadOutcome, SpinesChange } from './reloader.ts';
import type { Cleanups, Shutdown } from './shutdown.ts';
import { Spine, type SpineDoor } from './spine.ts';

/** All spines of a process: the one that has it for itself, or one for each tenant. */
export interface Spines {
  /** Of the process. */
  readonly logger: Logger;
  /** The most that is kept of all pipelines, bytes; undefined if it is little. */
  readonly maxObjectBytes: number | undefined;
  /** Judges tokens and rights, if there is a cluster. */
  readonly reviews: Reviews | undefined;
  /** How many reconcile requests wait. */
  readonly waiting: number;
  /** Returns what is true once every request that has been added so far has been worked on, failed runs included. */
  barrier(): () => boolean;
  /** The leader looks at every object: what another replica knew may not have come here. */
  lookAtAll(): void;
  /** The routes of the server. Call it once, before they are opened. */
  createRoutes(door: SpineDoor): RouteTable;
  /** Rejects with an error for the user if the process cannot start. */
  open(cleanups: Cleanups, shutdown: Shutdown): Promise<void>;
  /** @param port on which the process listens */
  start(cleanups: Cleanups, port: number): void;
  /** Resolves to the number of pipelines once it is ready; to undefined if the shutdown has begun by then. */
  becomeReady(): Promise<number | undefined>;
  /** It is not ready any more. */
  end(): void;
  /** Ends all streams, so that the server can close. */
  closeStreams(): void;
  /** Finds every fault of a configuration; the returned function applies it. Throws an error for the user. */
  prepare(change: SpinesChange): () => void;
  /** Tells what the last reload of the configuration has left undone. */
  configRead(outcome: ReloadOutcome): void;
}

/** Without tenants: one spine, whose log, registry and storage are those of the process. */
export class OneSpine implements Spines {
  readonly logger: Logger;
  readonly #spine: Spine;
  readonly #options: StageOptions;

  constructor(options: StageOptions) {
    this.#options = options;
    this.#spine = new Spine(options);
    this.logger = this.#spine.logger;
  }

  get maxObjectBytes(): number | undefined {
    return this.#spine.maxObjectBytes;
  }

  get waiting(): number {
    return this.#spine.waiting;
  }

  barrier(): () => boolean {
    return this.#spine.barrier();
  }

  get reviews(): Reviews | undefined {
    return this.#spine.home.reviews;
  }

  lookAtAll(): void {
    this.#spine.lookAtAll();
  }

  createRoutes(door: SpineDoor): RouteTable {
    const { pageFolder } = this.#options;
    const ofPeers = door.replication?.routes ?? [];
    return new Routes([...this.#spine.createRoutes(door), ...ofPeers, ...pageRoutes(pageFolder)]);
  }

  open(cleanups: Cleanups, shutdown: Shutdown): Promise<void> {
    return this.#spine.open(cleanups, shutdown);
  }

  start(cleanups: Cleanups, port: number): void {
    this.#spine.start(cleanups, port);
  }

  async becomeReady(): Promise<number | undefined> {
    return (await this.#spine.becomeReady()) ? this.#spine.home.list().length : undefined;
  }

  end(): void {
    this.#spine.readiness.end();
  }

  closeStreams(): void {
    this.#spine.closeStreams();
  }

  prepare({ config, changed }: SpinesChange): () => void {
    const apply = this.#spine.prepare(config);
    return () => {
      apply();
      this.#spine.reconfigure(changed);
    };
  }

  configRead(outcome: ReloadOutcome): void {
    this.#spine.configRead(outcome);
  }
}
