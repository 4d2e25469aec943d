import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Visible } from '../access/visible.ts';
import { Run } from './schema.ts';
import { runForTeam, TeamView } from './team-view.ts';

const visible = new Visible(['shop'], 'namespace');
const view = new TeamView(visible, visible);
const at = '2026-11-30T09:00:00.000Z';
const alertOf = (namespace: string, alertname = `OnlyOf-${namespace}`) => ({
  alertname,
  labels: { alertname, namespace },
});
const causeOf = (namespace: string) => ({
  ...alertOf(namespace),
  status: 'firing' as const,
  first_seen: at,
  last_seen: at,
  count: 1,
});
const keyOf = (namespace: string): string =>
  namespace === '' ? 'clusteralerttrigger/all' : `alerttrigger/${namespace}/of-${namespace}`;

function run(more: Partial<Run> = {}): Run {
  return {
    id: 'r',
    pipeline: { kind: 'Cluster', group: 'postgresql.cnpg.io', namespace: 'shop', name: 'orders' },
    at,
    priority: 'alert',
    triggers: ['alert'],
    causes: [],
    more_causes: 0,
    request_ids: [],
    event_ids: [],
    hops: {},
    decided_by: [],
    outcome: 'changed',
    ...more,
  };
}

describe('a run for a team', () => {
  it('keeps what its own alerts and triggers did', () => {
    const own = run({
      causes: [causeOf('shop')],
      chosen_by: [keyOf('shop')],
      decided_by: [alertOf('shop')],
      decided_by_triggers: [keyOf('shop')],
      actions: [{ trigger: keyOf('shop'), action: 'set the annotation a: b' }],
      transition: { type: 'Quiet', from: 'True', to: 'False', from_reason: 'NoAlerts', reason: 'Down', message: 'm' },
    });
    assert.deepEqual(runForTeam(own, view), own);
  });

  it('leaves out who sent it, what fires, and what another one’s alert decided', () => {
    const foreign = run({
      causes: [causeOf('bank'), causeOf('shop')],
      more_causes: 7,
      request_ids: ['r1'],
      more_request_ids: 3,
      event_ids: ['e1'],
      prometheus: { status: 'success', firing: 12, not_in_prometheus: ['OnlyOf-bank'] },
      chosen_by: [keyOf(''), keyOf('bank'), keyOf('shop')],
      decided_by: [alertOf('bank')],
      decided_by_triggers: [keyOf('')],
      decided_because: 'OnlyOf-bank',
      actions: [{ trigger: keyOf('bank'), action: 'OnlyOf-bank' }],
      throttled_by: [keyOf('bank')],
      throttled_until: at,
      transition: {
        type: 'Q',
        from: 'False',
        to: 'False',
        from_reason: 'A',
        reason: 'OnlyOf-bank',
        message: 'OnlyOf-bank',
      },
      because: 'prometheus_failed',
      error: 'http://prometheus.monitoring: refused',
    });
    assert.deepEqual(
      runForTeam(foreign, view),
      run({ causes: [causeOf('shop')], chosen_by: [keyOf('shop')], because: 'prometheus_failed' }),
    );
  });

  it('names nothing of others, whatever is in it', () => {
    const whose = fc.constantFrom('shop', 'bank', '');
    const some = fc.array(whose, { maxLength: 3 });
    fc.assert(
      fc.property(
        some,
        some,
        some,
        some,
        some,
        fc.boolean(),
        (causes, deciding, choosing, acting, waiting, changes) => {
          const cut = runForTeam(
            run({
              causes: causes.map(causeOf),
              decided_by: deciding.map((each) => alertOf(each)),
              decided_by_triggers: deciding.map(keyOf),
              chosen_by: choosing.map(keyOf),
              actions: acting.map((each) => ({ trigger: keyOf(each), action: `OnlyOf-${each}` })),
              throttled_by: waiting.map(keyOf),
              throttled_until: at,
              ...(changes && {
                transition: {
                  type: 'Quiet',
                  from: 'False' as const,
                  to: 'False' as const,
                  from_reason: 'OnlyOf-bank',
                  reason: `OnlyOf-${deciding.at(-1) ?? 'shop'}`,
                  message: `OnlyOf-${deciding.at(-1) ?? 'shop'}`,
                },
              }),
            }),
            view,
          );
          assert.doesNotMatch(JSON.stringify(cut), /bank|clusteralerttrigger|OnlyOf-"/);
          assert.ok(Run.safeParse(cut).success);
        },
      ),
    );
  });
});
