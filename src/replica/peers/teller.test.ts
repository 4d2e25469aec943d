import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { AlertStore } from '../../alert/alert-store.ts';
import { posted } from '../../alert/alert-store.fixture.ts';
import type { Alert } from '../../alert/alert.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { SliceSchedule } from '../../runtime/slices.ts';
import { PeerRefusal, type PeerRequest } from './peer-client.ts';
import type { Peer } from './peers.ts';
import { TestLeadership } from './replicas.fixture.ts';
import { tellAfterMs, Teller } from './teller.ts';

/** What a leader says to the indexes that it is asked for, or why it refuses. */
type Answer = readonly number[] | PeerRefusal;

interface Stage {
  readonly clock: FakeClock;
  readonly teller: Teller;
  readonly alerts: readonly Alert[];
  /** What the leader was asked, and how many bytes that were. */
  readonly asked: readonly string[];
  readonly known: readonly number[];
}

function stageOf(test: TestContext, { received, told }: { readonly received: Answer; readonly told: Answer }): Stage {
  const clock = new FakeClock();
  const store = new AlertStore(() => ({ maxAlerts: 1000, maxBytes: 10_000_000, resolveTimeoutMs: 300_000 }));
  const leadership = new TestLeadership('me');
  const asked: string[] = [];
  const known: number[] = [];
  const call = async ({ path, body }: PeerRequest): Promise<string> => {
    const [name = ''] = path.split('?');
    asked.push(`${name} ${body?.content.length}`);
    const missing = name === 'received' ? received : body?.content.length === 0 ? [] : told;
    if (missing instanceof PeerRefusal) throw missing;
    return JSON.stringify({ version: 1, term: 1, mark: asked.length, covered: 0, missing });
  };
  const teller = new Teller({
    clock,
    schedule: new SliceSchedule(clock),
    leadership,
    peers: { find: () => ({ call }) as unknown as Peer, lookAgain: () => undefined },
    store,
    tenant: '',
    waiting: () => ({ added: 0, isWaiting: false, drop: () => 0 }),
    observer: {
      told: (alerts, knew) => void known.push(alerts - knew),
      omitted: () => undefined,
      failed: (error) => assert.fail(error as Error),
      succeeded: () => undefined,
      covered: () => undefined,
    },
  });
  teller.start();
  test.after(() => teller.close());
  leadership.set('leader', 1);
  const names = ['A', 'B', 'C'];
  const alerts = names.map((alertname) => {
    const stored = store.put(posted({ labels: { alertname } }), 0, 1);
    return typeof stored === 'string' ? assert.fail(stored) : stored.alert;
  });
  return { clock, teller, alerts, asked, known };
}

/** After the leader has been told everything once. */
async function bodiesTold(stage: Stage): Promise<readonly string[]> {
  await stage.clock.advanceAsync(tellAfterMs);
  const before = stage.asked.length;
  const [a, b, c] = stage.alerts as [Alert, Alert, Alert];
  stage.teller.tookBody({ body: 1, keys: 1 }, [a, b]);
  stage.teller.tookBody({ body: 2, keys: 2 }, [c]);
  assert.equal(stage.teller.pending, 3);
  await stage.clock.advanceAsync(tellAfterMs);
  assert.equal(stage.teller.pending, 0);
  return stage.asked.slice(before);
}

describe('Teller', () => {
  it('tells no alert of a body that the leader has got too', async (test) => {
    const stage = stageOf(test, { received: [], told: [] });
    assert.deepEqual(await bodiesTold(stage), ['received 24']);
  });

  it('tells the alerts of a body that the leader has not got one by one', async (test) => {
    const stage = stageOf(test, { received: [0], told: [] });
    assert.deepEqual(await bodiesTold(stage), ['received 24', 'told 40']);
  });

  it('tells all alerts one by one to a leader that knows of no receipts', async (test) => {
    const refusal = new PeerRefusal(404, 'not found');
    const stage = stageOf(test, { received: refusal, told: [] });
    assert.deepEqual(await bodiesTold(stage), ['received 24', 'told 60']);
  });

  it('tells one by one what it has no room for as bodies', async (test) => {
    const stage = stageOf(test, { received: [], told: [] });
    await stage.clock.advanceAsync(tellAfterMs);
    const [a, b] = stage.alerts as [Alert, Alert, Alert];
    stage.teller.tookBody({ body: 1, keys: 1 }, [a]);
    stage.teller.tookBody(
      { body: 2, keys: 2 },
      Array.from({ length: 100_000 }, () => b),
    );
    assert.equal(stage.teller.pending, 2);
    await stage.clock.advanceAsync(tellAfterMs);
    assert.equal(stage.asked.at(-1), 'told 40');
  });
});
