import type { PostedAlert } from '../../src/receiver/post-alerts.fixture.ts';

/** As many triggers as a namespace may have. */
const greedyTriggers = 50;

/** On a value as below it takes over ten milliseconds, however often it was tried on others. */
const costly = '[ab]*a[ab]{400}c?[ab]*';

/** As long as a value may be that is tried, and another one for each alert. */
function costlyValue(at: number): string {
  let state = at + 1;
  const next = (): string => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return 'ab'[(state >> 16) % 2]!;
  };
  return Array.from({ length: 1024 }, next).join('');
}

/** What the triggers of a team do with the objects of their namespace. */
type Action = 'condition' | 'annotate';

/**
 * The triggers of the configuration file: `greedy`, whose expressions are as large as is allowed, and `modest`, with one trigger for
 * the object that an alert names.
 */
export function twoTeams(action: Action): string {
  const greedy = Array.from({ length: greedyTriggers }, (_, n) =>
    triggerOf(`greedy-${n}`, { namespace: 'greedy', matchers: [`flood=~"${costly}"`, `n!="${n}"`], action }),
  );
  const modest = triggerOf('modest', { namespace: 'modest', matchers: ['alertname="Late"'], action: 'condition' });
  return `triggers:\n  list: ${JSON.stringify([...greedy, modest])}\n`;
}

interface TriggerOptions {
  readonly namespace: string;
  readonly matchers: readonly string[];
  readonly action: Action;
}

function triggerOf(name: string, { namespace, matchers, action }: TriggerOptions): object {
  const targets = [{ apiVersion: 'example.com/v1', kind: 'Shop', name: '{{ labels.shop }}' }];
  const actions = {
    condition: { condition: { type: 'AlertsQuiet' } },
    annotate: { annotate: { key: `example.com/${name}`, value: '{{ alertname }}' } },
  };
  return { name, namespace, matchers, targets, action: actions[action] };
}

/** Alerts of the greedy team on which each of its expressions has to be tried. */
export function greedyAlerts(count: number, from = 0): readonly PostedAlert[] {
  return Array.from({ length: count }, (_, at) => ({
    labels: {
      alertname: 'Flood',
      namespace: 'greedy',
      shop: `s-${(from + at) % 100}`,
      at: `${from + at}`,
      flood: costlyValue(from + at),
    },
  }));
}

/** An alert of the modest team about one of its objects. */
export function modestAlert(shop: number): PostedAlert {
  return { labels: { alertname: 'Late', namespace: 'modest', shop: `s-${shop}` } };
}

/** The objects of both, as manifests. */
export function shops(count: number): string {
  const one = (namespace: string, n: number): string =>
    `apiVersion: example.com/v1\nkind: Shop\nmetadata: {name: s-${n}, namespace: ${namespace}}\n`;
  return Array.from({ length: count }, (_, n) => one('greedy', n) + '---\n' + one('modest', n)).join('---\n');
}
