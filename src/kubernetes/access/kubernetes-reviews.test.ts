import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ReviewError } from '../../access/reviews.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { ApiError } from '../api/api-error.ts';
import type { ApiCall } from '../api/api-transport.ts';
import { KubernetesReviews } from './kubernetes-reviews.ts';

function start(answer: unknown) {
  const calls: ApiCall[] = [];
  const call = <T>(made: ApiCall): Promise<T> => {
    calls.push(made);
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer as T);
  };
  const clock = new FakeClock();
  return { calls, clock, reviews: new KubernetesReviews({ call, close: () => Promise.resolve() }, clock) };
}

const ann = { user: 'ann', uid: '7', groups: ['dev'], extra: { scopes: ['a'] } };
const user = { username: 'ann', uid: '7', groups: ['dev'], extra: { scopes: ['a'] } };

describe('KubernetesReviews', () => {
  it('asks who sends a token', async () => {
    const { calls, reviews } = start({ status: { authenticated: true, user } });
    assert.deepEqual(await reviews.reviewToken('t', []), ann);
    assert.deepEqual(calls[0]?.body, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token: 't' },
    });
    assert.equal(calls[0]?.path, '/apis/authentication.k8s.io/v1/tokenreviews');
  });

  const statuses: readonly (readonly [string, object, readonly string[], boolean])[] = [
    ['is unknown', { error: 'expired' }, [], false],
    ['is for one of the audiences', { authenticated: true, user, audiences: ['tocsin'] }, ['x', 'tocsin'], true],
    ['is for another audience', { authenticated: true, user, audiences: ['api'] }, ['tocsin'], false],
    ['is judged by an API server that knows no audiences', { authenticated: true, user }, ['tocsin'], false],
    ['is said to be good by no boolean', { authenticated: 'true', user }, [], false],
  ];
  for (const [what, status, audiences, isKnown] of statuses)
    it(`${isKnown ? 'takes' : 'refuses'} a token that ${what}`, async () => {
      const { reviews } = start({ status });
      assert.equal((await reviews.reviewToken('t', audiences)) !== undefined, isKnown);
    });

  it('asks for a right in a namespace, in all of them, and to a path', async () => {
    const { calls, reviews } = start({ status: { allowed: true } });
    assert.equal(await reviews.mayDo(ann, { verb: 'get', resource: 'alerts', namespace: 'shop' }), true);
    await reviews.mayDo(ann, { verb: 'create', resource: 'silences', namespace: undefined });
    await reviews.mayDo(ann, { verb: 'get', path: '/metrics' });
    assert.equal(calls[0]?.path, '/apis/authorization.k8s.io/v1/subjectaccessreviews');
    assert.deepEqual(
      calls.map(({ body }) => (body as { spec: object }).spec),
      [
        { ...ann, resourceAttributes: { group: 'tocsin.dev', verb: 'get', resource: 'alerts', namespace: 'shop' } },
        { ...ann, resourceAttributes: { group: 'tocsin.dev', verb: 'create', resource: 'silences' } },
        { ...ann, nonResourceAttributes: { verb: 'get', path: '/metrics' } },
      ],
    );
  });

  for (const [what, status] of [
    ['no', { allowed: false }],
    ['a denial beside a yes', { allowed: true, denied: true }],
    ['nothing', {}],
  ] as const)
    it(`takes ${what} for no`, async () => {
      const { reviews } = start({ status });
      assert.equal(await reviews.mayDo(ann, { verb: 'get', path: '/metrics' }), false);
    });

  for (const [what, answer] of [
    ['no answer', new ApiError('POST …: no answer', { reason: 'Unreachable' })],
    ['no JSON object', 'ok'],
    ['no status', { kind: 'TokenReview' }],
    ['a good token of nobody', { status: { authenticated: true } }],
  ] as const)
    it(`cannot tell by ${what}`, async () => {
      const { reviews } = start(answer);
      await assert.rejects(reviews.reviewToken('secret', []), (error: Error) => {
        assert.doesNotMatch(error.message, /secret/);
        return error instanceof ReviewError;
      });
    });

  it('says which file gives Tocsin the right to ask', async () => {
    const missingRight = { verb: 'create', resource: 'tokenreviews.authentication.k8s.io' };
    const { reviews } = start(
      new ApiError('POST …: 403 Forbidden', { status: 403, reason: 'Forbidden', missingRight }),
    );
    await assert.rejects(reviews.reviewToken('t', []), /403 Forbidden; k8s\/components\/kubernetes-auth/);
  });

  it('does not wait for an answer longer than five seconds', async () => {
    const clock = new FakeClock();
    const call = <T>({ signal }: ApiCall): Promise<T> =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)));
    const reviews = new KubernetesReviews({ call, close: () => Promise.resolve() }, clock);
    const late = assert.rejects(reviews.reviewToken('t', []), /no answer within 5 s/);
    clock.advance(5000);
    await late;
  });
});
