import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { FakeReviews } from '../../access/reviews.fixture.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { maxPasswordChecks } from './password-turns.ts';
import { goodTokenMs, TokenCheck, wrongTokenMs, type TokenTry, type TokenVerdict } from './token-check.ts';

function start() {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const reviews = new FakeReviews();
  const outcomes: string[] = [];
  const tokens = new TokenCheck({ clock, logger, reviews, onReview: (outcome) => void outcomes.push(outcome) });
  let connection = 0;
  const tryOf = (token: string, address = '10.0.0.1'): TokenTry => ({ token, address, connection: ++connection });
  const check = (token: string, audiences: readonly string[] = []) => tokens.check(tryOf(token), audiences);
  return { clock, logger, reviews, outcomes, tokens, tryOf, check };
}

const nameOf = (verdict: TokenVerdict): string => (typeof verdict === 'string' ? verdict : verdict.user);

describe('TokenCheck', () => {
  it('asks Kubernetes once, and then knows for seconds', async () => {
    const { clock, reviews, outcomes, check } = start();
    const token = reviews.let('team');
    const all = await Promise.all([check(token), check(token), check(token)]);
    assert.deepEqual(all.map(nameOf), ['team', 'team', 'team']);
    assert.deepEqual(outcomes, ['allowed']);
    assert.equal(nameOf(check(token) as TokenVerdict), 'team');
    clock.advance(goodTokenMs);
    assert.ok(check(token) instanceof Promise);
    assert.equal(nameOf(await check(token)), 'team');
    assert.deepEqual(outcomes, ['allowed', 'allowed']);
  });

  it('refuses a wrong token again without asking', async () => {
    const { clock, reviews, outcomes, check } = start();
    assert.equal(await check('stolen'), 'wrong');
    assert.equal(check('stolen'), 'wrong');
    assert.deepEqual(outcomes, ['denied']);
    clock.advance(wrongTokenMs);
    reviews.tokens.set('stolen', 'now good');
    assert.equal(nameOf(await check('stolen')), 'now good');
  });

  it('keeps judgements for other audiences apart', async () => {
    const { reviews, check } = start();
    const token = reviews.let('team');
    await check(token, ['tocsin']);
    await check(token, ['other']);
    assert.deepEqual(reviews.tokenQuestions, [`${token} tocsin`, `${token} other`]);
  });

  it('lets nobody in while the API server is away, except whom it knows for their time', async () => {
    const { clock, logger, reviews, check } = start();
    const token = reviews.let('team');
    await check(token);
    reviews.isAway = true;
    clock.advance(goodTokenMs - 1);
    assert.equal(nameOf(check(token) as TokenVerdict), 'team');
    clock.advance(1);
    assert.deepEqual([await check(token), await check('unknown')], ['unknown', 'unknown']);
    assert.equal(logger.linesOf('access.token_review_failed').length, 1);
    assert.doesNotMatch(JSON.stringify(logger.lines), new RegExp(token));
    reviews.isAway = false;
    assert.equal(nameOf(await check(token)), 'team');
  });

  it('asks about a flood of tokens at a limited rate and keeps a limited number, while known tokens go on', async () => {
    const { clock, reviews, tokens, tryOf, check } = start();
    const known = reviews.let('prometheus');
    await check(known);
    const flood = Array.from({ length: 1000 }, async (_, n) => tokens.check(tryOf(`bad-${n}`, '10.6.6.6'), []));
    const settled = Promise.all(flood);
    for (let n = 0; n < 100; n++) await turn();
    const asked = (): number => reviews.tokenQuestions.filter((token) => token.startsWith('bad')).length;
    assert.ok(asked() <= 24, `${asked()} questions`);
    clock.advance(goodTokenMs);
    assert.equal(nameOf(await check(known)), 'prometheus');
    for (let n = 0; n < 100; n++) {
      clock.advance(50);
      await turn();
    }
    const verdicts = await settled;
    assert.ok(verdicts.filter((verdict) => verdict === 'busy').length >= 1000 - maxPasswordChecks - 24);
    assert.ok(tokens.refusalDelayMs('10.6.6.6') > 0);
    assert.equal(tokens.refusalDelayMs('10.0.0.1'), 0);
  });

  it('gives a stranger to a flood the next turns', async () => {
    const { clock, reviews, tokens, tryOf } = start();
    const token = reviews.let('team');
    let letGo: (() => void) | undefined;
    reviews.before = () => new Promise((resolve) => (letGo = resolve));
    for (let n = 0; n < 60; n++) void tokens.check(tryOf(`bad-${n}`, '10.6.6.6'), []);
    const verdict = tokens.check(tryOf(token), []) as Promise<TokenVerdict>;
    let got: TokenVerdict | undefined;
    void verdict.then((found) => (got = found));
    reviews.before = () => Promise.resolve();
    letGo?.();
    for (let n = 0; n < 40; n++) {
      clock.advance(50);
      await turn();
    }
    assert.equal(got === undefined ? undefined : nameOf(got), 'team');
    assert.ok(reviews.tokenQuestions.indexOf(token) < 20, `turn ${reviews.tokenQuestions.indexOf(token)}`);
  });

  it('forgets a sender that has gone, and answers those who wait when it closes', async () => {
    const { reviews, tokens, tryOf } = start();
    reviews.before = () => new Promise(() => undefined);
    for (let n = 0; n < 4; n++) void tokens.check(tryOf(`bad-${n}`), []);
    const gone = tryOf('gone');
    void tokens.check(gone, []);
    const waiting = tokens.check(tryOf('waits'), []);
    tokens.leave(gone);
    tokens.close();
    assert.equal(await waiting, 'busy');
    assert.ok(!reviews.tokenQuestions.includes('gone'));
  });
});
