import type { Config } from '../config/config.ts';
import type { ListenAddress } from '../config/flags/listen-address.ts';
import type { HomeInFile, LoadedConfig } from '../config/load-config.ts';
import type { CreateHome } from './home.ts';
import type { HeavyWork } from '../receiver/intake/alerts-handler.ts';
import type { WebOptions } from '../server/guarded-server.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** What an {@link App} is made of, and what the outside gives it. */
export interface AppOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly config: Config;
  /** The text of the configuration file; default: there is none. */
  readonly configText?: string;
  /** Default: neither. */
  readonly inFile?: HomeInFile;
  /** Reads the configuration anew, for a reload. Default: it stays as it is. */
  readonly loadConfig?: () => LoadedConfig;
  readonly listenAddress: ListenAddress;
  /** Makes the home of the pipelines: a cluster or a folder. */
  readonly createHome: CreateHome;
  /** What was asked for with the flags `--web.*`. */
  readonly web?: WebOptions | undefined;
  readonly storagePath: string;
  readonly version: string;
  /** How many lines the logger dropped because nobody read them. Default: it drops none. */
  readonly droppedLogLines?: () => number;
  /** Runs work that needs much memory; the process may want to know of it. Default: just runs it. */
  readonly heavyWork?: HeavyWork;
}
