import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { InspectedServer } from '../reconcile/server-inspection.ts';
import { ago, chainOf, resultsOf, tocsinTarget, troubles, type FakeChain } from './chain.fixture.ts';
import { delivery, relabelled } from './delivery.ts';

const of = (given: FakeChain): Promise<readonly string[]> => troubles(delivery(chainOf(given)));

const elsewhere = 'http://telemetry-manager-alerts-webhook.kyma-system:9090/api/v2/alerts';

function sendsTo(...active: readonly string[]): Partial<InspectedServer> {
  return { alertmanagers: () => Promise.resolve({ active, dropped: [] }) };
}

describe('delivery-target', () => {
  it('names a few of many Alertmanagers, and counts the rest', async () => {
    const active = Array.from({ length: 300 }, (_, index) => `http://127.0.0.1:2/${index}`);
    const probes = Object.fromEntries(active.map((url) => [url, { is: 'alertmanager', version: '0.34.2' } as const]));
    const alertmanagers = (): Promise<{ active: string[]; dropped: string[] }> =>
      Promise.resolve({ active, dropped: active });
    const [found] = await of({ servers: [{ alertmanagers }], probes });
    assert.match(found ?? '', /2\/4 is an Alertmanager 0.34.2 and 295 more; relabelling drops .*2\/4 and 295 more/);
  });

  it('is good if one of the Alertmanagers is this very process, whatever its URL', async () =>
    assert.deepEqual(await of({ servers: [sendsTo(elsewhere)] }), []));

  it('is good if one has the address of Tocsin, even if it does not answer', async () => {
    const probes = { [tocsinTarget]: { is: 'unreachable', code: 'ECONNREFUSED' } } as const;
    assert.deepEqual(await of({ probes }), []);
  });

  it('takes what arrives as a proof of no one among several Prometheus', async () => {
    const probes = { [elsewhere]: { is: 'unreachable', code: 'ENOTFOUND' } } as const;
    const other = { ...sendsTo(elsewhere), address: 'http://other:9090' };
    const results = await resultsOf(delivery(chainOf({ servers: [{}, other], probes })));
    const { result, text = '' } = results.find(({ check }) => check.id === 'delivery-target')!;
    assert.equal(result, 'skipped');
    assert.match(
      text,
      /whether the Alertmanagers of http:\/\/other:9090 are it: .* run tocsin check in the pod of Tocsin/,
    );
  });

  it('is passed over if Tocsin does not tell whether it is the one', async () => {
    const probes = { [elsewhere]: { is: 'unreachable', code: 'ENOTFOUND' } } as const;
    for (const status of [new Error('gone'), null]) {
      assert.deepEqual(await of({ servers: [sendsTo(elsewhere)], probes, status }), []);
      assert.match((await of({ servers: [sendsTo()], status })).join(), /has no active Alertmanager/);
    }
  });

  it('is good if no Tocsin is asked, and Prometheus sends to one', async () =>
    assert.deepEqual(await of({ servers: [sendsTo(elsewhere)], status: null }), []));

  it('fails without any, and names what relabelling drops', async () => {
    const alertmanagers = (): ReturnType<InspectedServer['alertmanagers']> =>
      Promise.resolve({ active: [], dropped: [tocsinTarget] });
    const [found, ...more] = await of({ servers: [{ alertmanagers }] });
    assert.match(found ?? '', /^error delivery-target: .* has no active Alertmanager; relabelling drops http:/);
    assert.deepEqual(more, []);
  });

  it('fails if it is another, and says what that is', async () => {
    const url = 'http://127.0.0.1:9090/api/v2/alerts';
    const [found] = await of({ servers: [sendsTo(url)], probes: { [url]: { is: 'prometheus' } } });
    assert.match(
      found ?? '',
      /^error delivery-target: .* sends its alerts elsewhere: http:\/\/127\.0\.0\.1:9090\S+ is a Prometheus: is the port/,
    );
  });

  it('fails if it is a name that does not resolve, and nothing comes', async () => {
    const probes = { [elsewhere]: { is: 'unreachable', code: 'ENOTFOUND' } } as const;
    const [found] = await of({ servers: [sendsTo(elsewhere)], probes, status: { received: {} } });
    assert.match(found ?? '', /kyma-system:9090\S+ is not found: the name does not resolve here \(ENOTFOUND\)/);
  });

  it('is good if a real Alertmanager stands between, and alerts come from it', async () => {
    const url = 'http://alertmanager:9093/api/v2/alerts';
    const probes = { [url]: { is: 'alertmanager', version: '0.34.0' } } as const;
    const forwarded = { received: { at: ago(3_600_000) } };
    assert.deepEqual(await of({ servers: [sendsTo(url)], probes, status: forwarded }), []);
    assert.match((await of({ servers: [sendsTo(url)], probes })).join(), /is an Alertmanager 0\.34\.0/);
  });

  it('says that the port is the one of Prometheus, if it is', async () => {
    const probes = { [elsewhere]: { is: 'unreachable', code: 'ENOTFOUND' } } as const;
    const flags = (): ReturnType<InspectedServer['flags']> => Promise.resolve({ 'web.listen-address': '0.0.0.0:9090' });
    const [found] = await of({ servers: [{ ...sendsTo(elsewhere), flags }], probes, status: { received: {} } });
    assert.match(found ?? '', /\(ENOTFOUND\); 9090 is the port of Prometheus itself/);
  });

  it('is good if it is such a name, and alerts come', async () => {
    const probes = { [elsewhere]: { is: 'unreachable', code: 'ENOTFOUND' } } as const;
    assert.deepEqual(await of({ servers: [sendsTo(elsewhere)], probes }), []);
  });
});

describe('delivery-errors', () => {
  const counted = `prometheus_notifications_errors_total{alertmanager="${tocsinTarget}"} 4\n`;
  const metrics = (): Promise<string> => Promise.resolve(counted);
  const increase = (value: number) => () => Promise.resolve([{ labels: {}, value }]);

  it('fails if errors go on, and not if they are over', async () => {
    const [found] = await of({ servers: [{ metrics, query: increase(1.3) }] });
    assert.match(found ?? '', /^error delivery-errors: .* fails to send to .* \(since it started, 4 failed and 0/);
    assert.deepEqual(await of({ servers: [{ metrics, query: increase(0) }] }), []);
  });

  it('asks for the metrics with a query if their page is hidden, and passes over what nobody shows', async () => {
    const hidden = (): Promise<string> => Promise.reject(new Error('404'));
    const name = 'prometheus_notifications_errors_total';
    const sample = { labels: { __name__: name, alertmanager: tocsinTarget }, value: 3 };
    const shown = { metrics: hidden, query: () => Promise.resolve([sample]) };
    assert.match((await of({ servers: [shown] })).join(), /^error delivery-errors: .* \(since it started, 3 failed/);
    assert.deepEqual(await of({ servers: [{ metrics: hidden }] }), []);
  });

  it('judges by what arrives if Prometheus does not scrape itself', async () => {
    assert.deepEqual(await of({ servers: [{ metrics }] }), []);
    const received = { at: ago(200_000), from_prometheus_at: ago(200_000) };
    assert.match((await of({ servers: [{ metrics }], status: { received } })).join(), /^error delivery-errors: /);
  });

  it('is passed over while Tocsin does not answer, which is a hop of its own', async () =>
    assert.deepEqual(await of({ servers: [{ metrics, query: increase(9) }], status: new Error('gone') }), []));
});

describe('delivery-queue', () => {
  for (const shape of ['', `{alertmanager="${tocsinTarget}"}`])
    it(`fails if it is more than half full: ${shape || 'one for all'}`, async () => {
      const page = (length: number): string =>
        `prometheus_notifications_queue_length${shape} ${length}\nprometheus_notifications_queue_capacity 100\n`;
      assert.deepEqual(await of({ servers: [{ metrics: () => Promise.resolve(page(50)) }] }), []);
      const [found] = await of({ servers: [{ metrics: () => Promise.resolve(page(51)) }] });
      assert.match(found ?? '', /^error delivery-queue: 51 alerts wait in Prometheus .* of 100 for which it has room/);
    });
});

describe('delivery-labels', () => {
  it('lets external labels and other labels pass', () => {
    for (const yaml of [
      'global: {external_labels: {cluster: eu}}',
      'alerting: {alert_relabel_configs: [{action: labeldrop, regex: prometheus_replica}]}',
    ])
      assert.equal(relabelled(yaml), undefined, yaml);
  });

  it('names what changes the labels by which Tocsin chooses, or drops alerts', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['global: {external_labels: {pipeline_name: x}}', /write or drop pipeline_name, by which/],
      ['alerting: {alert_relabel_configs: [{action: labeldrop, regex: pipeline_.*}]}', /pipeline_name, pipeline_type/],
      ['alerting: {alert_relabel_configs: [{action: labeldrop, regex: alertname}]}', /drop alertname; see that/],
      [
        'alerting: {alert_relabel_configs: [{action: drop, regex: x}]}',
        /need not push every alert: see that it does not/,
      ],
    ];
    for (const [yaml, why] of cases) assert.match(relabelled(yaml) ?? '', why, yaml);
  });

  it('is a warning', async () => {
    const configuration = (): Promise<string> => Promise.resolve('global: {external_labels: {pipeline_name: x}}\n');
    assert.match((await of({ servers: [{ configuration }] })).join(), /^warning delivery-labels: /);
  });
});

describe('delivery-drift', () => {
  const drifting = (name: string): FakeChain => ({
    problems: [{ name, severity: 'warning', since: ago(0), message: '2 alerts fire', advice: 'see there' }],
  });

  it('fails for what Tocsin has found, and only for drift', async () => {
    assert.deepEqual(await of(drifting('alerts_not_pushed')), ['error delivery-drift: 2 alerts fire: see there']);
    assert.deepEqual(await of(drifting('alerts_not_in_prometheus')), [
      'warning delivery-foreign: 2 alerts fire: see there',
    ]);
    assert.deepEqual(await of(drifting('watchdog_absent')), []);
  });
});

describe('delivery-alertmanagers', () => {
  const other = 'http://127.0.0.1:9094/api/v2/alerts';
  const given = (page: string): FakeChain => ({
    servers: [sendsTo(tocsinTarget, other)],
    probes: { [other]: { is: 'alertmanager', version: '0.34.0' } },
    pages: { 'http://127.0.0.1:9094/metrics': page },
  });

  it('warns of an Alertmanager to which Prometheus cannot send', async () => {
    const probes = { [other]: { is: 'unreachable', code: 'ECONNREFUSED' } } as const;
    const query = (expression: string): ReturnType<InspectedServer['query']> =>
      Promise.resolve([{ labels: {}, value: expression.includes(other) ? 2 : 0 }]);
    const [found, ...more] = await of({ servers: [{ ...sendsTo(tocsinTarget, other), query }], probes });
    assert.match(
      found ?? '',
      /^warning delivery-alertmanagers: .* fails to send to http:\/\/127\.0\.0\.1:9094\S+, beside Tocsin/,
    );
    assert.deepEqual(more, []);
  });

  it('warns of an Alertmanager that fails to notify', async () => {
    const failed = 'alertmanager_notifications_failed_total{integration="slack",reason="clientError"} 2\n';
    const [found] = await of(given(failed));
    assert.match(
      found ?? '',
      /^warning delivery-alertmanagers: .* http:\/\/127\.0\.0\.1:9094 have failed .*: 2 of slack \(clientError\)/,
    );
    assert.deepEqual(await of(given('')), []);
  });
});
