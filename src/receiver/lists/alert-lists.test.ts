import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AlertStore } from '../../alert/alert-store.ts';
import { readAlerts } from '../../alert/postable/read-alerts.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { AlertLists, type SlicedText } from './alert-lists.ts';
import { Query } from '../../text/go/url.ts';

const clock = new FakeClock();
const options = { maxAlerts: 1e6, maxBytes: 1e9, resolveTimeoutMs: 300_000 };

function storeOf(labels: readonly Readonly<Record<string, string>>[]): AlertStore {
  const store = new AlertStore(() => options);
  put(store, labels);
  return store;
}

function put(store: AlertStore, labels: readonly Readonly<Record<string, string>>[]): void {
  const body = JSON.stringify(labels.map((set) => ({ labels: set })));
  for (const alert of readAlerts(body, 64)) if (alert !== undefined) store.put(alert, clock.now(), 1);
}

function listsOf(store: AlertStore): AlertLists {
  return new AlertLists({ clock, store, silencedBy: () => [], onUndecided: () => undefined, groupBy: ['alertname'] });
}

/** The whole text, and the number of steps before its beginning. */
function run(text: SlicedText): { readonly text: string; readonly stepsBefore: number } {
  const steps = [...text];
  return { text: steps.join(''), stepsBefore: steps.findIndex((step) => step !== undefined) };
}

const many = Array.from({ length: 5000 }, (_, index) => ({ alertname: `A${index % 7}`, n: String(index) }));

describe('AlertLists', () => {
  for (const list of ['alerts', 'groups'] as const) {
    it(`goes through ${list} in many small steps`, () => {
      const { text, stepsBefore } = run(listsOf(storeOf(many))[list](new Query('/')));
      assert.equal((JSON.parse(text) as unknown[]).length, list === 'alerts' ? 5000 : 7);
      assert.ok(stepsBefore >= 5000 / 64 - 1, `${stepsBefore}`);
    });

    it(`yields after each regular expression that it tries on ${list}`, () => {
      const { stepsBefore } = run(listsOf(storeOf(many))[list](new Query('/?filter=n=~.*&filter=n=~.*')));
      assert.ok(stepsBefore > 10_000, `${stepsBefore}`);
    });
  }

  it('shows an alert as it is when its turn comes, and leaves out alerts that have ended by then', () => {
    const store = storeOf(many.slice(0, 3));
    const text = listsOf(store).alerts(new Query('/'));
    let written = '';
    while (!written.includes('fingerprint')) written += text.next().value ?? '';
    clock.advance(300_000);
    written += [...text].join('');
    assert.equal((JSON.parse(written) as unknown[]).length, 1);
  });

  it('goes on while alerts come and go', () => {
    const store = storeOf(many);
    const text = listsOf(store).alerts(new Query('/'));
    let written = '';
    for (let step = 0; ; step++) {
      if (step < 1000) put(store, [{ later: String(step) }]);
      const next = text.next();
      if (next.done === true) break;
      written += next.value ?? '';
    }
    const prints = (JSON.parse(written) as readonly { readonly fingerprint: string }[]).map(
      ({ fingerprint }) => fingerprint,
    );
    assert.ok(prints.length >= 5000);
    assert.deepEqual(prints, prints.toSorted());
    assert.equal(new Set(prints).size, prints.length);
  });
});
