import type { AlertStore } from '../alert/alert-store.ts';
import type { Config } from '../config/config.ts';

/** The limits of the alert store. They are read each time: a reload may have changed them. */
export function storeLimits(receiver: () => Config['receiver']): ConstructorParameters<typeof AlertStore>[0] {
  return {
    get maxAlerts() {
      return receiver().max_alerts;
    },
    get maxBytes() {
      return receiver().max_alerts_size;
    },
    get resolveTimeoutMs() {
      return receiver().resolve_timeout;
    },
  };
}
