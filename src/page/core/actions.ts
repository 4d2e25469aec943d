import { equalMatcher } from '../../explain/words.ts';
import type { Alert, Effect, ExplainedAlert, Fact, PipelineName } from '../../explain/schema.ts';
import type { ReconcileAnswer } from '../../explain/schema-requests.ts';
import { failureOf, ownApi, pathOf, type Api } from './api-port.ts';
import { tellEffect } from './alert-story.ts';
import { tellFact, type Tone } from './fact-sentence.ts';
import { counted, silencePart, type Sentence } from './parts.ts';
import { silenceBody, type SilenceDraft } from './silence-draft.ts';
import type { Silence } from './state.ts';
import { span } from './times.ts';

/** A line of what an action did, as it happens. */
export interface Step {
  readonly sentence: Sentence;
  readonly tone: Tone;
}

/** What an action needs of its surroundings. */
export interface ActionTools {
  readonly api: Api;
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
  readonly newId: () => string;
}

/** How long an action waits for what it has started, and between two looks; milliseconds. */
const patienceMs = 30_000;
const lookMs = 300;

async function waitFor<Found>(tools: ActionTools, look: () => Promise<Found | undefined>): Promise<Found | undefined> {
  const until = tools.now() + patienceMs;
  for (;;) {
    const found = await look();
    if (found !== undefined || tools.now() >= until) return found;
    await tools.pause(lookMs);
  }
}

/** An action never throws: what went wrong is its last step. */
async function* told(action: () => AsyncGenerator<Step>): AsyncGenerator<Step> {
  try {
    yield* action();
  } catch (error) {
    yield { sentence: [failureOf(error).message], tone: 'bad' };
  }
}

/** Has pipelines looked at now, and waits for the result. @param pipelines undefined: all */
export function reconcileNow(tools: ActionTools, pipelines: readonly PipelineName[] | undefined): AsyncGenerator<Step> {
  return told(async function* () {
    const wanted = pipelines === undefined ? { all: true } : { pipelines };
    const answer = await tools.api.send<ReconcileAnswer>('POST', `${ownApi}/reconcile`, wanted);
    const { event_id: id } = answer;
    if (answer.pipelines.length === 0) {
      yield { sentence: ['There is no such pipeline any more, so nothing was done.'], tone: 'warn' };
      return;
    }
    const many = counted(answer.pipelines.length, 'pipeline');
    yield { sentence: [`Asked for ${many}; waiting for the result…`], tone: 'plain' };
    const end = await waitFor(tools, () => endOf(tools.api, id));
    if (end === undefined) {
      const event: Sentence = [{ text: 'event', opens: { of: 'event', id } }];
      yield { sentence: ['No result after ', span(patienceMs), ': it goes on. See the ', ...event, '.'], tone: 'warn' };
    } else yield { sentence: [...tellFact(end).sentence, '.'], tone: end['failed'] === 0 ? 'good' : 'bad' };
  });
}

/** The line that says that everything that an event woke is done. */
async function endOf(api: Api, event: string): Promise<Fact | undefined> {
  const query = { event: 'sweep.finished', event_id: event, limit: 1 };
  return (await api.get<{ readonly items: readonly Fact[] }>(pathOf(`${ownApi}/history`, query))).items[0];
}

export function createSilence(tools: ActionTools, draft: SilenceDraft): AsyncGenerator<Step> {
  return told(async function* () {
    const body = silenceBody(draft, tools.now());
    const { silenceID: id } = await tools.api.send<{ readonly silenceID: string }>('POST', 'api/v2/silences', body);
    yield { sentence: ['The ', silencePart(id), ` holds now, and ends in ${span(draft.lastsMs)}.`], tone: 'good' };
  });
}

export function endSilence(tools: ActionTools, { id }: Pick<Silence, 'id'>): AsyncGenerator<Step> {
  return told(async function* () {
    await tools.api.send('DELETE', `api/v2/silence/${encodeURIComponent(id)}`);
    yield { sentence: ['The silence has ended. Alerts that it held back wake their pipelines now.'], tone: 'good' };
  });
}

/** How long the test alert fires, milliseconds. */
const testLastsMs = 300_000;

/** Sends a marked alert through the real way, and tells each hop, until one fails. */
export function sendTestAlert(tools: ActionTools, more: Readonly<Record<string, string>>): AsyncGenerator<Step> {
  return told(async function* () {
    const [sentAt, id] = [tools.now(), tools.newId()];
    const labels = { alertname: 'TocsinTest', tocsin_test: id, ...more };
    const [startsAt, endsAt] = [new Date(sentAt).toISOString(), new Date(sentAt + testLastsMs).toISOString()];
    const alert = { labels, annotations: { summary: 'A test from the incident page' }, startsAt, endsAt };
    const request = `tocsin-test-${id}`;
    await tools.api.send('POST', 'api/v2/alerts', [alert], { 'X-Request-Id': request });
    yield {
      sentence: ['Sent: ', { code: `${labels.alertname} tocsin_test="${id}"` }, ', which ends in 5 min.'],
      tone: 'good',
    };
    const effect = await waitFor(tools, () => effectOf(tools.api, labels, request));
    if (effect === undefined) {
      yield { sentence: ['Tocsin took it, but its history has no trace of it: see the log.'], tone: 'bad' };
      return;
    }
    yield* tellTestEffect(tools, effect);
  });
}

async function* tellTestEffect(tools: ActionTools, effect: Effect): AsyncGenerator<Step> {
  const { event_id: event, verdict } = effect;
  const silences = effect.silences === undefined ? [] : await tools.api.get<readonly Silence[]>('api/v2/silences');
  const { sentence, silences: holding, remedy, tone } = tellEffect(effect, silences);
  if ((verdict !== 'woke' && verdict !== 'merged') || event === undefined) {
    const lines = [sentence, ...holding, [remedy === undefined ? 'It stops here' : `What helps: ${remedy}`]];
    for (const line of lines) yield { sentence: [...line, '.'], tone };
    return;
  }
  yield {
    sentence: [
      'Received at ',
      { time: effect.at },
      ', and made into an ',
      { text: 'event', opens: { of: 'event', id: event } },
      '.',
    ],
    tone: 'good',
  };
  const end = await waitFor(tools, () => endOf(tools.api, event));
  if (end === undefined) yield { sentence: ['Its runs have not ended after ', span(patienceMs), '.'], tone: 'bad' };
  else
    yield { sentence: [...tellFact(end).sentence, '. The way is open.'], tone: end['failed'] === 0 ? 'good' : 'bad' };
}

/** What the history says of the request; undefined while its event is not known yet. */
async function effectOf(
  api: Api,
  labels: Readonly<Record<string, string>>,
  request: string,
): Promise<Effect | undefined> {
  const filter = Object.entries(labels).map(([name, value]) => equalMatcher(name, value));
  const { items } = await api.get<{ readonly items: readonly Alert[] }>(pathOf(`${ownApi}/alerts`, { filter }));
  const fingerprint = items[0]?.fingerprint;
  if (fingerprint === undefined) return undefined;
  const { effects } = await api.get<ExplainedAlert>(pathOf(`${ownApi}/alerts/${fingerprint}`, { limit: 10 }));
  const found = effects.find((effect) => effect.request_id === request);
  return found?.verdict === 'woke' && found.event_id === undefined ? undefined : found;
}
