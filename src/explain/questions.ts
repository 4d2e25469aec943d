import { parseDuration } from '../config/settings/duration.ts';
import type { Fact } from '../history/fact.ts';
import type { Matcher } from '../matcher/matcher.ts';
import { MatcherError } from '../matcher/anchored-regexp.ts';
import { parseMatcher } from '../matcher/parse-matcher.ts';
import { Refusal } from '../server/request/answer.ts';
import { parseDateTime } from '../text/go/date-time.ts';
import { Query } from '../text/go/url.ts';
import { labelSetsOf, textsOf } from './fact-fields.ts';
import { isAbout, type Page } from './run-reader.ts';
import type { PipelineName } from './schema.ts';
import type { VisibleFacts } from './visible-facts.ts';

const defaultLimit = 100;
const maxLimit = 1000;

/** The most items of one millisecond behind which a page of several replicas can begin. Two replicas do not log a thousand lines in one. */
export const mostSkipped = 10_000;

/** The last time that a Date can have, milliseconds. */
const endOfTime = 8.64e15;

/** The most items that one replica asks another one for. */
export const mostOfReplica = maxLimit + mostSkipped;

/** The most matchers of one question, and the longest matcher, characters. */
const maxMatchers = 20;
const maxMatcherCharacters = 1024;

/** The parameters of the lists that have them. */
export const factFilters = ['filter', 'pipeline', 'request_id', 'event_id', 'event'];
export const pages = ['since', 'until', 'limit', 'cursor'];

/** A part of a list in the order of its keys. */
export interface KeyPage {
  readonly limit: number;
  /** The last key of the page before; `''` for the first page. */
  readonly after: string;
}

/** The parameters of a request. A wrong parameter is a Refusal, with the value found and the values allowed. */
export class Question {
  readonly #query: Query;
  readonly #given: URLSearchParams;
  readonly #maxLimit: number;

  /** @param names the parameters of the call @param most items of a page */
  constructor(url: string, names: readonly string[], most = maxLimit) {
    this.#query = new Query(url);
    this.#maxLimit = most;
    this.#given = new URLSearchParams(url.slice(url.indexOf('?') + 1 || url.length));
    const unknown = [...this.#given.keys()].find((name) => !names.includes(name));
    if (unknown === undefined) return;
    const allowed = names.length === 0 ? 'none' : names.join(', ');
    throw refused(`unknown parameter ${JSON.stringify(unknown.slice(0, 60))}, allowed: ${allowed}`);
  }

  /** For a call without parameters. */
  static none(url: string): void {
    void new Question(url, []);
  }

  /** A copy. */
  get query(): URLSearchParams {
    return new URLSearchParams(this.#given);
  }

  text(name: string): string | undefined {
    return this.#query.last(name);
  }

  get limit(): number {
    const text = this.text('limit');
    if (text === undefined) return defaultLimit;
    const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    if (limit >= 1 && limit <= this.#maxLimit) return limit;
    throw refused(`limit is ${JSON.stringify(text.slice(0, 60))}, allowed: a whole number from 1 to ${this.#maxLimit}`);
  }

  /** @param now milliseconds, for relative times */
  page(now: number): Page {
    return { limit: this.limit, ...this.#cursor, since: this.#time('since', now), until: this.#time('until', now) };
  }

  /** Of a list in the order of its keys. */
  get keyPage(): KeyPage {
    return { limit: this.limit, after: this.text('cursor') ?? '' };
  }

  /** The id of a fact of this replica, or a time and how many items of that time were shown, those of all replicas together. */
  get #cursor(): Pick<Page, 'before' | 'after'> {
    const text = this.text('cursor');
    if (text === undefined) return {};
    const [, at, skip] = /^(\d{1,16})(?:-(\d{1,5}))?$/.exec(text) ?? [];
    const isOutside = skip !== undefined && (Number(skip) > mostSkipped || Number(at) >= endOfTime);
    if (at === undefined || isOutside)
      throw refused(`cursor is ${JSON.stringify(text.slice(0, 60))}, allowed: what "next" of the page before was`);
    return skip === undefined ? { before: Number(at) } : { after: { at: Number(at), skip: Number(skip) } };
  }

  #time(name: string, now: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const ago = parseDuration(text);
    const time = ago === undefined ? parseDateTime(text) : now - ago;
    if (time !== undefined) return time;
    const allowed = 'a time such as 2026-11-30T09:00:00Z, or so long ago, such as 90m';
    throw refused(`${name} is ${JSON.stringify(text.slice(0, 60))}, allowed: ${allowed}`);
  }

  /** Whether all replicas are asked, or this one alone. */
  get isForAll(): boolean {
    const text = this.text('replicas') ?? 'all';
    if (text === 'all' || text === 'this') return text === 'all';
    throw refused(`replicas is ${JSON.stringify(text.slice(0, 60))}, allowed: all, this`);
  }

  get matchers(): readonly Matcher[] {
    const texts = this.#query.all('filter');
    if (texts.length > maxMatchers) throw refused(`filter is given ${texts.length} times, allowed: ${maxMatchers}`);
    return texts.map((text) => {
      if (text.length > maxMatcherCharacters)
        throw refused(`a filter is longer than ${maxMatcherCharacters} characters`);
      try {
        return parseMatcher(text);
      } catch (error) {
        throw error instanceof MatcherError ? refused(`filter ${JSON.stringify(text)}: ${error.message}`) : error;
      }
    });
  }

  /** The selection of `/history` and `/live`: a fast check of the text of a line, and an exact one of the fact. */
  get wanted(): WantedFacts {
    const { matchers } = this;
    const [event, requestId, eventId] = [this.text('event'), this.text('request_id'), this.text('event_id')];
    const pipeline = readPipeline(this.text('pipeline'));
    const needles = [
      ...(event === undefined ? [] : [`"event":${JSON.stringify(event)}`]),
      ...[requestId, eventId].filter((id) => id !== undefined).map((id) => JSON.stringify(id)),
      ...(pipeline === undefined ? [] : [`"name":${JSON.stringify(pipeline.name)}`]),
    ];
    const isWanted = (fact: Fact): boolean =>
      (event === undefined || fact.event === event) &&
      (requestId === undefined || hasId(fact, 'request_id', requestId)) &&
      (eventId === undefined || hasId(fact, 'event_id', eventId)) &&
      (pipeline === undefined || isAbout(fact, pipeline)) &&
      (matchers.length === 0 ||
        labelSetsOf(fact).some((labels) => matchers.every((matcher) => matcher.matches(labels))));
    return { needles, isWanted };
  }
}

export interface WantedFacts {
  readonly needles: readonly string[];
  readonly isWanted: (fact: Fact) => boolean;
  /** What the reader may see, asked anew for each fact; undefined: all. */
  readonly seen?: VisibleFacts | undefined;
}

/** `Kind/name` or `Kind/namespace/name`; the kind may have its group, behind a point. */
export function readPipeline(text: string | undefined): PipelineName | undefined {
  if (text === undefined) return undefined;
  const [kind, ...names] = text.split('/');
  const [name, namespace] = names.toReversed();
  if (!kind || !name || names.length > 2)
    throw refused(`pipeline is ${JSON.stringify(text.slice(0, 60))}, allowed: Kind/name or Kind/namespace/name`);
  return pipelineName(kind, namespace, name);
}

export function pipelineName(kindAndGroup: string, namespace: string | undefined, name: string): PipelineName {
  const [kind, ...group] = kindAndGroup.split('.') as [string, ...string[]];
  return {
    kind,
    ...(group.length > 0 && { group: group.join('.') }),
    ...(namespace !== undefined && { namespace }),
    // No name in Kubernetes has capital letters; the text of the facts is searched for it.
    name: name.toLowerCase(),
  };
}

function hasId(fact: Fact, name: 'request_id' | 'event_id', id: string): boolean {
  const others = name === 'event_id' ? [fact['causes_id'], fact['merged_into']] : [];
  return [fact[name], ...others, ...textsOf(fact[`${name}s`])].includes(id);
}

function refused(message: string): Refusal {
  return new Refusal(400, message);
}

/** The JSON of a body. Throws Refusal. */
export function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch (error) {
    throw new Refusal(400, `the body is no JSON: ${(error as Error).message}`);
  }
}
