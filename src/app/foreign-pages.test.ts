import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import bcrypt from 'bcryptjs';
import { Config } from '../config/config.ts';
import { systemClock } from '../runtime/clock.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { loadWebConfig } from '../server/web/load-web-config.ts';
import { App } from './app.ts';
import { folderHome } from './home.ts';

const silenceId = '0a1b2c3d-1111-4222-8333-444455556666';
const alerts = [{ labels: { alertname: 'TraceGatewayThrottling' } }];
const silence = {
  matchers: [{ name: 'alertname', value: 'A', isRegex: false }],
  startsAt: '2099-01-01T00:00:00Z',
  endsAt: '2099-01-02T00:00:00Z',
  createdBy: 'ann',
  comment: 'a test',
};
const webhook = { version: '4', status: 'firing', alerts: [{ status: 'firing', ...alerts[0] }] };

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
}

interface Action extends Sent {
  /** The status for whoever may do it. */
  readonly status: number;
  /** The types of content that it takes; default: every one, as it reads no body. */
  readonly types?: readonly string[];
}

const json = 'application/json';
const types = [
  json,
  `${json}; charset=utf-8`,
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  undefined,
];
const onlyJson = types.filter((type) => type?.startsWith(json) === true) as readonly string[];

/** Everything that the page, or anybody, can change. */
const actions: readonly Action[] = [
  { method: 'POST', path: '/api/tocsin/v1/reconcile', body: { all: true }, status: 202, types: onlyJson },
  { method: 'POST', path: '/api/tocsin/v1/explain', body: alerts, status: 200, types: onlyJson },
  { method: 'POST', path: '/api/v2/silences', body: silence, status: 200, types: onlyJson },
  { method: 'POST', path: '/api/v2/alerts', body: alerts, status: 200, types: onlyJson },
  { method: 'POST', path: '/webhook', body: webhook, status: 200, types: onlyJson },
  { method: 'DELETE', path: `/api/v2/silence/${silenceId}`, status: 404 },
  { method: 'POST', path: '/-/reload', status: 200 },
];

/** `own`: the origin of Tocsin itself. */
const senders: readonly (readonly [who: string, headers: Record<string, string>, mayChange: boolean])[] = [
  ['curl and amtool', {}, true],
  ['its own page', { 'sec-fetch-site': 'same-origin', origin: 'own' }, true],
  ['its own page in an old browser', { origin: 'own' }, true],
  ['a person who types', { 'sec-fetch-site': 'none' }, true],
  ['a page elsewhere', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }, false],
  ['a page elsewhere, without Origin', { 'sec-fetch-site': 'cross-site' }, false],
  ['a page elsewhere in an old browser', { origin: 'https://evil.example' }, false],
  ['a page of another port', { 'sec-fetch-site': 'same-site', origin: 'http://127.0.0.1:3000' }, false],
  ['a frame without an origin', { 'sec-fetch-site': 'cross-site', origin: 'null' }, false],
];

/** The lines that each action writes at once, if it is done. */
const changes = ['alerts.received', 'silence.scheduled', 'config.reloaded'];

const password = `Basic ${btoa('ann:secret')}`;

/** The lock, and the credentials that a browser attaches by itself to every request, also to those of a page elsewhere. */
const locks = [
  { what: 'without a lock', isLocked: false, authorization: undefined },
  { what: 'with a lock and the right password', isLocked: true, authorization: password },
  { what: 'with a lock and no password', isLocked: true, authorization: undefined },
] as const;

for (const { what, isLocked, authorization } of locks) {
  describe(`what changes something, ${what}`, () => {
    const logger = new RecordingLogger();
    let folder: string;
    let app: App;
    let port: number;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'tocsin-foreign-'));
      await writeFile(join(folder, 'web.yml'), `basic_auth_users: {ann: "${bcrypt.hashSync('secret', 4)}"}\n`);
      const readFile = (path: string): string => readFileSync(path, 'utf8');
      const file = join(folder, 'web.yml');
      const loaded = loadWebConfig(file, readFile);
      assert.ok('settings' in loaded);
      app = new App({
        config: Config.parse({}),
        listenAddress: { host: '127.0.0.1', port: 0 },
        createHome: folderHome(folder),
        storagePath: join(folder, 'data'),
        version: 'test',
        // Nothing is there: whoever comes in is told so.
        pageFolder: join(folder, 'page'),
        clock: systemClock,
        logger,
        web: {
          routePrefix: '',
          configSource: isLocked ? { file, ...loaded, readFile, load: loadWebConfig } : undefined,
        },
      });
      ({ port } = await app.start());
    });
    after(async () => {
      await app.stop();
      await rm(folder, { recursive: true });
    });

    const send = async ({ method, path, body }: Sent, headers: Record<string, string>): Promise<number> => {
      const sent = request({ host: '127.0.0.1', port, method, path, headers });
      sent.end(body === undefined ? undefined : JSON.stringify(body));
      const [response] = await once(sent, 'response');
      response.resume();
      await once(response, 'end');
      return response.statusCode as number;
    };

    const linesOfChanges = (): number => changes.flatMap((event) => logger.linesOf(event)).length;
    const isKnown = !isLocked || authorization !== undefined;
    const credentials = authorization === undefined ? undefined : { authorization };

    it(`lies behind the same door as the page and its files`, async () => {
      for (const method of ['GET', 'HEAD'])
        for (const path of ['/', '/assets/page-A.js'])
          assert.equal(await send({ method, path }, { ...credentials }), isKnown ? 404 : 401, `${method} ${path}`);
    });

    for (const [who, headers, mayChange] of senders) {
      it(`is ${mayChange ? 'open' : 'closed'} to ${who}`, async () => {
        const linesBefore = linesOfChanges();
        const origin = headers['origin'] === 'own' ? { origin: `http://127.0.0.1:${port}` } : undefined;
        for (const action of actions)
          for (const type of typesFor(action, mayChange)) {
            const content = type === undefined ? undefined : { 'content-type': type };
            const status = await send(action, { ...headers, ...origin, ...credentials, ...content });
            const inside = isKnown ? statusInside(action, type) : 401;
            assert.equal(status, mayChange ? inside : 403, `${action.method} ${action.path} as ${type}`);
          }
        assert.equal(linesOfChanges() > linesBefore, mayChange && isKnown);
      });
    }
  });
}

/** A reload waits until 200 ms after the last one. */
function typesFor(action: Action, mayChange: boolean): readonly (string | undefined)[] {
  return action.types === undefined && mayChange ? [undefined] : types;
}

function statusInside({ types: taken, status }: Action, type: string | undefined): number {
  return taken === undefined || (type !== undefined && taken.includes(type)) ? status : 415;
}
