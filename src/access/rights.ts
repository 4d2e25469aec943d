import { Counter, Gauge, type Registry } from 'prom-client';
import { LineOnceAWhile } from '../runtime/limited-lines.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { Slots } from '../runtime/slots.ts';
import { TokenBucket } from '../runtime/token-bucket.ts';
import {
  accessGroup,
  isNamespaceName,
  type AccessQuestion,
  type AccessResource,
  type Caller,
  type Reviews,
  type Verb,
} from './reviews.ts';
import { Visible } from './visible.ts';

/** How long a right, and the lack of one, counts before Kubernetes is asked again, milliseconds. */
export const allowedMs = 10_000;
export const deniedMs = 30_000;

/** The most decisions, and the most callers, that are remembered. */
const maxDecisions = 20_000;
const maxCallers = 1024;

/** The questions about one caller that are asked at once, per second in the long run, and at once after a rest. */
const reviewsAtOnce = 8;
const reviewsPerSecond = 300;
export const reviewsBurst = 3000;

/** The most namespaces of one request that Kubernetes is asked about; of the others nothing is shown and nothing taken in. */
export const maxNamespaces = 1000;

/** A request may not do what it asks for. 403: it lacks the right. 503: nobody can tell. The message is for its sender. */
export class AccessError extends Error {
  override readonly name = 'AccessError';
  readonly status: 403 | 503;

  constructor(status: 403 | 503, message: string) {
    super(message);
    this.status = status;
  }
}

interface DecisionsOptions extends Pick<Runtime, 'clock' | 'logger' | 'registry'> {
  readonly reviews: Pick<Reviews, 'mayDo'>;
  /** `triggers.namespace_label`; called each time, because a reload may change it. */
  readonly namespaceLabel: () => string;
  /** Called with the outcome of each question to Kubernetes. */
  readonly onReview: OnReview;
  /** Called when a request reaches a limit of this file. */
  readonly onLimit: (limit: AccessLimit) => void;
}

export type AccessLimit = 'access_namespaces' | 'access_reviews';

/** An answer of Kubernetes and its time, or the question that is on its way. */
type Decision = { readonly allowed: boolean; readonly at: number } | { readonly pending: Promise<boolean> };

/** What callers may do, as Kubernetes says. It remembers answers for seconds, and asks each question once at a time. */
export class Decisions {
  readonly #options: DecisionsOptions;
  /** By caller and question, the oldest first. */
  readonly #decisions = new Map<string, Decision>();
  readonly #callers = new Map<string, Rights>();
  readonly #failed: LineOnceAWhile;
  #lastCaller = 0;

  constructor(options: DecisionsOptions) {
    this.#options = options;
    this.#failed = new LineOnceAWhile(options.clock);
    createDecisionsMetric(options.registry, () => this.#decisions.size);
  }

  /** The same object for the same caller, as long as it is remembered. */
  of(caller: Caller): Rights {
    const key = JSON.stringify([caller.user, caller.uid, caller.groups, caller.extra]);
    const known = this.#callers.get(key);
    const rights = known ?? new Rights(this, caller, ++this.#lastCaller, this.#options);
    this.#callers.delete(key);
    put(this.#callers, key, rights, maxCallers);
    return rights;
  }

  /** Answers at once if the answer is known. Rejects with AccessError if nobody can tell. */
  decide(key: string, ask: () => Promise<boolean>): boolean | Promise<boolean> {
    const known = this.#decisions.get(key);
    if (known !== undefined && 'pending' in known) return known.pending;
    if (known !== undefined && this.#isFresh(known)) return known.allowed;
    const pending = this.#ask(key, ask);
    this.#decisions.delete(key);
    put(this.#decisions, key, { pending }, maxDecisions);
    return pending;
  }

  limitReached(limit: AccessLimit, caller: Caller, found: number): void {
    const { logger, onLimit } = this.#options;
    onLimit(limit);
    logger.warn('access.limited', 'a caller asks for more than Kubernetes is asked about at once', {
      user: caller.user,
      limit,
      found,
    });
  }

  #isFresh({ allowed, at }: { readonly allowed: boolean; readonly at: number }): boolean {
    const age = this.#options.clock.now() - at;
    return age >= 0 && age < (allowed ? allowedMs : deniedMs);
  }

  async #ask(key: string, ask: () => Promise<boolean>): Promise<boolean> {
    const { clock, logger, onReview } = this.#options;
    try {
      const allowed = await ask();
      onReview(allowed ? 'allowed' : 'denied');
      put(this.#decisions, key, { allowed, at: clock.now() }, maxDecisions);
      return allowed;
    } catch (error) {
      this.#decisions.delete(key);
      if (error instanceof AccessError) throw error;
      onReview('failed');
      if (this.#failed.allows())
        logger.error('access.review_failed', 'Kubernetes could not be asked what a caller may do: it may do nothing', {
          error,
        });
      throw new AccessError(503, 'the Kubernetes API server cannot be asked what you may do; try again');
    }
  }
}

/** What one caller may do. */
export class Rights {
  readonly #decisions: Decisions;
  readonly #caller: Caller;
  readonly #id: number;
  readonly #reviews: Pick<Reviews, 'mayDo'>;
  /** One caller must not keep the others waiting. */
  readonly #slots = new Slots(reviewsAtOnce);
  readonly #rate: TokenBucket;
  readonly #namespaceLabel: () => string;

  constructor(decisions: Decisions, caller: Caller, id: number, options: DecisionsOptions) {
    const { clock, reviews } = options;
    this.#namespaceLabel = options.namespaceLabel;
    this.#decisions = decisions;
    this.#caller = caller;
    this.#id = id;
    this.#reviews = reviews;
    this.#rate = new TokenBucket({ clock, intervalMs: 1000 / reviewsPerSecond, burst: reviewsBurst });
  }

  /** The label of an alert that names its namespace. */
  get namespaceLabel(): string {
    return this.#namespaceLabel();
  }

  /** True if it may do this in every namespace, and to what belongs to none. */
  everywhere(verb: Verb, resource: AccessResource): boolean | Promise<boolean> {
    return this.#in(verb, resource, undefined);
  }

  /** True if it may send this request to a path that serves no team but the owner of the cluster. */
  async mayUse(method: string, path: string, isApi: boolean): Promise<boolean> {
    const isRead = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
    if ((isRead || isApi) && (await this.everywhere(isRead ? 'get' : 'create', 'alerts'))) return true;
    return !isApi && this.#ask({ verb: isRead ? 'get' : method.toLowerCase(), path });
  }

  /**
   * The namespaces in which it may do this; undefined if it may everywhere. Rejects with AccessError if nobody can tell.
   * @param names called only if it matters: the namespaces that occur
   */
  async visible(
    verb: Verb,
    resource: AccessResource,
    names: () => Iterable<string> | Promise<Iterable<string>>,
  ): Promise<Visible | undefined> {
    if (await this.everywhere(verb, resource)) return undefined;
    const all = [...new Set(await names())].filter(isNamespaceName);
    if (all.length > maxNamespaces) this.#decisions.limitReached('access_namespaces', this.#caller, all.length);
    const asked = all.slice(0, maxNamespaces);
    const allowed = await Promise.all(asked.map(async (name) => this.#in(verb, resource, name)));
    return new Visible(
      asked.filter((_, index) => allowed[index]),
      this.namespaceLabel,
    );
  }

  /** Whether it may do this in a namespace. Throws or rejects with AccessError if nobody can tell. */
  within(verb: Verb, resource: AccessResource, namespace: string): boolean | Promise<boolean> {
    return isNamespaceName(namespace) && this.#in(verb, resource, namespace);
  }

  /** Rejects with AccessError unless it may do this in each of these namespaces, and in all of them if there is none. */
  async require(verb: Verb, resource: AccessResource, namespaces: readonly string[]): Promise<void> {
    const visible = await this.visible(verb, resource, () => namespaces);
    const missing = namespaces.find((namespace) => visible?.has(namespace) === false);
    if (visible === undefined || (namespaces.length > 0 && missing === undefined)) return;
    throw new AccessError(403, `${this.#caller.user} ${lacks(verb, resource, missing)}`);
  }

  /** Whoever may read the AlertTriggers of a namespace may read what they are about. */
  #in(verb: Verb, resource: AccessResource, namespace: string | undefined): boolean | Promise<boolean> {
    const own = this.#ask({ verb, resource, namespace });
    if (own === true || verb !== 'get') return own;
    const other = (): boolean | Promise<boolean> => this.#ask({ verb, resource: 'alerttriggers', namespace });
    return own === false ? other() : own.then((allowed) => allowed || other());
  }

  #ask(question: AccessQuestion): boolean | Promise<boolean> {
    const what = 'path' in question ? question.path : `${question.resource} ${question.namespace ?? '*'}`;
    return this.#decisions.decide(`${this.#id} ${question.verb} ${what}`, () => this.#review(question));
  }

  async #review(question: AccessQuestion): Promise<boolean> {
    const release = await this.#slots.acquire();
    try {
      if (this.#rate.take()) return await this.#reviews.mayDo(this.#caller, question);
    } finally {
      release();
    }
    this.#decisions.limitReached('access_reviews', this.#caller, reviewsPerSecond);
    throw new AccessError(503, `over ${reviewsPerSecond} questions a second about what you may do; try again`);
  }
}

/** Why something is refused, with the right that is missing: `may not create alerts.tocsin.dev in the namespace "shop"`. */
export function lacks(verb: Verb, resource: AccessResource, namespace: string | undefined): string {
  const where = namespace === undefined ? 'in every namespace' : `in the namespace ${JSON.stringify(namespace)}`;
  return `may not ${verb} ${resource}.${accessGroup} ${where}`;
}

/** The rights of each request whose sender Kubernetes judges; a request of anybody else has all of them. */
export class Callers {
  readonly #rights = new WeakMap<object, Rights>();

  admit(request: object, rights: Rights): void {
    this.#rights.set(request, rights);
  }

  /** Undefined: it may do and see everything. */
  readonly rightsOf = (request: object): Rights | undefined => this.#rights.get(request);
}

/** The rights of a request; undefined: it may do and see everything. */
export type RightsOf = Callers['rightsOf'];

/** Adds an entry, and forgets the oldest one if there are too many. */
function put<T>(entries: Map<string, T>, key: string, value: T, maxEntries: number): void {
  entries.set(key, value);
  if (entries.size <= maxEntries) return;
  const [oldest] = entries.keys();
  if (oldest !== undefined) entries.delete(oldest);
}

export type ReviewOutcome = 'allowed' | 'denied' | 'failed';
export type OnReview = (outcome: ReviewOutcome) => void;

/** Counts the questions to Kubernetes, of each kind by outcome. */
export function createReviewMetric(registry: Registry): (review: 'token' | 'access', outcome: ReviewOutcome) => void {
  const reviews = new Counter({
    registers: [registry],
    name: 'tocsin_access_reviews_total',
    help: 'Questions to Kubernetes about who sends a token (token) and what somebody may do (access), by outcome.',
    labelNames: ['review', 'outcome'],
  });
  for (const review of ['token', 'access'] as const)
    for (const outcome of ['allowed', 'denied', 'failed'] as const) reviews.inc({ review, outcome }, 0);
  return (review, outcome) => reviews.inc({ review, outcome });
}

/** @param size read at each scrape */
function createDecisionsMetric(registry: Registry, size: () => number): void {
  new Gauge({
    registers: [registry],
    name: 'tocsin_access_decisions',
    help: 'Answers of Kubernetes about what somebody may do that are remembered.',
    collect() {
      this.set(size());
    },
  });
}
