import { pipelineKey } from '../history/look-filter.ts';
import type { Items, OwnAnswers } from './own-answers.ts';
import { pages, type KeyPage, type Question } from './questions.ts';
import {
  mergeAlerts,
  mergeNewest,
  mergePipelines,
  newestAlert,
  withoutVain,
  type AskedReplicas,
  type MergedItems,
  type NewestFirst,
  type ReplicaAnswers,
} from './replica-answers.ts';
import type { Page } from './run-reader.ts';
import type { Alert, Effect, ExplainedAlert, Fact, Pipeline, PipelineName, Run } from './schema.ts';
import type { TeamView } from './team-view.ts';
import type { VisibleFacts } from './visible-facts.ts';

/** A question as it was asked, for the other replicas to be asked the same. */
export interface Asked {
  readonly question: Question;
  /** The path below that of the API. */
  readonly path: string;
}

/**
 * What all replicas know. A team is answered by the replica that it asks, which knows its rights; runs apart, of which every replica
 * tells all, and the one that is asked shows a team its own.
 */
export class AllAnswers {
  readonly #own: OwnAnswers;
  readonly #others: AskedReplicas | undefined;

  /** @param others default: there are none */
  constructor(own: OwnAnswers, others?: AskedReplicas) {
    this.#own = own;
    this.#others = others;
  }

  async pipelines(asked: Asked, page: KeyPage, view?: TeamView): Promise<MergedItems<Pipeline>> {
    const own = await this.#own.pipelines(page, view);
    const found = await this.#ask(asked, view);
    return found === undefined ? own : mergePipelines(own, found, this.#others!.me, pipelineKey);
  }

  async runs(asked: Asked, pipeline: PipelineName, page: Page): Promise<MergedItems<Run>> {
    const own = (part: Page): Promise<Items<Run>> => this.#own.runs(pipeline, part);
    return (await this.#newest<Run>(asked, { own, timeOf: ({ at }) => at }, page)).merged;
  }

  async alerts(asked: Asked, page: KeyPage, seen?: VisibleFacts): Promise<MergedItems<Alert>> {
    const own = await this.#own.alerts(asked.question.matchers, page, seen);
    const found = await this.#ask(asked, seen);
    return found === undefined ? own : mergeAlerts(own, found, page.limit);
  }

  async effects(asked: Asked, fingerprint: string, page: Page, seen?: VisibleFacts): Promise<ExplainedAlert> {
    const own = (part: Page): ReturnType<OwnAnswers['effects']> => this.#own.effects(fingerprint, part, seen);
    const found = await this.#newest<Effect>(asked, { own, timeOf: ({ at }) => at }, page, seen);
    const { items, missing_replicas: missing, next } = withoutVain(found.merged);
    const alert = newestAlert([found.own.alert, ...found.answers.map(({ head }) => head['alert'] as Alert)]);
    return {
      ...(alert !== undefined && { alert }),
      effects: [...items],
      ...(next !== undefined && { next }),
      ...(missing !== undefined && { missing_replicas: [...missing] }),
    };
  }

  async facts(asked: Asked, page: Page, seen?: VisibleFacts): Promise<MergedItems<Fact>> {
    const { wanted, isForAll } = asked.question;
    const own = (part: Page): Promise<Items<Fact>> => this.#own.facts(wanted, part, seen);
    if (!isForAll) return own(page);
    return (await this.#newest<Fact>(asked, { own, timeOf: ({ time }) => time }, page, seen)).merged;
  }

  /** Undefined if there are no others, or a team asks. */
  async #ask(
    { question, path }: Asked,
    limited: TeamView | VisibleFacts | undefined,
  ): Promise<ReplicaAnswers | undefined> {
    return limited === undefined ? this.#others?.ask(`${path}?${question.query.toString()}`) : undefined;
  }

  #newest<T extends object>(
    { question, path }: Asked,
    list: Pick<NewestFirst<T>, 'own' | 'timeOf'>,
    page: Page,
    seen?: VisibleFacts,
  ): ReturnType<typeof mergeNewest<T>> {
    const { query } = question;
    for (const name of [...pages, 'replicas']) query.delete(name);
    return mergeNewest(seen === undefined ? this.#others : undefined, { ...list, path, question: query }, page);
  }
}
