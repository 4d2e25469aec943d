/** A request as a dashboard makes it, and the parts of the answer that it reads. */
export interface DashboardCase {
  readonly client: 'karma' | 'Grafana';
  readonly method?: 'GET' | 'POST' | 'DELETE';
  /** `@id` stands for the id of the existing silence. */
  readonly path: string;
  readonly sent?: object;
  readonly status: number;
  /** The fields that the dashboard reads, with their types: of an object, or of each element of a list. */
  readonly reads?: Fields;
}

/** The type of each field; a list describes the elements of a list. */
export interface Fields {
  readonly [name: string]: string | Fields | readonly [string | Fields];
}

const texts = { '': 'string' };
const alert: Fields = {
  labels: texts,
  annotations: texts,
  startsAt: 'string',
  fingerprint: 'string',
  generatorURL: 'string',
  status: { state: 'string', inhibitedBy: ['string'], silencedBy: ['string'] },
};
const alertOfGrafana: Fields = { ...alert, endsAt: 'string', updatedAt: 'string', receivers: [{ name: 'string' }] };
const silence: Fields = {
  id: 'string',
  startsAt: 'string',
  endsAt: 'string',
  createdBy: 'string',
  comment: 'string',
  matchers: [{ name: 'string', value: 'string', isRegex: 'boolean', isEqual: 'boolean' }],
};
const silenceOfGrafana: Fields = { ...silence, updatedAt: 'string', status: { state: 'string' } };
const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
const newSilence = {
  matchers: [{ name: 'job', value: 'other|another', isRegex: true, isEqual: true }],
  startsAt: new Date().toISOString(),
  endsAt: inAnHour,
  createdBy: 'me',
  comment: 'c',
};

/**
 * karma 2026-08 (internal/alertmanager, internal/mapper/v017, ui) and Grafana's data source of the implementation
 * "prometheus" (pkg/services/ngalert/api/lotex_am.go, public/app/plugins/datasource/alertmanager,
 * public/app/features/alerting/unified/api).
 */
export const dashboardCases: readonly DashboardCase[] = [
  { client: 'karma', path: '/api/v2/silences', status: 200, reads: silence },
  {
    client: 'karma',
    path: '/api/v2/alerts/groups',
    status: 200,
    reads: { labels: texts, receiver: { name: 'string' }, alerts: [alert] },
  },
  {
    client: 'karma',
    method: 'POST',
    path: '/api/v2/silences',
    sent: newSilence,
    status: 200,
    reads: { silenceID: 'string' },
  },
  {
    client: 'karma',
    method: 'POST',
    path: '/api/v2/silences',
    sent: { ...newSilence, id: '@id', comment: 'edited' },
    status: 200,
    reads: { silenceID: 'string' },
  },
  // The connection test: the first request must fail, or Grafana takes us for a Mimir; only Mimir answers the second.
  { client: 'Grafana', path: '/alertmanager/api/v2/status', status: 404 },
  { client: 'Grafana', path: '/api/v1/status/buildinfo', status: 404 },
  {
    client: 'Grafana',
    path: '/api/v2/status',
    status: 200,
    reads: {
      cluster: { status: 'string', peers: ['string'] },
      config: { original: 'string' },
      uptime: 'string',
      versionInfo: { version: 'string', revision: 'string', branch: 'string', goVersion: 'string' },
    },
  },
  {
    client: 'Grafana',
    path: `/api/v2/alerts?filter=${encodeURIComponent('job="node"')}&silenced=true&active=true&inhibited=true&unprocessed=true`,
    status: 200,
    reads: alertOfGrafana,
  },
  {
    client: 'Grafana',
    path: `/api/v2/alerts/groups?filter=${encodeURIComponent('"job"=~"no.*"')}&receiver=reconcile&active=true&silenced=true&inhibited=true`,
    status: 200,
    reads: { labels: texts, receiver: { name: 'string' }, alerts: [alertOfGrafana] },
  },
  {
    client: 'Grafana',
    path: '/api/v2/silences?ruleMetadata=true&accesscontrol=true',
    status: 200,
    reads: silenceOfGrafana,
  },
  { client: 'Grafana', path: '/api/v2/silence/@id?ruleMetadata=true', status: 200, reads: silenceOfGrafana },
  {
    client: 'Grafana',
    method: 'POST',
    path: '/api/v2/silences',
    sent: newSilence,
    status: 200,
    reads: { silenceID: 'string' },
  },
  { client: 'Grafana', method: 'DELETE', path: '/api/v2/silence/@id', status: 200 },
];
