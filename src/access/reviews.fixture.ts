import { ReviewError, type AccessQuestion, type Caller, type Reviews } from './reviews.ts';

/** A cluster in memory: who sends a token, and what they may do. It notes every question. */
export class FakeReviews implements Reviews {
  /** User by token. */
  readonly tokens = new Map<string, string>();
  /** `user verb resource namespace`, with `*` for every namespace, or `user verb /path`. */
  readonly rights = new Set<string>();
  readonly tokenQuestions: string[] = [];
  readonly questions: string[] = [];
  /** True: the API server does not answer. */
  isAway = false;
  /** Runs before each answer. */
  before: () => Promise<void> = () => Promise.resolve();

  /** The token of a user with rights such as `get alerts shop`. */
  let(user: string, ...rights: readonly string[]): string {
    this.tokens.set(`token-of-${user}`, user);
    for (const right of rights) this.rights.add(`${user} ${right}`);
    return `token-of-${user}`;
  }

  async reviewToken(token: string, audiences: readonly string[]): Promise<Caller | undefined> {
    this.tokenQuestions.push([token, ...audiences].join(' '));
    await this.#answer();
    const user = this.tokens.get(token);
    return user === undefined ? undefined : callerOf(user);
  }

  async mayDo({ user }: Caller, question: AccessQuestion): Promise<boolean> {
    const what = 'path' in question ? question.path : `${question.resource} ${question.namespace ?? '*'}`;
    const asked = `${user} ${question.verb} ${what}`;
    this.questions.push(asked);
    await this.#answer();
    const everywhere = 'path' in question ? asked : `${user} ${question.verb} ${question.resource} *`;
    return this.rights.has(asked) || this.rights.has(everywhere);
  }

  async #answer(): Promise<void> {
    await this.before();
    if (this.isAway) throw new ReviewError('POST /apis/authentication.k8s.io/v1/tokenreviews: no answer');
  }
}

export function callerOf(user: string): Caller {
  return { user, uid: '', groups: [], extra: {} };
}
