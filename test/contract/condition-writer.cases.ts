import { setCondition } from '../../src/health/flow-health.ts';
import type { Condition, ConditionChange } from '../../src/reconcile/ports.ts';

/** A status before, a change, and the expected result. */
export interface WriteCase {
  readonly name: string;
  /** Undefined: the object has no status. */
  readonly status?: { readonly unsupportedMode?: boolean; readonly conditions?: readonly Condition[] };
  /** The cached conditions; default: the actual ones. */
  readonly cached?: readonly Condition[];
  readonly change: ConditionChange;
  /** True if the object is deleted and created again, with the same status, before the first call. */
  readonly isReplaced?: true;
  /** What others do to the status, once, before the first call that changes something is answered. */
  readonly meanwhile?: (conditions: readonly Condition[]) => readonly Condition[];
  /** The types and reasons of the conditions afterwards. */
  readonly expected: readonly string[];
  /** The calls that are made if the cache was right. */
  readonly calls: readonly string[];
  readonly written?: boolean;
}

export function condition(type: string, reason = 'Good', changes: Partial<Condition> = {}): Condition {
  const lastTransitionTime = '2026-11-20T00:00:00Z';
  return { type, status: 'True', reason, message: `${type} is ${reason}`, lastTransitionTime, ...changes };
}

export function setFlow(reason: string): ConditionChange {
  const { lastTransitionTime: _, ...desired } = condition('TelemetryFlowHealthy', reason);
  const at = Date.parse('2026-11-21T00:00:00Z');
  return (current) => setCondition(current, { ...desired, observedGeneration: 1 }, at)?.conditions;
}

const removeFlow: ConditionChange = (current) => {
  const rest = current.filter(({ type }) => type !== 'TelemetryFlowHealthy');
  return rest.length === current.length ? undefined : rest;
};

const flow = condition('TelemetryFlowHealthy', 'Old', { observedGeneration: 1 });
const others = [condition('ConfigurationGenerated'), condition('GatewayHealthy'), condition('AgentHealthy')] as const;
const around = [others[0], flow, others[1], others[2]];
const show = ({ type, reason }: Condition): string => `${type}=${reason}`;
const shown = others.map(show);
const aroundNew = [shown[0]!, 'TelemetryFlowHealthy=New', shown[1]!, shown[2]!];
const one = ['PATCH /status'];
const again = ['PATCH /status', 'GET', 'PATCH /status'];

export const writeCases: readonly WriteCase[] = [
  { name: 'an object without a status', change: setFlow('New'), expected: ['TelemetryFlowHealthy=New'], calls: one },
  {
    name: 'a status without conditions, whose other fields stay',
    status: { unsupportedMode: true },
    change: setFlow('New'),
    expected: ['TelemetryFlowHealthy=New'],
    calls: one,
  },
  {
    name: 'an empty list of conditions',
    status: { conditions: [] },
    change: setFlow('New'),
    expected: ['TelemetryFlowHealthy=New'],
    calls: one,
  },
  {
    name: 'a new condition behind those of others',
    status: { conditions: others },
    change: setFlow('New'),
    expected: [...shown, 'TelemetryFlowHealthy=New'],
    calls: one,
  },
  {
    name: 'another reason in the middle of those of others',
    status: { conditions: around },
    change: setFlow('New'),
    expected: aroundNew,
    calls: one,
  },
  {
    name: 'nothing, where nothing changes',
    status: { conditions: around },
    change: setFlow('Old'),
    expected: around.map(show),
    calls: [],
    written: false,
  },
  {
    name: 'one of a type that is there twice: the second goes',
    status: { conditions: [flow, others[0], flow] },
    change: setFlow('New'),
    expected: ['TelemetryFlowHealthy=New', shown[0]!],
    calls: one,
  },
  {
    name: 'among two hundred conditions',
    status: { conditions: [...Array.from({ length: 200 }, (_, index) => condition(`Other${index}`)), flow] },
    change: setFlow('New'),
    expected: [...Array.from({ length: 200 }, (_, index) => `Other${index}=Good`), 'TelemetryFlowHealthy=New'],
    calls: one,
  },
  {
    name: 'at once while another changes its own condition',
    status: { conditions: around },
    meanwhile: (found) =>
      found.map((entry) => (entry.type === 'AgentHealthy' ? condition('AgentHealthy', 'Bad') : entry)),
    change: setFlow('New'),
    expected: [...aroundNew.slice(0, 3), 'AgentHealthy=Bad'],
    calls: one,
  },
  {
    name: 'at the second try when another has moved our entry',
    status: { conditions: around },
    meanwhile: (found) => found.slice(1),
    change: setFlow('New'),
    expected: aroundNew.slice(1),
    calls: again,
  },
  {
    name: 'at the second try when another has removed our entry',
    status: { conditions: around },
    meanwhile: (found) => found.filter(({ type }) => type !== 'TelemetryFlowHealthy'),
    change: setFlow('New'),
    expected: [...shown, 'TelemetryFlowHealthy=New'],
    calls: again,
  },
  {
    name: 'at the second try when another has added a condition before our first write',
    status: { conditions: [others[0]] },
    meanwhile: (found) => [...found, others[1]],
    change: setFlow('New'),
    expected: [shown[0]!, shown[1]!, 'TelemetryFlowHealthy=New'],
    calls: again,
  },
  {
    name: 'at the second try when another has made the status before our first write',
    meanwhile: () => [others[0]],
    change: setFlow('New'),
    expected: [shown[0]!, 'TelemetryFlowHealthy=New'],
    calls: again,
  },
  {
    name: 'nothing, when another has written the same meanwhile',
    status: { conditions: around },
    meanwhile: (found) => setFlow('New')(found)!,
    change: setFlow('New'),
    expected: aroundNew,
    calls: ['PATCH /status', 'GET'],
    written: false,
  },
  {
    name: 'nothing of our entry, and leaves those of others',
    status: { conditions: around },
    change: removeFlow,
    expected: shown,
    calls: one,
  },
  {
    name: 'an empty list, where our entry was the only one',
    status: { conditions: [flow] },
    change: removeFlow,
    expected: [],
    calls: one,
  },
  {
    name: 'nothing of our entry at once while another changes its own condition',
    status: { conditions: around },
    meanwhile: (found) =>
      found.map((entry) => (entry.type === 'AgentHealthy' ? condition('AgentHealthy', 'Bad') : entry)),
    change: removeFlow,
    expected: [...shown.slice(0, 2), 'AgentHealthy=Bad'],
    calls: one,
  },
  {
    name: 'nothing of our entry at the second try when another has moved it',
    status: { conditions: around },
    meanwhile: (found) => found.slice(1),
    change: removeFlow,
    expected: shown.slice(1),
    calls: again,
  },
  {
    name: 'nothing into a successor of the same name, though its conditions are the same',
    status: { conditions: around },
    change: setFlow('New'),
    isReplaced: true,
    expected: around.map(show),
    calls: ['PATCH /status', 'GET'],
    written: false,
  },
  {
    name: 'nothing into a successor of the same name that has no status yet either',
    change: setFlow('New'),
    isReplaced: true,
    expected: [],
    calls: ['PATCH /status', 'GET'],
    written: false,
  },
  {
    name: 'though the cache is old',
    status: { conditions: around },
    cached: [condition('TelemetryFlowHealthy', 'Older')],
    change: setFlow('New'),
    expected: aroundNew,
    calls: again,
  },
];
