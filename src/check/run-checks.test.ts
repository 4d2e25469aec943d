import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { ok, problem, skipped, unsettled, type Category, type Check, type Outcome } from './check.ts';
import { runChecks, type CheckEvent } from './run-checks.ts';

function checkOf(id: string, run: Check['run'], traits: Partial<Check> = {}): Check {
  return { id, description: `can ${id}`, run, ...traits };
}

function categoryOf(name: string, needs: readonly string[], ...checks: readonly Check[]): Category {
  return { name, needs, checks };
}

/** Runs to the end while the clock advances whenever all wait. */
async function runAll(categories: readonly Category[], waitMs = 0): Promise<readonly string[]> {
  const clock = new FakeClock();
  const told: string[] = [];
  const state = { isOver: false };
  const running = (async () => {
    for await (const event of runChecks(categories, { clock, waitMs })) told.push(lineOf(event, clock));
    state.isOver = true;
  })();
  for (let second = 0; !state.isOver && second < 1000; second++) await clock.advanceAsync(1000);
  await running;
  assert.equal(clock.pending(), 0);
  return told;
}

const start = new FakeClock().now();

function lineOf(event: CheckEvent, clock: FakeClock): string {
  const at = `${(clock.now() - start) / 1000}s`;
  switch (event.event) {
    case 'category':
      return event.whyNot === undefined ? `[${event.name}]` : `[${event.name}] ${event.whyNot}`;
    case 'waiting':
      return `${event.check.id} ${event.text} ${at}`;
    case 'result':
      return [event.check.id, event.result, event.text].filter(Boolean).join(' ');
  }
}

const bad = (): Outcome => problem('broken');

/** True from the `turns`-th attempt on. */
function after(turns: number): Check['run'] {
  let attempts = 0;
  return () => (++attempts >= turns ? ok() : problem(`attempt ${attempts}`));
}

describe('runChecks', () => {
  it('tells every result in the given order', async () => {
    const told = await runAll([
      categoryOf(
        'one',
        [],
        checkOf('a', () => ok()),
        checkOf('b', bad),
        checkOf('c', bad, { warning: true }),
      ),
      categoryOf(
        'two',
        [],
        checkOf('d', () => skipped('nothing there')),
      ),
    ]);
    assert.deepEqual(told, [
      '[one]',
      'a success',
      'b error broken',
      'c warning broken',
      '[two]',
      'd skipped nothing there',
    ]);
  });

  it('stops a branch at its first broken hop, and goes on with the others', async () => {
    const why = 'not run, because this failed: api: can query';
    const told = await runAll([
      categoryOf(
        'api',
        [],
        checkOf('query', bad, { fatal: true }),
        checkOf('version', () => ok()),
      ),
      categoryOf(
        'rights',
        ['api'],
        checkOf('patch', () => ok()),
      ),
      categoryOf(
        'events',
        ['rights'],
        checkOf('create', () => ok()),
      ),
      categoryOf(
        'prometheus',
        [],
        checkOf('reach', () => ok()),
      ),
    ]);
    assert.deepEqual(told, [
      '[api]',
      'query error broken',
      `version not run ${why}`,
      '[rights]',
      `patch not run ${why}`,
      '[events]',
      `create not run ${why}`,
      '[prometheus]',
      'reach success',
    ]);
  });

  it('does not run a check alone whose own need is broken, and goes on with the rest of its category', async () => {
    const told = await runAll([
      categoryOf('api', [], checkOf('query', bad, { fatal: true })),
      categoryOf(
        'replicas',
        [],
        checkOf('lead', () => ok()),
        checkOf('pods', () => ok(), { needs: ['api'] }),
        checkOf('clock', () => ok()),
      ),
    ]);
    assert.deepEqual(told, [
      '[api]',
      'query error broken',
      '[replicas]',
      'lead success',
      'pods not run not run, because this failed: api: can query',
      'clock success',
    ]);
  });

  it('goes on after a problem that is not fatal', async () => {
    const told = await runAll([
      categoryOf(
        'one',
        [],
        checkOf('a', bad),
        checkOf('b', () => ok()),
      ),
      categoryOf(
        'two',
        ['one'],
        checkOf('c', () => ok()),
      ),
    ]);
    assert.deepEqual(told, ['[one]', 'a error broken', 'b success', '[two]', 'c success']);
  });

  it('waits until it is known what a category checks, and no longer than all may take', async () => {
    const awaiting = (turns: number): Category => {
      let asked = 0;
      const awaits = (): Promise<string | undefined> =>
        Promise.resolve(++asked < turns ? 'Tocsin does not answer' : undefined);
      return {
        ...categoryOf(
          'one',
          [],
          checkOf('a', () => ok()),
        ),
        awaits,
      };
    };
    const waited = ['a Tocsin does not answer 0s', 'a Tocsin does not answer 5s'];
    assert.deepEqual(await runAll([awaiting(3)], 60_000), [...waited, '[one]', 'a success']);
    assert.deepEqual(await runAll([awaiting(99)], 10_000), [...waited, '[one]', 'a success']);
    assert.deepEqual(await runAll([awaiting(99)]), ['[one]', 'a success']);
  });

  it('tries again what is skipped only because it is not known yet', async () => {
    let asked = 0;
    const run = (): Outcome => (++asked < 3 ? unsettled('not known') : problem('wrong'));
    const told = await runAll([categoryOf('one', [], checkOf('a', run))], 60_000);
    assert.deepEqual(told.at(-1), 'a error wrong');
    asked = 0;
    assert.deepEqual((await runAll([categoryOf('one', [], checkOf('a', run))])).at(-1), 'a skipped not known');
  });

  it('asks when its turn comes whether a category applies; one that does not is no broken hop', async () => {
    let learnt = 'yet unknown';
    const first = checkOf('a', () => ((learnt = 'no Prometheus'), ok()));
    const told = await runAll([
      categoryOf('one', [], first),
      {
        ...categoryOf(
          'two',
          ['one'],
          checkOf('b', () => assert.fail()),
        ),
        whyNot: () => learnt,
      },
      categoryOf(
        'three',
        ['two'],
        checkOf('c', () => ok()),
      ),
    ]);
    assert.deepEqual(told, ['[one]', 'a success', '[two] no Prometheus', '[three]', 'c success']);
  });

  it('tries again every 5 s what may become true', async () => {
    const told = await runAll([categoryOf('one', [], checkOf('a', after(3), { retryable: true }))], 300_000);
    assert.deepEqual(told, [
      '[one]',
      'a waiting for check to complete 0s',
      'a waiting for check to complete 5s',
      'a success',
    ]);
  });

  it('shows what is waited for, where that says more', async () => {
    const traits = { retryable: true, surfacesProblem: true } as const;
    const told = await runAll([categoryOf('one', [], checkOf('a', after(2), traits))], 300_000);
    assert.deepEqual(told, ['[one]', 'a attempt 1 0s', 'a success']);
  });

  it('has one deadline for all: what comes after it has one attempt', async () => {
    const checks = [checkOf('a', bad, { retryable: true }), checkOf('b', after(2), { retryable: true })];
    const told = await runAll([categoryOf('one', [], ...checks)], 12_000);
    assert.deepEqual(told, [
      '[one]',
      'a waiting for check to complete 0s',
      'a waiting for check to complete 5s',
      'a error broken',
      'b error attempt 1',
    ]);
  });

  it('tries nothing again that cannot become true by itself', async () => {
    assert.deepEqual(await runAll([categoryOf('one', [], checkOf('a', after(2)))], 300_000), [
      '[one]',
      'a error attempt 1',
    ]);
  });

  it('gives an attempt 30 s, even one that ignores its signal', async () => {
    const never = checkOf('a', () => new Promise<never>(() => undefined));
    assert.deepEqual(await runAll([categoryOf('one', [], never)]), [
      '[one]',
      'a error no result within 30 s: what is asked here hangs, is overloaded, or a firewall drops what is sent; mend that, or check from another machine',
    ]);
  });

  it('takes an error for a problem', async () => {
    const throws = checkOf('a', () => {
      throw new Error('GET /version: 401 Unauthorized');
    });
    const told = await runAll([categoryOf('one', [], throws)]);
    assert.deepEqual(told, ['[one]', 'a error GET /version: 401 Unauthorized']);
  });

  it('rejects with the reason of its signal', async (t: TestContext) => {
    const stop = new AbortController();
    const events = runChecks(
      [
        categoryOf(
          'one',
          [],
          checkOf('a', () => new Promise<never>(() => undefined)),
        ),
      ],
      {
        clock: new FakeClock(),
        waitMs: 0,
        signal: stop.signal,
      },
    );
    t.after(() => events.return());
    await events.next();
    const next = events.next();
    stop.abort(new Error('interrupted'));
    await assert.rejects(next, /interrupted/);
  });

  it('runs each check exactly once without --wait, and none after a fatal problem on its branch', async () => {
    const kinds = fc.record({ is: fc.constantFrom('good', 'bad', 'warning'), fatal: fc.boolean() });
    const branch = fc.array(fc.array(kinds, { maxLength: 4 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(branch, async (shape) => {
        const ran: string[] = [];
        const categories = shape.map((checks, index) =>
          categoryOf(
            `${index}`,
            index === 0 ? [] : [`${index - 1}`],
            ...checks.map(({ is, fatal }, place) =>
              checkOf(`${index}.${place}`, () => (ran.push(`${index}.${place}`), is === 'good' ? ok() : bad()), {
                ...(fatal && is !== 'warning' && { fatal }),
                ...(is === 'warning' && { warning: true }),
              }),
            ),
          ),
        );
        const all = shape.flatMap((checks, index) =>
          checks.map((kind, place) => ({ ...kind, id: `${index}.${place}` })),
        );
        const firstFatal = all.findIndex(({ is, fatal }) => is === 'bad' && fatal);
        const expected = firstFatal < 0 ? all : all.slice(0, firstFatal + 1);
        const told = (await runAll(categories)).filter((line) => !line.startsWith('['));
        assert.deepEqual(
          ran,
          expected.map(({ id }) => id),
        );
        assert.equal(told.length, all.length);
        assert.equal(told.filter((line) => line.includes('not run')).length, all.length - expected.length);
      }),
      { numRuns: 50 },
    );
  });
});
