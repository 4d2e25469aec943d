import { Registry } from 'prom-client';
import type { Reviews } from '../access/reviews.ts';
import type { Config } from '../config/config.ts';
import type { ListenAddress } from '../config/flags/listen-address.ts';
import type { HomeInFile, LoadedConfig } from '../config/load-config.ts';
import type { TenantConfig } from '../config/tenant-configs.ts';
import type { AdmissionOptions } from './admission-server.ts';
import type { CreateHome, Home } from './home.ts';
import type { CreateLease, CreatePeerSlices, Replicas } from './replicas.ts';
import { alwaysLeads, type Leadership } from '../replica/leadership.ts';
import type { CreateClusterSilences } from './stored-silences.ts';
import type { HeavyWork } from '../receiver/intake/alerts-handler.ts';
import type { GuardFor } from '../outbound/address-guard.ts';
import type { WebOptions } from '../server/guarded-server.ts';
import type { FileStates } from '../runtime/file-watch.ts';
import type { AlertSource, Choice, Request } from '../reconcile/ports.ts';
import type { ChosenEvent } from '../trigger/matched-alerts.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import type { Permits } from '../workqueue/work-queue.ts';
import { UrgentSignals } from '../runtime/deadline.ts';

/** Reviews over connections of their own. */
export interface ClosableReviews extends Reviews {
  close(): Promise<void>;
}

/** Connects them to a cluster; nothing is connected before the first question. */
export type CreateReviews = (context: Pick<Runtime, 'clock'> & { readonly version: string }) => ClosableReviews;

/** The parts of an {@link App} that come from outside. */
export interface AppOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly config: Config;
  /** `--config.file`; default: there is none. */
  readonly configFile?: string | undefined;
  /** The text of the configuration file; default: there is none. */
  readonly configText?: string;
  /** Default: neither. */
  readonly inFile?: HomeInFile;
  /** Reads the configuration again, for a reload. Default: it never changes. */
  readonly loadConfig?: () => LoadedConfig;
  /** The configuration file in its state when it was read last. Default: the file is not followed. */
  readonly configRead?: (() => FileStates) | undefined;
  readonly listenAddress: ListenAddress;
  /** Makes the home of the pipelines: a cluster or a folder. */
  readonly createHome: CreateHome;
  /** Connects the lease that several replicas share. Default: this is the only one. */
  readonly createLease?: CreateLease | undefined;
  /** Finds the other replicas. Default: they are listed in the configuration. */
  readonly createPeerSlices?: CreatePeerSlices | undefined;
  /** Connects the silences of the cluster. Default: they are in a file. */
  readonly createSilences?: CreateClusterSilences | undefined;
  /** What the tenants of the configuration are, and where their pipelines live. Default: there are none. */
  readonly tenants?: readonly TenantConfig[] | undefined;
  /** Judges the tokens of senders in the cluster of the process, if there are tenants. Default: there is no cluster. */
  readonly createReviews?: CreateReviews | undefined;
  /** Rejects with an error for the user. */
  readonly tenantHome?: (tenant: TenantConfig) => Promise<CreateHome>;
  /** What may follow the route prefix and lead to the same API. Default: nothing. */
  readonly apiPrefixes?: readonly string[];
  /** The settings of the flags `--web.*`. */
  readonly web?: WebOptions | undefined;
  /** Where the API server asks whether a trigger is good. Default: nowhere. */
  readonly admission?: AdmissionOptions | undefined;
  readonly storagePath: string;
  readonly version: string;
  /** The files of the incident page. Default: there is no page. */
  readonly pageFolder?: string;
  /** The number of lines that the logger dropped because nobody read them. Default: 0. */
  readonly droppedLogLines?: () => number;
  /** Runs work that needs much memory, so that the process can prepare for it. Default: just runs it. */
  readonly heavyWork?: HeavyWork;
}

/** What every stage is given. */
export interface StageOptions extends Omit<AppOptions, 'config'>, Runtime {
  /** Gives the current configuration. */
  readonly config: () => Config;
  /** Whether this process may write. */
  readonly leadership: Leadership;
  /** This process as one of several; undefined: it is the only one. */
  readonly replicas?: Replicas | undefined;
  /** The signals of reconciles for alerts of the platform. */
  readonly urgent: UrgentSignals;
  /** Whose spine it is, if there are tenants. */
  readonly tenant?: string | undefined;
  /** The share of the workers of all tenants. Default: there are no others. */
  readonly permits?: Permits | undefined;
  /** Judges the addresses of the servers that are called. Default: all are good. */
  readonly guardFor?: GuardFor | undefined;
}

/** What an app makes for its stages. */
export function ownParts(
  { clock }: Pick<AppOptions, 'clock'>,
  registry = new Registry(),
): Pick<StageOptions, 'schedule' | 'registry' | 'urgent' | 'leadership'> {
  return { schedule: new SliceSchedule(clock), registry, urgent: new UrgentSignals(), leadership: alwaysLeads };
}

/** What the triggers get from the rest of the program. */
export interface TriggersOptions extends Runtime {
  /** This process as one of several; undefined: it is the only one. */
  readonly replicas?: Pick<Replicas, 'left' | 'shared'> | undefined;
  /** Whose triggers they are, if there are tenants. */
  readonly tenant?: string | undefined;
  /** Gives the current configuration. */
  readonly config: () => Config;
  /** The signals of work that goes before other work. */
  readonly urgent?: UrgentSignals;
  readonly home: Pick<Home, 'annotator' | 'list' | 'targets' | 'triggers'>;
  readonly alerts: Pick<AlertSource, 'snapshot'>;
  /** `--storage.path` */
  readonly storagePath: string;
  /** The namespace in which Tocsin runs; undefined without a cluster. */
  readonly ownNamespace?: string | undefined;
  /** Enqueues objects that were chosen, and logs it. */
  readonly wake: (choices: readonly Choice[], event: ChosenEvent) => Promise<void>;
  /** Enqueues objects for a look without an alert. */
  readonly look: (requests: readonly Request[], why: 'trigger' | 'pipeline') => void;
}
