import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { TokenBucket } from '../runtime/token-bucket.ts';

/**
 * Calls of the API server a second, and at once after a rest, where it does not show that it shares fairly among its callers and
 * `pipelines.kubernetes.qps` says nothing else; and for how long one answer that does not show it counts, milliseconds.
 */
const defaultApiQps = 20;
const defaultApiBurst = 30;
export const unfairMemoryMs = 60_000;

/** Kubernetes Events: writes a second, and at once after a rest, whatever else may be called. */
export const eventQps = 20;
export const eventBurst = 30;

/** Who bounds the calls: the configuration, the API server (its own priority and fairness), or this client by default. */
export type RateInForce =
  | { readonly by: 'configuration' | 'client'; readonly qps: number; readonly burst: number }
  | { readonly by: 'server'; readonly flowSchema: string; readonly priorityLevel: string };

interface CallRateOptions {
  readonly clock: Clock;
  /** Calls a second in the long run; undefined: as many as an API server lets through that shares fairly. */
  readonly qps?: number | undefined;
  /** Calls at once after a rest. */
  readonly burst?: number | undefined;
  /** Told what holds, with the first answer and whenever it changes. */
  readonly onChange?: ((rate: RateInForce) => void) | undefined;
}

/**
 * How often the API server may be called. A configured `qps` always holds. Without one the server is left to it where its
 * answers show that it queues and refuses by flow, as Flux and cert-manager do; where they do not, 20 a second hold.
 *
 * Events have a bucket of their own. Where calls are limited here, they take what the others leave.
 */
export class CallRate {
  readonly #options: CallRateOptions;
  readonly #calls: TokenBucket;
  readonly #events: TokenBucket;
  readonly #limit: { readonly qps: number; readonly burst: number };
  #inForce: RateInForce | undefined;
  /** When an answer last did not show it. */
  #unfairAt = Number.NEGATIVE_INFINITY;

  constructor(options: CallRateOptions) {
    const { clock, qps = defaultApiQps } = options;
    this.#options = options;
    const burst = options.burst ?? Math.max(defaultApiBurst, Math.ceil(1.5 * (options.qps ?? 0)));
    this.#limit = { qps, burst };
    this.#calls = new TokenBucket({ clock, intervalMs: 1000 / qps, burst });
    this.#events = new TokenBucket({ clock, intervalMs: 1000 / eventQps, burst: eventBurst });
  }

  /** Calls a second that are allowed now; 0: as many as the server lets through. */
  get qps(): number {
    return this.#inForce?.by === 'server' ? 0 : this.#limit.qps;
  }

  /** Resolves when a call may be made, to how long that took, milliseconds. Rejects with the signal's reason. */
  async acquire(signal: AbortSignal): Promise<number> {
    if (this.#inForce?.by !== 'server') return this.#calls.acquire(signal);
    signal.throwIfAborted();
    return 0;
  }

  /** The same for the call that writes an Event. */
  async acquireForEvent(signal: AbortSignal): Promise<number> {
    const waitedMs = await this.#events.acquire(signal);
    if (this.#inForce?.by === 'server') return waitedMs;
    return waitedMs + (await this.#calls.acquireSpare(signal));
  }

  /** Takes notice of an answer. */
  observe(status: number, headers: IncomingHttpHeaders): void {
    const { clock, qps } = this.#options;
    // A refusal may come from before the place where the server shares: it shows nothing.
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

/** Says which limit holds for calls of the API server, and why. */
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
