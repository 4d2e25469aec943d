import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { FakeReviews } from '../access/reviews.fixture.ts';
import { fingerprint } from '../alert/labels.ts';
import { documentedPaths } from '../explain/openapi.ts';
import { eventually } from '../runtime/eventually.fixture.ts';
import { explainBench } from './explain.fixture.ts';

const api = '/api/tocsin/v1';
const ofShop = { labels: { alertname: 'OrdersDown', namespace: 'shop', secret: 'shop-only' } };
const ofBank = { labels: { alertname: 'LedgerDown', namespace: 'bank', secret: 'bank-only' } };
const ofNobody = { labels: { alertname: 'NodeDown', secret: 'platform-only' } };

interface Fact {
  readonly event: string;
  readonly labels?: { readonly alertname: string };
}

/** The alerts and a silence of two teams, and of the owner of the cluster. */
async function start(t: TestContext) {
  const reviews = new FakeReviews();
  for (const [team, namespace] of [
    ['ann', 'shop'],
    ['bob', 'bank'],
  ] as const)
    reviews.let(team, ...['get alerts', 'get silences', 'create silences'].map((right) => `${right} ${namespace}`));
  reviews.let('admin', 'get alerts *', 'create alerts *', 'create silences *');
  const bench = await explainBench(t, {}, undefined, reviews);
  const ask = async (user: string, path: string, body?: object) => {
    const response = await fetch(bench.url + path, {
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
      headers: { authorization: `Bearer token-of-${user}`, 'Content-Type': 'application/json' },
    });
    return { status: response.status, text: await response.text() };
  };
  await ask('admin', '/api/v2/alerts', [ofShop, ofBank, ofNobody]);
  const [startsAt, endsAt] = [0, 3_600_000].map((ms) => new Date(bench.clock.now() + ms).toISOString());
  for (const [user, namespace] of [
    ['ann', 'shop'],
    ['bob', 'bank'],
  ] as const) {
    const matchers = [{ name: 'namespace', value: namespace, isRegex: false }];
    const silence = { matchers, startsAt, endsAt, createdBy: user, comment: `${namespace}-only` };
    assert.equal((await ask(user, '/api/v2/silences', silence)).status, 200);
  }
  await bench.settle(2000);
  const itemsOf = async <T>(user: string, path: string): Promise<readonly T[]> => {
    const { status, text } = await ask(user, api + path);
    assert.equal(status, 200, text);
    return (JSON.parse(text) as { readonly items: readonly T[] }).items;
  };
  return { ...bench, url: bench.url, reviews, ask, itemsOf };
}

const foreign = /bank-only|platform-only|LedgerDown|NodeDown|backend|bob/;

describe('the API of explanations for a team', () => {
  it('has the facts about its alerts and silences alone', async (t) => {
    const { itemsOf } = await start(t);
    const facts = await itemsOf<Fact>('ann', '/history?limit=1000');
    assert.deepEqual(facts.map(({ event }) => event).toSorted(), ['alert.new', 'silence.started']);
    assert.doesNotMatch(JSON.stringify(facts), foreign);
    const all = await itemsOf<Fact>('admin', '/history?limit=1000');
    for (const event of ['alerts.received', 'reconcile.finished', 'causes.named', 'silence.started'])
      assert.ok(
        all.some((fact) => fact.event === event),
        event,
      );
    assert.match(JSON.stringify(all), /bank-only.*platform-only|platform-only.*bank-only/);
  });

  it('has its alerts, and says of those of others no more than of those that never came', async (t) => {
    const { ask, itemsOf } = await start(t);
    const alerts = await itemsOf<{ readonly alertname: string }>('ann', '/alerts');
    assert.deepEqual(
      alerts.map(({ alertname }) => alertname),
      ['OrdersDown'],
    );
    assert.equal((await itemsOf('admin', '/alerts')).length, 3);
    const explain = async (user: string, labels: Readonly<Record<string, string>>): Promise<string> =>
      (await ask(user, `${api}/alerts/${fingerprint(labels)}`)).text.replaceAll(/"at":"[^"]*"/g, '');
    assert.match(await explain('ann', ofShop.labels), /shop-only.*woke.*"runs":\[\]/);
    assert.match(await explain('admin', ofShop.labels), /shop-only.*woke.*"runs":\["/);
    const unknown = await explain('ann', { alertname: 'Never' });
    for (const { labels } of [ofBank, ofNobody]) assert.equal(await explain('ann', labels), unknown);
    assert.match(await explain('bob', ofBank.labels), /bank-only/);
  });

  it('refuses a filter that names the namespace of another team', async (t) => {
    const { ask } = await start(t);
    const filter = `filter=${encodeURIComponent('namespace="bank"')}`;
    for (const path of ['/history', '/alerts', '/live']) {
      const { status, text } = await ask('ann', `${api}${path}?${filter}`);
      assert.equal(status, 403, path);
      assert.match(text, /ann may not get alerts.tocsin.dev in the namespace/);
    }
  });

  it('keeps what is of no team for those who may read everything', async (t) => {
    const { ask } = await start(t);
    const paths = ['/pipelines/tracepipeline/backend', '/payloads', '/payloads/x', '/problems', '/status'];
    for (const path of [...paths.map((each) => api + each), '/metrics']) {
      const { status, text } = await ask('ann', path);
      assert.equal(status, 403, path);
      assert.doesNotMatch(text, foreign);
      assert.notEqual((await ask('admin', path)).status, 403, path);
    }
    for (const [path, body] of [
      [`${api}/reconcile`, { all: true }],
      [`${api}/explain`, [ofBank]],
      [`${api}/explain`, [ofShop, ofNobody]],
      ['/-/reload', {}],
    ] as const)
      assert.equal((await ask('ann', path, body)).status, 403, path);
    assert.equal((await ask('admin', `${api}/reconcile`, { all: true })).status, 202);
    assert.equal((await ask('ann', `${api}/openapi.json`)).status, 200);
  });

  it('has a status for whoever names a namespace of theirs, with nothing of others in it', async (t) => {
    const { ask } = await start(t);
    const { status, text } = await ask('ann', `${api}/status?namespace=shop`);
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(JSON.parse(text) as object), ['version', 'time', 'history']);
    const refused = await ask('ann', `${api}/status?namespace=bank`);
    assert.equal(refused.status, 403);
    assert.match(refused.text, /ann may not get alerts.tocsin.dev in the namespace/);
  });

  it('lists no pipeline, which are the cluster owner’s', async (t) => {
    const { itemsOf } = await start(t);
    assert.deepEqual(await itemsOf('ann', '/pipelines'), []);
    assert.equal((await itemsOf('admin', '/pipelines')).length, 2);
  });

  it('predicts for an alert of its namespace, and names no pipeline and no silence of others', async (t) => {
    const { ask } = await start(t);
    const [startsAt, endsAt] = ['2020-01-01T00:00:00Z', '2099-01-01T00:00:00Z'];
    const matchers = [{ name: 'secret', value: 'shop-only', isRegex: false }];
    const silence = { matchers, startsAt, endsAt, createdBy: 'bob', comment: 'platform-only' };
    const explain = async (): Promise<{ because: string; silenced_by: unknown[]; wakes: boolean }> => {
      const { status, text } = await ask('ann', `${api}/explain`, [
        { labels: { ...ofShop.labels, namespace: 'shop', x: 'y' } },
      ]);
      assert.equal(status, 200, text);
      assert.doesNotMatch(text, foreign);
      return (JSON.parse(text) as { items: [{ because: string; silenced_by: unknown[]; wakes: boolean }] }).items[0];
    };
    const own = await explain();
    assert.match(own.because, /^the silence \S+ of ann holds$/);
    assert.equal(own.silenced_by.length, 1);
    assert.equal((await ask('admin', '/api/v2/silences', silence)).status, 200);
    const both = await explain();
    assert.equal(both.silenced_by.length, 1);
    assert.match((await ask('ann', `${api}/explain`, [ofNobody])).text, /an alert has no label namespace/);
  });

  it('gives a guest without any right nothing on any path', async (t) => {
    const { ask, reviews } = await start(t);
    reviews.let('guest');
    const told = /shop-only|bank-only|platform-only|OrdersDown|LedgerDown|NodeDown|backend|event_id/;
    for (const [path, methods] of documentedPaths)
      for (const method of methods) {
        if (path === '/live' || path === '/openapi.json') continue;
        const asked = api + path.replaceAll(/\{\w+\}/g, fingerprint(ofShop.labels));
        const { status, text } = await ask('guest', asked, method === 'POST' ? [ofShop] : undefined);
        const isEmpty = status === 200 && /^\{"items":\[\]\}$|not_received/.test(text.trim());
        assert.ok(status === 403 || isEmpty, `${method} ${path}: ${status} ${text}`);
        assert.doesNotMatch(text, told, path);
      }
  });

  it('streams the facts about its alerts alone, by the rights of the moment', async (t) => {
    const { url, clock, reviews, ask, settle } = await start(t);
    const end = new AbortController();
    const headers = { authorization: 'Bearer token-of-ann' };
    const response = await fetch(`${url}${api}/live`, { headers, signal: end.signal });
    let text = '';
    const reading = (async () => {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) text += chunk;
    })().catch(() => undefined);
    const post = async (name: string): Promise<void> => {
      await ask('admin', '/api/v2/alerts', [
        { labels: { ...ofBank.labels, alertname: 'LedgerDown2' } },
        { labels: { ...ofShop.labels, alertname: name } },
      ]);
      await settle(2000);
    };
    await post('First');
    await eventually(
      () => text,
      (seen) => seen.includes('First'),
    );
    reviews.rights.delete('ann get alerts shop');
    clock.advance(10_000);
    await post('Second');
    reviews.let('ann', 'get alerts shop');
    clock.advance(30_000);
    await post('Third');
    await eventually(
      () => text,
      (seen) => seen.includes('Third'),
    );
    assert.doesNotMatch(text, foreign);
    assert.doesNotMatch(text, /Second/);
    end.abort();
    await reading;
  });
});
