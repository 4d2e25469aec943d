import type { Fact } from '../history/fact.ts';
import type { History } from '../history/history.ts';
import type { Matcher } from '../matcher/matcher.ts';
import type { Clock } from '../runtime/clock.ts';
import { Refusal } from '../server/request/answer.ts';
import type { AlertReader } from './alert-reader.ts';
import type { PipelineReader } from './pipeline-reader.ts';
import {
  factFilters,
  mostOfReplica,
  pages,
  pipelineName,
  Question,
  type KeyPage,
  type WantedFacts,
} from './questions.ts';
import type { Page, RunReader } from './run-reader.ts';
import type { Alert, Effect, Pipeline, PipelineName, Run } from './schema.ts';
import type { TeamView } from './team-view.ts';
import type { VisibleFacts } from './visible-facts.ts';

export interface OwnAnswersOptions {
  readonly clock: Clock;
  readonly history: History;
  readonly runs: RunReader;
  readonly alerts: AlertReader;
  readonly pipelines: PipelineReader;
}

/** Part of a list. */
export interface Items<T> {
  readonly items: readonly T[];
  /** Where the next page starts; undefined if this is the last. */
  readonly next?: string | undefined;
}

/** The effects of an alert, and the alert, if it is known. */
export interface Effects extends Items<Effect> {
  readonly alert?: Alert | undefined;
}

/** What this replica itself knows: what it received, what it ran. */
export class OwnAnswers {
  readonly #options: OwnAnswersOptions;

  constructor(options: OwnAnswersOptions) {
    this.#options = options;
  }

  /** The answer for another replica, which sees to the rights of who asks it. Throws Refusal. @param question a path with its query */
  async answer(question: string): Promise<Items<object> & { readonly alert?: Alert | undefined }> {
    const now = this.#options.clock.now();
    const [path, ...names] = partsOf(question);
    const [first = '', second = '', third] = names;
    if (path === 'history') {
      const asked = new Question(question, [...factFilters, ...pages], mostOfReplica);
      return this.facts(asked.wanted, asked.page(now));
    }
    if (path === 'alerts' && first !== '')
      return this.effects(first, new Question(question, pages, mostOfReplica).page(now));
    if (path === 'alerts') {
      const asked = new Question(question, ['filter', 'limit', 'cursor']);
      return this.alerts(asked.matchers, asked.keyPage);
    }
    if (path === 'pipelines' && second !== '') {
      const pipeline =
        third === undefined ? pipelineName(first, undefined, second) : pipelineName(first, second, third);
      return this.runs(pipeline, new Question(question, pages, mostOfReplica).page(now));
    }
    if (path === 'pipelines') return this.pipelines(new Question(question, ['limit', 'cursor']).keyPage);
    throw new Refusal(404, 'replicas do not ask each other this');
  }

  /** @param view what the reader may see; default: all */
  pipelines({ limit, after }: KeyPage, view?: TeamView): Promise<Items<Pipeline>> {
    return this.#options.pipelines.list(limit, after, view);
  }

  /** The runs of a pipeline, the newest first. */
  async runs(pipeline: PipelineName, page: Page): Promise<Items<Run>> {
    const { items, next } = await this.#options.runs.runsOf(pipeline, page);
    return { items, ...(next !== undefined && { next: String(next) }) };
  }

  /** The alerts in the order of their fingerprints. @param seen what the reader may see; default: all */
  async alerts(matchers: readonly Matcher[], { limit, after }: KeyPage, seen?: VisibleFacts): Promise<Items<Alert>> {
    const found = await this.#options.alerts.matching(matchers, seen);
    const rest = found.filter(({ fingerprint = '' }) => fingerprint > after);
    const items = rest.slice(0, limit);
    return { items, ...(rest.length > limit && { next: items.at(-1)!.fingerprint }) };
  }

  /** What an alert did, the newest first. @param seen what the reader may see; default: all */
  async effects(fingerprint: string, page: Page, seen?: VisibleFacts): Promise<Effects> {
    const { alert, effects, next } = await this.#options.alerts.explain(fingerprint, page, seen);
    return { alert, items: effects, next };
  }

  /** Lines of the log, the newest first. @param seen what the reader may see; default: all */
  async facts(
    { needles, isWanted }: WantedFacts,
    { limit, before, since, until }: Page,
    seen?: VisibleFacts,
  ): Promise<Items<Fact>> {
    const items: Fact[] = [];
    for await (const fact of this.#options.history.newestFirst({ needles, before })) {
      const time = Date.parse(fact.time);
      if (since !== undefined && time < since) break;
      if ((until !== undefined && time >= until) || !isWanted(fact)) continue;
      if (seen !== undefined && !(await seen.shows(fact))) continue;
      if (items.length === limit) return { items, next: String(items.at(-1)!.id) };
      items.push(fact);
    }
    return { items };
  }
}

function partsOf(question: string): readonly string[] {
  try {
    return question.replace(/\?.*/s, '').split('/').slice(1).map(decodeURIComponent);
  } catch {
    throw new Refusal(400, 'the question is no path');
  }
}
