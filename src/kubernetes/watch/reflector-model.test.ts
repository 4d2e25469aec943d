import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Fault, ModelApiServer } from './model-api-server.fixture.ts';
import { cached, reflectorBench, served } from './reflector.fixture.ts';

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const fault = fc.constantFrom<Fault[]>(
  'unreachable',
  '500',
  '410',
  '404',
  'error event',
  'garbage',
  'ends at once',
  'half a line',
);

type Step = (server: ModelApiServer) => number;

/** One event on the server, and how long nothing happens after it, in milliseconds. */
const step: fc.Arbitrary<Step> = fc
  .tuple(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc
          .record({ name, change: fc.constantFrom('spec' as const, 'status' as const) })
          .map((put) => (server: ModelApiServer) => server.put(put.name, put.change)),
      },
      { weight: 3, arbitrary: name.map((gone) => (server: ModelApiServer) => server.delete(gone)) },
      { weight: 1, arbitrary: fc.constant((server: ModelApiServer) => server.bookmark()) },
      { weight: 1, arbitrary: fc.constant((server: ModelApiServer) => server.compact()) },
      {
        weight: 2,
        arbitrary: fc
          .constantFrom('end' as const, 'reset' as const, 'half a line' as const)
          .map((how) => (server: ModelApiServer) => server.endWatches(how)),
      },
      { weight: 1, arbitrary: fault.map((next) => (server: ModelApiServer) => void server.listFaults.push(next)) },
      { weight: 2, arbitrary: fault.map((next) => (server: ModelApiServer) => void server.watchFaults.push(next)) },
      { weight: 1, arbitrary: fc.constant((server: ModelApiServer) => server.uninstall()) },
      { weight: 1, arbitrary: fc.constant((server: ModelApiServer) => void (server.installed = true)) },
    ),
    fc.constantFrom(0, 0, 0, 1, 900, 5000, 100_000),
  )
  .map(
    ([act, pauseMs]) =>
      (server: ModelApiServer) => (act(server), pauseMs),
  );

describe('Reflector, whatever the server does', () => {
  it('has what the server has once the server is well again, and has told each difference', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 6 }), async (steps, pageLimit) => {
        const { server, clock, reflector, changes } = reflectorBench({ pageLimit });
        reflector.start();
        for (const act of steps) {
          await clock.advanceAsync(act(server));
        }
        server.installed = true;
        server.listFaults.length = 0;
        server.watchFaults.length = 0;
        await clock.advanceAsync(200_000);
        assert.deepEqual(cached(reflector), served(server));
        assert.deepEqual(replayed(changes), served(server));
        // Without bookmarks, the watch may just have been given up as silent.
        if (server.streams.size === 0) await clock.advanceAsync(1500);
        assert.equal(server.streams.size, 1);
        await reflector.close();
        assert.deepEqual([server.streams.size, clock.pending()], [0, 0]);
      }),
      { numRuns: 300 },
    );
  });
});

/** The state that follows from the changes alone. */
function replayed(changes: ReturnType<typeof reflectorBench>['changes']): string[] {
  const known = new Map<string, number>();
  for (const change of changes) {
    if (change.kind === 'deleted') assert.ok(known.delete(change.before.request.name), 'was not known');
    else {
      assert.equal(known.has(change.after.request.name), change.kind === 'changed');
      known.set(change.after.request.name, change.after.pipeline.generation);
    }
  }
  return [...known].map(([key, generation]) => `${key} ${generation}`).toSorted();
}
