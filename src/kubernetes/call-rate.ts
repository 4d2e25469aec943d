import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { TokenBucket } from '../runtime/token-bucket.ts';

/**
 * Calls of the API server per second, and at once after a pause, where the server does not show that it shares fairly among its
 * callers and `pipelines.kubernetes.qps` is not set; and how long an answer that does not show it counts, in milliseconds.
 */
const defaultApiQps = 20;
const defaultApiBurst = 30;
export const unfairMemoryMs = 60_000;

/** Writes of Kubernetes Events per second, and at once after a pause, independently of other calls. */
export const eventQps = 20;
export const eventBurst = 30;

/** What limits the calls: the configuration, the API server (its own priority and fairness), or this client by default. */
export type RateInForce =
  | { readonly by: 'configuration' | 'client'; readonly qps: number; readonly burst: number }
  | { readonly by: 'server'; readonly flowSchema: string; readonly priorityLevel: string };

interface CallRateOptions {
  readonly clock: Clock;
  /** Calls per second in the long run; undefined: as many as an API server that shares fairly admits. */
  readonly qps?: number | undefined;
  /** Calls at once after a pause. */
  readonly burst?: number | undefined;
  /** Called with the limit in force, at the first answer and whenever the limit changes. */
  readonly onChange?: ((rate: RateInForce) => void) | undefined;
}

/**
 * How often the API server may be called. A configured `qps` always applies. Without `qps` the server decides, as Flux and
 * cert-manager do it, if its answers show that it queues and rejects calls by flow; otherwise the limit is 20 per second.
 *
 * Events have a bucket of their own. Where calls are limited here, Events take what the other calls leave.
 */
export class CallRate {
  readonly #options: CallRateOptions;
  readonly #calls: TokenBucket;
  readonly #events: TokenBucket;
  readonly #limit: { readonly qps: number; readonly burst: number };
  #inForce: RateInForce | undefined;
  /** The time of the last answer that did not show fair sharing. */
  #unfairAt = Number.NEGATIVE_INFINITY;

  constructor(options: CallRateOptions) {
    const { clock, qps = defaultApiQps } = options;
    this.#options = options;
    const burst = options.burst ?? Math.max(defaultApiBurst, Math.ceil(1.5 * (options.qps ?? 0)));
    this.#limit = { qps, burst };
    this.#calls = new TokenBucket({ clock, intervalMs: 1000 / qps, burst });
    this.#events = new TokenBucket({ clock, intervalMs: 1000 / eventQps, burst: eventBurst });
  }

  /** The calls allowed per second now; 0: as many as the server admits. */
  get qps(): number {
    return this.#inForce?.by === 'server' ? 0 : this.#limit.qps;
  }

  /**
   * Resolves when a call may be made, to how long that took, in milliseconds. Rejects with the signal's reason.
   * @param isUrgent the call goes before others that wait
   */
  async acquire(signal: AbortSignal, isUrgent = false): Promise<number> {
    if (this.#inForce?.by !== 'server') return this.#calls.acquire(signal, isUrgent);
    signal.throwIfAborted();
    return 0;
  }

  /** The same for a call that writes an Event. */
  async acquireForEvent(signal: AbortSignal): Promise<number> {
    const waitedMs = await this.#events.acquire(signal);
    if (this.#inForce?.by === 'server') return waitedMs;
    return waitedMs + (await this.#calls.acquireSpare(signal));
  }

  /** Learns from an answer whether the server shares fairly. */
  observe(status: number, headers: IncomingHttpHeaders): void {
    const { clock, qps } = this.#options;
    // A refusal may come from something in front of the server's fair sharing, so it proves nothing.
    if (status < 200 || status > 299) return;
    if (qps !== undefined) return this.#use({ by: 'configuration', ...this.#limit });
    const flowSchema = headers['x-kubernetes-pf-flowschema-uid'];
    const priorityLevel = headers['x-kubernetes-pf-prioritylevel-uid'];
    const now = clock.now();
    if (typeof flowSchema !== 'string' || typeof priorityLevel !== 'string') {
      this.#unfairAt = now;
      this.#use({ by: 'client', ...this.#limit });
    } else if (Math.abs(now - this.#unfairAt) >= unfairMemoryMs) {
      this.#use({ by: 'server', flowSchema, priorityLevel });
    }
  }

  #use(rate: RateInForce): void {
    const changes = rate.by !== this.#inForce?.by;
    this.#inForce = rate;
    if (changes) this.#options.onChange?.(rate);
  }
}

/** Logs which limit applies to calls of the API server, and why. */
export function writeRateLine(logger: Logger, rate: RateInForce): void {
  switch (rate.by) {
    case 'configuration':
      return logger.info('api.rate', 'calls of the API server are limited by pipelines.kubernetes.qps', {
        by: rate.by,
        qps: rate.qps,
        burst: rate.burst,
      });
    case 'server':
      return logger.info(
        'api.rate',
        'the API server shares fairly among its callers: Tocsin sets no limit of its own',
        {
          by: rate.by,
          flow_schema_uid: rate.flowSchema,
          priority_level_uid: rate.priorityLevel,
        },
      );
    case 'client':
      return logger.info('api.rate', 'the API server does not show that it shares fairly: Tocsin limits its calls', {
        by: rate.by,
        qps: rate.qps,
        burst: rate.burst,
        missing: 'X-Kubernetes-PF-FlowSchema-UID, X-Kubernetes-PF-PriorityLevel-UID',
      });
  }
}
