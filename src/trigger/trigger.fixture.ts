import { readTrigger, type TriggerRules } from './read-trigger.ts';
import type { Trigger, TriggerOrigin } from './trigger.ts';

/** The defaults of `triggers:`. */
export const defaultRules: TriggerRules = {
  limits: { minIntervalMs: 1000, maxMatchers: 20, maxTargets: 20 },
  namespaceLabel: 'namespace',
  strategy: 'OnNamespace',
  receiverNamespace: 'tocsin-system',
};

/** One target and one action, for a test that is about neither. */
export const anyTargets = [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'orders' }];
const anyAction = { log: {} };

interface Made {
  readonly origin?: TriggerOrigin;
  readonly namespace?: string;
  readonly name?: string;
  readonly rules?: Partial<TriggerRules>;
}

/** Compiles a trigger from what a test is about. Throws with all problems. */
export function newTrigger(spec: object, { origin, namespace, name = 'orders-db', rules = {} }: Made = {}): Trigger {
  const read = readTrigger(
    {
      origin: origin ?? (namespace === undefined ? 'file' : 'AlertTrigger'),
      ...(namespace !== undefined && { namespace }),
      name,
      generation: 1,
    },
    { targets: anyTargets, action: anyAction, ...spec },
    { ...defaultRules, ...rules },
  );
  if ('trigger' in read) return read.trigger;
  throw new Error(read.problems.map(({ path, message }) => `${path}: ${message}`).join('\n'));
}
