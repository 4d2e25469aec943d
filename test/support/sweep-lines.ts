import type { LogLine } from './log-lines.ts';

/** Whether a line reports the end of the sweep that these alerts, by the id of {@link postAlerts}, have caused. */
export function sweepOf(id: string): (line: LogLine) => boolean {
  return ({ event, request_ids: ids }) => event === 'sweep.finished' && ((ids ?? []) as readonly string[]).includes(id);
}
