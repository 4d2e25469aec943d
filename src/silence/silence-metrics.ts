import { Counter, Gauge, type Registry } from 'prom-client';
import type { SilenceLimit } from './silence-error.ts';
import type { SilenceState } from './silence.ts';
import { roomLimits, type RoomLimit } from './silence-room.ts';

export interface SilenceMetrics {
  readonly notStored: Counter;
  limitReached(limit: SilenceLimit): void;
  /** A silence that had ended made room for another one. */
  forgotten(limit: RoomLimit): void;
}

/**
 * @param limitReached counts a limit of silences among those of all requests
 * @param count how many silences there are, read at each scrape
 */
export function createSilenceMetrics(
  registry: Registry,
  limitReached: (limit: SilenceLimit) => void,
  count: () => Readonly<Record<SilenceState, number>>,
): SilenceMetrics {
  const registers = [registry];
  new Gauge({
    registers,
    name: 'tocsin_silences',
    help: 'Silences, by state; those that have ended are remembered for a while.',
    labelNames: ['state'],
    collect() {
      const counts = count();
      for (const state of ['active', 'pending', 'expired'] as const) this.set({ state }, counts[state]);
    },
  });
  const notStored = new Counter({
    registers,
    name: 'tocsin_silences_not_stored_total',
    help: 'Changes of silences that were refused because they could not be written to the storage.',
  });
  const forgotten = new Counter({
    registers,
    name: 'tocsin_silences_forgotten_total',
    help: 'Silences that had ended and were forgotten before receiver.silence_retention, to make room for others, by the limit.',
    labelNames: ['limit'],
  });
  for (const limit of roomLimits) forgotten.inc({ limit }, 0);
  return { notStored, limitReached, forgotten: (limit) => forgotten.inc({ limit }) };
}
