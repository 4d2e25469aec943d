import type { Fact } from '../../explain/schema.ts';
import type { Range } from '../core/link.ts';
import { Loader } from '../core/loader.ts';
import { allStale, nothingStale, staleAfter, type Stale } from '../core/stale.ts';
import { BrowserApi } from './browser-api.ts';
import { Live } from './live.ts';
import { PageUrl } from './page-url.ts';
import { Store } from './store.ts';
import { after, every } from './timer.ts';

/** How often it is looked what is old, and after how long all is asked for again even if nothing was told; milliseconds. */
const lookMs = 500;
const anywayMs = 30_000;
/** A list is asked for again at the soonest after this, and after ten times as long as its last answer took. */
const soonestMs = 2000;
const restFactor = 10;

/** A hidden page follows the facts for so long; milliseconds. */
const restMs = 300_000;

type Task = keyof Stale | 'matching';

/** The state of the stream as an attribute of the document, for tests and for style. */
function mark(live: 'open' | 'closed' | 'gap'): void {
  document.documentElement.dataset['live'] = live;
}

/** Keeps the store as Tocsin is: follows the facts, and asks again for what they make old. */
export class PageSession {
  readonly api = new BrowserApi();
  readonly url = new PageUrl();
  readonly store = new Store(Date.now());
  readonly #loader: Loader;
  readonly #live: Live;
  #stale: Stale = nothingStale;
  #isMatchingStale = false;
  #isBusy = false;
  readonly #notBefore = new Map<Task, number>();
  #lastAllAt = 0;
  #hasBegun = false;
  #cancelRest: (() => void) | undefined;

  constructor() {
    const { api, store, url } = this;
    this.#loader = new Loader({ api, store, now: () => api.now(), link: () => url.link });
    this.#live = new Live({
      opened: (isNew) => this.#opened(isNew),
      facts: (facts) => this.#took(facts),
      gap: () => this.#gap(),
      lost: () => this.#lost(),
    });
  }

  start(): void {
    let { range }: { range: Range } = this.url.link;
    if ('to' in range) this.store.dispatch({ type: 'facts of', until: range.to });
    this.#live.open();
    void this.#all();
    let alert = '';
    const follow = (): void => {
      const { link } = this.url;
      if (link.alert !== alert || (link.alert !== '' && link.range !== range)) void this.#loader.matching(link);
      if (link.range !== range) this.#look(link.range);
      [range, alert] = [link.range, link.alert];
    };
    follow();
    this.url.subscribe(follow);
    every(lookMs, () => void this.#refresh());
    document.addEventListener('visibilitychange', () => this.#rest());
  }

  /**
   * A browser has six connections to a server, for all of its windows together, and each stream takes one. So a page that nobody looks
   * at gives its own back, after a while.
   */
  #rest(): void {
    this.#cancelRest?.();
    if (document.hidden) this.#cancelRest = after(restMs, () => this.#live.close());
    else if (!this.#live.isOpen) this.#live.open();
  }

  #look(range: Range): void {
    const until = 'to' in range ? range.to : undefined;
    // What is kept for a time up to now serves for another one up to now.
    if (until !== undefined || this.store.state.until !== undefined) this.store.dispatch({ type: 'facts of', until });
    void this.#loader.facts(range);
  }

  /** After an action of this page: its result is wanted at once. */
  touch(): void {
    this.#notBefore.clear();
    this.#stale = allStale;
    void this.#refresh();
  }

  #opened(isNew: boolean): void {
    this.store.dispatch({ type: 'connection', connection: { state: 'live', since: this.api.now() } });
    mark('open');
    if (isNew && this.#hasBegun) void this.#all();
    // What was asked for while it was away has failed.
    else if (this.#hasBegun) this.#stale = allStale;
    this.#hasBegun = true;
  }

  #took(facts: readonly Fact[]): void {
    this.store.dispatch({ type: 'facts', items: facts });
    this.#stale = staleAfter(facts, this.#stale);
    this.#isMatchingStale = true;
  }

  #gap(): void {
    mark('gap');
    this.store.dispatch({ type: 'gap', at: this.api.now() });
    const { range } = this.url.link;
    this.store.dispatch({ type: 'facts of', until: 'to' in range ? range.to : undefined });
    this.store.forgetIds();
    void this.#all();
  }

  #lost(): void {
    const since = this.api.now();
    mark('closed');
    this.store.dispatch({ type: 'connection', connection: { state: 'lost', since } });
    // The browser does not say why a stream ends; a question does.
    void this.#whyLost(since);
  }

  async #whyLost(since: number): Promise<void> {
    try {
      await this.api.get('api/tocsin/v1/history?limit=1');
    } catch (error) {
      const isStillLost = this.store.state.connection.state === 'lost';
      const why = error instanceof Error ? error.message : undefined;
      if (isStillLost) this.store.dispatch({ type: 'connection', connection: { state: 'lost', since, why } });
    }
  }

  async #all(): Promise<void> {
    this.#stale = nothingStale;
    this.#lastAllAt = Date.now();
    await this.#alone(() => this.#loader.all());
  }

  /** Only one reading at a time: a slow Tocsin is not asked faster. */
  async #alone(read: () => Promise<void>): Promise<void> {
    this.#isBusy = true;
    try {
      await read();
    } finally {
      this.#isBusy = false;
    }
  }

  async #refresh(): Promise<void> {
    if (this.#isBusy || document.hidden) return;
    if (Date.now() - this.#lastAllAt > anywayMs) {
      this.#lastAllAt = Date.now();
      const { alerts, facts } = this.store.state;
      const hasFailed = alerts.failure !== undefined;
      this.#stale = {
        ...this.#stale,
        pipelines: true,
        problems: true,
        silences: true,
        ...(hasFailed && { alerts: true }),
      };
      if (facts.failure !== undefined) void this.#loader.facts(this.url.link.range);
    }
    await this.#alone(async () => {
      for (const task of ['pipelines', 'silences', 'problems', 'alerts', 'payloads'] as const) {
        if (!this.#stale[task] || !this.#isDue(task)) continue;
        this.#stale = { ...this.#stale, [task]: false };
        await this.#timed(task, () => this.#loader[task]());
      }
      if (this.#isMatchingStale && this.url.link.alert !== '' && this.#isDue('matching')) {
        this.#isMatchingStale = false;
        await this.#timed('matching', () => this.#loader.matching(this.url.link));
      }
    });
  }

  #isDue(task: Task): boolean {
    const isWanted = task !== 'payloads' || this.url.link.list === 'payloads';
    return isWanted && Date.now() >= (this.#notBefore.get(task) ?? 0);
  }

  async #timed(task: Task, read: () => Promise<void>): Promise<void> {
    const began = performance.now();
    await read();
    const took = performance.now() - began;
    this.#notBefore.set(task, Date.now() + Math.max(soonestMs, restFactor * took));
  }
}
