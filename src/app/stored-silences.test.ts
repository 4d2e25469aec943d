import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Config } from '../config/config.ts';
import { ApiError } from '../kubernetes/api/api-error.ts';
import { ClusterSilences } from '../kubernetes/replica/cluster-silences.ts';
import { SilenceCluster, silenceDiscovery } from '../kubernetes/replica/silence-cluster.fixture.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { eventually } from '../runtime/eventually.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { temporaryFolder } from '../runtime/temporary-folder.fixture.ts';
import { SilenceLog } from '../silence/silence-log.ts';
import { testSilence } from '../silence/silence.fixture.ts';
import { App } from './app.ts';
import { folderHome } from './home.ts';
import { clusterSilencesOf } from './stored-silences.ts';

const hour = 3_600_000;
const id = '0c2e0c2e-1111-4222-8333-444455556666';

describe('Silences that are kept in the cluster', () => {
  it('are waited for a while at the start; until they are known, nothing pretends to know them', async (t) => {
    const { cluster, clock, start, logger } = await prepared(t);
    cluster.apply('window', { endsAt: new Date(clock.now() + hour).toISOString() });
    cluster.before = () => {
      throw new ApiError('10.0.0.1 refused', { reason: 'Unreachable' });
    };
    const url = await start();
    const ask = async (path: string, method = 'GET'): Promise<readonly [number, string]> => {
      const answer = await fetch(`${url}${path}`, { method });
      return [answer.status, await answer.text()];
    };
    const trouble = 'silences.tocsin.dev in the namespace tocsin cannot be listed (Unreachable)';
    assert.deepEqual(await ask('/-/ready'), [503, `not ready: starting up: ${trouble}\n`]);
    assert.deepEqual(await ask('/api/v2/silences'), [503, `"${trouble}"\n`]);
    assert.deepEqual(await ask(`/api/v2/silence/${id}`, 'DELETE'), [503, `"${trouble}"\n`]);
    assert.deepEqual(await ask('/api/v2/alerts'), [200, '[]\n']);
    assert.deepEqual(logger.linesOf('list.failed'), []);

    cluster.before = () => undefined;
    await eventually(
      async () => {
        await clock.advanceAsync(10_000);
        return ask('/-/ready');
      },
      ([status]) => status === 200,
    );
    assert.match((await ask('/api/v2/silences'))[1], /"createdBy":"ann"/);
  });

  it('are those of the file once, also if the first tries fail', async (t) => {
    const { cluster, clock, start, logger, folder } = await prepared(t);
    const log = new SilenceLog({ clock, logger, folder });
    await log.open();
    const times = { startsAt: clock.now() - 1, updatedAt: clock.now() - 1 };
    const silences = [
      testSilence(id, { ...times, endsAt: clock.now() + 2 * hour }),
      testSilence(id.replace('0', '1'), { ...times, endsAt: clock.now() }),
    ];
    await log.append([silences], () => silences);
    await log.close();
    cluster.before = ({ method }) => {
      if (method === 'POST') throw new ApiError('refused', { status: 403, reason: 'Forbidden' });
    };
    await start();
    assert.equal(logger.linesOf('silences.import_failed').length, 1);
    cluster.before = () => undefined;
    await eventually(
      async () => {
        await clock.advanceAsync(30_000);
        return logger.valuesOf('silences.imported', 'imported', 'already_there', 'ended');
      },
      (imported) => imported.length > 0,
    );
    assert.deepEqual(logger.valuesOf('silences.imported', 'imported', 'already_there', 'ended'), [[1, 0, 1]]);
    assert.deepEqual(cluster.names(), [id]);
  });

  it('need a cluster', async () => {
    const standalone = { home: 'standalone', reason: 'test' } as const;
    const config = (wanted: string): Config => Config.parse({ receiver: { silence_storage: wanted } });
    assert.equal(await clusterSilencesOf(config('auto'), standalone, false), undefined);
    assert.equal(await clusterSilencesOf(config('file'), standalone, true), undefined);
    await assert.rejects(
      clusterSilencesOf(config('kubernetes'), standalone, false),
      /^Error: receiver.silence_storage is kub/,
    );
  });
});

async function prepared(t: TestContext) {
  const folder = await temporaryFolder(t, 'tocsin-silences');
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const cluster = new SilenceCluster(clock);
  cluster.put('/discovery', silenceDiscovery, false);
  const client = {
    call: <T>(...given: Parameters<SilenceCluster['call']>) => cluster.call<T>(...given),
    open: cluster.open,
    close: () => Promise.resolve(),
  };
  const manifest = 'apiVersion: telemetry.kyma-project.io/v1beta1\nkind: TracePipeline\nmetadata: {name: backend}\n';
  await writeFile(join(folder, 'pipeline.yaml'), manifest);
  const app = new App({
    config: Config.parse({ replicas: { lease: { namespace: 'tocsin' } } }),
    listenAddress: { host: '127.0.0.1', port: 0 },
    createHome: folderHome(folder),
    createSilences: (context) => new ClusterSilences({ ...context, client }),
    storagePath: folder,
    version: 'test',
    clock,
    logger,
  });
  t.after(() => app.stop());
  return {
    folder,
    clock,
    logger,
    cluster,
    /** Lets as much time pass as the start needs. */
    start: async () => {
      const starting = app.start();
      let isStarted = false;
      void starting.finally(() => (isStarted = true)).catch(() => undefined);
      await eventually(async () => (await clock.advanceAsync(500), isStarted), Boolean);
      return `http://127.0.0.1:${(await starting).port}`;
    },
  };
}
