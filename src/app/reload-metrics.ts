import { createHash } from 'node:crypto';
import { Gauge, type Registry } from 'prom-client';

export interface ReloadMetrics {
  /** @param text of the configuration file, '' without one */
  succeeded(text: string, now: number): void;
  failed(): void;
}

/** Alertmanager's metrics of its configuration, under our name. The start counts as a reload. */
export function createReloadMetrics(registry: Registry, text: string, now: number): ReloadMetrics {
  const registers = [registry];
  const successful = new Gauge({
    registers,
    name: 'tocsin_config_last_reload_successful',
    help: 'Whether the last reload of the configuration succeeded.',
  });
  const succeededAt = new Gauge({
    registers,
    name: 'tocsin_config_last_reload_success_timestamp_seconds',
    help: 'When the configuration was last loaded with success.',
  });
  const hash = new Gauge({
    registers,
    name: 'tocsin_config_hash',
    help: 'Hash of the configuration file that was last loaded with success.',
  });
  const succeeded = (loaded: string, at: number): void => {
    successful.set(1);
    succeededAt.set(at / 1000);
    hash.set(hashOf(loaded));
  };
  succeeded(text, now);
  return { succeeded, failed: () => successful.set(0) };
}

/** 48 bits: as many as a float holds exactly, as Alertmanager has it. */
function hashOf(text: string): number {
  return createHash('sha256').update(text).digest().readUIntBE(0, 6);
}
