import { Config } from '../config/config.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { Connections, type ConnectionsOptions } from './connections.ts';

const { receiver } = Config.parse({});

/** Connections with the default limits, unless the test gives others. */
export function testConnections(
  options: Pick<ConnectionsOptions, 'clock' | 'logger' | 'metrics'> & Partial<ConnectionsOptions>,
): Connections {
  return new Connections({
    schedule: new SliceSchedule(options.clock),
    maxBytes: () => receiver.max_connection_memory,
    maxHeaders: receiver.max_headers,
    maxHeaderBytes: receiver.max_header_size,
    ...options,
  });
}
