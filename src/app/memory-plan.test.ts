import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { Config } from '../config/config.ts';
import { apiObjectsBytes } from '../kubernetes/kept-object.ts';
import { memoryPlan, memoryThere, logMemoryPlan } from './memory-plan.ts';

const MiB = 1024 * 1024;
/** k8s/base/deployment.yaml: 60 % of 640 MiB for the heap. */
const pod = { heap: 384 * MiB, process: 640 * MiB };

const prometheus = { url: 'http://prometheus:9090' };
/** As in `src/kubernetes/kept-object.ts`. */
const objectBytes = apiObjectsBytes;

describe('memoryPlan', () => {
  it('fits the default limits into the pod, and under the promised 512 MiB', () => {
    const { fits, needed, connections } = memoryPlan(Config.parse({ prometheus }), pod, objectBytes);
    assert.ok(fits);
    assert.ok(needed.process <= 512 * MiB, `${needed.process / MiB} MiB`);
    assert.ok(needed.heap <= pod.heap, `${needed.heap / MiB} MiB`);
    assert.equal(connections, 44 * MiB);
  });

  it('needs less for pipelines in a folder, without a Prometheus, and without a history', () => {
    const needed = (given: unknown, bytes = 0): number => memoryPlan(Config.parse(given), pod, bytes).needed.process;
    const all = needed({ prometheus }, objectBytes);
    assert.equal(all - needed({ prometheus }), objectBytes);
    assert.equal(needed({ prometheus }) - needed({}), 2 * 22 * MiB + 3 * 2 * MiB);
    // 64 MiB of facts, 8 MiB that are being written, and 100 payloads with their heads.
    assert.equal(needed({}) - needed({ history: { retention: '0s' } }), 72 * MiB + 100 * 96 * 1024);
  });

  it('counts the history and its payloads', () => {
    const needed = (history: unknown): number => memoryPlan(Config.parse({ history }), pod).needed.process;
    assert.equal(needed({ max_size: '100MiB' }) - needed({ max_size: '64MiB' }), 36 * MiB);
    assert.equal(needed({ payloads: 200 }) - needed({ payloads: 100 }), 100 * 96 * 1024);
    const { fits } = memoryPlan(Config.parse({ history: { max_size: '1GiB' } }), pod);
    assert.ok(!fits);
  });

  it('counts the alerts about pipelines, with a batch for each Alertmanager: a pair of them fits with the defaults', () => {
    const notify = { alertmanagers: [{ url: 'http://a:9093' }, { url: 'http://b:9093' }] };
    const plan = memoryPlan(Config.parse({ prometheus, notify }), pod, objectBytes);
    assert.ok(plan.fits && plan.needed.process <= 512 * MiB, `${plan.needed.process / MiB} MiB`);
    const without = memoryPlan(Config.parse({ prometheus }), pod, objectBytes);
    assert.equal(plan.needed.process - without.needed.process, 4 * MiB + 2 * 128 * 1024);
  });

  it('gives connections what other limits leave, and at least something', () => {
    const given = (size: string): readonly [boolean, number] => {
      const history = { retention: '0s' };
      const { fits, connections } = memoryPlan(Config.parse({ receiver: { max_alerts_size: size }, history }), pod);
      return [fits, connections];
    };
    assert.deepEqual(given('220MiB'), [true, 44 * MiB]);
    assert.deepEqual(given('240MiB'), [false, 16 * MiB]);
    assert.deepEqual(given('1GiB'), [false, 4 * MiB]);
  });

  it('never gives more than configured, nor more than there is', () => {
    const size = fc.integer({ min: 1, max: 2000 });
    fc.assert(
      fc.property(size, size, size, size, (alerts, connections, heap, process) => {
        const config = Config.parse({
          receiver: { max_alerts_size: `${alerts}MiB`, max_connection_memory: `${connections}MiB` },
        });
        const plan = memoryPlan(config, { heap: heap * MiB, process: process * MiB });
        assert.ok(plan.connections <= connections * MiB && plan.connections > 0);
        assert.equal(plan.fits, plan.needed.heap <= heap * MiB && plan.needed.process <= process * MiB * 0.8);
        if (plan.fits) assert.equal(plan.connections, connections * MiB);
      }),
    );
  });
});

describe('logMemoryPlan', () => {
  it('logs the figures, and what to do if they are too much', () => {
    const logger = new RecordingLogger();
    logMemoryPlan(logger, memoryPlan(Config.parse({}), pod));
    logMemoryPlan(logger, memoryPlan(Config.parse({ receiver: { max_alerts_size: '1GiB' } }), pod));
    const lines = logger.linesOf('limits.budget');
    assert.deepEqual(
      lines.map(({ level }) => level),
      ['info', 'warn'],
    );
    assert.deepEqual(lines[0]?.fields, {
      heap_limit_bytes: 384 * MiB,
      heap_needed_bytes: 238 * MiB,
      memory_limit_bytes: 640 * MiB,
      memory_needed_bytes: 416 * MiB + 100 * 96 * 1024,
      connection_memory_bytes: 44 * MiB,
      connections_plain: 3465,
      connections_tls: 570,
    });
    assert.match(String(lines[1]?.fields?.['advice']), /receiver\.max_alerts_size/);
  });
});

describe('memoryThere', () => {
  it('knows the heap and the memory of this process', () => {
    const { heap, process: memory } = memoryThere();
    assert.ok(heap > 32 * MiB && memory > 32 * MiB && Number.isFinite(memory));
  });
});
