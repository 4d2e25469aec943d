import type { TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { SliceSchedule } from '../../runtime/slices.ts';
import { ModelApiServer, widgets } from './model-api-server.fixture.ts';
import { ObjectMemory } from '../kept-object.ts';
import { pipelineReader, type CachedPipeline } from '../pipeline-object.ts';
import { createReflectorMetrics, ReflectorReport } from './reflector-report.ts';
import { Reflector } from './reflector.ts';
import type { CacheChange } from './watch-cache.ts';

/** A reflector on a model of the API server, with a clock that stands still. */
export function reflectorBench(
  options: {
    readonly pageLimit?: number;
    readonly maxBytes?: number;
    readonly t?: TestContext;
    /** The time that passes during each reported change. */
    readonly msPerChange?: number;
  } = {},
) {
  const server = new ModelApiServer();
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const registry = new Registry();
  const changes: CacheChange<CachedPipeline>[] = [];
  const metrics = createReflectorMetrics(registry);
  metrics.add('widgets.example.org');
  const reflector = new Reflector({
    client: server,
    clock,
    schedule: new SliceSchedule(clock),
    memory: new ObjectMemory(options.maxBytes).share(),
    watched: widgets,
    reader: pipelineReader,
    report: new ReflectorReport({ clock, logger, metrics, watched: widgets }),
    onChange: (change) => {
      changes.push(change);
      clock.advance(options.msPerChange ?? 0);
    },
    random: () => 0.5,
    ...(options.pageLimit !== undefined && { pageLimit: options.pageLimit }),
  });
  options.t?.after(() => reflector.close());
  return { server, clock, logger, registry, changes, reflector };
}

/** `name generation` of each object. */
export function cached(reflector: Reflector<CachedPipeline>): string[] {
  return [...reflector.objects.values()]
    .map(({ request, pipeline }) => `${request.name} ${pipeline.generation}`)
    .toSorted();
}

export function served(server: ModelApiServer): string[] {
  return [...server.objects.values()].map(({ metadata: { name, generation } }) => `${name} ${generation}`).toSorted();
}

/** The changes, as text. */
export function told(changes: readonly CacheChange<CachedPipeline>[]): string[] {
  return changes.map(
    (change) => `${change.kind} ${(change.kind === 'deleted' ? change.before : change.after).request.name}`,
  );
}
