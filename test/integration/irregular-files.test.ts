import assert from 'node:assert/strict';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { HttpConfig } from '../../src/config/http-config.ts';
import { Credentials } from '../../src/kubernetes/api/credentials.ts';
import { loadKubeConfig } from '../../src/kubernetes/api/kube-config.ts';
import { prometheusWords } from '../../src/prometheus/prometheus-error.ts';
import { readHttpAccess } from '../../src/outbound/http-access.ts';
import { readManifestFile } from '../../src/standalone/manifest-file.ts';
import { parseHere } from '../../src/standalone/standalone.fixture.ts';
import { StatusFolder } from '../../src/standalone/status-folder.ts';
import { SilenceLog } from '../../src/silence/silence-log.ts';
import { FakeClock } from '../../src/runtime/clock.fixture.ts';
import { irregularFiles } from '../../src/runtime/irregular-files.fixture.ts';
import { RecordingLogger } from '../../src/runtime/logger.fixture.ts';
import { runTocsin } from '../support/run-tocsin.ts';
import { startTocsin } from '../support/tocsin-process.ts';
import { temporaryFolder } from '../../src/runtime/temporary-folder.fixture.ts';

const clock = new FakeClock();
const pipeline = { kind: 'TracePipeline', name: 'a' };

/** Each returns what it says about the file at the path; `name` is the file's required name in its folder. */
const readers: readonly { what: string; name?: string; says: (path: string, folder: string) => Promise<string> }[] = [
  { what: 'a configuration file', says: async (path) => (await runTocsin(['check-config', path])).stderr },
  { what: 'a web configuration', says: async (path) => (await runTocsin(['check-web-config', path])).stderr },
  {
    what: 'a file that the web configuration names',
    async says(path, folder) {
      const web = join(folder, 'web.yml');
      await writeFile(web, `authorization: { credentials_files: [${path}] }\n`);
      return (await runTocsin(['check-web-config', web])).stderr;
    },
  },
  {
    what: 'a credential for Prometheus',
    says: (path) =>
      messageOf(readHttpAccess(HttpConfig.parse({ authorization: { credentials_file: path } }), prometheusWords)),
  },
  { what: 'a kubeconfig', says: (path) => messageOf(loadKubeConfig({ kubeconfigs: [path] })) },
  ...(['tokenFile', 'client-certificate', 'certificate-authority'] as const).map((key) => ({
    what: `the ${key} of a kubeconfig`,
    says: (path: string, folder: string) => messageOf(accessWith(key, path, folder)),
  })),
  {
    what: 'a manifest',
    name: 'file.yaml',
    says: async (path) => (await readManifestFile(path, undefined, parseHere))?.problems[0]?.message ?? 'nothing',
  },
  {
    what: 'a status file',
    name: 'status/tracepipeline/a.yaml',
    async says(_, folder) {
      const logger = new RecordingLogger();
      assert.equal(await new StatusFolder({ storage: folder, logger, parse: parseHere }).read(pipeline), undefined);
      return JSON.stringify(logger.fieldsOf('status.damaged').map(({ error }) => String(error)));
    },
  },
  {
    what: 'the file of the silences',
    name: 'silences.log',
    async says(_, folder) {
      const logger = new RecordingLogger();
      const log = new SilenceLog({ folder, clock, logger });
      assert.deepEqual((await log.open()).silences, []);
      await log.append([], () => []);
      await log.close();
      return JSON.stringify(logger.fieldsOf('silences.damaged').map(({ error }) => String(error)));
    },
  },
];

describe('what is no regular file', () => {
  for (const { what, name = 'file', says } of readers)
    for (const [irregular, make] of irregularFiles)
      it(`${irregular} in place of ${what} is refused at once, and named`, { timeout: 120_000 }, async (t) => {
        const folder = await temporaryFolder(t);
        const path = join(folder, name);
        await mkdir(join(path, '..'), { recursive: true });
        await make(t, path);
        assert.match(await says(path, folder), new RegExp(`${irregular}|not a file|EISDIR|ENXIO`));
      });

  it(
    'in the storage keeps nobody from starting, and nothing is written through a link',
    { timeout: 120_000 },
    async (t) => {
      const folder = await temporaryFolder(t);
      const storage = join(folder, 'data');
      const foreign = join(folder, 'foreign');
      await writeFile(foreign, 'of somebody else');
      for (const kind of ['logpipeline', 'metricpipeline', 'tracepipeline']) {
        await mkdir(join(storage, 'status', kind), { recursive: true });
        await symlink(foreign, join(storage, 'status', kind, '.probe.yaml.tmp'));
        await irregularFiles[0]![1](t, join(storage, 'status', kind, 'backend.yaml'));
      }
      await symlink(foreign, join(storage, 'silences.log'));
      await symlink(foreign, join(storage, 'silences.log.new'));
      const tocsin = await startTocsin({ storagePath: storage });
      t.after(() => tocsin.stop());
      const body = {
        matchers: [{ name: 'a', value: 'b', isRegex: false }],
        startsAt: '2020-01-01T00:00:00Z',
        endsAt: '2999-01-01T00:00:00Z',
        createdBy: 'me',
        comment: 'c',
      };
      const answer = await fetch(`${tocsin.url}/api/v2/silences`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
      assert.equal(answer.status, 200);
      assert.match(await readFile(join(storage, 'silences.log'), 'utf8'), /"createdBy":"me"/);
      assert.equal(await readFile(foreign, 'utf8'), 'of somebody else');
    },
  );
});

async function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'it was read',
    (error: unknown) => String(error),
  );
}

async function accessWith(key: string, path: string, folder: string): Promise<unknown> {
  const file = join(folder, 'kubeconfig');
  const user = key === 'certificate-authority' ? { token: 't' } : { [key]: path };
  const authority = key === 'certificate-authority' ? { [key]: path } : {};
  const content = {
    'current-context': 'one',
    clusters: [{ name: 'one', cluster: { server: 'https://one', ...authority } }],
    users: [{ name: 'one', user }],
    contexts: [{ name: 'one', context: { cluster: 'one', user: 'one' } }],
  };
  await writeFile(file, JSON.stringify(content));
  return new Credentials(() => loadKubeConfig({ kubeconfigs: [file] }), clock).access();
}
