import { Counter, Gauge, type Registry } from 'prom-client';
import type { ApiError } from '../api/api-error.ts';
import type { LeftOutReason } from './list-objects.ts';
import { isExpired } from './reflector-steps.ts';

type ReflectorEvent = 'added' | 'modified' | 'deleted' | 'bookmark';

export interface ReflectorMetrics {
  listed(resource: string): void;
  watching(resource: string): void;
  event(resource: string, type: ReflectorEvent, seconds: number): void;
  failed(resource: string, error: ApiError): void;
  leftOut(resource: string, reason: LeftOutReason): void;
}

const events: readonly ReflectorEvent[] = ['added', 'modified', 'deleted', 'bookmark'];
const leftOutReasons: readonly LeftOutReason[] = ['object_too_large', 'memory_full'];
const reasons = ['expired', 'idle', 'timeout', 'unreachable', 'broken', 'refused', 'server_error'] as const;

/** Metrics of the lists and watches. @param resources every one that there can be, as `PLURAL.GROUP` */
export function createReflectorMetrics(registry: Registry, resources: readonly string[]): ReflectorMetrics {
  const registers = [registry];
  const lists = new Counter({
    registers,
    name: 'tocsin_reflector_lists_total',
    help: 'Lists of a watched Kubernetes resource that were read to their end.',
    labelNames: ['resource'],
  });
  const watches = new Counter({
    registers,
    name: 'tocsin_reflector_watches_total',
    help: 'Watches of a Kubernetes resource that the API server began to answer.',
    labelNames: ['resource'],
  });
  const received = new Counter({
    registers,
    name: 'tocsin_reflector_events_total',
    help: 'Events of the watches of a Kubernetes resource, by type.',
    labelNames: ['resource', 'type'],
  });
  const failures = new Counter({
    registers,
    name: 'tocsin_reflector_failures_total',
    help: 'Lists and watches of a Kubernetes resource that failed, by reason.',
    labelNames: ['resource', 'reason'],
  });
  const leftOut = new Counter({
    registers,
    name: 'tocsin_reflector_objects_left_out_total',
    help: 'Objects of lists and watches of a Kubernetes resource that were too large to be kept, by which limit.',
    labelNames: ['resource', 'reason'],
  });
  const lastEvent = new Gauge({
    registers,
    name: 'tocsin_reflector_last_event_timestamp_seconds',
    help: 'When the API server last told anything about a watched resource, bookmarks included; 0: never.',
    labelNames: ['resource'],
  });
  for (const resource of resources) {
    lists.inc({ resource }, 0);
    watches.inc({ resource }, 0);
    lastEvent.set({ resource }, 0);
    for (const type of events) received.inc({ resource, type }, 0);
    for (const reason of leftOutReasons) leftOut.inc({ resource, reason }, 0);
    for (const reason of reasons) failures.inc({ resource, reason }, 0);
  }
  return {
    listed: (resource) => lists.inc({ resource }),
    watching: (resource) => watches.inc({ resource }),
    event(resource, type, seconds) {
      received.inc({ resource, type });
      lastEvent.set({ resource }, seconds);
    },
    failed: (resource, error) => failures.inc({ resource, reason: reasonLabel(error) }),
    leftOut: (resource, reason) => leftOut.inc({ resource, reason }),
  };
}

function reasonLabel(error: ApiError): (typeof reasons)[number] {
  if (isExpired(error)) return 'expired';
  if (error.status !== undefined && error.status >= 500) return 'server_error';
  if (error.status !== undefined && error.status >= 400) return 'refused';
  switch (error.reason) {
    case 'Idle':
      return 'idle';
    case 'Timeout':
      return 'timeout';
    case 'Unreachable':
    case 'Credentials':
      return 'unreachable';
    default:
      return 'broken';
  }
}
