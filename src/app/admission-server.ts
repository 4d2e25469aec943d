import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Counter, Gauge, type Registry } from 'prom-client';
import { triggerRules } from '../config/triggers-section.ts';
import type { Config } from '../config/config.ts';
import type { ListenAddress } from '../config/flags/listen-address.ts';
import type { Connections } from '../server/connections.ts';
import { ReceiverServer, type LiveLimits, type ReceiverServerOptions } from '../server/http-server.ts';
import { answerJson, refuse, Refusal } from '../server/request/answer.ts';
import { BodyReader, type Body } from '../server/request/body-reader.ts';
import { requireJson, senderOf } from '../server/request/request-head.ts';
import { Routes } from '../server/routes.ts';
import { LiveWebConfig, type WebConfigSource } from '../server/web/live-web-config.ts';
import type { WebMetrics } from '../server/web/gate-report.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { admit, type AdmissionAnswer } from '../trigger/admission.ts';

/**
 * The longest review, bytes. It holds the object that is stored now and the one that was, and the API server takes 3 MiB for one
 * request.
 */
export const maxReviewBytes = 8 * 1024 * 1024;

/** `--web.admission-listen-address` and the two files beside it, which have been read already. */
export interface AdmissionOptions {
  readonly listenAddress: ListenAddress;
  readonly certificate: WebConfigSource;
}

interface AdmissionServerOptions
  extends
    Runtime,
    Omit<ReceiverServerOptions, 'routes' | 'routePrefix' | 'webMetrics' | 'tls' | 'gate' | 'guard' | 'corsOrigin'> {
  /** Gives the current configuration. */
  readonly config: () => Config;
  readonly connections: Connections;
  readonly webMetrics: WebMetrics;
  readonly admission: AdmissionOptions;
}

/**
 * `POST /admission/validate` on an address of its own, for the API server. It has the limits of the other door, but asks nobody for a
 * password: the API server sends none, and what it learns is only what is wrong with an object that it has itself.
 */
export class AdmissionServer {
  readonly #options: AdmissionServerOptions;
  readonly #server: ReceiverServer;
  readonly #certificate: LiveWebConfig;
  readonly #bodies: BodyReader;
  readonly #reviews: Counter;

  constructor(options: AdmissionServerOptions) {
    const { registry, connections, admission } = options;
    this.#options = options;
    this.#bodies = new BodyReader(maxReviewBytes, connections);
    this.#reviews = createReviewCounter(registry);
    const methods = {
      POST: (request: IncomingMessage, response: ServerResponse): Promise<void> => this.#judge(request, response),
    };
    const { tls } = admission.certificate.settings;
    const routes = new Routes([{ path: '/admission/validate', counted: ['POST'], methods }]);
    this.#server = new ReceiverServer({ ...options, routes, routePrefix: '', tls });
    this.#certificate = new LiveWebConfig({
      ...options,
      metrics: { ...options.webMetrics, ...createCertificateMetrics(registry) },
      source: admission.certificate,
      prepare: (settings) => this.#server.prepareTls(settings.tls),
    });
  }

  set limits(limits: LiveLimits) {
    this.#server.limits = limits;
  }

  /** Resolves once connections are accepted; from then on the certificate follows its files. */
  async listen(): Promise<AddressInfo> {
    const { logger, admission } = this.#options;
    const { host, port } = admission.listenAddress;
    const address = await this.#server.listen(host, port).catch((cause: unknown) => {
      const why = (cause as Error).message;
      throw new Error(`cannot listen on ${host ?? ''}:${port}: ${why}; correct --web.admission-listen-address`, {
        cause,
      });
    });
    logger.info('admission.listening', 'triggers are judged before they are stored', {
      address: `${address.address}:${address.port}`,
    });
    this.#certificate.watch();
    return address;
  }

  async close(timeoutMs: number): Promise<void> {
    this.#certificate.close();
    await this.#server.close(timeoutMs);
  }

  async #judge(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body: Body | undefined;
    try {
      body = await this.#bodies.read(request);
      requireJson(request);
      const answer = admit(parse(body.bytes), triggerRules(this.#options.config().triggers, undefined));
      this.#report(request, answer);
      answerJson(response, answer);
    } catch (error) {
      refuse(response, error);
    } finally {
      body?.release();
    }
  }

  #report(request: IncomingMessage, { response: { uid, allowed, status } }: AdmissionAnswer): void {
    this.#reviews.inc({ result: allowed ? 'allowed' : 'refused' });
    if (status === undefined) return;
    this.#options.logger.info('admission.refused', 'a trigger is not good, and the API server is told so', {
      uid,
      remote: senderOf(request).remote,
      code: status.code,
      reason: status.message.slice(0, 1024),
    });
  }
}

/** Throws a Refusal. */
function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new Refusal(400, `the body is no JSON: ${(error as Error).message.slice(0, 200)}`);
  }
}

function createReviewCounter(registry: Registry): Counter {
  const reviews = new Counter({
    registers: [registry],
    name: 'tocsin_admission_reviews_total',
    help: 'Reviews of triggers that the API server asked for, by result.',
    labelNames: ['result'],
  });
  for (const result of ['allowed', 'refused']) reviews.inc({ result }, 0);
  return reviews;
}

function createCertificateMetrics(registry: Registry): Pick<WebMetrics, 'loaded' | 'loadFailed'> {
  const registers = [registry];
  const good = new Gauge({
    registers,
    name: 'tocsin_admission_certificate_good',
    help: 'Whether the certificate for admission, as it is in its files now, is the one in use.',
  });
  const notAfter = new Gauge({
    registers,
    name: 'tocsin_admission_certificate_end_timestamp_seconds',
    help: 'When the certificate in use for admission ends.',
  });
  return {
    loaded(_now, notAfterMs) {
      good.set(1);
      notAfter.set(notAfterMs / 1000);
    },
    loadFailed: () => good.set(0),
  };
}
