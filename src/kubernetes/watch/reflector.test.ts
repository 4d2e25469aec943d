import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sliceMs } from '../../runtime/slices.ts';
import { cached, reflectorBench, served, told } from './reflector.fixture.ts';

describe('Reflector', () => {
  it('lists page by page, then watches from the version of the list', async (t) => {
    const { server, clock, reflector } = reflectorBench({ t, pageLimit: 2 });
    for (const name of ['a', 'b', 'c', 'd', 'e']) server.put(name, 'spec');
    reflector.start();
    await clock.advanceAsync(0);
    await reflector.synced;
    assert.deepEqual(cached(reflector), ['a 1', 'b 1', 'c 1', 'd 1', 'e 1']);
    assert.deepEqual(
      server.calls.map(
        ({ path, query = {} }) => `${path} ${new URLSearchParams(query as Record<string, string>).toString()}`,
      ),
      [
        '/apis/example.org/v2 ',
        '/apis/example.org/v1 ',
        '/apis/example.org/v1/widgets limit=2&labelSelector=undefined&continue=undefined',
        '/apis/example.org/v1/widgets limit=2&labelSelector=undefined&continue=15-5',
        '/apis/example.org/v1/widgets limit=2&labelSelector=undefined&continue=15-3',
        '/apis/example.org/v1/widgets watch=true&allowWatchBookmarks=true&resourceVersion=15&timeoutSeconds=300&labelSelector=undefined',
      ],
    );
  });

  it('tells of very many that came or went in slices, once the cache shows all of them', async (t) => {
    const { server, clock, reflector, changes } = reflectorBench({ t, msPerChange: 1 });
    for (let n = 0; n < 5 * sliceMs; n++) server.put(`p${n}`, 'spec');
    let [seen, most] = [0, 0];
    const look = (): void => {
      most = Math.max(most, changes.length - seen);
      if (changes.length > 0) assert.equal(cached(reflector).length, 5 * sliceMs);
      seen = changes.length;
      if (seen < 5 * sliceMs) setImmediate(look);
    };
    look();
    reflector.start();
    await reflector.synced;
    await clock.advanceAsync(0);
    assert.equal(changes.length, 5 * sliceMs);
    assert.ok(most <= sliceMs, `${most} in one turn of the event loop`);
  });

  it('says what keeps it from being synced, and nothing more once it is', async (t) => {
    const { server, clock, reflector } = reflectorBench({ t });
    server.listFaults.push('unreachable', '500');
    reflector.start();
    await clock.advanceAsync(0);
    assert.equal(reflector.trouble, 'widgets.example.org cannot be listed (Unreachable)');
    await clock.advanceAsync(1200);
    assert.equal(reflector.trouble, 'widgets.example.org cannot be listed (500 InternalError)');
    await clock.advanceAsync(5000);
    assert.equal(reflector.trouble, undefined);
    server.endWatches('reset');
    await clock.advanceAsync(0);
    assert.equal(reflector.trouble, undefined);
  });

  it('follows what is created, changed and deleted', async (t) => {
    const { server, clock, reflector, changes } = reflectorBench({ t });
    reflector.start();
    await clock.advanceAsync(0);
    server.put('a', 'spec');
    server.put('b', 'spec');
    server.put('a', 'spec');
    server.delete('b');
    await clock.advanceAsync(0);
    assert.deepEqual(told(changes), ['added a', 'added b', 'changed a', 'deleted b']);
    assert.deepEqual(cached(reflector), ['a 2']);
  });

  it('goes on from the last version after the server ended the watch, at once and without a list', async (t) => {
    const { server, clock, reflector } = reflectorBench({ t });
    reflector.start();
    await clock.advanceAsync(0);
    server.put('a', 'spec');
    server.bookmark();
    await clock.advanceAsync(0);
    server.endWatches('end');
    server.put('b', 'spec');
    await clock.advanceAsync(0);
    assert.deepEqual(server.calls.at(-1)?.query?.['resourceVersion'], '12');
    assert.deepEqual(cached(reflector), ['a 1', 'b 1']);
    assert.equal(server.calls.filter(({ query }) => query?.['limit'] !== undefined).length, 1);
  });

  for (const fault of ['reset', 'half a line'] as const) {
    it(`comes back after the watch broke off (${fault}), once a pause is over`, async (t) => {
      const { server, clock, reflector, logger } = reflectorBench({ t });
      reflector.start();
      await clock.advanceAsync(0);
      server.put('a', 'spec');
      await clock.advanceAsync(0);
      server.endWatches(fault);
      await clock.advanceAsync(0);
      server.put('b', 'spec');
      if (fault === 'reset') {
        await clock.advanceAsync(999);
        assert.deepEqual(cached(reflector), ['a 1']);
        assert.deepEqual(logger.valuesOf('reflector.failed', 'reason', 'retry_in_ms'), [['Truncated', 1000]]);
      }
      await clock.advanceAsync(1);
      assert.deepEqual(cached(reflector), ['a 1', 'b 1']);
    });
  }

  it('takes a silent watch for dead after 90 s, bookmarks not counted as silence', async (t) => {
    const { server, clock, reflector, logger } = reflectorBench({ t });
    reflector.start();
    await clock.advanceAsync(60_000);
    server.bookmark();
    await clock.advanceAsync(89_999);
    const [silent] = [...server.streams];
    await clock.advanceAsync(1);
    assert.equal(silent?.destroyed, true);
    assert.deepEqual(logger.valuesOf('reflector.failed', 'reason'), [['Idle']]);
    await clock.advanceAsync(1000);
    assert.equal(server.streams.size, 1);
  });

  for (const how of ['410', 'error event'] as const) {
    it(`lists again after a 410 (${how}), and tells what vanished meanwhile`, async (t) => {
      const { server, clock, reflector, changes } = reflectorBench({ t });
      for (const name of ['a', 'b', 'c']) server.put(name, 'spec');
      reflector.start();
      await clock.advanceAsync(0);
      changes.length = 0;
      server.bookmark();
      await clock.advanceAsync(0);
      if (how === '410') server.watchFaults.push('410');
      else server.watchFaults.push('error event');
      server.endWatches('end');
      server.delete('a');
      server.put('b', 'spec');
      server.put('d', 'spec');
      server.compact();
      await clock.advanceAsync(2000);
      assert.deepEqual(told(changes), ['deleted a', 'changed b', 'added d']);
      assert.deepEqual(cached(reflector), served(server));
    });
  }

  it('starts a list again when the rest of it has expired', async (t) => {
    const { server, clock, reflector } = reflectorBench({ t, pageLimit: 2 });
    for (const name of ['a', 'b', 'c']) server.put(name, 'spec');
    const list = server.call;
    let pages = 0;
    server.call = (call) => {
      if (call.query?.['continue'] !== undefined && ++pages === 1) server.compact();
      return list(call);
    };
    reflector.start();
    await clock.advanceAsync(0);
    assert.deepEqual(cached(reflector), ['a 1', 'b 1', 'c 1']);
  });

  it('tries for ever, less and less often, and warns once a minute', async (t) => {
    const { server, clock, reflector, logger } = reflectorBench({ t });
    server.listFaults.push(...Array.from({ length: 40 }, () => 'unreachable' as const));
    reflector.start();
    await clock.advanceAsync(600_000);
    const delays = logger.valuesOf('reflector.failed', 'retry_in_ms').map(([delay]) => delay);
    assert.deepEqual(delays.slice(0, 8), [1000, 2000, 4000, 8000, 16_000, 25_000, 25_000, 25_000]);
    const warnings = logger.linesOf('reflector.failed').filter(({ level }) => level === 'warn');
    assert.ok(warnings.length >= 8 && warnings.length <= 11, String(warnings.length));
    await clock.advanceAsync(1_000_000);
    assert.equal(server.streams.size, 1);
  });

  it('does not ask a server that ends every watch at once without a pause', async (t) => {
    const { server, clock, reflector } = reflectorBench({ t });
    server.watchFaults.push(...Array.from({ length: 100 }, () => 'ends at once' as const));
    reflector.start();
    await clock.advanceAsync(10_000);
    const watches = server.calls.filter(({ query }) => query?.['watch'] === true).length;
    assert.ok(watches > 2 && watches < 6, String(watches));
  });

  it('is in sync without a resource that is not installed, and looks for it, at the latest every minute', async (t) => {
    const { server, clock, reflector, logger } = reflectorBench({ t });
    server.installed = false;
    reflector.start();
    await clock.advanceAsync(0);
    await reflector.synced;
    await clock.advanceAsync(600_000);
    const [first, ...later] = logger.linesOf('reflector.not_installed').map(({ level }) => level);
    assert.deepEqual([first, ...new Set(later)], ['warn', 'debug']);
    assert.ok(later.length >= 12 && later.length <= 16, String(later.length));
    server.installed = true;
    server.put('a', 'spec');
    await clock.advanceAsync(60_000);
    assert.deepEqual(cached(reflector), ['a 1']);
  });

  it('forgets the objects of a resource that was removed, and finds it soon when it is back', async (t) => {
    const { server, clock, reflector, changes } = reflectorBench({ t });
    server.put('a', 'spec');
    reflector.start();
    await clock.advanceAsync(0);
    server.uninstall();
    await clock.advanceAsync(5000);
    assert.deepEqual([cached(reflector), told(changes)], [[], ['added a', 'deleted a']]);
    server.installed = true;
    server.put('a', 'spec');
    await clock.advanceAsync(5000);
    assert.deepEqual(cached(reflector), ['a 1']);
  });

  it('takes up a better version that is served later, and tells of no change', async (t) => {
    const { server, clock, reflector, changes, logger } = reflectorBench({ t });
    server.put('a', 'spec');
    reflector.start();
    await clock.advanceAsync(0);
    server.served = ['v1', 'v2'];
    server.endWatches('reset');
    await clock.advanceAsync(1000);
    assert.deepEqual([cached(reflector), told(changes)], [['a 1'], ['added a']]);
    assert.deepEqual(logger.valuesOf('reflector.listed', 'api_version'), [['example.org/v1'], ['example.org/v2']]);
    const [object] = [...reflector.objects.values()];
    assert.deepEqual([object?.path, object?.pipeline.apiVersion], ['/apis/example.org/v2/widgets/a', 'example.org/v2']);

    server.served = ['v2'];
    server.put('b', 'spec');
    await clock.advanceAsync(0);
    assert.deepEqual(told(changes), ['added a', 'added b']);
  });

  it('asks for a better version before each further watch, and lists nothing where there is none', async (t) => {
    const { server, clock, reflector } = reflectorBench({ t });
    server.put('a', 'spec');
    reflector.start();
    await clock.advanceAsync(0);
    server.calls.length = 0;
    server.put('b', 'spec');
    await clock.advanceAsync(0);
    server.endWatches('end');
    await clock.advanceAsync(0);
    assert.deepEqual(
      server.calls.map(({ path, query }) => [path, query?.['watch']]),
      [
        ['/apis/example.org/v2', undefined],
        ['/apis/example.org/v1', undefined],
        ['/apis/example.org/v1/widgets', true],
      ],
    );
  });

  it('counts, and says when it last heard anything', async (t) => {
    const { server, clock, reflector, registry } = reflectorBench({ t });
    reflector.start();
    await clock.advanceAsync(1500);
    server.put('a', 'spec');
    server.bookmark();
    await clock.advanceAsync(0);
    server.watchFaults.push('500');
    server.endWatches('end');
    await clock.advanceAsync(2000);
    const metrics = await registry.metrics();
    const resource = 'resource="widgets.example.org"';
    for (const line of [
      `tocsin_reflector_lists_total{${resource}} 1`,
      `tocsin_reflector_watches_total{${resource}} 2`,
      `tocsin_reflector_events_total{${resource},type="added"} 1`,
      `tocsin_reflector_events_total{${resource},type="bookmark"} 1`,
      `tocsin_reflector_failures_total{${resource},reason="server_error"} 1`,
      `tocsin_reflector_last_event_timestamp_seconds{${resource}} ${Date.parse('2026-11-21T03:00:01.500Z') / 1000}`,
    ]) {
      assert.ok(metrics.includes(`\n${line}\n`), `${line}\n${metrics}`);
    }
  });

  it('leaves no stream and no timer behind', async () => {
    for (const ms of [0, 1000]) {
      const { server, clock, reflector } = reflectorBench();
      if (ms > 0) server.listFaults.push('500');
      reflector.start();
      await clock.advanceAsync(0);
      await reflector.close();
      assert.deepEqual([server.streams.size, clock.pending()], [0, 0]);
    }
  });
});
