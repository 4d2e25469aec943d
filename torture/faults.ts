import type { Fault } from './fault.ts';
import { apiServerFaultRows } from './faults/api-server.ts';
import { blocked } from './faults/blocked.ts';
import { connectionFloods } from './faults/connection-floods.ts';
import { clockJumps, clockJumpsStandalone } from './faults/clock-jumps.ts';
import { everyLimit } from './faults/every-limit.ts';
import { fileDescriptors } from './faults/file-descriptors.ts';
import { hangingWrites } from './faults/hanging-writes.ts';
import { historyKilled } from './faults/history.ts';
import { killed } from './faults/killed.ts';
import { longWork } from './faults/long-work.ts';
import { passwordFlood } from './faults/password-flood.ts';
import { prometheusFaultRows } from './faults/prometheus.ts';
import { replicaChangeRows } from './faults/replica-changes.ts';
import { replicaPartitionRows } from './faults/replica-partitions.ts';
import { replicaFaultRows } from './faults/replicas.ts';
import { reloads } from './faults/reloads.ts';
import { diskFull, readOnly } from './faults/storage.ts';
import { terminated } from './faults/terminated.ts';
import { unreadLog } from './faults/unread-log.ts';

/** All faults, each of which is a row of the table. */
export const faults: readonly Fault[] = [
  killed,
  historyKilled,
  ...prometheusFaultRows,
  ...apiServerFaultRows,
  ...replicaFaultRows,
  ...replicaPartitionRows,
  ...replicaChangeRows,
  hangingWrites,
  diskFull,
  readOnly,
  clockJumps,
  clockJumpsStandalone,
  blocked,
  fileDescriptors,
  ...connectionFloods,
  reloads,
  everyLimit,
  longWork,
  passwordFlood,
  unreadLog,
  terminated,
];
