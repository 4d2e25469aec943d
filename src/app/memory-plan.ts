import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import type { Config } from '../config/config.ts';
import { maxLentBytes } from '../history/fact-ring.ts';
import { maxPayloadBytes } from '../history/payloads.ts';
import { maxRulesBytes } from '../prometheus/server-facts.ts';
import type { LogFields, Logger } from '../runtime/logger.ts';
import { connectionCost, tlsCost } from '../server/connection.ts';
import { largeBodySlots } from '../server/request/body-reader.ts';
import { silencesMemoryBytes } from '../silence/silence-size.ts';

const MiB = 1024 * 1024;

/** Tocsin's memory at rest, in all and in V8's heap, bytes: in a cluster with 100 pipelines, the larger case. */
const restBytes = 100 * MiB;
const restHeapBytes = 32 * MiB;

/** Garbage that V8 has not collected yet, and freed memory that the allocator keeps, bytes. */
const garbageBytes = 40 * MiB;

/** A batch of alerts about pipelines on its way to an Alertmanager, bytes. */
const notifyBatchBytes = 128 * 1024;

/** While an answer of Prometheus is read, the last one is still in use. */
const firingLists = 2;

/** While the rules of Prometheus are read, the last ones are still in use, and once more as the alerts that they would fire. */
const rulesCopies = 3;

/** What the memory of a payload is rounded up by, bytes. */
const payloadRoundingBytes = 16 * 1024;

/** A large body is read as a text, one at a time, in which a character takes so many bytes if one of them is wide. */
const maxCharacterBytes = 2;

/** The part of the memory of connections that is in V8's heap at most; the rest belongs to sockets, TLS and the parser. */
const heapShare = 0.5;

/** The program's part of the memory limit: the kernel counts socket buffers and file pages against the same limit. */
const programShare = 0.8;

/** The memory that connections get at least, however little there is, bytes. */
const leastConnectionBytes = 4 * MiB;

/** The available memory, bytes. */
export interface MemoryThere {
  /** The limit of V8's heap: `--max-old-space-size`. */
  readonly heap: number;
  /** The limit of the process: that of its container, or the memory of the machine. */
  readonly process: number;
}

/** The memory of all limits of the configuration, if all are reached at once, compared with the available memory; bytes. */
export interface MemoryPlan {
  readonly there: MemoryThere;
  readonly needed: MemoryThere;
  readonly fits: boolean;
  /** `receiver.max_connection_memory`, or what is left for it. */
  readonly connections: number;
}

export function memoryThere(): MemoryThere {
  // Without a limit, this is more than any machine has, or 0.
  const limit = process.constrainedMemory();
  const machine = totalmem();
  return { heap: getHeapStatistics().heap_size_limit, process: limit > 0 && limit < machine ? limit : machine };
}

/**
 * Pure.
 * @param objectBytes the most that is kept of all pipelines
 */
export function memoryPlan(config: Config, there: MemoryThere, objectBytes = 0): MemoryPlan {
  const { receiver } = config;
  const kept = objectBytes + keptBytes(config);
  const text = maxCharacterBytes * receiver.max_body_size;
  const buffers = historyBytes(config) + largeBodySlots * receiver.max_body_size;
  const others = {
    heap: restHeapBytes + garbageBytes + kept + text,
    process: restBytes + garbageBytes + kept + text + buffers,
  };
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

/** What is kept as objects, which V8's heap has to hold. */
function keptBytes({ receiver, prometheus, notify }: Config): number {
  const firing = prometheus.url === null ? 0 : firingLists * prometheus.max_firing_size;
  const rules = prometheus.url === null || prometheus.check_interval === 0 ? 0 : rulesCopies * maxRulesBytes;
  const { length: told } = notify.alertmanagers;
  const notifications = told === 0 ? 0 : notify.max_size + told * notifyBatchBytes;
  return receiver.max_alerts_size + silencesMemoryBytes + firing + rules + notifications;
}

/** Lies outside V8's heap. */
function historyBytes({ history, receiver }: Config): number {
  if (history.retention === 0) return 0;
  const payloadBytes = maxPayloadBytes + receiver.max_header_size + payloadRoundingBytes;
  return history.max_size + history.payloads * payloadBytes + maxLentBytes;
}

interface MemoryBudgetOptions {
  readonly logger: Logger;
  /** Gives the current configuration. */
  readonly config: () => Config;
  /** The most that is kept of all pipelines, bytes. */
  readonly objectBytes: number | undefined;
}

/** The plan as the configuration is at present. */
export class MemoryBudget {
  readonly #options: MemoryBudgetOptions;
  readonly #there = memoryThere();
  plan: MemoryPlan;

  constructor(options: MemoryBudgetOptions) {
    this.#options = options;
    this.plan = this.#made();
  }

  log(): void {
    logMemoryPlan(this.#options.logger, this.plan);
  }

  /** @param changed the keys of the configuration that have another value now */
  reconfigure(changed: readonly string[]): void {
    this.plan = this.#made();
    if (changed.some((key) => key.includes('.max_') || /^(?:history|notify)\./.test(key))) this.log();
  }

  #made(): MemoryPlan {
    return memoryPlan(this.#options.config(), this.#there, this.#options.objectBytes);
  }
}

/** Logs one line with the figures and, if the limits exceed the memory, what to do. */
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
      'raise the memory limit of the process and --max-old-space-size, or lower receiver.max_alerts_size, receiver.max_body_size, receiver.max_connection_memory, prometheus.max_firing_size, history.max_size, history.payloads or notify.max_size',
  });
}
