import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { FakeReviews } from '../access/reviews.fixture.ts';
import { longBodyBytes } from './intake/alerts-handler.ts';
import { startRoutes } from './routes.fixture.ts';

const day = 24 * 3600 * 1000;

interface Asked {
  readonly method?: string;
  readonly body?: unknown;
}

/** Two teams with every right in their namespace, a guest without any, an admin and a sender with rights everywhere. */
async function start(test: TestContext) {
  const reviews = new FakeReviews();
  for (const [team, namespace] of [
    ['ann', 'shop'],
    ['bob', 'bank'],
  ] as const)
    reviews.let(
      team,
      ...['get alerts', 'create alerts', 'get silences', 'create silences', 'delete silences'].map(
        (right) => `${right} ${namespace}`,
      ),
    );
  reviews.let('viewer', 'get alerttriggers shop');
  reviews.let('admin', 'get alerts *', 'create alerts *', 'get silences *', 'create silences *', 'delete silences *');
  reviews.let('sender', 'create alerts *');
  const routes = await startRoutes(test, { reviews, groupBy: ['namespace'], maxBytes: 10_000_000, maxAlerts: 10_000 });
  const ask = async (user: string | undefined, path: string, { method = 'GET', body }: Asked = {}) => {
    const response = await fetch(`${routes.url}${path}`, {
      method,
      headers: { 'Content-Type': 'application/json', ...(user !== undefined && { user }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
  };
  const silence = async (user: string | undefined, more: object, ...matchers: readonly string[]) =>
    ask(user, '/api/v2/silences', { method: 'POST', body: silenceOf(routes.clock.now(), matchers, more) });
  return { ...routes, reviews, ask, silence };
}

function silenceOf(now: number, matchers: readonly string[], more: object): object {
  return {
    matchers: matchers.map((text) => {
      const [, name, type, value] = /^(\w+)(=~?)(.*)$/.exec(text)!;
      return { name, value, isRegex: type === '=~' };
    }),
    startsAt: new Date(now).toISOString(),
    endsAt: new Date(now + day).toISOString(),
    createdBy: 'test',
    comment: 'c',
    ...more,
  };
}

const alerts = ['shop', 'bank', undefined].map((namespace) => ({
  labels: { alertname: `Of${namespace ?? 'Nobody'}`, ...(namespace !== undefined && { namespace }) },
}));

const namesOf = (body: unknown): readonly string[] =>
  (body as readonly { labels: { alertname: string } }[]).map(({ labels }) => labels.alertname).toSorted();

describe('a POST of alerts by somebody whose rights Kubernetes judges', () => {
  it('takes the alerts of their namespaces, and says of the others which right is missing', async (test) => {
    const { ask, store, sunk } = await start(test);
    const { status, body } = await ask('ann', '/api/v2/alerts', { method: 'POST', body: alerts });
    assert.equal(status, 400);
    assert.deepEqual((body as string).split('\n'), [
      'alert 1: the sender may not create alerts.tocsin.dev in the namespace "bank"',
      'alert 2: it has no label namespace, and the sender may not create alerts.tocsin.dev in every namespace',
    ]);
    assert.deepEqual(namesOf([...store.all()]), ['Ofshop']);
    assert.deepEqual(
      sunk.map(({ triggers }) => triggers.size),
      [1],
    );
  });

  it('takes no alert of the platform of a team, for that would go first and inhibit the alerts of others', async (test) => {
    const { ask, store } = await start(test);
    const body = [{ labels: { alertname: 'NodeDown', namespace: 'shop', openshift_io_alert_source: 'platform' } }];
    const answer = await ask('ann', '/api/v2/alerts', { method: 'POST', body });
    assert.deepEqual(
      [answer.status, answer.body, store.size],
      [
        400,
        'alert 0: it is an alert of the platform (lanes.platform), and the sender may not create alerts.tocsin.dev in every namespace',
        0,
      ],
    );
    assert.equal((await ask('sender', '/api/v2/alerts', { method: 'POST', body })).status, 200);
  });

  for (const user of ['sender', undefined])
    it(`takes all of ${user ?? 'somebody whom the configuration knows'}`, async (test) => {
      const { ask, store, reviews } = await start(test);
      assert.equal((await ask(user, '/api/v2/alerts', { method: 'POST', body: alerts })).status, 200);
      assert.equal(store.size, 3);
      assert.deepEqual(reviews.questions, user === undefined ? [] : ['sender create alerts *']);
    });

  it('does so for a long body, which keeps no other waiting while Kubernetes is asked', async (test) => {
    const count = 400;
    const { ask, store, reviews } = await start(test);
    const bodyOf = (name: string): readonly object[] =>
      Array.from({ length: count }, (_, n) => ({
        labels: { alertname: name, n: String(n), namespace: n % 2 === 0 ? 'shop' : 'bank' },
        annotations: { filler: 'x'.repeat(300) },
      }));
    assert.ok(JSON.stringify(bodyOf('A')).length > longBodyBytes);
    let answer = (): void => undefined;
    reviews.before = () => new Promise((resolve) => (answer = resolve));
    const stuck = ask('bob', '/api/v2/alerts', { method: 'POST', body: bodyOf('Bobs') });
    await ask(undefined, '/api/v2/alerts', { method: 'POST', body: bodyOf('Others') });
    assert.equal(store.size, count);
    reviews.before = () => Promise.resolve();
    answer();
    assert.equal((await stuck).status, 400);
    const stored = [...store.all()].filter(({ labels }) => labels['alertname'] === 'Bobs');
    assert.equal(stored.length, count / 2);
    assert.ok(stored.every(({ labels }) => labels['namespace'] === 'bank'));
  });

  it('wakes nothing for the alerts that a webhook leaves out, which may be of any namespace', async (test) => {
    const { ask, sunk } = await start(test);
    const payload = {
      version: '4',
      groupKey: '{}',
      status: 'firing',
      receiver: 'r',
      groupLabels: {},
      commonLabels: {},
      commonAnnotations: {},
      externalURL: '',
      truncatedAlerts: 3,
      alerts: [],
    };
    const { status, body } = await ask('ann', '/webhook', { method: 'POST', body: payload });
    assert.equal(status, 400);
    assert.match(String(body), /truncatedAlerts: 3 alerts .* may be of any namespace/);
    assert.equal(sunk.length, 0);
  });

  it('is answered 503 while nobody can tell, and takes nothing', async (test) => {
    const { ask, store, reviews } = await start(test);
    reviews.isAway = true;
    const { status, body } = await ask('ann', '/api/v2/alerts', { method: 'POST', body: alerts });
    assert.deepEqual(
      [status, body, store.size],
      [503, 'the Kubernetes API server cannot be asked what you may do; try again', 0],
    );
  });
});

describe('lists for somebody whose rights Kubernetes judges', () => {
  it('hold the alerts of the namespaces that they may read', async (test) => {
    const { ask } = await start(test);
    await ask(undefined, '/api/v2/alerts', { method: 'POST', body: alerts });
    const rows = [
      ['ann', ['Ofshop']],
      ['bob', ['Ofbank']],
      ['viewer', ['Ofshop']],
      ['sender', []],
      ['guest', []],
      ['admin', ['OfNobody', 'Ofbank', 'Ofshop']],
      [undefined, ['OfNobody', 'Ofbank', 'Ofshop']],
    ] as const;
    for (const [user, names] of rows) {
      assert.deepEqual(namesOf((await ask(user, '/api/v2/alerts')).body), names, user);
      const groups = (await ask(user, '/api/v2/alerts/groups')).body as readonly { alerts: unknown }[];
      assert.deepEqual(namesOf(groups.flatMap((group) => group.alerts)), names, user);
    }
  });

  it('are refused to those who ask for a namespace that they may not read', async (test) => {
    const { ask, silence } = await start(test);
    await ask(undefined, '/api/v2/alerts', { method: 'POST', body: alerts });
    await silence(undefined, {}, 'namespace=bank');
    const path = (resource: string, filter: string): string =>
      `/api/v2/${resource}?filter=${encodeURIComponent(filter)}`;
    for (const resource of ['alerts', 'alerts/groups', 'silences']) {
      const { status, body } = await ask('ann', path(resource, 'namespace="bank"'));
      assert.equal(status, 403, resource);
      assert.match(String(body), /^ann may not get (alerts|silences).tocsin.dev in the namespace "bank"$/);
      assert.equal((await ask('ann', path(resource, 'namespace=""'))).status, 403);
      assert.equal((await ask('ann', path(resource, 'namespace="shop"'))).status, 200);
      assert.equal((await ask('admin', path(resource, 'namespace="bank"'))).status, 200);
      assert.deepEqual((await ask('ann', path(resource, 'namespace=~"bank|x"'))).body, []);
    }
  });

  it('hold the silences of the namespaces that they may read, and no other', async (test) => {
    const { ask, silence } = await start(test);
    for (const matchers of [['namespace=shop'], ['namespace=bank'], ['alertname=X'], ['namespace=~shop']])
      await silence(undefined, {}, ...matchers);
    const count = async (user: string): Promise<number> =>
      ((await ask(user, '/api/v2/silences')).body as readonly unknown[]).length;
    assert.deepEqual([await count('ann'), await count('viewer'), await count('guest')], [1, 1, 0]);
    assert.equal(await count('admin'), 4);
  });
});

describe('silences of somebody whose rights Kubernetes judges', () => {
  const idOf = ({ body }: { body: unknown }): string => (body as { silenceID: string }).silenceID;

  it('name their namespace by equality, or are refused with what is missing', async (test) => {
    const { silence } = await start(test);
    const rows = [
      ['ann', ['namespace=shop', 'alertname=~.+'], 200, ''],
      ['ann', ['namespace=bank'], 403, 'ann may not create silences.tocsin.dev in the namespace "bank"'],
      ['ann', ['namespace=shop', 'namespace=bank'], 403, 'in the namespace "bank"'],
      ['ann', ['alertname=X'], 403, 'in every namespace: give it a matcher such as namespace="NAMESPACE"'],
      ['ann', ['namespace=~shop'], 403, 'give it a matcher'],
      ['viewer', ['namespace=shop'], 403, 'viewer may not create silences.tocsin.dev in the namespace "shop"'],
      ['admin', ['alertname=X'], 200, ''],
      [undefined, ['alertname=X'], 200, ''],
    ] as const;
    for (const [user, matchers, status, reason] of rows) {
      const answer = await silence(user, {}, ...matchers);
      assert.equal(answer.status, status, `${user} ${matchers.join()}`);
      if (status === 403) assert.ok(String(answer.body).includes(reason), String(answer.body));
    }
  });

  it('are read, changed and ended by those with a right in their namespace alone', async (test) => {
    const { ask, silence } = await start(test);
    const own = idOf(await silence('ann', {}, 'namespace=shop'));
    const everybodys = idOf(await silence('admin', {}, 'alertname=X'));
    for (const id of [own, everybodys]) {
      const read = await ask('bob', `/api/v2/silence/${id}`);
      assert.equal(read.status, 403);
      assert.doesNotMatch(JSON.stringify(read.body), /shop/);
      assert.equal((await ask('bob', `/api/v2/silence/${id}`, { method: 'DELETE' })).status, 403);
      assert.equal((await silence('bob', { id }, 'namespace=bank')).status, 403);
    }
    assert.equal((await ask('viewer', `/api/v2/silence/${own}`)).status, 200);
    assert.equal((await ask('viewer', `/api/v2/silence/${own}`, { method: 'DELETE' })).status, 403);
    assert.equal((await silence('ann', { id: own, comment: 'new' }, 'namespace=shop')).status, 200);
    assert.equal((await silence('ann', { id: everybodys }, 'namespace=shop')).status, 403);
    assert.equal((await ask('ann', `/api/v2/silence/${own}`, { method: 'DELETE' })).status, 200);
    const all = (await ask('admin', '/api/v2/silences')).body as readonly { status: { state: string } }[];
    assert.deepEqual(all.map(({ status }) => status.state).toSorted(), ['active', 'expired']);
  });

  it('of an unknown id are not found', async (test) => {
    const { ask } = await start(test);
    const path = '/api/v2/silence/00000000-0000-4000-8000-000000000000';
    assert.deepEqual(
      [(await ask('ann', path)).status, (await ask('ann', path, { method: 'DELETE' })).status],
      [404, 404],
    );
  });
});
