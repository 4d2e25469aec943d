import { ReviewError, type Reviews } from '../../access/reviews.ts';
import { Callers, createReviewMetric, Decisions, type RightsOf } from '../../access/rights.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { HttpMetrics } from '../request/http-metrics.ts';
import { TokenCheck } from './token-check.ts';
import type { WebSettings } from './web-settings.ts';

interface KubernetesDoorOptions extends Pick<Runtime, 'clock' | 'logger' | 'registry'> {
  /** Undefined where there is no cluster. */
  readonly reviews: Reviews | undefined;
  readonly metrics: Pick<HttpMetrics, 'limitReached'>;
  /** `triggers.namespace_label` */
  readonly namespaceLabel: () => string;
}

/** What judges those whom Kubernetes knows, with `kubernetes` in the web configuration. */
export class KubernetesDoor {
  readonly tokens: TokenCheck;
  readonly decisions: Decisions;
  readonly #callers = new Callers();
  readonly #hasCluster: boolean;

  constructor(options: KubernetesDoorOptions) {
    const { metrics, registry, reviews = noCluster } = options;
    this.#hasCluster = options.reviews !== undefined;
    const count = createReviewMetric(registry);
    this.tokens = new TokenCheck({ ...options, reviews, onReview: (outcome) => count('token', outcome) });
    this.decisions = new Decisions({
      ...options,
      reviews,
      onReview: (outcome) => count('access', outcome),
      onLimit: (limit) => metrics.limitReached(limit),
    });
  }

  /** Throws if these settings need a cluster and there is none. */
  check({ kubernetes }: Pick<WebSettings, 'kubernetes'>): void {
    if (kubernetes === undefined || this.#hasCluster) return;
    throw new Error(
      'kubernetes.enabled: found true, but Tocsin runs without a cluster, and nobody can tell who sends a token; remove it, or start Tocsin where the pipelines are in a cluster (--kubeconfig, or as a pod with a ServiceAccount)',
    );
  }

  /** Everything that the sender of this request does and sees is judged by these rights. */
  admit(request: object, caller: Parameters<Decisions['of']>[0]): ReturnType<Decisions['of']> {
    const rights = this.decisions.of(caller);
    this.#callers.admit(request, rights);
    return rights;
  }

  get rightsOf(): RightsOf {
    return this.#callers.rightsOf;
  }
}

const noCluster: Reviews = {
  reviewToken: () => Promise.reject(new ReviewError('there is no cluster')),
  mayDo: () => Promise.reject(new ReviewError('there is no cluster')),
};
