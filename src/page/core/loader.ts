import type { Problem } from '../../explain/schema-status.ts';
import type { Payload } from '../../explain/schema-requests.ts';
import type { Alert, Fact, Pipeline } from '../../explain/schema.ts';
import { failureOf, ownApi, pathOf, type Api } from './api-port.ts';
import { boundsOf, type Link, type Range } from './link.ts';
import type { Action, Matching, Silence } from './state.ts';

/** What a list has at most, and how many pages are read for it. */
const pageSize = 1000;
const maxPipelinePages = 10;
const maxAlertPages = 10;
const maxFactPages = 5;
const maxMatchingPages = 3;

/** The stream has the facts of the replica that sent this page, and facts of several replicas can have one id. */
const ownFacts = { replicas: 'this' };

type Page<Item> = { readonly items: readonly Item[]; readonly next?: string };

/** Takes what was read. */
export interface ActionSink {
  /** The newest fact that came. */
  readonly newestId: number;
  dispatch(action: Action): void;
}

export interface LoaderOptions {
  readonly api: Api;
  readonly store: ActionSink;
  readonly now: () => number;
  readonly link: () => Link;
}

/** Reads the lists of Tocsin into the store. Nothing here throws: what cannot be read is told beside what was read before. */
export class Loader {
  readonly #options: LoaderOptions;
  /** Counts the times that were wanted: an answer for an older one is dropped. */
  #wanted = 0;

  constructor(options: LoaderOptions) {
    this.#options = options;
  }

  /** What a person looks for comes first. */
  async all(): Promise<void> {
    await this.newest();
    await this.pipelines();
    const { range } = this.#options.link();
    await Promise.all([this.silences(), this.problems(), this.alerts(), this.facts(range)]);
    await this.payloads();
  }

  /** Finds out where the history stands, so that older facts are not taken for news. */
  async newest(): Promise<void> {
    try {
      const { items } = await this.#options.api.get<Page<Fact>>(pathOf(`${ownApi}/history`, { limit: 1, ...ownFacts }));
      this.#options.store.dispatch({ type: 'facts', items });
    } catch (error) {
      this.#options.store.dispatch({ type: 'failed', what: 'facts', failure: failureOf(error) });
    }
  }

  async pipelines(): Promise<void> {
    const { store } = this.#options;
    const asOf = store.newestId;
    try {
      const items: Pipeline[] = [];
      let isCut = false;
      for await (const page of this.#pages<Pipeline>('pipelines', {}, maxPipelinePages)) {
        items.push(...page.items);
        isCut = page.next !== undefined;
      }
      performance.mark('tocsin:answer');
      store.dispatch({ type: 'pipelines', items, isCut, asOf });
    } catch (error) {
      store.dispatch({ type: 'failed', what: 'pipelines', failure: failureOf(error) });
    }
  }

  async alerts(): Promise<void> {
    const { store } = this.#options;
    const asOf = store.newestId;
    try {
      const items: Alert[] = [];
      let isCut = false;
      for await (const page of this.#pages<Alert>('alerts', {}, maxAlertPages)) {
        items.push(...page.items);
        isCut = page.next !== undefined;
      }
      store.dispatch({ type: 'alerts', items, isCut, asOf });
    } catch (error) {
      store.dispatch({ type: 'failed', what: 'alerts', failure: failureOf(error) });
    }
  }

  /** The facts of a time: first the changes of conditions, which are few, then all, the newest first. */
  async facts(range: Range): Promise<void> {
    const { store, api, now } = this.#options;
    const wanted = ++this.#wanted;
    const time = timeOf(range, now());
    try {
      const changed = { ...time, ...ownFacts, event: 'condition.changed', limit: pageSize };
      const changes = await api.get<Page<Fact>>(pathOf(`${ownApi}/history`, changed));
      if (wanted !== this.#wanted) return;
      store.dispatch({ type: 'facts', items: changes.items });
      let isCut = false;
      for await (const page of this.#pages<Fact>('history', { ...time, ...ownFacts }, maxFactPages)) {
        if (wanted !== this.#wanted) return;
        store.dispatch({ type: 'facts', items: page.items });
        isCut = page.next !== undefined;
      }
      store.dispatch({ type: 'facts read', isCut });
    } catch (error) {
      store.dispatch({ type: 'failed', what: 'facts', failure: failureOf(error) });
    }
  }

  async silences(): Promise<void> {
    const { store, api } = this.#options;
    try {
      store.dispatch({ type: 'silences', items: await api.get<readonly Silence[]>('api/v2/silences') });
    } catch (error) {
      store.dispatch({ type: 'failed', what: 'silences', failure: failureOf(error) });
    }
  }

  async payloads(): Promise<void> {
    const { store, api } = this.#options;
    try {
      const { items } = await api.get<Page<Payload>>(`${ownApi}/payloads`);
      store.dispatch({ type: 'payloads', items });
    } catch (error) {
      store.dispatch({ type: 'failed', what: 'payloads', failure: failureOf(error) });
    }
  }

  /** A Tocsin without this list has no problems to tell. */
  async problems(): Promise<void> {
    const { store, api } = this.#options;
    try {
      const { items } = await api.get<Page<Problem>>(`${ownApi}/problems`);
      store.dispatch({ type: 'problems', items });
    } catch {
      store.dispatch({ type: 'problems', items: [] });
    }
  }

  /** Asks which alerts and facts match; Tocsin decides, so that a matcher means the same everywhere. */
  async matching({ alert: matcher, range }: Pick<Link, 'alert' | 'range'>): Promise<void> {
    const { store, link, now } = this.#options;
    if (matcher === '') return store.dispatch({ type: 'matching', matching: undefined });
    const found = { matcher, alerts: new Set<string>(), facts: new Set<number>(), isCut: false };
    const take = (matching: Matching): void => {
      if (link().alert === matcher) store.dispatch({ type: 'matching', matching });
    };
    try {
      for await (const { items, next } of this.#pages<Alert>('alerts', { filter: matcher }, maxAlertPages)) {
        for (const { fingerprint } of items) if (fingerprint !== undefined) found.alerts.add(fingerprint);
        found.isCut = next !== undefined;
      }
      const about = { filter: matcher, ...timeOf(range, now()) };
      let isCut = false;
      for await (const { items, next } of this.#pages<Fact>('history', about, maxMatchingPages)) {
        for (const { id } of items) found.facts.add(id);
        isCut = next !== undefined;
      }
      take({ ...found, isCut: found.isCut || isCut });
    } catch (error) {
      take({ ...found, failure: failureOf(error) });
    }
  }

  async *#pages<Item>(list: string, query: Readonly<Record<string, string>>, most: number): AsyncGenerator<Page<Item>> {
    let cursor: string | undefined;
    for (let read = 0; read < most; read++) {
      const path = pathOf(`${ownApi}/${list}`, { ...query, limit: pageSize, cursor });
      const page = await this.#options.api.get<Page<Item>>(path);
      yield page;
      cursor = page.next;
      if (cursor === undefined) return;
    }
  }
}

/** A range as the parameters of a question; up to now, it has no end. */
function timeOf(range: Range, now: number): { readonly since: string; readonly until?: string } {
  const { from, to } = boundsOf(range, now);
  const since = new Date(from).toISOString();
  return 'to' in range ? { since, until: new Date(to).toISOString() } : { since };
}
