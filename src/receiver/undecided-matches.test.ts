import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { metric } from '../runtime/metric.fixture.ts';
import { startRoutes } from './routes.fixture.ts';

const hour = 3_600_000;
/** Large enough that it is not tried on a few thousand characters. */
const expression = '[ab]*a[ab]{900}';
const long = 'a'.repeat(3000);

describe('UndecidedMatches', () => {
  for (const isEqual of [true, false]) {
    it(`lets a silence with ${isEqual ? '=~' : '!~'} silence nothing that it cannot decide, and logs that`, async (t) => {
      const { routes, silence } = await start(t);
      await silence(isEqual);
      await routes.post(JSON.stringify([{ labels: { job: long } }]));
      assert.equal(routes.sunk.length, 1);
      assert.equal(await metric(routes.registry, 'tocsin_limit_reached_total{limit="regexp_steps"}'), 1);
      const [line] = routes.logger.fieldsOf('matcher.undecided');
      assert.deepEqual([line!['use'], line!['label'], line!['characters']], ['silence', 'job', 3000]);
    });
  }

  for (const operator of ['=~', '!~']) {
    it(`leaves out of the list what a filter with ${operator} cannot decide, and logs that, a line a second`, async (t) => {
      const { routes } = await start(t);
      await routes.post(JSON.stringify([1, 2, 3].map((n) => ({ labels: { job: long, n: `${n}` } }))));
      const filter = encodeURIComponent(`job${operator}"${expression}"`);
      const answer = await fetch(`${routes.url}/api/v2/alerts?filter=${filter}`);
      assert.deepEqual([answer.status, await answer.text()], [200, '[]\n']);
      assert.equal(await metric(routes.registry, 'tocsin_limit_reached_total{limit="regexp_steps"}'), 3);
      assert.deepEqual(routes.logger.valuesOf('matcher.undecided', 'use'), [['filter']]);
      await routes.clock.advanceAsync(1000);
      assert.deepEqual(routes.logger.valuesOf('matcher.undecided_limited', 'use', 'times'), [['filter', 2]]);
    });
  }
});

async function start(t: TestContext) {
  const routes = await startRoutes(t);
  const now = routes.clock.now();
  const silence = async (isEqual: boolean): Promise<void> => {
    const answer = await fetch(`${routes.url}/api/v2/silences`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        matchers: [{ name: 'job', value: expression, isRegex: true, isEqual }],
        startsAt: new Date(now).toISOString(),
        endsAt: new Date(now + hour).toISOString(),
        createdBy: 'me',
        comment: 'c',
      }),
    });
    assert.equal(answer.status, 200);
  };
  return { routes, silence };
}
