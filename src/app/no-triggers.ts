import type { TargetObjects, TriggerObserver } from '../trigger/ports.ts';

const nothing = (): void => undefined;

/** A home without objects besides pipelines. */
export const noObjects: TargetObjects = {
  require: nothing,
  stateOf: () => ({
    state: 'unavailable',
    reason: 'NotInstalled',
    message: 'there are no objects besides pipelines here',
  }),
  onChange: nothing,
  requestOf: () => undefined,
  select: () => [],
  get: () => undefined,
  ownerOf: () => Promise.resolve({ owner: undefined, reason: 'without a cluster, nobody owns a pod' }),
};

export const quietObserver: TriggerObserver = { fired: nothing, suppressed: nothing, ran: nothing, changed: nothing };
