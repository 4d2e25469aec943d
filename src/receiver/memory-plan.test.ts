import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { Config } from '../config/config.ts';
import { memoryPlan, memoryThere, logMemoryPlan } from './memory-plan.ts';

const MiB = 1024 * 1024;
/** k8s/base/deployment.yaml: 60 % of 640 MiB for the heap. */
const pod = { heap: 384 * MiB, process: 640 * MiB };

describe('memoryPlan', () => {
  it('fits the default limits into the pod, and under the promised 512 MiB', () => {
    const { fits, needed, connections } = memoryPlan(Config.parse({}), pod);
    assert.ok(fits);
    assert.ok(needed.process <= 512 * MiB, `${needed.process / MiB} MiB`);
    assert.equal(connections, 64 * MiB);
  });

  it('fits them with a Prometheus too', () => {
    const { fits, needed } = memoryPlan(Config.parse({ prometheus: { url: 'http://prometheus:9090' } }), pod);
    assert.ok(fits);
    assert.ok(needed.process <= 512 * MiB, `${needed.process / MiB} MiB`);
  });

  it('gives connections what other limits leave, and at least something', () => {
    const left = memoryPlan(Config.parse({ receiver: { max_alerts_size: '240MiB' } }), pod);
    assert.deepEqual([left.fits, left.connections], [true, 64 * MiB]);
    const less = memoryPlan(Config.parse({ receiver: { max_alerts_size: '280MiB' } }), pod);
    assert.deepEqual([less.fits, less.connections], [false, 16 * MiB]);
    const none = memoryPlan(Config.parse({ receiver: { max_alerts_size: '1GiB' } }), pod);
    assert.deepEqual([none.fits, none.connections], [false, 4 * MiB]);
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
      heap_needed_bytes: 288 * MiB,
      memory_limit_bytes: 640 * MiB,
      memory_needed_bytes: 416 * MiB,
      connection_memory_bytes: 64 * MiB,
      connections_plain: 5041,
      connections_tls: 829,
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
