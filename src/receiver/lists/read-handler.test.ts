import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Alert } from '../../alert/alert.ts';
import { Silences } from '../../silence/silences.ts';
import { metric } from '../../runtime/metric.fixture.ts';
import { startRoutes, type TestRoutes } from '../routes.fixture.ts';

interface Shown {
  readonly labels: Readonly<Record<string, string>>;
  readonly fingerprint: string;
  readonly status: { readonly state: string; readonly silencedBy: readonly string[] };
}

interface Group {
  readonly labels: Readonly<Record<string, string>>;
  readonly alerts: readonly Shown[];
}

async function get<T>({ url }: TestRoutes, path: string): Promise<T> {
  const response = await fetch(`${url}/api/v2${path}`);
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()) as T;
}

const names = (alerts: readonly Shown[]): readonly (string | undefined)[] => alerts.map(({ labels }) => labels['n']);

describe('ReadHandler', () => {
  it('shows an alert byte for byte as Alertmanager does', async (test) => {
    const routes = await startRoutes(test);
    const labels = { z: '<\u0001\b\u007f\u2028é', alertname: 'g' };
    await routes.post(
      JSON.stringify([
        {
          labels,
          annotations: { z: '1', b: '2' },
          generatorURL: 'http://x/?a=b&c',
          startsAt: '2026-01-01T00:00:00Z',
          endsAt: '2999-01-01T00:00:00.1239Z',
        },
      ]),
    );
    const response = await fetch(`${routes.url}/api/v2/alerts`);
    const text = await response.text();
    const updatedAt = new Date(routes.clock.now()).toISOString();
    assert.equal(
      text,
      '[{"annotations":{"b":"2","z":"1"},"endsAt":"2999-01-01T00:00:00.123Z","fingerprint":"c50d93e742518537",' +
        '"receivers":[{"name":"reconcile"}],"startsAt":"2026-01-01T00:00:00.000Z",' +
        `"status":{"inhibitedBy":[],"mutedBy":[],"silencedBy":[],"state":"active"},"updatedAt":"${updatedAt}",` +
        '"generatorURL":"http://x/?a=b\\u0026c","labels":{"alertname":"g","z":"\\u003c\\u0001\\b\u007f\\u2028é"}}]\n',
    );
    assert.equal(response.headers.get('content-type'), 'application/json');
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.equal(response.headers.get('content-length'), String(Buffer.byteLength(text)));
  });

  it('shows the alerts that have not ended, in the order of fingerprints', async (test) => {
    const routes = await startRoutes(test);
    const alerts = Array.from({ length: 300 }, (_, index) => ({ labels: { n: String(index) } }));
    const ended = { labels: { n: 'over' }, endsAt: '1970-01-01T00:00:01Z' };
    await routes.post(JSON.stringify([...alerts, ended]));
    const shown = await get<Shown[]>(routes, '/alerts');
    assert.equal(shown.length, 300);
    const prints = shown.map(({ fingerprint }) => fingerprint);
    assert.deepEqual(prints, prints.toSorted());
    routes.clock.advance(300_000);
    assert.deepEqual(await get(routes, '/alerts'), []);
    assert.deepEqual(await get(routes, '/alerts/groups'), []);
  });

  it('shows silenced alerts unless the query excludes them', async (test) => {
    test.mock.method(Silences.prototype, 'silencedBy', ({ labels }: Alert) =>
      labels['n'] === '1' ? ['s1', 's2'] : [],
    );
    const routes = await startRoutes(test);
    await routes.post('[{"labels":{"n":"1","alertname":"A"}},{"labels":{"n":"2","alertname":"B"}}]');
    const shown = await get<Shown[]>(routes, '/alerts?filter=n="1"');
    assert.deepEqual(
      shown.map(({ status }) => [status.state, status.silencedBy]),
      [['suppressed', ['s1', 's2']]],
    );
    assert.deepEqual(names(await get(routes, '/alerts?silenced=false')), ['2']);
    assert.deepEqual(names(await get(routes, '/alerts?active=false')), ['1']);
    assert.deepEqual(await get(routes, '/alerts?active=false&silenced=false'), []);
    const groups = await get<Group[]>(routes, '/alerts/groups?silenced=false');
    assert.deepEqual(
      groups.map(({ labels, alerts }) => [labels, names(alerts)]),
      [[{ alertname: 'B' }, ['2']]],
    );
  });

  it('groups alerts by the configured labels', async (test) => {
    const routes = await startRoutes(test, { groupBy: ['a', 'b'] });
    const labels = [
      { n: '1', a: 'x', b: 'y' },
      { n: '2', a: 'x' },
      { n: '3' },
      { n: '4', b: 'x' },
      { n: '5', a: 'x', job: 'j' },
    ];
    await routes.post(JSON.stringify(labels.map((set) => ({ labels: set }))));
    const groups = await get<Group[]>(routes, '/alerts/groups');
    assert.deepEqual(
      groups.map((group) => [group.labels, names(group.alerts)]),
      [
        [{}, ['3']],
        [{ b: 'x' }, ['4']],
        [{ a: 'x' }, ['5', '2']],
        [{ a: 'x', b: 'y' }, ['1']],
      ],
    );
  });

  it('groups by every label if configured so', async (test) => {
    const routes = await startRoutes(test, { groupBy: ['...'] });
    await routes.post('[{"labels":{"n":"1"}},{"labels":{"n":"2"}}]');
    assert.deepEqual(
      (await get<Group[]>(routes, '/alerts/groups')).map(({ labels }) => labels),
      [{ n: '1' }, { n: '2' }],
    );
  });

  it('answers 500 for a defect of its own and logs it, and 400 for a defect of the request', async (test) => {
    test.mock.method(Silences.prototype, 'silencedBy', () => {
      throw new Error('a defect');
    });
    const routes = await startRoutes(test);
    await routes.post('[{"labels":{"n":"1"}}]');
    const broken = await fetch(`${routes.url}/api/v2/alerts`);
    assert.deepEqual([broken.status, await broken.json()], [500, 'internal error: see the log of Tocsin']);
    assert.equal(routes.logger.fieldsOf('list.failed').length, 1);
    const refused = await fetch(`${routes.url}/api/v2/alerts?filter=n`);
    assert.deepEqual([refused.status, await refused.json()], [400, 'bad matcher format: n']);
    assert.equal(routes.logger.linesOf('list.refused').length, 0);
  });

  it('counts lists whose filters are too large, and logs them once a minute', async (test) => {
    const routes = await startRoutes(test);
    const filters = Array.from({ length: 3 }, () => `filter=${encodeURIComponent(`n=~"${'x{1000}'.repeat(3)}"`)}`);
    const ask = async (): Promise<number> => (await fetch(`${routes.url}/api/v2/alerts?${filters.join('&')}`)).status;
    assert.deepEqual([await ask(), await ask()], [400, 400]);
    routes.clock.advance(60_000);
    assert.equal(await ask(), 400);
    assert.deepEqual(routes.logger.valuesOf('list.refused', 'limit', 'refused'), [
      ['filter_instructions', 1],
      ['filter_instructions', 2],
    ]);
    assert.equal(await metric(routes.registry, 'tocsin_limit_reached_total{limit="filter_instructions"}'), 3);
  });
});
