import { X509Certificate } from 'node:crypto';
import { isIP, type LookupFunction } from 'node:net';
import { createSecureContext, type SecureVersion } from 'node:tls';
import type { Dispatcher } from 'undici';
import type { HttpConfig } from '../config/http-config.ts';
import type { Proxy } from '../proxy/proxy-environment.ts';
import type { TlsMaterial } from './http-access.ts';
import { PrometheusError } from './prometheus-error.ts';

const secureVersions = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
} as const satisfies Record<string, SecureVersion>;

/** The time of a query is bounded as a whole, by its deadline: 0 is never. */
const noTimeouts = { headersTimeout: 0, bodyTimeout: 0 };

/** The connections to one Prometheus: kept alive from query to query, made anew when a certificate or key has changed. */
export class Connections {
  readonly #config: HttpConfig;
  readonly #ip: string | undefined;
  #made: { readonly material: TlsMaterial; readonly proxyUrl: string | undefined } | undefined;
  #dispatcher: Dispatcher | undefined;

  /** @param ip the one address of the host that is connected to; default: whichever the system chooses */
  constructor(config: HttpConfig, ip?: string) {
    this.#config = config;
    this.#ip = ip;
  }

  /** Rejects with PrometheusError if the certificates or the key are of no use. */
  async dispatcher(material: TlsMaterial, proxy?: Proxy): Promise<Dispatcher> {
    // Only now: where no Prometheus is asked, the start must not wait for it.
    // Its default export: the bundle has no other one of a CommonJS module.
    const { default: undici } = await import('undici');
    const proxyUrl = proxy?.url;
    if (this.#dispatcher !== undefined && this.#made?.proxyUrl === proxyUrl && same(this.#made?.material, material))
      return this.#dispatcher;
    const tls = tlsOptions(this.#config, material);
    const next = createDispatcher(undici, tls, proxyUrl, this.#ip);
    this.close();
    this.#made = { material, proxyUrl };
    return (this.#dispatcher = next);
  }

  /** What is under way comes to its end. */
  close(): void {
    // It fails only if it is closed already.
    this.#dispatcher?.close().catch(() => undefined);
    this.#dispatcher = undefined;
  }
}

function same(a: TlsMaterial | undefined, b: TlsMaterial): boolean {
  return a?.ca === b.ca && a?.cert === b.cert && a?.key === b.key;
}

function createDispatcher(
  { Agent, ProxyAgent }: typeof import('undici').default,
  tls: object,
  proxyUrl: string | undefined,
  ip: string | undefined,
): Dispatcher {
  const connect = ip === undefined ? tls : { ...tls, lookup: lookupOf(ip) };
  if (proxyUrl === undefined) return new Agent({ ...noTimeouts, connect });
  return new ProxyAgent({ ...noTimeouts, uri: proxyUrl, requestTls: tls });
}

/** Connects to one address while Host header, SNI and the name in the certificate stay those of the URL. */
function lookupOf(ip: string): LookupFunction {
  const family = isIP(ip);
  return (_host, { all }, found) => (all === true ? found(null, [{ address: ip, family }]) : found(null, ip, family));
}

function tlsOptions({ tls_config: config }: HttpConfig, material: TlsMaterial): object {
  const minVersion = secureVersions[config.min_version];
  const maxVersion = secureVersions[config.max_version];
  const { ca, cert, key } = material;
  try {
    if (ca !== undefined) checkCertificate(ca);
    const secureContext = createSecureContext({ minVersion, maxVersion, ...given({ ca, cert, key }) });
    return {
      timeout: 0,
      secureContext,
      rejectUnauthorized: !config.insecure_skip_verify,
      ...given({ servername: config.server_name ?? undefined }),
    };
  } catch (error) {
    throw unusable(error);
  }
}

/** Throws if a text begins with no certificate: as a list of authorities it would be passed over in silence. */
function checkCertificate(text: string): X509Certificate {
  return new X509Certificate(text);
}

/** Without what is undefined, which stands for something else there than absence. */
function given<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function unusable(cause: unknown): PrometheusError {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new PrometheusError(
    'tls',
    `prometheus.http_config.tls_config cannot be used (${code ?? message}): are ca, cert and key in PEM format, does the key belong to the certificate, and is min_version not above max_version?`,
    { cause },
  );
}
