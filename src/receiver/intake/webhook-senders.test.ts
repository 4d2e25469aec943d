import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { firingAt } from '../../alert/alert-store.fixture.ts';
import { startRoutes } from '../routes.fixture.ts';

const zero = '0001-01-01T00:00:00Z';

interface Sender {
  readonly name: string;
  readonly body: object;
  /** The names of the alerts that fire afterwards. */
  readonly firing: readonly string[];
}

/** Payloads in the form in which these programs send them to a webhook; names and addresses are ours. */
const senders: readonly Sender[] = [
  {
    name: 'a contact point of Grafana',
    body: {
      receiver: 'tocsin',
      status: 'firing',
      orgId: 1,
      alerts: [
        {
          status: 'firing',
          labels: { alertname: 'OrdersSlow', grafana_folder: 'shop', zone: 'eu-1' },
          annotations: { summary: 'Orders take 3 s' },
          startsAt: '2026-11-21T03:59:03.157076+01:00',
          endsAt: zero,
          generatorURL: 'https://grafana.example.com/alerting/grafana/af1x/view?orgId=1',
          fingerprint: 'c6eadffa33fcdf37',
          silenceURL: 'https://grafana.example.com/alerting/silence/new?alertmanager=grafana&matcher=zone%3Deu-1',
          dashboardURL: '',
          panelURL: '',
          values: { B: 44.23943737541908, C: 1 },
          valueString: "[ var='B' labels={zone=eu-1} value=44.2 ]",
          imageURL: 'https://grafana.example.com/image.png',
        },
        {
          status: 'resolved',
          labels: { alertname: 'OrdersFew', grafana_folder: 'shop' },
          annotations: {},
          startsAt: '2026-11-21T02:00:00Z',
          endsAt: '2026-11-21T02:58:00Z',
          generatorURL: '?orgId=1',
          fingerprint: 'bc97ff14869b13e3',
          silenceURL: '',
          dashboardURL: '',
          panelURL: '',
          values: null,
        },
      ],
      groupLabels: { grafana_folder: 'shop' },
      commonLabels: { grafana_folder: 'shop' },
      commonAnnotations: {},
      externalURL: 'https://grafana.example.com/',
      version: '1',
      groupKey: '{}/{}:{grafana_folder="shop"}',
      truncatedAlerts: 0,
      title: '[FIRING:1, RESOLVED:1] shop',
      state: 'alerting',
      message: '**Firing**\n\nValue: B=44.2',
    },
    firing: ['OrdersSlow'],
  },
  {
    name: 'the Test button of Grafana',
    body: {
      receiver: '',
      status: 'firing',
      alerts: [
        {
          status: 'firing',
          labels: { alertname: 'TestAlert', instance: 'Grafana' },
          annotations: { summary: 'Notification test' },
          startsAt: '2026-11-21T02:59:59.9Z',
          endsAt: zero,
          generatorURL: '?orgId=1',
          fingerprint: '57c6d9296de2ad39',
          silenceURL: 'http://localhost:3000/alerting/silence/new?alertmanager=grafana&matcher=alertname%3DTestAlert',
          dashboardURL: '',
          panelURL: '',
          values: null,
          valueString: "[ metric='foo' labels={instance=bar} value=10 ]",
        },
      ],
      groupLabels: { alertname: 'TestAlert', instance: 'Grafana' },
      commonLabels: { alertname: 'TestAlert', instance: 'Grafana' },
      commonAnnotations: { summary: 'Notification test' },
      externalURL: 'http://localhost:3000/',
      version: '1',
      groupKey: 'test-57c6d9296de2ad39-1763693999',
      truncatedAlerts: 0,
      orgId: 1,
      title: '[FIRING:1] TestAlert Grafana ',
      state: 'alerting',
      message: '',
    },
    firing: ['TestAlert'],
  },
  {
    name: 'a relay in a cluster, such as Robusta, that builds the payload itself',
    body: {
      version: '4',
      status: 'firing',
      receiver: 'robusta',
      groupLabels: {},
      commonLabels: {},
      commonAnnotations: {},
      externalURL: '',
      alerts: [
        {
          status: 'firing',
          labels: { alertname: 'KubePodCrashLooping', namespace: 'shop', pod: 'orders-1', severity: 'warning' },
          annotations: { description: 'Pod shop/orders-1 restarts.' },
          startsAt: '2026-11-21T02:59:00.000000+00:00',
          endsAt: null,
          generatorURL: '',
          fingerprint: null,
        },
      ],
    },
    firing: ['KubePodCrashLooping'],
  },
  {
    name: 'a workflow of an alert platform, such as Keep, that sends what it has',
    body: {
      alerts: [
        {
          id: '9b1f',
          name: 'QueueFull',
          status: 'firing',
          labels: { alertname: 'QueueFull', queue: 'orders' },
          lastReceived: '2026-11-21T02:59:30.000Z',
          source: ['prometheus'],
          severity: 'critical',
          startsAt: '2026-11-21T02:59:00Z',
        },
      ],
    },
    firing: ['QueueFull'],
  },
];

describe('POST /webhook from other senders', () => {
  for (const { name, body, firing } of senders)
    it(`accepts a payload of ${name}`, async (test) => {
      const { url, store, clock, logger } = await startRoutes(test);
      const response = await fetch(`${url}/webhook`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
      assert.deepEqual([response.status, await response.text()], [200, '']);
      assert.deepEqual(
        firingAt(store, clock.now()).map(({ labels }) => labels['alertname']),
        firing,
      );
      assert.deepEqual(logger.linesOf('alerts.rejected'), []);
    });
});
