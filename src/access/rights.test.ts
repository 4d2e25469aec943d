import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { metric } from '../runtime/metric.fixture.ts';
import { callerOf, FakeReviews } from './reviews.fixture.ts';
import {
  AccessError,
  allowedMs,
  createReviewMetric,
  Decisions,
  deniedMs,
  maxNamespaces,
  reviewsBurst,
  type Rights,
} from './rights.ts';
import { isNamespaceName } from './reviews.ts';

function start() {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const registry = new Registry();
  const reviews = new FakeReviews();
  const limits: string[] = [];
  const count = createReviewMetric(registry);
  const decisions = new Decisions({
    clock,
    logger,
    registry,
    reviews,
    namespaceLabel: () => 'namespace',
    onReview: (outcome) => count('access', outcome),
    onLimit: (limit) => void limits.push(limit),
  });
  const rightsOf = (user: string): Rights => decisions.of(callerOf(user));
  return { clock, logger, registry, reviews, limits, rightsOf };
}

const namesOf =
  (...names: readonly string[]) =>
  () =>
    names;

describe('Rights', () => {
  it('show a team its own namespaces, and whoever may everywhere all of them', async () => {
    const { reviews, rightsOf } = start();
    reviews.let('team', 'get alerts shop');
    reviews.let('admin', 'get alerts *');
    const visible = await rightsOf('team').visible('get', 'alerts', namesOf('shop', 'bank', 'no name'));
    assert.deepEqual(
      ['shop', 'bank', 'no name', undefined].map((name) => visible?.has(name)),
      [true, false, false, false],
    );
    assert.equal(await rightsOf('admin').visible('get', 'alerts', namesOf('shop')), undefined);
    assert.ok(!reviews.questions.some((question) => question.includes('no name')));
  });

  it('let whoever reads the AlertTriggers of a namespace read its alerts and silences, and do no more', async () => {
    const { reviews, rightsOf } = start();
    reviews.let('team', 'get alerttriggers shop');
    const may = async (verb: 'get' | 'create' | 'delete', resource: 'alerts' | 'silences'): Promise<boolean> =>
      (await rightsOf('team').visible(verb, resource, namesOf('shop')))!.has('shop');
    assert.deepEqual([await may('get', 'alerts'), await may('get', 'silences')], [true, true]);
    assert.deepEqual(
      [await may('create', 'alerts'), await may('create', 'silences'), await may('delete', 'silences')],
      [false, false, false],
    );
  });

  it('are asked for once, as long as an answer counts', async () => {
    const { clock, reviews, rightsOf } = start();
    reviews.let('team', 'create alerts shop');
    const ask = () => rightsOf('team').visible('create', 'alerts', namesOf('shop', 'bank'));
    await Promise.all([ask(), ask(), ask()]);
    assert.equal(reviews.questions.length, 3);
    await ask();
    assert.equal(reviews.questions.length, 3);
    clock.advance(allowedMs);
    await ask();
    assert.deepEqual(reviews.questions.slice(3), ['team create alerts shop']);
    clock.advance(deniedMs - allowedMs);
    await ask();
    assert.deepEqual(reviews.questions.slice(4).toSorted(), [
      'team create alerts *',
      'team create alerts bank',
      'team create alerts shop',
    ]);
  });

  it('answer at once what is known', async () => {
    const { reviews, rightsOf } = start();
    reviews.let('prometheus', 'create alerts *');
    assert.equal(await rightsOf('prometheus').everywhere('create', 'alerts'), true);
    assert.equal(rightsOf('prometheus').everywhere('create', 'alerts'), true);
  });

  it('keep counting for their time while the API server is away, and then nobody may anything', async () => {
    const { clock, logger, registry, reviews, rightsOf } = start();
    reviews.let('team', 'get alerts shop');
    const see = async () => (await rightsOf('team').visible('get', 'alerts', namesOf('shop')))?.has('shop');
    assert.equal(await see(), true);
    reviews.isAway = true;
    clock.advance(allowedMs - 1);
    assert.equal(await see(), true);
    clock.advance(1);
    await assert.rejects(see(), (error) => error instanceof AccessError && error.status === 503);
    await assert.rejects(see());
    assert.equal(logger.linesOf('access.review_failed').length, 1);
    assert.equal(await metric(registry, 'tocsin_access_reviews_total{review="access",outcome="failed"}'), 2);
    reviews.isAway = false;
    assert.equal(await see(), true);
  });

  it('say which right is missing', async () => {
    const { reviews, rightsOf } = start();
    reviews.let('team', 'create silences shop', 'delete silences *');
    const rights = rightsOf('team');
    await rights.require('create', 'silences', ['shop']);
    await rights.require('delete', 'silences', []);
    const refused = (...namespaces: readonly string[]) =>
      rights.require('create', 'silences', namespaces).then(
        () => assert.fail('not refused'),
        (error: AccessError) => [error.status, error.message],
      );
    assert.deepEqual(await refused('shop', 'bank'), [
      403,
      'team may not create silences.tocsin.dev in the namespace "bank"',
    ]);
    assert.deepEqual(await refused(), [403, 'team may not create silences.tocsin.dev in every namespace']);
  });

  it('are looked up for a limited number of namespaces of one request', async () => {
    const { logger, limits, reviews, rightsOf } = start();
    reviews.let('team', 'get alerts n0', `get alerts n${maxNamespaces}`);
    const names = Array.from({ length: maxNamespaces + 1 }, (_, n) => `n${n}`);
    const visible = await rightsOf('team').visible('get', 'alerts', () => names);
    assert.deepEqual([visible?.has('n0'), visible?.has(`n${maxNamespaces}`)], [true, false]);
    assert.deepEqual(limits, ['access_namespaces']);
    assert.deepEqual(logger.valuesOf('access.limited', 'user', 'found'), [['team', maxNamespaces + 1]]);
  });

  it('are asked for at a limited rate for each caller, which delays no other', async () => {
    const { limits, reviews, rightsOf } = start();
    const ask = (user: string, from: number) =>
      rightsOf(user).visible('create', 'alerts', () => Array.from({ length: 900 }, (_, n) => `n${from + n}`));
    for (let from = 0; from + 900 < reviewsBurst; from += 900) await ask('flood', from);
    await assert.rejects(ask('flood', 10_000), (error) => error instanceof AccessError && error.status === 503);
    assert.ok(limits.includes('access_reviews'));
    reviews.let('team', 'create alerts n1');
    assert.equal((await ask('team', 0))?.has('n1'), true);
  });

  it('open a path that is no resource to those with a right to the path, or to everything', async () => {
    const { reviews, rightsOf } = start();
    reviews.let('scraper', 'get /metrics');
    reviews.let('reader', 'get alerts *');
    reviews.let('sender', 'create alerts *');
    const rows = [
      ['scraper', 'GET', '/metrics', true],
      ['scraper', 'POST', '/-/reload', false],
      ['reader', 'GET', '/metrics', true],
      ['sender', 'POST', '/-/reload', false],
      ['sender', 'POST', '/api/tocsin/v1/reconcile', true],
      ['reader', 'POST', '/api/tocsin/v1/reconcile', false],
      ['reader', 'GET', '/api/tocsin/v1/payloads', true],
    ] as const;
    for (const [user, method, path, may] of rows)
      assert.equal(await rightsOf(user).mayUse(method, path, path.startsWith('/api/')), may, `${user} ${path}`);
    assert.ok(!reviews.questions.some((question) => question.includes('/api/')));
  });

  it('of one caller are never those of another, whatever their names', async () => {
    const text = fc.constantFrom('a', 'b', 'a b', 'get', '*', 'shop', '');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(text, text), { maxLength: 10 }), async (pairs) => {
        const { reviews, rightsOf } = start();
        reviews.let('a', 'get alerts shop');
        for (const [user, namespace] of pairs) {
          const visible = await rightsOf(user).visible('get', 'alerts', () => [namespace]);
          assert.equal(visible?.has(namespace), user === 'a' && namespace === 'shop');
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('the name of a namespace', () => {
  for (const [text, is] of [
    ['shop', true],
    ['a'.repeat(63), true],
    ['a'.repeat(64), false],
    ['', false],
    ['-a', false],
    ['a-', false],
    ['A', false],
    ['a.b', false],
    ['*', false],
  ] as const)
    it(`${JSON.stringify(text)} is ${is ? 'good' : 'refused'}`, () => assert.equal(isNamespaceName(text), is));
});
