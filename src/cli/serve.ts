import { existsSync } from 'node:fs';
import type { AppOptions } from '../app/app-options.ts';
import { App } from '../app/app.ts';
import type { Clock } from '../runtime/clock.ts';
import { chooseHome, type HomeChoice } from '../config/choose-home.ts';
import type { TenantConfig } from '../config/tenant-configs.ts';
import type { Flags } from '../config/flags/flags.ts';
import { folderHome, kubernetesHome, kubernetesReviews, type CreateHome } from '../app/home.ts';
import { leaseOf, peerSlicesOf } from '../app/replicas.ts';
import { clusterSilencesOf } from '../app/stored-silences.ts';
import { createLogger, type DeferringLogger, type LogFields, type Logger } from '../runtime/logger.ts';
import { paced } from '../runtime/log-output.ts';
import type { WebConfigSource } from '../server/web/live-web-config.ts';
import { maskUrls } from '../runtime/masked-url.ts';

/** The log is written out at most `calls` times in `windowMs` milliseconds; under load, lines are written together. */
const logWrites = { calls: 4, windowMs: 20 };

interface ServeOptions extends Omit<AppOptions, 'logger' | 'listenAddress' | 'storagePath' | 'createHome' | 'web'> {
  readonly flags: Flags;
  /** Where pipelines live. */
  readonly home: Exclude<HomeChoice, { readonly problem: string }>;
  /** The folder of the manifests, if the pipelines live in a folder. */
  readonly pipelinesFolder: string;
  /** The content of the `--web.config.file`. */
  readonly webConfig?: WebConfigSource | undefined;
  readonly clock: Clock;
  /** Called once, when the server listens. */
  readonly onStarted: () => void;
}

/** By convention, a process that a signal ended exits with 128 plus the signal's number. */
const signalExitCodes = { SIGTERM: 143, SIGINT: 130 } as const;

/** Runs the app until a signal ends it. Resolves to the exit code: 0 after a shutdown, 1 if it could not start. */
export async function serve(options: ServeOptions): Promise<number> {
  const { flags, clock } = options;
  const logger = createLogger({
    level: flags.logLevel,
    format: flags.logFormat,
    clock,
    stream: process.stdout,
    defer: paced(clock, logWrites, setImmediate),
  });
  process.on('exit', () => logger.flush());
  // A log reader that went away must not take the alerts with it.
  process.stdout.on('error', () => undefined);
  dieOfDefects(logger);
  logStart(logger, options);
  const signal = firstSignal();
  let app: App | undefined;
  process.on('SIGHUP', () => void app?.reload('signal'));
  // Node would open its debugger, which every user of the machine can talk to.
  process.on('SIGUSR1', () => undefined);
  try {
    app = await createApp(options, logger);
    await app.start();
    options.onStarted();
  } catch (error) {
    process.stderr.write(`tocsin: ${startFailure(error, flags)}\n`);
    return 1;
  }
  logger.info('app.signal', 'told to stop', { signal: await signal });
  clock.setTimeout(() => process.exit(0), app.drainTimeoutMs);
  await app.stop();
  return 0;
}

async function createApp(options: ServeOptions, logger: DeferringLogger): Promise<App> {
  const { flags } = options;
  const createHome = await homeOf(options);
  const createLease = await leaseOf(options.config.replicas, options.home);
  return new App({
    ...options,
    createHome,
    createLease,
    createPeerSlices: await peerSlicesOf(options.config.replicas, options.home),
    createSilences: await clusterSilencesOf(options.config, options.home, createLease !== undefined),
    createReviews: await reviewsOf(options),
    tenantHome: (tenant) => tenantHomeOf(options, tenant),
    logger,
    configFile: flags.configFile,
    droppedLogLines: () => logger.droppedLines,
    listenAddress: flags.listenAddress,
    storagePath: flags.storagePath,
    web: { ...flags, configSource: options.webConfig },
  });
}

/** The first line of every log: which build this is, where its pipelines live and why, and which source of alerts it trusts. */
function logStart(logger: Logger, { version, config, home, pipelinesFolder, flags }: ServeOptions): void {
  const { url } = config.prometheus;
  logger.info('app.starting', 'Tocsin starts', {
    version,
    home: home.home,
    home_reason: home.reason,
    ...(home.home === 'kubernetes' ? clusterFields(home) : { pipelines_folder: pipelinesFolder }),
    storage_path: flags.storagePath,
    truth: url === null ? 'the alerts received (no prometheus.url)' : 'prometheus.url',
    action: config.controller.action,
    node: process.versions.node,
  });
}

function homeOf({ home, pipelinesFolder }: ServeOptions): Promise<CreateHome> | CreateHome {
  return home.home === 'kubernetes' ? kubernetesHome(home) : folderHome(pipelinesFolder);
}

/** In the cluster of the process; undefined if it has none, or no tenants. */
async function reviewsOf({ config, home }: ServeOptions): Promise<AppOptions['createReviews']> {
  if (config.tenants.by === null || home.home !== 'kubernetes') return undefined;
  return kubernetesReviews(home);
}

/** Where the pipelines of a tenant live; throws an error for the user. */
async function tenantHomeOf(options: ServeOptions, { name, home }: TenantConfig): Promise<CreateHome> {
  if (home.home === 'shared') return homeOf(options);
  if (home.home === 'folder') return folderHome(home.folder);
  const found = chooseHome({
    kubeconfig: home.kubeconfig ?? undefined,
    context: home.context ?? undefined,
    folderFlag: false,
    folderInFile: false,
    kubernetesInFile: true,
    environment: process.env,
    exists: existsSync,
  });
  if ('problem' in found || found.home !== 'kubernetes')
    throw new Error(`the tenant ${name}: ${'problem' in found ? found.problem : 'no cluster is found'}`);
  return kubernetesHome({ ...found, servers: home.servers });
}

function clusterFields({
  kubeconfigs,
  context,
}: {
  readonly kubeconfigs: readonly string[];
  readonly context?: string | undefined;
}): LogFields {
  return {
    ...(kubeconfigs.length > 0 && { kubeconfig: kubeconfigs }),
    ...(context !== undefined && { context }),
  };
}

/** Resolves at the first SIGTERM or SIGINT; the second ends the process at once. */
function firstSignal(): Promise<string> {
  return new Promise((resolve) => {
    let told = false;
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.on(name, () => {
        if (told) process.exit(signalExitCodes[name]);
        told = true;
        resolve(name);
      });
    }
  });
}

/** An uncaught error is a defect: it is logged, and the process ends, since its state is unknown. */
function dieOfDefects(logger: Logger): void {
  const die = (error: unknown): void => {
    logger.error('app.defect', 'a defect: an error that nobody caught ends the process', {
      error,
      stack: error instanceof Error ? error.stack : undefined,
    });
    process.exit(1);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
}

/** One line that says why Tocsin could not start, and what to do. */
export function startFailure(error: unknown, { listenAddress: { host, port } }: Flags): string {
  const { code, syscall, message } =
    error instanceof Error ? (error as NodeJS.ErrnoException) : { code: '', syscall: '', message: String(error) };
  // Every error except those of listening explains itself.
  if (syscall !== 'listen' && syscall !== 'getaddrinfo') return maskUrls(message);
  const address = `${host ?? ''}:${port}`;
  switch (code) {
    case 'EADDRINUSE':
      return `cannot listen on ${address}: the port is in use; end the other program, or choose another with --web.listen-address`;
    case 'EACCES':
      return `cannot listen on ${address}: permission denied;${port < 1024 ? ' ports below 1024 need a privilege,' : ''} choose another with --web.listen-address`;
    case 'EADDRNOTAVAIL':
      return `cannot listen on ${address}: this machine has no such address; correct --web.listen-address (":${port}" is every interface)`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `cannot listen on ${address}: the name does not resolve (${code}); correct --web.listen-address (":${port}" is every interface)`;
    default:
      return `cannot listen on ${address}: ${message}; correct --web.listen-address`;
  }
}
