import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { startAlertmanager } from '../support/alertmanager-server.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { skipWithout } from '../support/servers.ts';
import { dashboardCases, type DashboardCase, type Fields } from './dashboards.cases.ts';
import { startTocsinApp } from './tocsin-app.ts';

interface Server {
  readonly url: string;
  stop(): Promise<void>;
}

const servers: readonly (readonly [string, string | false, () => Promise<Server>])[] = [
  ['Tocsin', false, startTocsinApp],
  ['Alertmanager 0.34.2', skipWithout('alertmanager'), startAlertmanager],
];

for (const [name, skip, start] of servers) {
  describe(`what dashboards read of ${name}`, { skip }, () => {
    let server: Server;
    let id: string;

    before(async () => {
      server = await start();
      id = await prepare(server.url);
    });
    after(() => server?.stop());

    for (const row of dashboardCases) {
      const { client, method = 'GET', path, sent, status, reads } = row;
      it(`${client}: ${method} ${path}${sent !== undefined && 'id' in sent ? ' of a known id' : ''}`, async () => {
        const answer = await send(server.url, row, id);
        const text = await answer.text();
        assert.equal(answer.status, status, text);
        if (reads === undefined) return;
        const body: unknown = JSON.parse(text);
        for (const element of Array.isArray(body) ? nonEmpty(body) : [body]) assertFields(element, reads, path);
      });
    }

    it('karma: the version is a label of alertmanager_build_info', async () => {
      const page = await (await fetch(`${server.url}/metrics`)).text();
      assert.match(page, /^alertmanager_build_info\{[^}]*\bversion="0\.34\.2"[^}]*\} 1$/m);
    });

    it('Grafana: the configuration is YAML with a route to a receiver that is there', async () => {
      const status = (await (await fetch(`${server.url}/api/v2/status`)).json()) as { config: { original: string } };
      const config = parse(status.config.original) as { route: { receiver: string }; receivers: { name: string }[] };
      assert.ok(config.receivers.some((receiver) => receiver.name === config.route.receiver));
    });
  });
}

/** Creates one alert and a silence for it, and returns the silence's id. */
async function prepare(url: string): Promise<string> {
  const labels = { alertname: 'A', job: 'node' };
  const alert = { labels, annotations: { summary: 's' }, generatorURL: 'http://prometheus/graph' };
  await post(`${url}/api/v2/alerts`, [alert]);
  const now = Date.now();
  const silence = {
    matchers: [{ name: 'job', value: 'node', isRegex: false, isEqual: true }],
    startsAt: new Date(now).toISOString(),
    endsAt: new Date(now + 3_600_000).toISOString(),
    createdBy: 'me',
    comment: 'c',
  };
  const { silenceID } = (await (await post(`${url}/api/v2/silences`, silence)).json()) as { silenceID: string };
  // In Alertmanager, the dispatcher has to see the alert first.
  const suppressed = async (): Promise<string> => (await fetch(`${url}/api/v2/alerts/groups`)).text();
  await eventually(suppressed, (text) => text.includes(`"silencedBy":["${silenceID}"]`));
  return silenceID;
}

function send(url: string, { method = 'GET', path, sent }: DashboardCase, id: string): Promise<Response> {
  const withId = (text: string): string => text.replace('@id', id);
  return sent === undefined
    ? fetch(withId(`${url}${path}`), { method })
    : post(withId(`${url}${path}`), JSON.parse(withId(JSON.stringify(sent))));
}

function post(url: string, body: unknown): Promise<Response> {
  const headers = { 'Content-Type': 'application/json' };
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
}

function nonEmpty(list: readonly unknown[]): readonly unknown[] {
  assert.ok(list.length > 0, 'the list is empty');
  return list;
}

/** The name `''` stands for every field. */
function assertFields(value: unknown, fields: Fields, path: string): void {
  assert.ok(typeof value === 'object' && value !== null, `${path}: ${JSON.stringify(value)} is no object`);
  const object = value as Readonly<Record<string, unknown>>;
  const expected = Object.entries(fields).flatMap(([name, type]) =>
    name === '' ? Object.keys(object).map((key) => [key, type] as const) : [[name, type] as const],
  );
  for (const [name, type] of expected) assertField(object[name], type, `${path} .${name}`);
}

function assertField(value: unknown, type: Fields[string], path: string): void {
  if (Array.isArray(type)) {
    assert.ok(Array.isArray(value), `${path} is no list`);
    for (const element of value) assertField(element, (type as readonly [string | Fields])[0], path);
  } else if (typeof type === 'string') assert.equal(typeof value, type, path);
  else assertFields(value, type as Fields, path);
}
