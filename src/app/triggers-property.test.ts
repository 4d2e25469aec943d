import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import type { LabelSet } from '../alert/labels.ts';
import type { Request } from '../reconcile/ports.ts';
import { newTrigger } from '../trigger/trigger.fixture.ts';
import type { LostWrite } from './fake-home.fixture.ts';
import { triggersBench } from './triggers.fixture.ts';

const apps = ['orders', 'carts'] as const;
const types = ['X', 'Y'] as const;
const severities = ['critical', 'warning'];

interface Spec {
  readonly target: 'named' | 'selected' | 'templated';
  readonly app: (typeof apps)[number];
  /** The only name that it matches; undefined: any. */
  readonly alertname: string | undefined;
  readonly type: (typeof types)[number];
  readonly observes: boolean;
}

/** Of another controller's condition; undefined: it takes it away. */
type Status = 'True' | 'False' | undefined;

interface Foreign {
  readonly do: 'foreign';
  readonly name: string;
  readonly type: string;
  readonly status: Status;
}

type Step =
  | { readonly do: 'set'; readonly trigger: string; readonly spec: Spec }
  | { readonly do: 'delete'; readonly trigger: string }
  | { readonly do: 'fire' | 'resolve'; readonly labels: LabelSet }
  | { readonly do: 'label'; readonly name: string; readonly app: string }
  | { readonly do: 'remove'; readonly name: string }
  | Foreign
  | { readonly do: 'lag'; readonly lags: boolean }
  | { readonly do: 'lose'; readonly writes: readonly LostWrite[] }
  | { readonly do: 'restart' };

const name = fc.constantFrom(...apps);
const trigger = fc.constantFrom('t0', 't1', 't2');
const spec: fc.Arbitrary<Spec> = fc.record({
  target: fc.constantFrom('named', 'selected', 'templated'),
  app: name,
  alertname: fc.constantFrom('A', 'B', undefined),
  type: fc.constantFrom(...types),
  observes: fc.constantFrom(false, false, false, true),
});
const labels = fc.record({
  alertname: fc.constantFrom('A', 'B'),
  severity: fc.constantFrom(...severities),
  app: name,
  namespace: fc.constant('shop'),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('set' as const), trigger, spec }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), trigger }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('fire' as const, 'resolve' as const), labels }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('label' as const), name, app: name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lag' as const), lags: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('lose' as const),
      writes: fc.array(fc.constantFrom<LostWrite>('made', 'not made'), { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('foreign' as const),
      name,
      type: fc.constantFrom(...types),
      status: fc.constantFrom('True' as const, 'False' as const, undefined),
    }),
  },
);

/** What the conditions have to be, from the words of the documentation and with no thought of cost. */
class NaiveModel {
  readonly triggers = new Map<string, Spec>();
  readonly firing = new Map<string, LabelSet>();
  /** The label `app` of each object. */
  readonly objects = new Map<string, string>();
  /** `name type`, and the condition. */
  readonly conditions = new Map<string, string>();
  /** `name type` of conditions that another controller has changed, while the watch has not told it. */
  readonly untold = new Set<string>();
  /** Where triggers have written: `trigger name type`. */
  readonly #written = new Set<string>();

  remove(object: string): void {
    this.objects.delete(object);
    for (const type of types) this.conditions.delete(`${object} ${type}`);
    for (const written of this.#written) if (written.includes(` ${object} `)) this.#written.delete(written);
  }

  /** False if there is nothing to take away. */
  setForeign(object: string, type: string, status: Status): boolean {
    const key = `${object} ${type}`;
    if (!this.objects.has(object) || (status === undefined && !this.#isForeign(key))) return false;
    if (status === undefined) this.conditions.delete(key);
    else this.conditions.set(key, `${status} Foreign`);
    return true;
  }

  #isForeign(key: string): boolean {
    return this.conditions.get(key)?.endsWith(' Foreign') === true;
  }

  lookAtAll(): void {
    for (const object of this.objects.keys()) this.#look(object);
  }

  #look(object: string): void {
    const naming = [...this.triggers].filter(([key, each]) => this.#names(key, each, object));
    this.#keep(object, naming);
    this.#remove(object, naming);
  }

  #keep(object: string, naming: readonly (readonly [string, Spec])[]): void {
    for (const type of types) {
      if (this.untold.has(`${object} ${type}`)) continue;
      const active = naming.filter(([, each]) => each.type === type && !each.observes);
      if (this.#isForeign(`${object} ${type}`)) {
        for (const written of this.#written) if (written.endsWith(` ${object} ${type}`)) this.#written.delete(written);
        continue;
      }
      if (active.length === 0) continue;
      const alerts = active.flatMap(([, each]) => this.#alertsOf(each, object));
      const [worst] = alerts.toSorted((a, b) => rank(a).localeCompare(rank(b)));
      this.conditions.set(`${object} ${type}`, worst === undefined ? 'True NoAlerts' : `False ${worst['alertname']}`);
      for (const [key] of active) this.#written.add(`${key} ${object} ${type}`);
    }
  }

  #remove(object: string, naming: readonly (readonly [string, Spec])[]): void {
    for (const written of this.#written) {
      const [key, at, type] = written.split(' ') as [string, string, string];
      if (at !== object || this.untold.has(`${object} ${type}`)) continue;
      if (naming.some(([each, { type: own }]) => each === key && own === type)) continue;
      this.#written.delete(written);
      const heirs = naming.filter(([, { type: own }]) => own === type);
      for (const [heir] of heirs) this.#written.add(`${heir} ${object} ${type}`);
      if (heirs.length === 0) this.conditions.delete(`${object} ${type}`);
    }
  }

  #names(key: string, each: Spec, object: string): boolean {
    if (each.target === 'named') return each.app === object;
    if (each.target === 'selected') return each.app === this.objects.get(object);
    return this.#alertsOf(each, object).length > 0 || this.#written.has(`${key} ${object} ${each.type}`);
  }

  #alertsOf({ alertname, target }: Spec, object: string): readonly LabelSet[] {
    return [...this.firing.values()].filter(
      (alert) =>
        (alertname === undefined || alert['alertname'] === alertname) &&
        (target !== 'templated' || alert['app'] === object),
    );
  }
}

function rank(alert: LabelSet): string {
  return `${severities.indexOf(alert['severity']!)} ${alert['alertname']}`;
}

function compiled(key: string, { target, app, alertname, type, observes }: Spec): ReturnType<typeof newTrigger> {
  const kind = { apiVersion: 'apps/v1', kind: 'Deployment' };
  const targets = {
    named: { ...kind, name: app },
    selected: { ...kind, selector: { matchLabels: { app } } },
    templated: { ...kind, name: '{{ labels.app }}' },
  };
  const matchers = alertname === undefined ? {} : { matchers: [`alertname="${alertname}"`] };
  const mode = observes ? { mode: 'observe' } : {};
  const whole = { targets: [targets[target]], action: { condition: { type } }, ...matchers, ...mode };
  return newTrigger(whole, { namespace: 'shop', name: key });
}

function requestOf(object: string): Request {
  return { kind: 'Deployment', namespace: 'shop', name: object };
}

/** A sequence that is played with the program and with the model. */
class Sequence {
  readonly #t: TestContext;
  readonly #model = new NaiveModel();
  #bench: Awaited<ReturnType<typeof triggersBench>>;

  private constructor(t: TestContext, bench: Awaited<ReturnType<typeof triggersBench>>) {
    this.#t = t;
    this.#bench = bench;
    for (const object of apps) this.#model.objects.set(object, object);
    for (const object of apps) bench.home.put(requestOf(object), { app: object });
  }

  static async begin(t: TestContext): Promise<Sequence> {
    return new Sequence(t, await triggersBench(t));
  }

  async play(each: Step): Promise<void> {
    const [model, { home }] = [this.#model, this.#bench];
    switch (each.do) {
      case 'set':
        model.triggers.set(each.trigger, each.spec);
        return this.#apply(each.trigger, each.spec);
      case 'delete':
        model.triggers.delete(each.trigger);
        return this.#bench.reconciling.triggers.setCluster(`alerttrigger/shop/${each.trigger}`, undefined);
      case 'fire':
        model.firing.set(JSON.stringify(each.labels), each.labels);
        return this.#bench.alert(each.labels);
      case 'resolve':
        model.firing.delete(JSON.stringify(each.labels));
        return this.#bench.alert(each.labels, 'resolved');
      case 'label':
        model.objects.set(each.name, each.app);
        home.put(requestOf(each.name), { app: each.app });
        return this.#catchUp();
      case 'remove':
        model.remove(each.name);
        home.remove(requestOf(each.name));
        return this.#catchUp();
      case 'foreign':
        return this.#changeForeign(each);
      case 'lag':
        home.lags = each.lags;
        return each.lags ? undefined : this.#catchUp();
      case 'lose':
        return void home.lost.push(...each.writes);
      case 'restart':
        return this.#restart();
    }
  }

  async check(): Promise<void> {
    const model = this.#model;
    await this.#bench.settle();
    model.lookAtAll();
    const found = apps.flatMap((object) =>
      this.#bench.home
        .conditionsOf(requestOf(object))
        .map(({ type, status, reason }) => [`${object} ${type}`, `${status} ${reason}`]),
    );
    const told = (all: Iterable<readonly string[]>): object =>
      Object.fromEntries([...all].filter(([key]) => !model.untold.has(key!)) as [string, string][]);
    assert.deepEqual(told(found), told(model.conditions));
  }

  async end(): Promise<void> {
    this.#bench.home.lags = false;
    this.#catchUp();
    await this.check();
    await this.#bench.stop();
  }

  #apply(key: string, known: Spec): void {
    const made = compiled(key, known);
    this.#bench.reconciling.triggers.setCluster(made.key, made);
  }

  #catchUp(): void {
    this.#bench.home.catchUp();
    this.#model.untold.clear();
  }

  #changeForeign(change: Foreign): void {
    const { name: object, type, status } = change;
    const { home } = this.#bench;
    if (!this.#model.setForeign(object, type, status)) return;
    home.setForeign(requestOf(object), type, status && { status, reason: 'Foreign' });
    if (home.lags) this.#model.untold.add(`${object} ${type}`);
  }

  async #restart(): Promise<void> {
    await this.#bench.stop();
    const { firing } = this.#bench;
    this.#bench = await triggersBench(this.#t, {}, this.#bench);
    for (const [key, alert] of firing) this.#bench.firing.set(key, alert);
    for (const [key, known] of this.#model.triggers) this.#apply(key, known);
    void this.#bench.reconciling.pipelines.sweep('start');
    // If the watch lags, it looks at everything before it knows the objects.
    await this.#bench.settle();
    this.#catchUp();
  }
}

describe('triggers, in any order of changes, alerts, objects, restarts, lost writes and watches that lag', () => {
  it('leave the conditions as the naive model has them, and nothing else', async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 12 }), async (steps) => {
        const sequence = await Sequence.begin(t);
        for (const each of steps) {
          await sequence.play(each);
          await sequence.check();
        }
        await sequence.end();
      }),
      { numRuns: 40 },
    );
  });
});
