import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import type { Config } from '../config/config.ts';
import { largeBodySlots } from '../server/request/body-reader.ts';
import { silencesMemoryBytes } from '../silence/silence-size.ts';
import type { LogFields, Logger } from '../runtime/logger.ts';
import { connectionCost, tlsCost } from '../server/connection.ts';

const MiB = 1024 * 1024;

/** What Tocsin takes at rest: of memory, and of V8's heap, bytes. */
const restBytes = 96 * MiB;
const restHeapBytes = 32 * MiB;

/** Of what connections hold so much is in V8's heap at most; the rest belongs to sockets, TLS and the parser. */
const heapShare = 0.5;

/** The kernel counts buffers of sockets and pages of files against the same limit as the program: so much is for the program. */
const programShare = 0.8;

/** What connections have at least, however little room there is, bytes. */
const leastConnectionBytes = 4 * MiB;

/** The memory there is, bytes. */
export interface MemoryThere {
  /** What V8's heap may grow to: `--max-old-space-size`. */
  readonly heap: number;
  /** What the process may take: the limit of its container, or all that the machine has. */
  readonly process: number;
}

/** What the limits of the configuration come to, all of them used up at the same time, against what there is; bytes. */
export interface MemoryPlan {
  readonly there: MemoryThere;
  readonly needed: MemoryThere;
  readonly fits: boolean;
  /** `receiver.max_connection_memory`, or what is left for it. */
  readonly connections: number;
}

export function memoryThere(): MemoryThere {
  // What has no limit reports more than any machine has, or 0.
  const limit = process.constrainedMemory();
  const machine = totalmem();
  return { heap: getHeapStatistics().heap_size_limit, process: limit > 0 && limit < machine ? limit : machine };
}

/** Pure. */
export function memoryPlan({ receiver, prometheus }: Config, there: MemoryThere): MemoryPlan {
  const kept =
    receiver.max_alerts_size + silencesMemoryBytes + (prometheus.url === null ? 0 : prometheus.max_firing_size);
  const others = { heap: restHeapBytes + kept, process: restBytes + kept + largeBodySlots * receiver.max_body_size };
  const forProgram = there.process * programShare;
  const wanted = receiver.max_connection_memory;
  const room = Math.min((there.heap - others.heap) / heapShare, forProgram - others.process);
  const needed = { heap: others.heap + wanted * heapShare, process: others.process + wanted };
  return {
    there,
    needed,
    fits: wanted <= room,
    connections: Math.min(wanted, Math.max(leastConnectionBytes, Math.floor(room))),
  };
}

/** One line, with the figures and, if the limits are more than there is, what to do. */
export function logMemoryPlan(logger: Logger, { there, needed, fits, connections }: MemoryPlan): void {
  const fields: LogFields = {
    heap_limit_bytes: there.heap,
    heap_needed_bytes: needed.heap,
    memory_limit_bytes: there.process,
    memory_needed_bytes: needed.process,
    connection_memory_bytes: connections,
    connections_plain: Math.floor(connections / connectionCost),
    connections_tls: Math.floor(connections / (connectionCost + tlsCost)),
  };
  if (fits) return logger.info('limits.budget', 'all limits together fit into the memory there is', fields);
  logger.warn('limits.budget', 'all limits together are more than the memory there is: connections get less', {
    ...fields,
    advice:
      'raise the memory limit of the process and --max-old-space-size, or lower receiver.max_alerts_size, receiver.max_body_size, receiver.max_connection_memory or prometheus.max_firing_size',
  });
}
