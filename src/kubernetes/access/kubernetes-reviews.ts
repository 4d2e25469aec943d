import { Registry } from 'prom-client';
import { accessGroup, ReviewError, type AccessQuestion, type Caller, type Reviews } from '../../access/reviews.ts';
import type { Clock } from '../../runtime/clock.ts';
import { startDeadline } from '../../runtime/deadline.ts';
import { ApiError } from '../api/api-error.ts';
import { createApiClient, type ApiClient, type CreateApiClientOptions } from '../api/api-client.ts';
import { isJsonObject, type KeptAnswer } from '../kept-object.ts';

/** How long a review may take, with everything that the API server has repeated; then nobody is let in. Milliseconds. */
const reviewTimeoutMs = 5000;

/** Reviews per second in the long run, and at once after a pause, for all callers together. */
const reviewQps = 500;
const reviewBurst = 2000;

/** The connections for reviews. They have their own, so that a flood of questions delays no reconcile. */
const reviewConnections = 16;

/** The longest answer that is kept: a user of thousands of groups. */
const answerBytes = 256 * 1024;

const keptStatus: KeptAnswer = { selection: { members: { status: 'whole' } }, bytes: answerBytes };

/** Asks the API server: TokenReview for who sends a token, SubjectAccessReview for what somebody may do. */
export class KubernetesReviews implements Reviews {
  readonly #client: Pick<ApiClient, 'call' | 'close'>;
  readonly #clock: Clock;
  readonly #never = new AbortController().signal;

  constructor(client: Pick<ApiClient, 'call' | 'close'>, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  async reviewToken(token: string, audiences: readonly string[]): Promise<Caller | undefined> {
    const spec = { token, ...(audiences.length > 0 && { audiences }) };
    const status = await this.#review('authentication', 'TokenReview', spec);
    if (status['authenticated'] !== true) return undefined;
    // An API server that knows nothing of audiences names none, and its word is only good for itself.
    const named = textsOf(status['audiences']);
    if (audiences.length > 0 && !audiences.some((audience) => named.includes(audience))) return undefined;
    const user = isJsonObject(status['user']) ? status['user'] : {};
    const { username, uid } = user;
    if (typeof username !== 'string' || username === '') throw new ReviewError('a TokenReview names no user');
    const extra = isJsonObject(user['extra']) ? Object.entries(user['extra']) : [];
    return {
      user: username,
      uid: typeof uid === 'string' ? uid : '',
      groups: textsOf(user['groups']),
      extra: Object.fromEntries(extra.map(([name, values]) => [name, textsOf(values)])),
    };
  }

  async mayDo({ user, uid, groups, extra }: Caller, question: AccessQuestion): Promise<boolean> {
    const attributes =
      'path' in question
        ? { nonResourceAttributes: { verb: question.verb, path: question.path } }
        : {
            resourceAttributes: {
              group: accessGroup,
              verb: question.verb,
              resource: question.resource,
              ...(question.namespace !== undefined && { namespace: question.namespace }),
            },
          };
    const spec = { user, uid, groups, extra, ...attributes };
    const status = await this.#review('authorization', 'SubjectAccessReview', spec);
    return status['allowed'] === true && status['denied'] !== true;
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #review(
    group: 'authentication' | 'authorization',
    kind: 'TokenReview' | 'SubjectAccessReview',
    spec: object,
  ): Promise<Readonly<Record<string, unknown>>> {
    const apiVersion = `${group}.k8s.io/v1`;
    const path = `/apis/${apiVersion}/${kind.toLowerCase()}s`;
    const answer = await this.#call(path, { apiVersion, kind, spec });
    const status = isJsonObject(answer) ? answer['status'] : undefined;
    if (isJsonObject(status)) return status;
    throw new ReviewError(`the answer to a ${kind} has no status`);
  }

  async #call(path: string, body: object): Promise<unknown> {
    const late = (): Error => new Error(`POST ${path}: no answer within ${reviewTimeoutMs / 1000} s`);
    const deadline = startDeadline(this.#clock, reviewTimeoutMs, this.#never, late);
    const { signal } = deadline;
    try {
      return await this.#client.call<unknown>({ method: 'POST', path, body, keep: keptStatus, signal });
    } catch (error) {
      throw new ReviewError(reasonOf(error), { cause: error });
    } finally {
      deadline.end();
    }
  }
}

/** With what to do if Tocsin itself lacks the right to ask. */
function reasonOf(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  if (!(error instanceof ApiError) || error.missingRight === undefined) return reason;
  return `${reason}; k8s/components/kubernetes-auth/cluster-role-access.yaml grants it, in the chart kubernetesAuth.enabled`;
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((text): text is string => typeof text === 'string') : [];
}

/** Reviews over connections and a rate limit of their own. Nothing is read or connected before the first question. */
export function createKubernetesReviews(options: Omit<CreateApiClientOptions, 'registry'>): KubernetesReviews {
  const client = createApiClient({
    ...options,
    // A review writes nothing: every replica asks.
    leadership: undefined,
    // Reviews are counted by what they answer; they are no calls for a pipeline.
    registry: new Registry(),
    qps: reviewQps,
    burst: reviewBurst,
    maxConnections: reviewConnections,
  });
  return new KubernetesReviews(client, options.clock);
}
