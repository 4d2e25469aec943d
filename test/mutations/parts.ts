import { alertMerge } from './alert-merge.ts';
import { alertStore } from './alert-store.ts';
import { condition } from './condition.ts';
import { debouncer } from './debouncer.ts';
import { election } from './election.ts';
import { eventChannel } from './event-channel.ts';
import { fingerprint } from './fingerprint.ts';
import { healthRules } from './health-rules.ts';
import { matcher } from './matcher.ts';
import type { MutatedPart } from './mutation.ts';
import { requestMapper } from './request-mapper.ts';
import { retryDecision } from './retry-decision.ts';
import { routes } from './routes.ts';
import { silences } from './silences.ts';
import { triggerConditions } from './trigger-conditions.ts';
import { triggerGuards } from './trigger-guards.ts';
import { triggers } from './triggers.ts';
import { verdictAlerts } from './verdict-alerts.ts';
import { workQueue } from './work-queue.ts';

/** The pure core, on the way of an alert to people; and the rules of routes. */
export const parts: readonly MutatedPart[] = [
  alertMerge,
  alertStore,
  fingerprint,
  matcher,
  silences,
  debouncer,
  eventChannel,
  requestMapper,
  workQueue,
  retryDecision,
  healthRules,
  condition,
  verdictAlerts,
  routes,
  triggers,
  triggerConditions,
  triggerGuards,
  election,
];
