import type { Problem } from '../../explain/schema-status.ts';
import type { Payload } from '../../explain/schema-requests.ts';
import type { Alert, Fact, Pipeline } from '../../explain/schema.ts';
import { addFacts, isAboutAlert, maxFacts, pipelineKeyOf, slimFact, textField, type Facts } from './facts.ts';

/** All that the page knows of Tocsin. It changes by {@link reduce} alone. */
export interface State {
  readonly pipelines: Known<readonly Pipeline[]>;
  /** By pipeline: what facts said since the list was asked for. */
  readonly news: ReadonlyMap<string, PipelineNews>;
  readonly alerts: Known<ReadonlyMap<string, Alert>>;
  readonly alertNews: ReadonlyMap<string, AlertNews>;
  /** The newest facts of all kinds. */
  readonly facts: Known<Facts>;
  /** Changes of conditions. They are few, so that older ones are kept too. */
  readonly changes: Facts;
  /** When alerts came and went. */
  readonly comings: Facts;
  /** Facts after it are not kept, as the page looks at a time that is over; milliseconds since the epoch. */
  readonly until: number | undefined;
  readonly silences: Known<readonly Silence[]>;
  readonly payloads: Known<readonly Payload[]>;
  readonly problems: readonly Problem[];
  readonly matching: Matching | undefined;
  readonly connection: Connection;
  /** When Tocsin said that it has forgotten facts before the page read them. */
  readonly gap: number | undefined;
}

/** Something that is asked for, and what came of it last. */
export interface Known<Value> {
  readonly value: Value;
  readonly isReady: boolean;
  /** Why it could not be read, or not wholly; what was read before stays. */
  readonly failure?: Failure | undefined;
  /** True if there is more than the page keeps. */
  readonly isCut?: boolean | undefined;
  /** The newest fact that was known when it was asked for. */
  readonly asOf: number;
}

export interface Failure {
  /** The status of the answer; undefined if there was none. */
  readonly status?: number | undefined;
  readonly message: string;
}

/** Alertmanager's silence. */
export interface Silence {
  readonly id: string;
  readonly status: { readonly state: 'active' | 'pending' | 'expired' };
  readonly matchers: readonly SilenceMatcher[];
  readonly startsAt: string;
  readonly endsAt: string;
  readonly createdBy: string;
  readonly comment: string;
}

export interface SilenceMatcher {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual?: boolean;
}

/** What matches the filter of alerts, as Tocsin says. */
export interface Matching {
  readonly matcher: string;
  readonly alerts: ReadonlySet<string>;
  readonly facts: ReadonlySet<number>;
  /** True if more match than were read. */
  readonly isCut: boolean;
  readonly failure?: Failure | undefined;
}

export interface Connection {
  readonly state: 'connecting' | 'live' | 'lost';
  readonly since: number;
  readonly why?: string | undefined;
}

/** The newest fact of each sort about a pipeline. */
export interface PipelineNews {
  readonly changed?: Fact;
  /** The newest after which the status, and not the reason alone, was another. */
  readonly turned?: Fact;
  readonly ended?: Fact;
}

export interface AlertNews {
  readonly fact: Fact;
}

type Answered = 'pipelines' | 'alerts' | 'facts' | 'silences' | 'payloads';

export type Action =
  | { readonly type: 'pipelines'; readonly items: readonly Pipeline[]; readonly isCut: boolean; readonly asOf: number }
  | { readonly type: 'alerts'; readonly items: readonly Alert[]; readonly isCut: boolean; readonly asOf: number }
  | { readonly type: 'silences'; readonly items: readonly Silence[] }
  | { readonly type: 'payloads'; readonly items: readonly Payload[] }
  | { readonly type: 'problems'; readonly items: readonly Problem[] }
  | { readonly type: 'facts'; readonly items: readonly Fact[] }
  | { readonly type: 'facts read'; readonly isCut: boolean }
  /** The facts that are kept are forgotten. @param until facts after it are not kept: the page looks at a time that is over */
  | { readonly type: 'facts of'; readonly until: number | undefined }
  | { readonly type: 'matching'; readonly matching: Matching | undefined }
  | { readonly type: 'failed'; readonly what: Answered; readonly failure: Failure }
  | { readonly type: 'connection'; readonly connection: Connection }
  | { readonly type: 'gap'; readonly at: number }
  | { readonly type: 'gap seen' };

function unread<Value>(value: Value): Known<Value> {
  return { value, isReady: false, asOf: 0 };
}

export function emptyState(now: number): State {
  return {
    pipelines: unread([]),
    news: new Map(),
    alerts: unread(new Map()),
    alertNews: new Map(),
    facts: unread([]),
    changes: [],
    comings: [],
    until: undefined,
    silences: unread([]),
    payloads: unread([]),
    problems: [],
    matching: undefined,
    connection: { state: 'connecting', since: now },
    gap: undefined,
  };
}

/** Pure. The order in which facts and answers come makes no difference once all of them are there. */
export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case 'pipelines': {
      const pipelines = { value: action.items, isReady: true, isCut: action.isCut, asOf: action.asOf };
      return { ...state, pipelines, news: newerNews(state.news, action.asOf) };
    }
    case 'alerts': {
      const value = new Map(action.items.map((alert) => [alert.fingerprint ?? '', alert]));
      const alerts = { value, isReady: true, isCut: action.isCut, asOf: action.asOf };
      const alertNews = new Map([...state.alertNews].filter(([, { fact }]) => fact.id > action.asOf));
      return { ...state, alerts, alertNews };
    }
    case 'silences':
    case 'payloads':
      return { ...state, [action.type]: { value: action.items, isReady: true, asOf: 0 } };
    case 'facts':
      return withFacts(state, action.items);
    case 'facts read': {
      const { value } = state.facts;
      return { ...state, facts: { value, isReady: true, isCut: action.isCut || isFull(value), asOf: 0 } };
    }
    case 'facts of':
      return { ...state, facts: unread([]), changes: [], comings: [], until: action.until };
    case 'failed':
      return { ...state, [action.what]: { ...state[action.what], failure: action.failure } };
    default:
      return reduceRest(state, action);
  }
}

type Rest = Extract<Action, { type: 'problems' | 'matching' | 'connection' | 'gap' | 'gap seen' }>;

function reduceRest(state: State, action: Rest): State {
  switch (action.type) {
    case 'problems':
      return { ...state, problems: action.items };
    case 'matching':
      return { ...state, matching: action.matching };
    case 'connection':
      return { ...state, connection: action.connection };
    case 'gap':
      return { ...state, gap: action.at };
    case 'gap seen':
      return { ...state, gap: undefined };
  }
}

/** Of use to the program alone, or told better by another fact. */
export const passedOver = new Set(['causes.named', 'condition.unchanged', 'reconcile.started']);

const maxChanges = 2000;

function withFacts(state: State, items: readonly Fact[]): State {
  const facts = items.filter(({ event }) => !passedOver.has(event)).map(slimFact);
  const news = new Map(state.news);
  const alertNews = new Map(state.alertNews);
  for (const fact of facts) {
    if (fact.id > state.pipelines.asOf) addNews(news, fact);
    if (fact.id > state.alerts.asOf) addAlertNews(alertNews, fact);
  }
  const { until } = state;
  const kept = until === undefined ? facts : facts.filter(({ time }) => Date.parse(time) <= until);
  const value = addFacts(state.facts.value, kept);
  return {
    ...state,
    facts: { ...state.facts, value, ...(isFull(value) && { isCut: true }) },
    changes: addFacts(state.changes, kept.filter(isChange), maxChanges),
    comings: addFacts(state.comings, kept.filter(isAboutAlert)),
    news,
    alertNews,
  };
}

/** True if older facts may have been left out. */
function isFull(facts: Facts): boolean {
  return facts.length === maxFacts;
}

export function isChange({ event }: Fact): boolean {
  return event === 'condition.changed' || event === 'condition.observed';
}

function addNews(news: Map<string, PipelineNews>, fact: Fact): void {
  const key = pipelineKeyOf(fact);
  if (key === undefined) return;
  const old = news.get(key) ?? {};
  if (fact.event === 'condition.changed') {
    const changed = later(old.changed, fact);
    const turned = fact['from'] === fact['to'] ? old.turned : later(old.turned, fact);
    news.set(key, { ...old, changed, ...(turned !== undefined && { turned }) });
  } else if (fact.event === 'reconcile.finished' || fact.event === 'reconcile.failed')
    news.set(key, { ...old, ended: later(old.ended, fact) });
}

function later(one: Fact | undefined, other: Fact): Fact {
  return one !== undefined && one.id > other.id ? one : other;
}

function newerNews(news: State['news'], asOf: number): State['news'] {
  const isNewer = (fact: Fact | undefined): fact is Fact => fact !== undefined && fact.id > asOf;
  const entries = [...news].map(([key, { changed, turned, ended }]): [string, PipelineNews] => [
    key,
    {
      ...(isNewer(changed) && { changed }),
      ...(isNewer(turned) && { turned }),
      ...(isNewer(ended) && { ended }),
    },
  ]);
  return new Map(entries.filter(([, each]) => Object.keys(each).length > 0));
}

function addAlertNews(news: Map<string, AlertNews>, fact: Fact): void {
  const fingerprint = textField(fact, 'fingerprint');
  if (fingerprint === undefined || !isAboutAlert(fact)) return;
  news.set(fingerprint, { fact: later(news.get(fingerprint)?.fact, fact) });
}
