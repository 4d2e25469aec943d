import type { Fact } from '../../explain/schema.ts';

/** The lists that a fact makes old. */
export interface Stale {
  readonly pipelines: boolean;
  readonly alerts: boolean;
  readonly silences: boolean;
  readonly payloads: boolean;
  readonly problems: boolean;
}

export const nothingStale: Stale = {
  pipelines: false,
  alerts: false,
  silences: false,
  payloads: false,
  problems: false,
};

export const allStale: Stale = { pipelines: true, alerts: true, silences: true, payloads: true, problems: true };

/** What has to be asked for again after these facts. */
export function staleAfter(facts: readonly Fact[], already: Stale = nothingStale): Stale {
  const has = (pattern: RegExp): boolean => facts.some(({ event }) => pattern.test(event));
  return {
    pipelines: already.pipelines || has(/^(?:condition|pipeline|pipelines|reconcile|silence|prometheus)\./),
    alerts: already.alerts || facts.some(changesAlerts),
    silences: already.silences || has(/^silences?\./),
    payloads: already.payloads || has(/^alerts\.(?:received|rejected|invalid)$/),
    problems: already.problems || has(/^problem\./),
  };
}

function changesAlerts({ event, new: fresh, resolved }: Fact): boolean {
  if (event === 'alerts.received') return fresh !== 0 || resolved !== 0;
  return /^(?:alert|silence|alerts)\./.test(event);
}
