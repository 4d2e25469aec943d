import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApiFailure, type Api } from './api-port.ts';
import { defaultLink, type Link } from './link.ts';
import { Loader } from './loader.ts';
import { at, backend, changed, fact, start, throttling } from './page.fixture.ts';
import type { Action } from './state.ts';

const own = 'api/tocsin/v1';

interface Bench {
  readonly loader: Loader;
  readonly asked: readonly string[];
  readonly actions: readonly Action[];
  link: Link;
}

/** @param answer gives the answer to a path, or throws */
function bench(answer: (path: string) => unknown): Bench {
  const [asked, actions]: [string[], Action[]] = [[], []];
  const get = async <Answer>(path: string): Promise<Answer> => {
    asked.push(path);
    await Promise.resolve();
    return answer(path) as Answer;
  };
  const api: Api = { get, send: get };
  const store = { newestId: 7, dispatch: (action: Action) => void actions.push(action) };
  const made = { asked, actions, link: defaultLink };
  return Object.assign(made, { loader: new Loader({ api, store, now: () => start, link: () => made.link }) });
}

describe('the lists of the page', () => {
  it('are read page by page, and say as of which fact they are', async () => {
    const other = { ...backend, name: 'other' };
    const { loader, asked, actions } = bench((path) =>
      path.includes('cursor') ? { items: [other] } : { items: [backend], next: 'n' },
    );
    await loader.pipelines();
    assert.deepEqual(asked, [`${own}/pipelines?limit=1000`, `${own}/pipelines?limit=1000&cursor=n`]);
    assert.deepEqual(actions, [{ type: 'pipelines', items: [backend, other], isCut: false, asOf: 7 }]);
  });

  it('are not read without end, and say so', async () => {
    const { loader, asked, actions } = bench(() => ({ items: [throttling], next: 'n' }));
    await loader.alerts();
    assert.equal(asked.length, 10);
    assert.deepEqual(
      actions.map((action) => action.type === 'alerts' && action.isCut),
      [true],
    );
  });

  for (const what of ['pipelines', 'alerts', 'silences', 'payloads'] as const)
    it(`tell why they cannot be read: ${what}`, async () => {
      const { loader, actions } = bench(() => {
        throw new ApiFailure('Tocsin cannot be reached.');
      });
      await loader[what]();
      assert.deepEqual(actions, [
        { type: 'failed', what, failure: { status: undefined, message: 'Tocsin cannot be reached.' } },
      ]);
    });

  it('are read in the order in which a person needs them', async () => {
    const { loader, asked } = bench((path) => (path.startsWith('api/v2') ? [] : { items: [] }));
    await loader.all();
    assert.deepEqual(asked.slice(0, 2), [`${own}/history?limit=1&replicas=this`, `${own}/pipelines?limit=1000`]);
    assert.equal(asked.at(-1), `${own}/payloads`);
  });

  it('have no problems if Tocsin does not know that list', async () => {
    const { loader, actions } = bench(() => {
      throw new ApiFailure('not found', 404);
    });
    await loader.problems();
    assert.deepEqual(actions, [{ type: 'problems', items: [] }]);
  });
});

describe('the facts of a time', () => {
  it('are read up to its end, the changes of conditions first', async () => {
    const { loader, asked, actions } = bench((path) => ({
      items: path.includes('event=') ? [changed(1, 'True', 'False')] : [fact(2, 'alert.new')],
    }));
    await loader.facts({ from: start, to: start + 1000 });
    const time = `since=${encodeURIComponent(at(0))}&until=${encodeURIComponent(at(1))}`;
    assert.deepEqual(asked, [
      `${own}/history?${time}&replicas=this&event=condition.changed&limit=1000`,
      `${own}/history?${time}&replicas=this&limit=1000`,
    ]);
    assert.deepEqual(
      actions.map(({ type }) => type),
      ['facts', 'facts', 'facts read'],
    );
  });

  it('are dropped if another time is wanted meanwhile', async () => {
    const { loader, actions } = bench(() => ({ items: [fact(1, 'alert.new')] }));
    await Promise.all([loader.facts({ last: 60_000 }), loader.facts({ last: 120_000 })]);
    assert.deepEqual(
      actions.map(({ type }) => type),
      ['facts', 'facts', 'facts read'],
    );
  });
});

describe('what matches a filter of alerts', () => {
  it('is what Tocsin says', async () => {
    const made = bench((path) => ({ items: path.includes('/alerts') ? [throttling] : [fact(3, 'alert.new')] }));
    made.link = { ...defaultLink, alert: 'a="b"' };
    await made.loader.matching(made.link);
    const matching = {
      matcher: 'a="b"',
      alerts: new Set([throttling.fingerprint!]),
      facts: new Set([3]),
      isCut: false,
    };
    assert.deepEqual(made.actions, [{ type: 'matching', matching }]);
  });

  it('is dropped if another filter is set meanwhile', async () => {
    const made = bench(() => ({ items: [] }));
    await made.loader.matching({ ...defaultLink, alert: 'a="b"' });
    assert.deepEqual(made.actions, []);
  });

  it('is nothing if the matcher is none, with the reason', async () => {
    const made = bench(() => {
      throw new ApiFailure('Tocsin answered: bad matcher', 400);
    });
    made.link = { ...defaultLink, alert: 'a=' };
    await made.loader.matching(made.link);
    const failure = { status: 400, message: 'Tocsin answered: bad matcher' };
    assert.deepEqual(made.actions, [
      { type: 'matching', matching: { matcher: 'a=', alerts: new Set(), facts: new Set(), isCut: false, failure } },
    ]);
  });
});
