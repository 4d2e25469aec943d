import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { ListenAddress } from '../config/flags/listen-address.ts';
import { LiveWebConfig, type WebConfigSource } from './web/live-web-config.ts';
import { PasswordCheck } from './web/password-check.ts';
import { PasswordThread } from './web/password-hasher.ts';
import { createWebMetrics, GateReport, type WebMetrics } from './web/gate-report.ts';
import { isLocked, type WebSettings } from './web/web-settings.ts';
import { BrowserGuard, type ListeningPlace } from './web/browser-guard.ts';
import { Gate } from './web/gate.ts';
import type { KubernetesDoor } from './web/kubernetes-door.ts';
import type { RequestTenants } from './request/tenancy.ts';
import { ReceiverServer, type ReceiverServerOptions } from './http-server.ts';
import type { Logger } from '../runtime/logger.ts';
import type { AnchoredRegexp } from '../matcher/anchored-regexp.ts';

interface GuardedServerOptions extends Omit<
  ReceiverServerOptions,
  'webMetrics' | 'tls' | 'gate' | 'guard' | 'routePrefix' | 'corsOrigin'
> {
  readonly registry: Registry;
  readonly web: WebOptions;
  readonly kubernetes: KubernetesDoor;
  /** Whose each request is, if there are tenants. */
  readonly requestTenants?: RequestTenants | undefined;
}

/** The server with the settings of `--web.config.file`; without that file, nothing guards its routes. */
export class GuardedServer {
  readonly server: ReceiverServer;
  readonly webMetrics: WebMetrics;
  readonly #options: GuardedServerOptions;
  readonly #config: LiveWebConfig | undefined;
  readonly #passwords: PasswordCheck;
  readonly #place: ListeningPlace = {};
  #address: AddressInfo | undefined;

  constructor(options: GuardedServerOptions) {
    this.#options = options;
    const { corsOrigin, configSource: source } = options.web;
    checkStart(source, options.kubernetes);
    this.#passwords = new PasswordCheck(new PasswordThread(), options.clock);
    const webMetrics = createWebMetrics(options.registry);
    this.webMetrics = webMetrics;
    const report = new GateReport({ ...options, webMetrics });
    const prepare = (settings: WebSettings): (() => void) => this.#prepare(settings);
    const config = source && new LiveWebConfig({ ...options, metrics: webMetrics, source, prepare });
    const gate =
      config &&
      new Gate({
        ...options,
        settings: () => config.current,
        passwords: this.#passwords,
        report,
        answersPreflights: corsOrigin !== undefined,
      });
    this.#config = config;
    const guard = new BrowserGuard({
      ...options,
      ...options.web,
      report,
      place: this.#place,
      web: config,
    });
    const tls = config?.current.tls;
    this.server = new ReceiverServer({ ...options, ...options.web, webMetrics, tls, gate, guard });
  }

  /** Resolves once connections are accepted; from then on the web configuration follows its files. */
  async listen({ host, port }: ListenAddress): Promise<AddressInfo> {
    const address = await this.server.listen(host, port);
    const { logger, web } = this.#options;
    this.#address = address;
    Object.assign(this.#place, { host, isLoopback: isLoopback(address) });
    logListening(logger, lockOf(this.#config?.current), address, web.routePrefix);
    this.#config?.watch();
    return address;
  }

  /**
   * Reads the web configuration again, and returns a function that applies it. Throws an error that lists everything wrong with
   * it, a line each.
   */
  prepareReload(): () => void {
    const prepared = this.#config?.prepare();
    if (prepared !== undefined && 'problems' in prepared) throw new Error(prepared.problems.join('\n'));
    return () => prepared?.apply();
  }

  #prepare(settings: WebSettings): () => void {
    const { logger, web, kubernetes } = this.#options;
    kubernetes.check(settings);
    const applyTls = this.server.prepareTls(settings.tls);
    return () => {
      applyTls();
      if (this.#address !== undefined) warnIfUnlocked(logger, lockOf(settings), this.#address, web.routePrefix);
    };
  }

  async close(timeoutMs: number): Promise<void> {
    this.#config?.close();
    await this.server.close(timeoutMs);
    this.#options.kubernetes.tokens.close();
    await this.#passwords.close();
  }
}

function checkStart(source: WebConfigSource | undefined, kubernetes: KubernetesDoor): void {
  try {
    if (source !== undefined) kubernetes.check(source.settings);
  } catch (error) {
    throw new Error(`${source!.file}: ${(error as Error).message}`, { cause: error });
  }
}

function lockOf(settings: WebSettings | undefined): Lock {
  return {
    scheme: settings?.tls === undefined ? 'http' : 'https',
    isLocked: settings !== undefined && isLocked(settings),
  };
}

interface Lock {
  readonly scheme: 'http' | 'https';
  /** True if nobody gets in without proof of identity. */
  readonly isLocked: boolean;
}

/** Logs where alerts are accepted, and warns if everybody on the network may send some. */
export function logListening(logger: Logger, lock: Lock, address: AddressInfo, routePrefix: string): void {
  const url = urlOf(lock, address, routePrefix);
  logger.info('receiver.listening', 'alerts are taken in', { address: url, auth: lock.isLocked });
  warnIfUnlocked(logger, lock, address, routePrefix);
}

/** Warns if everybody on the network may send alerts: at the start, and with every new web configuration. */
function warnIfUnlocked(logger: Logger, lock: Lock, address: AddressInfo, routePrefix: string): void {
  if (lock.isLocked || isLoopback(address)) return;
  logger.warn(
    'receiver.unlocked',
    'everybody who reaches this address can send alerts: ask for a password, token or client certificate with --web.config.file',
    { address: urlOf(lock, address, routePrefix) },
  );
}

function urlOf({ scheme }: Lock, { family, address, port }: AddressInfo, routePrefix: string): string {
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}${routePrefix}`;
}

/** True if only this machine can reach it. */
function isLoopback({ address }: AddressInfo): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}

/** The settings of the flags `--web.*`. */
export interface WebOptions {
  /** The prefix of every path: '' or `/prefix`. */
  readonly routePrefix: string;
  /** The URL by which others reach it. */
  readonly externalUrl?: string | undefined;
  /** The origins of web pages that may call the API; undefined: none. */
  readonly corsOrigin?: AnchoredRegexp | undefined;
  /** The file of `--web.config.file`, already read; undefined: plain HTTP, open to everybody. */
  readonly configSource?: WebConfigSource | undefined;
}
